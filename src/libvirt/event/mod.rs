//! Reads what `virsh event --all --loop --timestamp` prints.
//!
//! Mostly a line each, some with lines behind it (virsh's `tools/virsh-domain-event.c`):
//!
//! ```text
//! 2026-11-25 22:07:12.892+0000: event 'lifecycle' for domain 'web': Defined Added
//! 2026-11-25 22:07:13.699+0000: event 'reboot' for domain 'web'
//! 2026-11-25 22:07:18.489+0000: event 'tray-change' for domain 'web' disk sata0-0-0: opened
//! 2026-11-25 22:07:19.194+0000: event 'tunable' for domain 'web':
//! <tab>blkdeviotune.disk: sda
//! <tab>blkdeviotune.total_iops_sec: 100
//! ```
//!
//! Nothing tells where the last of such lines is but the next event, or silence.

mod feed;

use std::collections::VecDeque;

pub use feed::EventFeed;

use crate::model::Timestamp;

/// An event of a domain, as virsh prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When virsh heard of it.
    pub time: Timestamp,
    /// libvirt's name for its kind, such as `lifecycle` or `device-added`.
    pub kind: String,
    /// What stands behind `for domain '`.
    tail: String,
    /// The lines behind the first.
    more: Vec<String>,
}

impl Notice {
    /// The domain's name, and libvirt's words on what happened. A name may hold whatever stands between the
    /// two, so of several ways to part them the one is taken whose name is known.
    pub fn read(&self, known: impl Fn(&str) -> bool) -> (&str, String) {
        let candidates = self.candidates();
        let way = candidates.iter().find(|(name, _)| known(name)).or(candidates.first());
        let (name, detail) = way.copied().unwrap_or((&self.tail, ""));
        let words = std::iter::once(detail).chain(self.more.iter().map(|line| line.trim()));
        (name, words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", "))
    }

    /// The ways to part name and detail, the likeliest first.
    fn candidates(&self) -> Vec<(&str, &str)> {
        let kind = self.kind.as_str();
        let ends = |end| self.tail.strip_suffix(end).map(|name| (name, ""));
        let between = if matches!(kind, "tray-change" | "disk-change") { "' disk " } else { "': " };
        let parted = self.tail.rmatch_indices(between);
        let parted = parted.map(|(at, between)| (&self.tail[..at], &self.tail[at + between.len()..]));
        match kind {
            // libvirt's own words, so there is just one way.
            "lifecycle" => parted.take(1).collect(),
            "reboot" | "control-error" | "pm-wakeup" | "pm-suspend" | "pm-suspend-disk" => {
                ends("'").into_iter().collect()
            }
            _ => ends("':").into_iter().chain(parted).chain(ends("'")).collect(),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (time, rest) = line.split_once(": event '")?;
        let time = time.strip_suffix("+0000")?.parse().ok()?;
        let (kind, tail) = rest.split_once("' for domain '")?;
        Some(Self { time, kind: kind.to_owned(), tail: tail.to_owned(), more: Vec::new() })
    }

    /// Whether more lines may belong to it.
    fn may_go_on(&self) -> bool {
        self.kind == "graphics" || self.tail.ends_with("':")
    }
}

/// Puts lines together to notices.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    open: Option<Notice>,
    done: VecDeque<Notice>,
}

impl Assembler {
    /// Takes the next line, without its end.
    pub(super) fn push(&mut self, line: &str) {
        match Notice::parse(line) {
            Some(notice) => {
                self.complete();
                if notice.may_go_on() {
                    self.open = Some(notice);
                } else {
                    self.done.push_back(notice);
                }
            }
            None if is_farewell(line) => self.complete(),
            None => {
                if let Some(notice) = &mut self.open {
                    notice.more.push(line.to_owned());
                }
            }
        }
    }

    /// Whether the last notice may go on, and silence has to tell that it doesn't.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The last notice is whole.
    pub(super) fn complete(&mut self) {
        self.done.extend(self.open.take());
    }

    /// The next notice that is whole.
    pub(super) fn next(&mut self) -> Option<Notice> {
        self.done.pop_front()
    }
}

/// What virsh says at its end.
fn is_farewell(line: &str) -> bool {
    line.is_empty() || line.starts_with("event loop ") || line.starts_with("events received: ")
}

#[cfg(test)]
mod tests;
