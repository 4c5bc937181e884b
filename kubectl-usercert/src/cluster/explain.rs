//! Failures of the API server and of the way there, in words and with what to do next.

use usercert_core::api::rbac::{API_GROUP, Rule};
use usercert_core::lifecycle::{self, NAMESPACE, Refusal};
use usercert_core::text::{show, show_lines, show_short};

use super::failure::ApiError;
use super::transport::transport_message;
use crate::error::Error;

const CERTIFICATES: &str = "certificates.k8s.io";

/// What was being attempted, to say which permission it needs.
#[derive(Clone, Debug)]
pub enum Need {
    Create,
    /// Submit a request of one's own, and wait for its certificate.
    Submit,
    Get,
    List,
    Decide(String),
    Sign(String),
    RootCa,
    WhoAmI,
    /// Do what this rule allows.
    Allowed(Rule),
    /// Do what this rule allows; a ClusterRole of ours has it.
    InRole(Rule, &'static str),
    /// Do what this rule allows in our namespace; a Role of ours there has it.
    InNamespace(Rule, &'static str),
    /// Make and change the objects of `revocations install`.
    Install,
}

fn requests(verbs: &[&str]) -> Rule {
    Rule::allowing(verbs, CERTIFICATES, &["certificatesigningrequests"])
}

fn update(subresource: &str) -> Rule {
    Rule::allowing(&["update"], CERTIFICATES, &[subresource])
}

fn signer(verb: &str, name: &str) -> Rule {
    Rule::allowing(&[verb], CERTIFICATES, &["signers"]).of(name)
}

impl Need {
    /// To use a verb on a resource of RBAC.
    pub fn rbac(verbs: &[&str], resource: &str) -> Self {
        Self::Allowed(Rule::allowing(verbs, API_GROUP, &[resource]))
    }

    /// Which of several rules the server missed, by what it says. The built-in approver roles hold
    /// the one for signers only.
    fn missing(&self, message: &str) -> Option<Rule> {
        match self {
            Self::Decide(name) if message.contains("not permitted to approve requests") => {
                Some(signer("approve", name))
            }
            Self::Decide(_) if message.contains("cannot update resource") => {
                Some(update("certificatesigningrequests/approval"))
            }
            _ => None,
        }
    }

    /// The RBAC rules that allow it, as YAML.
    fn rules(&self) -> String {
        let read_all = || requests(&["get", "list", "watch"]);
        let rules = match self {
            Self::Create => vec![requests(&["create"])],
            Self::Submit => vec![requests(&["create", "get", "list", "watch"])],
            Self::Get => vec![requests(&["get", "watch"])],
            Self::List => vec![read_all()],
            Self::Decide(name) => vec![
                read_all(),
                update("certificatesigningrequests/approval"),
                signer("approve", name),
            ],
            Self::Sign(name) => {
                vec![read_all(), update("certificatesigningrequests/status"), signer("sign", name)]
            }
            Self::RootCa => {
                vec![Rule::allowing(&["get"], "", &["configmaps"]).of("kube-root-ca.crt")]
            }
            Self::WhoAmI => {
                vec![Rule::allowing(&["create"], "authentication.k8s.io", &["selfsubjectreviews"])]
            }
            Self::Allowed(rule) | Self::InRole(rule, _) | Self::InNamespace(rule, _) => {
                vec![rule.clone()]
            }
            Self::Install => Vec::new(),
        };
        rules.iter().map(Rule::to_yaml).collect()
    }
}

pub fn explain(error: &ApiError, server: &str, need: &Need) -> Error {
    match error {
        ApiError::Status(status) => answered(status, server, need),
        ApiError::Revoked(status, who) => match lifecycle::refusal(&status.message) {
            Some(refusal) => revoked(&refusal, server, Some(who)),
            None => answered(status, server, need),
        },
        ApiError::Busy(status, pause) => Error::new(format!(
            "Error from server ({}): {} (retry after {} seconds)",
            show_lines(&status.reason, 60),
            show_lines(&status.message, 2000),
            pause.as_secs()
        ))
        .hint("this command does not wait that long; try again later"),
        ApiError::Timeout(after) => {
            Error::new(format!("{}: no answer within {}s", show(server), after.as_secs_f32()))
                .hint("the server or the network is slow; raise --request-timeout, or --timeout if that is shorter")
        }
        ApiError::Malformed(_) => {
            Error::new(format!("{}: {}", show(server), show_lines(&error.to_string(), 2000)))
                .hint("check that this is the address of an API server, without a proxy in between")
        }
        ApiError::Credential(why) => Error::new(why),
        ApiError::Transport(error) => unreachable_server(error, server),
    }
}

fn answered(status: &kube::core::response::Status, server: &str, need: &Need) -> Error {
    if let Some(refusal) = lifecycle::refusal(&status.message) {
        return revoked(&refusal, server, None);
    }
    let message = show_lines(&status.message, 2000);
    match (status.code, status.reason.as_str()) {
        (401, _) => Error::new("You must be logged in to the server (Unauthorized)").hint(
            "the server did not accept the credentials of this context: a certificate that has expired\n\
             or that its CA did not sign, or a stale token; `kubectl usercert verify` says which",
        ),
        (403, _) => {
            let mut error = Error::new(format!("Error from server (Forbidden): {message}"));
            if status.message.contains("User \"system:anonymous\"") {
                return error.hint(
                    "the server saw no credentials at all: the context's user entry holds none, or is missing;\n\
                     `kubectl usercert contexts` shows which\n\
                     (without any access yet: `kubectl usercert request NAME --offline`)",
                );
            }
            if status.message.contains("cannot impersonate") {
                return error.hint(
                    "--as takes the right to impersonate; an admin grants this with a ClusterRole whose rules are\n\
                     - apiGroups: [\"\"]\n  resources: [users, groups]\n  verbs: [impersonate]",
                );
            }
            if let Some(missing) = need.missing(&status.message) {
                error = error.hint(format!("the missing rule is\n{}", missing.to_yaml().trim_end()));
            }
            let role = match need {
                Need::InRole(_, name) => format!("the ClusterRole {name}, or one"),
                Need::InNamespace(_, name) => {
                    format!("the Role {name} in namespace {NAMESPACE}, or one")
                }
                Need::Install => {
                    return error.hint(
                        "an admin of the cluster (ClusterRole cluster-admin) runs it, or applies what\n\
                         `kubectl usercert revocations install --dry-run=client -o yaml` prints",
                    );
                }
                _ => "a ClusterRole".to_owned(),
            };
            error.hint(format!("an admin can grant this with {role} whose rules are\n{}", need.rules().trim_end()))
        }
        (404, _) if status.details.is_none() || message.contains("could not find the requested resource") => {
            Error::new(format!("Error from server (NotFound): {message}"))
                .hint("this server does not serve certificates.k8s.io/v1; is it Kubernetes 1.19 or newer?")
        }
        (429, _) => Error::new(format!("Error from server (TooManyRequests): {message}"))
            .hint("the server is overloaded; try again later"),
        (422, _) => {
            // The message repeats the whole request; the causes say what is wrong with it.
            let causes = status.details.iter().flat_map(|d| &d.causes);
            let listed: Vec<String> = causes
                .map(|c| format!("{}: {}", show_lines(&c.field, 200), tail(&c.message)))
                .collect();
            let what = if listed.is_empty() { tail(&status.message) } else { listed.join("\n  ") };
            Error::new(format!("Error from server (Invalid): the server rejects the request:\n  {what}"))
        }
        (_, reason) => {
            let reason = if reason.is_empty() { "Unknown" } else { reason };
            let error =
                Error::new(format!("Error from server ({}): {message}", show_lines(reason, 60)));
            match message.contains("HTTP request to an HTTPS server") {
                true => error.hint("the address needs https:// in front, as --server https://HOST:PORT"),
                false => error,
            }
        }
    }
}

/// What somebody is told whose certificate was revoked; `who` is safe to show.
pub fn revoked(refusal: &Refusal, server: &str, who: Option<&str>) -> Error {
    let reason = match &refusal.reason {
        Some(reason) => format!(": {}", show_short(reason, 300)),
        // Only the admission policy gives it.
        None => "; the API server gives no reason".to_owned(),
    };
    let who = who.map_or_else(String::new, |who| format!("{who}, "));
    Error::new(format!("this certificate was revoked{reason}"))
        .hint(format!("{who}server {}: ask your admin for a new certificate", show(server)))
}

/// The end of a message whose front may hold a value of thousands of characters.
fn tail(message: &str) -> String {
    let cut = match (message.find("Invalid value: \""), message.rfind("\": ")) {
        (Some(from), Some(to)) if to > from + 200 => {
            format!("{}…{}", &message[..from], &message[to + 1..])
        }
        _ => message.to_owned(),
    };
    show_lines(&cut, 600)
}

fn unreachable_server(error: &kube::Error, server: &str) -> Error {
    let detail = transport_message(error);
    let detail = detail.strip_prefix("invalid peer certificate: ").unwrap_or(&detail);
    let has = |what: &str| detail.contains(what);
    let server = show(server);
    if has("NotValidForName") || has("not valid for name") || has("not valid for any names") {
        let others =
            valid_names(detail).map_or_else(String::new, |names| format!(", only for {names}"));
        Error::new(format!(
            "{server}: the server's certificate is not valid for this name{others}"
        ))
        .hint(
            "connect to a name that the certificate is valid for, or give that name with --tls-server-name",
        )
    } else if has("UnknownIssuer") || has("BadSignature") {
        Error::new(format!(
            "{server}: the server's certificate is not signed by the CA of this cluster entry"
        ))
        .hint(
            "either the kubeconfig's certificate-authority is out of date, or another server \
                   answers; do not skip the check",
        )
    } else if has("CaUsedAsEndEntity") {
        Error::new(format!(
            "{server}: the server uses the certificate of a CA as its own, which is not accepted here"
        ))
        .hint("give the API server a certificate that its CA has signed")
    } else if has("certificate expired") || has("Expired") || has("NotValidYet") {
        Error::new(format!(
            "{server}: the server's certificate has expired or is not valid yet: {detail}"
        ))
        .hint("check this machine's clock; if it is right, renew the server's certificate")
    } else if has("Connection refused") || has("tcp connect error") {
        Error::new(format!(
            "The connection to the server {server} was refused - did you specify the right host or port? ({detail})"
        ))
        .hint("check that the server is up and that this is the right context: kubectl config get-contexts")
    } else if has("dns error") || has("failed to lookup") {
        Error::new(format!("{server}: the name does not resolve: {detail}"))
            .hint("check the server's address in the kubeconfig, and the VPN if you need one")
    } else {
        Error::new(format!("Unable to connect to the server {server}: {detail}"))
    }
}

/// The names in the TLS library's list, `DnsName("a") or IpAddress(10.0.0.1)`.
fn valid_names(detail: &str) -> Option<String> {
    let (_, names) = detail.split_once("only valid for ")?;
    let bare = names.replace("DnsName(\"", "").replace("IpAddress(", "");
    Some(bare.replace("\")", "").replace(')', ""))
}
