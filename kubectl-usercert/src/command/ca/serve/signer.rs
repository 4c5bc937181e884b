//! Answering requests: which wait, and what becomes of each.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;
use usercert_core::api::csr::{CLIENT_SIGNER, CsrObject, RESOURCE};
use usercert_core::ca::authority::{self, CertificateOrder, Key, REASON};
use usercert_core::ca::profile::{self, ClusterNames};
use usercert_core::lifecycle::record::CertificateRecord;
use usercert_core::review::{Reviewed, Revoked};
use usercert_core::text::{show, show_short};
use usercert_core::x509::certificate::{Certificate, chain_to_pem};
use usercert_core::x509::lifetime::{self, Lifetime};

use crate::cluster::{Cluster, Need};
use crate::command::ca::authority::Ca;
use crate::error::{Error, Exit, Result};
use crate::keys;
use crate::ui::args::{ClientArgs, DryRun, Format};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::events;
use crate::workflow::follow::Follower;
use crate::workflow::known_certificates::Held;
use crate::workflow::recent::Recent;
use crate::workflow::records::Recording;
use crate::workflow::remembered::Remembered;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::Rules;
use crate::workflow::stop::Stop;

/// How often an answer is tried while others change the object.
const TRIES: usize = 10;
/// Told once where role bindings may not be listed.
const NOT_LISTED: &str = "warning: you may not list role bindings, so names that imitate those in \
                          them are not detected; --print-rbac prints the rules";

/// The reason of an event on a request that is left as it is.
const NOT_SIGNED: &str = "UsercertNotSigned";

pub(super) struct SignerSettings {
    pub(super) name: String,
    pub(super) longest: Lifetime,
    pub(super) rules: Rules,
    /// Refusing findings that pass.
    pub(super) accept: Vec<String>,
    pub(super) dry_run: DryRun,
    pub(super) format: Option<Format>,
}

pub(super) struct Signer<'a> {
    pub(super) host: &'a Host,
    pub(super) settings: SignerSettings,
    pub(super) client: &'a ClientArgs,
    pub(super) ca: Ca,
    pub(super) stop: Stop,
    pub(super) bindings: KnownBindings,
    pub(super) records: Recording,
}

#[derive(Default)]
pub(super) struct KnownBindings {
    read: Recent<Bindings>,
    /// Whether it was told that they may not be read.
    told: Cell<bool>,
    /// UIDs of requests that are left as they are, and why, which was told.
    left: Remembered<(String, String)>,
}

enum Issuance {
    Signed(Vec<Certificate>),
    Failed(String),
    /// Neither: it imitates a name in the bindings as they are now, its holder is revoked now (`Refused`), or it is
    /// not known what is revoked (`Failed`).
    Left(String, Exit),
}

impl Follower for Signer<'_> {
    type Waiting = CsrObject;

    fn host(&self) -> &Host {
        self.host
    }

    fn stop(&self) -> &Stop {
        &self.stop
    }

    fn client(&self) -> &ClientArgs {
        self.client
    }

    fn signer(&self) -> Option<&str> {
        Some(&self.settings.name)
    }

    fn waiting(&self, object: CsrObject) -> Option<CsrObject> {
        Some(object).filter(|object| authority::is_waiting(object, &self.settings.name))
    }

    async fn answer(&self, cluster: &Cluster, object: CsrObject) -> Result<Exit> {
        self.sign(cluster, object).await
    }

    /// What is left alone depends on bindings and on what is revoked, which change without the requests.
    fn looks_again(&self) -> bool {
        true
    }

    fn need(&self) -> Need {
        Need::Sign(self.settings.name.clone())
    }
}

