use super::*;
use crate::agent::fake::{FakeGuest, Lost, wait};
use crate::agent::{
    AgentInfo, Exec, Failsafe, FsfreezeFreeze, GetHostName, REQUEST_LIMIT, SshAddAuthorizedKeys,
};

const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn an_agent_is_there_or_not() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    assert!(wait(client.answers(MOMENT)));
    guest.state().silent.insert("guest-ping", 1);
    assert!(!wait(client.answers(MOMENT)));
    guest.state().absent = true;
    assert!(!wait(client.answers(MOMENT)));
    assert!(matches!(wait(client.ask(&Ping)), Err(Error::Absent { source: Lost(_) })));
}

#[test]
fn a_refusal_has_its_kind() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let error = wait(client.ask(&GetHostName)).expect_err("the fake has no such command");
    assert_eq!(error.refusal(), Some(RefusalKind::UnknownCommand));
    assert_eq!(
        error.to_string(),
        "the guest agent refused guest-get-host-name: The command guest-get-host-name has not been found"
    );
    guest.state().disabled.push("guest-exec");
    let error = wait(client.ask(&Exec::new("cat"))).expect_err("it is disabled");
    assert_eq!(error.refusal(), Some(RefusalKind::Disabled));
}

#[test]
fn frozen_file_systems_are_told_from_a_forbidden_command() {
    for recent in [false, true] {
        let guest = FakeGuest::new();
        guest.state().recent = recent;
        let client = Agent::new(&guest);
        wait(client.ask(&FsfreezeFreeze)).expect("freezes");
        assert!(wait(client.is_frozen()));
        let error = wait(client.ask(&Exec::new("cat"))).expect_err("it is frozen");
        assert_eq!(error.refusal(), Some(RefusalKind::Frozen), "{recent}");
    }
}

#[test]
fn a_shutdown_that_is_not_answered_was_asked_for() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    guest.state().silent.insert("guest-shutdown", 1);
    wait(client.shut_down(ShutdownMode::Powerdown, MOMENT)).expect("silence is its answer");
    assert!(guest.was_asked("guest-shutdown"));
    guest.state().disabled.push("guest-shutdown");
    let error = wait(client.shut_down(ShutdownMode::Reboot, MOMENT)).expect_err("it is disabled");
    assert_eq!(error.refusal(), Some(RefusalKind::Disabled));
    guest.state().absent = true;
    wait(client.shut_down(ShutdownMode::Halt, MOMENT)).expect_err("there is none");
}

#[test]
fn a_request_that_would_hang_the_agent_is_not_sent() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let long = |length: usize| Exec::new("cat").args(["x".repeat(length)]);
    let frame = crate::agent::request(&long(0)).expect("writes").len();
    wait(client.ask(&long(REQUEST_LIMIT - frame))).expect("it just fits");
    let error = wait(client.ask(&long(REQUEST_LIMIT - frame + 1))).expect_err("it is too long");
    assert!(
        matches!(error, Error::RequestTooLong { command: "guest-exec", length } if length == REQUEST_LIMIT + 1)
    );
    assert_eq!(guest.state().asked.len(), 1);
}

enum NoFailsafe {}

impl Failsafe for NoFailsafe {
    async fn disarm(self) {}
}

/// Answers everything with that.
struct Says(&'static str);

impl Transport for Says {
    type Error = Lost;
    type Failsafe = NoFailsafe;

    fn arm(&self, _request: &str, _after: Duration) -> Result<NoFailsafe, Lost> {
        Err(Lost("it only talks"))
    }

    async fn exchange(&self, _request: &str, _within: Duration) -> Result<String, Failure<Lost>> {
        Ok(self.0.to_owned())
    }
}

#[test]
fn a_transport_may_give_errors_as_they_came() {
    let says =
        Says(r#"{"error": {"class": "CommandNotFound", "desc": "Command guest-info has been disabled"}}"#);
    let error = wait(Agent::new(says).info()).expect_err("it is disabled");
    assert_eq!(error.refusal(), Some(RefusalKind::Disabled));
}

#[test]
fn what_is_no_reply_to_the_command_is_told_so() {
    for text in ["", "{}", "[]", "nonsense", r#"{"return": {"pid": 1}}"#, r#"{"return": []}"#, "{\"return\""]
    {
        let reply: Result<AgentInfo, _> = wait(Agent::new(Says(text)).info());
        assert!(matches!(reply, Err(Error::Reply { command: "guest-info", .. })), "{text}");
    }
    let keys = SshAddAuthorizedKeys { username: "root".into(), keys: vec!["k".into()], reset: false };
    wait(Agent::new(Says(r#"{"return": {}}"#)).ask(&keys)).expect("it was done");
}
