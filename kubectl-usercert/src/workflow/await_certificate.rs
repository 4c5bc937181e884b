//! From a submitted request to a certificate that has been checked: waiting, checking, trying out.

use std::collections::BTreeSet;
use std::time::Duration;

use usercert_core::api::csr::{self, Object, Progress, State};
use usercert_core::lifecycle::refusal;
use usercert_core::text::{shell_word, show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{self, Certificate, Check, Expected, Outcome};

use crate::cluster::{ApiError, Cluster, Need, UserInfo, WaitEnd, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::keys;
use crate::ui::host::{Host, Interrupted};
use crate::workflow::pending_request::RequestRecord;

/// Waits for the certificate of a request that was read as `seen`.
///
/// # Errors
/// Denied (exit 3), failed, vanished or replaced (1), or not there in time (5).
pub async fn wait(
    host: &Host,
    cluster: &Cluster,
    seen: Object,
    uid: &str,
    limit: Duration,
) -> Result<Object> {
    let name = seen.metadata.name.clone();
    conclude(&name, until_end(host, cluster, seen, uid, limit, None).await?)
}

/// Waits until the request comes to an end, or the time is up. `resume`: the command that goes on with it, if
/// that is not the one that runs.
///
/// # Errors
/// As the server answers, or interrupted.
pub(super) async fn until_end(
    host: &Host,
    cluster: &Cluster,
    seen: Object,
    uid: &str,
    limit: Duration,
    resume: Option<&str>,
) -> Result<WaitEnd> {
    let shown = show(&seen.metadata.name);
    let what = match seen.state() {
        State::Pending => format!("waiting for an admin to approve {shown}"),
        _ => format!("waiting for the certificate of {shown}"),
    };
    let waits = matches!(csr::progress(Some(&seen), uid), Progress::Waiting(_)) && !limit.is_zero();
    let waiting = cluster.wait(seen, uid, limit);
    let end = match waits {
        false => waiting.await,
        true => host.waiting(&what, waiting).await.map_err(|Interrupted| {
            let error = Error::timed_out(format!(
                "interrupted: the request {shown} has no certificate yet"
            ));
            match resume {
                Some(line) => error.hint(format!("to resume, run:\n  {line}")),
                None => error.hint(format!("to resume, run it again:\n  {}", host.command_line())),
            }
        })?,
    };
    end.map_err(|e| explain(&e, &cluster.server, &Need::Get))
}

pub fn conclude(name: &str, end: WaitEnd) -> Result<Object> {
    conclude_with(name, end, None)
}

/// The same for a wait that another command goes on with.
pub(super) fn conclude_with(name: &str, end: WaitEnd, resume: Option<&str>) -> Result<Object> {
    match end {
        WaitEnd::Progress(Progress::Issued, Some(object)) => Ok(*object),
        WaitEnd::Progress(progress, _) => Err(ended(name, progress)),
        WaitEnd::TimedOut(object) => Err(too_late(&object, resume)),
    }
}

/// Why nothing can be installed for a kept request that no server is known to have got.
pub(super) fn not_submitted(name: &str, pending: &RequestRecord, flags: &str) -> Error {
    Error::new(format!("the request {} was made, but did not reach the server", show(name)))
        .hint(format!("to submit it:\n  {}", pending.command(flags)))
}

/// Why the wait for this request is over without a certificate.
pub fn ended(name: &str, progress: Progress) -> Error {
    let shown = show(name);
    match progress {
        Progress::Ended(State::Denied { reason, message }) => Error::refused(format!(
            "the request {shown} was denied ({}): {}",
            show_short(&reason, 80),
            show_short(&message, 400)
        ))
        .hint("a decision is final; talk to the admin before you make a new request"),
        Progress::Ended(State::Failed { reason, message }) => Error::new(format!(
            "the request {shown} was approved, but the signer refused it ({}): {}",
            show_short(&reason, 80),
            show_short(&message, 400)
        ))
        .hint("it will not be tried again; fix what the signer names and make a new request"),
        Progress::Replaced => Error::new(format!(
            "another request has taken the name {shown}: this one was deleted and somebody submitted a new one"
        ))
        .hint("nothing of the other request was used; make your request again, it gets another name"),
        _ => Error::new(format!("the request {shown} is gone: deleted, or cleaned up"))
            .hint(
                "clusters remove an issued request after 1 to 2 hours and a pending one after a \
                 day;\n\
                 run the same `kubectl usercert request` again: it submits the kept request again",
            ),
    }
}

fn too_late(object: &Object, resume: Option<&str>) -> Error {
    let name = show(&object.metadata.name);
    let again = match resume {
        Some(line) => {
            format!("run the following; another `create` would make another certificate:\n  {line}")
        }
        None => "run the same command again".to_owned(),
    };
    match object.state() {
        State::Approved => Error::timed_out(format!(
            "the request {name} is approved, but no signer has acted on it"
        ))
        .hint(format!(
            "the cluster may not sign for {}: EKS does not, nor do clusters whose controller manager has no CA key;\n\
             ask its admin (clusters forget such a request after a day), then {again}",
            show(&object.spec.signer_name)
        )),
        _ => Error::timed_out(format!("the request {name} is still pending")).hint(format!(
            "ask an admin to approve it:\n  {}\nthen {again}",
            approve_line(object)
        )),
    }
}

/// The line to send to the admin; without the code, which is to travel another way.
pub fn approve_line(object: &Object) -> String {
    format!("kubectl usercert approve -- {}", shell_word(&object.metadata.name))
}

/// Checks a certificate against request, key and the cluster's CA, and says so line by line.
pub(super) fn check(
    host: &Host,
    chain: &[Certificate],
    expected: &Expected,
    ca: &[Certificate],
) -> Result<Vec<Check>> {
    let checks = compare(chain, expected, ca, host.now())?;
    tell(host, &checks);
    passed(&checks)?;
    Ok(checks)
}

pub fn compare(
    chain: &[Certificate],
    expected: &Expected,
    ca: &[Certificate],
    now: UnixTime,
) -> Result<Vec<Check>> {
    let leaf = chain.first().ok_or_else(|| Error::new("the answer contains no certificate"))?;
    let signed = keys::verify_chain(leaf, chain.get(1..).unwrap_or_default(), ca);
    let mut checks = certificate::check(leaf, expected, signed, now);
    checks.extend(certificate::refusals(chain, ca, now));
    Ok(checks)
}

pub fn passed(checks: &[Check]) -> Result<()> {
    if !certificate::any_failed(checks) {
        return Ok(());
    }
    let why: Vec<&str> =
        checks.iter().filter(|c| c.outcome == Outcome::Fail).map(|c| c.message.as_str()).collect();
    Err(Error::new(format!("this certificate cannot be installed: {}", why.join("; ")))
        .hint("nothing was written and the key is kept; ask for a certificate that answers your own request"))
}

pub(super) fn tell(host: &Host, checks: &[Check]) {
    for check in checks {
        let mark = match check.outcome {
            Outcome::Pass => "ok",
            Outcome::Note => "note",
            Outcome::Fail => "FAILED",
        };
        let line = format!("{mark:<7}{:<9}{}", check.code, check.message);
        if check.outcome == Outcome::Fail { host.warn(line) } else { host.say(line) }
    }
}

/// Tries the certificate on the server, in memory, on a connection of its own.
///
/// # Errors
/// When the server takes it for somebody else or not at all. A server out of reach is no error.
pub async fn try_out(
    cluster: &Cluster,
    chain: &[Certificate],
    user: &str,
    groups: &BTreeSet<String>,
) -> Result<Check> {
    let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate to try"))?;
    let note = |message: String| Check { code: "server", outcome: Outcome::Note, message };
    match cluster.who_am_i().await {
        Ok(info) => recognized(&info, leaf, user, groups),
        // Somebody else's server, or a certificate that ended before it was used.
        Err(error) if error.is_untrusted() || refusal(&error.to_string()).is_some() => {
            Err(explain(&error, &cluster.server, &Need::WhoAmI)
                .hint("nothing was written, the key is kept"))
        }
        Err(error) if error.is_unreachable() => {
            let why = explain(&error, &cluster.server, &Need::WhoAmI).message;
            Ok(note(format!("not verified: {why}")))
        }
        Err(error) if error.code() == 401 => {
            Err(Error::new("the server does not accept the certificate (401 Unauthorized)").hint(
                "its issuer is not among the server's client CAs, or a clock is wrong; nothing was \
                 written, the key is kept\n\
                 (`kubectl usercert install --no-verify` installs it anyway)",
            ))
        }
        Err(ApiError::Status(s)) if s.code == 403 && s.message.contains("system:anonymous") => {
            Err(Error::new("the server saw no certificate, only system:anonymous").hint(
                "something in between terminates the TLS connection; nothing was written, the key \
                 is kept\n\
                 (`kubectl usercert install --no-verify` installs it anyway)",
            ))
        }
        // Authenticated, but not even this review is allowed.
        Err(ApiError::Status(s)) if s.code == 403 && refused_user(&s.message, user).is_some() => {
            match refused_user(&s.message, user) {
                Some(true) => {
                    let message = format!(
                        "the server recognizes {} but does not let it ask who it is",
                        show(user)
                    );
                    Ok(Check { code: "server", outcome: Outcome::Pass, message })
                }
                _ => Err(Error::new(format!(
                    "the server recognizes somebody else: {}",
                    show_short(&s.message, 300)
                ))
                .hint(
                    "something between this machine and the server answers in its place; nothing \
                     was written",
                )),
            }
        }
        Err(error) => Ok(note(format!(
            "not verified: {}",
            explain(&error, &cluster.server, &Need::WhoAmI).message
        ))),
    }
}

/// Whether a refusal is for this user; nothing where it names none, or one whose name Go quotes in ways
/// of its own.
fn refused_user(message: &str, user: &str) -> Option<bool> {
    let (_, named) = message.split_once("User \"")?;
    let quoted = format!("{user:?}");
    if quoted.contains("\\u") {
        return None;
    }
    // Go and Rust quote all others alike.
    Some(format!("\"{named}").starts_with(&format!("{quoted} cannot ")))
}

fn recognized(
    info: &UserInfo,
    leaf: &Certificate,
    user: &str,
    groups: &BTreeSet<String>,
) -> Result<Check> {
    let found: BTreeSet<String> = info.groups.iter().cloned().collect();
    let credential = format!("X509SHA256={}", leaf.fingerprint());
    let problem = if info.username != user {
        Some(format!("the server recognizes another user, {}", show(&info.username)))
    } else if !groups.is_subset(&found) {
        let missing: Vec<String> = groups.difference(&found).map(|g| show(g)).collect();
        Some(format!("the server does not see the groups {}", missing.join(", ")))
    } else if info.credential().is_some_and(|c| c != credential) {
        Some("the server saw another certificate".to_owned())
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(Error { exit: Exit::Failed, ..Error::new(problem) }.hint(
            "something between this machine and the server answers in its place; nothing was written",
        ));
    }
    let groups: Vec<String> = info.groups.iter().map(|g| show(g)).collect();
    Ok(Check {
        code: "server",
        outcome: Outcome::Pass,
        message: format!("the server says: {} (groups {})", show(user), groups.join(", ")),
    })
}

pub fn chain_of(object: &Object) -> Result<Vec<Certificate>> {
    let pem = object.certificate_pem()?;
    Certificate::chain_from_pem(&pem).context("the issued certificate cannot be used")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_api_server_accepts_is_not_installed() {
        let pem = include_bytes!("../../../core/tests/data/expired.pem");
        let mut leaf = Certificate::chain_from_pem(pem).unwrap().remove(0);
        leaf.unknown_critical = vec!["1.2.3".to_owned()];
        let expected = Expected {
            spki: leaf.key.spki.clone(),
            user: leaf.subject.user().to_owned(),
            groups: leaf.subject.groups(),
            lifetime: None,
        };
        let now = leaf.not_after;
        let failed = |leaf: &Certificate| {
            let checks = compare(std::slice::from_ref(leaf), &expected, &[], now).unwrap();
            certificate::any_failed(&checks)
        };
        assert!(failed(&leaf));
        leaf.unknown_critical.clear();
        assert!(!failed(&leaf));
    }

    #[test]
    fn a_refusal_is_for_the_user_that_it_names() {
        let refused = |named: &str| {
            format!(
                "selfsubjectreviews.authentication.k8s.io is forbidden: User {named} cannot create \
                 resource \"selfsubjectreviews\" in API group \"authentication.k8s.io\" at the cluster scope"
            )
        };
        for (message, user, known) in [
            (refused(r#""alice""#), "alice", Some(true)),
            (refused(r#""bob""#), "alice", Some(false)),
            (refused(r#""bob says \"alice\"""#), "alice", Some(false)),
            (refused(r#""a\"b\\c""#), r#"a"b\c"#, Some(true)),
            (refused(r#""alice cannot b""#), "alice", Some(false)),
            (refused(r#""a\u200db""#), "a\u{200d}b", None),
            ("go away, alice".to_owned(), "alice", None),
        ] {
            assert_eq!(refused_user(&message, user), known, "{message}");
        }
    }
}
