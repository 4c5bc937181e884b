//! Several JavaScript modules as one script.
//!
//! Every module becomes a function that is called once and gives what it exports. The modules keep to
//! a plain style, so no parser is needed: an `import` stands on one line, an `export` before the
//! declaration that it exports.

use std::error::Error;
use std::fmt::Write as _;

/// One module: its file name and text.
pub struct Module {
    /// As the others import it, `./x.js`.
    pub file: String,
    /// Its source.
    pub text: String,
}

/// One script out of modules that come in the order of their imports.
pub fn bundle(modules: &[Module]) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    for (position, module) in modules.iter().enumerate() {
        let known = &modules[..position];
        let mut exports = Vec::new();
        let mut body = String::new();
        for line in module.text.lines() {
            let line = match line.strip_prefix("export ") {
                Some(declaration) => {
                    exports.push(declared(declaration).ok_or_else(|| odd(module, line))?);
                    declaration.to_owned()
                }
                None if line.starts_with("import ") => {
                    import(line, known).ok_or_else(|| odd(module, line))?
                }
                None => line.to_owned(),
            };
            body.push_str(&line);
            body.push('\n');
        }
        let name = variable(&module.file);
        writeln!(
            out,
            "// {}\nconst {name} = (() => {{\n{body}return {{ {} }};\n}})();\n",
            module.file,
            exports.join(", ")
        )?;
    }
    Ok(out)
}

fn odd(module: &Module, line: &str) -> String {
    format!("{}: cannot be put into one script: {line}", module.file)
}

/// The name in `function x(`, `async function x(`, `const x =`, `let x`, `class X {`.
fn declared(declaration: &str) -> Option<String> {
    let rest = declaration.strip_prefix("async ").unwrap_or(declaration);
    let rest =
        ["function ", "const ", "let ", "class "].iter().find_map(|k| rest.strip_prefix(k))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))?;
    (end > 0).then(|| rest[..end].to_owned())
}

/// `import { a, b } from "./x.js";` or `import * as a from "./x.js";` as a constant.
fn import(line: &str, known: &[Module]) -> Option<String> {
    let (what, from) = line.strip_prefix("import ")?.split_once(" from ")?;
    let from = from.trim_end_matches(';').trim_matches('"');
    let name = variable(&known.iter().find(|m| m.file == from)?.file);
    match what.strip_prefix("* as ") {
        Some(all) => Some(format!("const {all} = {name};")),
        None if what.starts_with('{') => {
            Some(format!("const {} = {name};", what.replace(" as ", ": ")))
        }
        None => None,
    }
}

/// `./tab-request.js` as `module_tab_request`.
fn variable(file: &str) -> String {
    let stem = file.trim_start_matches("./").trim_end_matches(".js");
    let safe: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("module_{safe}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(file: &str, text: &str) -> Module {
        Module { file: file.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn modules_become_functions() {
        let text = bundle(&[
            module("./a.js", "export function one() {}\nexport const TWO = 2;"),
            module(
                "./b.js",
                "import { one, TWO as two } from \"./a.js\";\nimport * as a from \"./a.js\";\none();",
            ),
        ]);
        let text = text.unwrap_or_default();
        assert!(text.contains("return { one, TWO };"), "{text}");
        assert!(text.contains("const { one, TWO: two } = module_a;"), "{text}");
        assert!(text.contains("const a = module_a;"), "{text}");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["import x from \"./a.js\";", "export default 1;", "export * from \"./a.js\";"]
        {
            assert!(bundle(&[module("./a.js", ""), module("./b.js", text)]).is_err(), "{text}");
        }
    }
}
