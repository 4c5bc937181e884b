//! The rows of a run: what the roster, the requests that people sent, the journal and the output
//! directories say about each, before anything is done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use usercert_core::api::csr::{CLIENT_AUTH, CsrObject, Manifest};
use usercert_core::exchange::file_name::safe_file_name;
use usercert_core::exchange::request_file;
use usercert_core::review::{self, Finding, FindingCode};
use usercert_core::roster::journal::Progress;
use usercert_core::roster::{self, Defaults, Person, Problem, RoleAt};
use usercert_core::text::{show, show_path, show_quoted, show_short};
use usercert_core::x509::key::KeyType;
use usercert_core::x509::pkcs10::CertificateRequest;

use super::OnboardArgs;
use super::wrong::Wrong;
use crate::cluster::Cluster;
use crate::error::{Error, Result, ResultExt as _};
use crate::files::{Folder, reading};
use crate::keys::PrivateKey;
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::ui::output::{Room, Table};
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::Rules;
use crate::workflow::review_sheet::Sheet;

/// One person and everything known before the work begins.
pub struct Row {
    pub person: Person,
    pub request: Option<CertificateRequest>,
    pub digest: String,
    pub folder: Arc<Folder>,
    pub file: String,
    pub findings: Vec<Finding>,
    pub earlier: Progress,
    pub refused: Option<String>,
    /// A file that stands where this run would write, of nobody knows whom.
    pub in_the_way: Option<PathBuf>,
}

impl Row {
    pub fn user(&self) -> &str {
        self.person.identity.user.as_str()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path_of(&self.file)
    }

    /// Whether nothing can be done for this person in this run.
    pub fn is_left_out(&self) -> bool {
        self.refused.is_some() || self.in_the_way.is_some()
    }

    pub fn is_done(&self) -> bool {
        self.earlier.written.is_some() && self.missing_grants().next().is_none()
    }

    /// Whether all certificates of the user are revoked, so that a new one has to be excepted.
    pub fn is_of_revoked_user(&self) -> bool {
        self.findings.iter().any(|f| f.code == FindingCode::RevokedUser)
    }

    /// Grants that no earlier run has made.
    pub fn missing_grants(&self) -> impl Iterator<Item = &RoleAt> {
        self.person.grants.iter().filter(|g| !self.earlier.granted.contains(&g.to_string()))
    }

    /// The manifest to submit.
    ///
    /// # Errors
    /// None that a request which was read can cause.
    pub fn manifest(&self, signer: &str, request: &CertificateRequest) -> Result<CsrObject> {
        let manifest = Manifest {
            name: &roster::request_name(request),
            request_der: &request.der,
            signer_name: signer,
            usages: &[CLIENT_AUTH.to_owned()],
            lifetime: self.person.lifetime,
        }
        .to_value();
        Ok(CsrObject::from_value(manifest)?)
    }
}

pub type Entered = Vec<(Person, Option<CertificateRequest>)>;

/// Reads the roster, and the requests that it names. What is wrong in it is added to `wrong`.
///
/// # Errors
/// The roster itself cannot be read.
pub fn enter(
    host: &Host,
    args: &OnboardArgs,
    defaults: &Defaults,
    wrong: &mut Wrong,
) -> Result<(Vec<u8>, Entered)> {
    let input = host.input(&args.file, roster::MAX_BYTES)?;
    let (people, mut problems) = roster::read(&input, defaults);
    let base = match args.file.parent() {
        Some(parent) if args.file.as_os_str() != "-" => parent,
        _ => Path::new(""),
    };
    let mut entered = Vec::new();
    for person in people {
        let request = match &person.csr {
            None => None,
            Some(file) => match read_request(&base.join(file)) {
                Ok(request) => {
                    let disagreements = person.disagreements(&request);
                    problems.extend(disagreements.into_iter().map(|what| Problem {
                        line: person.line,
                        what: format!("{}: {what}", show(file)),
                    }));
                    Some(request)
                }
                Err(error) => {
                    problems.push(Problem {
                        line: person.line,
                        what: error.message.replace('\n', " "),
                    });
                    None
                }
            },
        };
        entered.push((person, request));
    }
    problems.extend(keys_used_twice(&entered));
    wrong.rows.extend(problems);
    Ok((input, entered))
}

