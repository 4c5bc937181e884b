//! What a request is about, read from method, path and query, after `RequestInfo` of
//! `k8s.io/apiserver/pkg/endpoints/request`.

use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::status::{FieldError, Result, Status};
use crate::text::quote;

/// A request's verb and object, as authorization sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) verb: String,
    /// The decoded path; what counts when `is_resource` is false.
    pub(crate) path: String,
    pub(crate) is_resource: bool,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) name: String,
    /// Path segments after the resource's subresource, which nothing here serves.
    pub(crate) deeper: bool,
}

/// The decoded query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The first value of a parameter; an empty one counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(it, _)| it == key).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// A parameter that counts something; what is no number is refused, what is negative means nothing.
    pub(crate) fn number(&self, key: &str) -> Result<Option<usize>> {
        self.get(key).map_or(Ok(None), |text| match text.parse::<i64>() {
            Ok(number) => Ok(usize::try_from(number).ok()),
            Err(_) => Err(Status::bad_request(format!(
                "strconv.ParseInt: parsing {}: invalid syntax",
                quote(text)
            ))),
        })
    }

    /// A boolean parameter by Kubernetes' rule: anything but false and 0 is true.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.0
            .iter()
            .find(|(it, _)| it == key)
            .is_some_and(|(_, value)| !matches!(value.to_lowercase().as_str(), "false" | "0"))
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.get("dryRun") == Some("All")
    }

    /// Refuses values of `dryRun` that mean nothing; `kind` names the options of the verb.
    pub(crate) fn check_dry_run(&self, kind: &str) -> Result<()> {
        match self.get("dryRun") {
            None | Some("All") => Ok(()),
            Some(other) => {
                let value = format!("[{}]", quote(other));
                let error = FieldError::unsupported_json("dryRun", &value, &["All"]);
                Err(Status::invalid_options(kind, error))
            }
        }
    }
}

impl Target {
    pub(crate) fn of(method: &Method, uri: &Uri, query: &Query) -> Self {
        let path = percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
        let mut target =
            Self { verb: method.as_str().to_lowercase(), path: path.clone(), ..Self::default() };
        let mut parts: Vec<&str> = match path.trim_matches('/') {
            "" => Vec::new(),
            path => path.split('/').collect(),
        };
        let fits = match parts.first() {
            Some(&"api") => parts.len() >= 3,
            Some(&"apis") => parts.len() >= 4,
            _ => false,
        };
        if !fits {
            return target;
        }
        if parts.remove(0) == "apis" {
            target.group = parts.remove(0).into();
        }
        target.version = parts.remove(0).into();
        target.is_resource = true;
        target.verb = match *method {
            Method::POST => "create",
            Method::GET | Method::HEAD => "get",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "",
        }
        .into();
        if let ["namespaces", namespace, rest @ ..] = parts.as_slice() {
            target.namespace = (*namespace).into();
            if !matches!(rest, [] | ["status" | "finalize", ..]) {
                parts = rest.to_vec();
            }
        }
        let mut parts = parts.into_iter();
        let mut next = || parts.next().unwrap_or_default().to_owned();
        target.resource = next();
        target.name = next();
        target.subresource = next();
        target.deeper = parts.next().is_some();
        if target.name.is_empty() {
            target.refine_collection_verb(query);
        }
        target
    }

    fn refine_collection_verb(&mut self, query: &Query) {
        match self.verb.as_str() {
            "get" => {
                self.verb = if query.is_true("watch") { "watch" } else { "list" }.into();
                // A rule with resourceNames admits a list or watch of that one name.
                let selected = query.get("fieldSelector").and_then(exact_name).unwrap_or_default();
                if !selected.contains(['/', '%']) && !matches!(selected, "." | "..") {
                    self.name = selected.into();
                }
            }
            "delete" => self.verb = "deletecollection".into(),
            _ => {}
        }
    }
}

/// The name that a field selector demands.
fn exact_name(selector: &str) -> Option<&str> {
    selector.split(',').find_map(|requirement| {
        let (field, value) = requirement.split_once('=')?;
        (field == "metadata.name").then(|| value.strip_prefix('=').unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: Method, uri: &str) -> Target {
        let uri = uri.parse().unwrap();
        Target::of(&method, &uri, &Query::of(&uri))
    }

    #[test]
    fn reads_resource_requests() {
        let base = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
        let approval = target(Method::PUT, &format!("{base}/a%20b/approval"));
        assert_eq!(approval.verb, "update");
        assert_eq!(approval.group, "certificates.k8s.io");
        assert_eq!(approval.name, "a b");
        assert_eq!(approval.subresource, "approval");
        assert_eq!(target(Method::GET, base).verb, "list");
        let watch =
            target(Method::GET, &format!("{base}?watch=1&fieldSelector=metadata.name%3Dalice"));
        assert_eq!((watch.verb.as_str(), watch.name.as_str()), ("watch", "alice"));
        assert_eq!(target(Method::DELETE, base).verb, "deletecollection");
    }

    #[test]
    fn reads_namespaces() {
        let map = target(Method::GET, "/api/v1/namespaces/default/configmaps/kube-root-ca.crt");
        assert_eq!((map.namespace.as_str(), map.resource.as_str()), ("default", "configmaps"));
        let namespace = target(Method::GET, "/api/v1/namespaces/default");
        assert_eq!((namespace.namespace.as_str(), namespace.name.as_str()), ("default", "default"));
        assert_eq!(namespace.resource, "namespaces");
    }

    #[test]
    fn other_paths_are_no_resources() {
        for path in ["/", "/version", "/api/v1", "/apis/certificates.k8s.io/v1"] {
            let target = target(Method::GET, path);
            assert!(!target.is_resource, "{path}");
            assert_eq!(target.path, path);
        }
    }
}
