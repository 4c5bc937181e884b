import "reflect-metadata";

import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";

export const types = ["p256", "rsa3072"];

const ALGORITHMS = {
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  rsa3072: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) },
};

export async function make(type) {
  const keys = await crypto.subtle.generateKey(ALGORITHMS[type], true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=alice, O=dev, O=ops", keys, signingAlgorithm: ALGORITHMS[type],
  });
  return request.toString("pem");
}
