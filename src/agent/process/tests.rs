use std::future::{pending, ready};

use super::*;
use crate::agent::fake::{FakeGuest, wait};
use crate::agent::wire;

const MOMENT: Duration = Duration::from_millis(30);

#[test]
fn a_program_is_run_to_its_end() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let exec = Exec::new("cat").args(["a b", "'"]).input(b"na\xc3\xafve\0".to_vec());
    let run = wait(client.run(&exec, None, pending())).expect("runs");
    let exit = run.exit.expect("it ended");
    assert_eq!((run.end, exit.status), (End::Exited, Some(ExitStatus::Code(0))));
    assert_eq!(exit.stdout, b"a b 'na\xc3\xafve\0");
    assert!(guest.state().processes.is_empty());
}

#[test]
fn one_that_cannot_be_started_is_told_so() {
    let guest = FakeGuest::new();
    let error =
        wait(Agent::new(&guest).run(&Exec::new("nosuch"), None, pending())).expect_err("there is none");
    assert_eq!(error.refusal(), Some(RefusalKind::NoSuchProgram));
}

#[test]
fn past_its_time_or_when_it_is_to_stop_it_is_ended() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let run = wait(client.run(&Exec::new("forever"), Some(MOMENT), pending())).expect("runs");
    let exit = run.exit.expect("it ended");
    assert_eq!((run.end, exit.status), (End::TimedOut, Some(ExitStatus::Signal(15))));
    assert_eq!(exit.stdout, b"begun");
    let run = wait(client.run(&Exec::new("forever"), None, ready(()))).expect("runs");
    assert_eq!(
        (run.end, run.exit.and_then(|exit| exit.status)),
        (End::Stopped, Some(ExitStatus::Signal(15)))
    );
    // Nothing of it is left but the processes that sent the signals.
    let left: Vec<u32> = guest.state().processes.values().map(|process| process.rounds).collect();
    assert_eq!(left, [0, 0]);
}

#[test]
fn one_that_does_not_heed_is_killed() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let ended = |program: &str| {
        wait(async {
            let process = client.start(&Exec::new(program)).await.expect("starts");
            process.terminate(MOMENT).await.map(|exit| exit.status)
        })
    };
    assert_eq!(ended("stubborn"), Some(Some(ExitStatus::Signal(9))));
    assert_eq!(ended("immortal"), None);
    // It ended, and what it printed is too much.
    assert_eq!(ended("loud-forever"), Some(None));
    // It ended, and somebody else was told.
    let status = wait(async {
        let process = client.start(&Exec::new("forever")).await.expect("starts");
        guest.state().gone.insert(process.pid());
        process.terminate(MOMENT).await.map(|exit| exit.status)
    });
    assert_eq!(status, Some(None));
    guest.state().absent = true;
    let gone = wait(Process { client: &client, pid: 1 }.terminate(MOMENT));
    assert_eq!(gone, None);
}

#[test]
fn windows_programs_are_ended_its_own_way() {
    let guest = FakeGuest::new();
    guest.state().windows = true;
    let client = Agent::new(&guest);
    let run = wait(client.run(&Exec::new("forever"), Some(MOMENT), pending())).expect("runs");
    assert_eq!(run.exit.and_then(|exit| exit.status), Some(ExitStatus::Signal(9)));
}

#[test]
fn output_that_is_lost_is_told_so() {
    let guest = FakeGuest::new();
    let lost = wait(Agent::new(&guest).run(&Exec::new("loud"), None, pending()));
    assert!(matches!(lost, Err(Error::ReplyTooLong { command: "guest-exec-status" })), "{lost:?}");
}

#[test]
fn statuses_are_a_shells() {
    let exit = |reply: &str| {
        let state: ExecState = serde_json::from_str(reply).expect("parses");
        Exit::from(state).status.map(ExitStatus::shell_status)
    };
    for (reply, status) in [
        (r#"{"exited":true,"exitcode":7}"#, 7),
        (r#"{"exited":true,"exitcode":0}"#, 0),
        (r#"{"exited":true,"signal":9}"#, 137),
        // Windows: what it calls a status may have 32 bits, and an exception is one of NTSTATUS, signed or not.
        (r#"{"exited":true,"exitcode":1223}"#, 255),
        (r#"{"exited":true,"signal":3221225786}"#, 255),
        (r#"{"exited":true,"signal":-1073741510}"#, 255),
        (r#"{"exited":true}"#, 0),
    ] {
        assert_eq!(exit(reply), Some(status), "{reply}");
    }
}

#[test]
fn the_longest_input_fits_into_a_request() {
    let exec = Exec::new("sh").args(["-c", &"x".repeat(8 << 10)]).input(vec![0; INPUT_LIMIT]);
    let length = wire::request(&exec).expect("writes").len();
    assert!(length < wire::REQUEST_LIMIT, "{length}");
}