impl Signer<'_> {
    pub(super) fn introduce(&self, cluster: &Cluster) {
        let ca = self.ca.authority.certificate();
        let name = &self.settings.name;
        self.host.say(format!(
            "signing for {} at {} with {}, SHA-256 {}",
            show(name),
            show(&cluster.server),
            ca.subject.shown(),
            ca.fingerprint()
        ));
        if let Some(file) = self.settings.rules.file() {
            self.host.say(format!("policy {file}"));
        }
        if name == CLIENT_SIGNER {
            self.host.warn(format!(
                "warning: {name} is the cluster's own signer; unless that one is switched off, \
                 whichever is first signs"
            ));
        }
    }

    /// Signs or fails one request, unless it does not wait (any more). Told to stop, it finishes nothing
    /// but an answer that is on its way, within the time for one request.
    async fn sign(&self, cluster: &Cluster, mut object: CsrObject) -> Result<Exit> {
        for _ in 0..TRIES {
            if !authority::is_waiting(&object, &self.settings.name) {
                return Ok(Exit::Done);
            }
            let bindings = match self.stop.or(self.role_bindings(cluster)).await {
                Some(bindings) => bindings?,
                None => return Ok(Exit::Done),
            };
            let mut held = Held::default();
            if let Some(print) = bindings.doubted(&object) {
                held.look_up(cluster, &print, self.host.now()).await;
            }
            let answer = self.decide(&object, &bindings, &held)?;
            let body = match &answer {
                Issuance::Signed(chain) => {
                    authority::with_certificate(&object, &chain_to_pem(chain))
                }
                Issuance::Failed(why) => authority::with_failure(&object, why, self.host.now()),
                Issuance::Left(why, exit) => {
                    self.leave(cluster, &object, why).await;
                    return Ok(*exit);
                }
            };
            let name = &object.metadata.name;
            let error = match self.settings.dry_run {
                DryRun::Client => return self.report(&object, &answer),
                dry => match cluster.put_status(name, &body, dry == DryRun::Server).await {
                    Ok(_) => {
                        if let (Issuance::Signed(chain), DryRun::None) = (&answer, dry)
                            && let Some(leaf) = chain.first()
                        {
                            let record = CertificateRecord::new(leaf, &object, None);
                            self.records.keep(self.host, cluster, &record).await;
                        }
                        return self.report(&object, &answer);
                    }
                    Err(error) => error,
                },
            };
            match error.reason() {
                "NotFound" => return Ok(Exit::Done),
                // Somebody has changed it, maybe another one of us: look again.
                "Conflict" => {}
                _ => return Err(self.explain(cluster, &error)),
            }
            object = match self.stop.or(cluster.get_csr(name)).await {
                Some(Ok(object)) => object,
                Some(Err(error)) if error.reason() == "NotFound" => return Ok(Exit::Done),
                Some(Err(error)) => return Err(self.explain(cluster, &error)),
                None => return Ok(Exit::Done),
            };
        }
        let name = show(&object.metadata.name);
        Err(Error::new(format!("the request {name} keeps changing; it is not signed yet")))
    }

    /// Leaves a request as it is, so that whoever may make bindings cannot make it fail for good; told
    /// once for each reason.
    async fn leave(&self, cluster: &Cluster, object: &CsrObject, why: &str) {
        if !self.bindings.left.insert((object.metadata.uid.clone(), why.to_owned())) {
            return;
        }
        let name = show_short(&object.metadata.name, 60);
        let code = object.request().map(|r| format!(", code {}", r.code().short()));
        let code = code.unwrap_or_default();
        self.host.warn(format!("warning: {RESOURCE}/{name} is not signed for now: {why}{code}"));
        if self.settings.dry_run == DryRun::None {
            // Names of bindings and reasons of revocations are not for everybody who may read events.
            let about = (NOT_SIGNED, "not signed for now; the log of `ca serve` says why");
            events::write(self.host, cluster, "usercert-signer", object, about).await;
        }
    }

    /// The cluster's role bindings: what looks like a name in them is refused. Always read, whatever the
    /// names hold: an l stands for a 1 as well as the other way round.
    async fn role_bindings(&self, cluster: &Cluster) -> Result<Rc<Bindings>> {
        let read = async {
            match Bindings::try_read(cluster).await {
                Err(error) if error.code() == 403 => {
                    if !self.bindings.told.replace(true) {
                        self.host.warn(NOT_LISTED);
                    }
                    Bindings::revoked_only(cluster).await
                }
                // Signed unseen only where that is the cluster's will, not where it is a moment's failure.
                read => read,
            }
        };
        self.bindings.read.get(read).await.map_err(|error| self.explain(cluster, &error))
    }

    fn decide(&self, object: &CsrObject, bindings: &Bindings, held: &Held) -> Result<Issuance> {
        if let Some(why) = bindings.why_revoked_unknown() {
            let why = format!("{why}; --print-rbac prints the rules");
            return Ok(Issuance::Left(why, Exit::Failed));
        }
        let request = object.request().ok();
        let lifetime =
            authority::granted(object, self.settings.longest, self.settings.rules.longest());
        let asked = object.spec.expiration_seconds;
        let user = request.map(|r| r.subject.user()).unwrap_or_default();
        let reviewed = Reviewed {
            // One that was not asked for stays so: a policy may insist on one.
            expiration_seconds: asked.map(|_| lifetime.seconds().into()),
            requester: Some(&object.spec.username),
            signature: request.map(keys::verify_request),
            bound_names: bindings.names(),
            revoked: bindings.revoked(object, user),
            requester_known: bindings.knows_requester(held, object),
            ..Reviewed::of(object)
        };
        let refusal = |reviewed: &Reviewed<'_>| {
            let (rules, accept) = (&self.settings.rules, &self.settings.accept);
            let weigh = |code| rules.severity(code);
            authority::refusal(rules.review(reviewed), request, accept, weigh)
        };
        if let Some(why) = refusal(&reviewed) {
            // What rests on bindings, or on the list of what is revoked, alone may be another's doing, and changes with them.
            let others = Reviewed { bound_names: None, revoked: Revoked::default(), ..reviewed };
            let alone = refusal(&others).is_none();
            return Ok(match alone {
                true => Issuance::Left(why, Exit::Refused),
                false => Issuance::Failed(why),
            });
        }
        let Some(request) = request else { return Err(Error::new("the request is unreadable")) };
        let asked = CertificateOrder {
            profile: profile::user(),
            key: Key::Requested(request),
            name: None,
            alternative_names: &[],
            cluster: &ClusterNames { domain: String::new(), service_addresses: Vec::new() },
            lifetime,
        };
        let leaf = authority::leaf(&asked, &self.ca.authority, self.host.now())?;
        let issued = self.ca.key.issue(&leaf, &self.ca.authority)?;
        Ok(Issuance::Signed(self.ca.authority.chain(issued)))
    }

    fn report(&self, object: &CsrObject, answer: &Issuance) -> Result<Exit> {
        let request = object.request().ok();
        let user = request.map(|r| r.subject.user().to_owned()).unwrap_or_default();
        let leaf = match answer {
            Issuance::Signed(chain) => chain.first(),
            Issuance::Failed(_) | Issuance::Left(..) => None,
        };
        let why = match answer {
            Issuance::Failed(why) | Issuance::Left(why, _) => Some(why),
            Issuance::Signed(_) => None,
        };
        let dry = self.settings.dry_run != DryRun::None;
        let value = output::object(
            "Issuance",
            json!({
                "name": object.metadata.name, "uid": object.metadata.uid, "user": user,
                "groups": request.map(|r| r.subject.groups()),
                "code": request.map(|r| r.code().short()),
                "sha256": request.map(|r| r.code().full()),
                "outcome": if leaf.is_some() { "Signed" } else { "Failed" },
                "reason": why.map(|_| REASON), "message": why,
                "notAfter": leaf.map(|c| c.not_after), "serial": leaf.map(|c| &c.serial),
                "certificateSha256": leaf.map(Certificate::fingerprint), "dryRun": dry,
            }),
        );
        let name = show(&format!("{RESOURCE}/{}", object.metadata.name));
        // Goes last, so that no name in the request can fake it.
        let code = request.map(|r| format!(", code {}", r.code().short()));
        let mark = code.unwrap_or_default() + if dry { " (dry run)" } else { "" };
        let text = match (leaf, why) {
            (Some(leaf), _) => {
                let end = lifetime::expiry_in_words(leaf.not_after, self.host.now());
                format!("{name} signed for {}, {end}{mark}", show(&user))
            }
            (None, why) => {
                format!("{name} failed: {}{mark}", why.map(String::as_str).unwrap_or_default())
            }
        };
        match self.settings.format {
            // One object a line: it is a stream.
            Some(Format::Json) => self.host.result(output::visible(&value.to_string()))?,
            Some(Format::Yaml) => {
                let text = usercert_core::encoding::yaml::to_string(&value);
                self.host.result(format!("---\n{text}"))?;
            }
            Some(Format::Name) => self.host.result(name)?,
            Some(Format::Wide) | None => self.host.result(text)?,
        }
        Ok(if leaf.is_some() { Exit::Done } else { Exit::Refused })
    }
}
