//! The live screen of `monitor`, on a terminal.

use super::support::{Sandbox, Terminal, sandbox_or_skip};
use super::{MINUTE, create, define_empty};

const SIZE: (u16, u16) = (100, 30);

fn monitor(sandbox: &Sandbox, args: &[&str]) -> Terminal {
    let program = [&["--ctty", "--wait", env!("CARGO_BIN_EXE_vmtools"), "monitor"], args].concat();
    Terminal::start(&sandbox.command("setsid", &program).env("TERM", "xterm-256color"), SIZE)
}

#[test]
fn a_vm_has_a_page_that_follows_it() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait=ssh"]).run().success();
    let mut screen = monitor(&sandbox, &["web"]);
    screen.shows("web  running  up ");
    for part in ["cpu ", "memory ", "read latency", "p pause"] {
        screen.shows(part);
    }
    screen.waits("an address", |text| !text.contains("no address known"));
    assert!(screen.is_taken());
    screen.types("p");
    screen.shows("web  paused");
    screen.shows("web is paused");
    screen.types("r");
    screen.shows("web  running");
    screen.types("r");
    screen.shows("web is already running");

    for tiny in [(20, 5), (1, 1), (2, 2)] {
        screen.resize(tiny);
        screen.shows(&"web"[..usize::from(tiny.0.min(3))]);
    }
    screen.resize(SIZE);
    screen.shows("p pause");
    screen.types("?");
    screen.shows("Everywhere");
    screen.types("x");

    // The console has the terminal until it is left.
    screen.types("c");
    // virsh drops what is typed before it is there.
    screen.waits("the console", |text| text.contains("no output for") || text.contains("login:"));
    assert!(!screen.is_taken());
    screen.types("\r");
    screen.shows("login:");
    screen.types("\x1d");
    screen.shows("detached from the console");
    screen.shows("web  running");

    sandbox.libvirtd_kill();
    sandbox.libvirtd_start();
    sandbox.vmtools(&["pause", "web"]).run().success();
    screen.shows("web  paused");
    sandbox.vmtools(&["resume", "web"]).run().success();
    screen.shows("web  running");
    // A no is no.
    screen.types("s");
    screen.shows("stop web? y/n");
    screen.types("n");
    screen.waits("the question's end", |text| !text.contains("stop web?"));
    screen.types("sy");
    screen.shows("web  shutoff");
    screen.shows("web is shutoff");
    screen.shows("stopped: ");
    sandbox.vmtools(&["delete", "--yes", "web"]).run().success();
    screen.shows("web  removed");
    define_empty(&sandbox, &["web"]);
    screen.shows("web  shutoff");
    screen.types("q");
    assert_eq!(screen.ends(MINUTE).code(), Some(0));
    screen.is_as_before();

    let screen = monitor(&sandbox, &["web"]);
    screen.shows("web  shutoff");
    assert_eq!(screen.hangs_up(MINUTE).code(), Some(129));
}

#[test]
fn all_vms_have_a_row() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    define_empty(&sandbox, &["a<b>&'c", "naïve", "web-1", "web-2"]);
    sandbox.virsh(&["start", "web-1"]);
    let mut screen = monitor(&sandbox, &["--sort", "name"]);
    screen.shows("1 VM, 1 running");
    screen.shows("web-1       ");
    screen.types("a");
    screen.shows("4 VMs, 1 running");
    screen.shows("a<b>&'c");
    screen.types("/WEB\r");
    screen.waits("the others' end", |text| text.contains("2 VMs") && !text.contains("naïve"));
    screen.types("\x1b[B\r");
    screen.shows("web-2  shutoff");
    screen.types("p");
    screen.shows("(hint: ");
    screen.types("\x1b");
    screen.shows("2 VMs, 1 running");

    sandbox.libvirtd_kill();
    screen.shows("libvirt stopped answering");
    sandbox.libvirtd_start();
    screen.waits("libvirt's return", |text| {
        !text.contains("libvirt stopped answering") && text.contains("2 VMs, 1 running")
    });

    // Keys are heeded while libvirt hangs.
    sandbox.libvirtd_freeze();
    screen.types("?");
    screen.shows("Everywhere");
    screen.types("?");
    sandbox.as_root("sh", &["-c", "kill -TERM $(pidof vmtools)"]).run().success();
    assert_eq!(screen.ends(MINUTE).code(), Some(143));
    screen.is_as_before();
    sandbox.libvirtd_thaw();

    let mut screen = monitor(&sandbox, &[]);
    screen.shows("1 VM, 1 running");
    screen.types("\x03");
    assert_eq!(screen.ends(MINUTE).code(), Some(130));
    screen.is_as_before();
}
