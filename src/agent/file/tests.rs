use super::*;
use crate::agent::RefusalKind;
use crate::agent::fake::{FakeGuest, wait};

/// More than a chunk either way.
fn content() -> Vec<u8> {
    (0..READ_CHUNK + WRITE_CHUNK + 7).map(|number| (number % 251) as u8).collect()
}

#[test]
fn files_go_both_ways_in_chunks() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let mut offsets = Vec::new();
    let written = wait(client.write_file("/tmp/a", &mut content().as_slice(), |done| offsets.push(done)));
    assert_eq!(written.expect("writes"), content().len() as u64);
    assert_eq!(offsets[..2], [WRITE_CHUNK as u64, 2 * WRITE_CHUNK as u64]);
    assert!(guest.state().files["/tmp/a"] == content());
    let mut output = Vec::new();
    let mut offsets = Vec::new();
    let read = wait(client.read_file("/tmp/a", &mut output, |done| offsets.push(done)));
    assert_eq!(read.expect("reads"), content().len() as u64);
    assert!(output == content());
    assert_eq!(offsets, [READ_CHUNK as u64, content().len() as u64]);
    assert!(guest.state().open.is_empty());
}

#[test]
fn an_empty_file_is_made_and_read() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    assert_eq!(wait(client.write_file("/x", &mut tokio::io::empty(), |_| ())).expect("writes"), 0);
    assert_eq!(wait(client.read_file("/x", &mut Vec::new(), |_| ())).expect("reads"), 0);
}

#[test]
fn a_missing_file_is_told_so() {
    let guest = FakeGuest::new();
    let read = wait(Agent::new(&guest).read_file("/nosuch", &mut Vec::new(), |_| ()));
    let Err(TransferError::Agent(error)) = read else { panic!("{read:?}") };
    assert_eq!(error.refusal(), Some(RefusalKind::NoSuchFile));
}

#[test]
fn what_fails_midway_is_closed() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    guest.state().disk_full_after = Some(WRITE_CHUNK + 10);
    let written = wait(client.write_file("/full", &mut content().as_slice(), |_| ()));
    let short = Error::<crate::agent::fake::Lost>::ShortWrite { written: 10, length: WRITE_CHUNK };
    assert_eq!(written.expect_err("it is full").to_string(), short.to_string());
    assert!(guest.state().open.is_empty());

    guest.state().files.insert("/big".into(), content());
    // Nobody takes the other end.
    let (mut output, other_end) = tokio::io::duplex(64);
    drop(other_end);
    let read = wait(client.read_file("/big", &mut output, |_| ()));
    assert!(matches!(read, Err(TransferError::Local(_))), "{read:?}");
    assert!(guest.state().open.is_empty());

    // One that does not answer is not asked again.
    guest.state().silent.insert("guest-file-read", 1);
    let read = wait(client.read_file("/big", &mut Vec::new(), |_| ()));
    assert!(matches!(read, Err(TransferError::Agent(Error::Silent { .. }))), "{read:?}");
    assert_eq!(guest.state().asked.last().map(String::as_str), Some("guest-file-read"));
}
