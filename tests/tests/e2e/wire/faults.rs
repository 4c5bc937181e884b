//! The faults that every command meets.

use usercert_sandbox::{Fault, SandboxOptions};

/// A fault, in words and as it is made.
pub(super) struct Wrong {
    pub(super) words: &'static str,
    pub(super) made: Made,
    /// What `--request-timeout` is then.
    pub(super) time: &'static str,
    pub(super) ends: Ends,
}

/// What commands make of a fault.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ends {
    /// They get along with it.
    AsEver,
    Failing,
    /// It depends on how many requests they make.
    Either,
}

pub(super) enum Made {
    /// At requests whose path holds this text.
    At(&'static str, Fault),
    /// The first requests are turned away.
    Busy,
    /// By the way the server is set up.
    Setup(fn(&mut SandboxOptions)),
    /// There is no server.
    Down,
    /// The host of the server's name is not known.
    NoSuchHost,
    /// The way leads through a proxy of this scheme.
    Proxy(&'static str),
    /// The credential expires after the first request.
    Expiring,
    /// The first connection is closed at once.
    Dropped,
    /// Each connection is closed, unanswered, at its second request.
    Reused,
}

const fn wrong(words: &'static str, made: Made, ends: Ends) -> Wrong {
    Wrong { words, made, time: "30s", ends }
}

const fn fatal(words: &'static str, fault: Fault) -> Wrong {
    wrong(words, Made::At("", fault), Ends::Failing)
}

const fn hanging(words: &'static str, fault: Fault) -> Wrong {
    Wrong { words, made: Made::At("", fault), time: "500ms", ends: Ends::Failing }
}

pub(super) const FAULTS: &[Wrong] = &[
    wrong("the server speaks HTTP/1.1 only", Made::Setup(|o| o.http11 = true), Ends::AsEver),
    wrong("the server speaks TLS 1.2 only", Made::Setup(|o| o.tls12 = true), Ends::AsEver),
    wrong("the server has an IPv6 address only", Made::Setup(|o| o.ipv6 = true), Ends::AsEver),
    wrong("the connection uses an HTTP proxy (`CONNECT`)", Made::Proxy("http"), Ends::AsEver),
    wrong("the connection uses a SOCKS5 proxy", Made::Proxy("socks5"), Ends::AsEver),
    wrong("the first requests get 429, `Retry-After: 0`", Made::Busy, Ends::AsEver),
    wrong("every watch ends at once", Made::At("watch=1", Fault::Empty), Ends::AsEver),
    wrong("every watch is cut off", Made::At("watch=1", Fault::Reset), Ends::AsEver),
    wrong("every watch ends with 410", Made::At("watch=1", Fault::Gone), Ends::AsEver),
    wrong(
        "every watch event comes twice, and again after the next one",
        Made::At("watch=1", Fault::Repeated),
        Ends::AsEver,
    ),
    wrong("the credential expires after a request", Made::Expiring, Ends::Either),
    wrong("the first connection is closed at once", Made::Dropped, Ends::Either),
    wrong("every connection ends at its second request", Made::Reused, Ends::Either),
    wrong("nothing listens at the address", Made::Down, Ends::Failing),
    wrong("the server's name does not resolve", Made::NoSuchHost, Ends::Failing),
    fatal("429, retry after 600 million years", Fault::Busy(u64::MAX)),
    fatal("500", Fault::Failing(500)),
    fatal("503 without `Retry-After`", Fault::Failing(503)),
    fatal("answers are cut off in the middle", Fault::Reset),
    hanging("requests are never answered", Fault::Silent),
    hanging("answers stop in the middle", Fault::Stalled),
    hanging("answers come at one byte a second", Fault::Dripping),
    fatal("answers are empty", Fault::Empty),
    fatal("answers never end", Fault::Endless),
    fatal("answers are 40 MB long", Fault::Huge(40)),
    fatal("answers are HTML pages", Fault::Page),
    fatal("answers redirect to another host", Fault::Redirect),
    fatal("answers are broken JSON", Fault::Nonsense),
    fatal("answers are other objects, and lists never end", Fault::Other),
];
