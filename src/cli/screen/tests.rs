//! Frames of many sizes, and what keys do.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::app::{App, Order};
use super::draw;
use super::sampler::{PollError, Report};
use super::side::{Action, Answer};
use super::theme::Theme;
use super::typed::Key;
use crate::cli::render::SampleColumn;
use crate::manager::{
    Counters, Job, MonitorRequest, QemuEvent, Reading, SampleSource, StateChange, VmEvent, VmEventKind,
    VmSample,
};
use crate::model::{Timestamp, Uuid, VmState};
use crate::problem::{ErrorKind, Problem};

const SIZES: [(u16, u16); 12] = [
    (80, 24),
    (200, 60),
    (20, 5),
    (1, 1),
    (0, 0),
    (2, 60),
    (200, 2),
    (9, 3),
    (49, 12),
    (100, 30),
    (30, 80),
    (500, 200),
];

fn reading(name: &str, state: VmState, cpu: Option<f64>) -> Reading {
    let counters = Counters::nothing(state, SampleSource::Domstats);
    let sample = VmSample {
        time: counters.time,
        name: name.to_owned(),
        uuid: Uuid::from_u128(name.bytes().fold(0, |sum, byte| (sum << 8) | u128::from(byte))),
        state,
        source: SampleSource::Domstats,
        interval_seconds: cpu.map(|_| 1.0),
        cpu_percent: cpu,
        cpu_percent_of_vcpus: cpu,
        vcpu_percent: vec![cpu, None],
        memory_mib: Some(256),
        memory_used_mib: cpu.map(|_| 100),
        memory_resident_mib: None,
        disk_read_bytes_per_second: cpu.map(|cpu| cpu * 1e6),
        disk_write_bytes_per_second: cpu,
        disk_read_ops_per_second: cpu,
        disk_write_ops_per_second: cpu,
        disk_read_latency_ms: None,
        disk_write_latency_ms: cpu,
        net_rx_bytes_per_second: None,
        net_tx_bytes_per_second: None,
    };
    Reading { counters, sample, jobs: Vec::new(), events: Vec::new() }
}

fn app(names: &[&str]) -> App {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let request = MonitorRequest { names, ..MonitorRequest::default() };
    App::new(request, SampleColumn::Cpu, Theme { colour: false })
}

fn see(app: &mut App, readings: Vec<Reading>) {
    let (number, _) = app.request();
    app.update(Report { number, readings: Ok(readings), away: false });
}

fn frame(app: &mut App, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw::frame(frame, app)).expect("a frame");
    terminal.backend().buffer().clone()
}

fn text(app: &mut App, size: (u16, u16)) -> String {
    let buffer = frame(app, size);
    let row = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect::<String>();
    buffer.content.chunks(size.0.max(1).into()).map(|line| row(line).trim_end().to_owned() + "\n").collect()
}

fn press(app: &mut App, keys: &str) -> Order {
    let mut order = Order::Nothing;
    for key in keys.chars() {
        order = app.key(match key {
            '\n' => Key::Enter,
            '\x1b' => Key::Escape,
            other => Key::Char(other),
        });
    }
    order
}

