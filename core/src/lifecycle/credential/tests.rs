use super::*;
use crate::x509::testing::expired;

/// Valid from `start` for `seconds`; `jitter` makes another fingerprint.
fn leaf(start: i64, seconds: i64, jitter: u8) -> Certificate {
    let mut leaf = expired();
    leaf.der.push(jitter);
    leaf.not_before = UnixTime(start);
    leaf.not_after = UnixTime(start + seconds);
    leaf
}

#[test]
fn certificates_are_renewed_between_70_and_90_percent_and_apart() {
    let mut points: Vec<i64> =
        (0..100).map(|jitter| renewal_point(&leaf(1000, 1_000_000, jitter)).0 - 1000).collect();
    points.sort_unstable();
    assert!(points.iter().all(|point| (700_000..=900_000).contains(point)), "{points:?}");
    assert!(points[25] < 770_000 && points[75] > 830_000, "{points:?}");
    let again = renewal_point(&leaf(1000, 1_000_000, 7));
    assert_eq!(again, renewal_point(&leaf(1000, 1_000_000, 7)), "the same for every process");
}

#[test]
fn short_certificates_are_renewed_with_minutes_left() {
    for jitter in 0..20 {
        // Ten minutes, and five before them.
        assert_eq!(renewal_point(&leaf(0, 900, jitter)), UnixTime(630));
        let hour = renewal_point(&leaf(0, 3900, jitter)).0;
        assert!((2730..=3510).contains(&hour));
    }
    assert_eq!(renewal_point(&leaf(50, -10, 0)), UnixTime(50));
    assert!(renewal_point(&leaf(0, i64::MAX, 0)).0 > i64::MAX / 10 * 7);
}

#[test]
fn a_fresh_certificate_is_kept_until_its_renewal() {
    let leaf = leaf(0, 900, 0);
    assert_eq!(step(&leaf, None, UnixTime(-5)), Step::Answer(UnixTime(630)));
    assert_eq!(step(&leaf, None, UnixTime(629)), Step::Answer(UnixTime(630)));
    assert_eq!(step(&leaf, None, UnixTime(630)), Step::Renew);
    assert_eq!(step(&leaf, None, UnixTime(899)), Step::Renew);
    assert_eq!(step(&leaf, None, UnixTime(900)), Step::Expired);
}

#[test]
fn between_attempts_the_old_one_serves_for_a_while() {
    let leaf = leaf(0, 900, 0);
    let next = next_attempt(&leaf, 1, UnixTime(700));
    assert_eq!(next, UnixTime(710));
    let attempts = |next| Attempts {
        certificate: leaf.fingerprint(),
        failures: 1,
        next,
        why: "no answer".to_owned(),
    };
    assert_eq!(step(&leaf, Some(&attempts(next)), UnixTime(701)), Step::Answer(UnixTime(750)));
    assert_eq!(step(&leaf, Some(&attempts(next)), UnixTime(710)), Step::Renew);
    let wrong = attempts(UnixTime(1_000_000));
    assert_eq!(step(&leaf, Some(&wrong), UnixTime(701)), Step::Renew, "a clock was wrong");
    let other = Attempts { certificate: "other".to_owned(), ..attempts(next) };
    assert_eq!(step(&leaf, Some(&other), UnixTime(701)), Step::Renew);
    for now in 630..899 {
        let until = meanwhile(&leaf, UnixTime(now));
        assert!(UnixTime(now) < until && until < leaf.not_after || now == 898, "{now}");
    }
}

#[test]
fn attempts_come_ever_later_but_several_times() {
    let day = leaf(0, 86_400, 0);
    let pause = |failures, now| next_attempt(&day, failures, UnixTime(now)).0 - now;
    let pauses = [1, 2, 3, 4, 9, 40].map(|failures| pause(failures, 70_000));
    assert_eq!(pauses, [10, 20, 40, 80, 2050, 2050]);
    assert_eq!(pause(40, 86_390), 10);
    let year = leaf(0, 365 * 86_400, 0);
    assert_eq!(next_attempt(&year, 40, UnixTime(0)), UnixTime(3_600));
    assert_eq!(next_look(&year, UnixTime(0)), UnixTime(120));
    assert_eq!(next_look(&day, UnixTime(86_390)), UnixTime(86_400));
}

