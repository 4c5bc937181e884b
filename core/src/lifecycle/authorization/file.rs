//! Editing an AuthorizationConfiguration: our entries come first in `authorizers`, and not a byte of
//! anything else changes.

use std::ops::Range;

use granit_parser::{Event, Span, StructureStyle};
use serde_json::Value;

use super::{NAME_PREFIX, Problem, check};
use crate::encoding::yaml::{self, Events, Layout, YamlError};

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    /// Not readable as YAML.
    #[error("{0}")]
    Yaml(#[from] YamlError),
    /// The API server does not take it as it is.
    #[error("the API server does not accept the file as it is: {0}")]
    Before(Problem),
    /// The API server would not take the result.
    #[error("the API server would not accept the result: {0}")]
    After(Problem),
    /// There is no `authorizers` in block style.
    #[error("`authorizers` is not a list with a line for each `-`; only such a list can be edited")]
    NotBlock,
    /// Nothing would be left that allows anything.
    #[error("`authorizers` holds nothing but entries of kubectl usercert")]
    NoOthers,
    /// The edit would change more than it should.
    #[error("the file is written in a way that cannot be edited without changing other things")]
    Irregular,
}

/// The file with these entries in place of those that are ours now.
///
/// # Errors
/// Whatever keeps the result from being exactly the file with our entries changed, and one that the
/// server takes.
pub fn edit(text: &str, ours: &[Value]) -> Result<String, EditError> {
    let before = yaml::parse(text)?;
    check(&before).map_err(EditError::Before)?;
    let present = before["authorizers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let others: Vec<&Value> = present.iter().filter(|a| !is_ours(a)).collect();
    if others.is_empty() {
        return Err(EditError::NoOthers);
    }
    let wanted: Vec<Value> = ours.iter().chain(others).cloned().collect();
    if wanted == present {
        return Ok(text.to_owned());
    }
    let places = Places::find(text)?;
    if places.items.len() != present.len() {
        return Err(EditError::Irregular);
    }
    let newline = if text[..places.first_line].ends_with("\r\n") { "\r\n" } else { "\n" };
    let mut out = text[..places.first_line].to_owned();
    if !ours.is_empty() {
        yaml::spaces(&mut out, places.column);
        Layout { unit: 2, newline }.block(&mut out, &Value::from(ours), places.column);
    }
    let mut at = places.first_line;
    let stale = present.iter().zip(&places.items).filter(|(entry, _)| is_ours(entry));
    for (_, item) in stale {
        out.push_str(text.get(at..item.start).ok_or(EditError::Irregular)?);
        at = item.end;
    }
    out.push_str(text.get(at..).ok_or(EditError::Irregular)?);
    let mut expected = before.clone();
    expected["authorizers"] = wanted.into();
    if yaml::parse(&out)? != expected {
        return Err(EditError::Irregular);
    }
    check(&expected).map_err(EditError::After)?;
    Ok(out)
}

fn is_ours(authorizer: &Value) -> bool {
    let number = authorizer["name"].as_str().and_then(|name| name.strip_prefix(NAME_PREFIX));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Where the list is.
struct Places {
    /// Where the line after the key begins.
    first_line: usize,
    /// The column of the dashes.
    column: usize,
    /// The whole lines of each entry, without the comments before it.
    items: Vec<Range<usize>>,
}

impl Places {
    fn find(text: &str) -> Result<Self, EditError> {
        let mut walk = Walk { text, events: Events::new(text)?, end: 0 };
        walk.events.peek_document()?;
        let (Event::MappingStart(StructureStyle::Block, id, _), _) = walk.events.next()? else {
            return Err(EditError::NotBlock);
        };
        walk.events.anchor(id)?;
        loop {
            let (event, span) = walk.events.next()?;
            let named = match &event {
                Event::MappingEnd => return Err(EditError::NotBlock),
                Event::Scalar(name, ..) => name == "authorizers",
                _ => false,
            };
            walk.pass((event, span))?;
            let key_end = walk.end;
            let value = walk.events.next()?;
            if !named {
                walk.pass(value)?;
                continue;
            }
            let Event::SequenceStart(StructureStyle::Block, id, _) = value.0 else {
                return Err(EditError::NotBlock);
            };
            walk.events.anchor(id)?;
            return walk.list(key_end);
        }
    }
}

struct Walk<'t> {
    text: &'t str,
    events: Events<'t>,
    /// Behind the last content so far.
    end: usize,
}

impl<'t> Walk<'t> {
    /// The list whose key ends there.
    fn list(mut self, key_end: usize) -> Result<Places, EditError> {
        let first_line = self.next_line(key_end);
        let mut items: Vec<Range<usize>> = Vec::new();
        let mut column = None;
        loop {
            let (event, span) = self.events.next()?;
            if event == Event::SequenceEnd {
                let column = column.ok_or(EditError::NotBlock)?;
                return Ok(Places { first_line, column, items });
            }
            let from = items.last().map_or(first_line, |item| item.end);
            let start = span.start.byte_offset().unwrap_or_default();
            let dash = self.dash(from, start).ok_or(EditError::Irregular)?;
            self.pass((event, span))?;
            let line = self.text[..dash].rfind('\n').map_or(0, |at| at + 1);
            column.get_or_insert(dash - line);
            items.push(line..self.next_line(self.end));
        }
    }

    /// The dash of the entry that begins at `start`: the first on its line that is one.
    fn dash(&self, from: usize, start: usize) -> Option<usize> {
        let mut at = from;
        let mut found = None;
        for line in self.text.get(from..self.next_line(start))?.split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if line[indent..].starts_with('-') && at + indent <= start {
                found.get_or_insert(at + indent);
            }
            at += line.len();
        }
        found
    }

    /// Passes over a node that begins with this event.
    fn pass(&mut self, (event, span): (Event<'t>, Span)) -> Result<(), EditError> {
        let mut depth = 0_usize;
        let mut next = (event, span);
        loop {
            let (id, more) = match &next.0 {
                Event::Scalar(_, _, id, _) => (*id, 0),
                Event::SequenceStart(_, id, _) | Event::MappingStart(_, id, _) => (*id, 1),
                Event::SequenceEnd | Event::MappingEnd => (0, -1),
                _ => (0, 0),
            };
            self.events.anchor(id)?;
            let end = next.1.end.byte_offset().unwrap_or_default().min(self.text.len());
            // The end of a block is where the next thing begins.
            if more >= 0 {
                let content = self.text.get(..end).unwrap_or_default();
                self.end = self.end.max(content.trim_end().len());
            }
            depth = depth.checked_add_signed(more).ok_or(EditError::Irregular)?;
            if depth == 0 {
                return Ok(());
            }
            next = self.events.next()?;
        }
    }

    /// Where the line after the one with this place begins.
    fn next_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |break_at| at + break_at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = "\
# managed by the platform team
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:   # in this order
# kubelets first
- type: Node
  name: node
  # then people

- name: rbac   # the last word
  type: RBAC
";

    fn entry(number: u32, expression: &str) -> Value {
        json!({ "type": "Webhook", "name": format!("usercert-revoked-{number}"), "webhook": {
            "timeout": "1s", "subjectAccessReviewVersion": "v1", "failurePolicy": "Deny",
            "matchConditionSubjectAccessReviewVersion": "v1",
            "connectionInfo": { "type": "KubeConfigFile", "kubeConfigFile": "/x" },
            "matchConditions": [{ "expression": expression }] } })
    }

    #[test]
    fn entries_come_and_go_and_the_rest_stays_byte_for_byte() {
        let variants = [
            FILE.to_owned(),
            FILE.replace('\n', "\r\n"),
            FILE.replace("\n  ", "\n      ").replace("\n- ", "\n    - "),
            FILE.trim_end().to_owned(),
            format!("---\n{FILE}"),
            FILE.replace("- type: Node\n  name: node", "-\n  type: Node\n  name: node"),
        ];
        for text in variants {
            let one = edit(&text, &[entry(0, "a")]).unwrap();
            let two = edit(&one, &[entry(0, "b"), entry(1, "c")]).unwrap();
            assert_eq!(edit(&two, &[entry(0, "b"), entry(1, "c")]).unwrap(), two);
            let kept: Vec<&str> = text.split_inclusive('\n').collect();
            for edited in [&one, &two] {
                let lines: Vec<&str> = edited.split_inclusive('\n').collect();
                let at = kept.iter().position(|l| l.starts_with("authorizers")).unwrap() + 1;
                let new = lines.len() - kept.len();
                assert_eq!(lines[..at], kept[..at]);
                assert_eq!(lines[at + new..], kept[at..], "{edited}");
            }
            assert_eq!(edit(&two, &[]).unwrap(), text);
        }
    }

    #[test]
    fn entries_of_ours_that_others_have_moved_are_found() {
        let ours = yaml::to_string(&json!([entry(3, "x")]));
        let text = format!("{FILE}# behind\n{ours}# the end\n");
        let edited = edit(&text, &[]).unwrap();
        assert_eq!(edited, format!("{FILE}# behind\n# the end\n"));
        let first = edit(&text, &[entry(0, "a")]).unwrap();
        let names: Vec<Value> = yaml::parse(&first).unwrap()["authorizers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["name"].clone())
            .collect();
        assert_eq!(names, ["usercert-revoked-0", "node", "rbac"]);
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        let flow = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{type: RBAC, name: rbac}]\n";
        assert_eq!(edit(flow, &[entry(0, "a")]), Err(EditError::NotBlock));
        let json = yaml::parse(flow).unwrap().to_string();
        assert_eq!(edit(&json, &[entry(0, "a")]), Err(EditError::NotBlock));
        let only_ours = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n{}",
            yaml::to_string(&json!([entry(0, "a")]))
        );
        assert_eq!(edit(&only_ours, &[]), Err(EditError::NoOthers));
        let broken = FILE.replace("type: Node", "type: Nodes");
        assert!(matches!(edit(&broken, &[]), Err(EditError::Before(_))));
        assert!(matches!(edit("a: [", &[]), Err(EditError::Yaml(_))));
        let large = entry(0, &"a".repeat(100_001));
        assert!(matches!(edit(FILE, &[large]), Err(EditError::After(_))));
    }

    #[test]
    fn names_of_others_that_resemble_ours_are_theirs() {
        let theirs = entry(0, "a").to_string().replace("revoked-0", "revoked-x");
        let theirs: Value = serde_json::from_str(&theirs).unwrap();
        let text = format!("{FILE}{}", yaml::to_string(&json!([theirs])));
        assert_eq!(edit(&text, &[]).unwrap(), text);
    }
}
