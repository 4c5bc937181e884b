//! `access NAME`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::{Value, json};
use usercert_core::api::rbac::{self, AUTHENTICATED, Allowance, Binding, Subject};
use usercert_core::text::{show, show_short};
use usercert_core::x509::identity::SYSTEM_MASTERS;

use crate::cluster::{Cluster, Target};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, Format, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::role_bindings::{
    self, KnownCertificate, RoleKey, RoleLookup, described, role_key,
};

/// Show what a user may do: the bindings that reach them, and what those allow in words
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
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// How wide the column ALLOWS is where no piece of it is wider.
const ALLOWS: usize = 100;

/// Runs the command.
///
/// # Errors
/// As the server answers; what could be seen is printed all the same.
pub async fn run(host: &Host, args: &AccessArgs) -> Result<Exit> {
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let (holdings, known) = tokio::join!(
        role_bindings::look(&cluster, args.client.namespace.as_deref()),
        known(host, args, &target, &cluster),
    );
    let holdings = holdings?;
    let groups = groups(host, args, &known);

    let mut holders = vec![Subject::User(args.name.clone())];
    holders.extend(groups.iter().cloned().map(Subject::Group));
    let everybody = Subject::Group(AUTHENTICATED.to_owned());
    let detailed = args.output.format.is_some_and(|f| f != Format::Name);
    if detailed && !holders.contains(&everybody) {
        holders.push(everybody.clone());
    }
    let rows: Vec<(&Subject, &Binding)> = holders
        .iter()
        .flat_map(|by| rbac::reaching(&holdings.bindings, by).map(move |b| (by, b)))
        .collect();
    let bindings: Vec<&Binding> = rows.iter().map(|(_, b)| *b).collect();
    let roles = role_bindings::roles(&cluster, &bindings).await?;
    let rows: Vec<Row<'_>> = rows.iter().map(|(by, b)| Row::new(by, b, &roles)).collect();

    let nothing_seen = holdings.no_cluster.is_some() && holdings.no_namespaces.is_some();
    if !nothing_seen {
        let for_everybody = rbac::reaching(&holdings.bindings, &everybody).count();
        print(host, args, &groups, &rows, for_everybody)?;
    }
    let missing = holdings.missing();
    missing.iter().for_each(|error| host.fail(error));
    Ok(if missing.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The user's certificates, unless the groups are given.
async fn known(
    host: &Host,
    args: &AccessArgs,
    target: &Target,
    cluster: &Cluster,
) -> Vec<KnownCertificate> {
    if !args.groups.is_empty() {
        return Vec::new();
    }
    role_bindings::certificates(target, cluster, &args.name, host.now()).await
}

/// The groups given, else those of the certificates that are known.
fn groups(host: &Host, args: &AccessArgs, known: &[KnownCertificate]) -> BTreeSet<String> {
    if !args.groups.is_empty() {
        return args.groups.iter().cloned().collect();
    }
    let name = show(&args.name);
    let groups = role_bindings::groups(&args.name, known);
    if rbac::service_account(&args.name).is_some() {
        host.say(format!("{name} is a service account, with the groups that those have."));
    }
    if groups.is_empty() {
        host.say(format!(
            "Looked at the user {name} alone; -g GROUP adds a group of the certificate."
        ));
    } else if !known.is_empty() {
        let places: Vec<&str> = known.iter().map(|k| k.place.as_str()).collect();
        let listed: Vec<String> = groups.iter().map(|g| show_short(g, 60)).collect();
        host.say(format!("Groups of {name} ({}): {}", places.join(", "), listed.join(", ")));
    }
    groups
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
            Some(RoleLookup::Hidden) | None => Err("unknown: you may not look at the role"),
        };
        Self { by, binding, allows }
    }

    /// The cells of a row, and of further ones where the last cell takes several lines: what is ours to say
    /// is never cut.
    fn rows(&self, wide: bool) -> Vec<Vec<String>> {
        let mut lines = match &self.allows {
            Ok(allowance) if wide => vec![allowance.brief()],
            Ok(allowance) => {
                // Of names of objects there may be any number.
                let pieces = allowance.pieces();
                let pieces: Vec<String> =
                    pieces.iter().map(|p| output::cut(p, 3 * ALLOWS)).collect();
                output::laid_out(&pieces, "; ", ALLOWS)
            }
            Err(why) => vec![(*why).to_owned()],
        }
        .into_iter();
        let mut first = self.cells(wide);
        let before = first.len();
        first.extend(lines.next());
        let more = lines.map(|line| {
            let mut cells = vec![String::new(); before];
            cells.push(line);
            cells
        });
        std::iter::once(first).chain(more).collect()
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
        host.warn("warning: system:masters may do everything, whatever the bindings say");
    }
    let text = args.output.format.is_none() || args.output.format == Some(Format::Wide);
    if rows.is_empty() && text {
        host.say(format!("No role bindings reach {}.", show(&args.name)));
    } else {
        output::print(host, args.output.format, &value, &names, |wide| {
            let cells: Vec<Vec<String>> = rows.iter().flat_map(|r| r.rows(wide)).collect();
            let header: &[&str] = match wide {
                true => &["NAMESPACE", "ROLE", "BY", "BINDING", "ALLOWS"],
                false => &["NAMESPACE", "ROLE", "BY", "ALLOWS"],
            };
            output::table(header, &cells)
        })?;
    }
    if args.output.format.is_none() && for_everybody > 0 {
        host.say(format!(
            "Besides, {for_everybody} bindings reach everybody ({AUTHENTICATED}); -o wide shows them."
        ));
    }
    Ok(())
}
