//! Many things at a glance, in the manner of `kubeadm certs check-expiration`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use usercert_core::inspect::{Description, Severity};
use usercert_core::text::show;
use usercert_core::time::{UnixTime, human_duration};

use super::look::InspectedItem;
use super::sheet::goes_without_saying;
use crate::ui::output::{self, Room};

pub(super) fn table(
    rows: &[InspectedItem],
    root: Option<&Path>,
    wide: bool,
    now: UnixTime,
    room: Room,
) -> String {
    let shown = worth_showing(rows, wide);
    let mut header = vec!["FILE", "WHAT", "NAMES", "EXPIRES", "RESIDUAL", "CA", "KEY", "PROBLEMS"];
    if wide {
        header.extend(["ISSUER", "SERIAL", "SHA-256", "NAMED BY"]);
    }
    let cells: Vec<Vec<String>> = shown.iter().map(|row| line(row, root, wide, now)).collect();
    let mut out = output::table_within(&header, &cells, room);
    let mut told = BTreeSet::new();
    for row in shown {
        for finding in row.item.findings.iter().filter(|f| f.severity != Severity::Info) {
            let text = format!("{}: {} [{}]\n", file(row, root), finding.message, finding.code);
            if told.insert(text.clone()) {
                let gap = if told.len() == 1 { "\n" } else { "" };
                out.push_str(&format!("{gap}{text}"));
            }
        }
    }
    out
}

/// All rows but those of keys whose certificate has one, and of what other rows say too.
fn worth_showing(rows: &[InspectedItem], wide: bool) -> Vec<&InspectedItem> {
    // CA certificates are repeated in kubeconfigs: each is shown once, where it stands by itself.
    let mut order: Vec<(usize, &InspectedItem)> = rows.iter().enumerate().collect();
    let leads = |i: usize| i == 0 || rows[i - 1].source != rows[i].source;
    order.sort_by_key(|(i, row)| (row.item.what != "CA certificate", !leads(*i)));
    let mut known = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for (i, row) in order.into_iter().filter(|(_, row)| row.item.word("profile") == "ca") {
        if !known.insert(row.item.word("sha256")) {
            repeated.insert(i);
        }
    }
    let worth = |(i, row): &(usize, &InspectedItem)| {
        let item = &row.item;
        let said = match item.what.as_str() {
            "kubeconfig" => true,
            "kubeconfig cluster" => repeated.contains(i) || item.expires.is_none(),
            // Its certificate has a row of its own.
            "kubeconfig user" => !item.word("client-certificate").is_empty(),
            _ => repeated.contains(i) || goes_without_saying(item),
        };
        wide || item.findings.iter().any(|f| f.severity != Severity::Info) || !said
    };
    rows.iter().enumerate().filter(worth).map(|(_, row)| row).collect()
}

fn line(row: &InspectedItem, root: Option<&Path>, wide: bool, now: UnixTime) -> Vec<String> {
    let item = &row.item;
    let left = item.expires.map(|end| end.since(now));
    let issuer = match (item.word("issuedBy"), item.word("issuer")) {
        ("", _) if item.properties.get("selfSigned").is_some_and(|is| *is != false) => {
            "self-signed".to_owned()
        }
        ("", "") => String::new(),
        ("", issuer) => format!("not here: {}", show_cell(issuer, 40)),
        (file, _) => below(file, root),
    };
    let what = match item.word("profile") {
        "" => item.what.clone(),
        profile => profile.to_owned(),
    };
    let key = if item.word("privateKey").is_empty() { "" } else { "yes" };
    let problems: Vec<&str> =
        item.findings.iter().filter(|f| f.severity != Severity::Info).map(|f| f.code).collect();
    let mut cells = vec![
        output::cut_front(&file(row, root), 90),
        what,
        names(item),
        item.word("notAfter").to_owned(),
        match left {
            Some(left) if left >= 0 => human_duration(left),
            Some(left) => format!("{} ago", human_duration(-left)),
            None => String::new(),
        },
        issuer,
        key.to_owned(),
        problems.join(","),
    ];
    if wide {
        cells.push(show_cell(item.word("issuer"), 80));
        cells.push(item.word("serial").to_owned());
        cells.push(item.word("sha256").to_owned());
        cells.push(list(item, "namedBy").join(", "));
    }
    cells
}

/// Whom or what it names: hosts for a server, else the user.
fn names(item: &Description) -> String {
    let hosts: Vec<&str> = list(item, "alternativeNames")
        .iter()
        .map(|n| n.trim_start_matches("DNS:").trim_start_matches("IP:"))
        .collect();
    let user = match item.word("user") {
        "" => item.word("name").to_owned(),
        user => show(user),
    };
    if hosts.is_empty() || list(item, "usages").iter().all(|u| *u == "client auth") {
        return show_cell(&user, 50);
    }
    show_cell(&hosts.join(","), 50)
}

/// What is safe to show, cut to a cell's length.
fn show_cell(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn list<'a>(item: &'a Description, name: &str) -> Vec<&'a str> {
    let values = item.properties.get(name).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).collect()
}

fn file(row: &InspectedItem, root: Option<&Path>) -> String {
    let file = below(&row.source, root);
    match (row.item.what.as_str(), row.item.word("name"), row.item.word("field")) {
        ("kubeconfig user" | "kubeconfig cluster", name, _) if !name.is_empty() => {
            format!("{file} ({} {name})", row.item.what.trim_start_matches("kubeconfig "))
        }
        (_, _, field) if !field.is_empty() => format!("{file} ({field})"),
        _ => file,
    }
}

/// A path inside of the directory that was asked for, without it.
fn below(path: &str, root: Option<&Path>) -> String {
    let inside = root.and_then(|root| Path::new(path).strip_prefix(root).ok());
    inside.and_then(Path::to_str).unwrap_or(path).to_owned()
}
