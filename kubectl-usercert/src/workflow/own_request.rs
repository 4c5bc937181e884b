//! A request of one's own: what it asks for, its key, and the files or the pending request that keep
//! them.

use std::path::{Path, PathBuf};

use usercert_core::api::csr::{self, CLIENT_AUTH, CsrObject, Manifest};
use usercert_core::encoding::yaml;
use usercert_core::exchange::{command_lines, request_file};
use usercert_core::review::{self, Severity};
use usercert_core::text::{show, show_path};
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::{KeyKind, KeyType};
use usercert_core::x509::lifetime::Lifetime;
use usercert_core::x509::pkcs10::{self, CertificateRequest};

use crate::cluster::{Cluster, Need, explain};
use crate::error::{Error, Result, ResultExt as _};
use crate::files::folder::{Access, Folder};
use crate::files::reading;
use crate::files::set::{self, NewFile};
use crate::files::state;
use crate::keys::{KEY_LIMIT, PrivateKey};
use crate::ui::args::{Expires, Format};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::pending_request::{PendingRequest, RequestRecord, SubmittedTo};

#[derive(Clone, Debug)]
pub enum KeySource {
    /// Of the kind that is usual here; a request of an earlier run keeps its own.
    New(KeyType),
    /// Of the kind that the person has named.
    Chosen(KeyType),
    File(PathBuf),
}

impl KeySource {
    fn key(&self) -> Result<PrivateKey> {
        match self {
            Self::New(key_type) | Self::Chosen(key_type) => Ok(PrivateKey::generate(*key_type)?),
            Self::File(file) => read_key(file).hint("or leave --key out to make a new one"),
        }
    }

    /// The kind that the person has named, else the usual one.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn of(named: Option<&str>, usual: KeyType) -> Result<Self> {
        Ok(match named {
            Some(text) => Self::Chosen(text.parse::<KeyType>().usage()?),
            None => Self::New(usual),
        })
    }

    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::New(_) | Self::Chosen(_) => None,
            Self::File(file) => Some(file),
        }
    }

    /// Whether a key of this kind, of an earlier run, is what is asked for.
    pub fn accepts(&self, kind: &KeyKind) -> bool {
        match self {
            Self::Chosen(key_type) => KeyType::of(kind) == Some(*key_type),
            Self::New(_) | Self::File(_) => true,
        }
    }
}

/// Warns of a key's file that is not private.
pub fn warn_of_readers(host: &Host, file: &Path) {
    if reading::is_readable_by_others(file) {
        let file = show_path(file);
        host.warn(format!("warning: {file} can be read by other users of this machine"));
    }
}

pub fn read_key(file: &Path) -> Result<PrivateKey> {
    let data = reading::read_sensitive(file, KEY_LIMIT)?;
    PrivateKey::read(&data)
        .context(show_path(file))
        .hint("name a private key in PEM; decrypt one with `openssl pkey -in FILE -out NEW`")
}

#[derive(Clone, Debug)]
pub struct RequestSpec {
    pub identity: Identity,
    pub expires: Expires,
    pub key: KeySource,
    pub signer: String,
    /// The object's name, if it is not to be the user's.
    pub csr_name: Option<String>,
}

impl RequestSpec {
    /// The object's name, unless another request has it.
    pub fn object_name(&self) -> Result<String> {
        let user = self.identity.user.as_str();
        let name = self.csr_name.clone().unwrap_or_else(|| csr::name_for_user(user));
        csr::check_name(&name).usage().hint("choose another with --csr-name")?;
        Ok(name)
    }

    /// Says what an approver will object to in the names.
    pub fn warn_of_names(&self, host: &Host) {
        for finding in review::review_names(&self.identity) {
            let refused = match finding.severity {
                Severity::Refuse | Severity::Hard => "; an approver has to accept that by name",
                _ => "",
            };
            host.warn(format!("warning: {} [{}]{refused}", finding.message, finding.code.as_str()));
        }
    }

    pub fn make(&self) -> Result<KeyedRequest> {
        let key = self.key.key()?;
        let csr = key.certificate_request(&self.identity)?;
        Ok(KeyedRequest { key, csr, taken_up: false })
    }

    /// Key and request of an earlier run; `None` if those are for something else. `flags` say which
    /// requests are meant, in a command.
    ///
    /// # Errors
    /// The key is of another kind than the one that was named.
    pub fn take_up(
        &self,
        earlier: Option<&PendingRequest>,
        flags: &str,
    ) -> Result<Option<KeyedRequest>> {
        let Some(earlier) = earlier else { return Ok(None) };
        if earlier.record.identity != self.identity || earlier.record.signer_name != self.signer {
            return Ok(None);
        }
        let key = earlier.key()?;
        if let Some(file) = self.key.file()
            && read_key(file)?.public() != key.public()
        {
            return Ok(None);
        }
        if !self.key.accepts(&key.public().kind) {
            return Err(other_kind(earlier, &key.public().kind, flags));
        }
        Ok(Some(KeyedRequest { key, csr: earlier.request()?, taken_up: true }))
    }

    pub fn record(
        &self,
        csr: &CertificateRequest,
        submitted: Option<SubmittedTo>,
    ) -> RequestRecord {
        RequestRecord {
            identity: self.identity.clone(),
            request: pkcs10::to_pem(&csr.der),
            code: csr.code().short(),
            signer_name: self.signer.clone(),
            expiration_seconds: self.expires.lifetime().map(Lifetime::seconds),
            submitted,
        }
    }

