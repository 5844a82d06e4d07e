//! What happens to VMs, as it happens.

mod hook;
mod kind;
mod state_map;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use serde::Serialize;

use crate::manager::observe::Monitoring;

pub use self::hook::EventCommand;
pub use self::kind::VmEventKind;
use self::state_map::{DomainAnswer, StateMap};
use crate::libvirt::{self, DomainId, EventFeed, Notice};
use crate::manager::operation::Operation;
use crate::manager::retry::Retry;
use crate::manager::{Error, Event};
use crate::model::{Timestamp, Uuid, VmState};

/// The longest pause before libvirt is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The words of an event that was not heard of when it happened.
const MISSED: &str = "while disconnected from libvirt";

/// Something that happened to a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VmEvent {
    /// When it was heard of, with milliseconds.
    #[serde(serialize_with = "Timestamp::serialize_millis")]
    pub time: Timestamp,
    /// The VM's name.
    pub name: String,
    /// Its UUID. libvirt's events tell names, so it is `None` for a VM that was gone before it could be asked for.
    pub uuid: Option<Uuid>,
    /// What happened.
    pub event: VmEventKind,
    /// libvirt's words.
    pub detail: String,
    /// What the VM is doing after it; `None` when that is not known, or the VM is gone.
    pub state: Option<VmState>,
    /// It was not heard of when it happened: it follows from what the VM was doing before libvirt went away, and is
    /// doing since it is back.
    pub missed: bool,
}

/// Events of VMs, as they come. Dropped, its virsh is ended.
///
/// ```text
///         libvirt goes away (a report)
///   up ----------------------------------> down <--+
///    ^                                       |     | not yet: a pause, 50 ms to 5 s
///    +---------------------------------------+-----+
///     listens; then reads all states, and tells what they show to have been missed (a report)
/// ```
pub struct EventStream<'a> {
    op: Operation<'a>,
    wanted: Option<VmFilter>,
    link: Link<'a>,
    states: StateMap,
    /// Heard, and to be understood.
    heard: Option<Notice>,
    /// Understood, and to be reported.
    queue: VecDeque<VmEvent>,
}

enum Link<'a> {
    Up(Box<EventFeed>),
    Down(Retry<'a>),
}

/// VMs by any of their names: one of a name that is removed and made again still counts, and so does one that is
/// renamed.
#[derive(Default)]
struct VmFilter {
    names: HashSet<String>,
    uuids: HashSet<Uuid>,
}

impl<'a> Monitoring<'a> {
    /// The events of these VMs, of all when there are no names. It listens when this returns, and knows what each VM
    /// was doing then.
    ///
    /// # Errors
    /// When libvirt can't be asked, or there is no VM of one of the names.
    pub async fn events(&self, names: &[String]) -> Result<EventStream<'a>, Error> {
        // Before anything is looked at: what happens from here on is heard.
        let feed = self.op.client().listen().await?;
        let mut wanted = VmFilter::default();
        for name in names {
            let id = self.op.client().domains().resolve(name).await?;
            if *name == id.name {
                wanted.names.insert(id.name);
            }
            wanted.uuids.insert(id.uuid);
        }
        Ok(EventStream {
            op: self.op,
            wanted: (!names.is_empty()).then_some(wanted),
            link: Link::Up(Box::new(feed)),
            states: StateMap::of(self.op.client().domains().states().await?),
            heard: None,
            queue: VecDeque::new(),
        })
    }
}

impl EventStream<'_> {
    /// The next event. While libvirt is away it waits for that to come back. One that is cancelled can be asked again.
    ///
    /// # Errors
    /// When libvirt refuses, or virsh can't be run.
    pub async fn next(&mut self) -> Result<VmEvent, Error> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                if self.wants(&event) {
                    return Ok(event);
                }
                continue;
            }
            match self.advance().await {
                Err(Error::Libvirt(error)) if may_come_back(&error) => self.went_away(&error.to_string()),
                other => other?,
            }
        }
    }

    /// The VMs with what they are doing, as the events reported so far have it, by name.
    pub fn states(&self) -> Vec<(String, Option<VmState>)> {
        self.states.all().into_iter().map(|(id, state)| (id.name, state)).collect()
    }

    async fn advance(&mut self) -> Result<(), Error> {
        match &mut self.link {
            Link::Up(feed) => {
                if self.heard.is_none() {
                    self.heard = Some(feed.next().await?);
                }
                self.understand().await
            }
            Link::Down(retry) => {
                retry.again().await?;
                self.come_back().await
            }
        }
    }

    /// Makes an event of what was heard.
    async fn understand(&mut self) -> Result<(), Error> {
        let Some(notice) = &self.heard else { return Ok(()) };
        let (name, detail) = notice.read(|name| self.states.knows(name));
        if let Some(event) = VmEventKind::of(&notice.kind, &detail) {
            if self.states.is_doubtful(name, event, &detail) {
                // What was just defined is off, though it may have been started by now; its start is told next.
                let with_state = !self.states.knows(name) && event != VmEventKind::Defined;
                let found = self.ask(name, with_state).await?;
                self.states.answer(name, event, found);
            }
            let (uuid, state) = self.states.apply(name, event, &detail);
            let (time, name) = (notice.time, name.to_owned());
            self.queue.push_back(VmEvent { time, name, uuid, event, detail, state, missed: false });
        }
        self.heard = None;
        Ok(())
    }

    /// The UUID that a name stands for now, and the state of one that was not known before.
    async fn ask(&self, name: &str, with_state: bool) -> Result<Option<DomainAnswer>, Error> {
        let client = self.op.client();
        let asked = async {
            let uuid = client.domains().resolve(name).await?.uuid;
            let state = if with_state { Some(client.domains().state(uuid).await?) } else { None };
            Ok((uuid, state))
        };
        match asked.await {
            Ok(found) => Ok(Some(found)),
            Err(error) if libvirt::Error::is_connection(&error) => Err(error.into()),
            // It was removed meanwhile.
            Err(_) => Ok(None),
        }
    }

    fn went_away(&mut self, reason: &str) {
        if let Link::Up(_) = self.link {
            self.op.report(Event::LibvirtAway { reason });
            // What it meant may have changed.
            self.heard = None;
            self.link = Link::Down(Retry::endless(self.op.interrupt()).at_most(LONGEST_PAUSE));
        }
    }

    /// Listens again, and tells what was missed.
    async fn come_back(&mut self) -> Result<(), Error> {
        let feed = self.op.client().listen().await?;
        let now = StateMap::of(self.op.client().domains().states().await?);
        let time = Timestamp::now();
        for (id, event, state) in self.states.changes_to(&now) {
            let DomainId { uuid, name } = id;
            let (uuid, detail) = (Some(uuid), MISSED.to_owned());
            self.queue.push_back(VmEvent { time, name, uuid, event, detail, state, missed: true });
        }
        self.states = now;
        self.link = Link::Up(Box::new(feed));
        self.op.report(Event::LibvirtBack);
        Ok(())
    }

    fn wants(&self, event: &VmEvent) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| {
            wanted.names.contains(&event.name)
                || event.uuid.as_ref().is_some_and(|uuid| wanted.uuids.contains(uuid))
        })
    }
}

/// Whether it is libvirt's absence, or its silence.
fn may_come_back(error: &libvirt::Error) -> bool {
    use libvirt::Error as E;
    matches!(error, E::Unreachable { .. } | E::Lost { .. } | E::TimedOut { .. })
}
