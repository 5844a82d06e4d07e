use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::args::Cli;
use crate::cli::guide::TOPICS;
use crate::problem::Problem;

/// Generate man pages.
#[derive(Debug, Args)]
#[command(
    after_help = "Commands have pages in section 1, topics in section 7. If DIR is called man1, the pages of section 7 are written to man7 beside it.\n\nExamples:\n  vmtools man ~/.local/share/man/man1"
)]
pub struct ManArgs {
    /// Directory to write to, created if it does not exist
    pub dir: PathBuf,
}

/// # Errors
/// When a directory can't be written.
pub fn run(args: ManArgs) -> Result<ExitCode, Problem> {
    let topics = section_7(&args.dir);
    into(&args.dir, || {
        // The listing of topics is for a terminal: below, they are what to see also.
        clap_mangen::generate_to(Cli::command().after_long_help(None::<&str>), &args.dir)?;
        let page = args.dir.join("vmtools.1");
        std::fs::write(&page, std::fs::read_to_string(&page)? + &see_also())
    })?;
    into(&topics, || {
        TOPICS.iter().try_for_each(|topic| {
            std::fs::write(topics.join(format!("vmtools-{}.7", topic.name)), topic.man_page())
        })
    })?;
    Ok(ExitCode::SUCCESS)
}

fn into(dir: &Path, write: impl FnOnce() -> std::io::Result<()>) -> Result<(), Problem> {
    std::fs::create_dir_all(dir)
        .and_then(|()| write())
        .map_err(|error| Problem::io(format!("cannot write to {}", dir.display()), &error))
}

/// man looks for a page only in the directory of its section.
fn section_7(dir: &Path) -> PathBuf {
    if dir.file_name().is_some_and(|name| name == "man1") {
        dir.with_file_name("man7")
    } else {
        dir.to_owned()
    }
}

fn see_also() -> String {
    let pages: Vec<String> = TOPICS
        .iter()
        .map(|topic| format!("\\fBvmtools\\-{}\\fR(7)", topic.name.replace('-', "\\-")))
        .collect();
    format!(".SH \"SEE ALSO\"\n{}\n", pages.join(",\n"))
}
