use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::agent::{Exec, ExecState, FileChunk, GuestInterface, Ping};

#[test]
fn requests_as_they_go_out() {
    assert_eq!(request(&Ping).expect("writes"), r#"{"execute":"guest-ping"}"#);
    let exec = Exec::new("sh")
        .args(["a\nb", "\u{7f}\u{9b}", "naïve 🦀", "'\"\\"])
        .env("A", "b")
        .input(b"x".to_vec());
    let text = concat!(
        r#"{"execute":"guest-exec","arguments":{"path":"sh","arg":["a\nb","\u007f\u009b","na\u00efve \ud83e\udd80","'\"\\"],"#,
        r#""env":["A=b"],"input-data":"eA==","capture-output":true}}"#
    );
    assert_eq!(request(&exec).expect("writes"), text);
}

#[test]
fn a_reply_is_one_of_two() {
    assert!(matches!(parse(r#" {"return": {}, "id": 7}"#), Ok(Reply::Return(value)) if value.get() == "{}"));
    let error = parse(r#"{"error": {"class": "GenericError", "desc": "no"}}"#);
    assert!(matches!(error, Ok(Reply::Error(message)) if message == "no"));
    // Without a description its class has to do.
    assert!(
        matches!(parse(r#"{"error": {"class": "CommandNotFound"}}"#), Ok(Reply::Error(m)) if m == "CommandNotFound")
    );
    for wrong in [
        "",
        "{}",
        "[{}]",
        "{\"return\":{}",
        r#"{"return":1,"error":{"desc":"x"}}"#,
        r#"{"error":"x"}"#,
        "7",
        "null",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_request_is_printable_and_means_the_same(words in prop::collection::vec(any::<String>(), 0..4), input: Vec<u8>) {
        let text = request(&Exec::new("x").args(words.clone()).input(input.clone())).expect("writes");
        prop_assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{}", text);
        let read: Value = serde_json::from_str(&text).expect("parses");
        prop_assert_eq!(&read["arguments"]["arg"], &json!(words));
    }

    #[test]
    fn any_reply_is_read_or_refused(text in ".{0,200}", tail in "[{}\\[\\]\":,0-9a-z]{0,80}") {
        for text in [text, format!("{{\"return\":{tail}"), format!("{{\"error\":{tail}")] {
            if let Ok(Reply::Return(value)) = parse(&text) {
                let _ = serde_json::from_str::<ExecState>(value.get());
                let _ = serde_json::from_str::<Vec<GuestInterface>>(value.get());
            }
        }
    }

    #[test]
    fn bytes_come_through(bytes: Vec<u8>, eof: bool) {
        use ::base64::Engine as _;
        let data = ::base64::engine::general_purpose::STANDARD.encode(&bytes);
        let text = json!({"return": {"count": bytes.len(), "buf-b64": data, "eof": eof}}).to_string();
        let Ok(Reply::Return(value)) = parse(&text) else { panic!("{text}") };
        let chunk: FileChunk = serde_json::from_str(value.get()).expect("parses");
        prop_assert_eq!(chunk, FileChunk { bytes, eof });
    }

    #[test]
    fn a_reply_that_is_cut_off_is_none(exitcode: i32, cut in 1usize..30) {
        let text = json!({"return": {"exited": true, "exitcode": exitcode, "out-data": "eA=="}}).to_string();
        prop_assert!(parse(&text[..text.len() - cut]).is_err());
    }
}
