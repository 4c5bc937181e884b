//! What somebody may do with certificates and roles here, and whether the cluster signs.
//!
//! Sources: `pkg/certauthorization/certauthorization.go` (a signer may be named in full or as
//! `domain/*`), `pkg/controller/certificates/certificate_controller_utils.go` (who is approved).

use serde::Serialize;

use crate::api::csr::{Object, State};
use crate::api::rbac::{API_GROUP as RBAC, Rule};
use crate::time::UnixTime;

const CERTIFICATES: &str = "certificates.k8s.io";
const REQUESTS: &str = "certificatesigningrequests";
/// After so many seconds an approved request should have its certificate.
const PATIENCE: i64 = 60;

/// May I do this? As in a SelfSubjectAccessReview.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question<'a> {
    /// Verb.
    pub verb: &'static str,
    /// API group.
    pub group: &'static str,
    /// Resource.
    pub resource: &'static str,
    /// Subresource; empty for none.
    pub subresource: &'static str,
    /// The object's name; empty for any.
    pub name: String,
    /// The namespace; empty for what lies in none, or in all.
    pub namespace: &'a str,
}

impl<'a> Question<'a> {
    fn new(verb: &'static str, group: &'static str, resource: &'static str) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Self { verb, group, resource, subresource, name: String::new(), namespace: "" }
    }

    fn of(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    fn within(self, namespace: &'a str) -> Self {
        Self { namespace, ..self }
    }

    /// The RBAC rule that allows it.
    fn rule(&self) -> Rule {
        let resource = match self.subresource {
            "" => self.resource.to_owned(),
            subresource => format!("{}/{subresource}", self.resource),
        };
        let rule = Rule::allowing(&[self.verb], self.group, &[&resource]);
        if self.name.is_empty() { rule } else { rule.of(&self.name) }
    }
}

/// The RBAC rules that allow what is asked, in the order of the questions.
pub fn rules(questions: &[Question<'_>]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for asked in questions.iter().map(Question::rule) {
        let same = |rule: &&mut Rule| {
            (&rule.resources, &rule.api_groups, &rule.resource_names)
                == (&asked.resources, &asked.api_groups, &asked.resource_names)
        };
        match rules.iter_mut().find(same) {
            Some(rule) => {
                let new = asked.verbs.into_iter().filter(|verb| !rule.verbs.contains(verb));
                rule.verbs.extend(new.collect::<Vec<_>>());
            }
            None => rules.push(asked),
        }
    }
    rules
}

/// Whose work something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Somebody who wants access.
    Person,
    /// Who lets people in.
    Approver,
    /// Who gives roles.
    Granter,
    /// Who signs in the cluster.
    Signer,
}

impl Role {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Person, Self::Approver, Self::Granter, Self::Signer];

    /// What it is to be one, as an infinitive.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Person => "get access",
            Self::Approver => "approve",
            Self::Granter => "give roles and tokens",
            Self::Signer => "sign in the cluster",
        }
    }
}

/// Something that people come here to do.
pub struct Ability<'a> {
    /// What, as an infinitive.
    pub what: String,
    /// The command that does it.
    pub command: &'static str,
    /// Each of these must be allowed, by one of its alternatives.
    pub needs: Vec<Vec<Question<'a>>>,
}

impl Ability<'_> {
    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        let reads = |verb| ["get", "list", "watch"].contains(&verb);
        self.needs.iter().flatten().any(|question| !reads(question.verb))
    }

    /// Whose work it is.
    pub fn role(&self) -> Role {
        match self.command {
            "request" | "install" => Role::Person,
            "list" | "approve" => Role::Approver,
            "ca serve" => Role::Signer,
            _ => Role::Granter,
        }
    }
}

fn ability<'a>(what: &str, command: &'static str, needs: Vec<Vec<Question<'a>>>) -> Ability<'a> {
    Ability { what: what.to_owned(), command, needs }
}

/// What the holder of a certificate must be allowed, so that it can renew itself.
pub fn to_renew() -> [Question<'static>; 3] {
    ["create", "get", "watch"].map(|verb| Question::new(verb, CERTIFICATES, REQUESTS))
}

