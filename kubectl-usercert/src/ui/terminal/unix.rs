use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

/// Longest line that is taken, in bytes; growing would leave copies behind.
const LONGEST: usize = 4096;
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: [u8; 2] = [8, 127];

/// Throws away what was typed and has not been read.
pub fn forget_typed() {
    // There is nothing to forget where it is not a terminal.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// Whether somebody else acts on signals that end the program.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// To be called by whoever acts on SIGTERM and ctrl-c from here on.
pub fn leave_signals() {
    TAKEN.store(true, Ordering::Relaxed);
}

/// From here on signals end the program only after the terminal is as it was `before`. They are waited
/// for in a thread, since whoever reads keys waits for nothing else.
fn restore_when_ended(before: Termios) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, ready) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let ended = runtime.block_on(async {
            let [mut hangup, mut interrupt, mut terminate] = match listen() {
                Ok(signals) => signals,
                Err(error) => return sender.send(Err(error)).map(|()| None).unwrap_or_default(),
            };
            sender.send(Ok(())).unwrap_or_default();
            Some(tokio::select! {
                _ = hangup.recv() => SignalKind::hangup(),
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            })
        });
        let Some(ended) = ended else { return };
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        if !TAKEN.load(Ordering::Relaxed) {
            // What a shell says of a program that a signal has ended.
            std::process::exit(128 + ended.as_raw_value());
        }
    })?;
    ready.recv().unwrap_or(Ok(()))
}

fn listen() -> io::Result<[Signal; 3]> {
    let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
    let [hangup, interrupt, terminate] = kinds.map(signal);
    Ok([hangup?, interrupt?, terminate?])
}

/// While it lives, what is typed on standard input's terminal is not shown, and comes key by key:
/// a signal from the keyboard would end the program and leave the terminal without echo.
struct Silent(Termios);

impl Silent {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        restore_when_ended(before.clone())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Drain, &silent)?;
        Ok(Self(before))
    }

    fn key(&self) -> io::Result<Option<u8>> {
        let mut key = [0];
        Ok((rustix::io::read(io::stdin(), &mut key)? > 0).then_some(key[0]))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // There is nothing better to do if the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Reads a line from standard input's terminal without showing it; `ask` is called once nothing is
/// shown any more.
///
/// # Errors
/// When it is interrupted (`Interrupted`) or no text, or the terminal cannot be silenced.
pub fn read_silently(ask: impl FnOnce()) -> io::Result<Zeroizing<String>> {
    let terminal = Silent::start()?;
    ask();
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        match terminal.key()? {
            None | Some(b'\n' | b'\r' | END) => break,
            Some(INTERRUPT) => return Err(io::ErrorKind::Interrupted.into()),
            Some(key) if BACKSPACE.contains(&key) => {
                // A character may be of several bytes.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            Some(key) if line.len() < LONGEST => line.push(key),
            Some(_) => return Err(io::Error::other("the line is too long")),
        }
    }
    let text = std::str::from_utf8(&line).map_err(io::Error::other)?;
    Ok(Zeroizing::new(text.to_owned()))
}
