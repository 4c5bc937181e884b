//! What goes over the wire to the server: names, tokens, sockets.

use crate::cases;
use crate::trial::{Trial, plugin};

cases!(every_character_in_a_name, tokens_that_cannot_be_sent, few_file_descriptors);

/// Names go into field selectors, where some characters mean something.
fn every_character_in_a_name(trial: &Trial) {
    let admin = trial.admin();
    let printable: String = ('!'..='~').collect();
    let user = trial.user(&format!("all {printable}"));
    // The two that no object's name may hold.
    let name = user.replace(['/', '%'], "-");
    let still = ["install", "--timeout", "1s", "--request-timeout", "29s", "--", &user];
    admin.run(&["request", "--", &user]).ok();
    admin.run(&still).exits(5).says(&["still pending"]);
    admin.kubectl(&["certificate", "approve", "--", &name]).ok();
    admin.run(&["install", "--", &user]).ok();
    let user = trial.user(r"waits\for,a=b");
    admin
        .run(&["request", "--wait", "--timeout", "1s", "--request-timeout", "29s", "--", &user])
        .exits(5);
}

fn tokens_that_cannot_be_sent(trial: &Trial) {
    let admin = trial.admin();
    let server = admin.kubectl(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let server = server.ok().stdout;
    for (character, written) in [("\n", r"\n"), ("\u{1b}", r"\e"), ("\0", r"\0"), ("\r", r"\r")] {
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             users: [{{name: u, user: {{token: \"secret{written}word\"}}}}]\n"
        );
        let person = trial.with_kubeconfig(&kubeconfig);
        let out = person.run(&["list"]).exits(1).says(&["error: ", "token", "hint: "]);
        out.never_shows("secret").never_shows("panicked");
        if character != "\0" {
            let token = format!("secret{character}word");
            let out = admin.run(&["list", "--token", &token]).exits(1).says(&["error: ", "token"]);
            out.never_shows("secret").never_shows("panicked");
        }
    }
}

/// Where no files can be opened any more there is an error and no panic.
fn few_file_descriptors(trial: &Trial) {
    let admin = trial.admin();
    for most in 3..14 {
        let script = format!("ulimit -n {most}; exec \"$0\" list --request-timeout 5s");
        let plugin = plugin().to_str().expect("a path");
        let out = admin.tool("sh", &["-c", &script, plugin]);
        assert!(!out.stderr.contains("panicked"), "{most}: {}", out.stderr);
    }
}
