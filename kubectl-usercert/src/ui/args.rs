//! Flags that several commands share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use usercert_core::text::shell_word;
use usercert_core::x509::lifetime::{self, Lifetime};

/// kubectl's client flags.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = super::help::CONNECTION)]
pub struct ClientArgs {
    /// Kubeconfig file to use, instead of $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// kuberc file with the policy for credential plugins, instead of $KUBERC or ~/.kube/kuberc
    #[arg(long, value_name = "FILE")]
    pub kuberc: Option<PathBuf>,
    /// Context to use
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Cluster entry to use
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// User entry to use
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Namespace
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Address of the API server
    #[arg(short, long, value_name = "URL")]
    pub server: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "USER")]
    pub as_user: Option<String>,
    /// Group to impersonate; repeat for several
    #[arg(long = "as-group", value_name = "GROUP")]
    pub as_group: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", value_name = "UID")]
    pub as_uid: Option<String>,
    /// Additional attribute to impersonate, as key=value; repeat for several
    #[arg(long = "as-user-extra", value_name = "KEY=VALUE")]
    pub as_user_extra: Vec<String>,
    /// Time limit for one request to the server, such as 10s or 1m; 0 is none
    #[arg(long, value_name = "DURATION", default_value = REQUEST_TIMEOUT, value_parser = parse_request_timeout)]
    pub request_timeout: Timeout,
    /// Bearer token
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Client certificate file
    #[arg(long, value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,
    /// Client key file
    #[arg(long, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// File with the CA certificates that the server is checked with
    #[arg(long, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Do not check the server's certificate; anybody can pose as the server
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,
    /// Name to check the server's certificate for
    #[arg(long, value_name = "NAME")]
    pub tls_server_name: Option<String>,
}

impl ClientArgs {
    /// Unless a request's time is given, none takes longer than the whole.
    pub fn bound(&mut self, whole: Timeout) {
        let Some(limit) = whole.for_requests() else { return };
        let is_default = parse_request_timeout(REQUEST_TIMEOUT) == Ok(self.request_timeout);
        if is_default && self.request_timeout.for_waiting() > limit {
            self.request_timeout = whole;
        }
    }

    /// The flags that say which cluster is meant, as they are repeated in commands that people are
    /// told to run; credentials are not.
    pub fn repeated(&self) -> String {
        let flags = [
            ("kubeconfig", self.kubeconfig.as_deref()),
            ("context", self.context.as_deref()),
            ("cluster", self.cluster.as_deref()),
            ("server", self.server.as_deref()),
            ("tls-server-name", self.tls_server_name.as_deref()),
            ("certificate-authority", self.certificate_authority.as_deref().and_then(Path::to_str)),
        ];
        flags
            .iter()
            .filter_map(|(flag, value)| Some(format!(" --{flag} {}", shell_word((*value)?))))
            .collect()
    }
}

/// Formats of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A versioned object
    Json,
    /// The same as YAML
    Yaml,
    /// Names only
    Name,
    /// A table with more columns
    Wide,
}

impl Format {
    fn among(formats: &'static [Self]) -> impl TypedValueParser<Value = Self> {
        let names = formats.iter().filter_map(ValueEnum::to_possible_value);
        PossibleValuesParser::new(names).try_map(|name| Self::from_str(&name, false))
    }
}

/// `-o` of a command whose results have names.
#[derive(Args, Clone, Debug, Default)]
pub struct OutputArgs {
    /// Output format; text for people if omitted
    #[arg(short = 'o', long = "output", value_name = "FORMAT",
          value_parser = Format::among(&[Format::Json, Format::Yaml, Format::Name]))]
    pub format: Option<Format>,
}

/// `-o` of a command that has more to show than fits a line.
#[derive(Args, Clone, Debug, Default)]
pub struct WideOutputArgs {
    /// Output format; text for people if omitted
    #[arg(short = 'o', long = "output", value_name = "FORMAT",
          value_parser = Format::among(Format::value_variants()))]
    pub format: Option<Format>,
}

