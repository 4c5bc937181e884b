//! The objects of a fresh cluster: namespaces, the cluster's CA, and the roles and bindings of
//! `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go` that concern people and certificates.

use crate::api::{
    AggregationRule, Binding, ConfigMap, Kind, LabelSelector, Namespace, NamespaceSpec,
    NamespaceStatus, Object, ObjectMeta, PolicyRule, Resource, Role, RoleRef, Subject, Time,
};
use crate::store::Store;

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const READ_WRITE: &[&str] =
    &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const CERTIFICATES: &[&str] = &["certificates.k8s.io"];

/// Fills an empty store. `new_uid` makes up UIDs, `ca` is the CA of the server certificate.
pub(crate) fn bootstrap(store: &mut Store, ca: &str, new_uid: &mut dyn FnMut() -> String) {
    let mut put = |kind, mut object: Object| {
        object.meta_mut().uid = new_uid();
        object.meta_mut().creation_timestamp = Some(Time::now());
        if let Some(resource) = Resource::of(kind) {
            store.put(resource, object);
        }
    };
    let named = |name: &str| ObjectMeta { name: name.into(), ..ObjectMeta::default() };
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let mut metadata = named(name);
        metadata.labels.insert("kubernetes.io/metadata.name".into(), name.into());
        put(
            Kind::Namespace,
            Object::Namespace(Namespace {
                metadata,
                spec: NamespaceSpec { finalizers: vec!["kubernetes".into()] },
                status: NamespaceStatus { phase: "Active".into() },
            }),
        );
        put(Kind::ConfigMap, Object::ConfigMap(root_ca(name, ca)));
    }
    for (name, rules) in cluster_roles() {
        let aggregate = matches!(name, "admin" | "edit" | "view").then(|| AggregationRule {
            cluster_role_selectors: vec![LabelSelector {
                match_labels: [(aggregate_to(name), "true".into())].into(),
            }],
        });
        let mut metadata = bootstrapped(name);
        let into = match name {
            "view" => Some("edit"),
            "edit" => Some("admin"),
            _ => None,
        };
        if let Some(into) = into {
            metadata.labels.insert(aggregate_to(into), "true".into());
        }
        put(Kind::ClusterRole, Object::Role(Role { metadata, rules, aggregation_rule: aggregate }));
    }
    for (role, subjects) in CLUSTER_ROLE_BINDINGS {
        let subjects = subjects.iter().map(|(kind, name)| Subject {
            kind: (*kind).into(),
            api_group: super::GROUP.into(),
            name: (*name).into(),
            namespace: String::new(),
        });
        let role_ref = RoleRef {
            api_group: super::GROUP.into(),
            kind: "ClusterRole".into(),
            name: (*role).into(),
        };
        put(
            Kind::ClusterRoleBinding,
            Object::Binding(Binding {
                metadata: bootstrapped(role),
                subjects: subjects.collect(),
                role_ref,
            }),
        );
    }
}

/// The label of roles whose rules go into an aggregated one. The sandbox adds them up at the start, and only then.
fn aggregate_to(role: &str) -> String {
    format!("rbac.authorization.k8s.io/aggregate-to-{role}")
}

/// The ConfigMap that tells every namespace the cluster's CA.
pub(crate) fn root_ca(namespace: &str, ca: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: "kube-root-ca.crt".into(),
            namespace: namespace.into(),
            ..ObjectMeta::default()
        },
        data: [("ca.crt".to_owned(), ca.to_owned())].into(),
        immutable: None,
    }
}

fn bootstrapped(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: name.into(),
        labels: [("kubernetes.io/bootstrapping".into(), "rbac-defaults".into())].into(),
        annotations: [("rbac.authorization.kubernetes.io/autoupdate".into(), "true".into())].into(),
        ..ObjectMeta::default()
    }
}

const CLUSTER_ROLE_BINDINGS: &[(&str, &[(&str, &str)])] = &[
    ("cluster-admin", &[("Group", "system:masters")]),
    ("system:basic-user", &[("Group", "system:authenticated")]),
    ("system:discovery", &[("Group", "system:authenticated")]),
    ("system:monitoring", &[("Group", "system:monitoring")]),
    (
        "system:public-info-viewer",
        &[("Group", "system:authenticated"), ("Group", "system:unauthenticated")],
    ),
    ("system:kube-controller-manager", &[("User", "system:kube-controller-manager")]),
];

