//! The person's side of a run: output, questions, the clock.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anstream::{AutoStream, ColorChoice};
use usercert_core::text::{self, shell_word, show_path};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::code::ExpectedCode;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::reading;
use crate::ui::{fold, paint, terminal};

/// Ctrl-c was pressed.
#[derive(Debug)]
pub struct Interrupted;

#[derive(Debug)]
pub struct Host {
    quiet: bool,
}

impl Host {
    /// `quiet` silences everything but results and errors; colors are set for the whole process.
    pub fn new(quiet: bool, color: ColorChoice) -> Self {
        color.write_global();
        Self { quiet }
    }

    pub fn now(&self) -> UnixTime {
        now()
    }

    /// A result, on standard output, with a line end.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe is the reader's choice and no error.
    pub fn result(&self, text: impl AsRef<str>) -> Result<()> {
        let text = text.as_ref();
        self.part(text)?;
        if text.ends_with('\n') { Ok(()) } else { self.part("\n") }
    }

    /// A result for people, with colors where they are wanted, and in lines that fit the terminal.
    pub fn text(&self, text: &str) -> Result<()> {
        let wanted = AutoStream::choice(&io::stdout());
        let painted = paint::painted(&folded(text, self.table_columns(false)), wanted);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let mut out = AutoStream::new(io::stdout(), wanted).lock();
        match write!(out, "{painted}{end}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    pub fn part(&self, text: &str) -> Result<()> {
        // Byte for byte: nothing in it is for a terminal to interpret.
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Whether nothing but results and errors is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Progress or advice, on standard error; not when quiet.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Progress on the current line of the terminal, which the next one replaces; an empty text clears
    /// it. Nothing when quiet, or where standard error is not a terminal.
    pub fn progress(&self, text: &str) {
        if !self.quiet && io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }

    /// Waits for something, with a line that tells for how long it has been waited. Where standard error
    /// is not a terminal, it is said once what is waited for.
    ///
    /// # Errors
    /// When ctrl-c was pressed.
    pub async fn waiting<T>(
        &self,
        what: &str,
        something: impl Future<Output = T>,
    ) -> Result<T, Interrupted> {
        let begun = Instant::now();
        if !io::stderr().is_terminal() {
            self.say(format!("{what} …"));
        }
        let mut something = std::pin::pin!(something);
        let mut every = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                end = &mut something => {
                    self.progress("");
                    return Ok(end);
                }
                _ = every.tick() => {
                    let seconds = i64::try_from(begun.elapsed().as_secs()).unwrap_or_default();
                    let end = format!(": {} (ctrl-c stops)", human_duration(seconds));
                    // A line that wraps could not be replaced by the next one.
                    let room = self.columns().map_or(usize::MAX, |c| c.saturating_sub(end.len() + 1));
                    self.progress(&(fold::cut(what, room) + &end));
                }
                Ok(()) = tokio::signal::ctrl_c() => {
                    self.progress("");
                    return Err(Interrupted);
                }
            }
        }
    }

    /// The line that runs this command again; without what a terminal should not keep.
    pub fn command_line(&self) -> String {
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
        if words.iter().any(|word| word.starts_with("--token")) {
            return "run the same command again".to_owned();
        }
        let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
        format!("kubectl usercert {}", words.join(" "))
    }

    /// What a question that follows is about: seen even when quiet, unless the answer was given in
    /// advance.
    pub fn say_before_asking(&self, text: impl AsRef<str>, yes: bool) {
        if !yes || !self.quiet {
            self.warn(text);
        }
    }

