//! Who gets in, as whom, and what the others are told.

use serde_json::{Value, json};
use usercert_sandbox::{LogEntry, SandboxOptions};

use crate::raw::{REQUESTS, send};
use crate::support::{CLIENT_SIGNER, NO_SIGNER, World, manifest};

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

fn whoami(kubeconfig: &str) -> Value {
    send(kubeconfig, "POST", REVIEWS, Some(&json!({}))).1["status"]["userInfo"].clone()
}

#[test]
fn refusals_have_the_shapes_of_the_real_ones() {
    let world = World::new();
    let stranger = World::new().sandbox.admin_kubeconfig();
    let mut foreign: Value = serde_json::from_str(&world.sandbox.admin_kubeconfig()).unwrap();
    foreign["users"] = serde_json::from_str::<Value>(&stranger).unwrap()["users"].take();
    let unauthorized = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    });
    // A certificate of another CA completes the handshake and is refused then.
    assert_eq!(send(&foreign.to_string(), "GET", REQUESTS, None), (401, unauthorized.clone()));
    let mut token: Value = serde_json::from_str(&world.sandbox.anonymous_kubeconfig()).unwrap();
    token["users"][0]["user"]["token"] = "guessed".into();
    assert_eq!(send(&token.to_string(), "GET", REQUESTS, None), (401, unauthorized));
    let why = "User \"system:anonymous\" cannot list resource \"certificatesigningrequests\" in API group \
               \"certificates.k8s.io\" at the cluster scope";
    assert_eq!(
        send(&world.sandbox.anonymous_kubeconfig(), "GET", REQUESTS, None),
        (
            403,
            json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": format!("certificatesigningrequests.certificates.k8s.io is forbidden: {why}"),
                "reason": "Forbidden",
                "details": {"group": "certificates.k8s.io", "kind": "certificatesigningrequests"},
                "code": 403,
            })
        )
    );
    let (code, body) = send(&world.sandbox.kubeconfig_for("<bob>", &[]), "GET", "/metrics", None);
    assert_eq!(
        (code, body["message"].as_str().unwrap()),
        (403, "forbidden: User \"&lt;bob&gt;\" cannot get path \"/metrics\"")
    );
}

#[test]
fn credentials_make_users() {
    let world = World::new();
    let user = whoami(&world.sandbox.kubeconfig_for("alice", &["dev", "ops", "a longer one"]));
    assert_eq!(user["username"], "alice");
    // In the order of the certificate, which sorts them by their encoding.
    assert_eq!(user["groups"], json!(["dev", "ops", "a longer one", "system:authenticated"]));
    let user = whoami(&world.sandbox.token_kubeconfig_for("robot", &["machines"]));
    let expected = json!({"username": "robot", "groups": ["machines", "system:authenticated"]});
    assert_eq!(user, expected);
    // Nobody may ask who he is, not even that.
    assert_eq!(whoami(&world.sandbox.anonymous_kubeconfig()), Value::Null);

    let closed = World::with(SandboxOptions { anonymous: false, ..SandboxOptions::default() });
    let anonymous = closed.sandbox.anonymous_kubeconfig();
    assert_eq!(send(&anonymous, "GET", "/version", None).0, 401);
    assert_eq!(send(&world.sandbox.anonymous_kubeconfig(), "GET", "/version", None).0, 200);
}

#[test]
fn impersonation_needs_permission() {
    let world = World::new();
    let as_bob = ["auth", "whoami", "--as=bob", "--as-group=dev", "-o", "json"];
    let review: Value = serde_json::from_str(&world.kubectl(&as_bob)).unwrap();
    assert_eq!(
        review["status"]["userInfo"],
        json!({"username": "bob", "groups": ["dev", "system:authenticated"]})
    );
    world.write("alice.kubeconfig", world.sandbox.kubeconfig_for("alice", &[]));
    let look = ["get", "--raw", "/api", "--as=bob", "--as-group=dev"];
    assert_eq!(
        world.kubectl_as("alice.kubeconfig", &look).refused(),
        "Error from server (Forbidden): users \"bob\" is forbidden: User \"alice\" cannot impersonate resource \"users\" \
         in API group \"\" at the cluster scope"
    );
    let role = ["create", "clusterrole", "actor", "--verb=impersonate", "--resource=users"];
    world.kubectl(&role);
    world.kubectl(&["create", "clusterrolebinding", "a", "--clusterrole=actor", "--user=alice"]);
    world.kubectl_as("alice.kubeconfig", &["auth", "whoami", "--as=bob"]).ok();
    let refusal = world.kubectl_as("alice.kubeconfig", &look).refused();
    assert!(refusal.contains("cannot impersonate resource \"groups\""), "{refusal}");
}

