//! A program whose standard input is a terminal, so that it asks.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::trial::Outcome;

pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Terminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).expect("a pseudo-terminal");
        unlockpt(&master).expect("a pseudo-terminal");
        let name = ptsname(&master, Vec::new()).expect("a pseudo-terminal");
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())
            .expect("a terminal");
        let mut child = command
            .stdin(Stdio::from(slave))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, keyboard: File::from(master), stderr, said: String::new() }
    }

    /// Reads messages up to and including the line with the question.
    pub(crate) fn asked(&mut self) -> &str {
        self.says("[y/N]")
    }

    /// Reads messages up to and including the line with this text.
    pub(crate) fn says(&mut self, text: &str) -> &str {
        loop {
            let mut line = String::new();
            let n = self.stderr.read_line(&mut line).expect("messages");
            self.said.push_str(&line);
            assert!(n > 0, "it ended without a question:\n{}", self.said);
            if line.contains(text) {
                return &self.said;
            }
        }
    }

    /// Types a line.
    pub(crate) fn press(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").expect("typing");
    }

    /// Types a line and waits for the end.
    pub(crate) fn answer(mut self, line: &str) -> Outcome {
        self.press(line);
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("messages");
        self.said.push_str(&rest);
        let output = self.child.wait_with_output().expect("an end");
        let modes = rustix::termios::tcgetattr(&self.keyboard).expect("a terminal").local_modes;
        assert!(modes.contains(rustix::termios::LocalModes::ECHO), "typing is shown again");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        Outcome::new("(on a terminal)", output.status.code().unwrap_or(-1), stdout, self.said)
    }
}
