//! The paths that environment variables name. Which of them count is core's to decide.

use std::ffi::OsString;
use std::path::PathBuf;

/// `$KUBECONFIG`, unless empty.
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

/// `$XDG_STATE_HOME`, unless empty.
pub fn state_home() -> Option<PathBuf> {
    raw("XDG_STATE_HOME").map(PathBuf::from)
}

fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// An environment variable that is set, not empty and text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The proxy for an address by `HTTPS_PROXY` and `NO_PROXY`, as client-go finds it
/// (`Go: net/http.ProxyFromEnvironment`): never one for loopback addresses.
pub fn proxy_for(server: &str) -> Option<String> {
    let either = |upper: &str, lower: &str| variable(upper).or_else(|| variable(lower));
    let proxy = either("HTTPS_PROXY", "https_proxy")?;
    let address: http::Uri = server.parse().ok()?;
    let host = address.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let excepted = either("NO_PROXY", "no_proxy").unwrap_or_default();
    let matches = |rule: &str| {
        let rule = rule.trim().to_ascii_lowercase();
        let suffix = rule.trim_start_matches("*.").trim_start_matches('.');
        rule == "*"
            || !suffix.is_empty() && (host == suffix || host.ends_with(&format!(".{suffix}")))
    };
    (!loopback && host != "localhost" && !excepted.split(',').any(matches)).then_some(proxy)
}
