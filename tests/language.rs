//! The words of what people read: help, messages, documentation and guides say it as the field does.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};

/// What is not said, and what is.
const NOT_SAID: &[(&[&str], &str)] = &[
    (&["mend", "mends", "mended", "mending"], "fix"),
    (&["go off", "goes off", "went off", "gone off", "going off"], "shut down"),
    (&["is off", "are off"], "is shut off, is inactive"),
    (&["room for", "no room"], "3 GiB free, not enough space"),
    (&["take back", "takes back", "took back", "taken back"], "roll back"),
    (&["give up", "gives up", "gave up", "given up"], "cancel, stop, fail"),
    (&["let go of", "lets go of"], "release"),
    (&["told"], "what it is: reported, known, configured"),
    (&["made of another"], "clone"),
    (&["card", "cards"], "network interface"),
    (&["folder", "folders"], "directory"),
    (&["processor", "processors"], "vCPU, CPU"),
];

/// Where such a word is the right one, or a name that stays.
const SAID: &[&str] = &[
    // Devices that are called so.
    "graphics card",
    "smart card",
    "smart cards",
    "card readers",
    // A guide's file and topic.
    "folders.md",
    "help folders",
];

#[test]
fn what_people_read_is_in_the_words_of_the_field() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    add_files(&root.join("src"), &mut files);
    assert!(files.len() > 400, "{}", files.len());
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let is_rust = file.extension().is_some_and(|ending| ending == "rs");
        let read = if is_rust { read_in_rust(&text) } else { paragraphs(&text) };
        let name = file.strip_prefix(root).unwrap().display().to_string();
        for (line, text) in read {
            for (word, better) in unsaid(&text) {
                found.push(format!("{name}:{line}: {word:?}; say {better}: {text}"));
            }
        }
    }
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
}

#[test]
fn words_are_found_where_they_stand() {
    let words = |text: &str| unsaid(text).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(words("The VM is off, and nobody was told."), ["is off", "told"]);
    assert_eq!(words("A graphics card in {folder}, `a.folder()` and untold"), [""; 0]);
    assert_eq!(words("Folders, and room for more"), ["room for", "folders"]);
    let rust = "/// It is given\n/// up.\nlet a = (b'\"', '\"', r#\"the \"folder\"\"#); // a folder\n//! x";
    let read = read_in_rust(rust);
    let texts: Vec<_> = read.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(texts, [(1, " It is given up."), (3, "the \"folder\""), (4, " x")]);
    // What is compiled for tests alone nobody reads.
    assert!(read_in_rust("#[cfg(test)]\nmod tests {\n    /// A folder.\n}\n").is_empty());
}

/// Which words of the list stand in a text, each with what is said instead.
fn unsaid(text: &str) -> Vec<(&'static str, &'static str)> {
    let mut text = without_code(text).to_lowercase();
    for said in SAID {
        text = text.replace(said, " ");
    }
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    let stands = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    };
    let all = NOT_SAID.iter().flat_map(|(phrases, better)| phrases.iter().map(|phrase| (*phrase, *better)));
    all.filter(|(phrase, _)| stands(phrase)).collect()
}

/// The text without placeholders and code.
fn without_code(text: &str) -> String {
    let mut shown = String::new();
    let mut end = None;
    for c in text.chars() {
        match (end, c) {
            (Some(last), c) if c == last => end = None,
            (Some(_), _) => {}
            (None, '{') => end = Some('}'),
            // A command in a guide is read.
            (None, '`') if !text.contains("vmtools help") => end = Some('`'),
            (None, c) => shown.push(c),
        }
    }
    shown
}

/// The doc comments and the strings in a source, each with the line where it begins. Lines of a comment are one text.
fn read_in_rust(source: &str) -> Vec<(usize, String)> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut read: Vec<(usize, String)> = Vec::new();
    let (mut rest, mut doc_line) = (source, 0);
    while let Some(c) = rest.chars().next() {
        let line = || source[..source.len() - rest.len()].matches('\n').count() + 1;
        if let Some(comment) = rest.strip_prefix("//") {
            let line = line();
            let (text, behind) = comment.split_once('\n').unwrap_or((comment, ""));
            rest = behind;
            let doc = text.strip_prefix('/').or_else(|| text.strip_prefix('!'));
            let Some(doc) = doc.filter(|doc| !doc.starts_with('/')) else { continue };
            match read.last_mut().filter(|_| doc_line + 1 == line && !doc.trim().is_empty()) {
                Some((_, text)) => text.push_str(doc),
                None => read.push((line, doc.to_owned())),
            }
            doc_line = line;
        } else if let Some((text, behind)) = string(rest) {
            // Without a blank it is a key or a name.
            if text.contains(' ') {
                read.push((line(), text.to_owned()));
            }
            rest = behind;
        } else if let Some(behind) = character(rest) {
            rest = behind;
        } else {
            // A name that ends with an r does not begin a raw string.
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let is_raw = matches!(&rest[..word], "r" | "br");
            rest = &rest[if is_raw { word } else { word.max(c.len_utf8()) }..];
        }
    }
    read
}

/// The string literal at the beginning of a source, and what is behind it.
fn string(source: &str) -> Option<(&str, &str)> {
    let raw = source
        .strip_prefix("br")
        .or_else(|| source.strip_prefix('r'))
        .filter(|rest| rest.trim_start_matches('#').starts_with('"'));
    if let Some(raw) = raw {
        let hashes = raw.find('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return raw[hashes + 1..].split_once(&end);
    }
    let text = source.strip_prefix('"')?;
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// What is behind the character literal at the beginning of a source; a lifetime is none.
fn character(source: &str) -> Option<&str> {
    let inner = source.strip_prefix('\'')?;
    let end =
        if inner.starts_with('\\') { inner[2..].find('\'')? + 2 } else { inner.chars().next()?.len_utf8() };
    inner[end..].strip_prefix('\'')
}

/// The paragraphs of a text, each with the line where it begins.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = vec![(1, String::new())];
    for (index, line) in text.lines().enumerate() {
        match all.last_mut() {
            Some((_, text)) if !line.trim().is_empty() => *text = format!("{text} {line}"),
            _ => all.push((index + 2, String::new())),
        }
    }
    all
}

/// All sources and guides below a directory, but what only tests read.
fn add_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "tests" | "snapshots") {
                add_files(&path, files);
            }
        } else if (name.ends_with(".rs") && !name.ends_with("tests.rs")) || name.ends_with(".md") {
            files.push(path);
        }
    }
}
