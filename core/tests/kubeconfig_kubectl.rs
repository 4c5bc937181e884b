//! The merged view and our edits against the real kubectl.
//!
//! `USERCERT_SOAK=10000` raises the number of generated files, `USERCERT_SEED` picks others, and
//! `USERCERT_KUBECTL` names the kubectl to compare with.

#![allow(clippy::unwrap_used)]

#[path = "kubeconfig/flatten.rs"]
mod flatten;
#[path = "kubeconfig/generate.rs"]
mod generate;
#[path = "kubeconfig/kubectl.rs"]
mod kubectl;
#[path = "kubeconfig/support.rs"]
mod support;

use std::path::{Path, PathBuf};

use generate::Random;
use kubectl::{has_kubectl, kubectl};
use serde_json::{Value, json};
use support::{corpus, corpus_folder, for_each, kubectl_view, load, normalised, our_view};
use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::document::Document;
use usercert_core::kubeconfig::edit::{self, Edit, EditError};
use usercert_core::kubeconfig::merged::{Overrides, ResolveError};

/// Files that we read and kubectl does not.
const ONLY_OURS: [&str; 3] = [
    "json-escapes", // `\/` is JSON's alone
    "surrogates",   // so are surrogate pairs
    "tabs",         // a line of nothing but a tab
];

/// Files that kubectl reads and we refuse.
const ONLY_THEIRS: [&str; 4] = [
    "line-separator-comment", // hides an entry from every YAML 1.2 reader
    "nel",                    // the like
    "plain-dash-in-flow",     // `-}` is no YAML
    "tabs-in-flow",           // a tab as indentation
];

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().map_or(default, |value| value.parse().unwrap())
}

#[test]
fn hand_made_files_read_as_kubectl_reads_them() {
    if !has_kubectl() {
        return;
    }
    for_each(&corpus(), |(name, path)| {
        let files = [path.clone()];
        let expected = |list: &[&str]| list.contains(&name.as_str());
        match (kubectl_view(&files), our_view(&files)) {
            (Ok(theirs), Ok(ours)) if theirs == ours => Ok(()),
            (Err(_), Err(_)) => Ok(()),
            (Err(_), Ok(_)) if expected(&ONLY_OURS) => Ok(()),
            (Ok(_), Err(_)) if expected(&ONLY_THEIRS) => Ok(()),
            (theirs, ours) => Err(format!("{name}: theirs {theirs:?}\nours {ours:?}")),
        }
    });
}

/// A certificate and a key in files, and the user body that holds both.
struct Credentials {
    certificate: PathBuf,
    key: PathBuf,
    body: Value,
}

impl Credentials {
    fn new(folder: &Path) -> Credentials {
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        std::fs::copy(corpus_folder().join("tls.crt"), &certificate).unwrap();
        std::fs::copy(corpus_folder().join("tls.key"), &key).unwrap();
        let body = json!({
            "client-certificate-data": base64(&std::fs::read(&certificate).unwrap()),
            "client-key-data": base64(&std::fs::read(&key).unwrap()),
        });
        Credentials { certificate, key, body }
    }

    fn set_by_kubectl(&self, file: &Path, user: &str, context: &str) -> Result<(), String> {
        let files = [file.to_path_buf()];
        let certificate = format!("--client-certificate={}", self.certificate.display());
        let key = format!("--client-key={}", self.key.display());
        let embedded = ["config", "set-credentials", user, &certificate, &key, "--embed-certs"];
        kubectl(&files, &embedded)?;
        let user = format!("--user={user}");
        let fields = ["--cluster=0x1F", &user, "--namespace=dev"];
        kubectl(&files, &[&["config", "set-context", context][..], &fields].concat()).map(drop)
    }

    fn edits(&self, user: &str, context: &str) -> Vec<Edit> {
        let body = json!({"cluster": "0x1F", "user": user, "namespace": "dev"});
        vec![
            Edit::Set { kind: Kind::User, name: user.into(), body: self.body.clone() },
            Edit::Set { kind: Kind::Context, name: context.into(), body },
        ]
    }
}

