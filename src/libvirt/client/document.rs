//! Documents that virsh reads from a file: definitions, the content of small volumes.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;

use super::Client;
use crate::libvirt::Error;
use crate::libvirt::xml::{Element, Node};
use crate::system::fs;
use crate::system::process::LOG_TARGET;

/// What stands in a log in place of a secret.
const MASK: &str = "*";

/// A document that virsh can read at `path` as long as this lives.
pub(in crate::libvirt) struct PassedFile {
    pub(in crate::libvirt) path: String,
    _file: File,
}

impl Client {
    /// The file for a command's option that takes one: virsh reads the document from it. The file has no
    /// name, so it is gone with this process, however that ends.
    pub(in crate::libvirt) fn pass_file(document: &[u8]) -> Result<PassedFile, Error> {
        let mut file = fs::temporary_file()?;
        file.write_all(document).and_then(|()| file.rewind()).map_err(fs::temporary_failed)?;
        Ok(PassedFile { path: path_of(&file), _file: file })
    }

    /// As [`Client::pass_file`], for an XML document.
    ///
    /// # Errors
    /// [`Error::NotKept`] when libvirt would make something else of it.
    pub(in crate::libvirt) fn pass_xml(&self, command: &str, element: &Element) -> Result<PassedFile, Error> {
        if let Some(value) = not_kept(element) {
            return Err(Error::NotKept { value: value.to_owned() });
        }
        let written = |element: &Element| {
            element
                .to_document()
                .map_err(|error| Error::Unexpected { command: command.to_owned(), reason: error.to_string() })
        };
        if log::log_enabled!(target: LOG_TARGET, log::Level::Trace) {
            log::trace!(target: LOG_TARGET, "{command}: {}", written(&masked(element))?);
        }
        Self::pass_file(written(element)?.as_bytes())
    }
}

/// A path by which virsh opens this process' file, whatever has become of its name.
pub(in crate::libvirt) fn path_of(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

/// A text in which such a path stands, with a word for people in its place: the file has no name that means anything.
pub(in crate::libvirt) fn without_paths(text: &str, word: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/proc/") {
        let (before, path) = rest.split_at(at);
        let behind = digits(&path["/proc/".len()..]).and_then(|more| digits(more.strip_prefix("/fd/")?));
        shown.push_str(before);
        match behind {
            Some(behind) => {
                shown.push_str(word);
                rest = behind;
            }
            None => {
                shown.push_str("/proc/");
                rest = &path["/proc/".len()..];
            }
        }
    }
    shown + rest
}

/// What stands behind the digits that a text begins with; `None` when it begins with none.
fn digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// A value that libvirt would not keep: it writes the tabs and line breaks in an attribute unescaped, and takes them for
/// blanks when it reads its own document again, as it does at each start and change. The path of a disk would become that
/// of another file. What stands under `<metadata>` is written by libxml2, which escapes.
fn not_kept(element: &Element) -> Option<&str> {
    // Others XML cannot hold at all.
    let odd = |value: &&str| value.contains(|c| c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'));
    let attribute = element.attributes.iter().map(|(_, value)| value.as_str()).find(odd);
    attribute.or_else(|| element.elements().filter(|child| child.name != "metadata").find_map(not_kept))
}

/// The element as it may stand in a log.
fn masked(element: &Element) -> Element {
    let mut copy = element.clone();
    mask(&mut copy);
    copy
}

fn mask(element: &mut Element) {
    for (name, value) in &mut element.attributes {
        if matches!(name.as_str(), "passwd" | "password") {
            MASK.clone_into(value);
        }
    }
    for node in &mut element.children {
        if let Node::Element(child) = node {
            mask(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libvirt_would_change_is_refused() {
        let disk = |file: &str| {
            let source = Element::new("source").with("file", file);
            Element::new("domain").child(Element::new("devices").child(source))
        };
        for odd in ["/srv/a\tb.x", "/srv/a\nb.x", "/srv/a\rb.x"] {
            assert_eq!(not_kept(&disk(odd)), Some(odd));
        }
        assert_eq!(not_kept(&disk("/srv/  a b & 'c'.x ")), None);
        let noted = Element::new("metadata").child(Element::new("x:note").with("text", "a\nb"));
        assert_eq!(not_kept(&Element::new("domain").child(noted)), None);
        let described = Element::new("domain").child(Element::new("description").text("a\n\tb"));
        assert_eq!(not_kept(&described), None);
    }

    #[test]
    fn files_without_names_are_not_shown_by_their_paths() {
        let shown = |text: &str| without_paths(text, "FILE");
        assert_eq!(shown("from /proc/12/fd/7: no"), "from FILE: no");
        assert_eq!(shown("--file '/proc/1/fd/22' --x /proc/3/fd/4"), "--file 'FILE' --x FILE");
        for text in ["/proc/12/maps", "/proc/self/fd/7", "/proc/", "/proc/1/fd/", "a"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn passwords_are_not_logged() {
        let graphics = Element::new("graphics").with("type", "vnc").with("passwd", "letmein1");
        let domain = Element::new("domain").child(Element::new("devices").child(graphics));
        let logged = masked(&domain).to_document().expect("writes");
        assert!(!logged.contains("letmein1") && logged.contains("vnc"), "{logged}");
        assert_eq!(domain.find_attribute("devices/graphics", "passwd"), Some("letmein1"));
    }
}
