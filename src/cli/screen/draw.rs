//! A frame of all.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::app::App;
use super::{help, page_view, table};

/// Draws all that there is, on a screen of any size.
pub fn frame(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    draw(app, frame.buffer_mut(), area);
}

fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let said = said(app);
    let footer = match area.height {
        6.. => 2,
        3.. => 1,
        _ => u16::from(said.is_some()),
    };
    let body = Rect { height: area.height - footer, ..area };
    let theme = app.theme;
    match &app.page {
        Some(page) => page_view::draw(page, &app.events, buffer, body, theme),
        None => table::draw(&mut app.overview, buffer, body, theme),
    }
    let last = |row: u16| Rect { y: area.bottom() - row, height: 1, ..area };
    if footer == 2 || (footer == 1 && said.is_none()) {
        let keys = match (&app.page, app.has_overview()) {
            (Some(_), true) => help::PAGE_BEHIND,
            (Some(_), false) => help::PAGE,
            (None, _) => help::OVERVIEW,
        };
        put(buffer, last(1), keys, theme.quiet());
    }
    if let Some((text, style)) = said
        && footer > 0
    {
        put(buffer, last(footer), &text, style);
    }
    if app.help {
        help::draw(buffer, body, theme);
    }
}

fn put(buffer: &mut Buffer, line: Rect, text: &str, style: Style) {
    buffer.set_stringn(line.x, line.y, text, line.width.into(), style);
}

/// What stands on the line of messages.
fn said(app: &App) -> Option<(String, Style)> {
    if let Some(name) = app.question() {
        return Some((format!("stop {name}? y/n"), app.theme.strong()));
    }
    if app.away {
        let text = "libvirt stopped answering; waiting for it to return".to_owned();
        return Some((text, app.theme.of(Color::Red)));
    }
    app.message.as_ref().map(|message| (message.text.clone(), message.style(app.theme)))
}
