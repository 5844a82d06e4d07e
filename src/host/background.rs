use std::ffi::OsString;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Error;
use crate::system::{fs, process};

/// Starts this program again, with other arguments; it goes on when this process ends. What it prints goes to the file
/// `log`, in place of what an earlier one has left there.
///
/// # Errors
/// When it can't be started, or the file can't be written.
pub fn run_again_in_background(arguments: &[OsString], log: &Path) -> Result<(), Error> {
    if let Some(folder) = log.parent() {
        fs::create_private_folder(folder)?;
    }
    let mut options = std::fs::File::options();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(log);
    let file = file.map_err(fs::Error::at("write", log))?;
    // The program that runs, though another has taken its place by now.
    process::start_detached(Path::new("/proc/self/exe"), arguments, file).map_err(Error::Background)
}
