//! YAML whose values know their places, for files that people write by hand: an error in one says
//! line and column.
//!
//! Scalars mean what they mean to kubectl ([`crate::encoding::yaml`]). Aliases and merges are refused: what
//! they stand for is easily overlooked.

use granit_parser::{Event, Marker, Span};

use crate::encoding::yaml::{Events, MAX_DEPTH, Scalar, YamlError, resolve};
use crate::text;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct PlacedError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there; safe to show.
    pub problem: String,
}

impl From<YamlError> for PlacedError {
    fn from(error: YamlError) -> Self {
        Self { line: error.line, column: error.column, problem: error.problem.to_owned() }
    }
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

impl Place {
    /// An error at this place.
    pub fn error(self, problem: impl Into<String>) -> PlacedError {
        PlacedError { line: self.line, column: self.column, problem: problem.into() }
    }
}

impl From<Marker> for Place {
    fn from(mark: Marker) -> Self {
        Self { line: mark.line(), column: mark.col() + 1 }
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Another scalar, as a fraction.
    Other,
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Mapping(Vec<(Key, Node)>),
}

/// The key of a mapping's entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// The key.
    pub text: String,
}

/// Reads the one document of a text.
///
/// # Errors
/// No YAML, nothing in it, several documents, a key twice, or an alias.
pub fn parse(text: &str) -> Result<Node, PlacedError> {
    let mut events = Events::new(text)?;
    if events.peek_document()?.is_none() {
        return Err(Place { line: 1, column: 1 }.error("there is nothing in it"));
    }
    let first = events.next()?;
    let node = node(&mut events, first, 0)?;
    events.next()?;
    match events.peek_document()? {
        None => Ok(node),
        Some(mark) => Err(Place::from(mark).error("a second document starts here")),
    }
}

fn node<'t>(
    events: &mut Events<'t>,
    (event, span): (Event<'t>, Span),
    depth: usize,
) -> Result<Node, PlacedError> {
    let place = Place::from(span.start);
    if depth > MAX_DEPTH {
        return Err(place.error("nested too deeply"));
    }
    let content = match event {
        Event::Scalar(text, style, anchor, tag) => {
            events.anchor(anchor)?;
            match resolve(text, style, tag.as_deref()).map_err(|problem| place.error(problem))? {
                Scalar::Null => Content::Null,
                Scalar::Bool(value) => Content::Bool(value),
                Scalar::Int(value) => Content::Integer(value),
                Scalar::Text(text) => Content::Text(text.into_owned()),
                Scalar::Uint(_) | Scalar::Float(_) => Content::Other,
            }
        }
        Event::SequenceStart(_, anchor, _) => {
            events.anchor(anchor)?;
            let mut items = Vec::new();
            loop {
                match events.next()? {
                    (Event::SequenceEnd, _) => break Content::List(items),
                    event => items.push(node(events, event, depth + 1)?),
                }
            }
        }
        Event::MappingStart(_, anchor, _) => {
            events.anchor(anchor)?;
            let mut entries: Vec<(Key, Node)> = Vec::new();
            loop {
                let event = match events.next()? {
                    (Event::MappingEnd, _) => break Content::Mapping(entries),
                    event => event,
                };
                let key = node(events, event, depth + 1)?;
                let Content::Text(text) = key.content else {
                    return Err(key.place.error("a key that is no text; put it in quotes"));
                };
                if text == "<<" {
                    return Err(key.place.error("a merge, which is not allowed here"));
                }
                if entries.iter().any(|(earlier, _)| earlier.text == text) {
                    let problem = format!("{} is there twice", text::show_short(&text, 60));
                    return Err(key.place.error(problem));
                }
                let value = events.next()?;
                let value = node(events, value, depth + 1)?;
                entries.push((Key { place: key.place, text }, value));
            }
        }
        Event::Alias(_) => return Err(place.error("an alias, which is not allowed here")),
        _ => return Err(place.error("not valid YAML")),
    };
    Ok(Node { place, content })
}

impl Node {
    fn is(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "true or false",
            Content::Integer(_) | Content::Other => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    fn expected(&self, what: &str) -> PlacedError {
        let quote = match self.content {
            Content::Bool(_) | Content::Integer(_) | Content::Other if what == "a text" => {
                "; put it in quotes if it is meant as one"
            }
            _ => "",
        };
        self.place.error(format!("{what} is expected here, this is {}{quote}", self.is()))
    }

    /// The text that this must be.
    ///
    /// # Errors
    /// Something else.
    pub fn text(&self) -> Result<&str, PlacedError> {
        match &self.content {
            Content::Text(text) => Ok(text),
            _ => Err(self.expected("a text")),
        }
    }

    /// The yes or no that this must be.
    ///
    /// # Errors
    /// Something else.
    pub fn bool(&self) -> Result<bool, PlacedError> {
        match self.content {
            Content::Bool(value) => Ok(value),
            _ => Err(self.expected("true or false")),
        }
    }

    /// The whole number that this must be.
    ///
    /// # Errors
    /// Something else.
    pub fn integer(&self) -> Result<i64, PlacedError> {
        match self.content {
            Content::Integer(value) => Ok(value),
            _ => Err(self.expected("a whole number")),
        }
    }

    /// The items of the list that this must be.
    ///
    /// # Errors
    /// Something else.
    pub fn list(&self) -> Result<&[Node], PlacedError> {
        match &self.content {
            Content::List(items) => Ok(items),
            _ => Err(self.expected("a list")),
        }
    }

    /// The entries of the mapping that this must be.
    ///
    /// # Errors
    /// Something else.
    pub fn mapping(&self) -> Result<&[(Key, Node)], PlacedError> {
        match &self.content {
            Content::Mapping(entries) => Ok(entries),
            _ => Err(self.expected("a mapping")),
        }
    }

    /// The mapping that this must be, with no fields but the known ones.
    ///
    /// # Errors
    /// Something else, or an unknown field.
    pub fn fields(&self, known: &[&str]) -> Result<Fields<'_>, PlacedError> {
        let entries = self.mapping()?;
        match entries.iter().find(|(key, _)| !known.contains(&key.text.as_str())) {
            None => Ok(Fields { place: self.place, entries }),
            Some((key, _)) => Err(key.place.error(format!(
                "unknown field {}; known here: {}",
                text::show_short(&key.text, 60),
                known.join(", ")
            ))),
        }
    }
}

/// The fields of a mapping that has known ones only.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    place: Place,
    entries: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// A field's value, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
    }

    /// The value of a field that must be there.
    ///
    /// # Errors
    /// It is not.
    pub fn required(&self, name: &str) -> Result<&'a Node, PlacedError> {
        self.get(name).ok_or_else(|| self.place.error(format!("the field {name} is missing")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str, read: impl Fn(&Node) -> Option<PlacedError>) -> String {
        let error = match parse(text) {
            Ok(node) => read(&node).expect("an error"),
            Err(error) => error,
        };
        error.to_string()
    }

    #[test]
    fn errors_say_line_and_column() {
        let any = |_: &Node| None;
        for (text, error) in [
            ("", "line 1, column 1: there is nothing in it"),
            ("# only this\n", "line 1, column 1: there is nothing in it"),
            ("a: 1\nb: 2\na: 3\n", "line 3, column 1: a is there twice"),
            ("a: &x 1\nb: *x\n", "line 2, column 4: an alias, which is not allowed here"),
            (
                "a: &x {b: 1}\nc:\n  <<: *x\n",
                "line 3, column 3: a merge, which is not allowed here",
            ),
            ("ä: [1, 2\n", "a bracket without its counterpart"),
            ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document starts here"),
            ("1: a\n", "line 1, column 1: a key that is no text; put it in quotes"),
        ] {
            let found = fails(text, any);
            assert!(found.ends_with(error), "{text:?}: {found}");
        }
        let known = |node: &Node| node.fields(&["a"]).err();
        assert_eq!(
            fails("a: 1\n\"b\\n\": 2\n", known),
            "line 2, column 1: unknown field \"b\\n\"; known here: a"
        );
        let text = |node: &Node| node.fields(&["ü"]).unwrap().get("ü").unwrap().text().err();
        assert_eq!(
            fails("ü: on", text),
            "line 1, column 4: a text is expected here, this is true or false; put it in quotes if it is meant as one"
        );
    }

    #[test]
    fn values_are_what_kubectl_takes_them_for() {
        let node = parse("a: [x, 'on', 1_000, yes, ~, 1.5]\n").unwrap();
        let items = node.fields(&["a"]).unwrap().required("a").unwrap().list().unwrap();
        let contents: Vec<&Content> = items.iter().map(|i| &i.content).collect();
        assert_eq!(
            contents,
            [
                &Content::Text("x".to_owned()),
                &Content::Text("on".to_owned()),
                &Content::Integer(1000),
                &Content::Bool(true),
                &Content::Null,
                &Content::Other
            ]
        );
        assert_eq!(items[1].place, Place { line: 1, column: 8 });
    }
}
