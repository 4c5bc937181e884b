use std::io;

use zeroize::Zeroizing;

/// Throws away what was typed and has not been read; not here.
pub fn forget_typed() {}

/// To be called by whoever acts on ctrl-c from here on; not here.
pub fn leave_signals() {}

/// Reads a line from the console without showing it; `ask` is called before.
///
/// # Errors
/// When there is no console.
pub fn read_silently(ask: impl FnOnce()) -> io::Result<Zeroizing<String>> {
    ask();
    rpassword::read_password().map(Zeroizing::new)
}
