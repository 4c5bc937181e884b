//! Questions about oneself and others: who am I, may I, what may I (`pkg/registry/authentication`,
//! `pkg/registry/authorization`).

use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{self, Body};
use crate::api::{
    Kind, NonResourceAttributes, NonResourceRule, ResourceAttributes, ResourceRule,
    SelfSubjectAccessReview, SelfSubjectReview, SelfSubjectReviewStatus, SelfSubjectRulesReview,
    SubjectAccessReview, SubjectAccessReviewStatus, SubjectRulesReviewStatus, Time, with_type,
};
use crate::authz::{Attributes, authorize, rules_of};
use crate::codec::Payload;
use crate::rest::Call;
use crate::status::{FieldError, Result, Status};
use crate::user::User;

pub(crate) fn create(call: &Call<'_>, payload: &Payload) -> Result<Response<Body>> {
    match call.resource.kind {
        Kind::SelfSubjectReview => {
            let mut review: SelfSubjectReview = payload.question(call.resource)?;
            review.metadata.creation_timestamp = Some(Time::now());
            review.status = SelfSubjectReviewStatus { user_info: call.user.info() };
            Ok(reply(call, &review))
        }
        Kind::SelfSubjectAccessReview => {
            let mut review: SelfSubjectAccessReview = payload.question(call.resource)?;
            let spec = &review.spec;
            review.status = decide(
                call,
                call.user,
                spec.resource_attributes.as_ref(),
                spec.non_resource_attributes.as_ref(),
            )?;
            Ok(reply(call, &review))
        }
        Kind::SubjectAccessReview => {
            let mut review: SubjectAccessReview = payload.question(call.resource)?;
            let spec = &review.spec;
            let user = User::new(&spec.user, &spec.groups);
            review.status = decide(
                call,
                &user,
                spec.resource_attributes.as_ref(),
                spec.non_resource_attributes.as_ref(),
            )?;
            Ok(reply(call, &review))
        }
        Kind::SelfSubjectRulesReview => {
            let mut review: SelfSubjectRulesReview = payload.question(call.resource)?;
            review.status = rules(call, &review.spec.namespace);
            Ok(reply(call, &review))
        }
        _ => Err(Status::no_such_path()),
    }
}

fn reply(call: &Call<'_>, review: &impl Serialize) -> Response<Body> {
    let json = serde_json::to_value(review).unwrap_or(Value::Null);
    let json = with_type(call.resource.kind_name, &call.resource.api_version(), json);
    answer::json(StatusCode::CREATED, &json)
}

fn decide(
    call: &Call<'_>,
    user: &User,
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
) -> Result<SubjectAccessReviewStatus> {
    let wanted = match (resource, path) {
        (Some(it), None) => Attributes {
            verb: &it.verb,
            namespace: &it.namespace,
            group: &it.group,
            resource: &it.resource,
            subresource: &it.subresource,
            name: &it.name,
            path: "",
        },
        (None, Some(it)) => Attributes { verb: &it.verb, path: &it.path, ..Attributes::default() },
        (Some(_), Some(path)) => {
            let value = json!({"Path": path.path, "Verb": path.verb}).to_string();
            return Err(Status::invalid_review(
                call.resource.group,
                FieldError::invalid(
                    "spec.nonResourceAttributes",
                    &value,
                    "cannot be specified in combination with resourceAttributes",
                ),
            ));
        }
        (None, None) => {
            return Err(Status::invalid_review(
                call.resource.group,
                FieldError::invalid(
                    "spec.resourceAttributes",
                    "null",
                    "exactly one of nonResourceAttributes or resourceAttributes must be specified",
                ),
            ));
        }
    };
    let reason = authorize(&call.cluster.store(), user, &wanted);
    Ok(SubjectAccessReviewStatus { allowed: reason.is_some(), reason: reason.unwrap_or_default() })
}

fn rules(call: &Call<'_>, namespace: &str) -> SubjectRulesReviewStatus {
    let mut status = SubjectRulesReviewStatus::default();
    for rule in rules_of(&call.cluster.store(), call.user, namespace) {
        if rule.non_resource_urls.is_empty() {
            status.resource_rules.push(ResourceRule {
                verbs: rule.verbs,
                api_groups: rule.api_groups,
                resources: rule.resources,
                resource_names: rule.resource_names,
            });
        } else {
            status.non_resource_rules.push(NonResourceRule {
                verbs: rule.verbs,
                non_resource_urls: rule.non_resource_urls,
            });
        }
    }
    status
}
