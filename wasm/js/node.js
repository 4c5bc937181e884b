// For Node: the wasm lies beside this file.

import { readFile } from "node:fs/promises";

import * as glue from "./usercert_wasm_bg.js";
import { attach } from "./usercert.js";

const bytes = await readFile(new URL("./usercert_wasm_bg.wasm", import.meta.url));
const { instance } = await WebAssembly.instantiate(bytes, { "./usercert_wasm_bg.js": glue });
attach(instance);

export * from "./usercert.js";
