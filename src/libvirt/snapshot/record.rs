//! What vmtools notes of a snapshot: the last line of its description, such as
//! `vmtools: frozen=yes held-ms=41 expires=2026-12-01T00:00:00Z pinned=yes`.
//!
//! libvirt keeps nothing in a snapshot's document that it has no word for, so there are two places: its description, and
//! the `<metadata>` of the `<domain>` in it. The description, for (all seen with 11.3):
//!
//! - It is written with the snapshot, so there is no moment at which the snapshot is there and the note is not. The
//!   `<domain>` is libvirt's to write, and would have to be replaced afterwards.
//! - To change it, the document is given to libvirt without its `<domain>`, and libvirt keeps the one that it has, with
//!   passwords, device addresses and all.
//! - A revert makes the `<domain>` the domain's definition: the note would be found there, and in every snapshot that is
//!   made later, by whomever, and be taken for that one's.
//! - `virsh snapshot-dumpxml` and virt-manager show it, so whoever looks sees that the snapshot will expire.
//!
//! Whoever rewrites the description by other means may remove the line: then nothing expires, which loses nothing.

use crate::model::Timestamp;

const MARK: &str = "vmtools:";

/// What vmtools notes of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// Whether the guest's file systems were frozen by its agent; `None` where there was nothing to freeze.
    pub frozen: Option<bool>,
    /// How long the guest was held, in milliseconds; `None` for one that did not run.
    pub held_ms: Option<u64>,
    /// When `gc` may delete it.
    pub expires: Option<Timestamp>,
    /// Whether it is kept: it does not expire, and is not deleted unless that is insisted on.
    pub pinned: bool,
    /// The process that is making it: until it is done the disks may not have it.
    pub maker: Option<String>,
    /// What a later vmtools has written, which stays as it is.
    pub others: Vec<String>,
}

impl SnapshotRecord {
    fn parse(line: &str) -> Option<Self> {
        let words = line.strip_prefix(MARK)?;
        let mut record = Self::default();
        for word in words.split_ascii_whitespace() {
            // A line that people wrote.
            let (key, value) = word.split_once('=')?;
            match key {
                "frozen" => record.frozen = Some(value == "yes"),
                "held-ms" => record.held_ms = value.parse().ok(),
                "expires" => record.expires = value.parse().ok(),
                "pinned" => record.pinned = value == "yes",
                "maker" => record.maker = Some(value.to_owned()),
                _ => record.others.push(word.to_owned()),
            }
        }
        Some(record)
    }

    fn line(&self) -> String {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" };
        let known = [
            self.frozen.map(|frozen| format!("frozen={}", yes_no(frozen))),
            self.held_ms.map(|held| format!("held-ms={held}")),
            self.expires.map(|time| format!("expires={time}")),
            self.pinned.then(|| "pinned=yes".to_owned()),
            self.maker.as_ref().map(|maker| format!("maker={maker}")),
        ];
        let words = known.into_iter().flatten().chain(self.others.iter().cloned());
        std::iter::once(MARK.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A description without vmtools' line, and that.
pub(super) fn split(text: &str) -> (String, Option<SnapshotRecord>) {
    let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
    match SnapshotRecord::parse(last.trim_end()) {
        Some(record) => (before.trim_end().to_owned(), Some(record)),
        None => (text.to_owned(), None),
    }
}

/// The description with the line.
pub(super) fn join(description: &str, record: &SnapshotRecord) -> String {
    match description.trim() {
        "" => record.line(),
        description => format!("{description}\n{}", record.line()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> SnapshotRecord {
        SnapshotRecord {
            frozen: Some(false),
            held_ms: Some(41),
            expires: "2026-12-01T00:00:00Z".parse().ok(),
            pinned: true,
            maker: Some("host/1/2".into()),
            others: vec!["schedule=nightly".into()],
        }
    }

    #[test]
    fn it_comes_back_as_it_was() {
        for record in [full(), SnapshotRecord::default()] {
            for description in ["", "one", "one\ntwo", "vmtools: and I", "vmtools: a=b"] {
                let text = join(description, &record);
                assert_eq!(split(&text), (description.to_owned(), Some(record.clone())), "{text}");
            }
        }
        let line = "vmtools: frozen=no held-ms=41 expires=2026-12-01T00:00:00Z pinned=yes maker=host/1/2 schedule=nightly";
        assert_eq!(join("", &full()), line);
    }

    #[test]
    fn what_people_wrote_is_not_taken_for_it() {
        for text in
            ["", "before the upgrade", "vmtools: made it", "vmtools:x", "vmtools: a=b\nmine", " vmtools:"]
        {
            assert_eq!(split(text), (text.to_owned(), None));
        }
    }

    #[test]
    fn values_that_make_no_sense_are_none() {
        let (_, record) = split("vmtools: held-ms=x expires=never pinned=1");
        assert_eq!(record, Some(SnapshotRecord::default()));
    }
}
