//! The user entry of a certificate that renews itself: clients ask our own program for it.
//!
//! Fields as in client-go's `ExecConfig` (`tools/clientcmd/api/v1/types.go`).

use std::path::Path;

use serde_json::{Map, Value, json};

use super::merged::User;

/// The version of the protocol between clients and the program.
pub const API_VERSION: &str = "client.authentication.k8s.io/v1";
/// The program's subcommand that answers clients.
pub const SUBCOMMAND: &str = "credential";
/// The flag that names the stored credential.
pub const STORE_FLAG: &str = "--store";
/// The variable by which the program finds its state folder.
const STATE_HOME: &str = "XDG_STATE_HOME";
const PROGRAM: &str = "kubectl-usercert";
const INSTALL_HINT: &str = "The certificate of this entry is renewed by kubectl usercert, which is \
                            no longer at this path.\n\
                            Install it there again, or give the entry the new path with: kubectl \
                            usercert renew --auto CONTEXT";

/// A stored credential, as a user entry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReference {
    /// The store's id.
    pub id: String,
    /// The state folder that the entry sets, if it sets one.
    pub state_home: Option<String>,
}

/// Why a user entry cannot become one that renews itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaticCredential {
    /// Clients use another credential and never run the program.
    #[error("the user entry also holds {0}, which clients use instead")]
    Beside(&'static str),
}

/// The fields of a user entry that hold or name a certificate and its key.
const PAIR: [&str; 4] =
    ["client-certificate", "client-certificate-data", "client-key", "client-key-data"];
/// The fields for other credentials, which keep clients from running a program.
const CREDENTIALS: [(&str, &str); 5] = [
    ("token", "a token"),
    ("tokenFile", "a token"),
    ("username", "a user name and password"),
    ("password", "a user name and password"),
    ("auth-provider", "an auth provider"),
];

/// The `exec` field of an entry whose certificate `command` answers with.
pub fn exec(command: &str, store: &StoreReference) -> Value {
    let mut exec = json!({
        "apiVersion": API_VERSION,
        "command": command,
        "args": [SUBCOMMAND, STORE_FLAG, store.id],
        "installHint": INSTALL_HINT,
        "interactiveMode": "Never",
        "provideClusterInfo": true,
    });
    if let Some(state_home) = &store.state_home {
        exec["env"] = json!([{ "name": STATE_HOME, "value": state_home }]);
    }
    exec
}

/// The body of a user entry that renews itself. What `old` says besides its certificate and key stays.
///
/// # Errors
/// Another credential in it.
pub fn body(old: Option<&Map<String, Value>>, exec: Value) -> Result<Value, StaticCredential> {
    let mut body = old.cloned().unwrap_or_default();
    body.retain(|field, _| field != "exec" && !PAIR.contains(&field.as_str()));
    let there = |field: &str| body.get(field).is_some_and(|v| !v.is_null() && v != "");
    if let Some((_, what)) = CREDENTIALS.iter().find(|(field, _)| there(field)) {
        return Err(StaticCredential::Beside(what));
    }
    body.insert("exec".to_owned(), exec);
    Ok(body.into())
}

/// The body of a user entry that holds certificate and key itself, as `pair` says. What `old` says besides
/// them and besides a program of ours stays.
pub fn static_body(old: Option<&Map<String, Value>>, pair: Value) -> Value {
    let mut body = old.cloned().unwrap_or_default();
    let ours = body.get("exec").is_some_and(|exec| reference(exec).is_some());
    let files = ["client-certificate", "client-key"];
    let replaced = |field: &str| files.contains(&field) || ours && field == "exec";
    body.retain(|field, _| !replaced(field));
    if let Value::Object(pair) = pair {
        body.extend(pair);
    }
    body.into()
}

/// The stored credential that an entry names, if our program answers for it.
pub fn store_of(user: &User) -> Option<StoreReference> {
    // Clients prefer what stands in the entry itself.
    let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    let token = user.token.is_some() || user.token_file.is_some();
    if certificate || token {
        return None;
    }
    reference(user.exec.as_ref()?)
}

