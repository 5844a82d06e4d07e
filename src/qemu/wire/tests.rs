use std::env;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/qmp/", $name))
    };
}

const RECORDED: [&str; 4] = [
    recorded!("replies-7.2.18.txt"),
    recorded!("replies-10.0.2.txt"),
    recorded!("events-7.2.18.txt"),
    recorded!("events-10.0.2.txt"),
];

/// A message or an error, to be compared. All that is in the messages is in it.
fn shown(message: Result<Message<'_>, Error>) -> String {
    match message {
        Ok(Message::Event(event)) => format!("{event:?} {}", event.data_json()),
        Ok(message) => format!("{message:?}"),
        Err(error) => format!("{error:?}"),
    }
}

/// What comes of these pieces; and the most that was held meanwhile.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, usize) {
    let mut reader = Reader::default();
    let (mut messages, mut most) = (Vec::new(), 0);
    for chunk in chunks {
        reader.push(chunk);
        most = most.max(reader.capacity());
        loop {
            match reader.next() {
                Ok(None) => break,
                Ok(Some(message)) => messages.push(shown(Ok(message))),
                Err(Error::TooLong) => {
                    messages.push(shown(Err(Error::TooLong)));
                    return (messages, most);
                }
                Err(error) => messages.push(shown(Err(error))),
            }
        }
    }
    (messages, most)
}

fn only(line: &str) -> Result<String, Malformed> {
    let mut reader = Reader::default();
    reader.push(line.as_bytes());
    reader.push(b"\r\n");
    match reader.next() {
        Ok(message) => Ok(shown(Ok(message.expect("a message")))),
        Err(Error::Malformed(error)) => Err(error),
        Err(Error::TooLong) => panic!("too long"),
    }
}

