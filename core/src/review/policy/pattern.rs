//! Patterns of names: `*` stands for any run of characters, `?` for any one, everything else for
//! itself. Upper and lower case differ, as they do to the API server.

/// A pattern that a whole name matches or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<char>);

impl Pattern {
    /// A pattern as it is written.
    pub(super) fn new(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Whether the whole of `name` matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let pattern = &self.0;
        let (mut p, mut n) = (0, 0);
        // Behind the last star, and how far that star has reached.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p + 1, n));
                    p += 1;
                }
                Some(c) if *c == '?' || name.get(n) == Some(c) => {
                    p += 1;
                    n += 1;
                }
                _ => {
                    let Some((behind, reached)) = star else { return false };
                    star = Some((behind, reached + 1));
                    (p, n) = (behind, reached + 1);
                }
            }
        }
        pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_matches_or_not() {
        for (pattern, name, matches) in [
            ("alice", "alice", true),
            ("alice", "Alice", false),
            ("alice", "alice2", false),
            ("", "", true),
            ("*", "", true),
            ("*", "system:masters", true),
            ("team-*", "team-", true),
            ("team-*", "team", false),
            ("*@example.com", "alice@example.com", true),
            ("*@example.com", "alice@example.com.evil", false),
            ("*@example.com", "a@example.com@example.com", true),
            ("a*b*c", "abbcbc", true),
            ("a*b*c", "abbcb", false),
            ("?", "ä", true),
            ("?", "", false),
            ("??", "a", false),
            ("[a]", "a", false),
            ("a.c", "abc", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_the_lengths_multiplied() {
        // Backtracking over every star would take ages.
        let pattern = Pattern::new(&"a*".repeat(100));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(50))));
        assert!(!Pattern::new(&format!("{}b", "a*".repeat(100))).matches(&"a".repeat(5000)));
    }
}
