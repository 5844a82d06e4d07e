use serde::Serialize;
use serde_json::value::RawValue;

use super::command::Command;
use super::error::Error;

/// Commands that are written together, each with its own reply: tuples of up to eight, which is how many
/// QEMU takes ahead (docs/interop/qmp-spec.rst, "Out-of-band execution").
pub trait Batch: Steps {}

impl<B: Steps> Batch for B {}

/// How a command ended.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// With this reply, as JSON.
    Return(&'a RawValue),
    /// It was refused.
    Refusal {
        /// The error's class.
        class: String,
        /// The error's description.
        message: String,
    },
}

/// What the client does with a batch. Outside of this room nobody can name it.
pub trait Steps {
    /// A tuple of the commands' replies, each for itself.
    type Replies;
    /// The replies that came so far.
    type Slots: Default;
    /// The commands' names.
    const NAMES: &'static [&'static str];
    /// Appends the commands' lines, with ids that count from `first_id`.
    fn write(&self, first_id: u64, out: &mut Vec<u8>) -> Result<(), Error>;
    /// Takes the outcome of the command at `index`; false when that one is not missing.
    fn put(slots: &mut Self::Slots, index: usize, outcome: Outcome<'_>) -> bool;
    /// The name of the first command without a reply.
    fn first_missing(slots: &Self::Slots) -> Option<&'static str>;
    /// All replies, when none is missing.
    fn replies(slots: Self::Slots) -> Option<Self::Replies>;
}

macro_rules! batch {
    ($($command:ident $index:tt),+) => {
        impl<$($command: Command),+> Steps for ($($command,)+) {
            type Replies = ($(Result<$command::Reply, Error>,)+);
            type Slots = ($(Option<Result<$command::Reply, Error>>,)+);
            const NAMES: &'static [&'static str] = &[$($command::NAME),+];

            fn write(&self, first_id: u64, out: &mut Vec<u8>) -> Result<(), Error> {
                $(write_command(&self.$index, first_id + $index, out)?;)+
                Ok(())
            }

            fn put(slots: &mut Self::Slots, index: usize, outcome: Outcome<'_>) -> bool {
                match index {
                    $($index if slots.$index.is_none() => slots.$index = Some(decode::<$command>(outcome)),)+
                    _ => return false,
                }
                true
            }

            fn first_missing(slots: &Self::Slots) -> Option<&'static str> {
                $(if slots.$index.is_none() {
                    return Some($command::NAME);
                })+
                None
            }

            fn replies(slots: Self::Slots) -> Option<Self::Replies> {
                Some(($(slots.$index?,)+))
            }
        }
    };
}

batch!(A 0);
batch!(A 0, B 1);
batch!(A 0, B 1, C 2);
batch!(A 0, B 1, C 2, D 3);
batch!(A 0, B 1, C 2, D 3, E 4);
batch!(A 0, B 1, C 2, D 3, E 4, F 5);
batch!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
batch!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

#[derive(Serialize)]
struct Request<A> {
    execute: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<A>,
    id: u64,
}

fn write_command<C: Command>(command: &C, id: u64, out: &mut Vec<u8>) -> Result<(), Error> {
    let request = Request { execute: C::NAME, arguments: command.arguments(), id };
    serde_json::to_writer(&mut *out, &request)
        .map_err(|source| Error::Command { command: C::NAME, source })?;
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn decode<C: Command>(outcome: Outcome<'_>) -> Result<C::Reply, Error> {
    match outcome {
        Outcome::Return(value) => {
            serde_json::from_str(value.get()).map_err(|source| Error::Reply { command: C::NAME, source })
        }
        Outcome::Refusal { class, message } => Err(Error::Refused { command: C::NAME, class, message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qemu::{QomList, QueryBlockStats, QueryStatus};

    #[test]
    fn commands_as_they_go_out() {
        let mut out = Vec::new();
        let commands =
            (QueryStatus, QueryBlockStats { query_nodes: true }, QomList { path: "/a\"\n".into() });
        commands.write(7, &mut out).expect("writes");
        let lines = "{\"execute\":\"query-status\",\"id\":7}\r\n\
                     {\"execute\":\"query-blockstats\",\"arguments\":{\"query-nodes\":true},\"id\":8}\r\n\
                     {\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/a\\\"\\n\"},\"id\":9}\r\n";
        assert_eq!(String::from_utf8_lossy(&out), lines);
    }
}
