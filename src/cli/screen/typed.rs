//! What a terminal sends for keys, as keys (ECMA-48, xterm's ctlseqs).

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// One that stands for a character.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Backspace.
    Backspace,
    /// An arrow up.
    Up,
    /// An arrow down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-L: the screen is to be drawn anew.
    Redraw,
    /// No key: the terminal has another size.
    Resize,
}

/// What stands at the beginning of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key, of so many bytes.
    Key(Key, usize),
    /// So many bytes that mean nothing here.
    Nothing(usize),
    /// The beginning of something.
    Partial,
}

/// A longer sequence is none.
const LONGEST: usize = 32;

/// Reads the first key. An Escape alone is partial: it may begin a sequence.
pub fn parse(bytes: &[u8]) -> Typed {
    let key = |key| Typed::Key(key, 1);
    match bytes {
        [] => Typed::Partial,
        [0x03, ..] => key(Key::Interrupt),
        [0x0c, ..] => key(Key::Redraw),
        [b'\r' | b'\n', ..] => key(Key::Enter),
        [0x08 | 0x7f, ..] => key(Key::Backspace),
        [0x1b] => Typed::Partial,
        [0x1b, 0x1b, ..] => key(Key::Escape),
        [0x1b, b'[', rest @ ..] => control(rest),
        [0x1b, b'O', rest @ ..] => match rest {
            [] => Typed::Partial,
            [last, ..] => named(*last, &[]).map_or(Typed::Nothing(3), |key| Typed::Key(key, 3)),
        },
        // Alt and a key.
        [0x1b, ..] => Typed::Nothing(2),
        [0..0x20, ..] => Typed::Nothing(1),
        [first, ..] => character(bytes, *first),
    }
}

/// Behind `ESC [`.
fn control(rest: &[u8]) -> Typed {
    if let [b'[', more @ ..] = rest {
        // The Linux console's function keys.
        return if more.is_empty() { Typed::Partial } else { Typed::Nothing(4) };
    }
    match rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) {
        Some(at) => {
            named(rest[at], &rest[..at]).map_or(Typed::Nothing(at + 3), |key| Typed::Key(key, at + 3))
        }
        None if rest.len() > LONGEST => Typed::Nothing(rest.len() + 2),
        None => Typed::Partial,
    }
}

fn named(last: u8, parameters: &[u8]) -> Option<Key> {
    Some(match (last, parameters) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        (b'M', []) => Key::Enter,
        _ => return None,
    })
}

fn character(bytes: &[u8], first: u8) -> Typed {
    let length = match first {
        0..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
        // The middle of a character.
        _ => return Typed::Nothing(1),
    };
    let Some(whole) = bytes.get(..length) else { return Typed::Partial };
    match std::str::from_utf8(whole).ok().and_then(|text| text.chars().next()) {
        Some(character) if !character.is_control() => Typed::Key(Key::Char(character), length),
        _ => Typed::Nothing(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All keys of the bytes; what is partial at the end stays.
    fn keys(mut bytes: &[u8]) -> (Vec<Key>, usize) {
        let mut keys = Vec::new();
        loop {
            match parse(bytes) {
                Typed::Key(key, length) => {
                    keys.push(key);
                    bytes = &bytes[length..];
                }
                Typed::Nothing(length) => bytes = &bytes[length..],
                Typed::Partial => return (keys, bytes.len()),
            }
        }
    }

    #[test]
    fn keys_are_known() {
        use Key::*;
        let cases: [(&[u8], &[Key]); 9] = [
            (b"pq", &[Char('p'), Char('q')]),
            ("ä漢".as_bytes(), &[Char('ä'), Char('漢')]),
            (b"\x1b[A\x1b[B\x1bOA\x1bOB", &[Up, Down, Up, Down]),
            (b"\x1b[5~\x1b[6~\x1b[H\x1b[4~", &[PageUp, PageDown, Home, End]),
            (b"\r\x7f\x08\x03\x0c", &[Enter, Backspace, Backspace, Interrupt, Redraw]),
            (b"\x1b\x1b[A", &[Escape, Up]),
            // Unknown ones, and a click of the mouse, are passed over.
            (b"\x1b[15~\x1b[[Ax\x1b[<0;10;10M\x1bdy\x01", &[Char('x'), Char('y')]),
            (b"\xff\x80x", &[]),
            (b"\x1b[1;5Aj", &[Up, Char('j')]),
        ];
        for (bytes, expected) in cases {
            if expected.is_empty() {
                continue;
            }
            assert_eq!(keys(bytes), (expected.to_vec(), 0), "{bytes:?}");
        }
        for partial in [&b"\x1b"[..], b"\x1b[", b"\x1b[1;", b"\x1bO", b"\xe6\xbc", b"\x1b[["] {
            assert_eq!(keys(partial), (vec![], partial.len()), "{partial:?}");
        }
    }
}
