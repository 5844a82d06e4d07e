//! QMP's lines as they come from QEMU: bytes in, messages out. No I/O.

use std::ops::Range;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::command::QemuVersion;
use super::event::{Event, Timestamp};

/// The longest line that is taken, in bytes.
pub const LINE_LIMIT: usize = 10 << 20;

/// What an empty buffer may keep for the next line, in bytes.
const KEPT: usize = 64 << 10;

/// One message of QEMU's. What it says in detail is left as JSON, to be read straight into its own type.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// The first one.
    Greeting(QemuVersion),
    /// The reply to the command of that id; without one for ids that are not of our making.
    Return { id: Option<u64>, value: &'a RawValue },
    /// The refusal of the command of that id; without one also when QEMU could not read the command.
    Refusal { id: Option<u64>, class: String, message: String },
    /// Something happened.
    Event(Event),
}

/// Why there will be no more messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// A line of more than [`LINE_LIMIT`].
    TooLong,
    /// A line that is no QMP.
    Malformed(Malformed),
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON in UTF-8, or a member is of another type than QMP says.
    #[error("not a message of QMP: {0}")]
    Json(String),
    /// An object that is not exactly one of greeting, return, error and event.
    #[error("neither a greeting, a return, an error nor an event")]
    Kind,
    /// A message that has no place here.
    #[error("{0}")]
    OutOfPlace(&'static str),
}

/// Cuts bytes into messages.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is no line's end.
    searched: usize,
    too_long: bool,
}

impl Reader {
    /// Takes the next bytes. [`next`](Self::next) is to be asked until it has no more before the next are
    /// given, so that no more is held than an unfinished line and one piece.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        if self.too_long {
            return;
        }
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let more = chunk.iter().position(|byte| *byte == b'\n').unwrap_or(chunk.len());
        if self.searched == self.buffer.len() && self.searched + more > LINE_LIMIT {
            *self = Self { too_long: true, ..Self::default() };
            return;
        }
        self.make_room(chunk.len());
        self.buffer.extend_from_slice(chunk);
    }

    /// The next message; `None` until there are more bytes. A malformed line is passed over: the next call
    /// goes on behind it. After one that is too long nothing more comes.
    pub(super) fn next(&mut self) -> Result<Option<Message<'_>>, Error> {
        match self.line()? {
            Some(line) => {
                parse(self.buffer.get(line).unwrap_or_default()).map(Some).map_err(Error::Malformed)
            }
            None => Ok(None),
        }
    }

    /// Where the next line that is not blank stands in the buffer.
    fn line(&mut self) -> Result<Option<Range<usize>>, Error> {
        while !self.too_long {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let found = rest.iter().position(|byte| *byte == b'\n');
            let end = self.searched + found.unwrap_or(rest.len());
            if end - self.start > LINE_LIMIT {
                *self = Self { too_long: true, ..Self::default() };
                break;
            }
            if found.is_none() {
                self.searched = end;
                if self.start == end && self.buffer.capacity() > KEPT {
                    *self = Self::default();
                }
                return Ok(None);
            }
            let line = self.start..end;
            (self.start, self.searched) = (end + 1, end + 1);
            if !self.buffer.get(line.clone()).unwrap_or_default().trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
        Err(Error::TooLong)
    }

    /// Doubles the buffer, up to a line's limit.
    fn make_room(&mut self, more: usize) {
        let held = self.buffer.len();
        if self.buffer.capacity() - held < more {
            self.buffer.reserve_exact(more.max(held.min(LINE_LIMIT.saturating_sub(held))));
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

/// A line as serde reads it: every message has one of four members that the others have not.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "QMP", default)]
    greeting: Option<Greeting>,
    #[serde(rename = "return", borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Refusal>,
    #[serde(default)]
    event: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Greeting {
    version: QemuVersion,
}

#[derive(Deserialize)]
struct Refusal {
    class: String,
    desc: String,
}

fn parse(line: &[u8]) -> Result<Message<'_>, Malformed> {
    // serde would take an array for an object too.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(Malformed::Kind);
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| Malformed::Json(error.to_string()))?;
    let id = line.id.and_then(|id| id.get().parse().ok());
    match (line.greeting, line.value, line.error, line.event) {
        (None, Some(value), None, None) => Ok(Message::Return { id, value }),
        (None, None, Some(Refusal { class, desc }), None) => {
            Ok(Message::Refusal { id, class, message: desc })
        }
        (None, None, None, Some(name)) => {
            Ok(Message::Event(Event::new(name, line.data.map(ToOwned::to_owned), line.timestamp)))
        }
        (Some(greeting), None, None, None) => Ok(Message::Greeting(greeting.version)),
        _ => Err(Malformed::Kind),
    }
}

/// A member that is there, be it `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
