use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Something that happened in QEMU (docs/interop/qmp-spec.rst, "Asynchronous events").
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name, such as `STOP`, `SHUTDOWN`, `BLOCK_JOB_COMPLETED`.
    pub name: String,
    /// When it happened; `None` when QEMU could not tell.
    pub time: Option<SystemTime>,
    /// Its data, as JSON.
    data: Option<Box<RawValue>>,
}

impl Event {
    /// Its data; an empty object for an event without data.
    ///
    /// # Errors
    /// When the data is not of this type.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data_json())
    }

    /// The same, as JSON text.
    pub fn data_json(&self) -> &str {
        self.data.as_deref().map_or("{}", RawValue::get)
    }

    pub(super) fn new(name: String, data: Option<Box<RawValue>>, time: Option<Timestamp>) -> Self {
        Self { name, data, time: time.and_then(Timestamp::moment) }
    }

    /// About what it holds, in bytes.
    fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.data_json().len()
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.time, self.data_json()) == (&other.name, other.time, other.data_json())
    }
}

/// Seconds and microseconds since 1970; both -1 when QEMU could not read its clock.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Timestamp {
    seconds: i64,
    microseconds: i64,
}

impl Timestamp {
    fn moment(self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(u64::try_from(self.seconds).ok()?);
        let rest = Duration::from_micros(u64::try_from(self.microseconds).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(seconds)?.checked_add(rest)
    }
}

/// The events that came and were not taken yet. Bounded: the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
    dropped: u64,
}

/// How many events are kept.
pub(super) const MOST_EVENTS: usize = 1024;
/// How many bytes of them are kept; one alone may be larger.
pub(super) const MOST_BYTES: usize = 1 << 20;

impl Queue {
    pub(super) fn push(&mut self, event: Event) {
        self.bytes += event.size();
        self.events.push_back(event);
        while self.events.len() > 1 && (self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES) {
            self.pop();
            self.dropped += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        Some(event)
    }

    pub(super) fn take(&mut self) -> Vec<Event> {
        self.bytes = 0;
        self.events.drain(..).collect()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event::new(name.into(), RawValue::from_string(data.into()).ok(), None)
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let mut queue = Queue::default();
        for number in 0..MOST_EVENTS + 10 {
            queue.push(event(&number.to_string(), "{}"));
        }
        assert_eq!(queue.dropped(), 10);
        assert_eq!(queue.pop().map(|event| event.name), Some("10".to_owned()));
        assert_eq!(queue.take().len(), MOST_EVENTS - 1);
        assert_eq!((queue.bytes, queue.pop()), (0, None));
    }

    #[test]
    fn bytes_are_bounded_but_one_event_always_stays() {
        let mut queue = Queue::default();
        let large = format!("{:?}", "x".repeat(MOST_BYTES / 3));
        for _ in 0..9 {
            queue.push(event("X", &large));
        }
        assert_eq!((queue.events.len(), queue.dropped()), (2, 7));
        assert!(queue.bytes <= MOST_BYTES);
        queue.push(event("Y", &format!("{:?}", "x".repeat(2 * MOST_BYTES))));
        assert_eq!(queue.take().iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["Y"]);
    }

    #[test]
    fn time_and_data() {
        let stamp = |seconds, microseconds| Timestamp { seconds, microseconds }.moment();
        assert_eq!(stamp(1, 5), SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(1_000_005)));
        assert_eq!((stamp(-1, -1), stamp(i64::MAX, 1_000_000)), (None, None));
        #[derive(Deserialize)]
        struct Shutdown {
            guest: bool,
        }
        assert!(
            event("SHUTDOWN", r#"{"guest": true, "reason": "x"}"#).data::<Shutdown>().is_ok_and(|s| s.guest)
        );
        assert!(event("SHUTDOWN", "[1]").data::<Vec<u8>>().is_ok());
        assert!(Event::new("STOP".into(), None, None).data::<Shutdown>().is_err());
    }
}