    /// Something that must be seen even when quiet, on standard error, in lines that fit the terminal.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.show(&folded(text.as_ref(), self.columns()));
    }

    /// Text on standard error, in the lines that it has.
    fn show(&self, text: &str) {
        // There is nobody left to tell when standard error is gone. Foreign strings are rendered
        // where they are put into messages; this is for those that come from libraries.
        let text = text::show_lines(text, usize::MAX);
        let wanted = AutoStream::choice(&io::stderr());
        let _ = writeln!(anstream::stderr(), "{}", paint::painted(&text, wanted));
    }

    pub fn fail(&self, error: &Error) {
        let server = error.message.starts_with("Error from server");
        let prefix = if server { "" } else { "error: " };
        // What a server says in several lines must not look like lines of ours.
        self.warn(format!("{prefix}{}", error.message.replace('\n', "\n  ")));
        for hint in &error.hints {
            self.warn(format!("hint: {}", hint.replace('\n', "\n      ")));
        }
    }

    pub fn confirm(&self, question: &str, yes: bool) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !self.can_ask() {
            return Err(Error::usage("there is no terminal to ask on")
                .hint("check what is shown above, then run it again with --yes"));
        }
        // What was typed before is not an answer to it.
        terminal::forget_typed();
        let answer = self.ask_line(&format!("{question} [y/N]"))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(said_no()),
        }
    }

    /// Asks on the terminal, and leaves the cursor on the line of the question.
    fn ask_line(&self, question: &str) -> Result<String> {
        let question = text::show_lines(question, usize::MAX);
        let question = fold::folded(&question, self.columns());
        let _ = write!(anstream::stderr(), "{question} ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        // Where the answer was not typed, its end of line is not on the screen either.
        if answer.is_empty() {
            self.warn("");
        }
        Ok(answer)
    }

    /// Asks for a code that somebody reads out; nothing where none is given or nobody can be asked.
    pub fn ask_code(&self, question: &str) -> Result<Option<ExpectedCode>> {
        if !self.can_ask() {
            return Ok(None);
        }
        terminal::forget_typed();
        loop {
            let answer = self.ask_line(&format!("{question}:"))?;
            let code = answer.trim();
            // Ctrl-d is no Enter.
            if answer.is_empty() || matches!(code.to_ascii_lowercase().as_str(), "n" | "no") {
                return Err(said_no());
            }
            if code.is_empty() {
                return Ok(None);
            }
            match code.parse::<ExpectedCode>() {
                Ok(code) => return Ok(Some(code)),
                Err(error) => self.warn(error.to_string()),
            }
        }
    }

    /// Asks for a secret on the terminal; what is typed is not shown.
    pub fn ask_secret(&self, question: &str) -> Result<Zeroizing<String>> {
        if !self.can_ask() {
            return Err(Error::usage("there is no terminal to ask for the passphrase on"));
        }
        let ask = || {
            let _ = write!(anstream::stderr(), "{} ", text::show_lines(question, usize::MAX));
        };
        let answer = terminal::read_silently(ask);
        // The end of line was not shown either.
        self.warn("");
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Error::refused("nothing was done: interrupted"),
            _ => error.into(),
        })
    }

    /// The content of a file, or of standard input for `-`; at most `limit` bytes.
    pub fn input(&self, file: &Path, limit: usize) -> Result<Vec<u8>> {
        if file.as_os_str() != "-" {
            return Ok(reading::read_limited(file, limit)?);
        }
        let mut data = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        io::stdin().lock().take(most).read_to_end(&mut data)?;
        if data.len() > limit {
            return Err(Error::new(format!("standard input is longer than {limit} bytes")));
        }
        Ok(data)
    }

    /// How many columns the terminal has that messages go to, or else results; `None` where there is none.
    pub fn columns(&self) -> Option<usize> {
        terminal::columns()
    }

    /// How many columns a table on standard output may have; no limit where it is not a terminal, or where
    /// everything is wanted.
    pub fn table_columns(&self, wide: bool) -> Option<usize> {
        self.columns().filter(|_| !wide && self.shows_results())
    }

    /// Whether results go to a terminal, which keeps what it has shown.
    pub fn shows_results(&self) -> bool {
        io::stdout().is_terminal()
    }

    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal()
    }
}

/// Sentences folded at spaces to this width. What has columns stays as it is, and what is to be copied: a line that is
/// or ends with a command, or a rule in YAML.
fn folded(text: &str, columns: Option<usize>) -> String {
    let command = |line: &str| {
        let line = fold::outside_backticks(line);
        line.contains("kubectl ") || line.contains(" -- ") || line.starts_with("- {")
    };
    let stays = |line: &str| command(line) || line.trim_start().contains("   ");
    let fold = |line: &str| match paint::split_label(line) {
        (_, value) if stays(value) => line.to_owned(),
        (label, value) => fold::folded_beside(label, value, columns),
    };
    text.split('\n').map(fold).collect::<Vec<_>>().join("\n")
}

fn said_no() -> Error {
    Error::refused("not done: the answer was no")
}

/// The time of day.
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// What [`Host::input`] reads, as it can be shown.
pub fn input_name(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { show_path(file) }
}
