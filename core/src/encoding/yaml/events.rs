//! The parser's events.

#[cfg(feature = "whole-yaml")]
use granit_parser::{ErrorKind, Parser, StrInput};
use granit_parser::{Event, Marker, Span};

use super::characters::check_characters;
#[cfg(feature = "whole-yaml")]
use super::error::MAX_DEPTH;
use super::error::YamlError;
use super::regular::Regular;

/// Events that a text of any size may have, and how many of its bytes allow for one more. Files as
/// people and programs write them have four bytes or more for each, the densest roster three.
#[cfg(feature = "whole-yaml")]
const EVENTS: usize = 4_096;
#[cfg(feature = "whole-yaml")]
const BYTES_PER_EVENT: usize = 3;
#[cfg(feature = "whole-yaml")]
const TOO_DENSE: &str = "too many values for a text of this size";
/// What the caller never sees where there is the parser, which is asked then.
const IRREGULAR: &str = match cfg!(feature = "whole-yaml") {
    true => "",
    false => "written in an unsupported way; `kubectl` prints it plainly with -o json",
};

/// The parser's events with positions, without what carries no content.
pub(crate) struct Events<'t> {
    source: Source<'t>,
}

enum Source<'t> {
    /// With the number of events that may still come.
    #[cfg(feature = "whole-yaml")]
    Parser(Box<Parser<'t, StrInput<'t>>>, usize),
    Regular(Regular<'t>),
}

impl<'t> Events<'t> {
    #[cfg(not(feature = "whole-yaml"))]
    pub(crate) fn new(text: &'t str) -> Result<Self, YamlError> {
        check_characters(text)?;
        Ok(Self::alone(text))
    }

    #[cfg(feature = "whole-yaml")]
    pub(crate) fn new(text: &'t str) -> Result<Self, YamlError> {
        check_characters(text)?;
        let mut options = granit_parser::options! {
            emit_anchor_events: true,
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        options.set_emit_comments(false);
        let parser = Box::new(Parser::new_from_str_with_options(text, options));
        let allowed = EVENTS.saturating_add(text.len() / BYTES_PER_EVENT);
        Ok(Events { source: Source::Parser(parser, allowed) })
    }

    /// The same events, found faster, until an error says that the text is not regular; it says
    /// nothing else.
    pub(crate) fn regular(text: &'t str) -> Self {
        Events { source: Source::Regular(Regular::new(text)) }
    }

    /// What there is where no parser is built in.
    #[cfg(any(test, not(feature = "whole-yaml")))]
    pub(crate) fn alone(text: &'t str) -> Self {
        Events { source: Source::Regular(Regular::alone(text)) }
    }

    /// The next event; `StreamEnd` from the end on.
    pub(crate) fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        match &mut self.source {
            Source::Regular(regular) => regular.next().ok_or_else(|| regular.irregular(IRREGULAR)),
            #[cfg(feature = "whole-yaml")]
            Source::Parser(parser, allowed) => match parser.next_event() {
                Some(Ok((Event::StreamStart, _))) => self.next(),
                Some(Ok(event)) => {
                    let left = allowed.checked_sub(1);
                    *allowed = left.ok_or_else(|| YamlError::at(&event.1.start, TOO_DENSE))?;
                    Ok(event)
                }
                Some(Err(error)) => Err(YamlError::at(error.marker(), describe(error.kind()))),
                None => Ok((Event::StreamEnd, Span::empty(Marker::new(0, 0, 0)))),
            },
        }
    }

    /// The anchor's place, when the node of the last event has one.
    pub(crate) fn anchor(&mut self, id: usize) -> Result<Option<Span>, YamlError> {
        if id == 0 {
            return Ok(None);
        }
        self.next().map(|(_, span)| Some(span))
    }

    /// Goes to the next document and says where it starts.
    pub(crate) fn peek_document(&mut self) -> Result<Option<Marker>, YamlError> {
        match self.next()? {
            (Event::DocumentStart(_, version), span) => {
                if version.is_some_and(|version| (version.major, version.minor) != (1, 1)) {
                    return Err(YamlError::at(&span.start, "kubectl reads YAML 1.1 only"));
                }
                Ok(Some(span.start))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(feature = "whole-yaml")]
/// The parser's own texts are many, and one of them quotes the input.
fn describe(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownAnchor => "an alias without an anchor before it",
        ErrorKind::RecursionLimitExceeded => "nested too deeply",
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "a tab where YAML allows none",
        ErrorKind::InvalidIndentation
        | ErrorKind::InvalidBlockScalarIndent
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::InvalidFlowScalarIndent => "the indentation does not fit",
        ErrorKind::UnclosedQuotedScalar => "a quoted string that does not end",
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate => "an unknown escape sequence",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => "an unmatched bracket",
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            "a comma or closing bracket is missing"
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey => "a key with a colon is missing",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "a colon where none can stand"
        }
        _ => "not valid YAML",
    }
}
