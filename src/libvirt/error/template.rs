//! Matching of messages against the templates that libvirt makes them by.

/// What stands at the template's `{}`s, if the whole text is made by it.
///
/// A name that libvirt puts into a message may itself read like a part of one. So the template holds at both ends of the
/// text, and where its inner parts occur several times the last one counts: what comes behind a name is libvirt's.
pub(super) fn captures<'t>(text: &'t str, template: &str) -> Option<Vec<&'t str>> {
    let mut literals: Vec<&str> = template.split("{}").collect();
    let first = literals.remove(0);
    let Some(last) = literals.pop() else { return (text == first).then(Vec::new) };
    let mut rest = text.strip_prefix(first)?.strip_suffix(last)?;
    let mut captured = Vec::new();
    for literal in literals.iter().rev() {
        let at = rest.rfind(literal)?;
        captured.push(&rest[at + literal.len()..]);
        rest = &rest[..at];
    }
    captured.push(rest);
    captured.reverse();
    Some(captured)
}

/// Whether the whole text is made by the template.
pub(super) fn is_of(text: &str, template: &str) -> bool {
    captures(text, template).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_holds_at_both_ends() {
        assert_eq!(captures("pool 'a' has jobs", "pool '{}' has jobs"), Some(vec!["a"]));
        assert_eq!(captures("pool 'a' has jobs.", "pool '{}' has jobs"), None);
        assert_eq!(captures("a pool 'a' has jobs", "pool '{}' has jobs"), None);
        assert_eq!(captures("the same", "the same"), Some(vec![]));
        assert_eq!(captures("the same", "the sam"), None);
        assert_eq!(captures("anything", "{}"), Some(vec!["anything"]));
        // The two ends may not overlap.
        assert_eq!(captures("'a'", "'a{}a'"), None);
    }

    #[test]
    fn a_name_that_reads_like_a_message_stays_a_name() {
        let text = "domain 'x' already exists with uuid 1' already exists with uuid 2";
        assert_eq!(
            captures(text, "domain '{}' already exists with uuid {}"),
            Some(vec!["x' already exists with uuid 1", "2"])
        );
        assert_eq!(captures("path '/a': gone': denied", "path '{}': gone"), None);
    }
}
