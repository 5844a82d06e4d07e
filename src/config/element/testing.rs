//! What the elements' table tests share.

use toml::de::DeTable;

use super::Element;
use crate::config::raw::{Places, Raw};
use crate::config::value::Value;

/// The value that `toml` (the right-hand side of a key) is read as, shown; or why it is refused.
pub(super) fn read<E: Element>(toml: &str) -> Result<Value, String> {
    let text = format!("key = {toml}");
    let table = DeTable::parse(&text).expect("is TOML");
    let places = Places { home: "/home/u".into(), folder: None };
    let (_, value) = table.get_ref().iter().next().expect("one key");
    E::read(Raw::new(value, &places)).map(|value| E::show(&value)).map_err(|refusal| refusal.reason)
}

/// Checks that the default is shown so, each pair is read and shown so, and the rest is refused.
pub(super) fn check<E: Element>(default: Value, taken: &[(&str, &str)], refused: &[&str]) {
    assert_eq!(E::show(&E::default()), default, "default of {}", E::KEY);
    for (toml, shown) in taken {
        assert_eq!(read::<E>(toml).map(|value| value.to_string()).as_deref(), Ok(*shown), "{toml}");
    }
    for toml in refused {
        assert!(read::<E>(toml).is_err(), "{} took {toml}", E::KEY);
    }
}
