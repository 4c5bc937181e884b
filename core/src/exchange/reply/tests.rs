use super::*;

fn reply() -> Reply {
    let pem = include_bytes!("../../../tests/data/expired.pem");
    let chain = Certificate::chain_from_pem(pem).unwrap();
    Reply {
        server: "https://10.0.0.1:6443".to_owned(),
        ca: chain.clone(),
        tls_server_name: Some("kubernetes".to_owned()),
        chain,
        cluster_name: "prod".to_owned(),
        context_name: "old@prod".to_owned(),
        namespace: Some("team-a".to_owned()),
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let reply = reply();
    let text = reply.to_text().unwrap();
    assert_eq!(Reply::parse(text.as_bytes()).unwrap(), reply);
    assert!(!text.contains(&reply.code().short()), "it would prove nothing");
    assert!(!text.contains("PRIVATE"));
    let crlf = text.replace('\n', "\r\n");
    assert_eq!(Reply::parse(crlf.as_bytes()).unwrap(), reply);
}

#[test]
fn the_code_covers_whatever_ends_up_in_a_kubeconfig() {
    type Change = fn(&mut Reply);
    let changes: [Change; 9] = [
        |r| r.server.push('0'),
        |r| r.ca.clear(),
        |r| r.ca[0].der.push(0),
        |r| r.tls_server_name = None,
        |r| r.chain[0].der.push(0),
        |r| r.chain.push(r.ca[0].clone()),
        |r| r.cluster_name.push('x'),
        |r| r.context_name.push('x'),
        |r| r.namespace = None,
    ];
    let mut codes = vec![reply().code()];
    for change in changes {
        let mut other = reply();
        change(&mut other);
        assert!(!codes.contains(&other.code()));
        codes.push(other.code());
    }
}

#[test]
fn names_cannot_break_out_of_the_comment_or_the_command() {
    let mut reply = reply();
    reply.context_name = "x'; rm -rf ~; '".to_owned();
    let text = reply.to_text().unwrap();
    // On Windows words are quoted otherwise, which `text::shell` tests.
    if cfg!(windows) {
        assert!(text.contains(&format!("-- {}", crate::text::shell_word(&reply.context_name))));
    } else {
        assert!(text.contains(r"-- 'x'\''; rm -rf ~; '\'''"));
    }
    reply.context_name = "x\nusers: []".to_owned();
    let text = reply.to_text().unwrap();
    assert!(text.lines().all(|l| !l.starts_with("users: []")));
    assert!(Reply::parse(text.as_bytes()).is_err(), "a hidden character in a name");
}

#[test]
fn everything_that_kubectl_would_act_on_is_refused_by_name() {
    let text = reply().to_text().unwrap();
    let value = yaml::parse(&text).unwrap();
    for (pointer, key) in [
        ("/users/0/user", "exec"),
        ("/users/0/user", "auth-provider"),
        ("/users/0/user", "token"),
        ("/users/0/user", "tokenFile"),
        ("/users/0/user", "username"),
        ("/users/0/user", "password"),
        ("/users/0/user", "as"),
        ("/users/0/user", "as-user-extra"),
        ("/users/0/user", "client-certificate"),
        ("/users/0/user", "client-key"),
        ("/users/0/user", "client-key-data"),
        ("/users/0", "extensions"),
        ("/clusters/0/cluster", "proxy-url"),
        ("/clusters/0/cluster", "insecure-skip-tls-verify"),
        ("/clusters/0/cluster", "certificate-authority"),
        ("/clusters/0/cluster", "disable-compression"),
        ("/contexts/0/context", "extensions"),
        ("", "extensions"),
    ] {
        let mut hostile = value.clone();
        hostile.pointer_mut(pointer).unwrap()[key] = "x".into();
        let error = Reply::parse(hostile.to_string().as_bytes()).unwrap_err();
        assert!(
            matches!(&error, ReplyError::Forbidden { field, .. } if field.ends_with(key)),
            "{key}: {error}"
        );
    }
    let mut second = value.clone();
    let user = second["users"][0].clone();
    second["users"].as_array_mut().unwrap().push(user);
    assert!(matches!(
        Reply::parse(second.to_string().as_bytes()),
        Err(ReplyError::Forbidden { .. })
    ));
}

#[test]
fn only_a_ca_is_a_ca() {
    let mut reply = reply();
    let mut other = reply.ca.clone();
    // A version 3 certificate could declare itself a CA; this one does not.
    let v3 = include_bytes!("../../../tests/data/leaf-v3.pem");
    other.extend(Certificate::chain_from_pem(v3).unwrap());
    reply.ca = other;
    let error = Reply::parse(reply.to_text().unwrap().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("that is not a CA (CN=leaf)"), "{error}");
}

#[test]
fn servers_that_hide_where_they_lead_are_refused() {
    let text = reply().to_text().unwrap();
    for server in [
        "http://10.0.0.1:6443",
        "https://",
        "https://good@evil",
        "https://a b",
        "https://a\\b",
        "https://a?x",
        "https://ex%61mple.com",
        "https://a/%2e%2e",
        "10.0.0.1:6443",
    ] {
        let mut value = yaml::parse(&text).unwrap();
        value["clusters"][0]["cluster"]["server"] = server.into();
        assert!(Reply::parse(value.to_string().as_bytes()).is_err(), "{server}");
    }
}
