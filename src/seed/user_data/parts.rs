//! What cloud-init sees in user-data: its parts with their types, as user_data.py and handlers/__init__.py tell
//! them.

use std::io::Read;

use super::fault::{UserDataFault, UserDataWarning};
use super::message;
use super::yaml::Yaml;

/// More than a seed holds.
const MAX_UNPACKED_BYTES: u64 = 16 << 20;
/// Deeper nesting of archives than anybody writes.
const MAX_DEPTH: usize = 8;

/// How a gzip file begins.
pub(super) const GZIP: &[u8] = b"\x1f\x8b";

/// The beginnings by which cloud-init tells parts apart (INCLUSION_TYPES_MAP), longer ones before those that they
/// begin with.
const TYPES: [(&[u8], Kind); 9] = [
    (b"#cloud-config-archive", Kind::Archive),
    (b"#cloud-config-jsonp", Kind::Jsonp),
    (b"#cloud-config", Kind::CloudConfig),
    (b"#cloud-boothook", Kind::Boothook),
    (b"#include-once", Kind::IncludeOnce),
    (b"#include", Kind::Include),
    (b"#part-handler", Kind::PartHandler),
    (b"## template: jinja", Kind::Jinja),
    (b"#!", Kind::Script),
];

/// What cloud-init does with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    CloudConfig,
    Archive,
    Jsonp,
    Boothook,
    Include,
    IncludeOnce,
    PartHandler,
    Jinja,
    Script,
}

/// A part that cloud-init does something with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Its place among all parts, from 1.
    pub(super) number: usize,
    pub(super) kind: Kind,
    /// Whether a header says how a cloud-config is merged.
    pub(super) merges: bool,
    pub(super) bytes: Vec<u8>,
}

impl Kind {
    /// Its MIME type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::CloudConfig => "text/cloud-config",
            Self::Archive => "text/cloud-config-archive",
            Self::Jsonp => "text/cloud-config-jsonp",
            Self::Boothook => "text/cloud-boothook",
            Self::Include => "text/x-include-url",
            Self::IncludeOnce => "text/x-include-once-url",
            Self::PartHandler => "text/part-handler",
            Self::Jinja => "text/jinja2",
            Self::Script => "text/x-shellscript",
        }
    }

    fn of_type(content_type: &str) -> Option<Self> {
        Some(match content_type {
            // In folders of scripts that run at other times.
            "text/x-shellscript-per-boot"
            | "text/x-shellscript-per-instance"
            | "text/x-shellscript-per-once" => Self::Script,
            other => TYPES.iter().map(|(_, kind)| *kind).find(|kind| kind.content_type() == other)?,
        })
    }

    /// By the first line; blanks before it and capitals don't matter (type_from_starts_with).
    pub(super) fn of_beginning(bytes: &[u8]) -> Option<Self> {
        let text = bytes.trim_ascii_start();
        let starts =
            |mark: &[u8]| text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
        TYPES.iter().find(|(mark, _)| starts(mark)).map(|(_, kind)| *kind)
    }

    /// Whether its first line has to begin the file: the kernel and cloud-init's templates look no further.
    pub(super) fn begins_at_once(self) -> bool {
        matches!(self, Self::Script | Self::Jinja)
    }
}

/// Unpacked, if it is a gzip file.
///
/// # Errors
/// When it can't be unpacked.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, UserDataFault> {
    if !bytes.starts_with(GZIP) {
        return Ok(bytes.to_vec());
    }
    let mut unpacked = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(MAX_UNPACKED_BYTES + 1);
    let read = reader.read_to_end(&mut unpacked);
    match read {
        Ok(count) if (count as u64) <= MAX_UNPACKED_BYTES => Ok(unpacked),
        _ => Err(UserDataFault::Packed),
    }
}

/// The parts of user-data, which has been unpacked.
///
/// # Errors
/// When cloud-init would pass over the whole.
pub(super) fn contents(bytes: &[u8]) -> Result<(Vec<Content>, Vec<UserDataWarning>), UserDataFault> {
    let mut reader = Reader::default();
    if message::is_message(bytes) {
        let (leaves, warnings) = message::leaves(bytes)?;
        reader.warnings = warnings;
        for leaf in leaves {
            reader.add(&leaf.content_type, leaf.content, leaf.merges, 0);
        }
    } else {
        let kind = Kind::of_beginning(bytes).ok_or(UserDataFault::UnknownKind)?;
        reader.add(kind.content_type(), bytes.to_vec(), false, 0);
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    count: usize,
    contents: Vec<Content>,
    warnings: Vec<UserDataWarning>,
}

impl Reader {
    fn add(&mut self, content_type: &str, bytes: Vec<u8>, merges: bool, depth: usize) {
        let is_packed = content_type.contains("gzip") || content_type.contains("gunzip");
        let (content_type, bytes) = match is_packed.then(|| unpack(&bytes)) {
            Some(Ok(unpacked)) => ("text/plain", unpacked),
            _ => (content_type, bytes),
        };
        // These types are not believed.
        let sniffed = matches!(content_type, "text/plain" | "text/x-not-multipart" | "text/x-shellscript");
        let by_beginning = sniffed.then(|| Kind::of_beginning(&bytes)).flatten();
        let Some(kind) = by_beginning.or_else(|| Kind::of_type(content_type)) else {
            self.count += 1;
            let content_type = content_type.to_owned();
            self.warnings.push(UserDataWarning::UnknownPart { number: self.count, content_type });
            return;
        };
        if kind == Kind::Archive && depth < MAX_DEPTH {
            return self.explode(&bytes, depth);
        }
        self.count += 1;
        if kind == Kind::Script && !bytes.starts_with(b"#!") {
            self.warnings.push(UserDataWarning::NoInterpreter { number: self.count });
        }
        self.contents.push(Content { number: self.count, kind, merges, bytes });
    }

    /// A list of parts in YAML (_explode_archive).
    fn explode(&mut self, bytes: &[u8], depth: usize) {
        let text = String::from_utf8_lossy(bytes);
        let Some(Yaml::List(entries)) = super::cloud_config::parse(&text).ok().flatten() else { return };
        for entry in entries {
            let (content, given) = match &entry {
                Yaml::Text(text) => (text.as_str(), None),
                entry => {
                    let text = |key| entry.get(key).and_then(Yaml::text);
                    (text("content").unwrap_or_default(), text("type"))
                }
            };
            let guessed =
                || Kind::of_beginning(content.as_bytes()).unwrap_or(Kind::CloudConfig).content_type();
            let merges = entry.get("merge-type").is_some() || entry.get("Merge-Type").is_some();
            self.add(given.unwrap_or_else(guessed), content.as_bytes().to_vec(), merges, depth + 1);
        }
    }

    /// A handler of the user's own may take parts of any type.
    fn finish(mut self) -> (Vec<Content>, Vec<UserDataWarning>) {
        if self.contents.iter().any(|content| content.kind == Kind::PartHandler) {
            self.warnings.retain(|warning| !matches!(warning, UserDataWarning::UnknownPart { .. }));
        }
        (self.contents, self.warnings)
    }
}
