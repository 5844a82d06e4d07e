//! The keys, explained.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget};

use super::theme::Theme;

/// The keys of the overview, in few words.
pub const OVERVIEW: &str = "Enter page  < > sort  R reverse  / filter  a all VMs  ? help  q quit";
/// The keys of a page, in few words.
pub const PAGE: &str = "p pause  r resume  s stop  c console  ? help  q quit";
/// The same of a page that the overview lies behind.
pub const PAGE_BEHIND: &str = "p pause  r resume  s stop  c console  Esc back  ? help  q quit";

const LINES: [&str; 18] = [
    "Overview",
    "  Enter          open the VM's page",
    "  arrows j k     select; PgUp PgDn Home End",
    "  < >            sort by the previous or next column",
    "  n s c v m u    sort by name, state, cpu, vcpus, memory, used",
    "  r w x t        sort by read, write, received, sent",
    "  R              reverse the order",
    "  /              filter by name; Esc clears the filter",
    "  a              include VMs that are shut off",
    "A VM's page",
    "  p r            pause, resume",
    "  s              stop, after asking",
    "  c              serial console; Ctrl-] detaches",
    "  Esc Backspace  back",
    "Everywhere",
    "  q, Ctrl-C      quit",
    "  Ctrl-L         redraw",
    "  ?              this help",
];

/// Draws it over all.
pub fn draw(buffer: &mut Buffer, area: Rect, theme: Theme) {
    let area = area.intersection(buffer.area);
    let (width, height) = (area.width.min(64), area.height.min(LINES.len() as u16));
    let place = Rect { x: area.x + (area.width - width) / 2, width, height, ..area };
    Clear.render(place, buffer);
    for (y, text) in (place.y..place.bottom()).zip(LINES) {
        let style = if text.starts_with(' ') { Style::new() } else { theme.strong() };
        buffer.set_stringn(place.x, y, text, width.into(), style);
    }
}
