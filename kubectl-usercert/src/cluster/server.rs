//! API requests about the server itself, about oneself, and for tokens of service accounts.

use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use usercert_core::api::doctor::Question;

use super::api::{Cluster, encode};
use super::failure::ApiError;

const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const REVIEWS_OF_OTHERS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const LIMIT: usize = 1 << 20;

pub struct Answer {
    pub value: Value,
    pub warnings: Vec<String>,
    pub date: Option<String>,
}

impl Cluster {
    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ApiError> {
        let (headers, bytes) = self.wire.respond(method, path, body, LIMIT).await?;
        let bytes = bytes.ok_or_else(|| ApiError::Malformed("it is too long".to_owned()))?;
        Ok(Answer {
            value: serde_json::from_slice(&bytes)
                .map_err(|e| ApiError::Malformed(e.to_string()))?,
            warnings: warnings(&headers),
            date: headers.get(header::DATE).and_then(|d| d.to_str().ok()).map(str::to_owned),
        })
    }

    pub async fn version(&self) -> Result<Answer, ApiError> {
        self.exchange(&Method::GET, "/version", None).await
    }

    pub async fn may_i(&self, question: &Question<'_>) -> Result<bool, ApiError> {
        let spec = json!({ "resourceAttributes": attributes(question) });
        self.review(ACCESS_REVIEWS, "SelfSubjectAccessReview", &spec).await
    }

    /// Whether somebody else may do this.
    pub async fn may(
        &self,
        user: &str,
        groups: &[&str],
        question: &Question<'_>,
    ) -> Result<bool, ApiError> {
        let attributes = attributes(question);
        let spec = json!({ "user": user, "groups": groups, "resourceAttributes": attributes });
        self.review(REVIEWS_OF_OTHERS, "SubjectAccessReview", &spec).await
    }

    async fn review(&self, path: &str, kind: &str, spec: &Value) -> Result<bool, ApiError> {
        let version = "authorization.k8s.io/v1";
        let body = json!({ "apiVersion": version, "kind": kind, "spec": spec });
        let answer = self.send(Method::POST, path, Some(&body)).await?;
        answer["status"]["allowed"]
            .as_bool()
            .ok_or_else(|| ApiError::Malformed("the access review has no status".to_owned()))
    }

    /// Asks for a token of a service account. The API server makes one for a dry run too
    /// (`pkg/registry/core/serviceaccount/storage/token.go` does not look at that).
    pub async fn token(
        &self,
        namespace: &str,
        account: &str,
        request: &Value,
        dry_run: bool,
    ) -> Result<Answer, ApiError> {
        let (namespace, account) = (encode(namespace), encode(account));
        let query = if dry_run { "?dryRun=All" } else { "" };
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token{query}");
        self.exchange(&Method::POST, &path, Some(request)).await
    }
}

fn attributes(question: &Question<'_>) -> Value {
    json!({
        "verb": question.verb,
        "group": question.group,
        "resource": question.resource,
        "subresource": question.subresource,
        "name": question.name,
        "namespace": question.namespace,
    })
}

/// The texts of warnings, as `299 - "text"` (RFC 7234, section 5.5).
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let text = |value: &str| {
        let quoted = value.split_once('"')?.1;
        let mut out = String::new();
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => return Some(out),
                '\\' => out.extend(chars.next()),
                c => out.push(c),
            }
        }
        None
    };
    let values = headers.get_all(header::WARNING).iter();
    values.filter_map(|v| text(v.to_str().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        let mut headers = HeaderMap::new();
        for value in
            [r#"299 - "a \"quoted\" \\ text""#, r#"299 - "cut"#, r#"299 - "second" "date""#]
        {
            headers.append(header::WARNING, value.parse().unwrap());
        }
        assert_eq!(warnings(&headers), [r#"a "quoted" \ text"#, "second"]);
    }
}
