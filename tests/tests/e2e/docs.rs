//! Everything that README, quick starts, guides and the pages on errors tell people to run, run.
//!
//! A document is played from top to bottom. In `console` blocks, `jane $ …` is a command of Jane's, and
//! what follows must be in its output: in this order, alike but for what differs from run to run, which is
//! words with digits in them, and codes. `…` stands for lines left out. What follows a question on its line
//! is the answer to it. A command that waits for an admin is left running; a block `console jane` holds what
//! Jane's says in the end. `# exits 3` at a command's end says how it ends. An `sh` block is one script of the
//! first person, `sh jane` of Jane. Codes in later commands are replaced by those of this run.
//!
//! Comments, which readers do not see, set the stage:
//! `<!-- people: jane=starter:group joe -->` (Jane acts as the user `starter`, Joe has no access; `admin`
//! may do everything), `<!-- server: no signer -->`, `<!-- setup` with commands in a block, and
//! `<!-- not run: why -->` before a block that cannot be run here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::backend::Backend;
use crate::pty::Terminal;
use crate::trial::{Outcome, Person, Trial, plugin};

/// Every document, each with the function that plays it.
pub(crate) fn documents() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let folders = ["docs/start", "docs/guides", "docs/errors"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let mut found: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "md"));
    found.push(root.join("README.md"));
    found.sort();
    let name = |path: &Path| path.file_stem().map(|n| n.to_string_lossy().to_lowercase());
    found.into_iter().map(|p| (format!("docs::{}", name(&p).unwrap_or_default()), p)).collect()
}

/// Plays one document on a server of its own.
pub(crate) fn play(path: &Path) {
    let text = std::fs::read_to_string(path).expect("a document");
    let signer = !text.contains("<!-- server: no signer -->");
    let sandbox = Sandbox::start(SandboxOptions { signer, ..SandboxOptions::default() });
    let backend = Arc::new(Backend::Sandbox(sandbox.expect("the sandbox starts")));
    let trial = Trial::new(backend, "docs");
    let mut stage = Stage::new(&trial, &text);
    for step in steps(&text) {
        stage.play(&step);
    }
    assert!(stage.waiting.is_empty(), "{}: somebody still waits", path.display());
    assert!(stage.played > 0, "{} has nothing to run", path.display());
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Step {
    line: usize,
    who: Option<String>,
    command: String,
    exits: i32,
    output: Vec<String>,
    /// Whether the output is that of the command which was left running.
    goes_on: bool,
}

/// The commands of a document.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l));
    let mut skip = false;
    while let Some((line, head)) = lines.next() {
        if head.starts_with("<!-- not run:") {
            skip = true;
        }
        let (kind, who) = match head.split_once(' ').unwrap_or((head, "")) {
            ("```console", who) if !who.is_empty() => ("rest", Some(who.to_owned())),
            ("```console", _) | ("<!--", "setup") => ("console", None),
            ("```sh", who) => ("sh", Some(who.to_owned()).filter(|w| !w.is_empty())),
            (fence, _) if fence.starts_with("```") => ("text", None),
            _ => continue,
        };
        let end = if head.starts_with("<!--") { "-->" } else { "```" };
        let block: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, l)| *l != end).collect();
        if kind == "text" || std::mem::take(&mut skip) {
            continue;
        }
        if kind == "rest" {
            let output = block.iter().map(|(_, l)| (*l).to_owned()).collect();
            steps.push(Step { line, who, output, goes_on: true, ..Step::default() });
            continue;
        }
        if kind == "sh" {
            let script: Vec<&str> = block.iter().map(|(_, l)| *l).collect();
            let command = format!("set -e\n{}", script.join("\n"));
            steps.push(Step { line, who, command, ..Step::default() });
            continue;
        }
        let mut open = false;
        for (line, text) in block {
            if let (true, Some(step)) = (open, steps.last_mut()) {
                step.command.push('\n');
                step.command.push_str(text);
                open = text.ends_with('\\');
                continue;
            }
            let prompt = text.split_once("$ ").filter(|(who, _)| {
                who.is_empty() || who.trim_end().chars().all(|c| c.is_ascii_lowercase())
            });
            if let Some((who, command)) = prompt {
                let exits = command.rsplit_once("# exits ").and_then(|(_, n)| n.parse().ok());
                open = command.ends_with('\\');
                steps.push(Step {
                    line,
                    who: Some(who.trim_end().to_owned()).filter(|w| !w.is_empty()),
                    command: command.to_owned(),
                    exits: exits.unwrap_or(0),
                    ..Step::default()
                });
            } else if let Some(step) = steps.last_mut() {
                step.output.push(text.to_owned());
            }
        }
    }
    steps
}

struct Stage {
    people: BTreeMap<String, Person>,
    first: String,
    /// Where everybody's files are, as if each had been sent to the others.
    folder: PathBuf,
    codes: Vec<(String, String)>,
    /// Whose command waits for an admin.
    waiting: BTreeMap<String, (Step, Terminal)>,
    played: usize,
}

