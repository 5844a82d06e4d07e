//! What was meant by a name that does not exist.

/// Those of `known` that look like `typed`, the nearest first, three at most. Names may have a section
/// before a dot: a name in the wrong section, or with none, is found too.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (likeness(typed, name), name))
        .filter(|(score, _)| *score >= 0.5)
        .collect();
    // Of several that begin so the shortest is the nearest.
    scored.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.len().cmp(&y.len())).then(x.cmp(y)));
    scored.dedup_by_key(|(_, name)| *name);
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

fn likeness(typed: &str, known: &str) -> f64 {
    let (typed_section, typed_name) = typed.rsplit_once('.').unwrap_or(("", typed));
    let (known_section, known_name) = known.rsplit_once('.').unwrap_or(("", known));
    let same = |a: &str, b: &str| {
        strsim::normalized_damerau_levenshtein(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
    };
    let mut name = same(typed_name, known_name);
    if typed_name.len() >= 3 && known_name.starts_with(typed_name) {
        name = name.max(0.9);
    }
    if typed_section == known_section {
        return name;
    }
    // A wrong section costs something, so that the right one wins among equals.
    name.min(same(typed_section, known_section).max(0.6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized() {
        let known = ["defaults.memory", "defaults.cpus", "wait.timeout", "ui.color", "web", "ubuntu-24.04"];
        for (typed, expected) in [
            ("defaults.memroy", Some("defaults.memory")),
            ("defaults.mem", Some("defaults.memory")),
            ("default.memory", Some("defaults.memory")),
            ("memory", Some("defaults.memory")),
            ("ui.colour", Some("ui.color")),
            ("defaults.xyz", None),
            ("WBE", Some("web")),
            ("ubunut-24.04", Some("ubuntu-24.04")),
            ("db", None),
        ] {
            assert_eq!(nearest(typed, known).first().map(String::as_str), expected, "{typed}");
        }
    }
}
