//! The resources served, one table for routing, discovery, decoding and printing.

/// A kind of object, by which decoding, validation and printing choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CertificateSigningRequest,
    Role,
    ClusterRole,
    RoleBinding,
    ClusterRoleBinding,
    Namespace,
    ConfigMap,
    ServiceAccount,
    SelfSubjectReview,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    Lease,
    Event,
    /// Workloads and the like: listed by discovery so that roles can name them, and always empty.
    Empty,
}

/// A subresource and the verbs it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subresource {
    pub(crate) name: &'static str,
    pub(crate) verbs: &'static [&'static str],
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) kind_name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short_names: &'static [&'static str],
    pub(crate) namespaced: bool,
    pub(crate) verbs: &'static [&'static str],
    pub(crate) subresources: &'static [Subresource],
}

impl Resource {
    /// `plural.group`, or just `plural` in the core group: how error messages name a resource.
    pub(crate) fn qualified(&self) -> String {
        qualify(self.plural, self.group)
    }

    /// `Kind.group`, or just `Kind` in the core group: how validation errors name it.
    pub(crate) fn qualified_kind(&self) -> String {
        qualify(self.kind_name, self.group)
    }

    /// The `apiVersion` of its objects. Everything here is version v1.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { "v1".into() } else { format!("{}/v1", self.group) }
    }

    /// Looks a resource up by API group and plural name.
    pub(crate) fn find(group: &str, plural: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|resource| resource.group == group && resource.plural == plural)
    }

    /// Looks a resource up by the kind of its objects; not for [`Kind::Empty`].
    pub(crate) fn of(kind: Kind) -> Option<&'static Self> {
        RESOURCES.iter().find(|resource| resource.kind == kind)
    }
}

fn qualify(name: &str, group: &str) -> String {
    if group.is_empty() { name.into() } else { format!("{name}.{group}") }
}

const ALL: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const READ: &[&str] = &["get", "list", "watch"];
const CREATE: &[&str] = &["create"];
const GET: &[&str] = &["get"];
const CHANGE: &[&str] = &["get", "patch", "update"];

const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const COORDINATION: &str = "coordination.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Kind, its name, group, plural, short names, namespaced or not, verbs.
const fn resource(
    kind: Kind,
    kind_name: &'static str,
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    namespaced: bool,
    verbs: &'static [&'static str],
) -> Resource {
    Resource {
        kind,
        kind_name,
        group,
        plural,
        singular,
        short_names: &[],
        namespaced,
        verbs,
        subresources: &[],
    }
}

const fn short(mut resource: Resource, names: &'static [&'static str]) -> Resource {
    resource.short_names = names;
    resource
}

const fn with(mut resource: Resource, subresources: &'static [Subresource]) -> Resource {
    resource.subresources = subresources;
    resource
}

/// What the subresource `token` of service accounts takes; served nowhere else.
pub(crate) static TOKEN_REQUEST: Resource = resource(
    Kind::Empty,
    "TokenRequest",
    AUTHENTICATION,
    "tokenrequests",
    "tokenrequest",
    true,
    CREATE,
);

pub(crate) static RESOURCES: &[Resource] = &[
    short(
        resource(Kind::ConfigMap, "ConfigMap", "", "configmaps", "configmap", true, ALL),
        &["cm"],
    ),
    short(
        resource(Kind::Namespace, "Namespace", "", "namespaces", "namespace", false, ALL),
        &["ns"],
    ),
    short(resource(Kind::Event, "Event", "", "events", "event", true, ALL), &["ev"]),
    short(resource(Kind::Empty, "Node", "", "nodes", "node", false, READ), &["no"]),
    short(resource(Kind::Empty, "Pod", "", "pods", "pod", true, READ), &["po"]),
    resource(Kind::Empty, "Secret", "", "secrets", "secret", true, READ),
    short(
        with(
            resource(
                Kind::ServiceAccount,
                "ServiceAccount",
                "",
                "serviceaccounts",
                "serviceaccount",
                true,
                ALL,
            ),
            &[Subresource { name: "token", verbs: CREATE }],
        ),
        &["sa"],
    ),
    short(
        with(
            resource(Kind::Empty, "Service", "", "services", "service", true, READ),
            &[Subresource { name: "proxy", verbs: GET }],
        ),
        &["svc"],
    ),
    resource(
        Kind::ValidatingAdmissionPolicy,
        "ValidatingAdmissionPolicy",
        ADMISSION,
        "validatingadmissionpolicies",
        "validatingadmissionpolicy",
        false,
        ALL,
    ),
    resource(
        Kind::ValidatingAdmissionPolicyBinding,
        "ValidatingAdmissionPolicyBinding",
        ADMISSION,
        "validatingadmissionpolicybindings",
        "validatingadmissionpolicybinding",
        false,
        ALL,
    ),
    short(
        resource(Kind::Empty, "Deployment", "apps", "deployments", "deployment", true, READ),
        &["deploy"],
    ),
    resource(Kind::Lease, "Lease", COORDINATION, "leases", "lease", true, ALL),
    resource(
        Kind::SelfSubjectReview,
        "SelfSubjectReview",
        AUTHENTICATION,
        "selfsubjectreviews",
        "selfsubjectreview",
        false,
        CREATE,
    ),
    resource(
        Kind::SelfSubjectAccessReview,
        "SelfSubjectAccessReview",
        AUTHORIZATION,
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        false,
        CREATE,
    ),
    resource(
        Kind::SelfSubjectRulesReview,
        "SelfSubjectRulesReview",
        AUTHORIZATION,
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        false,
        CREATE,
    ),
    resource(
        Kind::SubjectAccessReview,
        "SubjectAccessReview",
        AUTHORIZATION,
        "subjectaccessreviews",
        "subjectaccessreview",
        false,
        CREATE,
    ),
    short(
        with(
            resource(
                Kind::CertificateSigningRequest,
                "CertificateSigningRequest",
                CERTIFICATES,
                "certificatesigningrequests",
                "certificatesigningrequest",
                false,
                ALL,
            ),
            &[
                Subresource { name: "approval", verbs: CHANGE },
                Subresource { name: "status", verbs: CHANGE },
            ],
        ),
        &["csr"],
    ),
    resource(
        Kind::ClusterRoleBinding,
        "ClusterRoleBinding",
        RBAC,
        "clusterrolebindings",
        "clusterrolebinding",
        false,
        ALL,
    ),
    resource(Kind::ClusterRole, "ClusterRole", RBAC, "clusterroles", "clusterrole", false, ALL),
    resource(Kind::RoleBinding, "RoleBinding", RBAC, "rolebindings", "rolebinding", true, ALL),
    resource(Kind::Role, "Role", RBAC, "roles", "role", true, ALL),
];
