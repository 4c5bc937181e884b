//! Installing from a reply, which may be anybody's.

use std::path::Path;

use usercert_core::exchange::received::{self, Purpose};
use usercert_core::exchange::reply::{self, Reply, ReplyError};
use usercert_core::text::{show, show_path};
use usercert_core::x509::code::ExpectedCode;

use super::InstallArgs;
use super::sources::awaited_by;
use crate::error::{Error, Result, ResultExt as _};
use crate::ui::host::Host;
use crate::ui::output::LABEL;
use crate::workflow::installation::{self, CheckedCertificate};
use crate::workflow::placement::ClusterEntry;

/// The certificate and the cluster come from a reply, which may be anybody's.
pub(super) async fn from_reply(
    host: &Host,
    args: &InstallArgs,
    file: &Path,
) -> Result<CheckedCertificate> {
    let expected = match &args.expect_reply {
        Some(code) => Some(code.parse::<ExpectedCode>().context("--expect-reply").usage()?),
        None => None,
    };
    let input = host.input(file, reply::MAX_BYTES)?;
    let reply = Reply::parse(&input).map_err(|error| no_reply(file, &input, error))?;
    let endpoint = reply.endpoint();
    let awaited = awaited_by(args, &reply.chain, &endpoint, expected.is_some())?;
    // Nothing is connected to before the person has agreed to the server.
    confirm_reply(host, args, &reply, expected.as_ref())?;
    let Reply { cluster_name: name, namespace, chain, .. } = reply;
    let cluster = ClusterEntry { endpoint, name, namespace };
    installation::check(host, cluster, chain, awaited, args.trial()).await
}

/// What a file is that is not a reply.
fn no_reply(file: &Path, input: &[u8], error: ReplyError) -> Error {
    let name = show_path(file);
    match received::read(input).purpose {
        Purpose::Request => Error::new(format!("{name} is a request, not the reply to it")).hint(
            "nothing was written; send it to an admin, who answers with a reply:\n  \
             kubectl usercert approve -f FILE --reply FILE",
        ),
        Purpose::Key => Error::new(format!("{name} is a private key, not a reply"))
            .hint("nothing was written; keep it secret, and name it with --key"),
        _ => Error::new(format!("{name}: {}", Error::from(error).message)).hint(
            "nothing was written; ask the sender for a reply made with `kubectl usercert approve --reply`",
        ),
    }
}

fn confirm_reply(
    host: &Host,
    args: &InstallArgs,
    reply: &Reply,
    expected: Option<&ExpectedCode>,
) -> Result<()> {
    let code = reply.code();
    let leaf = reply.leaf()?;
    let groups: Vec<String> = leaf.subject.groups().iter().map(|g| show(g)).collect();
    let mut rows = vec![("Server", show(&reply.server))];
    rows.extend(reply.tls_server_name.as_ref().map(|name| ("  known as", show(name))));
    rows.extend(
        reply
            .ca
            .iter()
            .map(|ca| ("CA", format!("{} (sha256 {})", ca.subject.shown(), ca.fingerprint()))),
    );
    rows.push(("User", show(leaf.subject.user())));
    rows.push(("Groups", if groups.is_empty() { "(none)".to_owned() } else { groups.join(", ") }));
    rows.extend(reply.namespace.as_ref().map(|namespace| ("Namespace", show(namespace))));
    let mut text: String =
        rows.iter().map(|(label, value)| format!("{label:<LABEL$}{value}\n")).collect();
    text.push_str(
        "From then on, this server is trusted. A reply does not prove that it is the right one; the code does, if the \
         admin read the same one to you over another channel.",
    );
    let answered = args.yes || expected.is_some() || args.is_dry_run();
    // Where it is asked for, it must not be there to be copied.
    if answered || !host.can_ask() {
        text.push_str(&format!("\n{:<LABEL$}{}", "Code", code.short()));
    }
    host.say_before_asking(text, answered);
    let typed = match answered {
        true => None,
        false => {
            host.ask_code("Code that the admin read to you, or Enter to continue without it")?
        }
    };
    if let Some(expected) = expected.or(typed.as_ref()) {
        if expected.matches(&code) {
            return Ok(());
        }
        return Err(Error::refused(format!(
            "this is not the expected reply: its code is {}, not {expected} ({})",
            code.short(),
            expected.difference(&code)
        ))
        .hint(
            "nothing was written; check the code for a typo, then ask the admin for the reply and its code again",
        ));
    }
    if args.is_dry_run() {
        return Ok(());
    }
    if args.yes {
        host.say("note: the code was not compared; --expect-reply CODE does that");
    }
    host.confirm(&format!("Trust this cluster although code {code} was not compared?"), args.yes)
        .hint("give the code that the admin read to you with --expect-reply CODE")
}
