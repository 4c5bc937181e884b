//! Results in the formats of `-o`.

use serde_json::{Value, json};
use usercert_core::encoding::yaml;
use usercert_core::text::{self, show, width};

use crate::error::Result;
use crate::ui::args::Format;
pub use crate::ui::fold::{cut, cut_front, folded, laid_out, wrapped};
use crate::ui::host::Host;
pub use crate::ui::paint::LABEL;

/// `apiVersion` of the objects that `-o json` and `-o yaml` print.
pub const API_VERSION: &str = "usercert/v1";

pub fn object(kind: &str, fields: Value) -> Value {
    let mut object = json!({ "apiVersion": API_VERSION, "kind": kind });
    if let (Value::Object(to), Value::Object(from)) = (&mut object, fields) {
        to.extend(from);
    }
    object
}

/// Prints one result; `names` are printed one a line for `-o name`, `text` for people.
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
        Some(Format::Wide) => host.text(&text(true)),
        None => host.text(&text(false)),
    }
}

/// JSON text in which hidden characters of foreign strings are escaped: what `jq` does to it later is
/// its own affair, but a terminal shows it as it is.
pub fn visible(json: &str) -> String {
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

pub struct Item {
    pub value: Value,
    pub name: String,
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
    pub fn new(format: Option<Format>, names: usize) -> Self {
        Self { format, several: names > 1, values: Vec::new() }
    }

    pub fn add(&mut self, host: &Host, item: Option<Item>) -> Result<()> {
        let Some(item) = item else { return Ok(()) };
        if self.several && matches!(self.format, Some(Format::Json | Format::Yaml)) {
            self.values.push(item.value);
            return Ok(());
        }
        print(host, self.format, &item.value, std::slice::from_ref(&item.name), |_| item.text)
    }

    /// Prints what was kept back, as a list of this kind.
    pub fn finish(self, host: &Host, kind: &str) -> Result<()> {
        self.finish_with(host, kind, json!({}))
    }

    /// [`Collected::finish`], with more fields in the list.
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

/// Narrower than this no column is made.
const NARROWEST: usize = 12;

/// Columns that would be of no use if they were cut: two people compare codes letter by letter.
const NEVER_CUT: [&str; 2] = ["CODE", "REPLY CODE"];

/// The room for a table: how wide a terminal is, and which columns go first where it is too narrow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    pub columns: Option<usize>,
    pub first_to_go: &'static [&'static str],
    /// Whether the last column continues on further lines instead of being cut, and how wide it gets.
    pub last_folds: Option<usize>,
}

/// A last column that folds gets at least so wide.
const FOLDED: usize = 30;

/// A table of rows that are all known, within this room.
pub fn table_within(header: &[&str], rows: &[Vec<String>], room: Room) -> String {
    let mut table = Table::within(header, room);
    rows.iter().for_each(|row| table.push(row.clone()));
    table.take()
}

/// A table as kubectl prints it: columns padded to their widest cell, three spaces between.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    table_within(header, rows, Room::default())
}

/// A table that may be printed in parts while its rows come in. On a terminal the first part decides how wide
/// the columns are; elsewhere they never get narrower, so that later parts stay under the same header as well
/// as they can.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    room: Room,
    /// How wide the columns of what was printed were.
    printed: Option<Vec<usize>>,
}

impl Table {
    pub fn within(header: &[&str], room: Room) -> Self {
        let header: Vec<String> = header.iter().map(|&h| h.to_owned()).collect();
        let widths = vec![0; header.len()];
        let mut table =
            Self { header: header.clone(), rows: Vec::new(), widths, room, printed: None };
        table.push(header);
        table
    }

