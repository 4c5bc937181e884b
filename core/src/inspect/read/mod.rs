//! From any bytes to the things in them: PEM, DER, base64, YAML, JSON.
//!
//! - `things`: what was found so far.
//! - `der`, `pem`, `kubeconfig`, `object`: what stands in each of them, each by those before it.

mod artifacts;
mod der;
mod kubeconfig;
mod object;
mod pem;
mod stored;

use zeroize::Zeroizing;

use self::artifacts::Artifacts;
pub use self::stored::stored;
use super::FoundArtifact;
use crate::encoding::base64;
use crate::encoding::yaml::{self, YamlError};
use crate::exchange::{armor, request_file};

/// Maximum nesting of base64.
const LAYERS: u8 = 3;
/// The page does without UTF-16 and without several things in one DER file.
const RARE_FORMS: bool = cfg!(feature = "rare-forms");

/// Nothing that is known here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unknown {
    /// Something else.
    #[error(
        "nothing recognized: no certificate, request, key, CertificateSigningRequest or kubeconfig"
    )]
    Other,
    /// Nothing but PEM that no program reads.
    #[error("its PEM is damaged: line {line}: {problem}")]
    Damaged {
        /// Where, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// What names its `apiVersion`, but is not YAML.
    #[error("it seems to be a Kubernetes object or a kubeconfig, but cannot be read: {0}")]
    Yaml(YamlError),
}

/// Everything that is found in `input`, in order.
///
/// # Errors
/// When there is nothing known.
pub fn read(input: &[u8]) -> Result<Vec<FoundArtifact>, Unknown> {
    let mut things = Artifacts::in_bytes(input.len());
    // As Windows PowerShell writes files; kubectl reads that in kubeconfigs.
    let utf16 = RARE_FORMS && matches!(input, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    let broken = match utf16.then(|| request_file::decode(input)).flatten() {
        Some(text) => {
            let broken = add(&mut things, Zeroizing::new(text).as_bytes(), LAYERS);
            things.mark(
                "utf-16",
                "it is written in UTF-16: save it as UTF-8, or most programs cannot read it",
            );
            broken
        }
        None => add(&mut things, input, LAYERS),
    };
    let found = things.all();
    match broken {
        _ if !found.is_empty() => Ok(found),
        Some(error) => Err(Unknown::Yaml(error)),
        None => Err(match crate::encoding::pem::damage(input) {
            Some((line, problem)) => Unknown::Damaged { line, problem },
            None => Unknown::Other,
        }),
    }
}

/// Adds what is in some bytes. What looked like an object and cannot be read is why nothing may have
/// been found.
fn add(things: &mut Artifacts, input: &[u8], layers: u8) -> Option<YamlError> {
    if input.first() == Some(&0x30) {
        things.group();
        let mut whole: Vec<_> = der::thing(input).into_iter().collect();
        if whole.is_empty() && RARE_FORMS {
            whole = der::several(input);
        }
        whole.into_iter().for_each(|thing| things.push(thing));
        if !things.is_empty() {
            return None;
        }
    }
    let text = std::str::from_utf8(input).ok();
    // Long bundles are not read as YAML first.
    let broken = text.filter(|t| t.contains("apiVersion")).and_then(|text| add_yaml(things, text));
    if !things.is_empty() {
        return broken;
    }
    if let Some(text) = text {
        for content in
            [armor::REQUEST, armor::REPLY].map(|label| armor::opened(text, label)).concat()
        {
            let _ = add_yaml(things, &content);
        }
    }
    if !things.is_empty() {
        return None;
    }
    things.group();
    pem::add(things, input);
    let Some(text) = text.filter(|_| things.is_empty()) else { return broken };
    if text.contains(pem::BEGIN) {
        pem::add_indented(things, text);
    }
    if things.is_empty() && !text.contains("apiVersion") {
        // Nothing says that it is meant to be YAML.
        let _ = add_yaml(things, text);
    }
    if things.is_empty() && layers > 0 {
        let inner = base64::decode_spaced(text).filter(|inner| !inner.is_empty());
        if let Some(inner) = inner {
            return add(things, &Zeroizing::new(inner), layers - 1).or(broken);
        }
    }
    broken
}

fn add_yaml(things: &mut Artifacts, text: &str) -> Option<YamlError> {
    match yaml::parse_all(text) {
        Ok(values) => {
            values.iter().for_each(|value| object::add(things, value, None));
            None
        }
        Err(error) => Some(error),
    }
}

#[cfg(test)]
mod tests;
