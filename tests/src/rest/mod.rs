//! Create, read, update and delete, in the order of steps of `k8s.io/apiserver/pkg/registry/generic/registry/store.go` and
//! `…/pkg/registry/rest`.

mod create;
mod delete;
mod read;
mod rules;
mod update;

use std::sync::Arc;

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::answer::{self, Body, Form};
use crate::api::{Object, Resource};
use crate::cluster::Cluster;
use crate::status::{Result, Status};
use crate::store::Store;
use crate::table::table;
use crate::target::{Query, Target};
use crate::user::User;

pub(crate) use self::create::create;
pub(crate) use self::delete::{delete, delete_collection};
pub(crate) use self::read::{connect, get, list};
pub(crate) use self::update::{patch, put};

/// One authorized request about a resource.
pub(crate) struct Call<'a> {
    pub(crate) cluster: &'a Arc<Cluster>,
    pub(crate) user: &'a User,
    pub(crate) target: &'a Target,
    pub(crate) query: &'a Query,
    pub(crate) resource: &'static Resource,
    pub(crate) form: Form,
}

impl Call<'_> {
    /// The namespace that objects of the resource live in; a Namespace itself lives in none.
    pub(crate) fn namespace(&self) -> &str {
        if self.resource.namespaced { &self.target.namespace } else { "" }
    }

    fn name(&self) -> &str {
        &self.target.name
    }

    /// Answers with one object in the form asked for.
    fn one(&self, code: StatusCode, object: &Object) -> Response<Body> {
        let json = if self.form == Form::Table {
            let version = json!({"resourceVersion": object.meta().resource_version});
            self.table(&[object], &version)
        } else {
            object.to_json(self.resource)
        };
        answer::json(code, &json)
    }

    pub(crate) fn table(&self, objects: &[&Object], metadata: &Value) -> Value {
        let whole = self.query.get("includeObject") == Some("Object");
        table(self.resource, objects, metadata, whole)
    }

    fn load(&self, store: &Store) -> Result<Arc<Object>> {
        let found = store.get(self.resource, self.namespace(), self.name());
        found.ok_or_else(|| Status::not_found(self.resource, self.name()))
    }
}
