use super::template::captures;
use crate::libvirt::client::without_paths;

/// What libvirt's messages begin with, by the kind of error; the rest is the message proper.
const CATEGORIES: [&str; 3] =
    ["internal error: ", "operation failed: ", "Requested operation is not valid: "];

/// What virsh printed, by messages.
pub(super) struct Messages(Vec<String>);

impl Messages {
    pub(super) fn read(stderr: &str) -> Self {
        let mut all: Vec<String> = Vec::new();
        for line in stderr.lines() {
            match (line.strip_prefix("error: "), all.last_mut()) {
                (None, Some(last)) => {
                    last.push('\n');
                    last.push_str(line);
                }
                (begun, _) => all.push(begun.unwrap_or(line).to_owned()),
            }
        }
        for message in &mut all {
            message.truncate(message.trim_end().len());
        }
        all.retain(|message| !message.is_empty());
        Self(all)
    }

    /// libvirt's own message, which comes last.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The same without the kind of error before it.
    pub(super) fn body(&self) -> &str {
        let last = self.last();
        CATEGORIES.iter().find_map(|category| last.strip_prefix(category)).unwrap_or(last)
    }

    /// What stands at the `{}`s of the first of the templates that one of the messages is made by.
    pub(super) fn captures(&self, templates: &[&str]) -> Option<Vec<&str>> {
        self.0.iter().find_map(|message| templates.iter().find_map(|template| captures(message, template)))
    }

    /// Whether a line of libvirt's message ends with the system's words for an error. QEMU's own lines are among them.
    pub(super) fn ends_a_line(&self, words: &str) -> bool {
        self.last()
            .lines()
            .any(|line| line.trim_end().strip_suffix(words).is_some_and(|rest| rest.ends_with(": ")))
    }

    /// Whether a line of libvirt's message, or of what it passes on, is one of these.
    pub(super) fn has_line(&self, is_one: impl Fn(&str) -> bool) -> bool {
        self.last().lines().any(|line| is_one(line.trim_end()))
    }

    /// For people, in one line.
    pub(super) fn joined(&self) -> String {
        let lines = self.0.iter().flat_map(|message| message.lines()).map(str::trim);
        let joined = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": ");
        without_paths(&joined, "the description that vmtools made of it")
    }

    /// Whether one of the messages is that text.
    pub(super) fn has(&self, text: &str) -> bool {
        self.0.iter().any(|message| message == text)
    }
}