#[test]
fn a_page_shows_what_there_is() {
    let mut app = app(&["web"]);
    assert!(text(&mut app, (80, 24)).contains("web  looking.."));
    for cpu in 0..100 {
        see(&mut app, vec![reading("web", VmState::Running, Some(f64::from(cpu)))]);
    }
    app.happened(&event("web"));
    app.happened(&event("other"));
    let job = Job { kind: "backup".into(), device: Some("vda".into()), done_bytes: 512, total_bytes: 2048 };
    let event =
        |event: &str| QemuEvent { time: Timestamp::now(), event: event.to_owned(), data: "{}".to_owned() };
    let events = vec![event("STOP"), event("WATCHDOG")];
    see(&mut app, vec![Reading { jobs: vec![job], events, ..reading("web", VmState::Running, Some(99.0)) }]);
    let shown = text(&mut app, (80, 24));
    for part in [
        "web  running",
        "by domstats",
        "no address known",
        "backup vda [#####               ] 25%",
        " 0 ██████ 99%",
        "cpu 99.0% of one CPU, 99.0% of its vCPUs",
        " 100%",
        "memory 100 MiB used of 256 MiB",
        "disk read 94.4M/s",
        "write latency 99 ms",
        "received -",
        "events (UTC)",
        "00:00:00  started: Started Booted",
        "qemu: WATCHDOG",
        "p pause  r resume",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!((shown.matches("Started Booted").count(), shown.matches("STOP").count()), (1, 0), "{shown}");
}

fn event(name: &str) -> VmEvent {
    VmEvent {
        time: Timestamp::from(std::time::SystemTime::UNIX_EPOCH),
        name: name.to_owned(),
        uuid: None,
        event: VmEventKind::Started,
        detail: "Started Booted".to_owned(),
        state: Some(VmState::Running),
        missed: false,
    }
}

#[test]
fn nothing_is_too_small_or_too_large() {
    let odd = "w\x1b[2Jeb\r\n\u{202e}漢字\u{300}👩‍👩‍👧 a very long name that never ends, never at all";
    for theme in [Theme { colour: false }, Theme { colour: true }] {
        for size in SIZES {
            for names in [&["web"][..], &[]] {
                let mut app = app(names);
                app.theme = theme;
                frame(&mut app, size);
                for round in 0..400 {
                    let cpu = (round % 3 != 0).then_some(f64::from(round) * 1e9);
                    see(
                        &mut app,
                        vec![reading(odd, VmState::Paused, cpu), reading("", VmState::Shutoff, None)],
                    );
                }
                app.happened(&event("web"));
                frame(&mut app, size);
                press(&mut app, "?");
                frame(&mut app, size);
                press(&mut app, "x");
                press(&mut app, if names.is_empty() { "jjj/w" } else { "s" });
                let shown = text(&mut app, size);
                assert!(!shown.contains(['\x1b', '\r', '\u{202e}']), "{shown:?}");
                let (number, _) = app.request();
                app.update(Report { number, readings: Ok(Vec::new()), away: true });
                frame(&mut app, size);
            }
        }
    }
}

#[test]
fn many_virtual_processors_have_a_block_each() {
    let mut app = app(&["web"]);
    let mut many = reading("web", VmState::Running, Some(100.0));
    many.sample.vcpu_percent = vec![Some(100.0); 64];
    see(&mut app, vec![many]);
    assert!(text(&mut app, (80, 24)).contains(&format!("vcpus  {}", "█".repeat(64))));
}

#[test]
fn without_colour_there_is_none() {
    let mut app = app(&["web"]);
    see(&mut app, vec![reading("web", VmState::Running, Some(1.0))]);
    let coloured = |app: &mut App| frame(app, (80, 24)).content.iter().any(|cell| cell.fg != Color::Reset);
    assert!(!coloured(&mut app));
    app.theme.colour = true;
    assert!(coloured(&mut app));
}

#[test]
fn a_vm_that_is_removed_may_come_back() {
    let mut app = app(&["web"]);
    see(&mut app, vec![reading("web", VmState::Running, Some(1.0))]);
    app.update(Report { number: 0, readings: Err(PollError::Gone), away: false });
    assert!(text(&mut app, (80, 24)).contains("web  removed"));
    see(&mut app, vec![reading("web", VmState::Shutoff, None)]);
    assert!(text(&mut app, (80, 24)).contains("web  shutoff"));
    app.update(Report { number: 0, readings: Ok(Vec::new()), away: true });
    assert!(text(&mut app, (80, 24)).contains("libvirt stopped answering"));
}

#[test]
fn actions_are_asked_for_and_told_of() {
    let mut app = app(&["web"]);
    see(&mut app, vec![reading("web", VmState::Running, Some(1.0))]);
    assert_eq!(press(&mut app, "p"), Order::Act("web".into(), Action::Pause));
    assert!(text(&mut app, (80, 24)).contains("pausing web.."));
    let change = StateChange { name: "web".into(), state: VmState::Paused, already: false };
    app.answered(Answer::Acted(Ok(change)));
    assert!(text(&mut app, (80, 24)).contains("web is paused"));
    assert_eq!(press(&mut app, "s"), Order::Nothing);
    assert!(text(&mut app, (20, 1)).contains("stop web? y/n"), "however small");
    assert_eq!(press(&mut app, "n"), Order::Nothing);
    assert_eq!(press(&mut app, "sy"), Order::Act("web".into(), Action::Stop));
    let problem = Problem { hint: Some("do that".into()), ..Problem::new(ErrorKind::Failed, "it is so") };
    app.answered(Answer::Acted(Err(problem)));
    assert!(text(&mut app, (80, 24)).contains("error: it is so (hint: do that)"));
    assert_eq!(press(&mut app, "\x1b"), Order::Nothing, "there is no overview behind");
    assert_eq!(press(&mut app, "c"), Order::Console("web".into()));
    assert_eq!(press(&mut app, "q"), Order::Quit);
    assert_eq!(app.key(Key::Interrupt), Order::Interrupt);
}

fn thousand() -> App {
    let mut app = app(&[]);
    let of = |number: u32| reading(&format!("vm-{number:04}"), VmState::Running, Some(f64::from(number)));
    see(&mut app, (0..1000).map(of).collect());
    app
}

#[test]
fn the_overview_scrolls_and_opens_what_is_chosen() {
    let mut app = thousand();
    let shown = text(&mut app, (80, 24));
    assert!(shown.starts_with("1000 VMs, 1000 running, cpu 499500.0%"), "{shown}");
    assert!(shown.contains("CPU%v"), "{shown}");
    assert!(shown.contains("vm-0999") && shown.contains("vm-0980") && !shown.contains("vm-0979"), "{shown}");
    app.key(Key::PageDown);
    let shown = text(&mut app, (80, 24));
    assert!(shown.contains("vm-0979"), "{shown}");
    press(&mut app, "G");
    assert!(text(&mut app, (80, 24)).contains("vm-0000"));
    // It is on the screen when that grows smaller.
    let buffer = frame(&mut app, (80, 5));
    let chosen = buffer.content.iter().find(|cell| cell.modifier.contains(Modifier::REVERSED));
    assert!(chosen.is_some(), "{buffer:?}");
    assert_eq!(press(&mut app, "\n"), Order::Refresh);
    assert_eq!(app.request().1.names, ["vm-0000"]);
    // The overview's own polls that end meanwhile are not this page's.
    app.update(Report { number: 0, readings: Err(PollError::Gone), away: false });
    assert!(text(&mut app, (80, 24)).contains("vm-0000  looking.."));
    assert_eq!(press(&mut app, "\x1b"), Order::Refresh);
    assert!(app.request().1.names.is_empty());
}

#[test]
fn the_chosen_vm_stays_chosen_however_rows_are_sorted() {
    let mut app = thousand();
    frame(&mut app, (80, 24));
    press(&mut app, "jj");
    for keys in ["R", "n", "R", ">", "<", "t", "u"] {
        press(&mut app, keys);
        frame(&mut app, (80, 24));
        let row = app.overview.cursor();
        assert_eq!(app.overview.row(row).map(|vm| vm.name.as_str()), Some("vm-0997"), "{keys}");
    }
    press(&mut app, "/0997");
    assert!(text(&mut app, (80, 24)).contains("1 VM, 1 running, cpu 997.0%   /0997_"));
    assert_eq!(press(&mut app, "x"), Order::Nothing, "typed, not done");
    assert!(text(&mut app, (80, 24)).contains("no VM matches the filter"));
    press(&mut app, "\x1b");
    assert_eq!(app.overview.len(), 1000);
    assert!(!app.request().1.off);
    assert_eq!(press(&mut app, "a"), Order::Refresh);
    assert!(app.request().1.off);
}

#[test]
fn what_is_not_known_comes_last_both_ways() {
    let mut app = app(&[]);
    let (busy, idle) = (reading("a", VmState::Running, Some(9.0)), reading("b", VmState::Running, Some(1.0)));
    see(&mut app, vec![reading("off", VmState::Shutoff, None), busy, idle]);
    let names = |app: &App| -> Vec<String> {
        (0..3).filter_map(|row| app.overview.row(row)).map(|vm| vm.name.clone()).collect()
    };
    assert_eq!(names(&app), ["a", "b", "off"]);
    press(&mut app, "R");
    assert_eq!(names(&app), ["b", "a", "off"]);
}