fn cluster_roles() -> Vec<(&'static str, Vec<PolicyRule>)> {
    let view = view();
    let edit = [edit(), view.clone()].concat();
    let admin = [admin(), edit.clone()].concat();
    let approver =
        |signer: &str| vec![named(rule(&["approve"], CERTIFICATES, &["signers"]), signer)];
    let node = |subresource: &str| vec![rule(&["create"], CERTIFICATES, &[subresource])];
    vec![
        ("cluster-admin", vec![rule(&["*"], &["*"], &["*"]), urls(&["*"], &["*"])]),
        ("admin", admin),
        ("edit", edit),
        ("view", view),
        (
            "system:basic-user",
            vec![
                rule(
                    &["create"],
                    &["authorization.k8s.io"],
                    &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                ),
                rule(&["create"], &["authentication.k8s.io"], &["selfsubjectreviews"]),
            ],
        ),
        (
            "system:discovery",
            vec![urls(
                &["get"],
                &[
                    "/livez",
                    "/readyz",
                    "/healthz",
                    "/version",
                    "/version/",
                    "/openapi",
                    "/openapi/*",
                    "/api",
                    "/api/*",
                    "/apis",
                    "/apis/*",
                ],
            )],
        ),
        (
            "system:public-info-viewer",
            vec![urls(&["get"], &["/livez", "/readyz", "/healthz", "/version", "/version/"])],
        ),
        (
            "system:monitoring",
            vec![urls(
                &["get"],
                &[
                    "/metrics",
                    "/metrics/slis",
                    "/livez",
                    "/readyz",
                    "/healthz",
                    "/livez/*",
                    "/readyz/*",
                    "/healthz/*",
                ],
            )],
        ),
        (
            "system:kube-controller-manager",
            vec![
                rule(&["create"], &[""], &["secrets", "serviceaccounts", "serviceaccounts/token"]),
                rule(&["get", "update", "delete"], &[""], &["secrets"]),
                rule(&["list", "watch"], &["*"], &["*"]),
            ],
        ),
        (
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            node("certificatesigningrequests/nodeclient"),
        ),
        (
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            node("certificatesigningrequests/selfnodeclient"),
        ),
        (
            "system:certificates.k8s.io:kube-apiserver-client-approver",
            approver("kubernetes.io/kube-apiserver-client"),
        ),
        (
            "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
            approver("kubernetes.io/kube-apiserver-client-kubelet"),
        ),
        (
            "system:certificates.k8s.io:kubelet-serving-approver",
            approver("kubernetes.io/kubelet-serving"),
        ),
        (
            "system:certificates.k8s.io:legacy-unknown-approver",
            approver("kubernetes.io/legacy-unknown"),
        ),
    ]
}

/// What `view` adds up to, shortened to the usual workloads.
fn view() -> Vec<PolicyRule> {
    vec![
        rule(
            READ,
            &[""],
            &[
                "bindings",
                "configmaps",
                "endpoints",
                "events",
                "limitranges",
                "namespaces",
                "namespaces/status",
                "persistentvolumeclaims",
                "pods",
                "pods/log",
                "pods/status",
                "replicationcontrollers",
                "resourcequotas",
                "serviceaccounts",
                "services",
            ],
        ),
        rule(
            READ,
            &["apps"],
            &["daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets"],
        ),
        rule(READ, &["autoscaling"], &["horizontalpodautoscalers"]),
        rule(READ, &["batch"], &["cronjobs", "jobs"]),
        rule(READ, &["networking.k8s.io"], &["ingresses", "networkpolicies"]),
        rule(READ, &["policy"], &["poddisruptionbudgets"]),
    ]
}

/// What `edit` adds to `view`.
fn edit() -> Vec<PolicyRule> {
    vec![
        rule(
            READ,
            &[""],
            &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets"],
        ),
        rule(&["impersonate"], &[""], &["serviceaccounts"]),
        rule(
            WRITE,
            &[""],
            &[
                "configmaps",
                "events",
                "persistentvolumeclaims",
                "pods",
                "pods/attach",
                "pods/exec",
                "pods/portforward",
                "pods/proxy",
                "replicationcontrollers",
                "secrets",
                "serviceaccounts",
                "services",
            ],
        ),
        rule(&["create"], &[""], &["pods/eviction", "serviceaccounts/token"]),
        rule(
            WRITE,
            &["apps"],
            &["daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets"],
        ),
        rule(WRITE, &["autoscaling"], &["horizontalpodautoscalers"]),
        rule(WRITE, &["batch"], &["cronjobs", "jobs"]),
        rule(WRITE, &["networking.k8s.io"], &["ingresses", "networkpolicies"]),
        rule(WRITE, &["policy"], &["poddisruptionbudgets"]),
    ]
}

/// What `admin` adds to `edit`.
fn admin() -> Vec<PolicyRule> {
    vec![
        rule(&["create"], &["authorization.k8s.io"], &["localsubjectaccessreviews"]),
        rule(READ_WRITE, &[super::GROUP], &["rolebindings", "roles"]),
    ]
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: strings(verbs),
        api_groups: strings(groups),
        resources: strings(resources),
        ..PolicyRule::default()
    }
}

fn named(mut rule: PolicyRule, name: &str) -> PolicyRule {
    rule.resource_names = strings(&[name]);
    rule
}

fn urls(verbs: &[&str], urls: &[&str]) -> PolicyRule {
    PolicyRule { verbs: strings(verbs), non_resource_urls: strings(urls), ..PolicyRule::default() }
}
