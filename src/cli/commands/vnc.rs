use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::manager::{Error, Screen};
use crate::problem::{Problem, command, view_elsewhere, vmtools};

/// Show the VNC address of a VM, open its screen, or forward a port to it.
#[derive(Debug, Args)]
#[command(
    after_help = "Prints the path of the screen's Unix socket, or HOST:PORT. The socket is open to its owner, root \
                  and, with qemu:///system, the group libvirt. With --port, every user of this host can see and use \
                  the screen until Ctrl-C.\
                  \n\n--viewer opens the screen in virt-viewer, remote-viewer or vncviewer, whichever is installed, and \
                  exits with the viewer's status.\
                  \n\nExamples:\
                  \n  vmtools vnc web\
                  \n  vmtools vnc web --viewer\
                  \n  vmtools vnc web --port 5901    # then: vncviewer 127.0.0.1::5901"
)]
pub struct VncArgs {
    /// VM name or UUID
    #[arg(add = complete::active_vms())]
    pub name: String,
    /// Open the screen in a VNC viewer and wait until it is closed
    #[arg(long, conflicts_with = "port")]
    pub viewer: bool,
    /// Forward this port of 127.0.0.1 to the screen until Ctrl-C
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
}

/// # Errors
/// When the VM is shut off or has no VNC, the port can't be forwarded, or no viewer can be opened.
pub async fn run(args: VncArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let result = tokio::select! {
        result = work(&args, context, &session) => result,
        // Ctrl-C is how one ends it; there is nothing to roll back. A viewer is closed.
        signal = signals::next() => Ok(ExitCode::from(signal.status())),
    };
    result.map_err(|error| Problem::from(error).about(&args.name))
}

async fn work(args: &VncArgs, context: &Context, session: &Session) -> Result<ExitCode, Error> {
    if args.viewer {
        return view(&args.name, context, session).await;
    }
    if let Some(port) = args.port {
        return forward(&args.name, port, context, session).await;
    }
    let screen = session.guest().screen(&args.name).await?;
    context.ui.show(&screen, |screen| format!("{}\n", place(screen)));
    if !session.uri().is_local() {
        let how = view_elsewhere(&screen, session.uri());
        context.ui.note(&format!("the screen is on the host of {}: {how}", session.uri()));
        return Ok(ExitCode::SUCCESS);
    }
    let opens = vmtools("vnc").arg(&screen.vm).flag("--viewer");
    let port = vmtools("vnc").arg(&screen.vm).option("--port", 5901);
    context.ui.note(&format!(
        "view it with {}; {opens} opens a viewer, {port} forwards a local port to it",
        viewer(&screen)
    ));
    Ok(ExitCode::SUCCESS)
}

async fn view(name: &str, context: &Context, session: &Session) -> Result<ExitCode, Error> {
    let view = session.guest().view_screen(name).await?;
    context.ui.show(&view.screen, |screen| format!("{}\n", place(screen)));
    let password = if view.password { "; it prompts for the VM's VNC password" } else { "" };
    context.ui.note(&format!("opened {} for {}{password}", view.program, view.screen.vm));
    Ok(ExitCode::from(view.run(|error| warn(context, error)).await?))
}

async fn forward(name: &str, port: u16, context: &Context, session: &Session) -> Result<ExitCode, Error> {
    let forward = session.guest().forward_screen(name, port).await?;
    context.ui.show(&forward.screen, |screen| format!("{}\n", place(screen)));
    let (vm, viewer) = (&forward.screen.vm, viewer(&forward.screen));
    context
        .ui
        .note(&format!("forwarding to the screen of {vm}: view it with {viewer}; press Ctrl-C to stop"));
    match forward.serve(|error| warn(context, error)).await? {}
}

fn warn(context: &Context, error: Error) {
    let problem = Problem::from(error);
    context.ui.warn(&[&[problem.message][..], &problem.cause].concat().join(": "));
}

fn place(screen: &Screen) -> String {
    match (&screen.socket, &screen.host, screen.port) {
        (Some(socket), ..) => socket.clone(),
        (_, Some(host), Some(port)) if host.contains(':') => format!("[{host}]:{port}"),
        (_, Some(host), Some(port)) => format!("{host}:{port}"),
        _ => String::new(),
    }
}

/// TigerVNC's viewer takes a socket's path, and a port after two colons: after one it is a display's number.
fn viewer(screen: &Screen) -> String {
    let viewer = command("vncviewer");
    match (&screen.socket, &screen.host, screen.port) {
        (None, Some(host), Some(port)) if host.contains(':') => viewer.arg(format_args!("[{host}]::{port}")),
        (None, Some(host), Some(port)) => viewer.arg(format_args!("{host}::{port}")),
        (socket, ..) => viewer.path(Path::new(socket.as_deref().unwrap_or_default())),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_viewers() {
        let at = |socket: Option<&str>, host: Option<&str>| {
            let (socket, host) = (socket.map(str::to_owned), host.map(str::to_owned));
            let port = host.is_some().then_some(5900);
            let screen = Screen { vm: "web".into(), socket, host, port, password: false };
            (place(&screen), viewer(&screen))
        };
        let both = |place: &str, viewer: &str| (place.to_owned(), format!("`vncviewer {viewer}`"));
        assert_eq!(at(Some("/run/a b"), None), both("/run/a b", "'/run/a b'"));
        assert_eq!(at(None, Some("127.0.0.1")), both("127.0.0.1:5900", "127.0.0.1::5900"));
        assert_eq!(at(None, Some("::1")), both("[::1]:5900", "'[::1]::5900'"));
    }
}
