//! From any bytes to the things in them: PEM, DER, base64, YAML, JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Finding, Found, PrivateKey, Severity, Thing, Unknown, kubeconfig};
use crate::api::csr::{self, Object};
use crate::encoding::der;
use crate::encoding::pem::{self, Block};
use crate::encoding::yaml::{self, YamlError};
use crate::exchange::request_file;
use crate::text::{show, show_short};
use crate::x509::certificate::{self, Certificate};
use crate::x509::key::{self, PrivateKeyError, PublicKey};
use crate::x509::pkcs10::{self, CertificateRequest};

/// How often base64 is taken off.
const LAYERS: u8 = 3;
/// The page does without UTF-16 and without several things in one DER file.
const RARE_FORMS: bool = cfg!(feature = "rare-forms");
/// Base64 of any PEM block is longer.
const SHORT: usize = 64;
/// Things that are looked for in a text of any size, and how many of its bytes allow for one more: a
/// certificate and the entry of a user with any credential take more than that.
const THINGS: usize = 1_000;
const BYTES_PER_THING: usize = 64;
/// A label of OpenSSL's early days.
const OLD_CERTIFICATE: &str = "X509 CERTIFICATE";
const BEGIN: &str = "-----BEGIN ";
/// How DER of the object identifiers of encrypted PKCS#8 keys begins (PBES1, PBES2, and that of
/// PKCS#12), and that of PKCS#7 signed data.
const ENCRYPTED: [&[u8]; 2] =
    [b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01"];
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// Everything that is found in `input`, in order.
///
/// # Errors
/// When there is nothing known.
pub fn read(input: &[u8]) -> Result<Vec<Found>, Unknown> {
    let most = THINGS.saturating_add(input.len() / BYTES_PER_THING);
    let mut reader = Reader { found: Vec::new(), group: 0, most, cut: false, broken: None };
    // As Windows PowerShell writes files; kubectl reads that in kubeconfigs.
    let utf16 = RARE_FORMS && matches!(input, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    match utf16.then(|| request_file::decode(input)).flatten() {
        Some(text) => {
            reader.bytes(Zeroizing::new(text).as_bytes(), LAYERS);
            reader.mark(
                "utf-16",
                "it is written in UTF-16: save it as UTF-8, or most programs cannot read it",
            );
        }
        None => reader.bytes(input, LAYERS),
    }
    if reader.cut {
        let read = reader.found.len();
        let error = format!("there are more things in it; only the first {read} were read");
        reader.group();
        reader.push(Thing::Unreadable { name: "rest".to_owned(), error, der: Vec::new() });
    }
    match reader.broken {
        _ if !reader.found.is_empty() => Ok(reader.found),
        Some(error) => Err(Unknown::Yaml(error)),
        None => Err(Unknown::Other),
    }
}

/// What was found so far.
pub(super) struct Reader {
    pub(super) found: Vec<Found>,
    group: usize,
    /// How many things are looked for.
    most: usize,
    /// Whether there were more.
    cut: bool,
    /// Why what looked like an object could not be read.
    broken: Option<YamlError>,
}

impl Reader {
    /// Whether more things are looked for; asked when there is one more.
    pub(super) fn goes_on(&mut self) -> bool {
        let goes_on = self.found.len() < self.most;
        self.cut |= !goes_on;
        goes_on
    }

    fn bytes(&mut self, input: &[u8], layers: u8) {
        if input.first() == Some(&0x30) {
            self.group();
            let mut things: Vec<Thing> = from_der(input).into_iter().collect();
            if things.is_empty() && RARE_FORMS {
                things = several(input);
            }
            things.into_iter().for_each(|thing| self.push(thing));
            if !self.found.is_empty() {
                return;
            }
        }
        let text = std::str::from_utf8(input).ok();
        // Long bundles are not read as YAML first.
        if let Some(text) = text.filter(|t| t.contains("apiVersion")) {
            self.broken = self.yaml(text).err();
        }
        if !self.found.is_empty() {
            return;
        }
        self.group();
        self.pem(input);
        let Some(text) = text.filter(|_| self.found.is_empty()) else { return };
        if text.contains(BEGIN) {
            self.damaged_pem(text);
        }
        if self.found.is_empty() && !text.contains("apiVersion") {
            // Nothing says that it is meant to be YAML.
            let _ = self.yaml(text);
        }
        if self.found.is_empty() && layers > 0 {
            let compact = without_space(text);
            if let Some(inner) = STANDARD.decode(&*compact).ok().filter(|inner| !inner.is_empty()) {
                self.bytes(&Zeroizing::new(inner), layers - 1);
            }
        }
    }

    /// From here on things belong together.
    pub(super) fn group(&mut self) {
        self.group += 1;
    }

    pub(super) fn push(&mut self, thing: Thing) {
        let (group, about) = (self.group, Map::new());
        self.found.push(Found { thing, role: None, about, group, findings: Vec::new() });
    }

    /// All blocks of PEM text, and that there are others where programs pass over some.
    pub(super) fn pem(&mut self, data: &[u8]) {
        let blocks = pem::all(data);
        let found = blocks.len();
        for block in blocks {
            if !self.goes_on() {
                return;
            }
            self.block(block);
        }
        let begins = |line: &&[u8]| {
            let quoted = line.iter().position(|b| !b"> \t".contains(b)).unwrap_or(line.len());
            line[quoted..].starts_with(BEGIN.as_bytes())
        };
        let begun = match found {
            0 => 0,
            _ => data.split(|b| *b == b'\n').filter(begins).count(),
        };
        if begun > found {
            let error = format!(
                "{} of {begun} PEM blocks are damaged, cut off, indented or quoted: programs pass over them",
                begun - found
            );
            let name = "PEM block".to_owned();
            self.push(Thing::Unreadable { name, error, der: Vec::new() });
        }
    }

    /// Adds a finding to all that was found.
    fn mark(&mut self, code: &'static str, message: &str) {
        for found in &mut self.found {
            let message = message.to_owned();
            found.findings.push(Finding { code, severity: Severity::Warn, message });
        }
    }

    /// PEM that Go's reader passes over, as it stands indented or quoted in mails and in YAML.
    fn damaged_pem(&mut self, text: &str) {
        let Some(clean) = request_file::clean(text.as_bytes()) else { return };
        let unindented: String = clean.lines().map(|l| format!("{}\n", l.trim())).collect();
        self.pem(unindented.as_bytes());
        let why = match text {
            text if text.starts_with('\u{feff}') => "a byte order mark stands before its PEM",
            text if text.contains('\r') && !text.contains('\n') => "its lines end with CR only",
            _ => "its PEM is indented or quoted",
        };
        let message = format!(
            "{why}, so that kubectl and the API server do not find it: begin each line at the margin, and save it as plain text"
        );
        self.mark("indented-pem", &message);
    }

    fn block(&mut self, block: Block) {
        let Block { label, has_headers, der } = block;
        let unreadable = |error: String| Thing::Unreadable {
            name: show_short(&label, 40),
            error,
            der: der.clone(),
        };
        let other = |meaning| Thing::Other { name: show_short(&label, 40), meaning };
        let mut odd = None;
        let thing = match label.as_str() {
            // openssl writes them before an EC key; they say nothing that the key does not say.
            "EC PARAMETERS" => return,
            certificate::LABEL | OLD_CERTIFICATE => {
                if label != certificate::LABEL {
                    odd = Some((
                        "old-label",
                        "programs of Kubernetes pass over the label X509 CERTIFICATE: leave out X509",
                    ));
                } else if has_headers {
                    odd = Some((
                        "pem-headers",
                        "headers stand in its PEM block: Go passes over it in CA files, and the API server refuses it as an issued certificate",
                    ));
                }
                match Certificate::from_der(&der) {
                    Ok(certificate) => Thing::Certificate(Box::new(certificate)),
                    Err(error) => unreadable(error.to_string()),
                }
            }
            pkcs10::LABEL | "NEW CERTIFICATE REQUEST" => {
                if label != pkcs10::LABEL {
                    odd = Some((
                        "old-label",
                        "the API server refuses the label NEW CERTIFICATE REQUEST: leave out NEW",
                    ));
                }
                match CertificateRequest::from_der(&der) {
                    Ok(request) => Thing::Request(Box::new(request)),
                    Err(error) => unreadable(error.to_string()),
                }
            }
            "PUBLIC KEY" => match PublicKey::from_spki(&der) {
                Some(key) => Thing::PublicKey(key),
                None => unreadable("it is no SubjectPublicKeyInfo".to_owned()),
            },
            "TRUSTED CERTIFICATE" => {
                other("a form of certificate that only OpenSSL reads, Kubernetes does not")
            }
            "X509 CRL" => other("a revocation list; Kubernetes looks at none"),
            "PKCS7" | "CMS" => from_pkcs7(),
            "OPENSSH PRIVATE KEY" => other("a private key for SSH, of no use for TLS"),
            l if l.ends_with("PRIVATE KEY") => {
                let der = Zeroizing::new(der);
                let key = match has_headers || l.starts_with("ENCRYPTED") {
                    true => Err(PrivateKeyError::Encrypted),
                    false => key::to_pkcs8(Zeroizing::new(pem::encode(l, &der)).as_bytes()),
                };
                private_key(key)
            }
            _ => other("nothing that Kubernetes uses"),
        };
        self.push(thing);
        if let (Some((code, message)), Some(found)) = (odd, self.found.last_mut()) {
            let message = message.to_owned();
            found.findings.push(Finding { code, severity: Severity::Warn, message });
        }
    }

    fn yaml(&mut self, text: &str) -> Result<(), YamlError> {
        for value in yaml::parse_all(text)? {
            self.value(&value, None);
        }
        Ok(())
    }

    /// An object, or a list of them; `kind` is that of an item that carries none.
    fn value(&mut self, value: &Value, kind: Option<&str>) {
        if !self.goes_on() {
            return;
        }
        let word = |key: &str| value.get(key).and_then(Value::as_str);
        let list = |key: &str| value.get(key).is_some_and(Value::is_array);
        let kind = word("kind").or(kind).unwrap_or_default();
        if kind == csr::KIND {
            self.object(value);
        } else if kind == "Config" || (list("users") && list("clusters") && list("contexts")) {
            kubeconfig::read(self, value);
        } else if let (Some(items), true) =
            (value.get("items").and_then(Value::as_array), kind.ends_with("List"))
        {
            for item in items {
                self.value(item, kind.strip_suffix("List").filter(|k| !k.is_empty()));
            }
        } else if value.is_object() || value.is_array() {
            let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let owner = match (kind, name) {
                ("", _) => String::new(),
                (kind, "") => show_short(kind, 60),
                (kind, name) => format!("{} {}", show_short(kind, 60), show_short(name, 100)),
            };
            self.strings(value, &owner, None);
        }
    }

    /// PEM in the texts of any object: Secrets, ConfigMaps, webhooks, ….
    fn strings(&mut self, value: &Value, owner: &str, place: Option<&Place<'_>>) {
        self.group();
        let steps: Vec<(Step<'_>, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, v)| (Step::Key(key), v)).collect(),
            Value::Array(list) => list.iter().enumerate().map(|(i, v)| (Step::At(i), v)).collect(),
            _ => Vec::new(),
        };
        for (step, value) in &steps {
            let Value::String(text) = value else { continue };
            let from = self.found.len();
            if text.contains(BEGIN) {
                self.pem(text.as_bytes());
            } else if text.len() >= SHORT {
                let inner = STANDARD.decode(&*without_space(text)).unwrap_or_default();
                let inner = Zeroizing::new(inner);
                self.pem(&inner);
                let secret = owner.starts_with("Secret") && inner.first() == Some(&0x30);
                if let Some(thing) = Some(&inner).filter(|_| secret).and_then(|der| from_der(der)) {
                    self.push(thing);
                }
            }
            for found in self.found.iter_mut().skip(from) {
                if !owner.is_empty() {
                    found.about.insert("object".to_owned(), owner.into());
                }
                let field = Place { above: place, step: *step }.shown();
                found.about.insert("field".to_owned(), field.into());
            }
        }
        // What stands side by side belongs together, so what lies deeper comes afterwards.
        for (step, value) in steps.into_iter().filter(|(_, v)| v.is_object() || v.is_array()) {
            self.strings(value, owner, Some(&Place { above: place, step }));
        }
    }

    fn object(&mut self, value: &Value) {
        self.group();
        let object = match Object::from_item(value) {
            Ok(object) => object,
            Err(error) => {
                let name = csr::KIND.to_owned();
                return self.push(Thing::Unreadable {
                    name,
                    error: error.to_string(),
                    der: Vec::new(),
                });
            }
        };
        let about = |found: &mut Found| {
            let name = Value::String(show(&object.metadata.name));
            found.about.insert(csr::KIND.to_owned(), name);
        };
        let request = object.certificate_request();
        let certificate = object.certificate_pem().unwrap_or_default();
        let from = self.found.len() + 1;
        self.push(Thing::Object(Box::new(object.clone())));
        match request {
            Ok(request) => self.push(Thing::Request(Box::new(request))),
            Err(error) => {
                let name = pkcs10::LABEL.to_owned();
                self.push(Thing::Unreadable { name, error: error.to_string(), der: Vec::new() });
            }
        }
        self.pem(&certificate);
        self.found.iter_mut().skip(from).for_each(about);
    }
}

/// Base64 in one line; it may be that of a key.
pub(super) fn without_space(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len()));
    line.extend(text.chars().filter(|c| !c.is_whitespace()));
    line
}

