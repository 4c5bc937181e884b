//! The bytes to be signed are the same in the native build and in the browser: `vectors.json` is
//! checked here and, with the built wasm, by `web-demo/tests/library.test.js`.
//!
//! `UPDATE_VECTORS=1` writes the file anew from the keys and names in it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use usercert_wasm::request::to_be_signed;

#[test]
fn the_bytes_to_be_signed_are_those_of_the_vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors.json");
    let mut vectors: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let list = vectors.as_array_mut().unwrap();
    assert!(list.len() >= 6);
    for vector in list {
        let groups = vector["groups"].as_array().unwrap().iter();
        let groups: String = groups.map(|g| format!("{}\n", g.as_str().unwrap())).collect();
        let spki = STANDARD.decode(vector["spki"].as_str().unwrap()).unwrap();
        let made = to_be_signed(vector["user"].as_str().unwrap(), &groups, &spki);
        let made = STANDARD.encode(made.unwrap_or_default());
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            vector["toBeSigned"] = made.into();
        } else {
            assert_eq!(vector["toBeSigned"], made, "{}", vector["user"]);
        }
    }
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, format!("{vectors:#}\n")).unwrap();
    }
}
