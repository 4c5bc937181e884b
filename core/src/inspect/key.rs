//! What is wrong with a key, whatever holds it.

use super::Description;
use crate::text::show_short;
use crate::x509::key::KeyKind;

/// Whether the programs of Kubernetes can work with a key of this kind.
pub(super) fn check_key(item: &mut Description, kind: &KeyKind) {
    match kind {
        KeyKind::Rsa(bits) if *bits < 1024 => {
            item.problem("weak-key", format!("an RSA key of {bits} bits: Go programs reject it"))
        }
        KeyKind::Rsa(bits) if *bits < 2048 => {
            item.problem("weak-key", format!("an RSA key of {bits} bits: too short since 2013"));
        }
        KeyKind::Rsa(bits) if *bits > 8192 => item.problem(
            "long-key",
            format!("an RSA key of {bits} bits: Go programs abort handshakes above 8192"),
        ),
        KeyKind::P224 => item.problem("weak-key", "P-224: TLS 1.3 does not support it"),
        KeyKind::Other(_) => item.problem(
            "odd-key",
            format!(
                "a kind of key that Kubernetes cannot use: {}",
                show_short(&kind.to_string(), 60)
            ),
        ),
        _ => {}
    }
}
