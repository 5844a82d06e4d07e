use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep_until};

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::signals;
use crate::cli::tty::{Input, RawMode};
use crate::manager::{Console, ConsoleInput};
use crate::model::EscapeKey;
use crate::problem::{Problem, vmtools};

/// When to say that nobody answers.
const SILENCE: Duration = Duration::from_secs(5);
/// How long virsh may take to pass on what was typed before the escape key, and to end.
const LEAVE: Duration = Duration::from_secs(2);
/// How much that is typed may wait for the guest, in bytes, before no more is read: a pasted file fits.
const MOST_WAITING: usize = 1 << 20;
/// The usual colours, the cursor shown, and a line of its own for what follows.
const FAREWELL: &str = "\x1b[0m\x1b[?25h\r\n";

/// Attach to a VM's serial console.
#[derive(Debug, Args)]
#[command(
    after_help = "A login prompt appears if a getty runs on the guest's serial console, as in cloud images. All keys \
                  except the escape key go to the guest, including Ctrl-C.\
                  \n\nExamples:\
                  \n  vmtools console web\
                  \n  vmtools console web --escape ^T"
)]
pub struct ConsoleArgs {
    /// VM name or UUID
    #[arg(add = complete::active_vms())]
    pub name: String,
    /// Key that detaches: ^X for Ctrl-X, or a single character
    #[arg(long, value_name = "KEY", default_value_t = EscapeKey::DEFAULT)]
    pub escape: EscapeKey,
    /// Disconnect another open console
    #[arg(short, long)]
    pub force: bool,
}

/// # Errors
/// When there is no terminal, the VM is shut off, or another console is open.
pub async fn run(args: ConsoleArgs, context: &Context) -> Result<ExitCode, Problem> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Problem::usage(
            "the console needs a terminal",
            format!(
                "{} shows its output, {} runs a command",
                vmtools("logs").arg(&args.name).flag("-f"),
                vmtools("ssh").arg(&args.name).then("-- CMD")
            ),
        ));
    }
    let session = context.reader().await?;
    let about = |error: crate::manager::Error| Problem::from(error).about(&args.name);
    let unusable = |error: std::io::Error| Problem::io("cannot use the terminal", &error);
    let keys = Input::open().map_err(unusable)?;
    // Before the terminal is the guest's.
    context.ui.note(&format!(
        "attaching to the console of {}; press {} to detach",
        args.name,
        args.escape.name()
    ));
    let mut console = session.guest().console(&args.name, args.escape, args.force).await.map_err(about)?;
    let terminal = RawMode::enter(FAREWELL).map_err(unusable)?;
    let ended = tokio::select! {
        ended = attach(&mut console, &keys, args.escape) => ended,
        signal = signals::next() => Ended::Signal(signal),
    };
    let result = match ended {
        Ended::Signal(signal) => {
            drop((console, terminal));
            return Ok(ExitCode::from(signal.status()));
        }
        // One that hangs has no more to say.
        Ended::Left => Ok(()),
        Ended::ByVirsh => console.end().await,
    };
    drop(terminal);
    result.map_err(about)?;
    context.ui.note(&format!("detached from the console of {}", args.name));
    Ok(ExitCode::SUCCESS)
}

/// Why the terminal is the user's again.
enum Ended {
    /// virsh ended: it was asked to, the VM shut down, or it was refused.
    ByVirsh,
    /// virsh is to end and does not, or the terminal has gone.
    Left,
    Signal(crate::manager::Signal),
}

/// Shows what the guest prints and passes on what is typed, until the escape key is among that.
///
/// virsh would read the terminal by itself, but misses its escape key when another one is read together with it.
async fn attach(console: &mut Console, keys: &Input, escape: EscapeKey) -> Ended {
    let (mut output, input) = console.split();
    let mut waiting = Vec::new();
    let mut leaving: Option<Instant> = None;
    let mut silent_at = Some(Instant::now() + SILENCE);
    let ask_to_end = leave(&input);
    tokio::pin!(ask_to_end);
    let mut asked = false;
    loop {
        let mut typed = Vec::new();
        tokio::select! {
            printed = output.next() => {
                silent_at = None;
                match printed {
                    Ok(bytes) if bytes.is_empty() => return Ended::ByVirsh,
                    Ok(bytes) if show(&bytes) => {}
                    _ => return Ended::Left,
                }
            }
            read = keys.read(&mut typed), if leaving.is_none() && waiting.len() < MOST_WAITING => {
                let before = if read.is_ok() { escape.split(&typed) } else { Some(&typed[..]) };
                if before.is_some() {
                    leaving = Some(Instant::now() + LEAVE);
                }
                waiting.extend_from_slice(before.unwrap_or(&typed));
            }
            written = input.write(&waiting), if !waiting.is_empty() => match written {
                Ok(count) => drop(waiting.drain(..count)),
                Err(_) => return Ended::Left,
            },
            () = &mut ask_to_end, if leaving.is_some() && waiting.is_empty() && !asked => asked = true,
            () = sleep_until(leaving.unwrap_or_else(Instant::now)), if leaving.is_some() => return Ended::Left,
            () = sleep_until(silent_at.unwrap_or_else(Instant::now)), if silent_at.is_some() => {
                silent_at = None;
                say_nothing_was_heard(escape);
            }
        }
    }
}

/// Asks virsh to end. One whose terminal has gone ends anyway.
async fn leave(input: &ConsoleInput<'_>) {
    let _ = input.leave().await;
}

/// False when nobody takes any more.
fn show(bytes: &[u8]) -> bool {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
}

/// The terminal is raw: a line break alone does not go back to the left.
fn say_nothing_was_heard(escape: EscapeKey) {
    let _ = write!(
        std::io::stderr(),
        "no output for {} s: press Enter. If nothing appears, no getty runs on the guest's serial console\r\n(in \
         the guest: systemctl enable --now serial-getty@ttyS0, and console=ttyS0 on its kernel command line). {} \
         detaches.\r\n",
        SILENCE.as_secs(),
        escape.name()
    );
}
