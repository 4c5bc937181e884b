//! Refusal by a ValidatingAdmissionPolicy whose parameter is the list.
//!
//! Source: `api/admissionregistration/v1/types.go` (since Kubernetes 1.30). Admission sees create,
//! update, patch, delete and connect, for every user; it does not see get, list and watch, nor the
//! reviews of `authentication.k8s.io` and `authorization.k8s.io`, nor the policies themselves.

mod compare;

use serde_json::{Value, json};

pub use compare::{ObjectState, state, upgraded};

use super::{
    CONFIG_MAP, CREDENTIAL_ID, NAMESPACE, PART, PROBE_USER, PROBED, RevocationKey, SENTENCE,
    TEST_ENTRY, USERS, record,
};
use crate::api::doctor::Question;
use crate::api::rbac::{API_GROUP as RBAC, MANAGED_BY};

/// The name of the policy and of its binding.
pub const POLICY: &str = "usercert-revoked-certificates";
/// The ClusterRole of whoever may revoke.
pub const REVOKER: &str = "usercert-revoker";
/// The ClusterRole of whoever may see what is revoked, as approvers should.
pub const VIEWER: &str = "usercert-revocations-viewer";
/// The first minor version of Kubernetes 1 that has these policies.
pub const SINCE_MINOR: u32 = 30;
/// The first minor version of Kubernetes 1 whose requests name their certificate.
pub const CREDENTIAL_SINCE_MINOR: u32 = 32;

/// The collection of policies.
pub(crate) const POLICIES: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
/// The collection of their bindings.
pub(crate) const BINDINGS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

/// An object that makes up the mechanism.
#[derive(Clone, Debug, PartialEq)]
pub struct Managed {
    /// The API path of its collection.
    pub collection: String,
    /// Its name.
    pub name: &'static str,
    /// As it is to be.
    pub value: Value,
}

impl Managed {
    /// `validatingadmissionpolicy.admissionregistration.k8s.io/NAME`, as kubectl prints it.
    #[must_use]
    pub fn full_name(&self) -> String {
        let kind = self.value["kind"].as_str().unwrap_or_default().to_lowercase();
        match self.value["apiVersion"].as_str().and_then(|v| v.split_once('/')) {
            Some((group, _)) => format!("{kind}.{group}/{}", self.name),
            None => format!("{kind}/{}", self.name),
        }
    }
}

/// All objects, in the order in which they are created: the binding, which puts the policy in force,
/// comes last.
#[must_use]
pub fn objects() -> Vec<Managed> {
    let roles = format!("/apis/{RBAC}/v1/clusterroles");
    let object =
        |collection: &str, name, value| Managed { collection: collection.to_owned(), name, value };
    vec![
        object("/api/v1/namespaces", NAMESPACE, namespace()),
        object(&config_maps(), CONFIG_MAP, config_map()),
        object(&roles, REVOKER, revoker()),
        object(&roles, VIEWER, cluster_role(VIEWER, &["get"])),
        object(&record::roles(), PROBE_USER, probe_role()),
        object(&probe_bindings(), PROBE_USER, probe_binding()),
        object(&record::roles(), record::RECORDER, record::recorder()),
        object(&record::roles(), record::READER, record::reader()),
        object(POLICIES, POLICY, policy()),
        object(BINDINGS, POLICY, binding()),
    ]
}

/// What somebody may not be allowed to do who is to be refused by the policy: no policy is asked about
/// policies and bindings. Ours can be changed or deleted, another can refuse to write the list, and one that
/// mutates can take entries out while they are written.
#[must_use]
pub fn ways_to_end() -> Vec<Question<'static>> {
    let way = |resource, verb, name: &str| Question {
        verb,
        group: "admissionregistration.k8s.io",
        resource,
        subresource: "",
        name: name.to_owned(),
        namespace: "",
    };
    let ours = ["validatingadmissionpolicies", "validatingadmissionpolicybindings"];
    let others = ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];
    let to_ours = ours.into_iter().flat_map(|resource| {
        let named = ["delete", "patch", "update"].map(|verb| way(resource, verb, POLICY));
        named.into_iter().chain(["deletecollection", "create"].map(|verb| way(resource, verb, "")))
    });
    let to_others = others
        .into_iter()
        .flat_map(|resource| ["create", "patch", "update"].map(|verb| way(resource, verb, "")));
    to_ours.chain(to_others).collect()
}

/// The collection that the list is in.
#[must_use]
pub fn config_maps() -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/configmaps")
}

fn metadata(name: &str) -> Value {
    json!({ "name": name, "labels": { "app.kubernetes.io/managed-by": MANAGED_BY } })
}

fn namespaced(name: &str) -> Value {
    let mut metadata = metadata(name);
    metadata["namespace"] = NAMESPACE.into();
    metadata
}

/// The namespace.
#[must_use]
pub fn namespace() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(NAMESPACE) })
}

/// The list while nothing is revoked: the test entry alone.
#[must_use]
pub fn config_map() -> Value {
    let metadata = namespaced(CONFIG_MAP);
    let mut map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
    map["data"][RevocationKey::test().to_string()] = TEST_ENTRY.into();
    map
}

fn cluster_role(name: &str, verbs: &[&str]) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": "ClusterRole",
        "metadata": metadata(name),
        "rules": [
            { "apiGroups": [""], "resources": ["configmaps"],
              "resourceNames": [CONFIG_MAP], "verbs": verbs },
            { "apiGroups": ["admissionregistration.k8s.io"],
              "resources": ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
              "resourceNames": [POLICY], "verbs": ["get"] },
        ],
    })
}

