//! `ca sign [FILE…]`.

mod deliver;
mod draft;
mod order;

use std::path::{Path, PathBuf};

use clap::Args;
use usercert_core::ca::profile::{self, CertificateSubject, ClusterNames, PROFILES, Profile};
use usercert_core::lifecycle::RevocationList;
use usercert_core::x509::code::ExpectedCode;
use usercert_core::x509::san::{AlternativeName, service_address};

use super::authority::AuthorityArgs;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::{DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::{Host, input_name};
use crate::ui::output;
use crate::workflow::findings;
use crate::workflow::review_policy::{PolicyArgs, Rules};
use deliver::Delivery;
use draft::{Draft, Input};
use order::{Destination, ServedCluster, SigningOrder};

/// Longest list of what is revoked that is read, in bytes: as large as a ConfigMap, and its YAML.
const REVOCATIONS_LIMIT: usize = 8 << 20;

/// Sign certificates with a CA's own key
///
/// Requests are reviewed as `approve` does, and what the review refuses is not signed. The subject is
/// rebuilt from user and groups; extensions that a request asks for are dropped, except for the
/// names of servers.
///
/// Examples:
///
///   kubectl usercert ca sign alice.csr --out alice.crt
///
///   kubectl usercert ca sign alice.yaml --reply alice.kubeconfig \
///     --server https://10.0.0.1:6443
///
///   kubectl usercert ca sign --profile apiserver --san 10.0.0.1 \
///     --new-key apiserver.key --out apiserver.crt
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct SignArgs {
    /// Files with requests to sign ("-": standard input): PEM, DER, base64 or manifests
    #[arg(required_unless_present_any = ["new_key", "standalone"], value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Kind of certificate
    #[arg(long, value_name = "PROFILE", default_value = "user", value_parser = parse_profile,
          long_help = profiles_help())]
    pub profile: &'static Profile,
    /// Name of the node or host; with a new key for a person, the user's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// With a new key for a person: a group; repeat for several
    #[arg(short, long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Additional name of a server, as dns:NAME or ip:ADDRESS; repeat for several
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse_san)]
    pub san: Vec<AlternativeName>,
    /// With the profile apiserver: the cluster's service addresses, whose first one is its own
    #[arg(
        hide_short_help = true,
        long,
        value_name = "BLOCK",
        value_delimiter = ',',
        default_value = "10.96.0.0/12"
    )]
    pub service_cidr: Vec<String>,
    /// With the profile apiserver: the cluster's domain
    #[arg(hide_short_help = true, long, value_name = "DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Lifetime, such as 24h or 30d; by default that of the request, else 30d for a person and 365d
    /// for a component
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub expires: Option<String>,
    /// Sign only the request with this code, short or full
    #[arg(long, value_name = "CODE")]
    pub expect: Option<String>,
    /// Continue despite this refusing finding; repeat for several
    #[arg(hide_short_help = true, long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// Refuse users whom this list blocks: the ConfigMap revoked-certificates as YAML or JSON, as
    /// `kubectl get -o yaml` prints it ("-": standard input)
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub revocations: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Where the certificate goes, followed by the CA's chain if it is an intermediate: a new file, a
    /// directory, or standard output ("-", the default)
    #[arg(long, value_name = "FILE|DIR|-")]
    pub out: Option<PathBuf>,
    /// Make a key as well, in this new file that only you can read, instead of signing a request
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "expect"])]
    pub new_key: Option<PathBuf>,
    /// Make a key as well, and write it with the certificate into a new kubeconfig that only you can read
    #[arg(long, value_name = "FILE", requires = "server",
          conflicts_with_all = ["files", "expect", "new_key", "reply", "out"])]
    pub standalone: Option<PathBuf>,
    /// Kind of the new key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(hide_short_help = true, long, value_name = "TYPE", default_value = "p256")]
    pub key_type: String,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    authority: AuthorityArgs,
}

/// What a kubeconfig says about the cluster.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "For --reply and --standalone")]
pub struct ClusterArgs {
    /// Write the answer to the request, a kubeconfig without the key, to this new file, into this
    /// directory, or to standard output ("-")
    #[arg(long, value_name = "FILE|DIR|-", requires = "server", conflicts_with = "new_key")]
    pub reply: Option<PathBuf>,
    /// Address of the API server, https://…
    #[arg(short, long, value_name = "URL")]
    pub server: Option<String>,
    /// CA certificates that the API server's certificate is checked with, instead of the signing CA
    #[arg(hide_short_help = true, long, value_name = "FILE", requires = "server")]
    pub server_ca: Option<PathBuf>,
    /// Name to check the API server's certificate for
    #[arg(hide_short_help = true, long, value_name = "NAME", requires = "server")]
    pub tls_server_name: Option<String>,
    /// Name of the cluster
    #[arg(hide_short_help = true, long, value_name = "NAME", default_value = "kubernetes")]
    pub cluster_name: String,
    /// Namespace of the context
    #[arg(hide_short_help = true, short, long, value_name = "NAME", requires = "server")]
    pub namespace: Option<String>,
}

