//! What is this? Judged by openssl and Python's cryptography.

use serde_json::Value;

use crate::cases;
use crate::trial::{Outcome, Person, Trial, plugin};

cases!(
    a_directory,
    manifests,
    a_dump,
    chains,
    objects_in_the_cluster,
    whose_context,
    keys_stay_hidden,
    names_as_they_are,
    hostile_surroundings,
    wrong_arguments,
);

/// A certificate authority and what it signs, as a cluster's installer would lay them out.
const PKI: &str = r#"set -e
mkdir -p pki/etcd manifests; umask 077
new() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout pki/$1.key -subj "$2" -out r 2>/dev/null; }
ca() { new $1 "/CN=$2"; printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n' > x
  openssl x509 -req -in r -signkey pki/$1.key -days 3650 -extfile x -out pki/$1.crt 2>/dev/null; }
leaf() { new $1 "$3"; printf "extendedKeyUsage=$4\nauthorityKeyIdentifier=keyid\n$5" > x
  openssl x509 -req -in r -CA pki/$2.crt -CAkey pki/$2.key -CAcreateserial -days $6 -extfile x -out pki/$1.crt 2>/dev/null; }
ca ca kubernetes; ca etcd/ca etcd-ca
leaf apiserver ca /CN=kube-apiserver serverAuth 'subjectAltName=DNS:kubernetes.default.svc,IP:10.96.0.1\n' 365
leaf apiserver-etcd-client etcd/ca /CN=kube-apiserver-etcd-client clientAuth '' 20
leaf node ca /O=system:nodes/CN=system:node:n1 clientAuth '' 365
openssl ecparam -name prime256v1 -genkey -noout -out sa.key; openssl pkey -in sa.key -pubout -out pki/sa.pub; mv sa.key pki/
rm r x
"#;

fn pki(trial: &Trial) -> Person {
    let person = trial.newcomer();
    person.tool("sh", &["-c", PKI]).ok();
    person
}

fn sh(person: &Person, script: &str) -> Outcome {
    person.tool("sh", &["-c", script]).ok()
}

/// The item that was found in a file.
fn item<'a>(found: &'a Value, file: &str) -> &'a Value {
    let items = found["items"].as_array().expect("items");
    let item = items.iter().find(|i| i["source"].as_str().is_some_and(|s| s.ends_with(file)));
    item.unwrap_or_else(|| panic!("{file} is not in {found}"))
}

fn codes(item: &Value) -> Vec<&str> {
    let findings = item["findings"].as_array().expect("findings").iter();
    findings.filter_map(|f| f["code"].as_str()).collect()
}

