//! A VM's page, drawn.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::app::EventLine;
use super::chart::Chart;
use super::page::{METRICS, Metric, Page};
use super::theme::Theme;
use crate::cli::render::{self, visible};
use crate::manager::{Job, SampleSource, VmSample};
use crate::model::MemorySize;

/// The width of one vCPU's gauge, and of its bar.
const GAUGE: usize = 16;
const GAUGE_BAR: usize = 6;
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws as much of the page as fits, what matters most first.
pub fn draw(page: &Page, events: &VecDeque<EventLine>, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let mut area = area.intersection(buffer.area);
    let mut take = |rows: u16| {
        let top = Rect { height: rows.min(area.height), ..area };
        area = Rect { y: top.bottom(), height: area.height - top.height, ..area };
        top
    };
    header(page, buffer, take(1), theme);
    let second = take(1);
    let addresses = if page.ips.is_empty() { "no address known".to_owned() } else { page.ips.join("  ") };
    line(buffer, second, &[(&addresses, theme.quiet())]);
    for job in page.jobs.iter().take(3) {
        line(buffer, take(1), &[(&job_text(job), theme.of(Color::Cyan))]);
    }
    if let Some(sample) = page.sample.as_ref().filter(|sample| !sample.vcpu_percent.is_empty()) {
        let rows = sample.vcpu_percent.len().div_ceil((usize::from(second.width) / GAUGE).max(1)) as u16;
        let most = (area.height / 6).max(1);
        vcpus(sample, buffer, take_from(&mut area, rows.min(most)), rows > most, theme);
    }
    let mine = || events.iter().rev().filter(|event| event.vm == page.name);
    let room = (area.height / 4).min(mine().count() as u16 + 1);
    let below = if room >= 2 && area.height >= 10 { room } else { 0 };
    let grid = Rect { height: area.height - below, ..area };
    charts(page, buffer, grid, theme);
    let mut rows = grid.bottom()..area.bottom();
    if let Some(y) = rows.next() {
        line(buffer, Rect { y, height: 1, ..area }, &[("events (UTC)", theme.strong())]);
    }
    for (y, event) in rows.zip(mine()) {
        line(
            buffer,
            Rect { y, height: 1, ..area },
            &[(&event.clock(), theme.quiet()), (&event.text, Style::new())],
        );
    }
}

fn take_from(area: &mut Rect, rows: u16) -> Rect {
    let top = Rect { height: rows.min(area.height), ..*area };
    *area = Rect { y: top.bottom(), height: area.height - top.height, ..*area };
    top
}

/// Words beside each other on one line, as many as fit.
fn line(buffer: &mut Buffer, area: Rect, words: &[(&str, Style)]) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let mut x = area.x;
    for (word, style) in words.iter().filter(|(word, _)| !word.is_empty()) {
        let left = usize::from(area.right().saturating_sub(x));
        x = buffer.set_stringn(x, area.y, word, left, *style).0.saturating_add(2);
    }
}

fn header(page: &Page, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let name = visible(&page.name);
    let (state, style) = match (page.removed, page.state()) {
        (true, _) => ("removed", theme.of(Color::Red)),
        (_, Some(state)) => (state.name(), theme.state(state)),
        _ => ("looking..", theme.quiet()),
    };
    let up = page.uptime().map_or_else(String::new, |up| format!("up {}", humantime::format_duration(up)));
    let source = match page.sample.as_ref().map(|sample| sample.source) {
        Some(SampleSource::Qmp) => "by qmp",
        Some(SampleSource::Domstats) => "by domstats",
        None => "",
    };
    line(
        buffer,
        area,
        &[(&name, theme.strong()), (state, style), (&up, Style::new()), (source, theme.quiet())],
    );
}

fn job_text(job: &Job) -> String {
    let device = job.device.as_deref().map(|device| format!(" {device}")).unwrap_or_default();
    let (done, total) = (job.done_bytes as f64, job.total_bytes as f64);
    let percent = if total > 0.0 { (done / total * 100.0).min(100.0) } else { 0.0 };
    let filled = (percent / 5.0) as usize;
    let bar = format!("[{}{}]", "#".repeat(filled), " ".repeat(20 - filled));
    let words = format!("{}{device} {bar} {percent:.0}%", job.kind);
    visible(&format!("{words}  {} of {}", render::bytes(done), render::bytes(total))).into_owned()
}