impl Stage {
    fn new(trial: &Trial, text: &str) -> Self {
        let cast = text.lines().find_map(|l| l.strip_prefix("<!-- people: ")?.strip_suffix(" -->"));
        let cast: Vec<&str> = cast.unwrap_or_default().split_whitespace().collect();
        let mut people = BTreeMap::from([("admin".to_owned(), trial.admin())]);
        let mut first = None;
        for member in cast {
            let (name, user) = member.split_once('=').unwrap_or((member, ""));
            let (user, groups) = user.split_once(':').unwrap_or((user, ""));
            let groups: Vec<&str> = groups.split(',').filter(|g| !g.is_empty()).collect();
            let person = match user {
                "" => trial.newcomer(),
                user => trial.nobody_special(user, &groups),
            };
            first.get_or_insert(name.to_owned());
            people.insert(name.to_owned(), person);
        }
        let folder = trial.newcomer().home;
        std::fs::create_dir(folder.join("bin")).expect("a directory");
        std::os::unix::fs::symlink(plugin(), folder.join("bin/kubectl-usercert")).expect("a link");
        let first = first.unwrap_or_else(|| "admin".to_owned());
        let waiting = BTreeMap::new();
        Self { people, first, folder, codes: Vec::new(), waiting, played: 0 }
    }

    fn play(&mut self, step: &Step) {
        let who = &step.who.clone().unwrap_or_else(|| self.first.clone());
        if step.goes_on {
            let (mut begun, terminal) = self.waiting.remove(who).expect("a command that waits");
            begun.output.extend(step.output.iter().cloned());
            return self.compare(&begun, who, &terminal.answer(""));
        }
        let person = self.people.get(who).unwrap_or_else(|| panic!("who is {who}? {step:?}"));
        let command = self.of_this_run(&step.command);
        let bin = self.folder.join("bin").display().to_string();
        // Questions are asked on a terminal; both outputs come as one, in their order.
        let script = format!("exec 1>&2; PATH='{bin}':$HOME/.local/bin:$PATH\n{command}");
        let mut shell = person.command(Path::new("bash"), &["-c", &script]);
        shell.current_dir(&self.folder).env("TERM", "dumb");
        let mut terminal = Terminal::start(shell);
        for (place, line) in step.output.iter().enumerate() {
            let Some((question, answer)) = answered(line) else { continue };
            let said = terminal.says(question).to_owned();
            self.learn(&step.output[..place], &said);
            terminal.press(&self.of_this_run(answer));
        }
        if step.output.last().is_some_and(|line| line.starts_with(WAITING)) {
            let said = terminal.says(" …\n").to_owned();
            self.learn(&step.output, &said);
            self.waiting.insert(who.clone(), (step.clone(), terminal));
            return;
        }
        self.compare(step, who, &terminal.answer(""));
    }

    /// Takes note of the codes that these lines have in this run.
    fn learn(&mut self, lines: &[String], said: &str) {
        for line in lines {
            let found = said.lines().find(|real| alike(line, real)).unwrap_or_default();
            self.codes.extend(codes(line).into_iter().zip(codes(found)));
        }
    }

    fn compare(&mut self, step: &Step, who: &str, outcome: &Outcome) {
        let (person, command) = (&self.people[who], &step.command);
        let said =
            outcome.stderr.replace(&person.home.display().to_string(), &format!("/home/{who}"));
        assert_eq!(outcome.code, step.exits, "line {}: {command}\n{said}", step.line);
        let mut real = said.lines();
        for line in &step.output {
            if line.trim().is_empty() || line.trim() == "…" {
                continue;
            }
            let Some(found) = real.find(|real| alike(line, real)) else {
                panic!("line {}: {command}\nshould say: {line}\nbut says:\n{said}", step.line);
            };
            self.codes.extend(codes(line).into_iter().zip(codes(found)));
        }
        self.played += 1;
    }

    /// The text with the codes of this run.
    fn of_this_run(&self, text: &str) -> String {
        let replaced =
            |text: String, (documented, real): &(String, String)| text.replace(documented, real);
        self.codes.iter().fold(text.to_owned(), replaced)
    }
}

/// How the line begins that tells what is waited for, and for how long.
const WAITING: &str = "waiting for ";

/// The end of a question and the answer to it, if the line holds one.
fn answered(line: &str) -> Option<(&'static str, &str)> {
    let ends = ["[y/N] ", "or Enter to continue without it: "];
    ends.into_iter().find_map(|end| Some((end, line.split_once(end)?.1)))
}

/// Whether both say the same but for what differs from run to run.
fn alike(documented: &str, real: &str) -> bool {
    let live = documented.strip_prefix(WAITING).and_then(|line| line.split_once(':'));
    if let (Some((what, _)), Some(real)) = (live, real.strip_prefix(WAITING)) {
        return real.strip_suffix(" …") == Some(what);
    }
    let words = |text: &str| -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for part in text.split_whitespace() {
            words.push(String::new());
            for c in part.chars() {
                let inside = c.is_alphanumeric();
                match words.last_mut() {
                    Some(word) if inside && word.chars().all(char::is_alphanumeric) => word.push(c),
                    _ => words.push(c.to_string()),
                }
            }
        }
        words.into_iter().filter(|w| !w.is_empty()).collect()
    };
    let varies = |word: &str| {
        let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        word.contains(|c: char| c.is_ascii_digit()) || (word.len() == 4 && word.chars().all(upper))
    };
    // A hash of five digits may have letters only.
    let hash = |a: &str, b: &str| a.len() == b.len() && b.chars().all(|c| c.is_ascii_hexdigit());
    let same = |a: &str, b: &str| a == b || (varies(a) && (varies(b) || hash(a, b)));
    let (a, b) = (words(documented), words(real));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same(a, b))
}

/// The codes in a text: four groups of four letters and digits.
fn codes(text: &str) -> Vec<String> {
    let is_code = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        groups.len() == 4 && groups.iter().all(|g| g.len() == 4 && g.chars().all(upper))
    };
    text.split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(is_code)
        .map(str::to_owned)
        .collect()
}
