//! Results in the formats of `-o`.

use serde_json::{Value, json};
use usercert_core::text::{self, show};
use usercert_core::yaml;

use crate::args::Format;
use crate::error::Result;
use crate::host::Host;

/// `apiVersion` of the objects that `-o json` and `-o yaml` print.
pub const API_VERSION: &str = "usercert/v1";

/// A versioned object: `apiVersion`, `kind` and the given fields.
#[must_use]
pub fn object(kind: &str, fields: Value) -> Value {
    let mut object = json!({ "apiVersion": API_VERSION, "kind": kind });
    if let (Value::Object(to), Value::Object(from)) = (&mut object, fields) {
        to.extend(from);
    }
    object
}

/// Prints one result; `names` are printed one a line for `-o name`, `text` for people.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(
    host: &Host,
    format: Option<Format>,
    value: &Value,
    names: &[String],
    text: impl FnOnce(bool) -> String,
) -> Result<()> {
    match format {
        Some(Format::Json) => host.result(visible(&serde_json::to_string_pretty(value)?)),
        Some(Format::Yaml) => host.result(yaml::to_string(value)),
        Some(Format::Name) if names.is_empty() => Ok(()),
        Some(Format::Name) => {
            host.result(names.iter().map(|n| show(n)).collect::<Vec<_>>().join("\n"))
        }
        Some(Format::Wide) => host.result(text(true)),
        None => host.result(text(false)),
    }
}

/// JSON text in which hidden characters of foreign strings are escaped: what `jq` does to it later is
/// its own affair, but a terminal shows it as it is.
fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && text::is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// One of several results.
pub struct Item {
    /// For `-o json` and `-o yaml`.
    pub value: Value,
    /// For `-o name`.
    pub name: String,
    /// For people.
    pub text: String,
}

/// Results of a command that takes several names: printed as they come for people, as one object in
/// the end for programs.
pub struct Collected {
    format: Option<Format>,
    several: bool,
    values: Vec<Value>,
}

impl Collected {
    /// For so many names.
    #[must_use]
    pub fn new(format: Option<Format>, names: usize) -> Self {
        Self { format, several: names > 1, values: Vec::new() }
    }

    /// Takes a result; `None` where it went elsewhere.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn add(&mut self, host: &Host, item: Option<Item>) -> Result<()> {
        let Some(item) = item else { return Ok(()) };
        if self.several && matches!(self.format, Some(Format::Json | Format::Yaml)) {
            self.values.push(item.value);
            return Ok(());
        }
        print(host, self.format, &item.value, std::slice::from_ref(&item.name), |_| item.text)
    }

    /// Prints what was kept back, as a list of this kind.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn finish(self, host: &Host, kind: &str) -> Result<()> {
        self.finish_with(host, kind, json!({}))
    }

    /// [`Collected::finish`], with more fields in the list.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn finish_with(self, host: &Host, kind: &str, more: Value) -> Result<()> {
        if !self.several || !matches!(self.format, Some(Format::Json | Format::Yaml)) {
            return Ok(());
        }
        let mut list = object(kind, json!({ "items": self.values }));
        if let (Value::Object(to), Value::Object(from)) = (&mut list, more) {
            to.extend(from);
        }
        print(host, self.format, &list, &[], |_| String::new())
    }
}

/// A table as kubectl prints it: columns padded to their widest cell, three spaces between.
#[must_use]
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count());
        cells.chain(header.get(column).map(|h| h.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (cell, width) in cells.zip(&widths) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width + 3 - cell.chars().count().min(*width)));
        }
        out.trim_end().to_owned() + "\n"
    };
    let mut out = line(&mut header.iter().copied());
    for row in rows {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    out
}
