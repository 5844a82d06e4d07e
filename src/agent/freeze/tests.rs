use super::*;
use crate::agent::RefusalKind;
use crate::agent::fake::{FakeGuest, wait};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn frozen_for_as_long_as_the_work_takes() {
    let guest = FakeGuest::new();
    let client = Client::new(&guest);
    let (frozen_meanwhile, thaw) = wait(async {
        let frozen = client.freeze(SECOND).await.expect("freezes");
        assert_eq!(frozen.file_systems(), 2);
        frozen.during(SECOND, async { guest.state().frozen }).await
    });
    assert_eq!(frozen_meanwhile, 2);
    assert!(thaw.in_time && matches!(thaw.thawed, Ok(2)), "{thaw:?}");
    assert_eq!(guest.state().frozen, 0);
}

#[test]
fn work_that_takes_longer_does_not_keep_them_frozen() {
    let guest = FakeGuest::new();
    let client = Client::new(&guest);
    let (frozen_at_end, thaw) = wait(async {
        let frozen = client.freeze(SECOND).await.expect("freezes");
        let work = async {
            while guest.state().frozen > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            guest.state().frozen
        };
        frozen.during(Duration::from_millis(30), work).await
    });
    assert_eq!(frozen_at_end, 0);
    assert!(!thaw.in_time && thaw.thawed.is_ok(), "{thaw:?}");
    assert!(thaw.held >= Duration::from_millis(30));
}

#[test]
fn an_agent_that_did_not_answer_may_have_frozen_them_all_the_same() {
    let guest = FakeGuest::new();
    guest.state().silent.insert("guest-fsfreeze-freeze", 1);
    let client = Client::new(&guest);
    let error = wait(async { client.freeze(SECOND).await.map(|frozen| frozen.file_systems()) });
    assert!(matches!(error, Err(Error::Silent { .. })), "{error:?}");
    assert_eq!(guest.state().frozen, 0);
    assert!(guest.was_asked("guest-fsfreeze-thaw"));
}

#[test]
fn what_others_have_frozen_stays_so() {
    let guest = FakeGuest::new();
    guest.state().frozen = 1;
    let client = Client::new(&guest);
    let error = wait(async { client.freeze(SECOND).await.map(|frozen| frozen.file_systems()) });
    assert_eq!(error.expect_err("refuses").refusal(), Some(RefusalKind::Frozen));
    assert_eq!(guest.state().frozen, 1);
}

#[test]
fn thawing_is_tried_again() {
    let guest = FakeGuest::new();
    let client = Client::new(&guest);
    for (silent, thawed) in [(2, true), (3, false)] {
        guest.state().silent.insert("guest-fsfreeze-thaw", silent);
        let thaw = wait(async { client.freeze(SECOND).await.expect("freezes").thaw().await });
        assert_eq!(thaw.thawed.is_ok(), thawed, "{thaw:?}");
    }
}
