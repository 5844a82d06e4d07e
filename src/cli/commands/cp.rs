use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{CopyBy, CopyPlace, CopyRequest};
use crate::problem::Problem;

/// Copy files and directories to or from a VM.
#[derive(Debug, Args)]
#[command(
    after_help = "One side is NAME:PATH, a path in the guest, relative to the user's home directory unless it starts \
                  with a slash. The other is a local path, or - for standard input or output; write a local path that \
                  contains a colon as ./a:b. If DST is a directory, SRC is copied into it. Modes and times are \
                  preserved.\
                  \n\nThe guest needs sh, tar and base64, which even busybox has, but no sftp-server. Files copied through \
                  the agent belong to the agent's user, usually root.\
                  \n\nExamples:\
                  \n  vmtools cp site.conf web:/tmp/\
                  \n  vmtools cp -r web:/var/log ./web-log\
                  \n  pg_dump shop | vmtools cp - web:shop.sql"
)]
pub struct CpArgs {
    /// Source: PATH, NAME:PATH or -
    #[arg(value_name = "SRC", add = complete::guest_paths())]
    pub from: OsString,
    /// Destination: an existing directory, or the new path
    #[arg(value_name = "DST", add = complete::guest_paths())]
    pub to: OsString,
    /// Copy directories recursively
    #[arg(short, long)]
    pub recursive: bool,
    /// Transport to use; auto falls back to the agent if ssh denies access
    #[arg(long, value_name = "TRANSPORT", default_value = "auto")]
    pub by: By,
    /// User to log in as over ssh [default: the user the VM was created with]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
}

/// What carries a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// ssh, or the agent if ssh denies access
    Auto,
    /// ssh only
    Ssh,
    /// The guest agent only
    Agent,
}

/// # Errors
/// When there is no such file, the VM is shut off, or neither transport reaches it.
pub async fn run(args: CpArgs, context: &Context) -> Result<ExitCode, Problem> {
    let (from, to) = (place(args.from), place(args.to));
    let vm = match (&from, &to) {
        (CopyPlace::Guest { .. }, CopyPlace::Guest { .. }) => None,
        (CopyPlace::Guest { vm, .. }, _) | (_, CopyPlace::Guest { vm, .. }) => Some(vm.clone()),
        _ => None,
    };
    let Some(vm) = vm else {
        return Err(Problem::usage(
            "one side must be NAME:PATH and the other a path on this host",
            "`vmtools cp FILE NAME:PATH` or `vmtools cp NAME:PATH FILE`",
        ));
    };
    let to_stdout = to == CopyPlace::Stream;
    let by = match args.by {
        By::Auto => CopyBy::Auto,
        By::Ssh => CopyBy::Ssh,
        By::Agent => CopyBy::Agent,
    };
    let request = CopyRequest { from, to, recursive: args.recursive, by, user: args.user };
    let session = context.session().await?;
    let copied = session.file_copy().copy(&request).await;
    context.ui.finish();
    let copied = copied.map_err(|error| Problem::from(error).about(&vm))?;
    // Standard output may be the copy's.
    if !to_stdout {
        context.ui.show(&copied, |_| String::new());
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands before the first colon is a VM, unless a slash stands before that: as scp has it.
fn place(word: OsString) -> CopyPlace {
    if word == "-" {
        return CopyPlace::Stream;
    }
    match word.to_str().and_then(|text| text.split_once(':')) {
        Some((vm, path)) if !vm.is_empty() && !vm.contains('/') => {
            CopyPlace::Guest { vm: vm.to_owned(), path: path.to_owned() }
        }
        _ => CopyPlace::Host(word.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_makes_a_guest_unless_a_slash_is_before_it() {
        let guest = |vm: &str, path: &str| CopyPlace::Guest { vm: vm.into(), path: path.into() };
        for (word, expected) in [
            ("web:/etc/passwd", guest("web", "/etc/passwd")),
            ("web:", guest("web", "")),
            ("a b:c:d", guest("a b", "c:d")),
            ("./a:b", CopyPlace::Host("./a:b".into())),
            ("/a:b", CopyPlace::Host("/a:b".into())),
            (":a", CopyPlace::Host(":a".into())),
            ("file", CopyPlace::Host("file".into())),
            ("-", CopyPlace::Stream),
            ("./-", CopyPlace::Host("./-".into())),
        ] {
            assert_eq!(place(word.into()), expected, "{word}");
        }
    }
}