fn read_request(file: &Path) -> Result<CertificateRequest> {
    let input = reading::read_named(file, request_file::MAX_BYTES)?;
    let incoming = request_file::read(&input).context(show_path(file))?;
    Ok(incoming.request)
}

/// Two people with one key could act as each other.
fn keys_used_twice(entered: &Entered) -> Vec<Problem> {
    let mut seen: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for (person, request) in entered {
        let Some(request) = request else { continue };
        if let Some(line) = seen.insert(&request.key.spki, person.line) {
            let what = format!("this request has the same key as the one on line {line}");
            problems.push(Problem { line: person.line, what });
        }
    }
    problems
}

pub struct Folders {
    standalone: Option<Place>,
    reply: Option<Place>,
}

/// A directory for files, or the one in which a real run would make it, and the way from there.
type Place = (Arc<Folder>, PathBuf);

impl Folders {
    /// Opens the directories. They are made where nothing is wrong until then, unless it is a dry run.
    pub fn open(args: &OnboardArgs, wrong: &mut Wrong) -> Self {
        let dry_run = args.dry_run.dry_run != DryRun::None || !wrong.is_empty();
        let open = |dir: &Option<PathBuf>| match dir {
            None => Ok(None),
            Some(dir) => {
                let absolute = std::path::absolute(dir)?;
                let what = format!("cannot open the directory {}", show_path(dir));
                let (place, below) = match (absolute.parent(), absolute.file_name()) {
                    (Some(parent), Some(name)) if dry_run && !absolute.exists() => {
                        (Folder::open(parent), name.into())
                    }
                    _ if dry_run => (Folder::open(&absolute), PathBuf::new()),
                    _ => (Folder::open_or_create(&absolute), PathBuf::new()),
                };
                place.context(what).map(|folder| Some((Arc::new(folder), below)))
            }
        };
        let mut opened = |dir| wrong.flag(open(dir)).flatten();
        Self { standalone: opened(&args.standalone_dir), reply: opened(&args.reply_dir) }
    }

    /// Makes sure that there is a directory for each kind of people.
    pub fn check(&self, args: &OnboardArgs, entered: &Entered, wrong: &mut Wrong) {
        for (asks, dir) in [(true, &args.reply_dir), (false, &args.standalone_dir)] {
            let first = entered.iter().find(|(person, _)| person.csr.is_some() == asks);
            if let (Some((person, _)), None) = (first, dir) {
                wrong.flag(self.of(person));
            }
        }
    }

    fn of(&self, person: &Person) -> Result<Place> {
        let (folder, flag, why) = match &person.csr {
            Some(_) => {
                (&self.reply, "--reply-dir", "has sent a request, which is answered with a reply")
            }
            None => (
                &self.standalone,
                "--standalone-dir",
                "has sent no request, so a key has to be made",
            ),
        };
        folder.clone().ok_or_else(|| {
            Error::usage(format!(
                "line {}: {} {why}: give {flag} DIR",
                person.line,
                show(person.identity.user.as_str())
            ))
            .hint("nothing was sent")
        })
    }
}