/// A gauge for each; where there are too many, a block for each.
fn vcpus(sample: &VmSample, buffer: &mut Buffer, area: Rect, many: bool, theme: Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let green = theme.of(Color::Green);
    if many {
        let block = |percent: &Option<f64>| match percent {
            Some(percent) => BARS[(percent.clamp(0.0, 100.0) / 12.5).ceil() as usize],
            None => '·',
        };
        let blocks: String = sample.vcpu_percent.iter().map(block).collect();
        return line(buffer, area, &[("vcpus", theme.strong()), (&blocks, green)]);
    }
    let each_row = (usize::from(area.width) / GAUGE).max(1);
    for (number, percent) in sample.vcpu_percent.iter().enumerate() {
        let y = area.y + (number / each_row) as u16;
        if y >= area.bottom() {
            break;
        }
        let gauge =
            Rect { x: area.x + (number % each_row * GAUGE) as u16, y, width: GAUGE as u16, height: 1 };
        let (bar, text) = match percent {
            Some(percent) => (gauge_bar(*percent), format!("{percent:.0}%")),
            None => (" ".repeat(GAUGE_BAR), "-".to_owned()),
        };
        let gauge = gauge.intersection(area);
        let (x, _) =
            buffer.set_stringn(gauge.x, y, format!("{number:>2} "), gauge.width.into(), theme.quiet());
        let left = |x: u16| usize::from(gauge.right().saturating_sub(x));
        let (x, _) = buffer.set_stringn(x, y, bar, left(x), green);
        buffer.set_stringn(x, y, format!(" {text}"), left(x), Style::new());
    }
}

fn gauge_bar(percent: f64) -> String {
    let filled = (percent.clamp(0.0, 100.0) / 100.0 * GAUGE_BAR as f64).round() as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(GAUGE_BAR - filled))
}

/// The charts in one or two columns; the first ones where not all fit.
fn charts(page: &Page, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let columns: u16 = if area.width < 50 { 1 } else { 2 };
    let rows = (METRICS.len() as u16).div_ceil(columns);
    if area.height == 0 {
        return;
    }
    // Where two lines for each are too many, fewer have them.
    let height = (area.height / rows).max(2.min(area.height));
    let shown = (area.height / height).min(rows);
    // What is left over makes the first charts higher.
    let spare = if shown == rows { area.height - height * rows } else { 0 };
    let mut y = area.y;
    for row in 0..shown {
        let height = height + u16::from(row < spare);
        for column in 0..columns {
            let number = usize::from(row * columns + column);
            let Some(metric) = METRICS.get(number) else { return };
            let width = area.width / columns;
            let place = Rect { x: area.x + column * width, y, width, height };
            chart(page, number, metric, buffer, place, theme);
        }
        y += height;
    }
}

fn chart(page: &Page, number: usize, metric: &Metric, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let sample = page.sample.as_ref();
    let (note, limit) = match (metric.label, sample) {
        ("cpu", Some(vm)) => {
            let of_vcpus =
                vm.cpu_percent_of_vcpus.map(|percent| format!(" of one CPU, {percent:.1}% of its vCPUs"));
            (of_vcpus.unwrap_or_default(), None)
        }
        ("memory", Some(vm)) => (memory_note(vm), vm.memory_mib.map(|mib| mib as f64)),
        _ => (String::new(), None),
    };
    // QEMU holds more than its guest has.
    let limit = limit.filter(|limit| page.history[number].highest().is_none_or(|highest| highest <= *limit));
    let colours = [Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan];
    Chart {
        label: metric.label,
        note: &note,
        series: &page.history[number],
        unit: metric.unit,
        limit,
        style: theme.of(if number < 2 { colours[number] } else { colours[(number - 2) / 2 % 3 + 2] }),
    }
    .draw(buffer, area, theme);
}

fn memory_note(vm: &VmSample) -> String {
    let whole = vm.memory_mib.map_or_else(|| "-".to_owned(), |mib| MemorySize::from_mib(mib).to_string());
    match (vm.memory_used_mib, vm.memory_resident_mib) {
        (Some(_), _) => format!(" used of {whole}"),
        (None, Some(_)) => format!(" resident in QEMU; the guest has {whole} and reports no usage"),
        _ => format!(" of {whole}"),
    }
}
