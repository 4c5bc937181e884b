//! Names under which a server is reached, as its certificate carries them (RFC 5280 section 4.2.1.6).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

use crate::text;
use crate::text::dns::is_domain;

/// A host name or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlternativeName {
    /// A DNS name, in lower case; its first label may be `*`.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

/// Why a text is no such name.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum AlternativeNameError {
    /// Another kind of name, as an e-mail address or a URI.
    #[error("{} is neither a DNS name nor an IP address; write dns:NAME or ip:ADDRESS", text::show_short(.0, 80))]
    Kind(String),
    /// Not a host name by RFC 1123.
    #[error(
        "{} is not a DNS name: labels of letters, digits and dashes, at most 63 characters each, \
         253 together", text::show_short(.0, 80)
    )]
    Dns(String),
    /// Not an address.
    #[error("{} is not an IP address", text::show_short(.0, 80))]
    Ip(String),
    /// Not an address block, as `10.96.0.0/12`.
    #[error("{} is not an address block such as 10.96.0.0/12", text::show_short(.0, 80))]
    Block(String),
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
        }
    }
}

impl FromStr for AlternativeName {
    type Err = AlternativeNameError;

    /// Reads `dns:NAME`, `ip:ADDRESS`, or either without its prefix.
    fn from_str(s: &str) -> Result<Self, AlternativeNameError> {
        // Go writes an IPv4 address in four bytes, however it is given, and looks for it so.
        if let Ok(address) = s.parse::<IpAddr>() {
            return Ok(Self::Ip(address.to_canonical()));
        }
        match s.split_once(':') {
            None => dns(s),
            Some((kind, name)) if kind.eq_ignore_ascii_case("dns") => dns(name),
            Some((kind, address)) if kind.eq_ignore_ascii_case("ip") => address
                .parse::<IpAddr>()
                .map(|address| Self::Ip(address.to_canonical()))
                .map_err(|_| AlternativeNameError::Ip(address.to_owned())),
            Some(_) => Err(AlternativeNameError::Kind(s.to_owned())),
        }
    }
}

fn dns(name: &str) -> Result<AlternativeName, AlternativeNameError> {
    let lower = name.to_ascii_lowercase();
    let host = lower.strip_prefix("*.").unwrap_or(&lower);
    // A name of digits only would be read as an address by some and as a host by others.
    let numeric = host.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if name.len() > 253 || numeric || !is_domain(host, 63) {
        return Err(AlternativeNameError::Dns(name.to_owned()));
    }
    Ok(AlternativeName::Dns(lower))
}

/// The address of the service `kubernetes`: the first one of the cluster's service block.
///
/// Source: `cmd/kubeadm/app/constants/constants.go`, `GetAPIServerVirtualIP`.
///
/// # Errors
/// When `block` is not an address block with room for one.
pub fn service_address(block: &str) -> Result<IpAddr, AlternativeNameError> {
    let wrong = || AlternativeNameError::Block(block.to_owned());
    let (address, bits) = block.split_once('/').ok_or_else(wrong)?;
    let bits: u32 = bits.parse().map_err(|_| wrong())?;
    match address.parse().map_err(|_| wrong())? {
        IpAddr::V4(v4) if bits <= 30 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Ok(Ipv4Addr::from_bits((v4.to_bits() & mask) + 1).into())
        }
        IpAddr::V6(v6) if bits <= 126 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Ok(IpAddr::from(Ipv6Addr::from_bits((v6.to_bits() & mask) + 1)).to_canonical())
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_their_kind() {
        for (text, shown) in [
            ("dns:API.example.com", "DNS:api.example.com"),
            ("DNS:localhost", "DNS:localhost"),
            ("*.example.com", "DNS:*.example.com"),
            ("ip:10.0.0.1", "IP:10.0.0.1"),
            ("IP:fd00::1", "IP:fd00::1"),
            ("10.0.0.1", "IP:10.0.0.1"),
            ("::ffff:10.0.0.1", "IP:10.0.0.1"),
            ("ip:::ffff:a00:1", "IP:10.0.0.1"),
            ("::1", "IP:::1"),
        ] {
            assert_eq!(text.parse::<AlternativeName>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "dns:",
            "-a",
            "a-",
            "a..b",
            "a b",
            "a*.b",
            "*",
            "*.",
            "ip:x",
            "email:a@b",
            "a_b",
            "1.2.3",
            "300.1.1.1",
            "dns:ä.example",
        ] {
            assert!(text.parse::<AlternativeName>().is_err(), "{text}");
        }
        assert!(format!("dns:{}", "a".repeat(64)).parse::<AlternativeName>().is_err());
    }

    #[test]
    fn the_first_address_of_a_block() {
        for (block, first) in [
            ("10.96.0.0/12", "10.96.0.1"),
            ("10.100.7.3/12", "10.96.0.1"),
            ("10.0.0.0/24", "10.0.0.1"),
            ("0.0.0.0/0", "0.0.0.1"),
            ("fd00:10:96::/112", "fd00:10:96::1"),
        ] {
            assert_eq!(service_address(block).unwrap().to_string(), first);
        }
        for bad in ["10.96.0.0", "10.96.0.0/31", "10.96.0.0/x", "x/12", "fd00::/127"] {
            assert!(service_address(bad).is_err(), "{bad}");
        }
    }
}