/// `-o` of a command whose result has no name.
#[derive(Args, Clone, Debug, Default)]
pub struct ObjectOutputArgs {
    /// Output format; text for people if omitted
    #[arg(short = 'o', long = "output", value_name = "FORMAT",
          value_parser = Format::among(&[Format::Json, Format::Yaml]))]
    pub format: Option<Format>,
}

/// What to do instead of the real thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Do it
    #[default]
    None,
    /// Send nothing
    Client,
    /// Let the server check it and keep nothing
    Server,
}

impl DryRun {
    pub fn mark(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }
}

/// `--dry-run`.
#[derive(Args, Clone, Debug, Default)]
pub struct DryRunArgs {
    /// Show what would be done: client sends nothing, server checks it without saving
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true,
          default_value = "none", default_missing_value = "client")]
    pub dry_run: DryRun,
}

/// `--timeout`.
#[derive(Args, Clone, Debug, Default)]
pub struct TimeoutArgs {
    /// How long to wait for decision and certificate; 0 checks once, a negative value waits a week
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_timeout,
          allow_hyphen_values = true)]
    pub timeout: Timeout,
}

/// `--reply` and what goes into it.
#[derive(Args, Clone, Debug, Default)]
pub struct ReplyArgs {
    /// Wait for the certificate and write the answer, a kubeconfig without the key: to this file, into
    /// this directory, or to standard output ("-") as text for a chat or mail
    #[arg(long, value_name = "FILE|DIR|-")]
    pub reply: Option<PathBuf>,
    /// Server address in the reply, if people reach the cluster by another one
    #[arg(long, value_name = "URL", requires = "reply")]
    pub reply_server: Option<String>,
    /// Name of the cluster in the reply
    #[arg(long, value_name = "NAME", requires = "reply")]
    pub reply_cluster_name: Option<String>,
}

impl ReplyArgs {
    /// Whether the reply goes to standard output.
    pub fn to_stdout(&self) -> bool {
        self.reply.as_deref().is_some_and(|reply| reply.as_os_str() == "-")
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeout {
    nanos: i64,
}

impl Timeout {
    pub const fn seconds(seconds: i64) -> Self {
        Self { nanos: seconds * 1_000_000_000 }
    }

    /// As for `kubectl wait`: zero looks once, a negative value waits a week.
    pub fn for_waiting(self) -> Duration {
        if self.nanos < 0 {
            return Duration::from_secs(7 * 86_400);
        }
        Duration::from_nanos(u64::try_from(self.nanos).unwrap_or(u64::MAX))
    }

    /// As for `--request-timeout`: zero is no limit.
    pub fn for_requests(self) -> Option<Duration> {
        Some(self.for_waiting()).filter(|d| !d.is_zero())
    }
}

/// The default of `--request-timeout`.
const REQUEST_TIMEOUT: &str = "30s";

pub fn parse_timeout(s: &str) -> Result<Timeout, String> {
    let seconds = s.parse::<i64>().ok().map(|s| s.saturating_mul(1_000_000_000));
    seconds
        .or_else(|| lifetime::parse_duration(s))
        .map(|nanos| Timeout { nanos })
        .ok_or_else(|| "write it as 30s, 5m or 1h".to_owned())
}

/// As kubectl takes `--request-timeout`: seconds, or a duration in Go's units, which end with hours.
pub fn parse_request_timeout(s: &str) -> Result<Timeout, String> {
    if s.contains(['d', 'w']) {
        return Err("days and weeks are not supported here; write it as 30s, 5m or 1h".to_owned());
    }
    parse_timeout(s)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    After(Lifetime),
    Signer,
}

impl Expires {
    pub fn lifetime(self) -> Option<Lifetime> {
        match self {
            Self::After(lifetime) => Some(lifetime),
            Self::Signer => None,
        }
    }
}

impl std::fmt::Display for Expires {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::After(lifetime) => lifetime.fmt(f),
            Self::Signer => f.write_str("signer"),
        }
    }
}

impl std::str::FromStr for Expires {
    type Err = lifetime::LifetimeError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s == "signer" { Ok(Self::Signer) } else { s.parse().map(Self::After) }
    }
}
