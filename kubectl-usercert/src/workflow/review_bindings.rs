//! What a review goes by beside the request: the cluster's role bindings and what is revoked in it.

use usercert_core::api::csr::Object;
use usercert_core::api::rbac::{self, Binding, Subject};
use usercert_core::lifecycle::Fingerprint;
use usercert_core::review::{BoundNames, HeldCertificate, Revoked};
use usercert_core::text::show_short;
use usercert_core::x509::identity::MAX_GROUPS;
use usercert_core::x509::pkcs10::CertificateRequest;

use super::known_certificates::{Held, KnownCertificate};
use super::revocation;
use crate::cluster::{ApiError, Cluster, Freshness};
use crate::error::{Error, Result};

/// Role bindings and the list of revoked certificates, as far as they could be read.
pub struct Bindings {
    /// `None` where they are not looked at, `Err` says why they could not be.
    roles: Option<Result<Known, String>>,
    revoked: revocation::Known,
}

struct Known {
    all: Vec<Binding>,
    names: BoundNames,
    whole: bool,
}

impl Known {
    fn new(all: Vec<Binding>, whole: bool) -> Self {
        let names = BoundNames::of(&all);
        Self { all, names, whole }
    }
}

fn unreadable(error: &ApiError) -> String {
    match error {
        ApiError::Status(s) if s.code == 403 => "you may not list role bindings".to_owned(),
        other => usercert_core::text::show_message(&other.to_string(), 200),
    }
}

impl Bindings {
    /// Reads them; not being allowed to is no failure.
    pub async fn read(cluster: &Cluster) -> Self {
        let (roles, revoked) =
            tokio::join!(cluster.bindings(Freshness::Cached), revocation::Known::read(cluster));
        let roles = roles.map(|all| Known::new(all, true)).map_err(|error| unreadable(&error));
        Self { roles: Some(roles), revoked }
    }

    /// Reads those that count in the whole cluster: one request to the server, for the names that
    /// nobody may imitate.
    pub async fn cluster_wide(cluster: &Cluster) -> Self {
        let (roles, revoked) = tokio::join!(
            cluster.cluster_role_bindings(Freshness::Cached),
            revocation::Known::read(cluster)
        );
        let roles = roles.map(|all| Known::new(all, false)).map_err(|error| unreadable(&error));
        Self { roles: Some(roles), revoked }
    }

    /// Reads them; for those to whom it matters why it could not be done.
    pub async fn try_read(cluster: &Cluster) -> Result<Self, ApiError> {
        let (roles, revoked) =
            tokio::join!(cluster.bindings(Freshness::Cached), revocation::Known::try_read(cluster));
        Ok(Self { roles: Some(Ok(Known::new(roles?, true))), revoked: revoked? })
    }

    /// The same without role bindings.
    pub async fn revoked_only(cluster: &Cluster) -> Result<Self, ApiError> {
        let revoked = revocation::Known::try_read(cluster).await?;
        Ok(Self { revoked, ..Self::none() })
    }

    /// Reads what is revoked, as far as one may, and no role bindings.
    pub async fn listed(cluster: &Cluster) -> Self {
        Self { revoked: revocation::Known::read(cluster).await, ..Self::none() }
    }

    /// Where nothing is looked at.
    pub fn none() -> Self {
        Self { roles: None, revoked: revocation::Known::None }
    }

