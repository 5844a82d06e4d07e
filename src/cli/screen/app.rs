//! All that the screen shows, and what keys, polls and events do to it.

use std::collections::VecDeque;

use super::message::Message;
use super::overview::{Overview, OverviewAction};
use super::page::Page;
use super::sampler::{PollError, Report};
use super::side::{Action, Answer};
use super::theme::Theme;
use super::typed::Key;
use crate::cli::render::{SampleColumn, visible};
use crate::manager::{MonitorRequest, QemuEvent, Reading, VmEvent};
use crate::model::Timestamp;

/// How many events are kept.
const EVENTS: usize = 100;
/// The beginnings of QEMU's names of events of which libvirt has its own.
const LIBVIRT_EVENTS: [&str; 8] = [
    "STOP",
    "RESUME",
    "SHUTDOWN",
    "DEVICE_DELETED",
    "BLOCK_JOB_",
    "JOB_STATUS_CHANGE",
    "RTC_CHANGE",
    "BALLOON_CHANGE",
];

/// What is to be done next, outside of the screen's own state.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Nothing,
    /// Poll what [`App::request`] says now.
    Refresh,
    /// Do something to that VM.
    Act(String, Action),
    /// Attach to that VM's console.
    Console(String),
    /// Draw all anew.
    Redraw,
    /// End.
    Quit,
    /// End, as by Ctrl-C.
    Interrupt,
}

/// Something that happened to a VM.
#[derive(Debug, Clone)]
pub struct EventLine {
    /// When.
    pub time: Timestamp,
    /// To which.
    pub vm: String,
    /// What, safe to be shown.
    pub text: String,
}

/// The state of the screen.
pub struct App {
    /// How things look.
    pub theme: Theme,
    /// All VMs.
    pub overview: Overview,
    /// The one that is shown instead.
    pub page: Option<Page>,
    /// What happened lately, the newest last.
    pub events: VecDeque<EventLine>,
    /// What stands on the line of messages.
    pub message: Option<Message>,
    /// Whether libvirt is away.
    pub away: bool,
    /// Whether the keys are explained.
    pub help: bool,
    asked_to_stop: Option<String>,
    request: MonitorRequest,
    /// The number of the current request.
    request_number: u64,
}

impl App {
    /// Of the VMs that were asked for: one has its page, several the overview.
    pub fn new(request: MonitorRequest, sort: SampleColumn, theme: Theme) -> Self {
        let page = match request.names.as_slice() {
            [name] => Some(Page::of(name)),
            _ => None,
        };
        Self {
            theme,
            overview: Overview::sorted_by(sort),
            page,
            events: VecDeque::new(),
            message: None,
            away: false,
            help: false,
            asked_to_stop: None,
            request,
            request_number: 0,
        }
    }

    /// The current request, and its number.
    pub fn request(&self) -> (u64, MonitorRequest) {
        let request = match &self.page {
            Some(page) => {
                MonitorRequest { names: vec![page.name.clone()], in_full: true, ..MonitorRequest::default() }
            }
            None => self.request.clone(),
        };
        (self.request_number, request)
    }

    /// Whether the overview lies behind a page.
    pub fn has_overview(&self) -> bool {
        self.request.names.len() != 1
    }

    /// The VM that waits for a yes before it is stopped, safe to be shown.
    pub fn question(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.asked_to_stop.as_deref().map(visible)
    }

    /// Does what the key says.
    pub fn key(&mut self, key: Key) -> Order {
        match key {
            Key::Interrupt => return Order::Interrupt,
            Key::Redraw => return Order::Redraw,
            Key::Resize => return Order::Nothing,
            _ => {}
        }
        self.message = self.message.take().filter(|message| !message.is_settled());
        if let Some(name) = self.asked_to_stop.take() {
            return match key {
                Key::Char('y' | 'Y') => self.act(name, Action::Stop),
                _ => Order::Nothing,
            };
        }
        if std::mem::take(&mut self.help) {
            return Order::Nothing;
        }
        if self.page.is_some() { self.page_key(key) } else { self.overview_key(key) }
    }

