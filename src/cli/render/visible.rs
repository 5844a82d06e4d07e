//! Text of others (names of VMs, networks, files, a tool's words) made safe for a terminal: libvirt takes almost any
//! name, and one that holds an escape sequence would move the cursor, and one that turns the direction of writing
//! would look like another.

use std::borrow::Cow;

/// The text with all that would not show itself written out, as in `\u{1b}`: control characters, line breaks, and what
/// turns the direction of writing or has no width. For a name, a cell, a line's value.
pub fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, is_shown)
}

/// The same, but that line breaks and tabs stay: for a text of several lines.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| matches!(c, '\n' | '\t') || is_shown(c))
}

/// A JSON document with the same characters escaped, where serde leaves them as they are: its value is the same.
pub fn visible_json(document: String) -> String {
    // Outside of strings JSON has line breaks alone.
    if document.chars().all(|c| c == '\n' || is_shown(c)) {
        return document;
    }
    let mut text = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if c == '\n' || is_shown(c) {
            text.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
    }
    text
}

fn replaced(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&stays) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if stays(c) => shown.push(c),
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            _ => shown.extend(c.escape_unicode()),
        }
    }
    shown.into()
}

/// Whether a terminal shows the character and does nothing else. Rust knows what is printable; a mark that belongs to
/// the character before it is so behind one.
fn is_shown(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // Tags, which no terminal shows.
    if matches!(c, '\u{e0000}'..='\u{e0fff}') {
        return false;
    }
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length]).is_ok_and(|pair| pair.escape_debug().nth(2).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_itself_stays() {
        for text in ["web", "a b", "it's \"x\" \\", "naïve", "e\u{301}", "日本語", "🦀", "ΑΒΓ", "שלום", ""]
        {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text:?}");
            assert_eq!(visible_lines(text), text);
            assert_eq!(visible_json(text.to_owned()), text);
        }
    }

    #[test]
    fn what_would_do_more_is_written_out() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", r"a\u{1b}[2Jb"),
            ("a\nerror: b\r\tc", r"a\nerror: b\r\tc"),
            ("\u{7}\u{0}\u{7f}", r"\u{7}\u{0}\u{7f}"),
            ("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}"),
            ("a\u{202e}txt.exe", r"a\u{202e}txt.exe"),
            ("\u{2066}x\u{2069}\u{200f}", r"\u{2066}x\u{2069}\u{200f}"),
            ("w\u{200b}eb\u{a0}\u{2028}\u{feff}", r"w\u{200b}eb\u{a0}\u{2028}\u{feff}"),
            ("x\u{e0041}\u{e000}", r"x\u{e0041}\u{e000}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_lines("a\n\tb\u{1b}c\r\n"), "a\n\tb\\u{1b}c\\r\n");
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({"name": "a\u{9b}\u{202e}\u{1b}\n\u{e0041}\u{7f}é\"", "b": [1, 2]});
        for document in [serde_json::to_string(&value), serde_json::to_string_pretty(&value)] {
            let text = visible_json(document.expect("writes"));
            assert!(text.chars().all(|c| c == '\n' || is_shown(c)), "{text:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("parses"), value);
        }
    }
}
