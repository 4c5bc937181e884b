//! A node's `/etc/kubernetes` that was copied here, whatever is here.

use crate::person::Person;

const MANIFEST: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --client-ca-file=/etc/kubernetes/pki/ca.crt
    - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
    - --tls-private-key-file=/etc/kubernetes/pki/apiserver.key
    - --etcd-cafile=/mounted/etcd-ca.crt
    volumeMounts: [{name: pki, mountPath: /mounted}]
  volumes: [{name: pki, hostPath: {path: /etc/kubernetes/pki}}]
";

#[test]
fn files_that_the_manifests_name_are_found_in_the_copy() {
    let person = Person::new();
    person.write("copy/etc/kubernetes/manifests/kube-apiserver.yaml", MANIFEST.as_bytes());
    let pki = person.path("copy").join("etc").join("kubernetes").join("pki");
    std::fs::create_dir_all(&pki).unwrap();
    let file = |name: &str| pki.join(name).to_str().unwrap().to_owned();
    let (cert, key) = (file("ca.crt"), file("ca.key"));
    person.run(&["ca", "init", "--name", "kubernetes", "--ca-cert", &cert, "--ca-key", &key]).ok();
    let ca = ["--ca-cert", &cert, "--ca-key", &key, "--yes"];
    let (server_key, server) = (file("apiserver.key"), file("apiserver.crt"));
    let sign = ["ca", "sign", "--profile", "apiserver", "--san", "10.0.0.1"];
    person.run(&[&sign[..], &ca, &["--new-key", &server_key, "--out", &server]].concat()).ok();

    let told = person.run(&["inspect", "copy", "-o", "json"]);
    let missing: Vec<&str> =
        told.stdout.lines().filter(|line| line.contains("it does not exist")).collect();
    let [one] = missing.as_slice() else { panic!("{told:#?}") };
    assert!(one.contains("--etcd-cafile"), "{one}");
    // As the manifest names it: a path of the node.
    assert!(told.stdout.contains("\"/etc/kubernetes/pki/etcd-ca.crt\""), "{told:#?}");
    std::fs::copy(&cert, pki.join("etcd-ca.crt")).unwrap();
    let told = person.run(&["inspect", "copy", "-o", "json"]);
    assert!(!told.stdout.contains("it does not exist"), "{told:#?}");
}