#[test]
fn the_kinds_of_messages() {
    let greeting = r#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "x"},
                      "capabilities": ["oob"]}}"#;
    assert!(only(&greeting.replace('\n', "")).is_ok_and(|shown| shown.starts_with("Greeting")));
    let value = only(r#"{"return": {"a": [1, null]}, "id": 7}"#);
    assert_eq!(value, Ok(r#"Return { id: Some(7), value: RawValue({"a": [1, null]}) }"#.into()));
    assert_eq!(
        only(r#"{"id": null, "return": null}"#),
        Ok("Return { id: None, value: RawValue(null) }".into())
    );
    // Ids that are not ours: a text, a negative one, none.
    for id in [r#", "id": "7""#, r#", "id": -7"#, r#", "id": {"id": 7}"#, ""] {
        let line = format!(r#"{{"return": 1{id}}}"#);
        assert_eq!(only(&line), Ok("Return { id: None, value: RawValue(1) }".into()), "{line}");
    }
    let refusal =
        only(r#"{"error": {"class": "GenericError", "desc": "JSON parse error, expecting value"}}"#);
    assert!(refusal.is_ok_and(|shown| shown.starts_with("Refusal { id: None, class: \"GenericError\"")));
    let event = only(r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#);
    assert!(event.is_ok_and(|shown| shown.starts_with("Event { name: \"STOP\", time: Some(")));
}

#[test]
fn what_is_no_message() {
    for line in [
        "hello",
        "[]",
        "null",
        "1",
        r#"["return"]"#,
        "SSH-2.0-OpenSSH_9.2p1",
        "{}",
        r#"{"id": 1}"#,
        r#"{"return": 1, "event": "X"}"#,
        r#"{"return": 1, "error": {"class": "a", "desc": "b"}}"#,
        r#"{"execute": "query-status"}"#,
    ] {
        assert_eq!(only(line), Err(Malformed::Kind), "{line}");
    }
    for line in [
        r#"{"return": 1"#,
        r#"{"return": 1}}"#,
        r#"{"return": 1} {"return": 2}"#,
        r#"{"return": 1, "return": 2}"#,
        r#"{"return": tru}"#,
        r#"{"event": 1}"#,
        r#"{"error": "x"}"#,
        r#"{"error": {"class": "x"}}"#,
        r#"{"QMP": {}}"#,
        r#"{"event": "X", "timestamp": 1}"#,
    ] {
        assert!(matches!(only(line), Err(Malformed::Json(_))), "{line}");
    }
    let (shown, _) = read([b"{\"return\": \"\xff\xfe\"}\n".as_slice()]);
    assert!(shown[0].starts_with("Malformed(Json("), "{shown:?}");
}

#[test]
fn blank_lines_are_passed_over_and_a_broken_one_hides_no_other() {
    let (shown, _) = read([b"\r\n\n  \nx\r\n{\"return\": 1}\n\n{\"return\": 2}".as_slice()]);
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1], "Return { id: None, value: RawValue(1) }");
}

#[test]
fn a_line_of_a_hundred_mebibytes_is_not_held() {
    let chunk = vec![b'x'; 8 << 10];
    let endless = std::iter::repeat_n(chunk.as_slice(), (100 << 20) / chunk.len());
    let (shown, most) = read(endless);
    assert_eq!(shown, ["TooLong"]);
    assert!(most <= LINE_LIMIT + chunk.len(), "{most} bytes were held");

    let whole = vec![b'x'; 100 << 20];
    let (shown, most) = read([b"{\"return\": 1}\n".as_slice(), &whole]);
    assert_eq!(shown, ["Return { id: None, value: RawValue(1) }", "TooLong"]);
    assert!(most < 1024, "{most} bytes were held");
}

#[test]
fn the_limit_is_met_exactly_and_a_long_line_is_let_go_of() {
    let line = |length: usize| [b"{\"return\":\"", vec![b'x'; length - 13].as_slice(), b"\"}"].concat();
    for size in [1, 4096, usize::MAX] {
        let fits = [&line(LINE_LIMIT), b"\n".as_slice()].concat();
        // One byte at a time would take a minute in a debug build: the last ones do.
        let (head, tail) = fits.split_at(if size == 1 { LINE_LIMIT - 100 } else { 0 });
        let (shown, _) = read(std::iter::once(head).chain(tail.chunks(size)));
        assert!(shown.len() == 1 && shown[0].starts_with("Return"), "{size}");
        let over = [&line(LINE_LIMIT + 1), b"\n".as_slice()].concat();
        let (head, tail) = over.split_at(if size == 1 { LINE_LIMIT - 100 } else { 0 });
        assert_eq!(read(std::iter::once(head).chain(tail.chunks(size))).0, ["TooLong"], "{size}");
    }
    let mut reader = Reader::default();
    reader.push(&[&line(1 << 20), b"\n".as_slice()].concat());
    assert!(matches!(reader.next(), Ok(Some(Message::Return { .. }))));
    assert!(matches!(reader.next(), Ok(None)));
    assert!(reader.capacity() <= KEPT, "{} bytes are kept", reader.capacity());
}

#[test]
fn depth_does_no_harm() {
    for open in ["[", "{\"a\":"] {
        let deep = format!("{{\"return\": {}", open.repeat(1 << 20));
        assert!(matches!(only(&deep), Err(Malformed::Json(_))));
        let closed = format!("{{\"return\": {}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
        assert!(only(&closed).is_ok());
    }
}

#[test]
fn all_that_qemu_sent_is_understood() {
    let mut kinds = [0; 4];
    for recorded in RECORDED {
        let (shown, most) = read(recorded.as_bytes().chunks(4096));
        assert_eq!(shown.len(), recorded.lines().count());
        for message in &shown {
            let starts = ["Greeting", "Return", "Refusal", "Event"].map(|kind| message.starts_with(kind));
            kinds[starts.iter().position(|starts| *starts).unwrap_or_else(|| panic!("{message}"))] += 1;
        }
        assert!(most < 64 << 10, "{most} bytes were held");
        assert_eq!(read(recorded.as_bytes().chunks(1)).0, shown);
    }
    assert_eq!(kinds[0], 2);
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

/// Bytes as a server may send them: real lines, and damage of every kind.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let recorded: Vec<&str> = RECORDED.iter().flat_map(|text| text.split_inclusive('\n')).collect();
    let line = proptest::sample::select(recorded).prop_map(|line| line.as_bytes().to_vec());
    let damaged =
        (line.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut line, at, byte)| {
            let at = at.index(line.len());
            line[at] = byte;
            line
        });
    let cut = (line.clone(), any::<prop::sample::Index>()).prop_map(|(line, at)| {
        let at = at.index(line.len());
        line[at..].to_vec()
    });
    let odd = proptest::collection::vec(
        prop_oneof![
            Just(b"{\"return\":".to_vec()),
            Just(b"\"id\":1}".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"{\"event\":\"".to_vec()),
            Just(b"[[[".to_vec()),
            Just(b"\\ud800".to_vec())
        ],
        0..12,
    );
    let part = prop_oneof![
        4 => line,
        2 => damaged,
        1 => cut,
        1 => odd.prop_map(|parts| parts.concat()),
        1 => proptest::collection::vec(any::<u8>(), 0..64),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn any_stream_in_any_pieces(runner: &mut TestRunner) {
    let chunks = proptest::collection::vec(prop_oneof![1..8_usize, 1..5000_usize], 1..20);
    let result = runner.run(&(streams(), chunks), |(bytes, sizes)| {
        let (whole, _) = read([bytes.as_slice()]);
        let mut rest = bytes.as_slice();
        let chunks = sizes.iter().cycle().map_while(|size| {
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            rest = behind;
            (!chunk.is_empty()).then_some(chunk)
        });
        let (cut, most) = read(chunks);
        prop_assert_eq!(&cut, &whole);
        prop_assert!(most <= 2 * (bytes.len() + 5000), "{} bytes were held", most);
        // Nothing between two lines' ends is lost or told twice.
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let lines = lines.filter(|line| !line.trim_ascii().is_empty()).count();
        prop_assert_eq!(lines, whole.len());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn what_is_written_is_read(runner: &mut TestRunner) {
    let result = runner.run(&(json(), any::<u64>(), ".{0,30}", ".{0,30}"), |(value, id, name, message)| {
        let lines = [
            serde_json::json!({ "id": id, "return": value }),
            serde_json::json!({ "error": { "desc": message, "class": name }, "id": id }),
            serde_json::json!({ "event": name, "data": value }),
        ];
        let mut reader = Reader::default();
        for line in lines {
            reader.push(format!("{line}\r\n").as_bytes());
        }
        let Ok(Some(Message::Return { id: read_id, value: read })) = reader.next() else {
            return Err(TestCaseError::fail("no return"));
        };
        let read: serde_json::Value = serde_json::from_str(read.get()).expect("JSON");
        prop_assert_eq!((read_id, &read), (Some(id), &value));
        let Ok(Some(Message::Refusal { id: read_id, class, message: read })) = reader.next() else {
            return Err(TestCaseError::fail("no refusal"));
        };
        prop_assert_eq!((read_id, &class, &read), (Some(id), &name, &message));
        let Ok(Some(Message::Event(event))) = reader.next() else {
            return Err(TestCaseError::fail("no event"));
        };
        // An event whose data is null is one without.
        let data = if value.is_null() { serde_json::json!({}) } else { value };
        prop_assert_eq!((&event.name, event.data::<serde_json::Value>().ok()), (&name, Some(data)));
        prop_assert!(matches!(reader.next(), Ok(None)));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// For `VMTOOLS_FUZZ_SECONDS` (75), and at least one round of each.
#[test]
fn fuzz() {
    let seconds =
        env::var("VMTOOLS_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(75));
    loop {
        let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
        let runner = || TestRunner::new(config.clone());
        any_stream_in_any_pieces(&mut runner());
        what_is_written_is_read(&mut runner());
        if Instant::now() >= end {
            break;
        }
    }
}