    /// How wide each column is shown; 0 for one that goes.
    fn shown(&self) -> Vec<usize> {
        let mut shown = self.widths.clone();
        let widest = self.room.last_folds.unwrap_or(usize::MAX);
        let whole = shown.last().copied().unwrap_or_default().min(widest);
        if let Some(last) = shown.last_mut() {
            *last = whole;
        }
        let Some(most) = self.room.columns else { return shown };
        if let (Some(_), Some(last)) = (self.room.last_folds, shown.last_mut()) {
            *last = whole.min(FOLDED);
        }
        let excess = |shown: &[usize]| {
            let all: usize = shown.iter().filter(|w| **w > 0).map(|w| w + 3).sum();
            all.saturating_sub(3 + most)
        };
        for name in self.room.first_to_go {
            let over = excess(&shown) > 0;
            let place = self.header.iter().position(|h| h == name).filter(|_| over);
            if let Some(columns) = place.and_then(|place| shown.get_mut(place)) {
                *columns = 0;
            }
        }
        let folds = self.room.last_folds.and(self.header.last());
        let is_cut =
            |header: &String| !NEVER_CUT.contains(&header.as_str()) && Some(header) != folds;
        while excess(&shown) > 0 {
            let over = excess(&shown);
            let cut = shown.iter_mut().zip(&self.header).filter(|(_, header)| is_cut(header));
            match cut.map(|(columns, _)| columns).max().filter(|columns| **columns > NARROWEST) {
                Some(columns) => *columns = columns.saturating_sub(over).max(NARROWEST),
                None => break,
            }
        }
        if let (Some(_), Some((last, others))) = (folds, shown.split_last_mut()) {
            let taken: usize = others.iter().filter(|w| **w > 0).map(|w| w + 3).sum();
            *last = most.saturating_sub(taken).clamp(FOLDED.min(whole), whole);
        }
        shown
    }

    pub fn push(&mut self, row: Vec<String>) {
        for (columns, cell) in self.widths.iter_mut().zip(&row) {
            *columns = width(cell).max(*columns);
        }
        self.rows.push(row);
    }

    /// Makes columns at least so wide, for rows that are yet to come.
    pub fn expect(&mut self, widths: &[usize]) {
        self.widths.iter_mut().zip(widths).for_each(|(columns, w)| *columns = (*w).max(*columns));
    }

    pub fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// The text of the rows that were added since the last time.
    pub fn take(&mut self) -> String {
        let mut out = String::new();
        let mut shown = self.printed.take().unwrap_or_else(|| self.shown());
        if let Some(most) = self.room.columns {
            // What is in the last column has all that is left.
            let taken: usize = shown.iter().rev().skip(1).filter(|w| **w > 0).map(|w| w + 3).sum();
            let folds = self.room.last_folds.is_some();
            if let Some(last) = shown.last_mut().filter(|last| **last > 0 && !folds) {
                *last = most.saturating_sub(taken).max(*last);
            }
            self.printed = Some(shown.clone());
        }
        let rows = std::mem::take(&mut self.rows);
        for row in rows.iter().flat_map(|row| self.folded(row, &shown)) {
            let from = out.len();
            let columns = row.iter().zip(&shown).zip(&self.header);
            for ((cell, columns), header) in columns.filter(|((_, columns), _)| **columns > 0) {
                let cell = match header.as_str() {
                    _ if self.room.last_folds.is_some() && Some(header) == self.header.last() => {
                        cell.clone()
                    }
                    "FILE" => cut_front(cell, *columns),
                    _ => cut(cell, *columns),
                };
                out.push_str(&cell);
                out.extend(std::iter::repeat_n(' ', columns + 3 - width(&cell).min(*columns)));
            }
            let end = from + out.get(from..).unwrap_or_default().trim_end().len();
            out.truncate(end);
            out.push('\n');
        }
        out
    }

    /// A row as the lines that it takes.
    fn folded(&self, row: &[String], shown: &[usize]) -> Vec<Vec<String>> {
        let (Some(_), Some((last, others)), Some(columns)) =
            (self.room.last_folds, row.split_last(), shown.last())
        else {
            return vec![row.to_vec()];
        };
        let mut words: Vec<String> = Vec::new();
        for word in last.split(' ') {
            match words.last_mut() {
                // A mark stands with what it marks.
                Some(mark) if mark == "!" => mark.push_str(&format!(" {word}")),
                _ => words.push(word.to_owned()),
            }
        }
        let lines = laid_out(&words, " ", *columns).into_iter().enumerate();
        lines
            .map(|(place, line)| {
                let blank = |cell: &String| if place == 0 { cell.clone() } else { String::new() };
                others.iter().map(blank).chain([line]).collect()
            })
            .collect()
    }
}

/// A list object that is printed while its items come in.
pub struct ListPrinter {
    kind: &'static str,
    format: Format,
    empty: bool,
}