/// What to ask about, for this signer and namespace.
pub fn abilities<'a>(signer: &str, namespace: &'a str) -> Vec<Ability<'a>> {
    let requests = |verb| vec![Question::new(verb, CERTIFICATES, REQUESTS)];
    let bindings = |verb| {
        vec![
            vec![Question::new(verb, RBAC, "rolebindings")],
            vec![Question::new(verb, RBAC, "clusterrolebindings")],
        ]
    };
    let any_of_domain = format!("{}/*", signer.split('/').next().unwrap_or(signer));
    let signers = |verb| {
        let question = || Question::new(verb, CERTIFICATES, "signers");
        vec![question().of(signer), question().of(&any_of_domain)]
    };
    let here = crate::text::show_short(namespace, 40);
    let read_role = || vec![Question::new("get", RBAC, "clusterroles")];
    vec![
        ability("ask for a certificate", "request", vec![requests("create")]),
        ability("wait for it and fetch it", "install", vec![requests("get"), requests("watch")]),
        ability("see all requests", "list", vec![requests("list")]),
        ability(
            "approve and deny requests",
            "approve",
            vec![
                requests("get"),
                vec![Question::new("update", CERTIFICATES, "certificatesigningrequests/approval")],
                signers("approve"),
            ],
        ),
        ability(
            "sign requests",
            "ca serve",
            vec![
                vec![Question::new("update", CERTIFICATES, "certificatesigningrequests/status")],
                signers("sign"),
            ],
        ),
        ability(
            &format!("give roles in namespace {here}"),
            "grant",
            vec![
                read_role(),
                vec![Question::new("create", RBAC, "rolebindings").within(namespace)],
            ],
        ),
        ability(
            "give roles in the whole cluster",
            "grant",
            vec![read_role(), vec![Question::new("create", RBAC, "clusterrolebindings")]],
        ),
        ability(
            "give roles that you do not hold",
            "grant",
            vec![vec![Question::new("bind", RBAC, "clusterroles")]],
        ),
        ability("see who has which roles", "access", bindings("list")),
        ability(
            &format!("make tokens of service accounts in {here}"),
            "token",
            vec![vec![Question::new("create", "", "serviceaccounts/token").within(namespace)]],
        ),
    ]
}

/// Whether somebody is able to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Able<'a> {
    /// Yes.
    Yes,
    /// No; what is missing, which [`rules`] puts into words.
    No(Vec<Question<'a>>),
    /// The server did not say.
    Unknown,
}

impl Able<'_> {
    /// In one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Yes => "ok",
            Self::No(_) => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Sums up the answers to an ability's questions; `None` where there was none.
pub fn able<'a>(ability: &Ability<'a>, answer: impl Fn(&Question<'a>) -> Option<bool>) -> Able<'a> {
    let mut missing = Vec::new();
    let mut unknown = false;
    for alternatives in &ability.needs {
        let answers: Vec<Option<bool>> = alternatives.iter().map(&answer).collect();
        if answers.contains(&Some(true)) {
            continue;
        }
        unknown |= answers.contains(&None);
        missing.extend(alternatives.first().cloned());
    }
    match (missing.is_empty(), unknown) {
        (true, _) => Able::Yes,
        (false, true) => Able::Unknown,
        (false, false) => Able::No(missing),
    }
}

/// What the requests of a signer tell about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    issued: Option<(UnixTime, String)>,
    stalled: Option<(UnixTime, String)>,
}

/// Whether a signer is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Signing {
    /// It has issued a certificate.
    Works {
        /// For this request.
        request: String,
        /// That was approved then.
        approved: UnixTime,
    },
    /// Something was approved, and nothing came of it.
    Stalled {
        /// This request.
        request: String,
        /// That was approved then.
        approved: UnixTime,
    },
    /// No request tells.
    Unknown,
}