fn a_directory(trial: &Trial) {
    let person = pki(trial);
    let found = person.run(&["inspect", "pki", "-o", "json"]).ok().json();
    for file in ["ca", "apiserver", "node", "etcd/ca", "apiserver-etcd-client"] {
        let item = item(&found, &format!("pki/{file}.crt"));
        let openssl = |what: &str| {
            let command = format!("openssl x509 -in pki/{file}.crt -noout {what}");
            let out = sh(&person, &command).stdout;
            out.trim().split_once('=').map(|(_, value)| value.to_owned()).expect("a value")
        };
        let sha256 = openssl("-fingerprint -sha256").replace(':', "").to_lowercase();
        assert_eq!(item["properties"]["sha256"], sha256, "{file}");
        let serial = item["properties"]["serial"].as_str().expect("a serial number");
        let expected = openssl("-serial").to_lowercase();
        assert_eq!(serial.trim_start_matches('0'), expected.trim_start_matches('0'), "{file}");
        let end = openssl("-enddate -dateopt iso_8601").replace(' ', "T");
        assert_eq!(item["expires"], end, "{file}");
        assert_eq!(item["properties"]["privateKey"], format!("pki/{file}.key"));
        assert!(codes(item).iter().all(|c| *c == "reserved-name"), "{file}: {item}");
    }
    let profile = |file: &str| item(&found, file)["properties"]["profile"].clone();
    assert_eq!(profile("/apiserver.crt"), "apiserver");
    assert_eq!(profile("/apiserver-etcd-client.crt"), "apiserver-etcd-client");
    assert_eq!(profile("/node.crt"), "node");
    assert_eq!(item(&found, "etcd-client.crt")["properties"]["issuedBy"], "pki/etcd/ca.crt");
    assert_eq!(item(&found, "sa.pub")["properties"]["privateKey"], "pki/sa.key");

    let table = person.run(&["inspect", "pki"]).ok().stdout;
    assert_eq!(table.lines().count(), 7, "one line for each certificate or pair:\n{table}");
    for row in ["apiserver-etcd-client.crt", "etcd/ca.crt", "n1", "sa.pub"] {
        assert!(table.contains(row), "{row} in\n{table}");
    }
    person.run(&["inspect", "pki", "--expires-within", "7d"]).ok();
    let named = person.run(&["inspect", "pki", "--expires-within", "30d", "-o", "name"]).exits(4);
    assert_eq!(named.stdout, "pki/apiserver-etcd-client.crt\n");
    person
        .run(&["inspect", "pki", "--expires-within", "30d"])
        .exits(4)
        .says(&["1 of", "expire within 30d"]);

    // Faults, one after the other.
    sh(&person, "cp pki/node.key pki/apiserver.key; chmod 644 pki/sa.key");
    sh(
        &person,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout pki/self.key -subj /CN=eve -days 30 -addext basicConstraints=critical,CA:FALSE -out pki/self.crt 2>/dev/null",
    );
    let found = person.run(&["inspect", "pki", "-o", "json"]).ok().json();
    assert!(codes(item(&found, "/apiserver.crt")).contains(&"key-mismatch"));
    assert!(codes(item(&found, "/sa.key")).contains(&"key-readable"));
    assert!(codes(item(&found, "/self.crt")).contains(&"self-signed"));
    person.run(&["inspect", "pki"]).ok().prints(&["key-mismatch", "no handshake succeeds"]);
}

fn manifests(trial: &Trial) {
    let person = pki(trial);
    person.write(
        "manifests/kube-apiserver.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    \
         - --tls-cert-file=/nowhere/pki/node.crt\n    - --client-ca-file=/nowhere/pki/ca.crt\n    \
         - --etcd-cafile=/nowhere/pki/gone.crt\n",
    );
    sh(&person, "mkdir -p copy/nowhere; mv pki manifests copy/nowhere/");
    let manifest = "copy/nowhere/manifests/kube-apiserver.yaml";
    let found = person.run(&["inspect", manifest, "-o", "json"]).ok().json();
    let node = item(&found, "copy/nowhere/pki/node.crt");
    assert!(codes(node).contains(&"unfit"), "{node}");
    assert_eq!(node["properties"]["namedBy"][0], format!("{manifest} --tls-cert-file"));
    assert!(codes(item(&found, "pki/ca.crt")).is_empty());
    assert_eq!(codes(item(&found, "/nowhere/pki/gone.crt")), ["missing"]);

    // What two flags name together belongs together, and a key is no CA.
    person.write("copy/nowhere/pki/empty.crt", "");
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - etcd\n    \
         - --cert-file=/nowhere/pki/apiserver.crt\n    - --key-file=/nowhere/pki/node.key\n    \
         - --trusted-ca-file=/nowhere/pki/ca.key\n    - --peer-cert-file=/nowhere/pki/empty.crt\n    \
         - --peer-trusted-ca-file=/nowhere/pki/etcd\n";
    person.write(manifest, pod);
    let found = person.run(&["inspect", manifest, "-o", "json"]).ok().json();
    let told = |file: &str| codes(item(&found, file));
    assert!(told("pki/apiserver.crt").contains(&"key-mismatch"), "{found}");
    assert!(told("pki/ca.key").contains(&"unfit"));
    assert_eq!(told("pki/empty.crt"), ["unfit"]);
    let etcd = item(&found, "pki/etcd");
    assert!(etcd["findings"][0]["message"].as_str().expect("text").ends_with("it is a directory"));
    let right = pod.replace("node.key", "apiserver.key");
    person.write(manifest, &right);
    let found = person.run(&["inspect", manifest, "-o", "json"]).ok().json();
    assert!(!codes(item(&found, "pki/apiserver.crt")).contains(&"key-mismatch"), "{found}");
}

