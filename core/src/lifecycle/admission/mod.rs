//! Refusal by a ValidatingAdmissionPolicy whose parameter is the list.
//!
//! Source: `api/admissionregistration/v1/types.go` (since Kubernetes 1.30). Admission sees create,
//! update, patch, delete and connect, for every user; it does not see get, list and watch, nor the
//! reviews of `authentication.k8s.io` and `authorization.k8s.io`, nor the policies themselves.

mod compare;

use serde_json::{Value, json};

pub use compare::{ObjectState, state, upgraded};

use super::{CONFIG_MAP, CREDENTIAL_ID, NAMESPACE, RevocationKey, SENTENCE, TEST_ENTRY, record};
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
pub const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
/// The collection of their bindings.
pub const BINDINGS: &str =
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
        object(&roles, REVOKER, cluster_role(REVOKER, &["get", "patch"])),
        object(&roles, VIEWER, cluster_role(VIEWER, &["get"])),
        object(&record::roles(), record::RECORDER, record::recorder()),
        object(&record::roles(), record::READER, record::reader()),
        object(POLICIES, POLICY, policy()),
        object(BINDINGS, POLICY, binding()),
    ]
}

/// The collection that the list is in.
#[must_use]
pub fn config_maps() -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/configmaps")
}

fn metadata(name: &str) -> Value {
    json!({ "name": name, "labels": { "app.kubernetes.io/managed-by": MANAGED_BY } })
}

/// The namespace.
#[must_use]
pub fn namespace() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(NAMESPACE) })
}

/// The list while nothing is revoked: the test entry alone.
#[must_use]
pub fn config_map() -> Value {
    let mut metadata = metadata(CONFIG_MAP);
    metadata["namespace"] = NAMESPACE.into();
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

/// The policy. What the server would fill in is there already, so that what it holds can be compared.
#[must_use]
pub fn policy() -> Value {
    let extra = format!("request.userInfo.extra['{CREDENTIAL_ID}']");
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
            // The cluster's own components are left alone and pay nothing. An impersonated user may
            // have no extra at all.
            "matchConditions": [{
                "name": "client-certificate",
                "expression": format!(
                    "!request.userInfo.username.startsWith('system:') && has(request.userInfo.extra) && '{CREDENTIAL_ID}' in request.userInfo.extra"
                ),
            }, {
                // Decided here already: whatever follows makes the server read the whole list three
                // times more, for everybody's writes.
                "name": "revoked",
                "expression": format!(
                    "has(params.data) && {extra}.exists(id, id.startsWith('X509SHA256=') && (id.substring(11) in params.data || (('user.' + '%x'.format([request.userInfo.username])) in params.data && !(('except.' + id.substring(11)) in params.data))))"
                ),
            }],
            "variables": [
                { "name": "revoked", "expression": "has(params.data) ? params.data : {}" },
                { "name": "ids", "expression": format!(
                    "{extra}.filter(id, id.startsWith('X509SHA256=')).map(id, id.substring(11))"
                ) },
                { "name": "user", "expression": "'user.' + '%x'.format([request.userInfo.username])" },
                // The keys that block this request.
                { "name": "by", "expression":
                    "variables.ids.filter(id, id in variables.revoked) + (variables.user in variables.revoked ? variables.ids.filter(id, !(('except.' + id) in variables.revoked)).map(id, variables.user) : [])" },
            ],
            "validations": [{
                "expression": "variables.by.size() == 0",
                "reason": "Forbidden",
                "message": SENTENCE,
                // A message of several lines would not be used.
                "messageExpression": format!(
                    "'{SENTENCE}: ' + variables.revoked[variables.by[0]].split('\\n')[0]"
                ),
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
