//! The API objects that the sandbox knows, each as one struct with two encodings.
//!
//! Kubernetes declares its types in Go and derives the protobuf messages from them (`k8s.io/api/*/generated.proto`),
//! so a Go zero value, an absent protobuf field and an omitted JSON key all mean the same. The structs here follow that:
//! `prost` reads what kubectl sends for typed requests, `serde` reads and writes JSON.

mod certificates;
mod core;
mod meta;
mod object;
mod rbac;
mod resource;
mod review;

pub(crate) use self::certificates::{
    CertificateSigningRequest, CertificateSigningRequestStatus, Condition,
};
pub(crate) use self::core::{
    ConfigMap, Custom, Loose, Namespace, NamespaceSpec, NamespaceStatus, ServiceAccount,
};
pub(crate) use self::meta::{DeleteOptions, ObjectMeta, Time, Values};
pub(crate) use self::object::{Object, decode_json, with_type};
pub(crate) use self::rbac::{
    AggregationRule, Binding, LabelSelector, PolicyRule, Role, RoleRef, Subject,
};
pub(crate) use self::resource::{Kind, RESOURCES, Resource, TOKEN_REQUEST};
pub(crate) use self::review::{
    NonResourceAttributes, NonResourceRule, ResourceAttributes, ResourceRule,
    SelfSubjectAccessReview, SelfSubjectReview, SelfSubjectReviewStatus, SelfSubjectRulesReview,
    SubjectAccessReview, SubjectAccessReviewStatus, SubjectRulesReviewStatus, TokenRequest,
    TokenRequestStatus, UserInfo,
};
