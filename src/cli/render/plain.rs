//! A guest's output made safe for a terminal.

/// Takes out of a stream what would do more to a terminal than show text: moves of the cursor, a cleared screen,
/// titles, and questions that the terminal answers on its user's behalf, into the shell. Colours stay.
#[derive(Debug, Default)]
pub struct PlainText {
    state: State,
    sequence: Vec<u8>,
    coloured: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// In `ESC [ ..`, up to its final byte.
    Control,
    /// In `ESC ] ..` and its kin, up to BEL or `ESC \`.
    String,
    /// There, behind ESC.
    StringEscape,
    /// Behind the first byte of a control character's two in UTF-8.
    HighControl,
}

/// A longer one is none.
const LONGEST: usize = 64;

impl PlainText {
    /// What of these bytes may be shown.
    pub fn filter(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.take(*byte, &mut out);
        }
        out
    }

    /// What ends the output: the terminal's own colours, if they were changed.
    pub fn end(&self) -> &'static [u8] {
        if self.coloured { b"\x1b[0m" } else { b"" }
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.state, byte) {
            // These end a sequence wherever it stands (ECMA-48; xterm does so too).
            (_, 0x18 | 0x1a) => self.state = State::Text,
            (State::String, 0x1b) => self.state = State::StringEscape,
            (State::String, 0x07) | (State::StringEscape, b'\\') => self.state = State::Text,
            (State::String, _) => {}
            (_, 0x1b) => self.state = State::Escape,
            (State::StringEscape, _) => {
                self.state = State::Escape;
                self.take(byte, out);
            }
            (State::Escape, b'[') => {
                self.state = State::Control;
                self.sequence.clear();
            }
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => self.state = State::String,
            // `ESC ( B` and its kin go on.
            (State::Escape, 0x20..=0x2f) => {}
            (State::Escape, _) => self.state = State::Text,
            (State::Control, 0x40..=0x7e) => {
                self.state = State::Text;
                let colour =
                    self.sequence.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'));
                if byte == b'm' && colour && self.sequence.len() < LONGEST {
                    self.coloured = true;
                    out.extend_from_slice(b"\x1b[");
                    out.append(&mut self.sequence);
                    out.push(b'm');
                }
            }
            (State::Control, _) if self.sequence.len() < LONGEST => self.sequence.push(byte),
            (State::Control, _) => {}
            (State::HighControl, 0x80..=0x9f) => self.state = State::Text,
            (State::HighControl, _) => {
                self.state = State::Text;
                out.push(0xc2);
                self.take(byte, out);
            }
            (State::Text, 0xc2) => self.state = State::HighControl,
            (State::Text, b'\n' | b'\r' | b'\t') => out.push(byte),
            (State::Text, 0..0x20 | 0x7f) => {}
            (State::Text, _) => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_colours_stay_and_the_rest_goes() {
        for (raw, plain) in [
            ("Debian\r\nnaïve £ \tx\n", "Debian\r\nnaïve £ \tx\n"),
            ("\x1b[0;32mok\x1b[m", "\x1b[0;32mok\x1b[m"),
            ("\x1b[2J\x1b[1;1Hcleared\x1b[6n\x1b[c", "cleared"),
            ("\x1b]0;title\x07a\x1b]52;c;eA==\x1b\\b\x1bP1$r\x1b\\c", "abc"),
            ("\x1bc\x1b(0q\x1b(Bx\x07\x08\x7f", "qx"),
            ("\u{9b}6nx\u{85}", "6nx"),
            ("\x1b[?25l\x1b[>1;2mx", "x"),
            ("\x1b]never ended\x18x", "x"),
        ] {
            let whole = PlainText::default().filter(raw.as_bytes());
            assert_eq!(String::from_utf8_lossy(&whole), plain, "{raw:?}");
            // However it comes in pieces.
            let mut filter = PlainText::default();
            let filtered: Vec<u8> = raw.bytes().flat_map(|byte| filter.filter(&[byte])).collect();
            assert_eq!(filtered, whole, "{raw:?}");
        }
    }

    #[test]
    fn colours_are_put_back() {
        let mut filter = PlainText::default();
        filter.filter(b"x");
        assert_eq!(filter.end(), b"");
        filter.filter(b"\x1b[31mx");
        assert_eq!(filter.end(), b"\x1b[0m");
    }
}
