// For browsers: the wasm lies beside this file.

import * as glue from "./usercert_wasm_bg.js";
import { attach } from "./usercert.js";

const response = await fetch(new URL("./usercert_wasm_bg.wasm", import.meta.url));
const bytes = await response.arrayBuffer();
const { instance } = await WebAssembly.instantiate(bytes, { "./usercert_wasm_bg.js": glue });
attach(instance);

export * from "./usercert.js";