/// Also may try whether a certificate is refused: as a user whom nobody is, with any certificate's id.
fn revoker() -> Value {
    let mut role = cluster_role(REVOKER, &["get", "patch"]);
    let rules = [
        json!({ "apiGroups": [""], "resources": ["users", "groups"],
                "resourceNames": [PROBE_USER], "verbs": ["impersonate"] }),
        json!({ "apiGroups": ["authentication.k8s.io"],
                "resources": [format!("userextras/{CREDENTIAL_ID}")], "verbs": ["impersonate"] }),
    ];
    if let Some(all) = role["rules"].as_array_mut() {
        all.extend(rules);
    }
    role
}

/// What a probe gets as far as the policy with: it connects to a Service that cannot exist. Admission is asked
/// before the Service is looked up (`apiserver/pkg/endpoints/handlers/rest.go`, `ConnectResource`).
fn probe_role() -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": namespaced(PROBE_USER),
        "rules": [{ "apiGroups": [""], "resources": ["services/proxy"],
                    "resourceNames": [PROBED], "verbs": ["get"] }],
    })
}

fn probe_bindings() -> String {
    format!("/apis/{RBAC}/v1/namespaces/{NAMESPACE}/rolebindings")
}

fn probe_binding() -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
        "metadata": namespaced(PROBE_USER),
        "subjects": [{ "apiGroup": RBAC, "kind": "Group", "name": PROBE_USER }],
        "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": PROBE_USER },
    })
}

/// Whether the text of this key holds an entry, both CEL expressions.
fn in_text(key: &str, text: &str) -> String {
    format!("({text} in params.data && params.data[{text}].contains('\\n' + {key} + ' '))")
}

/// Whether the list has an entry for a certificate, as a key of its own or in the text for its digits, which
/// begin at `at` of `id`.
fn listed(key: &str, id: &str, at: usize) -> String {
    format!("({key} in params.data || {})", in_text(key, &text_of(id, at)))
}

/// The key of the text for the digits that begin there.
fn text_of(id: &str, at: usize) -> String {
    let [first, second] = [at, at + 1].map(|at| format!("{id}.substring({at}, {})", at + 1));
    format!(
        "('{PART}' + {first} + ({second} < '4' ? '0' : {second} < '8' ? '4' : {second} < 'c' ? '8' : 'c'))"
    )
}

/// The policy. What the server would fill in is there already, so that what it holds can be compared.
///
/// All is decided in one condition: where it is false, the server evaluates nothing else. Each further
/// set of expressions makes it convert the request and the whole list once more.
#[must_use]
pub fn policy() -> Value {
    let extra = format!("request.userInfo.extra['{CREDENTIAL_ID}']");
    let is_certificate = "id.startsWith('X509SHA256=') && id.size() == 75";
    let user = "'user.' + '%x'.format([request.userInfo.username])";
    let digits = "id.substring(11)";
    let itself = listed(digits, "id", 11);
    let users = format!("'{USERS}'");
    let by_user = in_text(user, &users);
    let excepted = listed(&format!("'except.' + {digits}"), "id", 11);
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata(POLICY),
        "spec": {
            "failurePolicy": "Fail",
            "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" },
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "resourceRules": [{
                    "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
                    "resources": ["*/*"], "scope": "*",
                }],
            },
            // The cluster's own components are left alone. An impersonated user may have no extra at all.
            "matchConditions": [{
                "name": "revoked",
                "expression": format!(
                    "!request.userInfo.username.startsWith('system:') && has(request.userInfo.extra) && '{CREDENTIAL_ID}' in request.userInfo.extra && has(params.data) && {extra}.exists(id, {is_certificate} && ({itself} || ({by_user} && !{excepted})))"
                ),
            }],
            // For the message: the key that blocks, and what the list says of it.
            "variables": [
                { "name": "ids", "expression": format!(
                    "{extra}.filter(id, {is_certificate}).map(id, {digits})"
                ) },
                { "name": "itself", "expression": format!(
                    "variables.ids.filter(id, {})", listed("id", "id", 0)
                ) },
                { "name": "key", "expression": format!("(variables.itself + [{user}])[0]") },
                { "name": "text", "expression": format!(
                    "variables.itself.size() > 0 ? {} : {users}", text_of("variables.key", 0)
                ) },
                { "name": "value", "expression":
                    "variables.key in params.data ? params.data[variables.key] : params.data[variables.text].split('\\n' + variables.key + ' ')[1]" },
            ],
            "validations": [{
                "expression": "false",
                "reason": "Forbidden",
                "message": SENTENCE,
                // A message of several lines would not be used.
                "messageExpression": format!("'{SENTENCE}: ' + variables.value.split('\\n')[0]"),
            }],
        },
    })
}

/// What puts the policy in force, with the list as its parameter.
#[must_use]
pub fn binding() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata(POLICY),
        "spec": {
            "policyName": POLICY,
            // Without the list nothing is revoked; refusing everything would lock the cluster.
            "paramRef": {
                "name": CONFIG_MAP, "namespace": NAMESPACE, "parameterNotFoundAction": "Allow",
            },
            "validationActions": ["Deny"],
        },
    })
}