#[test]
fn approving_takes_two_permissions() {
    let world = World::new();
    let request = world.request("/CN=x");
    world.create(&manifest("client", &request, CLIENT_SIGNER));
    world.create(&manifest("other", &request, NO_SIGNER));
    world.write("alice.kubeconfig", world.sandbox.kubeconfig_for("alice", &[]));
    let approve = |name| world.kubectl_as("alice.kubeconfig", &["certificate", "approve", name]);
    let bind = |role: &str| {
        let (name, role) = (format!("alice-{role}"), format!("--clusterrole={role}"));
        world.kubectl(&["create", "clusterrolebinding", &name, &role, "--user=alice"]);
    };
    let verbs = "--verb=get,list,update";
    let resources = "--resource=csr,csr/approval";
    world.kubectl(&["create", "clusterrole", "updater", verbs, resources]);
    bind("updater");
    assert_eq!(
        approve("client").refused(),
        "Error from server (Forbidden): certificatesigningrequests.certificates.k8s.io \"client\" is forbidden: user not \
         permitted to approve requests with signerName \"kubernetes.io/kube-apiserver-client\""
    );
    // Resource names that contain colons and slashes cannot be created with kubectl; the ready-made role has one.
    world.create(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "approver"},
        "subjects": [{"kind": "User", "name": "alice"}],
        "roleRef": {
            "kind": "ClusterRole",
            "name": "system:certificates.k8s.io:kube-apiserver-client-approver",
        },
    }));
    approve("client").ok();
    assert!(!approve("other").success);
    world.create(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "domain-approver"},
        "rules": [{
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["signers"],
            "verbs": ["approve"],
            "resourceNames": ["example.com/*"],
        }],
    }));
    bind("domain-approver");
    approve("other").ok();
    // Signing is another matter.
    let mut object = world.get("other");
    let failed = json!({"type": "Failed", "status": "True"});
    object["status"]["conditions"].as_array_mut().unwrap().push(failed);
    world.kubectl(&["create", "clusterrole", "s", "--verb=update", "--resource=csr/status"]);
    bind("s");
    let path = format!("{REQUESTS}/other/status");
    let alice = world.sandbox.kubeconfig_for("alice", &[]);
    let (code, body) = send(&alice, "PUT", &path, Some(&object));
    assert_eq!(code, 403);
    assert!(
        body["message"].as_str().unwrap().ends_with(
            "user not permitted to sign requests with signerName \"example.com/nobody\""
        ),
        "{body}"
    );
}

