//! Colours, and text that may be shown. What a colour says is also said in words.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};

use crate::model::VmState;

/// How things look.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// Whether there are colours.
    pub colour: bool,
}

impl Theme {
    /// As `--color` and NO_COLOR have it.
    pub fn chosen() -> Self {
        Self { colour: colored::control::SHOULD_COLORIZE.should_colorize() }
    }

    /// In that colour, if there are colours.
    pub fn of(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// That of a state.
    pub fn state(self, state: VmState) -> Style {
        match state {
            VmState::Running => self.of(Color::Green),
            VmState::Crashed => self.of(Color::Red).add_modifier(Modifier::BOLD),
            VmState::Paused | VmState::Suspended | VmState::ShuttingDown => self.of(Color::Yellow),
            VmState::Shutoff | VmState::Unknown => self.quiet(),
        }
    }

    /// That of headings and names.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// That of what matters less.
    pub fn quiet(self) -> Style {
        self.of(Color::DarkGray)
    }

    /// That of the chosen row.
    pub fn chosen_row(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// The text without what would do more to a terminal than show it: control characters, and those that turn the
/// direction of writing.
pub fn clean(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(bad) { text.replace(bad, "?").into() } else { text.into() }
}