    fn page_key(&mut self, key: Key) -> Order {
        let Some(page) = &self.page else { return Order::Nothing };
        let name = page.name.clone();
        match key {
            Key::Char('p') => self.act(name, Action::Pause),
            Key::Char('r') => self.act(name, Action::Resume),
            Key::Char('s') => {
                self.asked_to_stop = Some(name);
                Order::Nothing
            }
            Key::Char('c') => Order::Console(name),
            Key::Char('?') => {
                self.help = true;
                Order::Nothing
            }
            Key::Char('q') => Order::Quit,
            Key::Escape | Key::Backspace if self.has_overview() => {
                self.page = None;
                self.change_request()
            }
            _ => Order::Nothing,
        }
    }

    fn overview_key(&mut self, key: Key) -> Order {
        match self.overview.key(key) {
            OverviewAction::Open(name) => {
                self.page = Some(Page::of(&name));
                self.change_request()
            }
            OverviewAction::Off if self.request.names.is_empty() => {
                self.request.off = !self.request.off;
                self.message = Some(Message::word(if self.request.off { "all VMs" } else { "running VMs" }));
                self.change_request()
            }
            OverviewAction::Help => {
                self.help = true;
                Order::Nothing
            }
            OverviewAction::Quit => Order::Quit,
            OverviewAction::Off | OverviewAction::Nothing => Order::Nothing,
        }
    }

    fn change_request(&mut self) -> Order {
        self.request_number += 1;
        Order::Refresh
    }

    fn act(&mut self, name: String, action: Action) -> Order {
        self.message = Some(Message::busy(&format!("{} {name}..", action.doing())));
        Order::Act(name, action)
    }

    /// Takes over the result of a poll, if it belongs to the current request.
    pub fn update(&mut self, report: Report) {
        if report.number != self.request_number {
            return;
        }
        self.away = report.away;
        self.message = self.message.take().filter(|message| !message.is_old());
        match (report.readings, &mut self.page) {
            (Ok(readings), Some(page)) => match readings.into_iter().next() {
                Some(Reading { sample, jobs, events, .. }) => {
                    page.update(Some(sample));
                    page.jobs = jobs;
                    let vm = page.name.clone();
                    events.iter().for_each(|event| self.happened_in_qemu(&vm, event));
                }
                None => page.update(None),
            },
            (Ok(_), None) if report.away => {}
            (Ok(readings), None) => {
                self.overview.update(readings.into_iter().map(|reading| reading.sample).collect())
            }
            (Err(PollError::Gone), Some(page)) => page.gone(),
            (Err(PollError::Gone), None) => self.overview.update(Vec::new()),
            (Err(PollError::Other(problem)), page) => {
                if let Some(page) = page {
                    page.update(None);
                }
                self.message = Some(Message::failure(&problem));
            }
        }
    }

    /// Takes what came of an action or a question.
    pub fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Status { name, result } => {
                if let Some(page) = self.page.as_mut().filter(|page| page.name == name) {
                    page.set_status(result.as_deref().ok());
                }
            }
            Answer::Acted(Ok(change)) => {
                let already = if change.already { "already " } else { "" };
                self.message = Some(Message::word(&format!("{} is {already}{}", change.name, change.state)));
            }
            Answer::Acted(Err(problem)) => {
                self.message = Some(Message::failure(&problem));
            }
        }
    }

    /// Takes an event.
    pub fn happened(&mut self, event: &VmEvent) {
        self.note(event.time, &event.name, &format!("{}: {}", event.event, event.detail));
    }

    /// Takes an event of QEMU, except those that libvirt reports too.
    fn happened_in_qemu(&mut self, vm: &str, event: &QemuEvent) {
        if LIBVIRT_EVENTS.iter().any(|prefix| event.event.starts_with(prefix)) {
            return;
        }
        let data = if event.data == "{}" { "" } else { &event.data };
        self.note(event.time, vm, &format!("qemu: {} {data}", event.event));
    }

    fn note(&mut self, time: Timestamp, vm: &str, text: &str) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(EventLine { time, vm: vm.to_owned(), text: visible(text).into_owned() });
    }

    /// Takes what others said while the screen was up.
    pub fn heard(&mut self, lines: &[String]) {
        if let Some(line) = lines.last() {
            self.message = Some(Message::word(line));
        }
    }
}

impl EventLine {
    /// The time of day, UTC.
    pub fn clock(&self) -> String {
        self.time.to_string().get(11..19).unwrap_or_default().to_owned()
    }
}