fn a_dump(trial: &Trial) {
    let person = pki(trial);
    let dump = person.run(&["inspect", "--text", "pki/apiserver.crt"]).ok().stdout;
    let openssl = sh(&person, "openssl x509 -in pki/apiserver.crt -noout -text").stdout;
    let squeezed = |text: &str| text.replace([':', ' ', '\n'], "");
    let (ours, theirs) = (squeezed(&dump), squeezed(&openssl));
    // The key, the signature and the identifier of the CA's key, byte for byte.
    let bytes = |text: &str, from: &str, to: &str| {
        let start = text.rfind(from).expect(from) + from.len();
        text[start..].split(to).next().unwrap_or_default().to_lowercase()
    };
    assert!(ours.contains(&bytes(&theirs, "SignatureValue", "\u{0}")));
    assert!(ours.contains(&bytes(&theirs, "pub", "ASN1OID")));
    assert!(ours.contains(&bytes(&theirs, "AuthorityKeyIdentifier", "X509v3")));
    assert!(dump.contains("DNS:kubernetes.default.svc") && dump.contains("IP:10.96.0.1"));
    person.run(&["inspect", "--text", "-o", "json", "pki/apiserver.crt"]).exits(2);

    let made = trial.newcomer();
    sh(
        &made,
        "openssl req -new -newkey rsa:2048 -nodes -keyout k -subj /CN=alice/O=dev -addext subjectAltName=DNS:x -out r 2>/dev/null",
    );
    let dump = made.run(&["inspect", "--text", "r"]).ok().stdout;
    let openssl = sh(&made, "openssl req -in r -noout -text").stdout;
    let modulus = bytes(&squeezed(&openssl), "Modulus", "Exponent");
    assert!(squeezed(&dump).contains(&modulus) && dump.contains("DNS:x"), "{dump}");
}

fn chains(trial: &Trial) {
    let person = pki(trial);
    sh(
        &person,
        "cat pki/node.crt pki/ca.crt > bundle; cat pki/ca.crt pki/node.crt pki/node.key > reversed",
    );
    let found = person.run(&["inspect", "bundle", "-o", "json"]).ok().json();
    assert_eq!(found["items"][0]["properties"]["chain"][0], "CN=kubernetes");
    let found = person.run(&["inspect", "reversed", "-o", "json"]).ok().json();
    assert!(codes(&found["items"][0]).contains(&"leaf-not-first"), "{found}");
    // A CA of the same name that did not sign it.
    sh(
        &person,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k -subj /CN=kubernetes -days 30 -out other.crt 2>/dev/null; \
         openssl req -new -key k -subj /CN=x -out r; \
         openssl x509 -req -in r -CA other.crt -CAkey k -CAcreateserial -days 3 -out x.crt 2>/dev/null",
    );
    let mixed = person.run(&["inspect", "x.crt", "pki/ca.crt", "-o", "json"]).ok().json();
    let x = item(&mixed, "x.crt");
    assert_eq!(x["properties"].get("issuedBy"), None, "{x}");
    let right = person.run(&["inspect", "x.crt", "other.crt", "-o", "json"]).ok().json();
    assert_eq!(item(&right, "x.crt")["properties"]["issuedBy"], "other.crt");
    // Signed by what is no CA, which openssl does.
    sh(
        &person,
        "openssl x509 -req -in r -CA pki/node.crt -CAkey pki/node.key -CAcreateserial -days 3 -out below.crt 2>/dev/null; \
         cat below.crt pki/node.crt pki/ca.crt > broken; \
         ! openssl verify -CAfile pki/ca.crt -untrusted pki/node.crt below.crt",
    );
    let broken = person.run(&["inspect", "broken", "-o", "json"]).ok().json();
    assert!(codes(&broken["items"][0]).contains(&"issuer-cannot-sign"), "{broken}");
}

