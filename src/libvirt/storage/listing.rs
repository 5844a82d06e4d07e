//! Reads the table that `vol-list` prints, which is the only command that tells the names of a pool's volumes.
//!
//! ```text
//!  Name           Path
//! ----------------------------------
//!  my disk.img    /pool/my disk.img
//! ```
//!
//! A name may hold any blanks, so the columns alone don't say where it ends. In a pool that is a directory the path does:
//! it is the directory, a slash and the name. virsh prints what a terminal could not show as `\x0a`, and a backslash
//! before an x so too (`vshTableSafeEncode`).

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The name, or where the columns don't tell, each that it may be.
    Named(Vec<String>),
    /// Its name can't be given to virsh: it has a line break, say. This is what the table shows of its path.
    Unnameable(String),
}

/// The rows of the table of a pool whose directory is `directory`; that is empty for one that has none.
pub(super) fn rows(table: &str, directory: &str) -> Vec<Row> {
    let directory = encode(directory);
    // A heading of two lines; a blank line behind the last.
    let lines = table.lines().skip(2).filter_map(|line| line.strip_prefix(' '));
    lines.map(|line| row(line, &directory)).collect()
}

fn row(line: &str, directory: &str) -> Row {
    let (names, path) = match in_directory(line, directory) {
        Some((name, path)) => (vec![name], path),
        None => by_columns(line),
    };
    let decoded: Vec<String> = names.into_iter().filter_map(decode).collect();
    if decoded.is_empty() { Row::Unnameable(path.to_owned()) } else { Row::Named(decoded) }
}

/// The name and the path of a row whose path is the directory and the name.
fn in_directory<'l>(line: &'l str, directory: &str) -> Option<(&'l str, &'l str)> {
    let prefix = format!("   {directory}/");
    line.match_indices(&prefix).find_map(|(at, _)| {
        let name = line.get(at + prefix.len()..)?;
        let padding = line.get(..at)?.strip_prefix(name)?;
        padding.bytes().all(|byte| byte == b' ').then(|| (name, &line[at + 3..]))
    })
}

/// What may be the name: all that stands before a gap as wide as those between columns.
fn by_columns(line: &str) -> (Vec<&str>, &str) {
    let is_gap = |at: &usize| line[*at..].starts_with("   ") && !line[at + 3..].starts_with(' ');
    let gaps: Vec<usize> = line.char_indices().map(|(at, _)| at).filter(is_gap).collect();
    let names: Vec<&str> = gaps.iter().map(|at| line[..*at].trim_end_matches(' ')).collect();
    (names, gaps.first().map_or(line, |at| &line[at + 3..]))
}

/// A text as the table shows it.
fn encode(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c.is_control() || (c == '\\' && text[at + 1..].starts_with('x')) {
            shown.push_str(&format!("\\x{:02x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// What the table shows so; `None` for what virsh's script can't hold, or is no text.
fn decode(shown: &str) -> Option<String> {
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(at) = rest.find("\\x") {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 4)?;
        let byte = u8::from_str_radix(code, 16).ok().filter(u8::is_ascii)?;
        text.push(char::from(byte));
        rest = &rest[at + 4..];
    }
    text.push_str(rest);
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    (!text.is_empty() && !text.contains(odd)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Row {
        Row::Named(vec![name.to_owned()])
    }

    /// The table as virsh 11.3.0 prints it for these names in a pool of that directory.
    fn table(names: &[&str], directory: &str) -> String {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let rows = names.iter().map(|name| format!(" {name:width$}   {directory}/{name}\n"));
        format!(" Name   Path\n-----\n{}\n", rows.collect::<String>())
    }

    #[test]
    fn names_of_any_blanks() {
        let names = [
            "  lead trail .x",
            "$(id).x",
            "a  trail  ",
            "lead",
            "back\\slash.x",
            "x   /tmp/odd pool",
            "a   b   c",
            "Größe 测试.x",
            "json:{\"driver\":\"raw\"}.x",
            "it's.x",
        ];
        let expected: Vec<Row> = names.iter().map(|name| named(name)).collect();
        assert_eq!(rows(&table(&names, "/tmp/odd pool"), "/tmp/odd pool"), expected);
        assert_eq!(rows(&table(&names, ""), ""), expected);
    }

    #[test]
    fn what_virsh_shows_by_number() {
        // virsh 11.3.0, for names with a line break, a tab, `x\x41y`, and bytes that are no UTF-8.
        let shown = ["new\\x0aline.x", "tab\\x09name.x", "x\\x5cx41y", "\\xff\\xff.x"];
        let rows = rows(&table(&shown, "/p"), "/p");
        let unnameable = |path: &str| Row::Unnameable(path.to_owned());
        assert_eq!(
            rows,
            [
                unnameable("/p/new\\x0aline.x"),
                unnameable("/p/tab\\x09name.x"),
                named("x\\x41y"),
                unnameable("/p/\\xff\\xff.x")
            ]
        );
    }

    #[test]
    fn a_pool_without_a_directory_goes_by_its_columns() {
        let text = " Name         Path\n---------\n unit:0:0:1   /dev/disk/by-path/ip-10.0.0.1\n disk one     pool/disk one\n\n";
        assert_eq!(rows(text, "/dev/disk/by-path"), [named("unit:0:0:1"), named("disk one")]);
        let odd = " Name    Path\n-----\n a   b   pool/a   b\n";
        assert_eq!(rows(odd, ""), [Row::Named(vec!["a".into(), "a   b".into(), "a   b   pool/a".into()])]);
        assert!(rows("", "/p").is_empty() && rows(" Name   Path\n-----\n\n", "/p").is_empty());
    }
}
