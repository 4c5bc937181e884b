//! Selectors of lists and watches.

/// A field selector: objects whose `field` has this very value.
///
/// The value is escaped as the server's parser wants it (`apimachinery/pkg/fields/selector.go`); for the
/// URL it has yet to be encoded.
pub fn field_is(field: &str, value: &str) -> String {
    let mut selector = format!("{field}=");
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '=') {
            selector.push('\\');
        }
        selector.push(c);
    }
    selector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_the_parser_is_escaped() {
        assert_eq!(field_is("metadata.name", "alice"), "metadata.name=alice");
        assert_eq!(field_is("metadata.name", r"a=b,c\d!"), r"metadata.name=a\=b\,c\\d!");
    }
}
