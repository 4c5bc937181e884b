//! Typing that is not shown.

use std::io;

#[cfg(unix)]
mod imp {
    use super::io;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// While it lives, what is typed on standard input's terminal is not shown.
    pub struct Silent(Termios);

    impl Silent {
        /// Switches it off.
        pub fn start() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            silent.local_modes.insert(LocalModes::ECHONL);
            tcsetattr(io::stdin(), OptionalActions::Drain, &silent)?;
            Ok(Self(before))
        }
    }

    impl Drop for Silent {
        fn drop(&mut self) {
            // There is nothing better to do if the terminal is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use super::io;

    /// While it lives, what is typed is not shown; not here.
    pub struct Silent;

    impl Silent {
        /// Switches it off.
        pub fn start() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

pub use imp::Silent;