#[test]
fn nobody_grants_what_he_does_not_hold() {
    let world = World::new();
    world.write("alice.kubeconfig", world.sandbox.kubeconfig_for("alice", &["ops"]));
    let alice = |args: &[&str]| world.kubectl_as("alice.kubeconfig", args);
    let role =
        ["create", "clusterrole", "binder", "--verb=create", "--resource=rolebindings,roles"];
    world.kubectl(&role);
    world.kubectl(&["create", "clusterrolebinding", "b", "--clusterrole=binder", "--group=ops"]);
    world.kubectl(&[
        "create",
        "clusterrole",
        "p",
        "--verb=get,list",
        "--resource=pods,deployments",
    ]);
    let grant = |name: &'static str, role: &'static str| {
        alice(&["create", "rolebinding", name, role, "--user=bob"])
    };
    assert_eq!(
        grant("bob", "--clusterrole=p").refused(),
        "error: failed to create rolebinding: rolebindings.rbac.authorization.k8s.io \"bob\" is forbidden: user \"alice\" \
         (groups=[\"ops\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
         {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}\n\
         {APIGroups:[\"apps\"], Resources:[\"deployments\"], Verbs:[\"get\" \"list\"]}"
    );
    assert!(!alice(&["create", "role", "r", "--verb=get", "--resource=secrets"]).success);
    assert!(grant("bob", "--clusterrole=missing").refused().contains("\"missing\" not found"));
    // Holding it is enough; a dangling role needs more.
    world.kubectl(&["create", "rolebinding", "alice-p", "--clusterrole=p", "--user=alice"]);
    grant("bob", "--clusterrole=p").ok();
    let dangling = ["create", "rolebinding", "dangling", "--clusterrole=missing", "--user=bob"];
    world.kubectl(&dangling);
    assert_eq!(
        world.kubectl_as("admin.kubeconfig", &["auth", "can-i", "get", "pods", "--as=bob"]).stdout,
        "yes\n"
    );
    // A binding cannot be turned to another role.
    let mut binding: Value =
        serde_json::from_str(&world.kubectl(&["get", "rolebinding", "dangling", "-o", "json"]))
            .unwrap();
    binding["roleRef"]["name"] = "p".into();
    let file = world.write("binding.json", binding.to_string());
    let refusal = world.refused(&["replace", "-f", &file]);
    assert!(refusal.contains("roleRef: Invalid value"), "{refusal}");
    assert!(refusal.ends_with("cannot change roleRef"), "{refusal}");
}

#[test]
fn the_default_roles_do_what_they_say() {
    let world = World::new();
    for (role, user) in [("view", "viewer"), ("edit", "editor"), ("admin", "owner")] {
        let (role, user_option) = (format!("--clusterrole={role}"), format!("--user={user}"));
        world.kubectl(&["create", "rolebinding", user, &role, &user_option]);
    }
    let can = |user: &str, verb: &str, resource: &str| {
        let user = format!("--as={user}");
        let args = ["auth", "can-i", verb, resource, &user];
        world.kubectl_as("admin.kubeconfig", &args).stdout.trim() == "yes"
    };
    assert!(can("viewer", "list", "pods") && !can("viewer", "get", "secrets"));
    assert!(!can("viewer", "delete", "pods"));
    assert!(can("editor", "get", "secrets") && can("editor", "delete", "pods"));
    assert!(!can("editor", "create", "rolebindings") && can("owner", "create", "rolebindings"));
    assert!(!can("owner", "create", "csr"));
    assert!(can("nobody", "create", "selfsubjectaccessreviews"));
}

#[test]
fn requests_are_logged() {
    let world = World::new();
    world.sandbox.clear_log();
    let path = format!("{REQUESTS}/nobody?a=b");
    send(&world.sandbox.token_kubeconfig_for("alice", &["system:masters"]), "GET", &path, None);
    let entry = LogEntry { method: "GET".into(), path, user: "alice".into(), status: 404 };
    assert_eq!(world.sandbox.log(), [entry]);
}

#[test]
fn service_accounts_authenticate_by_tokens_that_end_with_them() {
    let world = World::new();
    world.kubectl(&["create", "serviceaccount", "robot"]);
    let token = world.kubectl(&["create", "token", "robot", "--duration", "10m"]);
    let mut config: Value = serde_json::from_str(&world.sandbox.anonymous_kubeconfig()).unwrap();
    config["users"][0]["user"]["token"] = token.trim().into();
    let config = config.to_string();
    let user = whoami(&config);
    assert_eq!(user["username"], "system:serviceaccount:default:robot");
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );
    let short = world.refused(&["create", "token", "robot", "--duration", "9m"]);
    assert!(short.contains("may not specify a duration less than 10 minutes"), "{short}");
    let unknown = world.refused(&["create", "token", "nobody"]);
    assert!(unknown.contains("serviceaccounts \"nobody\" not found"), "{unknown}");
    // One of the same name is another account.
    world.kubectl(&["delete", "serviceaccount", "robot"]);
    world.kubectl(&["create", "serviceaccount", "robot"]);
    assert_eq!(send(&config, "POST", REVIEWS, Some(&json!({}))).0, 401);
}
