//! The paths that environment variables name. Which of them count is core's to decide.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

pub fn kubeconfig() -> Option<OsString> {
    raw("KUBECONFIG")
}

/// The home directory as client-go finds it (`client-go/util/homedir/homedir.go`): on Unix
/// `$HOME` and nothing else.
#[cfg(not(windows))]
pub fn home() -> Option<PathBuf> {
    raw("HOME").map(PathBuf::from)
}

/// The home directory as client-go finds it (`client-go/util/homedir/homedir.go`): of HOME,
/// HOMEDRIVE with HOMEPATH, and USERPROFILE the first that has a kubeconfig; else, in another
/// order, the first that exists; else the first that is set. (client-go also asks whether it may
/// write there, which on Windows only an attempt can tell.)
#[cfg(windows)]
pub fn home() -> Option<PathBuf> {
    let home = raw("HOME").map(PathBuf::from);
    let drive = raw("HOMEDRIVE").zip(raw("HOMEPATH")).map(|(mut drive, path)| {
        drive.push(path);
        PathBuf::from(drive)
    });
    let profile = raw("USERPROFILE").map(PathBuf::from);
    let with_config = [&home, &drive, &profile]
        .into_iter()
        .flatten()
        .find(|path| path.join(".kube").join("config").exists());
    let set = [&home, &profile, &drive];
    with_config
        .or_else(|| set.into_iter().flatten().find(|path| path.exists()))
        .or_else(|| set.into_iter().flatten().next())
        .cloned()
}

pub fn state_home() -> Option<PathBuf> {
    raw("XDG_STATE_HOME").map(PathBuf::from)
}

/// `$XDG_CONFIG_HOME` if it is an absolute path, else `~/.config` (XDG Base Directory Specification).
pub fn config_home() -> Option<PathBuf> {
    let named = raw("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(home()?.join(".config")))
}

fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// An environment variable that is set, not empty and text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The proxy for an address by `HTTPS_PROXY` (`HTTP_PROXY` for plain http) and `NO_PROXY`, as client-go
/// finds it (`Go: golang.org/x/net/http/httpproxy`): never one for loopback addresses; exceptions are
/// `*`, addresses, address blocks as `10.0.0.0/8`, and host names with their sub-domains, any of them
/// with a port.
pub fn proxy_for(server: &str) -> Option<String> {
    let either = |upper: &str, lower: &str| variable(upper).or_else(|| variable(lower));
    let address: http::Uri = server.parse().ok()?;
    let proxy = match address.scheme_str() {
        Some("http") => either("HTTP_PROXY", "http_proxy")?,
        _ => either("HTTPS_PROXY", "https_proxy")?,
    };
    let host = address.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
    let excepted = either("NO_PROXY", "no_proxy").unwrap_or_default();
    let port = address.port_u16().unwrap_or(443);
    let direct =
        is_loopback(&host) || excepted.split(',').any(|rule| is_excepted(rule, &host, port));
    (!direct).then_some(proxy)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_excepted(rule: &str, host: &str, port: u16) -> bool {
    let rule = rule.trim().to_ascii_lowercase();
    let (name, rule_port) = match rule.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
            (name, digits.parse::<u16>().ok())
        }
        _ => (rule.as_str(), None),
    };
    if name.is_empty() || rule_port.is_some_and(|p| p != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let (Some((block, bits)), Ok(ip)) = (name.split_once('/'), host.parse::<IpAddr>()) {
        return is_within(ip, block, bits);
    }
    let suffix = name.trim_start_matches("*.").trim_start_matches('.');
    name == "*" || host == suffix || host.ends_with(&format!(".{suffix}"))
}

fn is_within(ip: IpAddr, block: &str, bits: &str) -> bool {
    let (Ok(block), Ok(bits)) = (block.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (ip, block) {
        (IpAddr::V4(ip), IpAddr::V4(block)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            ip.to_bits() & mask == block.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(block)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            ip.to_bits() & mask == block.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_from_the_proxy() {
        for (rule, host, excepted) in [
            ("*", "a.example", true),
            ("example", "a.example", true),
            (".example", "a.example", true),
            ("*.example", "a.example", true),
            ("ample", "a.example", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("fd00::/8", "fd12::1", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:6443", "10.1.2.3", true),
            ("10.1.2.3:443", "10.1.2.3", false),
            ("", "a.example", false),
        ] {
            assert_eq!(is_excepted(rule, host, 6443), excepted, "{rule} {host}");
        }
        assert!(is_loopback("127.0.0.9") && is_loopback("::1") && !is_loopback("10.0.0.1"));
    }
}