fn stored() -> StoredCredential {
    StoredCredential {
        context: "alice@prod".to_owned(),
        server: "https://a:6443".to_owned(),
        certificate_authority: Some(expired().to_pem()),
        tls_server_name: None,
        proxy_url: None,
        signer_name: "example.com/s".to_owned(),
        certificate: expired().to_pem(),
        key: Zeroizing::new("KEY".to_owned()),
    }
}

fn info(cluster: &Value) -> String {
    json!({ "apiVersion": API_VERSION, "kind": "ExecCredential",
            "spec": { "interactive": false, "cluster": cluster } })
    .to_string()
}

#[test]
fn only_the_cluster_that_it_is_for_is_answered() {
    let stored = stored().endpoint();
    let ca = stored.body()["certificate-authority-data"].clone();
    let good =
        json!({ "server": "https://a:6443/", "certificate-authority-data": ca, "config": {} });
    let check = |cluster: &Value| {
        let file = |path: &str| (path == "ca.crt").then(|| expired().to_pem().into_bytes());
        check_cluster(&stored, &client_cluster(Some(&info(cluster)), file)?)
    };
    let with = |field: &str, value: Value| {
        let mut cluster = good.clone();
        cluster[field] = value;
        check(&cluster)
    };
    assert_eq!(check(&good), Ok(()));
    let by_path = json!({ "server": "https://a:6443", "certificate-authority": "ca.crt" });
    assert_eq!(check(&by_path), Ok(()));
    assert_eq!(with("server", "https://b:6443".into()), Err(ClusterMismatch::Server));
    assert_eq!(with("tls-server-name", "b".into()), Err(ClusterMismatch::Server));
    let insecure = with("insecure-skip-tls-verify", true.into());
    assert_eq!(insecure, Err(ClusterMismatch::Insecure));
    let other = include_str!("../../../tests/data/leaf-v3.pem");
    let other = Endpoint { ca_pem: Some(other.into()), ..stored.clone() }.body();
    assert_eq!(check(&other), Err(ClusterMismatch::Authority));
    assert_eq!(check(&json!({ "server": "https://a:6443" })), Err(ClusterMismatch::Authority));
    for malformed in
        [json!({}), json!({ "server": "https://a:6443", "certificate-authority": "x" })]
    {
        assert!(matches!(check(&malformed), Err(ClusterMismatch::Malformed(_))));
    }
    let none = |_: &str| None;
    assert_eq!(client_cluster(None, none), Err(ClusterMismatch::Untold));
    assert_eq!(client_cluster(Some(&info(&Value::Null)), none), Err(ClusterMismatch::Untold));
    let old = info(&good).replace("k8s.io/v1", "k8s.io/v1beta1");
    assert!(matches!(client_cluster(Some(&old), none), Err(ClusterMismatch::Malformed(_))));
}

#[test]
fn the_answer_and_the_stored_form() {
    let text = serde_json::to_string(&stored()).unwrap();
    let read: StoredCredential = serde_json::from_str(&text).unwrap();
    assert_eq!((read.key.as_str(), read.endpoint()), ("KEY", stored().endpoint()));
    assert!(!format!("{read:?}").contains("KEY"));
    let answer: Value = serde_json::from_str(&answer(&read, UnixTime(0))).unwrap();
    assert_eq!(answer["apiVersion"], API_VERSION);
    assert_eq!(answer["kind"], "ExecCredential");
    assert_eq!(answer["status"]["expirationTimestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(answer["status"]["clientKeyData"], "KEY");
    assert_eq!(answer["status"]["clientCertificateData"], expired().to_pem());
}