pub async fn review(
    host: &Host,
    args: &OnboardArgs,
    rules: &Rules,
    cluster: &Cluster,
    entered: Entered,
    folders: &Folders,
    journal: &mut BTreeMap<String, Progress>,
) -> Result<(Vec<Row>, Bindings)> {
    let mut rows = Vec::new();
    for (person, request) in entered {
        let digest = person.digest(&args.signer, request.as_ref().map(|r| r.der.as_slice()));
        let (folder, below) = folders.of(&person)?;
        let file = below.join(safe_file_name(person.identity.user.as_str(), "kubeconfig"));
        rows.push(Row {
            folder,
            file: file.to_string_lossy().into_owned(),
            earlier: journal.remove(&digest).unwrap_or_default(),
            findings: Vec::new(),
            refused: None,
            in_the_way: None,
            person,
            request,
            digest,
        });
    }
    let bindings = Bindings::read(cluster).await;
    if let Some(why) = bindings.why_unknown() {
        host.say(format!("note: names were not compared with those of role bindings: {why}"));
    }
    let people: Vec<&Person> = rows.iter().map(|row| &row.person).collect();
    for (place, finding) in roster::look_alikes(&people) {
        if let Some(row) = rows.get_mut(place) {
            row.findings.push(finding);
        }
    }
    let mut keys = StandIns::default();
    for row in rows.iter_mut().filter(|row| !row.is_done()) {
        let request = match &row.request {
            Some(request) => request.clone(),
            None => keys.get(row.person.key_type)?.certificate_request(&row.person.identity)?,
        };
        let object = row.manifest(&args.signer, &request)?;
        row.findings.extend(Sheet::new(object, false, &bindings, rules).findings);
        row.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        row.refused = objection(row, &args.accept);
        // A file that an earlier run may have written is looked at when it is its turn.
        if row.earlier.submitted.is_none() && row.folder.has(row.file.as_ref())? {
            row.in_the_way = Some(row.path());
        }
    }
    Ok((rows, bindings))
}

fn objection(row: &Row, accepted: &[String]) -> Option<String> {
    let against =
        row.findings.iter().filter(|f| review::refuses(std::slice::from_ref(*f), accepted));
    let words: Vec<String> =
        against.map(|f| format!("{} [{}]", f.message, f.code.as_str())).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Keys that stand in for those that will be made, so that a review sees a request as it will be.
#[derive(Default)]
struct StandIns(Vec<(KeyType, PrivateKey)>);

impl StandIns {
    fn get(&mut self, key_type: KeyType) -> Result<&PrivateKey> {
        let place = match self.0.iter().position(|(kind, _)| *kind == key_type) {
            Some(place) => place,
            None => {
                self.0.push((key_type, PrivateKey::generate(key_type)?));
                self.0.len() - 1
            }
        };
        self.0.get(place).map(|(_, key)| key).ok_or_else(|| Error::new("no key was made"))
    }
}

/// The people in rows, within so many columns.
pub fn table(rows: &[&Row], columns: Option<usize>) -> String {
    let header = ["LINE", "USER", "GROUPS", "KEY", "EXPIRES", "CODE", "FINDINGS", "GRANTS"];
    let first_to_go: &[&str] = match rows.iter().any(|row| row.request.is_some()) {
        true => &["LINE", "KEY"],
        false => &["LINE", "KEY", "CODE"],
    };
    let room = Room { columns, first_to_go, last_folds: Some(usize::MAX) };
    let mut table = Table::within(&header, room);
    let or_none = |s: String| if s.is_empty() { "<none>".to_owned() } else { s };
    for row in rows {
        let person = &row.person;
        // One that holds a comma is quoted, so that there are as many as it seems.
        let group = |name: &str| match name.contains(',') {
            true => show_quoted(name, usize::MAX),
            false => show(name),
        };
        let groups: Vec<String> =
            person.identity.groups.iter().map(|g| group(g.as_str())).collect();
        let grants: Vec<String> =
            person.grants.iter().map(|g| show_short(&g.to_string(), 60)).collect();
        let findings: Vec<&str> = row
            .findings
            .iter()
            .filter(|f| f.severity > review::Severity::Info)
            .map(|f| f.code.as_str())
            .collect();
        let request = row.request.as_ref();
        table.push(vec![
            person.line.to_string(),
            show_short(row.user(), 60),
            or_none(groups.join(",")),
            request.map_or_else(
                || format!("{} (new)", person.key_type.name()),
                |r| show_short(&r.key.kind.to_string(), 20),
            ),
            person.lifetime.map_or("<signer>".to_owned(), |l| l.to_string()),
            request.map_or("<none>".to_owned(), |r| r.code().short()),
            or_none(findings.join(",")),
            or_none(grants.join(", ")),
        ]);
    }
    table.take()
}
