//! `token SERVICEACCOUNT`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use usercert_core::api::rbac::Rule;
use usercert_core::api::token::{self, Token, TokenLifetime};
use usercert_core::text::{shell_word, show, show_lines};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::lifetime::expiry_in_words;
use zeroize::Zeroizing;

use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::atomic;
use crate::files::folder::Access;
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::kubeconfig_writer;
use crate::workflow::placement;

/// Seconds by which a granted lifetime may differ without being told.
const TOLERANCE: i64 = 60;

/// Make a kubeconfig for a service account, with a token of limited lifetime
///
/// For robots: deleting the service account ends its tokens. The token goes into a file that only you
/// can read, never onto the terminal. Nothing renews it.
///
/// Examples:
///
///   kubectl usercert token deployer -n ci --standalone deployer.conf
///
///   kubectl usercert token deployer -n ci --expires 8h --standalone - |
///     ssh robot 'umask 077; cat > .kube/config'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct TokenArgs {
    /// Name of the service account, in the namespace given with -n or that of the context
    #[arg(value_name = "SERVICEACCOUNT")]
    pub name: String,
    /// Write the kubeconfig to this file, which must not exist; "-" is standard output
    #[arg(long, value_name = "FILE")]
    pub standalone: PathBuf,
    /// Lifetime to request, such as 1h, 30d or 12w; the server may grant less
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", default_value = "1h")]
    pub expires: String,
    /// Audience of the token, instead of the API server; repeat for several
    #[arg(long = "audience", value_name = "NAME")]
    pub audiences: Vec<String>,
    /// Name of the context and user entry, instead of SERVICEACCOUNT@CLUSTER
    #[arg(long, value_name = "NAME")]
    pub context_name: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &TokenArgs) -> Result<Exit> {
    let lifetime = args.expires.parse::<TokenLifetime>().context("--expires").usage()?;
    let dry = args.dry_run.dry_run;
    let to_stdout = args.standalone.as_os_str() == "-";
    // A dry run prints no token.
    let token_on_stdout = to_stdout && dry == DryRun::None;
    if token_on_stdout && args.output.format.is_some() {
        return Err(Error::usage("-o and the kubeconfig cannot both go to standard output")
            .hint("write the kubeconfig to a file: --standalone FILE"));
    }
    if token_on_stdout && host.shows_results() {
        return Err(Error::usage("standard output is a terminal, which would show the token")
            .hint("write it to a file: --standalone FILE; or use a pipe"));
    }
    if !to_stdout {
        placement::must_be_new(&args.standalone)?;
    }
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let namespace = target.namespace().unwrap_or("default").to_owned();

    if dry != DryRun::None {
        return dry_run(host, args, &cluster, &namespace, lifetime).await;
    }
    let (token, warnings) = ask(&cluster, args, &namespace, lifetime).await?;
    warn(host, &warnings);
    let user = token::user_name(&namespace, &args.name);
    try_out(host, args, &target, &token, &user).await?;

    let context_name = args
        .context_name
        .clone()
        .unwrap_or_else(|| format!("{}@{}", args.name, target.cluster_name()));
    let text = Zeroizing::new(kubeconfig_writer::one_context(
        &context_name,
        target.cluster_name(),
        &target.endpoint,
        json!({ "token": *token.secret }),
        Some(&namespace),
    )?);
    let lasts = in_words(lifetime, &token, host.now());
    let about = format!("service account {} in namespace {}", show(&args.name), show(&namespace));
    if to_stdout {
        host.result(&*text)?;
        host.say(format!("Token of the {about}: {lasts}"));
        return Ok(Exit::Done);
    }
    write(&args.standalone, &text)?;
    let file = args.standalone.display().to_string();
    let value = output::object(
        "ServiceAccountToken",
        json!({
            "serviceAccount": args.name, "namespace": namespace, "user": user,
            "context": context_name, "cluster": target.cluster_name(),
            "server": target.endpoint.server, "files": [file], "audiences": args.audiences,
            "expirationSeconds": lifetime.seconds(), "notAfter": token.expires, "warnings": warnings,
        }),
    );
    let name = format!("context/{context_name}");
    output::print(host, args.output.format, &value, &[name], |_| {
        format!("token of the {about} written to {}: {lasts}", show(&file))
    })?;
    host.say(format!("Try it: kubectl --kubeconfig {} auth whoami", shell_word(&file)));
    Ok(Exit::Done)
}

