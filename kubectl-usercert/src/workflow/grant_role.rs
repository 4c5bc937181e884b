//! Giving roles, as `grant`, `approve` and `create` do it: look, show, act.

use serde_json::{Value, json};
use usercert_core::api::rbac::{self, API_GROUP, Grant, RoleKind, RoleRef, Rule, Scope, Subject};
use usercert_core::text::{shell_word, show};
use usercert_core::x509::identity::reserved;

use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::error::{Error, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, DryRun};

/// Resources that are listed a line, in texts for people.
const MOST: usize = 12;

pub struct Prepared {
    pub grant: Grant,
    pub rules: Vec<Rule>,
    /// The binding, if it is there already.
    pub existing: Option<Value>,
}

pub struct Granted {
    pub value: Value,
    /// Whether it was made now, rather than found.
    pub made: bool,
}

/// Makes sure that the roles exist, and looks whether they are given already.
pub async fn prepare(cluster: &Cluster, grants: Vec<Grant>) -> Result<Vec<Prepared>> {
    let mut prepared = Vec::new();
    for grant in grants {
        let rules = rules_of(cluster, &grant.role, &grant.scope).await?;
        let existing = match cluster.get_binding(&grant.scope, &grant.binding_name()).await {
            Ok(value) => Some(value),
            // Whoever may not read bindings learns it from creating one.
            Err(error) if matches!(error.code(), 403 | 404) => None,
            Err(error) => {
                let resources = grant.scope.binding_resource();
                let need = Need::rbac(&["get"], resources);
                return Err(explain(&error, &cluster.server, &need));
            }
        };
        if let Some(value) = &existing {
            check_existing(&grant, value)?;
        }
        prepared.push(Prepared { grant, rules, existing });
    }
    Ok(prepared)
}

/// Makes sure that a role still allows what was shown, before it is given.
///
/// # Errors
/// It does not, or cannot be read any more.
pub async fn still_allows(
    cluster: &Cluster,
    role: &RoleRef,
    scope: &Scope,
    shown: &[Rule],
) -> Result<()> {
    match rules_of(cluster, role, scope).await? == shown {
        true => Ok(()),
        false => Err(Error::new(format!("the {role} was changed after it was shown"))),
    }
}

/// The same for all roles that are still to be given.
pub async fn still_allow(cluster: &Cluster, shown: &[Prepared]) -> Result<()> {
    for one in shown.iter().filter(|p| p.existing.is_none()) {
        still_allows(cluster, &one.grant.role, &one.grant.scope, &one.rules).await?;
    }
    Ok(())
}

pub async fn rules_of(cluster: &Cluster, role: &RoleRef, scope: &Scope) -> Result<Vec<Rule>> {
    let resources = role.kind.resource();
    let need = Need::rbac(&["get"], resources);
    match cluster.role(role, scope).await {
        Ok(value) => Ok(rbac::rules_of(&value)),
        Err(error) if error.reason() == "NotFound" => {
            let (place, flag) = match (role.kind, scope.namespace()) {
                (RoleKind::Role, Some(name)) => {
                    (format!(" {scope}"), format!(" -n {}", shell_word(name)))
                }
                _ => (String::new(), String::new()),
            };
            let of_cluster = RoleRef { kind: RoleKind::ClusterRole, name: role.name.clone() };
            if role.kind == RoleKind::Role && cluster.role(&of_cluster, scope).await.is_ok() {
                return Err(Error::new(format!("there is no {role}{place}, but a {of_cluster}"))
                    .hint(format!("to give that one: --clusterrole {}", shell_word(&role.name))));
            }
            Err(Error::new(format!("there is no {role}{place}")).hint(format!(
                "nothing was granted: whoever made a role of that name later would decide what it \
                 allows\n\
                 `kubectl get {resources}{flag}` lists them"
            )))
        }
        Err(error) => Err(explain(&error, &cluster.server, &need)
            .hint("a role that cannot be read is not granted")),
    }
}

