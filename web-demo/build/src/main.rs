//! Puts the page and the npm package together from the compiled wasm.
//!
//! `usercert-page WASM ROOT`: WASM is cargo's output, ROOT the project. Writes `wasm/pkg/` and
//! `web-demo/dist/index.html`. The same inputs give the same bytes.

mod bundle;
mod lean;
mod package;
mod page;
mod split;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

/// What the page may weigh on its way, packed as web servers do.
const MOST: usize = 150_000;

/// What wasm-bindgen calls its two files.
const NAME: &str = "usercert_wasm";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(wasm), Some(root), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: usercert-page WASM ROOT".into());
    };
    let pkg = root.join("wasm/pkg");
    let dist = root.join("web-demo/dist");
    for folder in [&pkg, &dist] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
    }
    bind(&wasm, &pkg)?;
    package::complete(&root, &pkg)?;
    let html = page::build(&root.join("web-demo/src"), &pkg)?;
    let file = dist.join("index.html");
    fs::write(&file, &html)?;
    report(&file, html.as_bytes())
}

/// Runs wasm-bindgen: the glue as a module that takes the instance from outside, so that it neither
/// fetches nor decides where the wasm comes from.
fn bind(wasm: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut output = Bindgen::new()
        .bundler(true)?
        .input_path(wasm)
        .out_name(NAME)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .map_err(|error| format!("wasm-bindgen: {error:#}"))?;
    output.emit(out).map_err(|error| format!("wasm-bindgen: {error:#}"))?;
    // Imports the wasm as if it were a module, which takes a bundler; the loaders in js/ do not.
    fs::remove_file(out.join(format!("{NAME}.js")))?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the hash is for the person who builds")]
fn report(file: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    let packed = page::gzip(bytes)?.len();
    println!("{hash}  {}", file.display());
    println!("{} bytes, {packed} bytes gzip", bytes.len());
    if packed > MOST {
        eprintln!("warning: released pages weigh at most {MOST} bytes (gzip)");
    }
    Ok(())
}