/// Prints the object that would be sent; on the server, asks for a token and throws it away.
async fn dry_run(
    host: &Host,
    args: &TokenArgs,
    cluster: &Cluster,
    namespace: &str,
    lifetime: TokenLifetime,
) -> Result<Exit> {
    let dry = args.dry_run.dry_run;
    let mut lasts = format!("for {}", human_duration(lifetime.seconds()));
    if dry == DryRun::Server {
        let (token, warnings) = ask(cluster, args, namespace, lifetime).await?;
        warn(host, &warnings);
        lasts = in_words(lifetime, &token, host.now());
    }
    let mut manifest = token::request(lifetime, &args.audiences);
    manifest["metadata"] = json!({ "name": args.name, "namespace": namespace });
    let name = format!("serviceaccount/{}", args.name);
    output::print(host, args.output.format, &manifest, &[name], |_| {
        let about = format!("{} in namespace {}", show(&args.name), show(namespace));
        format!("token of the service account {about} requested: {lasts}{}", dry.mark())
    })?;
    Ok(Exit::Done)
}

fn warn(host: &Host, warnings: &[String]) {
    for warning in warnings {
        host.warn(format!("Warning: {}", show_lines(warning, 500)));
    }
}

async fn ask(
    cluster: &Cluster,
    args: &TokenArgs,
    namespace: &str,
    lifetime: TokenLifetime,
) -> Result<(Token, Vec<String>)> {
    let request = token::request(lifetime, &args.audiences);
    let dry_run = args.dry_run.dry_run == DryRun::Server;
    let answer =
        cluster.token(namespace, &args.name, &request, dry_run).await.map_err(|error| {
            if error.reason() == "NotFound" {
                let namespace_flag = shell_word(namespace);
                return Error::new(format!(
                "there is no service account {} in namespace {}",
                show(&args.name),
                show(namespace)
            ))
            .hint(format!(
                "`kubectl get serviceaccounts -n {namespace_flag}` lists them; to create it:\n  \
                 kubectl create serviceaccount -n {namespace_flag} -- {}",
                shell_word(&args.name)
            ));
            }
            let need = Need::Allowed(Rule::allowing(&["create"], "", &["serviceaccounts/token"]));
            explain(&error, &cluster.server, &need)
        })?;
    let token = token::read(&answer.value)
        .ok_or_else(|| Error::new("the server's answer contains no token"))?;
    Ok((token, answer.warnings))
}

async fn try_out(
    host: &Host,
    args: &TokenArgs,
    target: &Target,
    token: &Token,
    user: &str,
) -> Result<()> {
    let fresh = Cluster::with_token(&target.endpoint, &token.secret, args.client.request_timeout)?;
    match fresh.who_am_i().await {
        Ok(info) if info.username == user => {
            host.say(format!("ok     server   the server says: {}", show(user)));
            Ok(())
        }
        Ok(info) => Err(Error::new(format!(
            "the server says that the token belongs to {}",
            show(&info.username)
        ))
        .hint("something between this machine and the server answers in its place; nothing was written")),
        Err(error) if error.code() == 401 && !args.audiences.is_empty() => {
            host.warn("note: as requested, the token is for another audience: the API server itself \
                       does not accept it");
            Ok(())
        }
        Err(error) if error.code() == 401 => {
            Err(Error::new("the server does not accept the token that it gave (401 Unauthorized)")
                .hint("nothing was written; check that the service account is not being deleted, \
                       and that no other server answers here"))
        }
        Err(error) => {
            let why = explain(&error, &fresh.server, &Need::WhoAmI).message;
            host.warn(format!("note: not verified: {why}"));
            Ok(())
        }
    }
}

/// How long the token lasts, and what was asked if that is something else.
fn in_words(asked: TokenLifetime, token: &Token, now: UnixTime) -> String {
    let granted = token.expires.since(now);
    let lasts = format!("{} (at {})", expiry_in_words(token.expires, now), token.expires);
    if (granted - asked.seconds()).abs() <= TOLERANCE {
        return lasts;
    }
    format!("{lasts}; {} was requested", human_duration(asked.seconds()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    atomic::create_new(file, text.as_bytes(), Access::Private)
        .hint("name another file with --standalone")?;
    Ok(())
}
