//! One self-contained HTML file.
//!
//! The outer document holds no script. Everything runs inside a sandboxed frame whose document is
//! written into an attribute, under the outer document's content security policy: nothing may be
//! loaded, sent or navigated to, and only the script and styles with these hashes count.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::stream::{LzmaOptions, PRESET_EXTREME, Stream};
use liblzma::write::XzEncoder;
use sha2::{Digest as _, Sha256};

use crate::NAME;
use crate::bundle::{Module, bundle};
use crate::lean::lean;
use crate::split::split;

/// The page's own modules, in the order of their imports.
const MODULES: [&str; 16] = [
    "unpack.js",
    "join.js",
    "texts.js",
    "state.js",
    "dom.js",
    "names.js",
    "copy.js",
    "findings.js",
    "key.js",
    "qr.js",
    "send.js",
    "answer.js",
    "done.js",
    "inspect.js",
    "drop.js",
    "main.js",
];

/// Packs bytes as web servers and `gzip -9` do, to tell what a page weighs on its way.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

/// Packs bytes as `xz --format=lzma` does; `src/unpack.js` unpacks them. That takes a fifth less than
/// what browsers unpack by themselves.
fn pack(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut options = LzmaOptions::new_preset(9 | PRESET_EXTREME)?;
    // In sorted code one bit of the byte before tells most about the next one, and the place nothing.
    options.literal_context_bits(1).literal_position_bits(0).position_bits(0);
    let mut packer = XzEncoder::new_stream(Vec::new(), Stream::new_lzma_encoder(&options)?);
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

/// The page from its sources in `src` and the package in `pkg`.
pub fn build(src: &Path, pkg: &Path) -> Result<String, Box<dyn Error>> {
    let read = |name: &str| read_lean(src, name);
    let script = script(src, pkg)?;
    let style = read("style.css")?;
    let outer_style = read("outer.css")?;
    for (what, text, end) in [
        ("script", &script, "</script"),
        ("style", &style, "</style"),
        ("style", &outer_style, "</style"),
    ] {
        if text.contains(end) || text.contains('\r') || text.contains("<!--") {
            return Err(
                format!("the {what} holds what would end it early or change its hash").into()
            );
        }
    }
    let frame = fill(&read("frame.html")?, &[("{{style}}", &style), ("{{script}}", &script)])?;
    let policy = [
        "default-src 'none'".to_owned(),
        format!("script-src {} 'wasm-unsafe-eval'", hash(&script)),
        format!("style-src {} {}", hash(&outer_style), hash(&style)),
        "connect-src 'none'".to_owned(),
        // Firefox and WebKit take a download out of the frame for its navigation, which this rules.
        "frame-src blob:".to_owned(),
        "worker-src 'none'".to_owned(),
        "form-action 'none'".to_owned(),
        "base-uri 'none'".to_owned(),
        "require-trusted-types-for 'script'".to_owned(),
        "trusted-types 'none'".to_owned(),
    ];
    fill(
        &read("outer.html")?,
        &[
            ("{{policy}}", &policy.join("; ")),
            ("{{style}}", &outer_style),
            ("{{frame}}", &frame.replace('&', "&amp;").replace('\'', "&#39;")),
        ],
    )
}

fn script(src: &Path, pkg: &Path) -> Result<String, Box<dyn Error>> {
    let glue_file = format!("{NAME}_bg.js");
    let mut modules = Vec::new();
    // First, so that the scripts stand together: packed on the way, they have much in common.
    let wasm = fs::read(pkg.join(format!("{NAME}_bg.wasm")))?;
    let (sorted, sizes) = split(&wasm).ok_or("the wasm has an instruction that is not known here")?;
    let text = format!(
        "export const WASM_SIZES = {sizes:?};\nexport const WASM_LZMA_BASE64 = \"{}\";\n",
        STANDARD.encode(pack(&sorted)?)
    );
    modules.push(Module { file: "./wasm.js".to_owned(), text });
    for file in [glue_file.as_str(), "webcrypto.js", "usercert.js"] {
        modules.push(Module { file: format!("./{file}"), text: read_lean(pkg, file)? });
    }
    for file in MODULES {
        modules.push(Module { file: format!("./{file}"), text: read_lean(src, file)? });
    }
    Ok(format!("\"use strict\";\n{}", bundle(&modules)?))
}

fn read_lean(folder: &Path, file: &str) -> Result<String, String> {
    let text = fs::read_to_string(folder.join(file))
        .map_err(|error| format!("{}: {error}", folder.join(file).display()))?;
    lean(file, &text)
}

/// The source expression by which the policy knows a text.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Replaces each mark, which must be there exactly once. What is put in is not looked at again.
fn fill(template: &str, values: &[(&str, &String)]) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    let mut rest = template;
    for (mark, value) in values {
        let (before, after) =
            rest.split_once(mark).ok_or_else(|| format!("{mark} is not where it should be"))?;
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