/// A step into an object.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    At(usize),
}

/// Where in an object; written out only where something is found.
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    step: Step<'a>,
}

impl Place<'_> {
    fn shown(&self) -> String {
        let above = self.above.map(Place::shown).unwrap_or_default();
        match self.step {
            Step::At(i) => format!("{above}[{i}]"),
            Step::Key(key) if above.is_empty() => show_short(key, 60),
            Step::Key(key) => format!("{above}.{}", show_short(key, 60)),
        }
    }
}

fn from_der(der: &[u8]) -> Option<Thing> {
    if let Ok(certificate) = Certificate::from_der(der) {
        return Some(Thing::Certificate(Box::new(certificate)));
    }
    if let Ok(request) = CertificateRequest::from_der(der) {
        return Some(Thing::Request(Box::new(request)));
    }
    if let Some(key) = PublicKey::from_spki(der) {
        return Some(Thing::PublicKey(key));
    }
    match key::to_pkcs8(der) {
        Err(PrivateKeyError::NotAKey) => {}
        key => return Some(private_key(key)),
    }
    // What follows is told by the object identifier behind a few bytes of lengths and versions.
    let begins_with = |oid: &[u8]| {
        let start = der.get(..der.len().min(oid.len() + 16)).unwrap_or_default();
        start.windows(oid.len()).any(|w| w == oid)
    };
    if ENCRYPTED.into_iter().any(begins_with) {
        return Some(private_key(Err(PrivateKeyError::Encrypted)));
    }
    if begins_with(SIGNED_DATA) {
        return Some(from_pkcs7());
    }
    begins_with(DATA).then(|| Thing::Other {
        name: "PKCS#12 store".to_owned(),
        meaning: "keys and certificates under a password; take it apart with: openssl pkcs12 -in FILE -nodes",
    })
}

