import * as glue from "../../../wasm/pkg/usercert_wasm_bg.js";
import wasm from "../../../wasm/pkg/usercert_wasm_bg.wasm";
import * as usercert from "../../../wasm/pkg/usercert.js";

export const types = ["p256", "rsa3072"];

export async function ready() {
  const { instance } = await WebAssembly.instantiate(wasm, { "./usercert_wasm_bg.js": glue });
  usercert.attach(instance);
}

export async function make(type) {
  const key = await usercert.Key.generate(type);
  return usercert.handOver(await usercert.makeRequest(key, { user: "alice", groups: ["dev", "ops"] })).csr;
}