    /// The object to submit.
    ///
    /// # Errors
    /// None in practice.
    pub fn manifest(&self, name: &str, csr: &CertificateRequest) -> Result<CsrObject> {
        let manifest = Manifest {
            name,
            request_der: &csr.der,
            signer_name: &self.signer,
            usages: &[CLIENT_AUTH.to_owned()],
            lifetime: self.expires.lifetime(),
        };
        Ok(CsrObject::from_value(manifest.to_value())?)
    }

    /// Key and request in a directory: those of an earlier run of the same command, or new ones.
    pub fn make_in(&self, host: &Host, dir: &Path) -> Result<KeyedRequest> {
        let files = command_lines::Files::of(self.identity.user.as_str());
        let [key, csr, manifest] =
            [files.key, files.csr, files.manifest].map(|name| dir.join(name));
        set::undo_interrupted(if self.key.file().is_none() { &key } else { &csr });
        if let Some(made) = self.made_before(self.key.file().unwrap_or(&key), &csr, &manifest) {
            if self.key.file().is_none() {
                state::own_key(&key).hint(
                    "somebody else may have put it there, or know it; nothing was written: name another --out-dir",
                )?;
            }
            host.say("resuming the unfinished request of an earlier run");
            return Ok(made);
        }
        let made = self.make()?;
        self.write_files(host, dir, &made)?;
        Ok(made)
    }

    /// What the files hold, if it is what this run would put there.
    fn made_before(&self, key: &Path, csr: &Path, manifest: &Path) -> Option<KeyedRequest> {
        let read = |file: &Path| reading::read_limited(file, request_file::MAX_BYTES).ok();
        let csr = CertificateRequest::from_pem(&read(csr)?).ok()?;
        let text = yaml::to_string(self.manifest(&self.object_name().ok()?, &csr).ok()?.raw());
        let key = read_key(key).ok()?;
        let same = self.key.accepts(&csr.key.kind)
            && *key.public() == csr.key
            && csr.subject.user() == self.identity.user.as_str()
            && csr.subject.groups() == self.identity.group_set()
            && read(manifest)? == text.as_bytes();
        same.then_some(KeyedRequest { key, csr, taken_up: true })
    }

    /// Puts key, request and manifest into a directory; nothing is overwritten. A key in a file of one's
    /// own stays where it is.
    fn write_files(&self, host: &Host, dir: &Path, made: &KeyedRequest) -> Result<()> {
        let files = command_lines::Files::of(self.identity.user.as_str());
        let manifest = yaml::to_string(self.manifest(&self.object_name()?, &made.csr)?.raw());
        let [key, csr, object] = [files.key, files.csr, files.manifest].map(|name| dir.join(name));
        let key = Some(key).filter(|_| self.key.file().is_none());
        if let Some(there) =
            key.iter().chain([&csr, &object]).find(|p| p.symlink_metadata().is_ok())
        {
            let there = show_path(there);
            return Err(Error::new(format!("{there} already exists"))
                .hint("nothing was written; move it away, or name another --out-dir"));
        }
        let shown = show_path(dir);
        Folder::open_or_create(dir).context(format!("cannot write to the directory {shown}"))?;
        let (key_pem, csr_pem) = (made.key.to_pem(), pkcs10::to_pem(&made.csr.der));
        let public = |path, content| NewFile { path, content, access: Access::Public };
        let mut all = vec![public(&csr, csr_pem.as_bytes()), public(&object, manifest.as_bytes())];
        if let Some(path) = &key {
            let content = key_pem.as_bytes();
            all.insert(0, NewFile { path, content, access: Access::Private });
        }
        set::create(&all)?;
        if let Some(key) = key {
            host.say(format!(
                "private key in {} ({}): it is secret and stays on this machine",
                show_path(&key),
                reading::privacy(&key)
            ));
        }
        Ok(())
    }

    pub fn dry_run(&self, host: &Host, format: Option<Format>) -> Result<()> {
        let made = self.make()?;
        print(host, format, &self.manifest(&self.object_name()?, &made.csr)?, "(dry run)")
    }

    /// Lets the server check the object under the name that a real run would give it.
    pub async fn dry_run_on_server(
        &self,
        host: &Host,
        cluster: &Cluster,
        format: Option<Format>,
    ) -> Result<()> {
        let made = self.make()?;
        let plain = self.object_name()?;
        let attempt = async |name: &str| {
            let manifest = self.manifest(name, &made.csr)?;
            Ok::<_, Error>(cluster.create_csr(manifest.raw(), true).await)
        };
        let mut object = attempt(&plain).await?;
        if self.csr_name.is_none() && object.as_ref().is_err_and(|e| e.reason() == "AlreadyExists")
        {
            object = attempt(&csr::name_with_key(&plain, &made.csr.key)).await?;
        }
        let object = object.map_err(|e| explain(&e, &cluster.server, &Need::Create))?;
        print(host, format, &object, "(server dry run)")
    }
}

fn other_kind(earlier: &PendingRequest, kind: &KeyKind, flags: &str) -> Error {
    let record = &earlier.record;
    Error::new(format!(
        "an unfinished request for {} has another kind of key, {kind} (code {})",
        show(record.identity.user.as_str()),
        record.code
    ))
    .hint("to resume it, leave out --key-type")
    .hint(format!("to ask anew, withdraw it first:\n  {}", record.withdrawal(flags)))
}

fn print(host: &Host, format: Option<Format>, object: &CsrObject, what: &str) -> Result<()> {
    let name = format!("{}/{}", csr::RESOURCE, object.metadata.name);
    let text = format!("{} created {what}", show(&name));
    output::print(host, format, object.raw(), &[name], |_| text)
}

/// A key with its request, and whether it was taken up from an earlier run.
pub struct KeyedRequest {
    pub key: PrivateKey,
    pub csr: CertificateRequest,
    pub taken_up: bool,
}
