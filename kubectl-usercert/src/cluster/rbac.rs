//! API requests about roles and bindings.

use http::Method;
use serde_json::{Value, json};
use usercert_core::api::rbac::{Binding, MANAGED_BY, RoleKind, RoleRef, Scope};

use super::api::{Cluster, encode};
use super::failure::ApiError;
use super::list::Freshness;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

impl Cluster {
    pub async fn role(&self, role: &RoleRef, scope: &Scope) -> Result<Value, ApiError> {
        let namespace = match role.kind {
            RoleKind::Role => scope.namespace().map(in_namespace).unwrap_or_default(),
            RoleKind::ClusterRole => String::new(),
        };
        let url = format!("{RBAC}{namespace}/{}/{}", role.kind.resource(), encode(&role.name));
        self.send(Method::GET, &url, None).await
    }

    pub async fn bindings(&self, freshness: Freshness) -> Result<Vec<Binding>, ApiError> {
        let (mut found, more) = tokio::try_join!(
            self.cluster_role_bindings(freshness),
            self.role_bindings(None, freshness)
        )?;
        found.extend(more);
        Ok(found)
    }

    pub async fn cluster_role_bindings(
        &self,
        freshness: Freshness,
    ) -> Result<Vec<Binding>, ApiError> {
        self.list_bindings("/clusterrolebindings", freshness).await
    }

    pub async fn role_bindings(
        &self,
        namespace: Option<&str>,
        freshness: Freshness,
    ) -> Result<Vec<Binding>, ApiError> {
        let namespace = namespace.map(in_namespace).unwrap_or_default();
        self.list_bindings(&format!("{namespace}/rolebindings"), freshness).await
    }

    async fn list_bindings(
        &self,
        path: &str,
        freshness: Freshness,
    ) -> Result<Vec<Binding>, ApiError> {
        let mut found = Vec::new();
        let mut take = |value: Value| found.extend(Binding::read(&value));
        self.list(&format!("{RBAC}{path}"), freshness, &mut take).await?;
        Ok(found)
    }

    pub async fn get_binding(&self, scope: &Scope, name: &str) -> Result<Value, ApiError> {
        let url = format!("{}/{}", bindings_of(scope), encode(name));
        self.send(Method::GET, &url, None).await
    }

    pub async fn create_binding(
        &self,
        scope: &Scope,
        manifest: &Value,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let url = format!("{}{}", bindings_of(scope), query(dry_run));
        self.send(Method::POST, &url, Some(manifest)).await
    }

    /// Writes a binding that was read; `body` has its UID and resourceVersion.
    ///
    /// # Errors
    /// As the server answers; Conflict when it is another or has changed.
    pub async fn put_binding(
        &self,
        scope: &Scope,
        name: &str,
        body: &Value,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let url = format!("{}/{}{}", bindings_of(scope), encode(name), query(dry_run));
        self.send(Method::PUT, &url, Some(body)).await
    }

    /// Deletes a binding if it is still the one that was read.
    ///
    /// # Errors
    /// As the server answers; Conflict when it is another or has changed.
    pub async fn delete_binding(&self, binding: &Binding, dry_run: bool) -> Result<(), ApiError> {
        let scope = bindings_of(&binding.scope);
        let url = format!("{scope}/{}", encode(&binding.name));
        let same = json!({ "uid": binding.uid, "resourceVersion": binding.resource_version });
        self.delete_if(&url, &same, dry_run).await
    }
}

fn in_namespace(namespace: &str) -> String {
    format!("/namespaces/{}", encode(namespace))
}

fn bindings_of(scope: &Scope) -> String {
    let namespace = scope.namespace().map(in_namespace).unwrap_or_default();
    format!("{RBAC}{namespace}/{}", scope.binding_resource())
}

fn query(dry_run: bool) -> String {
    let dry = if dry_run { "&dryRun=All" } else { "" };
    format!("?fieldManager={MANAGED_BY}{dry}")
}
