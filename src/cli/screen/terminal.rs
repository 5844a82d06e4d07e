//! The terminal while the screen has it.

use std::cell::Cell;
use std::io::{BufWriter, Error, ErrorKind, Stdout, Write};
use std::rc::Rc;
use std::sync::{Mutex, Once};

use log::LevelFilter;
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::ui::Ui;

/// The terminal's settings from before, while they are others.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal, with the screen on it. Dropped, it is as it was before; what others said meanwhile and nobody showed
/// is said then.
pub struct Terminal<'a> {
    screen: ratatui::Terminal<CrosstermBackend<BufWriter<Out>>>,
    gone: Rc<Cell<bool>>,
    ui: &'a Ui,
    level: LevelFilter,
}

impl<'a> Terminal<'a> {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it can't be set.
    pub fn enter(ui: &'a Ui) -> Result<Self, Error> {
        have_it_back_on_panic();
        let before = tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        if let Ok(mut kept) = BEFORE.lock() {
            *kept = Some(before);
        }
        let level = log::max_level();
        log::set_max_level(LevelFilter::Off);
        ui.hold();
        let entered = tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(Error::from);
        let entered = entered
            .and_then(|()| execute!(std::io::stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide));
        let gone = Rc::new(Cell::new(false));
        let out = Out { stdout: std::io::stdout(), gone: Rc::clone(&gone) };
        let out = BufWriter::with_capacity(1 << 16, out);
        match entered.and_then(|()| ratatui::Terminal::new(CrosstermBackend::new(out))) {
            Ok(screen) => Ok(Self { screen, gone, ui, level }),
            Err(error) => {
                put_back();
                log::set_max_level(level);
                ui.release();
                Err(error)
            }
        }
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
struct Out {
    stdout: Stdout,
    gone: Rc<Cell<bool>>,
}

impl Write for Out {
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

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        put_back();
        log::set_max_level(self.level);
        self.ui.release();
    }
}

/// A panic may end the process without any drop.
fn have_it_back_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            put_back();
            usual(panic);
        }));
    });
}

/// Puts the terminal back, once. Nothing can be done for one that has gone.
fn put_back() {
    let Ok(mut kept) = BEFORE.try_lock() else { return };
    if let Some(before) = kept.take() {
        let mut out = std::io::stdout();
        let _ = execute!(out, ResetColor, Show, LeaveAlternateScreen);
        let _ = out.flush();
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}
