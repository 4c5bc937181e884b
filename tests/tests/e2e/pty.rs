//! A program whose standard input is a terminal, so that it asks.

use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::Winsize;

use crate::trial::Outcome;

pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    stderr: BufReader<ChildStderr>,
    said: String,
}

/// Both ends of a terminal: the one with keyboard and screen, and a program's.
fn pair() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&master).expect("a pseudo-terminal");
    unlockpt(&master).expect("a pseudo-terminal");
    let name = ptsname(&master, Vec::new()).expect("a pseudo-terminal");
    let slave =
        rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("a terminal");
    (File::from(master), slave)
}

/// Everything that a command shows on a terminal of so many columns; an answer is never given.
pub(crate) fn screen(mut command: Command, columns: u16) -> String {
    let (mut master, slave) = pair();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&slave, size).expect("a size");
    let output = || Stdio::from(slave.try_clone().expect("a terminal"));
    command.stdin(Stdio::null()).stdout(output()).stderr(output());
    let mut child = command.spawn().expect("the command starts");
    // With them the other ends.
    drop((command, slave));
    let mut shown = Vec::new();
    let mut part = [0; 4096];
    // The end of the last writer is an error, of a pseudo-terminal.
    while let Ok(read @ 1..) = master.read(&mut part) {
        shown.extend_from_slice(&part[..read]);
    }
    child.wait().expect("an end");
    String::from_utf8(shown).expect("text")
}

impl Terminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let (keyboard, slave) = pair();
        let mut child = command
            .stdin(Stdio::from(slave))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, keyboard, stderr, said: String::new() }
    }

    /// Reads messages up to and including the question that takes yes or no. A question for a
    /// code that comes before is skipped.
    pub(crate) fn asked(&mut self) -> &str {
        self.one_of(&["[y/N] ", "or Enter to continue without it: "]);
        if !self.said.ends_with("[y/N] ") {
            self.press("");
            self.says("[y/N] ");
        }
        &self.said
    }

    /// Reads messages up to and including this text.
    pub(crate) fn says(&mut self, text: &str) -> &str {
        self.one_of(&[text])
    }

    fn one_of(&mut self, texts: &[&str]) -> &str {
        let mut read = Vec::new();
        while !texts.iter().any(|text| read.ends_with(text.as_bytes())) {
            let mut byte = [0];
            let n = self.stderr.read(&mut byte).expect("messages");
            if n == 0 {
                panic!(
                    "it ended without a question:\n{}{}",
                    self.said,
                    String::from_utf8_lossy(&read)
                );
            }
            read.push(byte[0]);
        }
        self.said.push_str(&String::from_utf8_lossy(&read));
        &self.said
    }

    /// Types a line, which a terminal would show behind the question.
    pub(crate) fn press(&mut self, line: &str) {
        let shown = self.shows_typing();
        writeln!(self.keyboard, "{line}").expect("typing");
        if shown {
            self.said.push_str(line);
            self.said.push('\n');
        }
    }

    fn shows_typing(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&self.keyboard).expect("a terminal").local_modes;
        modes.contains(rustix::termios::LocalModes::ECHO)
    }

    /// Ends it by a signal, and waits for that.
    pub(crate) fn signal(self, signal: rustix::process::Signal) -> Outcome {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("a signal");
        self.rest()
    }

    /// Types a line and waits for the end.
    pub(crate) fn answer(mut self, line: &str) -> Outcome {
        self.press(line);
        self.rest()
    }

    pub(crate) fn rest(mut self) -> Outcome {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("messages");
        self.said.push_str(&rest);
        assert!(self.shows_typing(), "typing is shown again");
        let output = self.child.wait_with_output().expect("an end");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        Outcome::new("(on a terminal)", output.status.code().unwrap_or(-1), stdout, self.said)
    }
}

/// The exit code of a command that has a terminal of so many columns for everything, and what it shows
/// there. An escape sequence is written as its number, as ‹31›.
pub(crate) fn shown(mut command: Command, columns: u16) -> (i32, String) {
    let (mut screen, slave) = pair();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&slave, size).expect("a size");
    let again = || Stdio::from(slave.try_clone().expect("a terminal"));
    command.stdin(again()).stdout(again()).stderr(again());
    let mut child = command.spawn().expect("the command starts");
    drop((command, slave));
    let mut said = Vec::new();
    let mut part = [0; 4096];
    // When nobody holds the other end any more, Linux says that reading failed.
    while let Ok(n @ 1..) = screen.read(&mut part) {
        said.extend_from_slice(&part[..n]);
    }
    let code = child.wait().expect("an end").code().unwrap_or(-1);
    let said = String::from_utf8_lossy(&said).replace("\r\n", "\n");
    let mut text = String::new();
    let mut rest = said.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        let (number, after) =
            after.split_once(|c: char| c.is_ascii_alphabetic()).expect("a sequence");
        text.push_str(before.trim_end_matches('\r'));
        // Progress that is wiped away again comes or not, as fast as the machine is.
        if !number.is_empty() {
            text.push_str(&format!("‹{number}›"));
        }
        rest = after;
    }
    (code, text + rest)
}
