//! `verify [CONTEXT]`.

use clap::Args;
use serde_json::json;
use usercert_core::api::token;
use usercert_core::kubeconfig::self_renewing;
use usercert_core::lifecycle::credential::renewal_in_words;
use usercert_core::lifecycle::{Fingerprint, Layer, Refusal};
use usercert_core::text::{shell_word, show};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::{self, Cluster, Credentials, Need, Target, UserInfo, explain};
use crate::error::{Error, Exit, Result};
use crate::files::program;
use crate::ui::args::{ClientArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::revocation::{self, Known, Trial};
use crate::workflow::self_renewal::ask_anew;
use crate::workflow::stored_credential::OpenStore;

/// Ask the server who this context is, and explain the answer
///
/// Examples:
///
///   kubectl usercert verify
///
///   kubectl usercert verify alice@prod
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct VerifyArgs {
    /// Context to verify, instead of the current one
    #[arg(value_name = "CONTEXT", conflicts_with = "context")]
    pub name: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &VerifyArgs) -> Result<Exit> {
    let mut client = args.client.clone();
    let acts_for = client.as_user.is_some() || client.as_uid.is_some();
    if acts_for || !client.as_group.is_empty() || !client.as_user_extra.is_empty() {
        return Err(Error::usage(
            "verify uses only the context's own certificate or token; --as cannot be combined with it",
        )
        .hint("to ask as somebody else: kubectl auth whoami --as USER"));
    }
    if args.name.is_some() {
        client.context.clone_from(&args.name);
    }
    let target = Target::resolve(&client)?;
    if let Some(other) = &target.resolved.user.impersonate {
        host.warn(format!(
            "warning: in kubectl, this context impersonates {} (as: in its user entry); only the \
             user behind it is verified",
            show(other)
        ));
    }
    let timeout = client.request_timeout;
    let mut token_end = None;
    let (cluster, leaf) = match target.credentials()? {
        Credentials::Certificate { chain, key_pem } => {
            let leaf = chain.first().cloned();
            if let Some(leaf) = &leaf {
                // With a certificate of another place, the context is not where it belongs.
                let own = client.client_certificate.is_none() && client.user.is_none();
                let context = target.resolved.context_name.as_deref().filter(|_| own);
                check_time(host, leaf, &target, context)?;
            }
            let key = String::from_utf8_lossy(&key_pem);
            (Cluster::with_certificate(&target.endpoint, &chain, &key, timeout)?, leaf)
        }
        Credentials::Token(token) => {
            token_end = token::end(&token);
            (Cluster::with_token(&target.endpoint, &token, timeout)?, None)
        }
        Credentials::Other(what) => {
            return Err(Error::new(format!(
                "this context authenticates with {what}, not with a certificate"
            ))
            .hint("`kubectl auth whoami` asks the server with it"));
        }
        Credentials::None => {
            return Err(Error::new(format!(
                "the user entry {} has no certificate with a key, and no token",
                show(&target.resolved.user_name)
            ))
            .hint("a reply without its key? `kubectl usercert install --reply FILE` puts both together"));
        }
    };
    let cluster = cluster.known_as(&target.who());
    let info = cluster.who_am_i().await.map_err(|error| match error.code() {
        401 => refused(leaf.as_ref(), token_end.map(|end| (end, host.now())), &target),
        _ => explain(&error, &cluster.server, &Need::WhoAmI),
    })?;
    compare(&info, leaf.as_ref())?;
    // Where only the admission policy refuses, the server still says who this is.
    let revoked = Known::read(&cluster).await;
    if let (Some(list), Some(leaf)) = (revoked.list(), &leaf)
        && let Some(blocked) = list.blocked(&Fingerprint::of(&leaf.der), &info.username)
    {
        let reason = Some(blocked.entry.line.clone());
        let refusal = Refusal { layer: Layer::Admission, reason };
        return Err(cluster::revoked(&refusal, &cluster.server, Some(&target.who())));
    }
    let unknown = revoked.why_unknown().filter(|_| leaf.is_some());
    if let Some(why) = unknown {
        match revocation::tried(&cluster).await {
            Trial::Refused(refusal) => {
                return Err(cluster::revoked(&refusal, &cluster.server, Some(&target.who())));
            }
            Trial::Passes => host.say(format!(
                "note: the server does not refuse this certificate as revoked; cannot tell whether it is on the list: {why}"
            )),
            Trial::Unknown => {
                host.say(format!("note: cannot tell whether this certificate was revoked: {why}"));
            }
        }
    }
    let is_revoked = leaf.as_ref().filter(|_| unknown.is_none()).map(|_| false);
    print(host, args, &target, &info, leaf.as_ref(), (token_end, is_revoked))?;
    check_program(host, &target);
    Ok(Exit::Done)
}

/// kubectl runs the entry's program, which this command has not taken.
fn check_program(host: &Host, target: &Target) {
    let user = &target.resolved.user;
    if self_renewing::store_of(user).is_none() {
        return;
    }
    let command = user.exec.as_ref().and_then(|exec| exec["command"].as_str()).unwrap_or_default();
    if program::find(command).is_none() {
        let context = target.resolved.context_name.as_deref().unwrap_or_default();
        host.warn(format!(
            "warning: kubectl cannot run {}, which the entry names; to correct it: kubectl usercert \
             renew --auto -- {}",
            show(command),
            shell_word(context)
        ));
    }
}

/// A certificate out of its validity needs no server to be found useless.
fn check_time(
    host: &Host,
    leaf: &Certificate,
    target: &Target,
    context: Option<&str>,
) -> Result<()> {
    let now = host.now();
    let renews_itself = self_renewing::store_of(&target.resolved.user).is_some();
    if now > leaf.not_after {
        return Err(Error::new(format!(
            "the certificate of {} {}, at {}",
            show(leaf.subject.user()),
            expiry_in_words(leaf.not_after, now),
            leaf.not_after
        ))
        .hint(ask_anew(context, leaf, renews_itself)));
    }
    if now < leaf.not_before {
        host.warn(format!(
            "warning: the certificate is not valid before {}; this machine's clock says {now} (server {})",
            leaf.not_before,
            show(&target.endpoint.server)
        ));
    }
    Ok(())
}

fn refused(
    leaf: Option<&Certificate>,
    token: Option<(UnixTime, UnixTime)>,
    target: &Target,
) -> Error {
    let server = show(&target.endpoint.server);
    let Some(leaf) = leaf else {
        if let Some((end, now)) = token.filter(|(end, now)| now >= end) {
            let expired = expiry_in_words(end, now);
            return Error::new(format!("{server} does not accept the token: it {expired}"))
                .hint("request a new one: kubectl usercert token");
        }
        return Error::new(format!("{server} does not accept the token (401 Unauthorized)"))
            .hint("it has expired, its service account was deleted, or it is for another cluster");
    };
    let error = Error::new(format!("{server} does not accept the certificate (401 Unauthorized)"));
    if !leaf.allows_client_auth() {
        return error.hint("the certificate is not for client authentication");
    }
    error.hint(format!(
        "it has not expired, so its issuer {} is not among the server's client CAs:\n\
         the certificate is for another cluster, the CA was rotated, or a clock is wrong",
        leaf.issuer.shown()
    ))
}

fn compare(info: &UserInfo, leaf: Option<&Certificate>) -> Result<()> {
    let Some(leaf) = leaf else { return Ok(()) };
    if info.username == "system:anonymous" {
        return Err(Error::new("the server saw no certificate, only system:anonymous").hint(
            "something in between, such as a proxy, terminates the TLS connection, or the \
             certificate names no user",
        ));
    }
    if info.username != leaf.subject.user() {
        return Err(Error::new(format!(
            "the server says {}, but the certificate is for {}",
            show(&info.username),
            show(leaf.subject.user())
        ))
        .hint(
            "check whether the context impersonates somebody (as:), or a proxy authenticates in its place",
        ));
    }
    let credential = format!("X509SHA256={}", leaf.fingerprint());
    match info.credential() {
        Some(seen) if seen != credential => {
            Err(Error::new(format!("the server saw another credential: {}", show(seen))))
        }
        _ => Ok(()),
    }
}

fn print(
    host: &Host,
    args: &VerifyArgs,
    target: &Target,
    info: &UserInfo,
    leaf: Option<&Certificate>,
    (token_end, is_revoked): (Option<UnixTime>, Option<bool>),
) -> Result<()> {
    let context = target.resolved.context_name.clone().unwrap_or_default();
    let store = self_renewing::store_of(&target.resolved.user);
    let renews_itself = store.is_some();
    let attempts = store.and_then(|store| OpenStore::of(&store).ok()?.attempts());
    let value = output::object(
        "Verification",
        json!({
            "context": context, "server": target.endpoint.server,
            "user": info.username, "groups": info.groups, "uid": info.uid,
            "credentialId": info.credential(),
            "sameCertificate": leaf.map(|_| info.credential().is_some()),
            "notAfter": leaf.map(|l| l.not_after).or(token_end),
            "renewsItself": renews_itself, "revoked": is_revoked,
            "notRenewed": attempts.as_ref().map(|a| json!({ "waits": a.waits(), "why": a.why })),
        }),
    );
    output::print(host, args.output.format, &value, &[format!("context/{context}")], |_| {
        let groups: Vec<String> = info.groups.iter().map(|g| show(g)).collect();
        let mut text = format!(
            "{:<12}{}\n{:<12}{}\n{:<12}{}\n{:<12}{}\n",
            "Context",
            show(&context),
            "Server",
            show(&target.endpoint.server),
            "User",
            show(&info.username),
            "Groups",
            groups.join(", "),
        );
        if let Some(leaf) = leaf {
            let same = match info.credential() {
                Some(_) => "the server saw this very certificate",
                None => "the server does not say which certificate it saw (before Kubernetes 1.32)",
            };
            text.push_str(&format!(
                "{:<12}{} ({})\n{:<12}{same}\n",
                "Until",
                leaf.not_after,
                expiry_in_words(leaf.not_after, host.now()),
                "Credential"
            ));
            if renews_itself {
                text.push_str(&format!(
                    "{:<12}{}\n",
                    "Renewal",
                    renewal_in_words(leaf, attempts.as_ref(), host.now())
                ));
            }
        }
        if let Some(end) = token_end {
            let left = expiry_in_words(end, host.now());
            text.push_str(&format!("{:<12}{end} ({left})\n", "Until"));
        }
        text
    })?;
    if attempts.is_some_and(|attempts| !attempts.waits()) {
        host.say(format!(
            "To try the renewal now: kubectl usercert renew -- {}",
            shell_word(&context)
        ));
    }
    Ok(())
}