impl ListPrinter {
    /// A list of this kind; `None` unless the format is JSON or YAML.
    pub fn new(format: Option<Format>, kind: &'static str) -> Option<Self> {
        let format = format.filter(|f| matches!(f, Format::Json | Format::Yaml))?;
        Some(Self { kind, format, empty: true })
    }

    pub fn add(&mut self, host: &Host, items: &[Value]) -> Result<()> {
        let mut out = String::new();
        for item in items {
            if self.empty {
                out.push_str(&self.head());
            }
            match self.format {
                Format::Json => {
                    out.push_str(if self.empty { "\n    " } else { ",\n    " });
                    let text = visible(&serde_json::to_string_pretty(item)?);
                    out.push_str(&text.replace('\n', "\n    "));
                }
                _ => out.push_str(&yaml::to_string(&json!([item]))),
            }
            self.empty = false;
        }
        host.part(&out)
    }

    pub fn finish(self, host: &Host) -> Result<()> {
        if self.empty {
            let list = object(self.kind, json!({ "items": [] }));
            return print(host, Some(self.format), &list, &[], |_| String::new());
        }
        match self.format {
            Format::Json => host.part("\n  ]\n}\n"),
            _ => Ok(()),
        }
    }

    fn head(&self) -> String {
        match self.format {
            Format::Json => format!(
                "{{\n  \"apiVersion\": \"{API_VERSION}\",\n  \"kind\": \"{}\",\n  \"items\": [",
                self.kind
            ),
            _ => {
                let head = json!({ "apiVersion": API_VERSION, "kind": self.kind });
                format!("{}items:\n", yaml::to_string(&head))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_a_terminal() {
        let rows = [["名前", "1d"], ["e\u{301}a", "2d"]].map(|r| r.map(str::to_owned).to_vec());
        assert_eq!(table(&["A", "B"], &rows), "A      B\n名前   1d\ne\u{301}a     2d\n");
        assert_eq!(cut("名前名前", 5), "名前…");
    }

    #[test]
    fn a_table_fits_its_terminal() {
        let header = ["NAME", "KEY", "FILE"];
        let row = ["alexandra-the-great", "P-256", "/etc/kubernetes/pki/etcd/ca.crt"];
        let rows = [row.map(str::to_owned).to_vec()];
        let at = |columns| {
            let room = Room { columns: Some(columns), first_to_go: &["KEY"], ..Room::default() };
            table_within(&header, &rows, room)
        };
        assert_eq!(at(80).lines().nth(1), Some(row.join("   ").as_str()));
        // The least needed goes first, then the widest get narrower, a path from its front.
        assert!(!at(60).contains("KEY") && at(60).contains(row[2]), "{}", at(60));
        assert_eq!(at(40).lines().nth(1), Some("alexandra-the-great   …s/pki/etcd/ca.crt"));
        for columns in [27, 30, 40, 50, 60] {
            assert!(at(columns).lines().all(|line| width(line) <= columns), "{columns}");
        }
    }

    #[test]
    fn the_last_column_folds_and_a_code_is_whole() {
        let header = ["REQUEST", "CODE", "ALLOWS"];
        let row = [
            "alexandra-the-great-of-macedonia",
            "QE9B-MH3D-CKAX-YP85",
            "read pods; write services",
        ];
        let rows = [row.map(str::to_owned).to_vec()];
        let at = |columns| {
            let room = Room { columns, last_folds: Some(20), ..Room::default() };
            table_within(&header, &rows, room)
        };
        let end = "read pods; write\n";
        assert!(at(None).contains(end) && at(None).contains(row[0]), "{}", at(None));
        let narrow = at(Some(60));
        assert_eq!(narrow.lines().count(), 3, "{narrow}");
        assert!(
            narrow.contains("alexandra-the-…   QE9B-MH3D-CKAX-YP85   read pods; write\n"),
            "{narrow}"
        );
        assert!(narrow.ends_with(&format!("{:40}services\n", "")), "{narrow}");
    }

    #[test]
    fn a_table_in_parts_keeps_its_columns() {
        let mut table = Table::within(&["NAME", "AGE"], Room::default());
        table.push(vec!["alexandra".to_owned(), "1d".to_owned()]);
        assert_eq!(table.take(), "NAME        AGE\nalexandra   1d\n");
        table.push(vec!["bob".to_owned(), "2d".to_owned()]);
        assert_eq!(table.take(), "bob         2d\n");
        assert_eq!(table.take(), "");
    }
}
