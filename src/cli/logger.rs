//! `-v`: the calls to other programs, with their times, on stderr.

use std::io::Write;

use super::render::visible_lines;

struct CallLogger;

impl log::Log for CallLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("vmtools")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            let _ = writeln!(std::io::stderr().lock(), "+ {}", visible_lines(&text));
        }
    }

    fn flush(&self) {}
}

/// Once `-v` shows each call, twice also its output.
pub fn install(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    };
    if log::set_logger(&CallLogger).is_ok() {
        log::set_max_level(level);
    }
}
