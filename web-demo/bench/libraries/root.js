import CSR from "@root/csr";
import Keypairs from "@root/keypairs";

export const types = ["p256", "rsa3072"];

export async function make(type) {
  const options = type === "p256" ? { kty: "EC", namedCurve: "P-256" } : { kty: "RSA", modulusLength: 3072 };
  const { private: jwk } = await Keypairs.generate(options);
  return CSR.csr({ jwk, domains: ["alice.example"], encoding: "pem" });
}