/// Makes the edits in a view.
fn edited_view(mut view: Value, edits: &[Edit]) -> Value {
    for edit in edits {
        let (list, key, name, body) = match edit {
            Edit::Set { kind, name, body } => (kind.section(), kind.body_key(), name, Some(body)),
            Edit::Remove { kind, name } => (kind.section(), kind.body_key(), name, None),
            Edit::SetCurrentContext(name) => {
                view["current-context"] = name.as_str().into();
                continue;
            }
            Edit::ClearCurrentContext => {
                view["current-context"] = "".into();
                continue;
            }
        };
        let mut items = view[list].as_array().cloned().unwrap_or_default();
        items.retain(|item| item["name"] != name.as_str());
        items.extend(body.map(|body| json!({"name": name, key: body})));
        view[list] = items.into();
    }
    normalised(view)
}

fn base64(bytes: &[u8]) -> String {
    // Through our own view, so that the test needs no further crate.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), bytes).unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, "clusters: [{name: a, cluster: {certificate-authority: x}}]").unwrap();
    let view = our_view(&[config]).unwrap();
    view["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap().to_owned()
}

#[test]
fn additions_to_hand_made_files_are_what_kubectl_would_have_made() {
    if !has_kubectl() {
        return;
    }
    for_each(&corpus(), |(name, path)| {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials::new(folder.path());
        let text = std::fs::read_to_string(path).unwrap();
        let edits = credentials.edits("new: user", "no");
        let (Ok(edited), Ok(_)) =
            (edit::apply(&text, &edits), our_view(std::slice::from_ref(path)))
        else {
            return Ok(());
        };
        compare(name, folder.path(), &text, &edited, |theirs| {
            credentials.set_by_kubectl(theirs, "new: user", "no")
        })
    });
}

#[test]
fn replaced_entries_are_what_kubectl_makes_after_deleting_them() {
    if !has_kubectl() {
        return;
    }
    let names = [
        "kubectl-style",
        "crlf",
        "bom-crlf",
        "comments-everywhere",
        "indented-lists",
        "name-last",
        "json-pretty",
        "json-compact",
        "flow-lists",
        "flow-entries",
        "anchor-redefined",
    ];
    let files: Vec<_> = corpus().into_iter().filter(|(name, _)| names.contains(&&**name)).collect();
    for_each(&files, |(name, path)| {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials::new(folder.path());
        let text = std::fs::read_to_string(path).unwrap();
        let document = Document::parse(&text).map_err(|error| format!("{name}: {error}"))?;
        let user = document.entries(Kind::User)[0].name.clone();
        let edited = edit::apply(&text, &credentials.edits(&user, "no"))
            .map_err(|error| format!("{name}: {error}"))?;
        compare(name, folder.path(), &text, &edited, |theirs| {
            kubectl(&[theirs.to_path_buf()], &["config", "delete-user", &user])?;
            credentials.set_by_kubectl(theirs, &user, "no")
        })
    });
}

/// Compares kubectl's views of our edited text and of a file that kubectl has changed.
fn compare(
    name: &str,
    folder: &Path,
    text: &str,
    edited: &str,
    by_kubectl: impl Fn(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let (ours, theirs) = (folder.join("ours"), folder.join("theirs"));
    std::fs::write(&ours, edited).unwrap();
    std::fs::write(&theirs, text).unwrap();
    let view = kubectl_view(&[ours]);
    if ONLY_OURS.contains(&name) {
        return if view.is_err() { Ok(()) } else { Err(format!("{name}: read after all")) };
    }
    by_kubectl(&theirs).map_err(|error| format!("{name}: {error}"))?;
    match (view, kubectl_view(&[theirs])) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Ok(()),
        (ours, theirs) => Err(format!("{name}: theirs {theirs:?}\nours {ours:?}\n{edited}")),
    }
}

/// Reads a file in both ways, changes it, and reads it again.
fn check(random: &mut Random, folder: &Path, text: &str, damaged: bool) -> Result<(), String> {
    let file = folder.join("config");
    std::fs::write(&file, text).unwrap();
    let files = [file.clone()];
    let ours = our_view(&files);
    let document = Document::parse(text);
    if damaged && (ours.is_err() || document.is_err()) {
        return Ok(());
    }
    let theirs = kubectl_view(&files);
    match (&theirs, &ours) {
        (Ok(theirs), Ok(ours)) if theirs == ours => {}
        (Err(_), _) if damaged => return Ok(()),
        _ => return Err(format!("theirs {theirs:?}\nours {ours:?}")),
    }
    let document = document.map_err(|error| error.to_string())?;
    let edits = generate::edits(random, &document);
    let edited = match edit::apply(text, &edits) {
        Ok(edited) => edited,
        // These are not safe to change, and said to be so.
        Err(EditError::Unsafe { .. }) => return Ok(()),
        Err(_) if damaged => return Ok(()),
        Err(error) => return Err(format!("not edited: {error}\n{edits:?}")),
    };
    std::fs::write(&file, &edited).unwrap();
    let (after, expected) = (kubectl_view(&files), edited_view(theirs?, &edits));
    match after {
        Ok(after) if after == expected => Ok(()),
        after => {
            Err(format!("after {after:?}\nexpected {expected:?}\n{edits:?}\nedited:\n{edited}"))
        }
    }
}

#[test]
fn generated_files_are_read_and_changed_as_by_kubectl() {
    if !has_kubectl() {
        return;
    }
    let start = number("USERCERT_SEED", 1);
    let seeds: Vec<usize> = (start..start + number("USERCERT_SOAK", 300)).collect();
    for_each(&seeds, |seed| {
        let folder = tempfile::tempdir().unwrap();
        let mut random = Random(*seed as u64);
        let text = generate::kubeconfig(&mut random);
        check(&mut random, folder.path(), &text, false)
            .map_err(|complaint| format!("seed {seed}: {complaint}\ntext:\n{text}"))?;
        if seed % 4 == 0 {
            let damaged = generate::mutate(&mut random, &text);
            check(&mut random, folder.path(), &damaged, true)
                .map_err(|complaint| format!("seed {seed}: {complaint}\ndamaged:\n{damaged}"))?;
        }
        Ok(())
    });
}

#[test]
fn several_files_merge_as_in_kubectl() {
    if !has_kubectl() {
        return;
    }
    let start = number("USERCERT_SEED", 1);
    let seeds: Vec<usize> = (start..start + number("USERCERT_SOAK", 300) / 6).collect();
    for_each(&seeds, |seed| {
        let folder = tempfile::tempdir().unwrap();
        let mut random = Random(*seed as u64 ^ 0xfeed);
        let mut files = Vec::new();
        for index in 0..2 + random.below(2) {
            let file = folder.path().join(format!("config-{index}"));
            if !random.one_in(8) {
                std::fs::write(&file, generate::kubeconfig(&mut random)).unwrap();
            }
            files.push(file);
        }
        match (kubectl_view(&files), our_view(&files)) {
            (Ok(theirs), Ok(ours)) if theirs == ours => Ok(()),
            (theirs, ours) => Err(format!("seed {seed}: theirs {theirs:?}\nours {ours:?}")),
        }
    });
}

/// What is refused before any connection, and in which words.
#[test]
fn refusals_are_worded_as_in_kubectl() {
    if !has_kubectl() {
        return;
    }
    let exec = "exec: {command: c, apiVersion: client.authentication.k8s.io/v1";
    let cases = [
        ("client-certificate: c, client-certificate-data: Yw==, client-key-data: aw==".into(), ""),
        ("client-certificate-data: Yw==".into(), ""),
        ("client-certificate-data: Yw==, client-key: c, client-key-data: aw==".into(), ""),
        ("token: t, username: u".into(), ""),
        ("as-groups: [g]".into(), ""),
        (format!("{exec}}}"), ""),
        (format!("{exec}, interactiveMode: Q}}"), ""),
        (format!("{exec}, interactiveMode: Never}}, auth-provider: {{name: p}}"), ""),
        (String::new(), "--context=q"),
        (String::new(), "--cluster=q"),
        (String::new(), "--user=q"),
    ];
    for_each(&cases, |(user, flag)| {
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("config")];
        let text = format!(
            "clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
        );
        std::fs::write(&files[0], &text).unwrap();
        let name = |prefix: &str| flag.strip_prefix(prefix).map(str::to_owned);
        let overrides = Overrides {
            context: name("--context="),
            cluster: name("--cluster="),
            user: name("--user="),
            ..Overrides::default()
        };
        let ours = load(&files).unwrap().resolve(&overrides).unwrap_err();
        let problems = match &ours {
            ResolveError::Invalid(problems) => problems.clone(),
            other => vec![other.to_string()],
        };
        let args = ["get", "--raw=/", "--request-timeout=1s", flag];
        let args: Vec<_> = args.into_iter().filter(|arg| !arg.is_empty()).collect();
        let theirs = kubectl(&files, &args).unwrap_err();
        match problems.iter().find(|problem| !theirs.contains(problem.as_str())) {
            Some(problem) => Err(format!("{user} {flag}: {problem:?} is not in {theirs:?}")),
            None => Ok(()),
        }
    });
}
