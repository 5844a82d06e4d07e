use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::context::Context;
use crate::cli::signals;
use crate::manager::Console;
use crate::problem::{Problem, vmtools};

/// When to say that nobody answers.
const SILENCE: Duration = Duration::from_secs(5);

/// The flags of `console`.
#[derive(Debug, Args)]
#[command(
    after_help = "A guest answers where a getty runs on its serial console: cloud images have one. The keys go to the guest, Ctrl-C too.\n\nExample:\n  vmtools console web\n  vmtools console web --escape ^T"
)]
pub struct ConsoleArgs {
    /// The VM's name or UUID
    pub name: String,
    /// The key that leaves it: ^X for Ctrl and X, or one character
    #[arg(long, value_name = "KEY", default_value = "^]", value_parser = parse_escape)]
    pub escape: String,
    /// End another one that is open
    #[arg(short, long)]
    pub force: bool,
}

/// # Errors
/// When there is no terminal, the VM is off, or another console is open.
pub async fn run(args: ConsoleArgs, context: &Context) -> Result<ExitCode, Problem> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Problem::usage(
            "the console needs a terminal",
            format!(
                "{} shows what it prints, {} runs a command",
                vmtools("logs").arg(&args.name).flag("-f"),
                vmtools("ssh").arg(&args.name).then("-- CMD")
            ),
        ));
    }
    let session = context.reader().await?;
    let about = |error: crate::manager::Error| Problem::from(error).about(&args.name);
    let terminal = Terminal::save()?;
    // Before the terminal is the guest's.
    let key = shown(&args.escape);
    context.ui.note(&format!("the console of {}: {key} leaves it", args.name));
    let mut console = session.guest().console(&args.name, &args.escape, args.force).await.map_err(about)?;
    let ended = tokio::select! {
        () = copy(&mut console, &key) => None,
        signal = signals::next() => Some(signal),
    };
    if let Some(signal) = ended {
        drop(console);
        drop(terminal);
        return Ok(ExitCode::from(signal.status()));
    }
    let result = console.end().await;
    drop(terminal);
    result.map_err(about)?;
    context.ui.note(&format!("left the console of {}", args.name));
    Ok(ExitCode::SUCCESS)
}

/// Shows what the guest prints until the end; says so if that is nothing for a while.
async fn copy(console: &mut Console, key: &str) {
    let mut heard = false;
    loop {
        let bytes = if heard {
            console.next().await
        } else {
            heard = true;
            match tokio::time::timeout(SILENCE, console.next()).await {
                Ok(bytes) => bytes,
                Err(_) => {
                    // The terminal is raw: a line break alone does not go back to the left.
                    let _ = write!(
                        std::io::stderr(),
                        "nothing was heard for {} s: press Enter. If nobody answers then, no getty runs on \
                         the guest's serial console\r\n(there: systemctl enable --now serial-getty@ttyS0, and \
                         console=ttyS0 for its kernel). {key} leaves.\r\n",
                        SILENCE.as_secs()
                    );
                    continue;
                }
            }
        };
        match bytes {
            Ok(bytes) if !bytes.is_empty() => {
                let mut stdout = std::io::stdout().lock();
                if stdout.write_all(&bytes).and_then(|()| stdout.flush()).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// The terminal's settings; dropped, they are put back, and the colour and the cursor are shown as usual.
struct Terminal(Termios);

impl Terminal {
    fn save() -> Result<Self, Problem> {
        tcgetattr(std::io::stdin())
            .map(Self)
            .map_err(|error| Problem::io("cannot read the terminal's settings", &error.into()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.0);
        let _ = write!(std::io::stdout(), "\x1b[0m\x1b[?25h\r\n");
        let _ = std::io::stdout().flush();
    }
}

/// As virsh has it: `^` and a letter or one of `@[\]^_`, or one character.
fn parse_escape(text: &str) -> Result<String, String> {
    let printable = |byte: u8| byte.is_ascii_graphic();
    match text.as_bytes() {
        [b'^', key] if key.is_ascii_alphabetic() || b"@[\\]^_".contains(key) => Ok(text.to_ascii_uppercase()),
        [key] if printable(*key) && *key != b'^' => Ok(text.to_owned()),
        _ => Err("the form is ^X (Ctrl and X), or one character".to_owned()),
    }
}

fn shown(escape: &str) -> String {
    escape.strip_prefix('^').map_or_else(|| escape.to_owned(), |key| format!("Ctrl + {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_virshs() {
        for (text, key) in [("^]", "Ctrl + ]"), ("^t", "Ctrl + T"), ("~", "~"), ("^^", "Ctrl + ^")] {
            assert_eq!(parse_escape(text).map(|escape| shown(&escape)), Ok(key.to_owned()));
        }
        for text in ["", "^", "^1", "ab", "^]x", "é", " ", "\n"] {
            assert!(parse_escape(text).is_err(), "{text:?}");
        }
    }
}
