use serde_json::json;

use super::*;
use crate::kubeconfig::merged::SourceFile;
use crate::kubeconfig::path::LoadingList;
use crate::x509::testing::expired;

const ENTRIES: &str = "clusters:\n\
    - {name: prod, cluster: {server: 'https://prod'}}\n\
    - {name: other, cluster: {server: 'https://other'}}\n\
    users:\n\
    - {name: old@prod, user: {token: t}}\n\
    contexts:\n\
    - {name: old@prod, context: {cluster: prod, user: old@prod}}\n";

fn merged(text: &str) -> Merged {
    let list = LoadingList::new(None, Some("/first:/second"), None, ':');
    let file =
        |path: &str, text: &str| SourceFile { path: path.into(), text: Some(text.to_owned()) };
    Merged::load(&list, vec![file("/first", ""), file("/second", text)]).unwrap()
}

/// Plans the entries of the user `old` on the cluster `prod`, of which `same` are entries.
struct Case<'a> {
    text: &'a str,
    same: &'a [&'a str],
    /// The certificate that the user entry `old@prod` holds.
    held: Option<Certificate>,
}

impl Case<'_> {
    fn plan(&self, change: impl FnOnce(&mut NewEntries<'_>)) -> Result<InstallPlan, InstallError> {
        let leaf = expired();
        let mut wanted = NewEntries {
            context_name: "old@prod",
            renewed: None,
            cluster_name: "prod",
            cluster_body: json!({ "server": "https://prod" }),
            user_body: json!({ "client-certificate-data": "eA==" }),
            namespace: None,
            leaf: &leaf,
            namespace_is_asked: false,
            replace: false,
            accepted: true,
            now: leaf.not_before,
            use_context: false,
        };
        change(&mut wanted);
        let existing = ExistingEntries {
            same_clusters: self.same.iter().map(|name| (*name).to_owned()).collect(),
            certificates: self.held.iter().map(|c| ("old@prod".to_owned(), c.clone())).collect(),
        };
        plan(&merged(self.text), Path::new("/first"), &wanted, &existing)
    }

    /// What stands in the way: kind, name, what it is, and whether `--replace` would do.
    fn taken(&self, change: impl FnOnce(&mut NewEntries<'_>)) -> (Kind, String, String, bool) {
        match self.plan(change) {
            Err(InstallError::Taken { kind, name, what, replaceable }) => {
                (kind, name, what, replaceable)
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A certificate for the same user, issued before.
fn earlier() -> Certificate {
    let mut certificate = expired();
    certificate.der.push(0);
    certificate
}

/// A certificate for somebody else.
fn somebodys() -> Certificate {
    let mut certificate = earlier();
    certificate.subject.attributes.clear();
    certificate
}

fn kinds(edits: &[Edit]) -> Vec<&'static str> {
    let kind = |edit: &Edit| match edit {
        Edit::Set { kind, .. } => kind.body_key(),
        Edit::SetCurrentContext(_) => "current-context",
        _ => "another",
    };
    edits.iter().map(kind).collect()
}

#[test]
fn all_entries_are_new_and_go_to_the_default_file() {
    let case = Case { text: "", same: &[], held: None };
    let plan = case.plan(|_| {}).unwrap();
    let [(file, edits)] = &plan.edits[..] else { panic!("{plan:?}") };
    assert_eq!(file, Path::new("/first"));
    assert_eq!(kinds(edits), ["user", "cluster", "context", "current-context"]);
    assert!(plan.made_current, "there is no other to choose");
    let context = json!({ "cluster": "prod", "user": "old@prod" });
    assert_eq!(
        edits[2],
        Edit::Set { kind: Kind::Context, name: "old@prod".to_owned(), body: context }
    );
    let plan = case
        .plan(|w| {
            w.namespace = Some("team");
            w.use_context = true;
        })
        .unwrap();
    let edits = &plan.edits[0].1;
    assert_eq!(kinds(edits), ["user", "cluster", "context", "current-context"]);
    let context = json!({ "cluster": "prod", "user": "old@prod", "namespace": "team" });
    assert_eq!(
        edits[2],
        Edit::Set { kind: Kind::Context, name: "old@prod".to_owned(), body: context }
    );
}

#[test]
fn a_cluster_entry_is_reused_or_gets_another_name_and_is_never_changed() {
    let new = |w: &mut NewEntries<'_>| w.context_name = "new";
    let same = Case { text: ENTRIES, same: &["prod"], held: None }.plan(new).unwrap();
    assert_eq!(
        (same.cluster_name.as_str(), kinds(&same.edits[0].1)),
        ("prod", vec!["user", "context"])
    );
    let renamed = Case { text: ENTRIES, same: &["other"], held: None }.plan(new).unwrap();
    assert_eq!(renamed.cluster_name, "other", "the same cluster under another name");
    // The name leads elsewhere.
    let case = Case { text: ENTRIES, same: &[], held: None };
    let plan = case.plan(new).unwrap();
    let name = plan.cluster_name.clone();
    assert!(name.starts_with("prod-") && name.len() == "prod-".len() + 5, "{name}");
    assert_eq!(kinds(&plan.edits[0].1), ["user", "cluster", "context"]);
    assert_eq!(case.plan(new).unwrap().cluster_name, name, "the same each time");
    // That name leads elsewhere too.
    let text =
        format!("clusters: [{{name: prod, cluster: {{}}}}, {{name: {name}, cluster: {{}}}}]\n");
    let taken = Case { text: &text, same: &[], held: None }.taken(new);
    assert_eq!(taken, (Kind::Cluster, name, "which leads elsewhere".to_owned(), false));
}

#[test]
fn a_user_entry_is_replaced_only_for_the_same_person_and_only_when_asked() {
    let case = |held| Case { text: ENTRIES, same: &["prod"], held };
    let replace = |w: &mut NewEntries<'_>| w.replace = true;
    let user =
        |what: &str, replaceable| (Kind::User, "old@prod".to_owned(), what.to_owned(), replaceable);
    for change in [replace, |_: &mut NewEntries<'_>| {}] {
        assert_eq!(case(None).taken(change), user("which holds no certificate", false));
        let somebodys = case(Some(somebodys())).taken(change);
        assert_eq!(somebodys, user("whose certificate is for the user \"\"", false));
        // Writing the same once more harms nobody.
        assert!(case(Some(expired())).plan(change).is_ok());
    }
    let what = "with a certificate for old until 2020-01-02T00:00:00Z";
    assert_eq!(case(Some(earlier())).taken(|_| {}), user(what, true));
    let plan = case(Some(earlier())).plan(replace).unwrap();
    assert_eq!(plan.edits[0].0, Path::new("/second"), "where the entry is");
}

#[test]
fn a_user_entry_of_another_cluster_is_not_replaced() {
    let text = format!("{ENTRIES}- {{name: more, context: {{cluster: other, user: old@prod}}}}\n");
    let case = Case { text: &text, same: &["prod"], held: Some(earlier()) };
    let taken = case.taken(|w| w.replace = true);
    let what = "which is used for another cluster".to_owned();
    assert_eq!(taken, (Kind::User, "old@prod".to_owned(), what, false));
    let existing =
        ExistingEntries { same_clusters: ["prod".to_owned()].into(), ..ExistingEntries::default() };
    let elsewhere = used_elsewhere(&merged(&text), "old@prod", &existing);
    assert_eq!(elsewhere.as_deref(), Some("more"));
    assert_eq!(used_elsewhere(&merged(ENTRIES), "old@prod", &existing), None);
}

#[test]
fn a_context_of_something_else_is_left_alone() {
    let context = |cluster: &str, user: &str| {
        format!("contexts: [{{name: old@prod, context: {{cluster: {cluster}, user: {user}}}}}]\n")
    };
    let taken = |text: &str| {
        let taken = Case { text, same: &["prod"], held: None }.taken(|w| w.replace = true);
        assert_eq!((taken.0, taken.1.as_str(), taken.3), (Kind::Context, "old@prod", false));
        taken.2
    };
    assert_eq!(taken(&context("away", "old@prod")), "for the cluster away");
    assert_eq!(taken(&context("prod", "else")), "for the user entry else");
    let same = context("prod", "old@prod");
    assert!(Case { text: &same, same: &["prod"], held: None }.plan(|_| {}).is_ok());
}

#[test]
fn what_is_in_the_way_is_known_before_there_is_a_certificate() {
    let existing = |held: Option<Certificate>| ExistingEntries {
        same_clusters: ["prod".to_owned()].into(),
        certificates: held.map(|c| ("old@prod".to_owned(), c)).into_iter().collect(),
    };
    let merged = merged(ENTRIES);
    let check = |name: &str, replace, held: Option<Certificate>| {
        check_names(&merged, name, "old", replace, &existing(held))
    };
    assert_eq!(check("new", false, None), Ok(()));
    let present = check("old@prod", false, Some(earlier()));
    assert!(matches!(present, Err(InstallError::Taken { replaceable: true, .. })), "{present:?}");
    assert_eq!(check("old@prod", true, Some(earlier())), Ok(()));
    for held in [None, Some(somebodys())] {
        let others = check("old@prod", true, held);
        assert!(matches!(others, Err(InstallError::Taken { replaceable: false, .. })));
    }
}

#[test]
fn a_context_that_is_written_may_be_the_current_one() {
    let current = format!("{ENTRIES}current-context: old@prod\n");
    for (text, is_current) in [(ENTRIES, false), (&current, true)] {
        let case = Case { text, same: &["prod"], held: Some(earlier()) };
        let replaced = case.plan(|w| w.replace = true).unwrap();
        let renewed = case.plan(|w| w.renewed = Some("old@prod")).unwrap();
        for plan in [replaced, renewed] {
            assert_eq!((plan.is_current, plan.made_current), (is_current, false));
        }
    }
}

#[test]
fn a_renewal_writes_the_user_entry_alone() {
    let renew = |w: &mut NewEntries<'_>| w.renewed = Some("old@prod");
    let case = |held| Case { text: ENTRIES, same: &["prod"], held };
    let plan = case(Some(earlier())).plan(renew).unwrap();
    let [(file, edits)] = &plan.edits[..] else { panic!("{plan:?}") };
    assert_eq!((file.as_path(), kinds(edits)), (Path::new("/second"), vec!["user"]));
    assert_eq!(case(Some(somebodys())).taken(renew).0, Kind::User, "it is somebody else's by now");
    let gone = Case { text: "", same: &[], held: None }.plan(renew);
    assert_eq!(gone, Err(InstallError::Gone("old@prod".to_owned())));
}

#[test]
fn what_works_is_replaced_only_by_what_a_server_has_accepted() {
    let case = Case { text: ENTRIES, same: &["prod"], held: Some(earlier()) };
    let until = earlier().not_after;
    for renewed in [None, Some("old@prod")] {
        let plan = |accepted, now| {
            case.plan(|wanted| {
                (wanted.renewed, wanted.replace) = (renewed, true);
                (wanted.accepted, wanted.now) = (accepted, now);
            })
        };
        let unproven = InstallError::Unproven { name: "old@prod".to_owned(), until };
        assert_eq!(plan(false, until), Err(unproven));
        // One that is over works nowhere.
        assert!(plan(false, UnixTime(until.0 + 1)).is_ok());
        assert!(plan(true, until).is_ok());
    }
    // Nothing is lost where the name is free, or where the same certificate is there already.
    let free = Case { text: "", same: &[], held: None };
    assert!(free.plan(|wanted| wanted.accepted = false).is_ok());
    let again = Case { text: ENTRIES, same: &["prod"], held: Some(expired()) };
    assert!(again.plan(|wanted| wanted.accepted = false).is_ok());
}

#[test]
fn a_context_that_is_replaced_keeps_what_it_says_besides() {
    let text = ENTRIES.replace(
        "context: {cluster: prod, user: old@prod}",
        "context: {cluster: prod, user: old@prod, namespace: mine, extensions: []}",
    );
    let context = |change: fn(&mut NewEntries<'_>)| {
        let case = Case { text: &text, same: &["prod"], held: Some(earlier()) };
        let plan = case.plan(|wanted| {
            wanted.replace = true;
            change(wanted);
        });
        let edits = plan.unwrap().edits.into_iter().flat_map(|(_, edits)| edits);
        let body = |edit| match edit {
            Edit::Set { kind: Kind::Context, body, .. } => Some(body),
            _ => None,
        };
        edits.filter_map(body).next().unwrap()
    };
    let kept = context(|wanted| wanted.namespace = Some("theirs"));
    assert_eq!((&kept["namespace"], &kept["extensions"]), (&json!("mine"), &json!([])));
    let asked = |wanted: &mut NewEntries<'_>| {
        (wanted.namespace, wanted.namespace_is_asked) = (Some("asked"), true);
    };
    assert_eq!(context(asked)["namespace"], "asked");
}
