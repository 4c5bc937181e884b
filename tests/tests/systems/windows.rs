//! Paths as only Windows has them.

use crate::kubeconfigs::{install, with_reply};
use crate::person::{Person, outcome};

#[test]
fn kubeconfigs_by_every_kind_of_path() {
    let shared = Person::new();
    std::fs::create_dir(shared.path("sub folder")).unwrap();
    let plain = shared.path("sub folder").join("config").to_str().unwrap().to_owned();
    assert!(plain.contains(r":\"), "{plain}");
    let (forward, verbatim) = (plain.replace('\\', "/"), format!(r"\\?\{plain}"));
    for (number, path) in
        [&plain, &forward, &verbatim, r"sub folder\config"].into_iter().enumerate()
    {
        let jane = with_reply(b"", &["jane"]);
        let (reply, name) = (jane.path("jane.reply"), format!("jane-{number}"));
        let mut line = install(reply.to_str().unwrap(), "jane");
        line.splice(1..1, ["--kubeconfig", path, "--context-name", &name]);
        outcome(jane.command(&line).current_dir(shared.path("."))).ok();
    }
    let listed = shared.run(&["contexts", "--kubeconfig", &plain, "-o", "name"]).ok().stdout;
    for number in 0..4 {
        assert!(listed.contains(&format!("jane-{number}")), "{listed}");
    }
    assert_eq!(shared.names("sub folder"), ["config"]);
}

#[test]
fn the_home_with_a_kubeconfig_counts() {
    let person = Person::new();
    let context =
        "apiVersion: v1\nkind: Config\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n";
    person.write("profile/.kube/config", context.as_bytes());
    std::fs::create_dir_all(person.path("home")).unwrap();
    let listed = |home: &str, profile: &str| {
        let mut command = person.command(&["contexts", "-o", "name"]);
        command.env("HOME", person.path(home)).env("USERPROFILE", person.path(profile));
        outcome(&mut command).ok().stdout
    };
    assert!(listed("home", "profile").contains("here"), "HOME has none");
    assert!(listed("profile", "home").contains("here"));
    assert!(!listed("home", "home").contains("here"));
}

#[test]
fn names_of_devices_make_no_files_of_theirs() {
    let person = Person::new();
    for user in ["nul", "con", "com1", "aux.x"] {
        person.run(&["request", user, "--offline", "--out-dir", "stick"]).ok();
    }
    assert_eq!(person.names("stick").len(), 12, "{:?}", person.names("stick"));
}

#[test]
fn commands_are_for_the_shells_of_windows() {
    let person = with_reply(b"", &["it's jane"]);
    let mut line = install("it's jane.reply", "it's jane");
    line.splice(1..1, ["--standalone", "a b.conf"]);
    let installed = person.run(&line).ok();
    installed.says("Try it: kubectl --kubeconfig \"a b.conf\" auth whoami");
}