/// Certificates one after the other, and what a newline follows.
fn several(der: &[u8]) -> Vec<Thing> {
    if let Some(thing) = der.strip_suffix(b"\n").and_then(from_der) {
        return vec![thing];
    }
    let mut reader = der::Reader::new(der);
    let parts: Vec<_> = reader.by_ref().collect();
    let read = parts.iter().map(|part| Certificate::from_der(part.whole).ok());
    let certificates: Option<Vec<_>> = read.collect();
    let certificates = certificates.filter(|_| reader.is_empty()).unwrap_or_default();
    certificates.into_iter().map(|c| Thing::Certificate(Box::new(c))).collect()
}

fn from_pkcs7() -> Thing {
    Thing::Other {
        name: "PKCS#7 bundle".to_owned(),
        meaning: "Kubernetes does not read it; take the certificates out with: openssl pkcs7 -in FILE -print_certs",
    }
}

fn private_key(key: Result<Zeroizing<Vec<u8>>, PrivateKeyError>) -> Thing {
    let kind = match &key {
        Ok(pkcs8) => {
            key::kind_of_pkcs8(pkcs8).ok_or(PrivateKeyError::Malformed("its kind cannot be told"))
        }
        Err(PrivateKeyError::Encrypted) => Err(PrivateKeyError::Encrypted),
        Err(PrivateKeyError::UnsupportedCurve) => Err(PrivateKeyError::UnsupportedCurve),
        Err(PrivateKeyError::NotAKey) => Err(PrivateKeyError::NotAKey),
        Err(PrivateKeyError::Malformed(what)) => Err(PrivateKeyError::Malformed(what)),
    };
    Thing::PrivateKey(PrivateKey { pkcs8: key.unwrap_or_default(), kind })
}

#[cfg(test)]
mod tests;