/// The same of a user entry's body as it stands in a file.
pub fn store_in(body: &Value) -> Option<StoreReference> {
    let first = ["client-certificate", "client-certificate-data", "token", "tokenFile"];
    let there = |field: &&str| body.get(*field).is_some_and(|v| !v.is_null() && v != "");
    if first.iter().any(there) { None } else { reference(body.get("exec")?) }
}

fn reference(exec: &Value) -> Option<StoreReference> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let command = text(exec, "command")?;
    let command = command.rsplit(['/', '\\']).next().unwrap_or_default();
    if Path::new(command).file_stem().is_none_or(|stem| stem != PROGRAM) {
        return None;
    }
    let args: Vec<&str> = exec.get("args")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let [SUBCOMMAND, STORE_FLAG, id, ..] = args.as_slice() else { return None };
    let env = exec.get("env").and_then(Value::as_array).into_iter().flatten();
    let state_home = env
        .filter(|variable| text(variable, "name").as_deref() == Some(STATE_HOME))
        .find_map(|variable| text(variable, "value"));
    Some(StoreReference { id: (*id).to_owned(), state_home })
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn store() -> StoreReference {
        StoreReference { id: "0123abcd".to_owned(), state_home: None }
    }

    #[test]
    fn an_entry_reads_back_as_what_it_names() {
        for state_home in [None, Some("/data/state".to_owned())] {
            let store = StoreReference { state_home, ..store() };
            for command in ["/opt/kubectl-usercert", r"C:\krew\bin\kubectl-usercert.exe"] {
                let exec = exec(command, &store);
                let mut entry = json!({ "exec": exec, "token": "" });
                assert_eq!(store_in(&entry), Some(store.clone()), "{command}");
                entry["token"] = "t".into();
                assert_eq!(store_in(&entry), None, "the program is never run");
                let user = User { exec: Some(exec), ..User::default() };
                assert_eq!(store_of(&user), Some(store.clone()), "{command}");
                let token = Some(Zeroizing::new("t".to_owned()));
                assert_eq!(store_of(&User { token, ..user }), None, "the program is never run");
            }
        }
    }

    #[test]
    fn other_programs_are_not_ours() {
        let ours = exec("/opt/kubectl-usercert", &store());
        let with = |field: &str, value: Value| {
            let mut exec = ours.clone();
            exec[field] = value;
            store_of(&User { exec: Some(exec), ..User::default() })
        };
        assert_eq!(with("command", "aws".into()), None);
        assert_eq!(with("args", json!(["credential", "--store"])), None);
        assert_eq!(with("args", json!(["token", "--store", "0123abcd"])), None);
        assert_eq!(with("args", Value::Null), None);
        let more = json!(["credential", "--store", "0123abcd", "--any-cluster"]);
        assert_eq!(with("args", more), Some(store()));
    }

    #[test]
    fn an_entry_holds_nothing_that_clients_would_use_instead() {
        let old = json!({ "client-certificate-data": "eA==", "client-key": "k", "as": "root" });
        let exec = exec("/opt/kubectl-usercert", &store());
        let new = body(old.as_object(), exec.clone()).unwrap();
        assert_eq!(new, json!({ "as": "root", "exec": exec }));
        let pair = json!({ "client-certificate-data": "eA==", "client-key-data": "eQ==" });
        let back = static_body(new.as_object(), pair.clone());
        let expected =
            json!({ "as": "root", "client-certificate-data": "eA==", "client-key-data": "eQ==" });
        assert_eq!(back, expected);
        for (field, what) in [("token", "a token"), ("username", "a user name and password")] {
            let old = json!({ field: "x" });
            let refused = body(old.as_object(), exec.clone());
            assert_eq!(refused, Err(StaticCredential::Beside(what)));
            assert!(body(json!({ field: "" }).as_object(), exec.clone()).is_ok());
        }
        let other = json!({ "exec": { "command": "aws" } });
        let kept = static_body(other.as_object(), pair);
        assert_eq!(kept["exec"]["command"], "aws", "another's program stays");
    }
}
