//! Requests and replies as text. No I/O.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::command::Command;

/// The longest request that can be sent, in bytes. The agent's line has been seen to hang at longer ones (libvirt
/// 11.3.0, QEMU 10.0.2).
pub const REQUEST_LIMIT: usize = 256 << 10;
/// The longest reply that libvirt passes on, in bytes (`REMOTE_STRING_MAX` of its remote protocol).
pub const REPLY_LIMIT: usize = 4 << 20;

#[derive(Serialize)]
struct Request<A> {
    execute: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<A>,
}

/// The command as a request: for who has another way to send it, such as a script that has to thaw what it froze.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn request<C: Command>(command: &C) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::with_capacity(128);
    let request = Request { execute: C::NAME, arguments: command.arguments() };
    request.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, PrintableAscii))?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// JSON in printable ASCII: virsh's script can hold no control characters, of which JSON escapes only some.
struct PrintableAscii;

impl serde_json::ser::Formatter for PrintableAscii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            let mut units = [0; 2];
            match character {
                ' '..='~' => write!(writer, "{character}")?,
                _ => {
                    for unit in character.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A reply of the agent's. What it says in detail is left as JSON, to be read straight into its own type.
#[derive(Debug)]
pub(super) enum Reply<'a> {
    /// The command was carried out.
    Return(&'a RawValue),
    /// It was not, by this description.
    Error(String),
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "return", borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Described>,
}

/// The class says little (`GenericError` nearly always), and libvirt does not pass it on.
#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    class: String,
}

/// Reads a reply. Members that are not known, such as an id, are passed over.
pub(super) fn parse(text: &str) -> Result<Reply<'_>, serde_json::Error> {
    // serde would take an array for an object too.
    if !text.trim_start().starts_with('{') {
        return Err(serde::de::Error::custom("not an object"));
    }
    let line: Line<'_> = serde_json::from_str(text)?;
    match (line.value, line.error) {
        (Some(value), None) => Ok(Reply::Return(value)),
        (None, Some(error)) => Ok(Reply::Error(error.desc.unwrap_or(error.class))),
        _ => Err(serde::de::Error::custom("neither a return nor an error")),
    }
}

/// Bytes in base64, for `#[serde(with)]`.
pub(super) mod base64 {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
