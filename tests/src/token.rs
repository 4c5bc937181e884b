//! Tokens of service accounts: made on request and recognized, after `pkg/registry/core/serviceaccount/storage/token.go`,
//! `pkg/apis/authentication/validation` and `pkg/serviceaccount`.

use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::answer::{self, Body};
use crate::api::{
    Kind, Object, Resource, TOKEN_REQUEST, Time, TokenRequest, TokenRequestStatus, Values,
    with_type,
};
use crate::cluster::new_uid;
use crate::codec::Payload;
use crate::rest::Call;
use crate::status::{FieldError, Result, Status};
use crate::store::Store;
use crate::user::User;

const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// The key that signs tokens, and how long they may last.
pub(crate) struct Issuer {
    key: EcdsaKeyPair,
    most: Option<i64>,
}

impl Issuer {
    pub(crate) fn generate(most: Option<Duration>) -> std::result::Result<Self, Unspecified> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(Self { key, most: most.and_then(|it| i64::try_from(it.as_secs()).ok()) })
    }

    fn sign(&self, claims: &Value) -> std::result::Result<String, Unspecified> {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "JWT"})), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that this issuer has signed.
    fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        key.verify(signed.as_bytes(), &signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// Whose token it is: signed here, for this server, not expired, and of an account that is still there.
    pub(crate) fn user(&self, store: &Store, token: &str) -> Option<User> {
        let claims = self.claims(token)?;
        let here = claims["aud"].as_array()?.iter().any(|it| it == AUDIENCE);
        let account = &claims["kubernetes.io"]["serviceaccount"];
        let (namespace, name) =
            (claims["kubernetes.io"]["namespace"].as_str()?, account["name"].as_str()?);
        let stored = store.get(Resource::of(Kind::ServiceAccount)?, namespace, name)?;
        let alive = account["uid"] == stored.meta().uid.as_str();
        if !here || !alive || Time::now().seconds >= claims["exp"].as_i64()? {
            return None;
        }
        let groups =
            ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        let mut user = User::new(&format!("system:serviceaccount:{namespace}:{name}"), &groups);
        user.uid = stored.meta().uid.clone();
        let id = Values { items: vec![format!("JTI={}", claims["jti"].as_str()?)] };
        user.extra.insert(CREDENTIAL_ID.into(), id);
        Some(user)
    }
}

/// Answers a TokenRequest for the service account that the path names.
pub(crate) fn create(call: &Call<'_>, payload: &Payload) -> Result<Response<Body>> {
    let mut request: TokenRequest = payload.question(&TOKEN_REQUEST)?;
    let account = {
        let store = call.cluster.store();
        let found = store.get(call.resource, call.namespace(), &call.target.name);
        found.ok_or_else(|| Status::not_found(call.resource, &call.target.name))?
    };
    let asked = *request.spec.expiration_seconds.get_or_insert(3600);
    let wrong = match asked {
        ..SHORTEST => Some("may not specify a duration less than 10 minutes"),
        SHORTEST..=LONGEST => None,
        _ => Some("may not specify a duration larger than 2^32 seconds"),
    };
    if let Some(why) = wrong {
        let error = FieldError::invalid("spec.expirationSeconds", &asked.to_string(), why);
        return Err(Status::invalid(&TOKEN_REQUEST, "", &[error]));
    }
    let issuer = &call.cluster.token_issuer;
    let granted = issuer.most.map_or(asked, |most| asked.min(most));
    if request.spec.audiences.is_empty() {
        request.spec.audiences.push(AUDIENCE.into());
    }
    let now = Time::now().seconds;
    let Object::ServiceAccount(account) = account.as_ref() else {
        return Err(Status::no_such_path());
    };
    let meta = &account.metadata;
    let token = issuer.sign(&json!({
        "aud": request.spec.audiences,
        "exp": now + granted,
        "iat": now,
        "iss": AUDIENCE,
        "jti": new_uid(),
        "kubernetes.io": {
            "namespace": meta.namespace,
            "serviceaccount": {"name": meta.name, "uid": meta.uid},
        },
        "nbf": now,
        "sub": format!("system:serviceaccount:{}:{}", meta.namespace, meta.name),
    }));
    let token = token.map_err(|_| Status::unexpected("the token cannot be signed"))?;
    let expires = Time { seconds: now + granted, nanos: 0 };
    request.status = TokenRequestStatus { token, expiration_timestamp: Some(expires) };
    request.spec.expiration_seconds = Some(granted);
    request.metadata.name.clone_from(&meta.name);
    request.metadata.namespace.clone_from(&meta.namespace);
    request.metadata.creation_timestamp = Some(Time::now());
    let json = serde_json::to_value(&request).unwrap_or(Value::Null);
    let json = with_type("TokenRequest", &TOKEN_REQUEST.api_version(), json);
    let response = answer::json(StatusCode::CREATED, &json);
    if granted == asked {
        return Ok(response);
    }
    let warning = format!("requested expiration of {asked} seconds shortened to {granted} seconds");
    Ok(answer::warn(response, &[warning]))
}
