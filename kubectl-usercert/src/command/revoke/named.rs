//! What `--certificate` names.

use std::path::Path;

use usercert_core::inspect;
use usercert_core::kubeconfig::merged::Merged;
use usercert_core::lifecycle::{Fingerprint, RevocationKey};
use usercert_core::text::show;
use usercert_core::x509::certificate::Certificate;

use super::candidate::Candidate;
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Result, ResultExt as _};
use crate::files;
use crate::ui::host::Host;
use crate::workflow::known_certificates::{self, KnownCertificate};
use crate::workflow::records;

/// Longest input that certificates are looked for in, in bytes.
const LIMIT: usize = 4 << 20;

/// What was found.
#[derive(Default)]
pub struct Candidates {
    pub named: Vec<Candidate>,
    /// Further encodings of certificates in files, as far as the cluster tells.
    pub encoded: Vec<KnownCertificate>,
}

/// Before it was looked for.
enum Named {
    Found(Box<Certificate>, String),
    Print(Fingerprint),
}

impl Named {
    /// Whether its SHA-256 is the one that was given.
    fn is(&self, known: &KnownCertificate) -> bool {
        matches!(self, Self::Print(print) if *print == known.fingerprint)
    }

    /// Whether it is a certificate from a file under another SHA-256.
    fn is_encoded_as(&self, known: &KnownCertificate) -> bool {
        let Self::Found(file, _) = self else { return false };
        known.user == file.subject.user()
            && known.spki.as_ref() == Some(&file.key.spki)
            && known.not_after == file.not_after
            && known.fingerprint != Fingerprint::of(&file.der)
    }
}

/// What these values stand for. Where only a SHA-256 is given, its certificate is looked for among the
/// requests and the records of the cluster and in all entries of the kubeconfig. With `user`, all must be of that user.
///
/// # Errors
/// Files that cannot be read or hold no certificate, or certificates of somebody else.
pub async fn candidates(
    host: &Host,
    values: &[String],
    target: &Target,
    cluster: &Cluster,
    user: Option<&str>,
) -> Result<Candidates> {
    let named = read(host, values)?;
    if named.is_empty() {
        return Ok(Candidates::default());
    }
    let in_requests = known_certificates::in_requests(cluster, |known| {
        named.iter().any(|one| one.is(known) || one.is_encoded_as(known))
    });
    let mut known = in_requests.await;
    let encoded = encoded_otherwise(cluster, &named, &known).await;
    for one in &named {
        if let Named::Print(print) = one {
            known.extend(known_certificates::in_records(cluster, print).await);
        }
    }
    known.extend(in_all_entries(&target.kubeconfig.merged));
    let mut candidates = Vec::new();
    for one in named {
        let candidate = match one {
            Named::Found(certificate, place) => {
                Candidate::of(&KnownCertificate::of(&certificate, place))
            }
            Named::Print(print) => {
                let found = known.iter().find(|k| k.fingerprint == print);
                found.map_or_else(
                    || Candidate {
                        key: RevocationKey::Certificate(print),
                        certificate: None,
                        place: "its holder is unknown".to_owned(),
                    },
                    Candidate::of,
                )
            }
        };
        if let (Some(user), Some(certificate)) = (user, &candidate.certificate)
            && certificate.user != user
        {
            return Err(Error::usage(format!(
                "{} does not belong to the user {}",
                candidate.name(),
                show(user)
            ))
            .hint("without NAME, --certificate blocks it, whatever user it names"));
        }
        candidates.push(candidate);
    }
    Ok(Candidates { named: candidates, encoded })
}

fn read(host: &Host, values: &[String]) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for value in values {
        if let Ok(print) = value.parse::<Fingerprint>() {
            all.push(Named::Print(print));
            continue;
        }
        let what = if value == "-" { "standard input".to_owned() } else { show(value) };
        let input = match host.input(Path::new(value), LIMIT) {
            Err(error) if Fingerprint::beginning(value).is_some() => {
                return Err(error.hint(
                    "a SHA-256 has 64 digits; `kubectl usercert certificates -o wide` shows them",
                ));
            }
            input => input?,
        };
        let text = std::str::from_utf8(&input).ok();
        if let Some(print) = text.and_then(|t| t.parse::<Fingerprint>().ok()) {
            all.push(Named::Print(print));
            continue;
        }
        let found = inspect::read(&input).context(&what)?;
        let certificates = found.iter().filter_map(|f| f.certificate());
        let before = all.len();
        for certificate in certificates.filter(|c| !c.is_ca) {
            all.push(Named::Found(Box::new(certificate.clone()), what.clone()));
        }
        if all.len() == before {
            return Err(Error::new(format!("{what}: it contains no client certificate")).hint(
                "the certificate of an entry that renews itself is not in its kubeconfig: give the SHA-256 that `kubectl usercert inspect FILE` shows",
            ));
        }
    }
    Ok(all)
}

/// What requests and records have of these certificates under another SHA-256: a file can hold a certificate in an
/// encoding that nobody issued, which API servers accept as well.
async fn encoded_otherwise(
    cluster: &Cluster,
    named: &[Named],
    in_requests: &[KnownCertificate],
) -> Vec<KnownCertificate> {
    let mut found = Vec::new();
    for one in named {
        let Named::Found(file, _) = one else { continue };
        let print = Fingerprint::of(&file.der);
        let issued = in_requests.iter().filter(|known| one.is_encoded_as(known)).cloned();
        issued.for_each(|one| known_certificates::add(&mut found, one));
        let user = file.subject.user();
        let records = records::of_user(cluster, user).await.unwrap_or_default();
        let recorded = records.records().iter().filter(|r| {
            r.fingerprint != print && r.serial == file.serial && r.not_after == file.not_after
        });
        recorded.for_each(|r| known_certificates::add(&mut found, known_certificates::recorded(r)));
    }
    found
}

/// The certificates of all user entries, whichever cluster they are for.
fn in_all_entries(merged: &Merged) -> Vec<KnownCertificate> {
    let certificate = |name: &str| {
        let entry = files::named::user_entry(&merged.user(name)?);
        entry.certificate().cloned()
    };
    let entries = merged.users().filter_map(|entry| {
        let place = format!("user entry {}", show(entry.name));
        Some(KnownCertificate::of(&certificate(entry.name)?, place))
    });
    entries.collect()
}