fn objects_in_the_cluster(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("jane"));
    admin.run(&["request", "-g", "dev", "--", &user]).ok();
    let name = format!("csr/{user}");
    let found = admin.run(&["inspect", &name, "-o", "json"]).ok().json();
    assert_eq!(found["items"][0]["properties"]["state"], "Pending");
    assert_eq!(found["items"][1]["properties"]["user"], user.as_str());
    assert!(codes(&found["items"][1]).is_empty(), "{found}");
    admin.run(&["inspect", &name]).ok().prints(&["Pending", &user, "dev", "Code"]);
    admin.run(&["approve", "--yes", "--", &user]).ok();
    admin.run(&["install", "--", &user]).ok();
    // As kubectl prints names.
    let full = format!("certificatesigningrequest.certificates.k8s.io/{user}");
    let found = admin.run(&["inspect", &full, "-o", "json"]).ok().json();
    assert_eq!(found["items"][0]["properties"]["state"], "Issued");
    assert_eq!(found["items"][2]["properties"]["profile"], "user");
    // The same objects as files.
    let list = admin.kubectl(&["get", "csr", &user, "-o", "yaml"]).ok().stdout;
    let file = admin.run_with(&["inspect", "-", "-o", "json"], list.as_bytes()).ok().json();
    assert_eq!(file["items"][2]["properties"]["sha256"], found["items"][2]["properties"]["sha256"]);
}

fn whose_context(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("joe"));
    admin.run(&["create", "--yes", "--install", "--", &user]).ok();
    let context = admin.context_of(&user);
    let path =
        format!("jsonpath={{.users[?(@.name==\"{context}\")].user.client-certificate-data}}");
    let data = admin.kubectl(&["config", "view", "--raw", "-o", &path]).ok().stdout;
    admin.write("data", &data);
    sh(&admin, "base64 -d < data > joe.crt");
    let found = admin.run(&["inspect", "joe.crt", "-o", "json"]).ok().json();
    assert_eq!(found["items"][0]["properties"]["contexts"][0], context.as_str());
    admin
        .run(&["inspect", "joe.crt", "--kubeconfig", "nowhere"])
        .exits(1)
        .says(&["nowhere: no such file"]);
    let config = admin.run(&["inspect", ".kube/config", "-o", "json"]).ok().json();
    let items = config["items"].as_array().expect("items");
    let entry = items
        .iter()
        .find(|i| i["what"] == "kubeconfig user" && i["properties"]["name"] == context.as_str())
        .expect("the entry");
    assert_eq!(entry["properties"]["user"], user.as_str());
    assert_eq!(entry["properties"]["privateKey"], ".kube/config");
    assert!(codes(entry).is_empty(), "{entry}");
}

fn keys_stay_hidden(trial: &Trial) {
    let person = trial.newcomer();
    sh(
        &person,
        "openssl genpkey -algorithm ed25519 -out plain.pem; openssl genrsa -out rsa.pem 2048 2>/dev/null; \
         openssl rsa -in rsa.pem -traditional -out pkcs1.pem 2>/dev/null; openssl pkey -in rsa.pem -outform DER -out rsa.der; \
         openssl pkcs8 -topk8 -in plain.pem -passout pass:x -out encrypted.pem; openssl pkcs8 -topk8 -in rsa.pem -passout pass:x -outform DER -out encrypted.der; \
         openssl rsa -in rsa.pem -aes128 -passout pass:x -traditional -out legacy.pem 2>/dev/null; \
         openssl ecparam -name secp384r1 -genkey -out sec1.pem; mkdir all; cp *.pem *.der all",
    );
    for (file, kind) in [
        ("plain.pem", "Ed25519"),
        ("rsa.pem", "RSA-2048"),
        ("pkcs1.pem", "RSA-2048"),
        ("rsa.der", "RSA-2048"),
        ("sec1.pem", "P-384"),
        ("encrypted.pem", "encrypted"),
        ("encrypted.der", "encrypted"),
        ("legacy.pem", "encrypted"),
    ] {
        let found = person.run(&["inspect", file, "-o", "json"]).ok().json();
        assert_eq!(found["items"].as_array().expect("items").len(), 1, "{file}: {found}");
        assert_eq!(found["items"][0]["what"], "private key", "{file}");
        assert_eq!(found["items"][0]["properties"]["key"], kind, "{file}");
    }
    let secrets: Vec<String> = ["plain.pem", "rsa.pem", "sec1.pem", "encrypted.pem"]
        .iter()
        .flat_map(|f| person.read(f).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|l| l.len() > 20 && !l.starts_with('-'))
        .collect();
    let hex =
        sh(&person, "openssl pkey -in plain.pem -noout -text | sed -n 3p | tr -d ' :'").stdout;
    for args in
        [&["inspect", "all"][..], &["inspect", "all", "--text"], &["inspect", "all", "-o", "yaml"]]
    {
        let mut out = person.run(args).ok();
        for secret in secrets.iter().map(String::as_str).chain([hex.trim()]) {
            out = out.never_shows(secret);
        }
        out.never_shows(
            &hex.trim().as_bytes()[..16]
                .chunks(2)
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>()
                .join(":"),
        );
    }
}

