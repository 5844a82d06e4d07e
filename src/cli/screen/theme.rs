//! Colours, and text that may be shown. What a colour says is also said in words.

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
