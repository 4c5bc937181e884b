//! Rosters as CSV (RFC 4180), as spreadsheets write it: the first line names the fields, several values
//! in a cell are separated by semicolons.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{FIELDS, Problem, Row, unknown_field};

/// What separates the cells, if the text is CSV: its first line names fields, `name` among them.
/// Spreadsheets of half of Europe write semicolons.
pub(super) fn delimiter(text: &str) -> Option<u8> {
    let content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let header = text.lines().find(content)?;
    [b',', b';', b'\t'].into_iter().find(|delimiter| {
        let mut cells = header.split(char::from(*delimiter));
        let alone = *delimiter == b',';
        let unquoted = |cell: &str| cell.trim().trim_matches('"').trim() == "name";
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
        .from_reader(text.as_bytes());
    let mut records = reader.records().map(|record| {
        record.map_err(|error| {
            let line = error.position().map_or(1, |p| p.line());
            Problem::new(usize::try_from(line).unwrap_or(1), "not valid CSV")
        })
    });
    let header = records.next().transpose()?.unwrap_or_default();
    let mut rows = Vec::new();
    check(&header, problems);
    if !problems.is_empty() {
        return Ok(rows);
    }
    for record in records {
        let record = record?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = line_of(text, &record);
        if record.len() > header.len() {
            let what = format!(
                "there are {} values, and the first line names {}",
                record.len(),
                header.len()
            );
            problems.push(Problem::new(line, what));
            continue;
        }
        let mut row = Row { line, ..Row::default() };
        for (field, cell) in header.iter().zip(&record) {
            if let Some(word) = row.word(field) {
                cell.clone_into(word);
            } else if let Some(list) = row.list(field) {
                let values = cell.split(';').map(str::trim).filter(|value| !value.is_empty());
                list.extend(values.map(str::to_owned));
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn check(header: &StringRecord, problems: &mut Vec<Problem>) {
    let line = header.position().map_or(1, |p| usize::try_from(p.line()).unwrap_or(1));
    for (place, field) in header.iter().enumerate() {
        if !FIELDS.contains(&field) {
            problems.push(Problem::new(line, unknown_field(field)));
        } else if header.iter().take(place).any(|earlier| earlier == field) {
            problems.push(Problem::new(line, format!("{field} is there twice")));
        }
    }
}

/// The line on which a record begins. The reader counts empty lines and comments before a record as
/// its own.
fn line_of(text: &str, record: &StringRecord) -> usize {
    let Some(position) = record.position() else { return 1 };
    let at = usize::try_from(position.byte()).unwrap_or(0);
    let line = usize::try_from(position.line()).unwrap_or(1);
    let passed = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    line + text.get(at..).unwrap_or_default().lines().take_while(passed).count()
}
