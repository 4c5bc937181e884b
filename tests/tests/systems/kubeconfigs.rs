//! Kubeconfigs that are there already, and several who write one.

use crate::person::{Outcome, Person, outcome};

/// Somebody with a reply to install, and its arguments for a kubeconfig of this text.
pub(crate) fn with_reply(kubeconfig: &[u8], users: &[&str]) -> Person {
    let person = Person::new();
    person.run(&["ca", "init", "--name", "people"]).ok();
    for user in users {
        let (request, reply) = (format!("{user}.yaml"), format!("{user}.reply"));
        let asked = person.run(&["request", user, "--offline", "-o", "yaml"]).ok();
        person.write(&request, asked.stdout.as_bytes());
        let server = ["--server", "https://10.0.0.1:6443", "--yes"];
        person.run(&[&["ca", "sign", &request, "--reply", &reply][..], &server].concat()).ok();
    }
    person.write(".kube/config", kubeconfig);
    person
}

pub(crate) fn install<'a>(reply: &'a str, user: &'a str) -> Vec<&'a str> {
    vec!["install", "--reply", reply, "--yes", "--no-verify", "--", user]
}

const THERE: &str = "\
# kept
apiVersion: v1
kind: Config
clusters:
- name: old
  cluster: {server: 'https://10.0.0.2:6443'}   # kept too
contexts:
- name: old
  context: {cluster: old, user: old}
users:
- name: old
  user: {token: x}
current-context: old
";

fn contexts(person: &Person) -> Vec<String> {
    let listed = person.run(&["contexts", "-o", "name"]).ok().stdout;
    let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn the_way_a_file_is_written_stays() {
    let windows_lines = THERE.replace('\n', "\r\n");
    let utf16 = |text: &str| -> Vec<u8> {
        std::iter::once('\u{feff}')
            .chain(text.chars())
            .collect::<String>()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let (marked, marked_lines) = (format!("\u{feff}{THERE}"), format!("\u{feff}{windows_lines}"));
    for (case, before) in [
        ("LF", THERE.as_bytes().to_vec()),
        ("CRLF", windows_lines.clone().into_bytes()),
        ("LF with a mark", marked.into_bytes()),
        ("CRLF with a mark", marked_lines.into_bytes()),
        ("UTF-16", utf16(&windows_lines)),
    ] {
        let person = with_reply(&before, &["jane"]);
        person.run(&install("jane.reply", "jane")).ok();
        let after = person.read(".kube/config");
        assert_eq!(after[..3], before[..3], "{case}: the mark");
        let text = match case {
            "UTF-16" => {
                let units =
                    after.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                String::from_utf16(&units.collect::<Vec<u16>>()).unwrap()
            }
            _ => String::from_utf8(after).unwrap(),
        };
        assert!(text.contains("# kept") && text.contains("# kept too"), "{case}: {text}");
        if case.contains("CRLF") || case == "UTF-16" {
            assert_eq!(
                text.matches('\n').count(),
                text.matches("\r\n").count(),
                "{case}: {text:?}"
            );
        }
        let listed = contexts(&person);
        assert!(
            listed.len() == 2 && listed[0].starts_with("jane@") && listed[1] == "old",
            "{case}: {listed:?}"
        );
        assert_eq!(person.names(".kube"), ["config"], "{case}");
    }
}

#[test]
fn four_write_at_once_and_all_are_there() {
    let users = ["ann", "bob", "cid", "dan"];
    let person = with_reply(THERE.as_bytes(), &users);
    let replies = users.map(|user| format!("{user}.reply"));
    let running: Vec<_> = users
        .iter()
        .zip(&replies)
        .map(|(user, reply)| person.start(&install(reply, user)))
        .collect();
    for child in running {
        Outcome::of(child.wait_with_output().unwrap(), "install".to_owned()).ok();
    }
    assert_eq!(contexts(&person).len(), 5);
    assert_eq!(person.names(".kube"), ["config"]);
}

#[test]
fn a_lock_of_another_program_is_named_with_a_line_that_removes_it() {
    let person = with_reply(THERE.as_bytes(), &["jane"]);
    let lock = person.path(".kube").join("config.lock");
    std::fs::write(&lock, "").unwrap();
    let refused = person.run(&install("jane.reply", "jane")).exits(1).says("config.lock");
    let line = if cfg!(windows) { "cmd /c del /f " } else { "rm -- " };
    refused.says(&format!("{line}{}", lock.display()));
    assert_eq!(person.text(".kube/config"), THERE);
    std::fs::remove_file(&lock).unwrap();
    person.run(&install("jane.reply", "jane")).ok();
}

#[test]
fn several_files_in_the_variable() {
    let person = with_reply(b"", &["jane"]);
    person.write("a.conf", THERE.as_bytes());
    let both = std::env::join_paths([person.path("missing.conf"), person.path("a.conf")]).unwrap();
    let run = |arguments: &[&str]| outcome(person.command(arguments).env("KUBECONFIG", &both)).ok();
    run(&install("jane.reply", "jane"));
    assert!(person.text("a.conf").contains("jane@"));
    assert!(person.text("a.conf").starts_with("# kept\n"));
    assert!(run(&["contexts", "-o", "name"]).stdout.contains("old"));
    assert!(!person.path("missing.conf").exists());
}
