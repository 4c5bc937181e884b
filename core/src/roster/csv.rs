//! Rosters as CSV (RFC 4180), as spreadsheets write it: the first line names the fields, several values
//! in a cell are separated by semicolons.

use std::io::Read as _;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{Problem, Row};
use crate::text;

/// What the first line may name.
const FIELDS: [&str; 6] = ["name", "groups", "expires", "keyType", "grants", "csr"];

/// A last line of our own: who opens a quote and does not close it swallows it.
const END: &str = "\nend of the text";

/// What separates the cells, if the text is CSV: its first line names fields, `name` among them.
/// Spreadsheets of half of Europe write semicolons.
pub(super) fn delimiter(text: &str) -> Option<u8> {
    let content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let header = text.lines().find(content)?;
    [b',', b';', b'\t'].into_iter().find(|delimiter| {
        let mut cells = header.split(char::from(*delimiter));
        let alone = *delimiter == b',';
        let unquoted =
            |cell: &str| cell.trim().trim_matches('"').trim().eq_ignore_ascii_case("name");
        cells.any(unquoted) && (alone || header.contains(char::from(*delimiter)))
    })
}

pub(super) fn rows(
    text: &str,
    delimiter: u8,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Row>, Problem> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(text.as_bytes().chain(END.as_bytes()));
    let records: Vec<StringRecord> = reader
        .records()
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::new(error.position().map_or(1, line_number), "not valid CSV"))?;
    let Some((header, records)) = records.split_first() else { return Ok(Vec::new()) };
    let records = match records.split_last() {
        Some((last, records)) if *last == [END.trim()][..] => records,
        last => {
            let open = last.map_or(header, |(last, _)| last);
            return Err(Problem::new(line_of(text, open), "a quote is not closed"));
        }
    };
    check(header, problems);
    if !problems.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for record in records.iter().filter(|record| !record.iter().all(str::is_empty)) {
        let line = line_of(text, record);
        if record.len() > header.len() {
            let what = format!(
                "there are {} values, but the first line names {}",
                record.len(),
                header.len()
            );
            problems.push(Problem::new(line, what));
            continue;
        }
        let mut row = Row { line, ..Row::default() };
        for (field, cell) in header.iter().zip(record) {
            let values = || {
                let values = cell.split(';').map(str::trim).filter(|value| !value.is_empty());
                values.map(str::to_owned).collect()
            };
            match field {
                "name" => cell.clone_into(&mut row.name),
                "groups" => row.groups = values(),
                "expires" => cell.clone_into(&mut row.expires),
                "keyType" => cell.clone_into(&mut row.key_type),
                "grants" => row.grants = values(),
                "csr" => cell.clone_into(&mut row.csr),
                _ => {}
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn check(header: &StringRecord, problems: &mut Vec<Problem>) {
    let line = header.position().map_or(1, line_number);
    for (place, field) in header.iter().enumerate() {
        if !FIELDS.contains(&field) {
            let what = format!(
                "there is no field {}; there are {}",
                text::show_short(field, 40),
                FIELDS.join(", ")
            );
            problems.push(Problem::new(line, what));
        } else if header.iter().take(place).any(|earlier| earlier == field) {
            problems.push(Problem::new(line, format!("{field} appears twice")));
        }
    }
}

fn line_number(position: &csv::Position) -> usize {
    usize::try_from(position.line()).unwrap_or(1)
}

/// The line on which a record begins. The reader counts empty lines and comments before a record as
/// its own.
fn line_of(text: &str, record: &StringRecord) -> usize {
    let Some(position) = record.position() else { return 1 };
    let at = usize::try_from(position.byte()).unwrap_or(0);
    let line = line_number(position);
    let passed = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    line + text.get(at..).unwrap_or_default().lines().take_while(passed).count()
}