    pub fn why_unknown(&self) -> Option<&str> {
        self.roles.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// What of the bindings no name was compared with, since there is too much of it.
    pub fn not_compared(&self) -> Option<String> {
        let more = self.names()?.left_out();
        (more > 0).then(|| format!("{more} names in role bindings"))
    }

    pub fn names(&self) -> Option<&BoundNames> {
        self.roles.as_ref()?.as_ref().ok().map(|known| &known.names)
    }

    /// Whether the cluster has a list of what is revoked: whoever sets that up sets up records too.
    pub fn keep_revocations(&self) -> bool {
        self.revoked.list().is_some()
    }

    /// Why it is not known what is revoked, if it is not.
    pub fn why_revoked_unknown(&self) -> Option<&str> {
        self.revoked.why_unknown()
    }

    /// What the list of revoked certificates says against a request for this user.
    pub fn revoked<'a>(&'a self, object: &'a Object, user: &'a str) -> Revoked<'a> {
        against(&self.revoked, object, user)
    }

    /// The certificate with which a request was submitted, if it has to be a known one, since one of the requester
    /// is revoked.
    pub fn doubted(&self, object: &Object) -> Option<Fingerprint> {
        let print = submitted_with(object)?;
        let mut revoked = self.revoked.list()?.certificates_of(&object.spec.username);
        revoked.next().map(|_| print)
    }

    /// Whether the certificate with which a request was submitted is a known one of the requester, and not revoked.
    pub fn knows_requester(&self, held: &Held, object: &Object) -> bool {
        let Some(print) = submitted_with(object) else { return false };
        let known = self.held(held, &object.spec.username);
        known.iter().any(|one| one.credential == print.credential_id())
    }

    /// Goes on only if nothing was revoked of user or requester since this was read: a question may have been open
    /// for hours.
    pub async fn still_hold(&self, cluster: &Cluster, object: &Object, user: &str) -> Result<()> {
        self.hold_by(&revocation::Known::read(cluster).await, object, user)
    }

    /// The same by a list that was read since.
    pub fn hold_by(&self, now: &revocation::Known, object: &Object, user: &str) -> Result<()> {
        let hidden = now.why_unknown().filter(|_| self.revoked.why_unknown().is_none());
        let why = match hidden {
            Some(why) => format!("cannot tell what was revoked meanwhile: {why}"),
            None if against(now, object, user) == self.revoked(object, user) => return Ok(()),
            None => "what is revoked of its user or requester changed while the question was open"
                .to_owned(),
        };
        let name = show_short(&object.metadata.name, 60);
        Err(Error::refused(format!("{name} is not approved: {why}"))
            .hint("run the command again: it shows what is revoked now"))
    }

    /// The user's certificates that are not revoked.
    pub fn held(&self, held: &Held, user: &str) -> Vec<HeldCertificate> {
        let revoked = |one: &&KnownCertificate| {
            let list = self.revoked.list();
            list.is_some_and(|list| list.blocked(&one.fingerprint, user).is_some())
        };
        let as_reviewed = |one: &KnownCertificate| HeldCertificate {
            credential: one.fingerprint.credential_id(),
            spki: one.spki.clone(),
            not_after: one.not_after,
            place: one.place.clone(),
        };
        held.by(user).iter().filter(|one| !revoked(one)).map(as_reviewed).collect()
    }

    /// What reaches user and groups of a request, as `ClusterRole edit in namespace dev`; `None` where
    /// not all bindings are looked at.
    pub fn access(&self, request: Option<&CertificateRequest>) -> Option<Result<Access, String>> {
        let known = match self.roles.as_ref()? {
            Ok(known) => Some(known).filter(|known| known.whole)?,
            Err(why) => return Some(Err(why.clone())),
        };
        let Some(request) = request else { return Some(Ok(Vec::new())) };
        let user = Subject::User(request.subject.user().to_owned());
        let groups = request.subject.groups().into_iter().take(MAX_GROUPS).map(Subject::Group);
        let reaching = |holder: Subject| {
            let roles = rbac::reaching(&known.all, &holder).map(Binding::in_words).collect();
            (holder, roles)
        };
        Some(Ok(std::iter::once(user).chain(groups).map(reaching).collect()))
    }
}

fn against<'a>(revoked: &'a revocation::Known, object: &'a Object, user: &'a str) -> Revoked<'a> {
    let list = revoked.list();
    list.map_or_else(Revoked::default, |list| {
        list.against(user, &object.spec.username, submitted_with(object).as_ref())
    })
}

fn submitted_with(object: &Object) -> Option<Fingerprint> {
    object.requester_credential()?.parse().ok()
}

/// Users and groups with the bindings that reach them.
pub type Access = Vec<(Subject, Vec<String>)>;
