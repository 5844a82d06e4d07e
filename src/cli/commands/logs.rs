use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::PlainText;
use crate::cli::signals;
use crate::cli::ui::Ui;
use crate::manager::LogRequest;
use crate::problem::Problem;

/// Print a VM's serial console log.
#[derive(Debug, Args)]
#[command(
    after_help = "The log starts over each time the VM starts. On a terminal, control sequences other than colours are \
                  removed; in a pipe or a file, the output is exactly what the guest printed. With --json each line is \
                  an object.\
                  \n\nExamples:\
                  \n  vmtools logs web -n 20\
                  \n  vmtools logs web -f | grep -m1 'Reached target'"
)]
pub struct LogsArgs {
    /// VM name or UUID
    #[arg(add = complete::vms())]
    pub name: String,
    /// Follow the log, across restarts of the VM, until the VM is deleted
    #[arg(short, long)]
    pub follow: bool,
    /// Print only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,
}

/// # Errors
/// When the VM has no log of its serial console, or it can't be read.
pub async fn run(args: LogsArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let mut form = Form::of(&context.ui);
    let request = LogRequest { lines: args.lines, follow: args.follow };
    let mut is_empty = true;
    let mut out = |bytes: &[u8]| {
        is_empty &= bytes.is_empty();
        context.ui.data_bytes(&form.of_bytes(bytes))
    };
    let guest = session.guest();
    let result = tokio::select! {
        result = guest.logs(&args.name, request, &mut out) => result.map(|()| ExitCode::SUCCESS),
        // Ctrl-C is how one ends to follow a log; nothing is to be taken back.
        signal = signals::next() => Ok(ExitCode::from(signal.status())),
    };
    context.ui.data_bytes(&form.end());
    if is_empty && !args.follow && result.is_ok() {
        context.ui.note(&format!("the serial log of {} is empty", args.name));
    }
    result.map_err(|error| Problem::from(error).about(&args.name))
}

/// In which form the log goes to stdout.
enum Form {
    Raw,
    Terminal(PlainText),
    /// An object a line; what stands here is a line that is not ended yet.
    Json(Vec<u8>),
}

impl Form {
    fn of(ui: &Ui) -> Self {
        if ui.json() {
            return Self::Json(Vec::new());
        }
        if std::io::stdout().is_terminal() { Self::Terminal(PlainText::default()) } else { Self::Raw }
    }

    fn of_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Raw => bytes.to_vec(),
            Self::Terminal(filter) => filter.filter(bytes),
            Self::Json(rest) => {
                rest.extend_from_slice(bytes);
                let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let lines: Vec<u8> = rest.drain(..whole).collect();
                lines.split_inclusive(|byte| *byte == b'\n').flat_map(json_line).collect()
            }
        }
    }

    fn end(&self) -> Vec<u8> {
        match self {
            Self::Raw => Vec::new(),
            Self::Terminal(filter) => filter.end().to_vec(),
            Self::Json(rest) if rest.is_empty() => Vec::new(),
            Self::Json(rest) => json_line(rest),
        }
    }
}

fn json_line(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let object = serde_json::json!({ "line": text.trim_end_matches(['\r', '\n']) });
    format!("{object}\n").into_bytes()
}