/// Makes sure that the namespace in which a role is given is there, as far as one may look.
pub async fn check_namespace(cluster: &Cluster, scope: &Scope) -> Result<()> {
    let Some(name) = scope.namespace() else { return Ok(()) };
    match cluster.object("/api/v1/namespaces", name).await {
        Ok(None) => Err(Error::new(format!("there is no namespace {}", show(name))).hint(format!(
            "nothing was granted; to make it: kubectl create namespace -- {}",
            shell_word(name)
        ))),
        // Whoever may not look learns it from the binding.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

fn check_existing(grant: &Grant, value: &Value) -> Result<()> {
    grant.check_existing(value).hint(format!(
        "nothing was changed; look at it, and delete it if nobody needs it:\n  kubectl get {} {}-o \
         yaml -- {}",
        grant.scope.binding_resource(),
        grant.scope.namespace().map(|n| format!("-n {} ", shell_word(n))).unwrap_or_default(),
        shell_word(&grant.binding_name())
    ))
}

/// Creates the binding, unless it is there; with `dry_run` the server only checks it.
pub async fn bind(cluster: &Cluster, grant: &Grant, dry_run: bool) -> Result<Granted> {
    let error = match cluster.create_binding(&grant.scope, &grant.manifest(), dry_run).await {
        Ok(value) => return Ok(Granted { value, made: true }),
        Err(error) => error,
    };
    if error.reason() != "AlreadyExists" {
        return Err(refused(&error, cluster, &grant.role, &grant.scope, &["create"]));
    }
    let need = Need::rbac(&["get"], grant.scope.binding_resource());
    let value = cluster
        .get_binding(&grant.scope, &grant.binding_name())
        .await
        .map_err(|e| explain(&e, &cluster.server, &need))?;
    check_existing(grant, &value)?;
    Ok(Granted { value, made: false })
}

/// A refusal to write a binding: above all, that nobody gives what he does not hold.
pub fn refused(
    error: &ApiError,
    cluster: &Cluster,
    role: &RoleRef,
    scope: &Scope,
    verbs: &[&str],
) -> Error {
    let message = error.to_string();
    let Some(lacking) = rbac::lacking(&message).filter(|_| error.code() == 403) else {
        let resources = scope.binding_resource();
        return explain(error, &cluster.server, &Need::rbac(verbs, resources));
    };
    let lines = rbac::allowance(&lacking, scope).lines(MOST);
    Error::new(format!(
        "you may not grant the {role} {scope}, because it allows what you may not do yourself:\n{}",
        lines.join("\n")
    ))
    .hint(format!(
        "somebody who may do all of it can grant it, such as a cluster-admin;\n\
         or an admin allows you to, with the rule\n\
         {}",
        Rule::allowing(&["bind"], API_GROUP, &[role.kind.resource()])
            .of(&role.name)
            .to_yaml()
            .trim_end()
    ))
}

impl Prepared {
    pub fn text(&self) -> String {
        let grant = &self.grant;
        let mut out = format!("{:<13}{} {}\n", "Role", grant.role, grant.scope);
        out.push_str(&format!("{:<13}{}\n", "For", grant.holder));
        let lines = rbac::allowance(&self.rules, &grant.scope).lines(MOST);
        for (i, line) in lines.iter().enumerate() {
            out.push_str(&format!("{:<13}{line}\n", if i == 0 { "Allows" } else { "" }));
        }
        if let Some(warning) = self.warning() {
            out.push_str(&format!("WARNING: {warning}\n"));
        }
        out
    }

    fn warning(&self) -> Option<String> {
        let name = match &self.grant.holder {
            Subject::Group(name) => name,
            Subject::User(name) if rbac::service_account(name).is_some() => return None,
            Subject::User(name) => {
                return reserved(name).map(|_| {
                    format!("{} is a name of Kubernetes itself, not of a person", show(name))
                });
            }
        };
        match name.as_str() {
            rbac::AUTHENTICATED => {
                Some("this group is everybody whom the server authenticates".to_owned())
            }
            "system:unauthenticated" => Some(
                "this group is everybody who reaches the server, even without credentials"
                    .to_owned(),
            ),
            "system:serviceaccounts" => Some("this group is every pod of the cluster".to_owned()),
            name if name.starts_with("system:") => {
                Some(format!("{} is a group of Kubernetes itself", show(name)))
            }
            _ => None,
        }
    }

    pub async fn carry_out(&self, cluster: &Cluster, dry_run: bool) -> Result<Granted> {
        match &self.existing {
            Some(value) => Ok(Granted { value: value.clone(), made: false }),
            None => bind(cluster, &self.grant, dry_run).await,
        }
    }
}

/// Bindings as kubectl prints objects: one as it is, several in a list, without bookkeeping.
pub fn as_objects(mut bindings: Vec<Value>) -> Value {
    for binding in &mut bindings {
        if let Some(metadata) = binding["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
    }
    match bindings.len() {
        1 => bindings.pop().unwrap_or_default(),
        _ => json!({ "apiVersion": "v1", "kind": "List", "items": bindings }),
    }
}

/// Roles that are given together with a certificate: looked at before the question that covers both,
/// given once the certificate is on its way.
#[derive(Default)]
pub struct AccompanyingGrants(Vec<Prepared>);

impl AccompanyingGrants {
    /// Looks at the roles and their namespaces; at nothing if there are none.
    pub async fn prepare(cluster: &Cluster, grants: Vec<Grant>) -> Result<Self> {
        let prepared = prepare(cluster, grants).await?;
        // The approval that comes first cannot be taken back.
        for one in prepared.iter().filter(|one| one.existing.is_none()) {
            check_namespace(cluster, &one.grant.scope).await?;
        }
        Ok(Self(prepared))
    }

    /// What is shown before the question: a block for each role that is still to be given.
    pub fn text(&self) -> String {
        let new = self.0.iter().filter(|p| p.existing.is_none());
        new.map(Prepared::text).collect::<Vec<_>>().join("\n")
    }

    /// The roles that are still to be given, as `ClusterRole edit in namespace dev`.
    pub fn roles(&self) -> Option<String> {
        let new: Vec<&Prepared> = self.0.iter().filter(|p| p.existing.is_none()).collect();
        let roles: Vec<String> = new.iter().map(|p| p.grant.role.to_string()).collect();
        new.first().map(|first| format!("{} {}", roles.join(", "), first.grant.scope))
    }

    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|p| p.grant.full_name()).collect()
    }

    /// Gives the roles, if all of them are still as they were shown; a line about each. `before` is what has
    /// been done by now.
    ///
    /// # Errors
    /// The first that cannot be given, with the line that does the rest.
    pub async fn give(
        &self,
        cluster: &Cluster,
        client: &ClientArgs,
        dry_run: DryRun,
        before: &str,
    ) -> Result<Vec<String>> {
        let mark = dry_run.mark();
        let mut lines = Vec::new();
        let to_finish = || format!("{before}; to finish:\n  {}", self.line(client));
        if dry_run == DryRun::None {
            still_allow(cluster, &self.0).await.hint(to_finish())?;
        }
        for one in &self.0 {
            let made = match dry_run {
                DryRun::Client => one.existing.is_none(),
                _ => {
                    let granted = one.carry_out(cluster, dry_run == DryRun::Server).await;
                    granted.hint(to_finish())?.made
                }
            };
            let what = if made { "created" } else { "unchanged" };
            lines.push(format!("{} {what}{mark}", show(&one.grant.full_name())));
        }
        Ok(lines)
    }

    /// What to do about roles that are still to be given, where something else comes first.
    pub fn still_missing(&self, client: &ClientArgs) -> Option<String> {
        self.roles()
            .map(|_| format!("no role is granted yet; after that, run:\n  {}", self.line(client)))
    }

    /// The command line that gives these roles.
    fn line(&self, client: &ClientArgs) -> String {
        let mut line = format!("kubectl usercert grant{}", client.repeated());
        for one in &self.0 {
            let flag = match one.grant.role.kind {
                RoleKind::Role => "role",
                RoleKind::ClusterRole => "clusterrole",
            };
            line.push_str(&format!(" --{flag} {}", shell_word(&one.grant.role.name)));
        }
        if let Some(one) = self.0.first() {
            line.push_str(&match one.grant.scope.namespace() {
                Some(name) => format!(" -n {}", shell_word(name)),
                None => " --cluster-wide".to_owned(),
            });
            line.push_str(&format!(" -- {}", shell_word(one.grant.holder.name())));
        }
        line
    }
}