fn hostile_surroundings(trial: &Trial) {
    let person = pki(trial);
    sh(
        &person,
        "mkfifo pki/pipe; ln -s . pki/loop; ln -s /dev/zero pki/zero; ln -s node.crt pki/current.crt; ln -s gone pki/dangling; \
         head -c 20000000 /dev/zero > pki/large; printf '\\033[31m' > pki/esc; cp pki/node.crt \"$(printf 'pki/\\033[31m.crt')\"; \
         printf -- '-----BEGIN CERTIFICATE-----\\n%s' \"$(head -c 100000 /dev/zero | tr '\\0' A)\" > pki/unended",
    );
    person.write("pki/named.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{command: [--tls-cert-file=/dev/zero, --client-ca-file=/proc/self/mem]}]}\n");
    let out = person.run(&["inspect", "pki"]).ok().never_shows("\u{1b}");
    assert_eq!(
        out.stdout.matches("current.crt").count(),
        1,
        "a link is no second file:\n{}",
        out.stdout
    );
    assert!(!out.stdout.contains("node.crt"), "{}", out.stdout);
    let found = person.run(&["inspect", "pki", "-o", "json"]).ok().json();
    assert_eq!(item(&found, "current.crt")["properties"]["links"][0], "pki/node.crt");
    assert_eq!(item(&found, "/dev/zero")["what"], "missing file");
    // What was asked for by name may be a pipe.
    let plugin = plugin().display().to_string();
    let script = "cat pki/node.crt > pki/pipe & exec \"$0\" inspect pki/pipe -o json";
    let found = person.tool("sh", &["-c", script, &plugin]).ok().json();
    assert_eq!(found["items"][0]["what"], "certificate");
}

fn wrong_arguments(trial: &Trial) {
    let person = pki(trial);
    person.write("hello", "hello\n");
    person.run(&["inspect", "hello"]).exits(1).says(&["hello: nothing recognized"]);
    person.run(&["inspect", "gone"]).exits(1).says(&["gone"]);
    // One that fails does not hide the others.
    person.run(&["inspect", "gone", "pki/ca.crt"]).exits(1).prints(&["the cluster's CA"]);
    person.run(&["inspect", "pki/ca.crt", "--expires-within", "soon"]).exits(2);
    for name in ["csr/", "csr/a/b"] {
        person.run(&["inspect", name]).exits(2).says(&["write csr/NAME"]);
    }
    person.run(&["inspect", "csr/a", "pki/ca.crt"]).exits(1).prints(&["the cluster's CA"]);
    sh(&person, "mkdir empty");
    person.run(&["inspect", "empty"]).exits(1).says(&["nothing recognized in empty"]);
}

/// Programs get the names themselves, people a form that is safe to look at.
fn names_as_they_are(trial: &Trial) {
    let person = trial.newcomer();
    let (user, group) = ("a\u{200b} 'b'", "x  y");
    let subject = format!("/O={group}/CN={user}");
    let make = "openssl req -new -utf8 -newkey ed25519 -nodes -keyout key -subj \"$0\" -out csr";
    person.tool("sh", &["-c", make, &subject]).ok();
    let found = person.run(&["inspect", "csr", "-o", "json"]);
    assert!(!found.stdout.contains('\u{200b}'), "escaped as JSON escapes it");
    let properties = &found.json()["items"][0]["properties"];
    assert_eq!(properties["user"], user);
    assert_eq!(properties["groups"], serde_json::json!([group]));
    let shown = person.run(&["inspect", "csr"]).stdout;
    assert!(!shown.contains('\u{200b}') && !shown.contains(group), "{shown}");
}
