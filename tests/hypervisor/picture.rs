//! The picture of the live screen that the README and a guide show: of a VM that really runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::create;
use super::support::{Sandbox, Terminal, sandbox_or_skip, wait_for};

/// What the guest does meanwhile: it reads and writes its disk, past the image's end, in bursts of different sizes.
const DISK_LOAD: &str = "while true; do n=$((RANDOM % 60 + 4)); echo 3 >/proc/sys/vm/drop_caches; \
     dd if=/dev/vda of=/dev/null bs=64k count=$n skip=$((RANDOM % 600)); \
     dd if=/dev/zero of=/dev/vda bs=64k seek=14000 count=$((n / 2)) conv=fsync; \
     usleep $((RANDOM * 60)); done >/dev/null 2>&1 &";
/// What it sends by the network, for as long as somebody reads.
const NETWORK_LOAD: &str = "while true; do head -c $((RANDOM * 8)) /dev/zero; usleep $((RANDOM * 40)); done";
/// A chart holds this much.
const CHART: Duration = Duration::from_secs(100);

/// Writes the SVG to `VMTOOLS_PICTURE`, if that is set: see `./build.sh help`.
#[test]
#[ignore = "two minutes for a picture: ./build.sh picture"]
fn the_page_of_a_vm_is_drawn() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait", "--timeout", "5m"]).run().success();
    sandbox.vmtools(&["exec", "web", "--", "sh", "-c", DISK_LOAD]).run().success();
    let reader = sandbox.vmtools(&["ssh", "web", "--", NETWORK_LOAD]).spawn();
    let program = ["--ctty", "--wait", env!("CARGO_BIN_EXE_vmtools"), "monitor", "web"];
    let command = sandbox.command("setsid", &program).env("TERM", "xterm-256color");
    let screen = Terminal::start(&command, (92, 22));
    screen.shows("web  running  up ");
    let start = Instant::now();
    wait_for("charts that are full", CHART * 2, || (start.elapsed() > CHART).then_some(()));
    let svg = screen.svg("vmtools monitor web");
    screen.types("q");
    drop(reader);
    assert!(svg.len() < 40 << 10, "{} bytes", svg.len());
    for part in ["running", "disk write", "p pause"] {
        assert!(svg.contains(part), "{part:?} is not in it");
    }
    if let Some(file) = std::env::var_os("VMTOOLS_PICTURE").map(PathBuf::from) {
        std::fs::write(file, svg).unwrap();
    }
}
