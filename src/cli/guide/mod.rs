//! The guides: a Markdown file a topic. `vmtools help TOPIC` prints it, and `vmtools man` makes a page of section 7
//! of it; on a forge it is read as it is.
//!
//! ```text
//! TOPIC.md ─ document::read ─ Blocks ─┬─ text::render ─ for a terminal or a pipe
//!                                     └─ manual::render ─ roff
//! ```

mod document;
mod manual;
#[cfg(test)]
mod reference;
mod text;

/// Something that a guide explains.
#[derive(Debug)]
pub struct Topic {
    /// The word for it, which is also its file's name.
    pub name: &'static str,
    /// What the guide is about, in half a line.
    pub summary: &'static str,
    markdown: &'static str,
}

macro_rules! topic {
    ($name:literal, $summary:literal) => {
        Topic { name: $name, summary: $summary, markdown: include_str!(concat!($name, ".md")) }
    };
}

/// All guides, in the order in which they are listed.
pub const TOPICS: [Topic; 14] = [
    topic!("images", "The disks that VMs start from: catalogue, downloads, your own"),
    topic!("templates", "Named sets of values for `create`, and the Windows template"),
    topic!("cloud-init", "First-boot configuration of a guest; Ignition"),
    topic!("access", "Getting into a guest: ssh, cp, exec, console, vnc"),
    topic!("waiting", "Waiting until a VM is ready, or has stopped"),
    topic!("changing", "Memory, vCPUs, disks, names, protection, deletion"),
    topic!("clones", "Full, linked and live clones, and forks of running VMs"),
    topic!("snapshots", "The state of a VM, kept: its disks, and its memory"),
    topic!("warm", "Starting new VMs from a saved running state, in seconds"),
    topic!("networks", "Networks, fixed addresses, published ports"),
    topic!("folders", "Sharing directories of this host with a guest"),
    topic!("watching", "The live screen, samples, Prometheus, events, logs"),
    topic!("scripting", "JSON, exit codes, questions, labels, time to live, gc"),
    topic!("connections", "System and session, and other hosts"),
];

impl Topic {
    /// The guide to that topic.
    pub fn find(name: &str) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name == name)
    }

    /// The guide as text of at most `width` columns; code and wide tables may be wider. With `bold`, headings are.
    pub fn text(&self, width: usize, bold: bool) -> String {
        text::render(&document::read(self.markdown), width, bold)
    }

    /// The guide as a man page of section 7.
    pub fn man_page(&self) -> String {
        manual::render(self, &document::read(self.markdown))
    }
}

/// The topics, a line each, as clap lists commands.
pub fn listing() -> String {
    let width = TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or(0);
    let lines = TOPICS.iter().map(|topic| format!("  {:width$}  {}\n", topic.name, topic.summary));
    format!("Topics (`vmtools help TOPIC`):\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read by another reader than the one here has to be found by both.
    #[test]
    fn every_guide_begins_with_its_title_and_ends_with_what_to_see() {
        for topic in &TOPICS {
            let name = topic.name;
            assert!(topic.markdown.starts_with("# "), "{name}");
            assert!(topic.markdown.contains("\n## See also\n"), "{name}");
            let lines = topic.markdown.lines().count();
            assert!((40..=120).contains(&lines), "{name} has {lines} lines");
            let stray: Vec<char> = topic.markdown.chars().filter(|c| !c.is_ascii()).collect();
            assert!(stray.is_empty(), "{name}: a terminal may not show {stray:?}");
        }
    }

    #[test]
    fn text_keeps_to_its_width() {
        for (topic, width) in TOPICS.iter().flat_map(|topic| [60, 80, 100].map(|width| (topic, width))) {
            let text = topic.text(width, false);
            let is_prose = |line: &&str| line.starts_with("  ") && !line.starts_with("      ");
            for line in text.lines().filter(is_prose) {
                assert!(line.chars().count() <= width, "{} at {width}: {line}", topic.name);
            }
            assert!(!text.contains('\x1b'), "{}", topic.name);
            assert!(topic.text(width, true).starts_with("\x1b[1m"), "{}", topic.name);
        }
    }
}
