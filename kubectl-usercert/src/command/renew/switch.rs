//! From a certificate in the kubeconfig to one that renews itself, and back.

use serde_json::json;
use usercert_core::kubeconfig::self_renewing::StoreReference;
use usercert_core::lifecycle::credential::{check_cluster, renewal_in_words};
use usercert_core::text::show;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::lifetime::expiry_in_words;
use zeroize::Zeroizing;

use super::{RenewArgs, Renewed};
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::named;
use crate::keys::PrivateKey;
use crate::ui::args::{DryRun, Timeout};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::kubeconfig_writer::{Entry, WrittenEntry};
use crate::workflow::renewal_rights;
use crate::workflow::stored_credential::{self, OpenStore};

/// Longest time for asking what the certificate may do.
const ASKING: Timeout = Timeout::seconds(5);

pub(super) async fn to_auto(
    host: &Host,
    args: &RenewArgs,
    target: &Target,
    renewed: &Renewed,
) -> Result<Exit> {
    let open = renewed.store.as_ref().map(OpenStore::of).transpose()?;
    let (chain, key, signer) = match &open {
        // It does already; the path of this program may have changed.
        Some(open) => {
            check_cluster(&open.stored.endpoint(), &target.endpoint)
                .hint("if the cluster has moved, first: kubectl usercert renew --static")?;
            (open.chain.clone(), open.stored.key.clone(), open.stored.signer_name.clone())
        }
        None => {
            let (chain, key) = in_kubeconfig(target, renewed)?;
            (chain, key, args.signer.clone())
        }
    };
    let reference = match &renewed.store {
        Some(reference) => reference.clone(),
        None => stored_credential::reference(&target.endpoint, &renewed.leaf),
    };
    let exec = stored_credential::exec(&reference)?;
    stored_credential::tell_kuberc(host, &exec, args.client.kuberc.as_deref());
    let context = &renewed.context_name;
    let credential =
        stored_credential::credential(context, &target.endpoint, &signer, &chain, &key)?;
    let entry = Entry { exec: Some(exec), ..entry(host, target, renewed, &chain, &key) };
    entry.check(&target.kubeconfig.list, false)?;
    if args.dry_run.dry_run != DryRun::None {
        return tell(host, args, renewed, Outcome::DryRun, true);
    }
    stored_credential::store(&reference, &credential, true, host.now())?;
    let written = entry.write(host, &target.kubeconfig.list, false, false)?;
    tell(host, args, renewed, Outcome::Written(&written), true)?;
    let cluster = Cluster::with_certificate(&target.endpoint, &chain, &key, ASKING)?;
    renewal_rights::tell(host, &cluster, &renewed.leaf).await;
    Ok(Exit::Done)
}

pub(super) fn to_static(
    host: &Host,
    args: &RenewArgs,
    target: &Target,
    renewed: &Renewed,
) -> Result<Exit> {
    let Some(reference) = &renewed.store else {
        return tell(host, args, renewed, Outcome::Unchanged, false);
    };
    let open = OpenStore::of(reference)?;
    let entry = entry(host, target, renewed, &open.chain, &open.stored.key);
    entry.check(&target.kubeconfig.list, false)?;
    if args.dry_run.dry_run != DryRun::None {
        return tell(host, args, renewed, Outcome::DryRun, false);
    }
    let lock = open.lock()?;
    let written = entry.write(host, &target.kubeconfig.list, false, false)?;
    if !used_by_others(target, renewed, reference) {
        let left = "the kubeconfig is written; only the stored copy of the key was not deleted";
        open.files.remove().hint(left)?;
    }
    drop(lock);
    tell(host, args, renewed, Outcome::Written(&written), false)
}

fn entry<'a>(
    host: &Host,
    target: &'a Target,
    renewed: &Renewed,
    chain: &'a [Certificate],
    key_pem: &'a str,
) -> Entry<'a> {
    Entry {
        namespace_is_asked: false,
        context_name: renewed.context_name.clone(),
        cluster_name: target.cluster_name().to_owned(),
        endpoint: &target.endpoint,
        chain,
        key_pem,
        namespace: None,
        renewed: Some(renewed.user_name.clone()),
        accepted: true,
        now: host.now(),
        exec: None,
    }
}

/// Certificate and key that the entry holds or names.
fn in_kubeconfig(
    target: &Target,
    renewed: &Renewed,
) -> Result<(Vec<Certificate>, Zeroizing<String>)> {
    let shown = show(&renewed.user_name);
    let user = target.kubeconfig.merged.user(&renewed.user_name).unwrap_or_default();
    let (certificate, key) = (named::certificate(&user)?, named::key(&user)?);
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Err(Error::new(format!("the user entry {shown} has no certificate with a key")));
    };
    let chain = Certificate::chain_from_pem(&certificate)?;
    let key = PrivateKey::read(&key).context(format!("the key of {shown}"))?;
    if *key.public() != renewed.leaf.key {
        return Err(Error::new(format!("the key of {shown} is not the certificate's")));
    }
    Ok((chain, key.to_pem()))
}

fn used_by_others(target: &Target, renewed: &Renewed, reference: &StoreReference) -> bool {
    let merged = &target.kubeconfig.merged;
    merged.users().filter(|entry| entry.name != renewed.user_name).any(|entry| {
        let user = merged.user(entry.name);
        user.is_some_and(|user| named::user_entry(&user).store.as_ref() == Some(reference))
    })
}

/// What became of the entry.
enum Outcome<'a> {
    Written(&'a WrittenEntry),
    /// It was as it was to be.
    Unchanged,
    DryRun,
}

fn tell(
    host: &Host,
    args: &RenewArgs,
    renewed: &Renewed,
    outcome: Outcome<'_>,
    renews_itself: bool,
) -> Result<Exit> {
    let (context, leaf) = (&renewed.context_name, &renewed.leaf);
    let files = match &outcome {
        Outcome::Written(written) => written.files.as_slice(),
        Outcome::Unchanged | Outcome::DryRun => &[],
    };
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let value = output::object(
        "Installation",
        json!({
            "context": context, "files": files, "user": leaf.subject.user(),
            "groups": leaf.subject.groups(), "notAfter": leaf.not_after,
            "sha256": leaf.fingerprint(), "renewsItself": renews_itself,
            "dryRun": matches!(outcome, Outcome::DryRun),
        }),
    );
    let now = host.now();
    let outcome = match outcome {
        Outcome::Written(written) => written.outcome(),
        Outcome::Unchanged => {
            format!("context {} unchanged: its certificate does not renew itself", show(context))
        }
        Outcome::DryRun => format!("context {} would be written (dry run)", show(context)),
    };
    let mut rest = expiry_in_words(leaf.not_after, now);
    if renews_itself {
        rest = format!("{rest}, {}", renewal_in_words(leaf, None, now));
    }
    let names = [format!("context/{context}")];
    output::print(host, args.output.format, &value, &names, |_| format!("{outcome}; {rest}"))?;
    Ok(Exit::Done)
}
