import forge from "node-forge";

export const types = ["rsa3072"];

export async function make() {
  const keys = await new Promise((resolve, reject) =>
    forge.pki.rsa.generateKeyPair({ bits: 3072 }, (error, pair) => (error ? reject(error) : resolve(pair))));
  const request = forge.pki.createCertificationRequest();
  request.publicKey = keys.publicKey;
  request.setSubject([{ name: "commonName", value: "alice" }, { name: "organizationName", value: "dev" }, { name: "organizationName", value: "ops" }]);
  request.sign(keys.privateKey, forge.md.sha256.create());
  return forge.pki.certificationRequestToPem(request);
}
