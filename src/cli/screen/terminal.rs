//! The terminal while the screen has it.

use std::cell::Cell;
use std::io::{BufWriter, Error, ErrorKind, Stdout, Write};
use std::rc::Rc;

use log::LevelFilter;
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Hide;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{Clear, ClearType, EnterAlternateScreen};

use crate::cli::tty::RawMode;
use crate::cli::ui::Ui;

/// The usual colours, the cursor shown, the alternate screen left (ECMA-48, xterm's ctlseqs).
const FAREWELL: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";

/// The terminal, with the screen on it. Dropped, it is as it was before; what others said meanwhile and nobody showed
/// is said then.
pub struct Terminal<'a> {
    screen: ratatui::Terminal<CrosstermBackend<BufWriter<StickyStdout>>>,
    gone: Rc<Cell<bool>>,
    _held: TerminalLock<'a>,
}

impl<'a> Terminal<'a> {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it can't be set.
    pub fn enter(ui: &'a Ui) -> Result<Self, Error> {
        let held = TerminalLock::new(ui, RawMode::enter(FAREWELL)?);
        execute!(std::io::stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide)?;
        let gone = Rc::new(Cell::new(false));
        let out = StickyStdout { stdout: std::io::stdout(), gone: Rc::clone(&gone) };
        let out = BufWriter::with_capacity(1 << 16, out);
        let screen = ratatui::Terminal::new(CrosstermBackend::new(out))?;
        Ok(Self { screen, gone, _held: held })
    }

    /// Draws a frame; only what differs from the one before goes out.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Error> {
        self.screen.draw(draw)?;
        if self.gone.get() { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// Stdout, which takes all and remembers that it couldn't: ratatui tells a failure at its end to stderr, and panics
/// when that has gone, too.
struct StickyStdout {
    stdout: Stdout,
    gone: Rc<Cell<bool>>,
}

impl Write for StickyStdout {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        match self.stdout.write(bytes) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                self.gone.set(true);
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.stdout.flush().is_err() {
            self.gone.set(true);
        }
        Ok(())
    }
}

/// Nobody else writes to the terminal while this lives.
struct TerminalLock<'a> {
    ui: &'a Ui,
    level: LevelFilter,
    raw: Option<RawMode>,
}

impl<'a> TerminalLock<'a> {
    fn new(ui: &'a Ui, raw: RawMode) -> Self {
        let level = log::max_level();
        log::set_max_level(LevelFilter::Off);
        ui.hold();
        Self { ui, level, raw: Some(raw) }
    }
}

impl Drop for TerminalLock<'_> {
    fn drop(&mut self) {
        // What was said meanwhile is for the terminal as it was before.
        drop(self.raw.take());
        log::set_max_level(self.level);
        self.ui.release();
    }
}
