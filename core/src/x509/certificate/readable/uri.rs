//! Addresses as Go reads them: URIs (`Go: net/url`), domains and mailboxes (`Go: crypto/x509`,
//! `domainNameValid`, `parseRFC2821Mailbox`).

use core::net::{IpAddr, Ipv6Addr};

/// Whether Go reads it as a URI, and its host as one.
pub(super) fn is_readable(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii());
    let Some(text) = text else { return false };
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (scheme, rest) = match before.split_once(':') {
        Some(("", _)) => return false,
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", before),
    };
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if before.bytes().any(|b| b.is_ascii_control()) || !is_escaped(fragment) {
        return false;
    }
    if before == "*" || !rest.starts_with('/') && !scheme.is_empty() {
        return true;
    }
    let segment = rest.split('/').next().unwrap_or_default();
    if segment.contains(':') || !is_escaped(rest) {
        return false;
    }
    match rest.strip_prefix("//") {
        Some(authority) if !scheme.is_empty() || !authority.starts_with('/') => {
            let authority = authority.split('/').next().unwrap_or_default();
            let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            let user_character =
                |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            user.bytes().all(user_character) && is_host(scheme, host)
        }
        _ => true,
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Whether every percent sign is followed by two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        after.get(..2).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

fn is_host(scheme: &str, host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    if let Some(bracketed) = host.strip_prefix('[') {
        let Some((address, port)) = bracketed.rsplit_once(']') else { return false };
        let address = address.split("%25").next().unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let colon = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => host.find(':'),
        _ => host.rfind(':'),
    };
    let port = colon.and_then(|at| host.get(at + 1..)).unwrap_or_default();
    // Of what is ASCII only a percent sign may be escaped; what else is comes out as no domain.
    let escapes = host.split('%').skip(1).all(|after| {
        after.starts_with("25") || after.starts_with(|c: char| !matches!(c, '0'..='7'))
    });
    let character = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"%".contains(&b);
    is_port(port)
        && escapes
        && host.bytes().all(character)
        && !host.contains('[')
        && is_domain(&host.replace("%25", "%"), false)
}

pub(super) fn is_domain(text: &str, constraint: bool) -> bool {
    if text.is_empty() {
        return true;
    }
    let labels = if constraint { text.strip_prefix('.').unwrap_or(text) } else { text };
    !text.ends_with('.')
        && labels.bytes().all(|b| b.is_ascii_graphic())
        && labels.split('.').all(|label| !label.is_empty())
}

pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether it is LOCAL@DOMAIN (RFC 2821).
pub(super) fn is_mailbox(text: &[u8]) -> bool {
    let domain = match text.strip_prefix(b"\"") {
        Some(quoted) => after_quotes(quoted),
        None => after_atoms(text),
    };
    let domain = domain.and_then(|rest| rest.strip_prefix(b"@"));
    domain.and_then(|domain| std::str::from_utf8(domain).ok()).is_some_and(is_reversible)
}

/// What follows the closing quotation mark.
fn after_quotes(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', 1..=9 | 11 | 12 | 14..=127, after @ ..]
            | [1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127, after @ ..] => after,
            _ => return None,
        };
    }
}

/// What follows the local part, whose dots are neither first nor last nor two together.
fn after_atoms(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut local = Vec::new();
    loop {
        rest = match rest {
            [b'\\', any, after @ ..] => {
                local.push(*any);
                after
            }
            [b'\\'] => return None,
            [b, after @ ..] if b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(b) => {
                local.push(*b);
                after
            }
            _ => break,
        };
    }
    let good = local.split(|b| *b == b'.').all(|atom| !atom.is_empty());
    good.then_some(rest)
}

/// `Go: crypto/x509`, `domainToReverseLabels`.
fn is_reversible(domain: &str) -> bool {
    domain.is_empty() || is_domain(domain, false)
}
