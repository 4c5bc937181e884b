import { Utf8String } from "asn1js";
import { AttributeTypeAndValue, CertificationRequest, CryptoEngine, setEngine } from "pkijs";

export const types = ["p256", "rsa3072"];
setEngine("browser", new CryptoEngine({ name: "browser", crypto: globalThis.crypto }));

const ALGORITHMS = {
  p256: { name: "ECDSA", namedCurve: "P-256" },
  rsa3072: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) },
};

export async function make(type) {
  const keys = await crypto.subtle.generateKey(ALGORITHMS[type], true, ["sign", "verify"]);
  const request = new CertificationRequest();
  for (const [oid, value] of [["2.5.4.3", "alice"], ["2.5.4.10", "dev"], ["2.5.4.10", "ops"]]) {
    request.subject.typesAndValues.push(new AttributeTypeAndValue({ type: oid, value: new Utf8String({ value }) }));
  }
  await request.subjectPublicKeyInfo.importKey(keys.publicKey);
  await request.sign(keys.privateKey, "SHA-256");
  return btoa(String.fromCharCode(...new Uint8Array(request.toSchema().toBER(false))));
}
