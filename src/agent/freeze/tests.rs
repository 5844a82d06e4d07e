use super::*;
use crate::agent::RefusalKind;
use crate::agent::fake::{FakeGuest, wait};

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(30);

#[test]
fn frozen_for_as_long_as_the_work_takes() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let (frozen_meanwhile, thaw) = wait(async {
        let frozen = client.freeze(SECOND).await.expect("freezes");
        assert_eq!(frozen.file_systems(), 2);
        frozen.during(async { guest.state().frozen }).await
    });
    assert_eq!(frozen_meanwhile, 2);
    assert!(thaw.in_time && matches!(thaw.thawed, Ok(2)), "{thaw:?}");
    let state = guest.state();
    assert_eq!((state.frozen, state.armed, state.fired), (0, 1, 0));
}

#[test]
fn work_that_takes_longer_does_not_keep_them_frozen() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    let (frozen_at_end, thaw) = wait(async {
        let frozen = client.freeze(MOMENT).await.expect("freezes");
        let work = async {
            while guest.state().frozen > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            guest.state().frozen
        };
        frozen.during(work).await
    });
    assert_eq!(frozen_at_end, 0);
    assert!(!thaw.in_time && thaw.thawed.is_ok(), "{thaw:?}");
}

/// An agent that takes long over it does not get the time twice.
#[test]
fn the_time_begins_with_the_question() {
    let guest = FakeGuest::new();
    (guest.state().slow, guest.state().slow_for) = ("guest-fsfreeze-freeze", Some(SECOND / 2));
    let client = Agent::new(&guest);
    wait(async {
        let end = Instant::now() + SECOND * 5;
        let frozen = client.freeze(SECOND * 5).await.expect("freezes");
        assert!(frozen.until < end + SECOND / 4, "later by {:?}", frozen.until - end);
        assert!(frozen.thaw().await.thawed.is_ok());
    });
}

/// It is for when nobody thaws them any more, and must not come before the last of the tries.
#[test]
fn the_failsafe_leaves_thawing_its_time() {
    let guest = FakeGuest::new();
    let client = Agent::new(&guest);
    wait(async { client.freeze(SECOND).await.expect("freezes").thaw().await.thawed.expect("thaws") });
    assert_eq!(guest.state().armed_for, SECOND + THAW_WITHIN * THAW_TRIES);
}

#[test]
fn an_agent_that_did_not_answer_may_have_frozen_them_all_the_same() {
    let guest = FakeGuest::new();
    guest.state().silent.insert("guest-fsfreeze-freeze", 1);
    let client = Agent::new(&guest);
    let error = wait(async { client.freeze(SECOND).await.map(|frozen| frozen.file_systems()) });
    assert!(matches!(error, Err(NotFrozen { error: Error::Silent { .. }, certain: true })), "{error:?}");
    assert!(guest.was_asked("guest-fsfreeze-thaw"));
    let state = guest.state();
    assert_eq!((state.frozen, state.fired), (0, 0));
}

#[test]
fn an_agent_that_went_silent_may_have_them_frozen_still() {
    let guest = FakeGuest::new();
    guest.state().silent.extend([("guest-fsfreeze-freeze", 1), ("guest-fsfreeze-thaw", 3)]);
    let client = Agent::new(&guest);
    let error = wait(async { client.freeze(SECOND).await.map(|frozen| frozen.file_systems()) });
    assert!(matches!(error, Err(NotFrozen { error: Error::Silent { .. }, certain: false })), "{error:?}");
    assert_eq!(guest.state().fired, 1);
}

#[test]
fn what_others_have_frozen_stays_so() {
    let guest = FakeGuest::new();
    guest.state().frozen = 1;
    let client = Agent::new(&guest);
    let error = wait(async { client.freeze(SECOND).await.map(|frozen| frozen.file_systems()) });
    let not_frozen = error.expect_err("refuses");
    assert!(not_frozen.certain && not_frozen.error.refusal() == Some(RefusalKind::Frozen), "{not_frozen:?}");
    let state = guest.state();
    assert_eq!((state.frozen, state.fired), (1, 0));
}

#[test]
fn thawing_is_tried_again_and_at_last_by_the_failsafe() {
    for (silent, thawed, fired) in [(2, true, 0), (3, false, 1)] {
        let guest = FakeGuest::new();
        let client = Agent::new(&guest);
        guest.state().silent.insert("guest-fsfreeze-thaw", silent);
        let thaw = wait(async { client.freeze(SECOND).await.expect("freezes").thaw().await });
        assert_eq!((thaw.thawed.is_ok(), guest.state().fired), (thawed, fired), "{thaw:?}");
    }
}

#[test]
fn dropped_at_any_moment_they_are_thawed() {
    for dropped_in in ["guest-fsfreeze-freeze", "the work", "guest-fsfreeze-thaw"] {
        let guest = FakeGuest::new();
        // Slower than there is time for.
        guest.state().slow = dropped_in;
        let client = Agent::new(&guest);
        let work = async {
            if dropped_in == "the work" {
                std::future::pending::<()>().await;
            }
        };
        let freeze = async {
            let frozen = client.freeze(SECOND).await.expect("freezes");
            assert_eq!(guest.state().frozen, 2);
            frozen.during(work).await.1.thawed.is_ok()
        };
        let cut_off = wait(async { tokio::time::timeout(MOMENT, freeze).await });
        assert!(cut_off.is_err(), "{dropped_in}: {cut_off:?}");
        let state = guest.state();
        assert_eq!((state.frozen, state.fired), (0, 1), "{dropped_in}");
    }
}

#[test]
fn without_a_failsafe_nothing_is_frozen() {
    let guest = FakeGuest::new();
    guest.state().unguarded = true;
    let client = Agent::new(&guest);
    let error = wait(async { client.freeze(SECOND).await.map(|frozen| frozen.file_systems()) });
    assert!(matches!(error, Err(NotFrozen { error: Error::Transport(_), .. })), "{error:?}");
    assert!(!guest.was_asked("guest-fsfreeze-freeze"));
}
