//! `access NAME`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::{Value, json};
use usercert_core::api::rbac::{self, AUTHENTICATED, Allowance, Binding, Subject};
use usercert_core::text::{show, show_list, show_short};
use usercert_core::x509::identity::SYSTEM_MASTERS;

use crate::cluster::Target;
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, Format, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::role_bindings::{self, Reach, RoleKey, RoleLookup, described, role_key};

/// Show what a user may do: their role bindings, and what those allow
///
/// A binding reaches a user by name, by a group in the certificate, or because it reaches everybody.
/// Without -g, the groups are those of the user's valid certificates in the kubeconfig and in requests
/// that the cluster still holds.
///
/// Examples:
///
///   kubectl usercert access alice
///
///   # As if the certificate had these groups
///   kubectl usercert access alice -g dev -g ops
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct AccessArgs {
    /// User, as certificates name them
    pub name: String,
    /// Group that the user's certificate carries; repeat for several
    #[arg(short, long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// How wide the column ALLOWS is at most.
const ALLOWS: usize = 100;

/// Runs the command.
///
/// # Errors
/// As the server answers; what could be seen is printed all the same.
pub async fn run(host: &Host, args: &AccessArgs) -> Result<Exit> {
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let holder = Subject::User(args.name.clone());
    let namespace = args.client.namespace.as_deref();
    let reach = Reach::look(&target, &cluster, holder, &args.groups, namespace, host.now()).await?;
    tell_groups(host, args, &reach);

    let detailed = args.output.format.is_some_and(|f| f != Format::Name);
    let (everybody, reaching): (Vec<_>, Vec<_>) = reach
        .reaching()
        .into_iter()
        .partition(|(by, _)| by.name() == AUTHENTICATED && !reach.groups.contains(AUTHENTICATED));
    let for_everybody: usize = everybody.iter().map(|(_, bindings)| bindings.len()).sum();
    let shown = reaching.iter().chain(everybody.iter().filter(|_| detailed));
    let rows: Vec<(&Subject, &Binding)> =
        shown.flat_map(|(by, bindings)| bindings.iter().map(move |b| (by, *b))).collect();
    let bindings: Vec<&Binding> = rows.iter().map(|(_, b)| *b).collect();
    let roles = role_bindings::roles(&cluster, &bindings).await?;
    let rows: Vec<Row<'_>> = rows.iter().map(|(by, b)| Row::new(by, b, &roles)).collect();

    let holdings = &reach.holdings;
    if holdings.no_cluster.is_none() || holdings.no_namespaces.is_none() {
        print(host, args, &reach.groups, &rows, for_everybody)?;
    }
    let missing = reach.holdings.missing();
    missing.iter().for_each(|error| host.fail(error));
    Ok(if missing.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Says which groups are looked at, and where they were found.
fn tell_groups(host: &Host, args: &AccessArgs, reach: &Reach) {
    if !args.groups.is_empty() {
        return;
    }
    let name = show(&args.name);
    if rbac::service_account(&args.name).is_some() {
        host.say(format!(
            "{name} is a service account; the groups of service accounts are included."
        ));
    }
    if reach.groups.is_empty() {
        host.say(format!(
            "Only bindings of the user {name} are shown; -g GROUP adds those of a group."
        ));
    } else if !reach.certificates.is_empty() {
        let places: Vec<&str> = reach.certificates.iter().map(|k| k.place.as_str()).collect();
        let groups = show_list(reach.groups.iter().map(String::as_str), usize::MAX, 60);
        host.say(format!("Groups of {name} ({}): {groups}", places.join(", ")));
    }
}

/// One binding that reaches the user.
struct Row<'a> {
    by: &'a Subject,
    binding: &'a Binding,
    /// `Err` says why it is unknown.
    allows: Result<Allowance, &'static str>,
}

impl<'a> Row<'a> {
    fn new(by: &'a Subject, binding: &'a Binding, roles: &BTreeMap<RoleKey, RoleLookup>) -> Self {
        let allows = match roles.get(&role_key(binding)) {
            Some(RoleLookup::Rules(rules)) => Ok(rbac::allowance(rules, &binding.scope)),
            Some(RoleLookup::Missing) => Err("nothing: the role does not exist"),
            Some(RoleLookup::Hidden) | None => Err("unknown: you may not read the role"),
        };
        Self { by, binding, allows }
    }

    fn cells(&self, wide: bool) -> Vec<String> {
        let role = &self.binding.role;
        let mut cells = vec![
            self.binding.scope.namespace().map_or("<all>".to_owned(), |n| show_short(n, 40)),
            format!("{}/{}", role.kind.as_str(), show_short(&role.name, 50)),
            show_short(&self.by.to_string(), 40),
        ];
        if wide {
            cells.push(show_short(&self.binding.name, 90));
        }
        cells.push(match &self.allows {
            Ok(allowance) if wide => allowance.brief(),
            Ok(allowance) => {
                // Of names of objects there may be any number.
                let pieces = allowance.pieces();
                let pieces: Vec<String> =
                    pieces.iter().map(|p| output::cut(p, 3 * ALLOWS)).collect();
                pieces.join("; ")
            }
            Err(why) => (*why).to_owned(),
        });
        cells
    }

    fn value(&self) -> Value {
        let mut value = described(self.binding);
        value["by"] = match self.by {
            Subject::User(name) => json!({ "kind": "User", "name": name }),
            Subject::Group(name) => json!({ "kind": "Group", "name": name }),
        };
        value["powers"] = self.allows.as_ref().map_or(Value::Null, |a| json!(a.powers));
        value["actions"] = self.allows.as_ref().map_or(Value::Null, |a| json!(a.actions));
        value
    }
}

fn print(
    host: &Host,
    args: &AccessArgs,
    groups: &BTreeSet<String>,
    rows: &[Row<'_>],
    for_everybody: usize,
) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for name in rows.iter().map(|r| r.binding.full_name()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let items: Vec<Value> = rows.iter().map(Row::value).collect();
    let value = output::object(
        "AccessList",
        json!({ "user": args.name, "groups": groups, "items": items }),
    );
    if groups.contains(SYSTEM_MASTERS) {
        host.warn("warning: system:masters may do everything, regardless of bindings");
    }
    let text = args.output.format.is_none() || args.output.format == Some(Format::Wide);
    if rows.is_empty() && text {
        let place = args.client.namespace.as_deref();
        let place = place.map(|ns| format!(" in namespace {} or in the whole cluster", show(ns)));
        let place = place.unwrap_or_default();
        host.say(format!("No role bindings reach {}{place}.", show(&args.name)));
    } else {
        output::print(host, args.output.format, &value, &names, |wide| {
            let cells: Vec<Vec<String>> = rows.iter().map(|r| r.cells(wide)).collect();
            let header: &[&str] = match wide {
                true => &["NAMESPACE", "ROLE", "BY", "BINDING", "ALLOWS"],
                false => &["NAMESPACE", "ROLE", "BY", "ALLOWS"],
            };
            let room = Room {
                columns: host.table_columns(wide),
                last_folds: Some(ALLOWS).filter(|_| !wide),
                ..Room::default()
            };
            output::table_within(header, &cells, room)
        })?;
    }
    if args.output.format.is_none() && for_everybody > 0 {
        host.say(format!(
            "Another {for_everybody} bindings reach everybody ({AUTHENTICATED}); -o wide shows them."
        ));
    }
    Ok(())
}
