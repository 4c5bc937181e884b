//! Random kubeconfigs in block style, as kubectl and people write them.

use super::*;

pub(super) struct Block<'r> {
    random: &'r mut Random,
    out: String,
    offset: usize,
    unit: usize,
    anchors: Vec<String>,
}

impl<'r> Block<'r> {
    pub(super) fn new(random: &'r mut Random) -> Self {
        let (offset, unit) = (random.pick(&[0, 0, 2, 4]), random.pick(&[2, 2, 1, 4]));
        Block { random, out: String::new(), offset, unit, anchors: Vec::new() }
    }

    pub(super) fn file(mut self) -> String {
        if self.random.one_in(6) {
            self.out.push_str("---\n");
        }
        let mut parts = [0, 1, 2, 3, 4, 5, 6];
        for at in (1..parts.len()).rev() {
            parts.swap(at, self.random.below(at + 1));
        }
        for part in parts {
            self.noise(0);
            match part {
                0 => self.section("clusters", "cluster"),
                1 => self.section("users", "user"),
                2 => self.section("contexts", "context"),
                3 => self.line(0, "apiVersion: v1"),
                4 => self.line(0, "kind: Config"),
                5 if self.random.one_in(2) => {
                    let name = scalar(self.random, NAMES[self.random.0 as usize % NAMES.len()]);
                    self.line(0, &format!("current-context: {name}"));
                }
                6 if self.random.one_in(3) => self.line(0, "x-unknown: {a: [1, yes, ~], b: 'c'}"),
                _ => {}
            }
        }
        self.noise(0);
        if self.random.one_in(12) {
            self.out.push_str("...\n");
        }
        self.out
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = write!(self.out, "{:indent$}{text}", "");
        if self.random.one_in(8) && !text.ends_with('|') {
            self.out.push_str(if self.random.one_in(2) { " # note" } else { "\t# note: [x" });
        }
        if self.random.one_in(15) {
            self.out.push_str("  ");
        }
        self.out.push('\n');
    }

    /// Comments and blank lines.
    fn noise(&mut self, indent: usize) {
        while self.random.one_in(6) {
            match self.random.below(3) {
                0 => self.out.push('\n'),
                1 => {
                    let indent = self.random.below(indent + 3);
                    let _ = writeln!(self.out, "{:indent$}# users: ['{{", "");
                }
                _ => {
                    let _ = writeln!(self.out, "{:indent$}# - name: x", "");
                }
            }
        }
    }

    fn key(&mut self, key: &str) -> String {
        match self.random.below(12) {
            0 => format!("\"{key}\""),
            1 => format!("'{key}'"),
            2 => format!("{key} "),
            _ => key.to_owned(),
        }
    }

    fn section(&mut self, section: &str, body_key: &str) {
        let key = self.key(section);
        match self.random.below(14) {
            0 => return,
            1 => return self.line(0, &format!("{key}: []")),
            2 => return self.line(0, &format!("{key}: null")),
            3 => return self.line(0, &format!("{key}:")),
            4 => return self.flow_section(&key, body_key),
            _ => {}
        }
        self.line(0, &format!("{key}:"));
        let dash = self.offset;
        for name in names(self.random) {
            self.noise(dash);
            let gap = self.random.pick(&[1, 1, 1, 3]);
            let column = dash + 1 + gap;
            if self.random.one_in(8) {
                let body = self.flow_body(body_key);
                let name = scalar(self.random, name);
                self.line(dash, &format!("-{:gap$}{{name: {name}, {body_key}: {body}}}", ""));
                continue;
            }
            let name_first = self.random.one_in(2);
            let _ = write!(self.out, "{:dash$}-{:gap$}", "", "");
            let name_key = self.key("name");
            let name_line = format!("{name_key}: {}", scalar(self.random, name));
            if name_first {
                self.line(0, &name_line);
                self.noise(column);
                self.body(body_key, column, column);
            } else {
                self.body(body_key, 0, column);
                self.noise(column);
                self.line(column, &name_line);
            }
            if self.random.one_in(10) {
                self.line(column, "note: {a: b}");
            }
        }
    }

    fn flow_section(&mut self, key: &str, body_key: &str) {
        let many_lines = self.random.one_in(2);
        let mut entries = Vec::new();
        for name in names(self.random) {
            let body = self.flow_body(body_key);
            let name = scalar(self.random, name);
            entries.push(format!("{{name: {name}, {body_key}: {body}}}"));
        }
        if many_lines {
            let comma = if self.random.one_in(3) { "," } else { "" };
            self.line(0, &format!("{key}: [\n  {}{comma}\n  ]", entries.join(",\n  ")));
        } else {
            self.line(0, &format!("{key}: [{}]", entries.join(", ")));
        }
    }

    fn flow_body(&mut self, body_key: &str) -> String {
        let field = field(self.random, body_key);
        let text = self.random.pick(&TEXTS);
        let text = scalar(self.random, text);
        match self.random.below(4) {
            0 => "{}".into(),
            1 => "null".into(),
            2 => format!("{{{field}: {text}}}"),
            _ => format!("{{ \"{field}\": {text}, x-note: [1, {{a: b}}] }}"),
        }
    }

    fn body(&mut self, body_key: &str, first: usize, column: usize) {
        let key = self.key(body_key);
        match self.random.below(12) {
            0 => return self.line(first, &format!("{key}: {{}}")),
            1 => return self.line(first, &format!("{key}:")),
            2 => {
                let body = self.flow_body(body_key);
                return self.line(first, &format!("{key}: {body}"));
            }
            3 if !self.anchors.is_empty() => {
                // What is of another kind has other fields, which are unknown there.
                let anchor = self.random.pick(&self.anchors);
                return self.line(first, &format!("{key}: *{anchor}"));
            }
            4 => {
                let anchor = format!("a{}", self.anchors.len());
                self.line(first, &format!("{key}: &{anchor}"));
                self.anchors.push(anchor);
            }
            _ => self.line(first, &format!("{key}:")),
        }
        let indent = column + self.unit;
        let mut fields = vec![field(self.random, body_key)];
        if self.random.one_in(2) {
            fields.push("x-more");
        }
        if body_key == "user" && self.random.one_in(3) {
            fields.push("client-certificate-data");
        }
        if self.random.one_in(6) && !self.anchors.is_empty() && self.out.contains(" *a") {
            let known = format!("<<: *{}", self.anchors[0]);
            if self.out.contains(&format!("&{}", self.anchors[0])) && self.anchors.len() > 1 {
                self.line(indent, &known);
            }
        }
        for field in fields {
            self.noise(indent);
            let key = self.key(field);
            if field == "client-certificate-data" {
                self.line(indent, &format!("{key}: |"));
                self.line_of_data(indent + 2);
                continue;
            }
            let text = self.random.pick(&TEXTS);
            if text.contains('\n') && self.random.one_in(2) {
                let chomp = self.random.pick(&["", "-", "+"]);
                let _ = writeln!(self.out, "{:indent$}{key}: |{chomp}", "");
                let inner = indent + 2;
                let _ = writeln!(self.out, "{:inner$}multi\n{:inner$}# line", "", "");
                if self.random.one_in(3) {
                    self.out.push_str("\n\n");
                }
                continue;
            }
            let text = scalar(self.random, text);
            self.line(indent, &format!("{key}: {text}"));
        }
    }

    fn line_of_data(&mut self, indent: usize) {
        let _ = writeln!(
            self.out,
            "{:indent$}LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\n{:indent$}Cg==",
            "", ""
        );
    }
}
