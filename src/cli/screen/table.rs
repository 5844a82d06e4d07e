//! The overview, drawn.

use clap::ValueEnum;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::overview::Overview;
use super::theme::Theme;
use crate::cli::render::{self, SampleColumn, visible};
use crate::manager::VmSample;
use crate::model::VmState;

/// The least that a name gets.
const NAME: u16 = 12;

/// Draws the totals, the heading and the rows that fit.
pub fn draw(overview: &mut Overview, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    // On a small screen rows matter more.
    let above = if area.height >= 4 { 2 } else { u16::from(area.height >= 2) };
    if above == 2 {
        buffer.set_stringn(area.x, area.y, totals(overview), area.width.into(), Style::new());
    }
    let columns = columns(area.width);
    if above > 0 {
        heading(overview, buffer, Rect { y: area.y + above - 1, height: 1, ..area }, &columns, theme);
    }
    let rows = Rect { y: area.y + above, height: area.height - above, ..area };
    scroll(overview, rows.height.into());
    for (line, row) in (rows.y..rows.bottom()).zip(overview.offset..) {
        let Some(vm) = overview.row(row) else { break };
        let line = Rect { y: line, height: 1, ..rows };
        cells(vm, buffer, line, &columns, theme);
        if row == overview.cursor() {
            buffer.set_style(line, theme.chosen_row());
        }
    }
    if overview.len() == 0 && overview.is_loaded && !rows.is_empty() {
        let why = match overview.filter() {
            ("", _) => "no VM is running (a: include VMs that are shut off)",
            _ => "no VM matches the filter (Esc clears it)",
        };
        buffer.set_stringn(rows.x, rows.y, why, rows.width.into(), theme.quiet());
    }
}

fn totals(overview: &Overview) -> String {
    if !overview.is_loaded {
        return "looking..".to_owned();
    }
    let totals = overview.totals();
    let vms = if totals.vms == 1 { "VM" } else { "VMs" };
    let sums = format!("{} {vms}, {} running, cpu {:.1}%", totals.vms, totals.running, totals.cpu_percent);
    match overview.filter() {
        (filter, true) => format!("{sums}   /{}_", visible(filter)),
        ("", _) => sums,
        (filter, _) => format!("{sums}   /{}", visible(filter)),
    }
}

/// The chosen row stays in sight.
fn scroll(overview: &mut Overview, height: usize) {
    overview.height = height;
    let cursor = overview.cursor();
    let least = (cursor + 1).saturating_sub(height);
    let last = overview.len().saturating_sub(height);
    overview.offset = overview.offset.clamp(least, cursor.max(least)).min(last.max(least));
}

/// The columns that fit, with their widths.
fn columns(width: u16) -> Vec<(SampleColumn, u16)> {
    let mut left = width.saturating_sub(NAME);
    let mut columns = vec![(SampleColumn::Name, 0)];
    for column in &SampleColumn::value_variants()[1..] {
        let wide = width_of(*column);
        if wide > left {
            break;
        }
        left -= wide;
        columns.push((*column, wide));
    }
    columns[0].1 = left + NAME.min(width);
    columns
}

fn width_of(column: SampleColumn) -> u16 {
    match column {
        SampleColumn::Name => 0,
        SampleColumn::State => 10,
        SampleColumn::Vcpus | SampleColumn::Memory | SampleColumn::Write => 8,
        _ => 7,
    }
}

fn heading(
    overview: &Overview,
    buffer: &mut Buffer,
    line: Rect,
    columns: &[(SampleColumn, u16)],
    theme: Theme,
) {
    let mut x = line.x;
    for (column, width) in columns {
        let sorted = *column == overview.sort();
        // Names ascend and numbers descend, unless that is reversed.
        let rises = matches!(column, SampleColumn::Name | SampleColumn::State) != overview.is_reversed();
        let mark = if !sorted {
            ""
        } else if rises {
            "^"
        } else {
            "v"
        };
        let text = format!("{}{mark}", column.heading());
        let style = if sorted { theme.strong().add_modifier(Modifier::UNDERLINED) } else { theme.strong() };
        put(buffer, Rect { x, width: *width, ..line }, &text, is_left(*column), style);
        x += width;
    }
}

fn cells(vm: &VmSample, buffer: &mut Buffer, line: Rect, columns: &[(SampleColumn, u16)], theme: Theme) {
    let mut x = line.x;
    for (column, width) in columns {
        let cell = Rect { x, width: *width, ..line };
        match column {
            SampleColumn::Name => put(buffer, cell, &visible(&vm.name), true, Style::new()),
            SampleColumn::State => put(buffer, cell, state(vm.state), true, theme.state(vm.state)),
            SampleColumn::Memory => put(buffer, cell, &memory(vm.memory_mib), false, Style::new()),
            SampleColumn::Used => put(buffer, cell, &memory(vm.memory_used_mib), false, Style::new()),
            _ => put(buffer, cell, &column.cell(vm), false, Style::new()),
        }
        x += width;
    }
}

/// In few characters.
fn memory(mib: Option<u64>) -> String {
    mib.map_or_else(|| "-".to_owned(), |mib| render::bytes(mib as f64 * 1_048_576.0))
}

/// In at most ten characters.
fn state(state: VmState) -> &'static str {
    if state == VmState::ShuttingDown { "stopping" } else { state.name() }
}

fn is_left(column: SampleColumn) -> bool {
    matches!(column, SampleColumn::Name | SampleColumn::State)
}

/// Numbers stand at the right; what is beside them begins a column later.
fn put(buffer: &mut Buffer, cell: Rect, text: &str, left: bool, style: Style) {
    let room = usize::from(cell.width.saturating_sub(1));
    let indent = if left { 0 } else { room.saturating_sub(text.len()) };
    buffer.set_stringn(cell.x + indent as u16, cell.y, text, room - indent.min(room), style);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_columns_fit_into_eighty() {
        let of = |width| columns(width).len();
        assert_eq!([of(1), of(12), of(30), of(81), of(200)], [1, 1, 3, 10, 10]);
        for width in 0..200 {
            let sum: u16 = columns(width).iter().map(|(_, width)| width).sum();
            assert!(sum <= width.max(NAME), "{width}");
        }
    }
}