impl Signs {
    /// Takes note of a request to the signer.
    pub fn see(&mut self, object: &Object, now: UnixTime) {
        let approval = object.status.conditions.iter().find(|c| c.condition_type == "Approved");
        let at = approval
            .and_then(|c| c.last_update_time)
            .or(object.metadata.creation_timestamp)
            .unwrap_or(UnixTime(0));
        let place = match object.state() {
            State::Issued => &mut self.issued,
            State::Approved if now.since(at) > PATIENCE => &mut self.stalled,
            _ => return,
        };
        if place.as_ref().is_none_or(|(seen, _)| *seen < at) {
            *place = Some((at, object.metadata.name.clone()));
        }
    }

    /// The newest of what was seen decides.
    pub fn verdict(self) -> Signing {
        match (self.issued, self.stalled) {
            (Some((issued, _)), Some((approved, request))) if approved > issued => {
                Signing::Stalled { request, approved }
            }
            (Some((approved, request)), _) => Signing::Works { request, approved },
            (None, Some((approved, request))) => Signing::Stalled { request, approved },
            (None, None) => Signing::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SIGNER: &str = "kubernetes.io/kube-apiserver-client";

    fn approve() -> Ability<'static> {
        abilities(SIGNER, "dev").into_iter().find(|a| a.command == "approve").unwrap()
    }

    #[test]
    fn a_signer_is_allowed_by_its_name_or_by_its_domain() {
        for (allowed, word) in
            [(SIGNER, "ok"), ("kubernetes.io/*", "ok"), ("kubernetes.io/x", "no")]
        {
            let answer = |q: &Question<'_>| Some(q.resource != "signers" || q.name == allowed);
            assert_eq!(able(&approve(), answer).word(), word, "{allowed}");
        }
    }

    #[test]
    fn what_is_missing_is_named_as_a_rule() {
        let Able::No(missing) = able(&approve(), |q| Some(q.verb == "get")) else { panic!("no") };
        assert_eq!(
            rules(&missing).iter().map(Rule::to_string).collect::<Vec<_>>(),
            [
                "{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}",
                "{apiGroups: [certificates.k8s.io], resources: [signers], resourceNames: [\"kubernetes.io/kube-apiserver-client\"], verbs: [approve]}",
            ]
        );
        assert_eq!(able(&approve(), |_| None), Able::Unknown);
        let token = |verb| Question::new(verb, "", "serviceaccounts/token");
        assert_eq!(
            rules(&["create", "get", "create"].map(token))[0].to_string(),
            "{apiGroups: [\"\"], resources: [serviceaccounts/token], verbs: [create, get]}"
        );
    }

    fn request(name: &str, approved: Option<&str>, certificate: &str) -> Object {
        let conditions: Vec<Value> = approved
            .map(|at| json!({"type": "Approved", "status": "True", "lastUpdateTime": at}))
            .into_iter()
            .collect();
        Object::from_item(&json!({
            "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"conditions": conditions, "certificate": certificate},
        }))
        .unwrap()
    }

    #[test]
    fn the_newest_request_tells_whether_the_signer_works() {
        let now: UnixTime = "2026-01-01T12:00:00Z".parse().unwrap();
        let verdict = |requests: &[Object]| {
            let mut signs = Signs::default();
            requests.iter().for_each(|r| signs.see(r, now));
            signs.verdict()
        };
        let issued = request("issued", Some("2026-01-01T10:00:00Z"), "eA==");
        let stalled = request("stalled", Some("2026-01-01T11:00:00Z"), "");
        let earlier = request("earlier", Some("2026-01-01T09:00:00Z"), "");
        let fresh = request("fresh", Some("2026-01-01T11:59:30Z"), "");
        let pending = request("pending", None, "");
        assert_eq!(verdict(&[pending.clone(), fresh.clone()]), Signing::Unknown);
        assert!(
            matches!(verdict(&[earlier, issued.clone(), fresh]), Signing::Works { request, .. } if request == "issued")
        );
        assert!(
            matches!(verdict(&[stalled.clone(), issued]), Signing::Stalled { request, .. } if request == "stalled")
        );
        assert!(matches!(verdict(&[stalled, pending]), Signing::Stalled { .. }));
    }
}
