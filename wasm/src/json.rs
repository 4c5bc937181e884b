//! JSON text, written piece by piece: writers for any structure would be larger than all of this crate.

use serde_json::{Map, Value};

/// An object in the making.
pub struct Json(String);

impl Default for Json {
    fn default() -> Self {
        Self::new()
    }
}

impl Json {
    /// Without fields.
    #[must_use]
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
    }

    /// With a text.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.name(name);
        quote(&mut self.0, text);
        self
    }

    /// With a text, or `null`.
    #[must_use]
    pub fn text_or_null(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self.json(name, "null"),
        }
    }

    /// With a list of texts.
    #[must_use]
    pub fn texts(self, name: &str, texts: &[String]) -> Self {
        let quoted = texts.iter().map(|text| {
            let mut out = String::new();
            quote(&mut out, text);
            out
        });
        let list = list(quoted);
        self.json(name, &list)
    }

    /// With a number, or `null`.
    #[must_use]
    pub fn number(self, name: &str, number: Option<i64>) -> Self {
        let text = number.map(|number| number.to_string());
        self.json(name, text.as_deref().unwrap_or("null"))
    }

    /// With yes or no.
    #[must_use]
    pub fn flag(self, name: &str, yes: bool) -> Self {
        self.json(name, if yes { "true" } else { "false" })
    }

    /// With anything that is JSON already.
    #[must_use]
    pub fn json(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    /// The text.
    #[must_use]
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A list of what is JSON already.
pub fn list(items: impl Iterator<Item = String>) -> String {
    let mut out = "[".to_owned();
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
    out
}

/// JSON, or `null`.
#[must_use]
pub fn or_null(json: Option<String>) -> String {
    json.unwrap_or_else(|| "null".to_owned())
}

/// An object of any values.
#[must_use]
pub fn object(map: &Map<String, Value>) -> String {
    map.iter().fold(Json::new(), |object, (name, value)| object.json(name, &any(value))).end()
}

fn any(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => if *yes { "true" } else { "false" }.to_owned(),
        // Core makes no other numbers.
        Value::Number(number) => number.as_i64().unwrap_or_default().to_string(),
        Value::String(text) => {
            let mut out = String::new();
            quote(&mut out, text);
            out
        }
        Value::Array(items) => list(items.iter().map(any)),
        Value::Object(map) => object(map),
    }
}

fn quote(out: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\0'..='\u{1f}' => {
                let code = c as usize;
                out.push_str("\\u00");
                out.push(char::from(DIGITS[code >> 4]));
                out.push(char::from(DIGITS[code & 15]));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_what_was_meant() {
        let hostile = "\"\\\0\u{1f}\n</script>\u{2028}\u{202e}é🦀";
        let written = Json::new()
            .text("a", hostile)
            .text(hostile, "")
            .text_or_null("b", None)
            .texts("c", &[hostile.to_owned(), String::new()])
            .texts("d", &[])
            .number("e", Some(-7))
            .number("f", None)
            .flag("g", true)
            .json("h", &list([Json::new().end(), or_null(None)].into_iter()))
            .end();
        let meant = json!({
            "a": hostile, hostile: "", "b": null, "c": [hostile, ""], "d": [], "e": -7, "f": null,
            "g": true, "h": [{}, null],
        });
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), meant);
        assert_eq!(object(meant.as_object().unwrap()), written);
    }
}
