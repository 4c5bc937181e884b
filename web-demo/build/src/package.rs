//! The npm package: glue and wasm as wasm-bindgen left them, and the modules of `wasm/js` beside.

use std::error::Error;
use std::fs;
use std::path::Path;

/// Adds everything that the package needs beside the output of wasm-bindgen.
pub fn complete(root: &Path, pkg: &Path) -> Result<(), Box<dyn Error>> {
    for file in ["usercert.js", "webcrypto.js", "browser.js", "node.js", "index.d.ts"] {
        fs::copy(root.join("wasm/js").join(file), pkg.join(file))?;
    }
    fs::copy(root.join("wasm/README.md"), pkg.join("README.md"))?;
    fs::copy(root.join("LICENSE"), pkg.join("LICENSE"))?;
    let version = workspace_version(&fs::read_to_string(root.join("Cargo.toml"))?)
        .ok_or("Cargo.toml: no [workspace.package] version")?;
    let manifest = fs::read_to_string(root.join("wasm/js/package.json"))?;
    fs::write(pkg.join("package.json"), manifest.replace("0.0.0-workspace", &version))?;
    Ok(())
}

fn workspace_version(manifest: &str) -> Option<String> {
    let section = manifest.split("[workspace.package]").nth(1)?;
    let line = section.lines().find(|l| l.starts_with("version"))?;
    Some(line.split('"').nth(1)?.to_owned())
}