fn parse_profile(name: &str) -> Result<&'static Profile, String> {
    let names = || PROFILES.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
    profile::find(name).ok_or_else(|| format!("there is no such profile; choose {}", names()))
}

fn parse_san(name: &str) -> Result<AlternativeName, String> {
    name.parse().map_err(|e: usercert_core::x509::san::AlternativeNameError| e.to_string())
}

fn profiles_help() -> String {
    let width = PROFILES.iter().map(|p| p.name.len()).max().unwrap_or_default();
    let line = |p: &Profile| format!("  {:<width$}  {}", p.name, p.about);
    let lines: Vec<String> = PROFILES.iter().map(line).collect();
    format!("Kind of certificate:\n{}", lines.join("\n"))
}

impl SignArgs {
    fn order(&self, host: &Host) -> Result<SigningOrder> {
        for code in &self.accept {
            findings::can_be_accepted(code)?;
        }
        let expected = match &self.expect {
            Some(code) => Some(code.parse::<ExpectedCode>().context("--expect").usage()?),
            None => None,
        };
        let service_addresses = self
            .service_cidr
            .iter()
            .map(|block| service_address(block).context("--service-cidr").usage())
            .collect::<Result<_>>()?;
        let lifetime = match &self.expires {
            Some(text) => Some(text.parse().context("--expires").usage()?),
            None => None,
        };
        if !self.files.is_empty() && !self.groups.is_empty() {
            return Err(Error::usage("--group needs a new key; a request names its own groups"));
        }
        // With a server's certificate that is a client's as well, somebody logs in too.
        let names_a_client = match self.profile.holder {
            CertificateSubject::Person => true,
            CertificateSubject::Host(_) => self.profile.client && !self.files.is_empty(),
            CertificateSubject::Component(..) | CertificateSubject::Node => false,
        };
        let rules = match (names_a_client, &self.policy.policy) {
            (true, _) => self.policy.load(host)?,
            (_, None) => Rules::default(),
            (_, Some(_)) => {
                return Err(Error::usage(
                    "--policy applies only to people, and to servers that are also clients",
                ));
            }
        };
        Ok(SigningOrder {
            profile: self.profile,
            name: self.name.clone(),
            groups: self.groups.clone(),
            alternative_names: self.san.clone(),
            rules,
            revoked: self.revocations.as_deref().map(|file| revoked(host, file)).transpose()?,
            accept: self.accept.clone(),
            yes: self.yes,
            cluster: ClusterNames { domain: self.cluster_domain.clone(), service_addresses },
            lifetime,
            expected,
            key_type: self.key_type.parse().usage()?,
            dry: self.dry_run.dry_run != DryRun::None,
        })
    }

    fn destination(&self) -> Destination {
        Destination {
            out: self.out.clone(),
            new_key: self.new_key.clone(),
            standalone: self.standalone.clone(),
            reply: self.cluster.reply.clone(),
            format: self.output.format,
        }
    }
}

impl ClusterArgs {
    /// What kubeconfigs are to say about the cluster, if there are any.
    fn served(&self) -> Option<ServedCluster> {
        Some(ServedCluster {
            server: self.server.clone()?,
            server_ca: self.server_ca.clone(),
            tls_server_name: self.tls_server_name.clone(),
            name: self.cluster_name.clone(),
            namespace: self.namespace.clone(),
        })
    }
}

fn revoked(host: &Host, file: &Path) -> Result<(RevocationList, String)> {
    let name = input_name(file);
    let content = host.input(file, REVOCATIONS_LIMIT)?;
    let text = std::str::from_utf8(&content).context(&name)?;
    let list = RevocationList::parse(text).context(&name);
    let list = list.hint(
        "kubectl get configmap -n usercert-system revoked-certificates -o yaml prints the list",
    )?;
    Ok((list, name))
}

pub fn run(host: &Host, args: &SignArgs) -> Result<Exit> {
    let order = args.order(host)?;
    let mut inputs = Vec::new();
    for file in &args.files {
        inputs.extend(Input::read(host, file)?);
    }
    let destination = args.destination();
    destination.check(order.profile, inputs.len())?;
    if order.expected.is_some() && inputs.len() > 1 {
        return Err(Error::usage("--expect needs a single request"));
    }
    let ca = args.authority.load(host)?;
    let delivery = Delivery::new(&order, destination, args.cluster.served(), &ca)?;
    let mut exit = Exit::Done;
    let count = inputs.len();
    let mut results = output::Collected::new(args.output.format, count);
    if inputs.is_empty() {
        let draft = Draft::for_new_key(host, &order, &ca)?;
        results.add(host, delivery.sign(host, draft)?)?;
    }
    for input in inputs {
        let done = Draft::for_request(host, &order, &ca, input)
            .and_then(|draft| delivery.sign(host, draft));
        match done {
            Ok(result) => results.add(host, result)?,
            Err(error) if count > 1 => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
            }
            Err(error) => return Err(error),
        }
    }
    results.finish(host, "IssuedCertificateList")?;
    Ok(exit)
}
