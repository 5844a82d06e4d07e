//! Files of the user's that are read whole: `-` is standard input, and pipes such as `<(COMMAND)` are files too.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::ui::Ui;
use crate::problem::Problem;

/// How long a pipe may be silent before it is said what is waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// What nobody wants to tell a guest, in bytes.
const LIMIT: u64 = 16 << 20;

impl Ui {
    /// The content of a file. A pipe is read until its end, which may take as long as whoever writes to it likes: for
    /// verbs that have not begun to listen for signals yet, so that Ctrl-C ends the program.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read(&self, what: &str, file: &Path) -> Result<Vec<u8>, Problem> {
        let (done, waiting) = channel::<()>();
        let name = if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() };
        let read = std::thread::scope(|scope| {
            let (ui, what, name) = (self, &what, &name);
            scope.spawn(move || {
                if waiting.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
                    ui.note(&format!("reading the {what} from {name} ..."));
                }
            });
            let read = match is_stdin(file) {
                true => read_all(std::io::stdin()),
                false => File::open(file).and_then(read_all),
            };
            drop(done);
            read
        });
        let bytes = read.map_err(|error| Problem::io(format!("cannot read the {what} {name}"), &error))?;
        if bytes.len() as u64 > LIMIT {
            return Err(Problem::usage(
                format!("the {what} {name} is longer than {} MiB", LIMIT >> 20),
                "check that it is the right file",
            ));
        }
        Ok(bytes)
    }
}

/// Whether the file is one whose content is gone once it is read: a pipe, a terminal, or standard input.
pub fn gives_once(file: &Path) -> bool {
    let is_stream = |kind: std::fs::FileType| kind.is_fifo() || kind.is_char_device() || kind.is_socket();
    is_stdin(file) || std::fs::metadata(file).is_ok_and(|metadata| is_stream(metadata.file_type()))
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// One byte more than may be, so that too much is seen: some devices never end.
fn read_all(input: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(LIMIT + 1).read_to_end(&mut bytes).map(|_| bytes)
}
