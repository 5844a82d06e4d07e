//! The line below all: what is going on, and what came of it.

use std::time::{Duration, Instant};

use ratatui::style::{Color, Style};

use super::theme::Theme;
use crate::cli::render::visible;
use crate::problem::Problem;

/// How long a message stands, unless a key is pressed.
const STANDS: Duration = Duration::from_secs(20);

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its words, safe to be shown.
    pub text: String,
    tone: Tone,
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Word,
    Busy,
    Failure,
}

impl Message {
    /// A word for the user.
    pub fn word(text: &str) -> Self {
        Self::new(text, Tone::Word)
    }

    /// What is under way: it stands until something came of it.
    pub fn busy(text: &str) -> Self {
        Self::new(text, Tone::Busy)
    }

    /// A failure, with what to do next.
    pub fn failure(problem: &Problem) -> Self {
        let mut text = format!("error: {}", problem.message);
        if let Some(cause) = problem.cause.first() {
            text = format!("{text}: {cause}");
        }
        if let Some(hint) = &problem.hint {
            text = format!("{text} (hint: {hint})");
        }
        Self::new(&text, Tone::Failure)
    }

    fn new(text: &str, tone: Tone) -> Self {
        // It has one line.
        let text = text.replace('\n', " ");
        Self { text: visible(&text).into_owned(), tone, since: Instant::now() }
    }

    /// Whether a key takes it away.
    pub fn is_settled(&self) -> bool {
        self.tone != Tone::Busy
    }

    /// Whether it has stood long enough.
    pub fn is_old(&self) -> bool {
        self.is_settled() && self.since.elapsed() >= STANDS
    }

    /// How it looks.
    pub fn style(&self, theme: Theme) -> Style {
        match self.tone {
            Tone::Word => Style::new(),
            Tone::Busy => theme.of(Color::Yellow),
            Tone::Failure => theme.of(Color::Red),
        }
    }
}
