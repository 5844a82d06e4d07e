//! Many guests that are asked to go off at once, beside one alone. Their work is the machine's: where guests
//! are emulated, 20 of them share its processors, so what virsh needs for as many is measured too.

use std::path::Path;
use std::time::Duration;

use super::support::{Run, Sandbox};

const GUESTS: usize = 20;
/// Under emulation, all of them together on two processors.
const UP: Duration = Duration::from_secs(1500);

pub fn measure(sandbox: &Sandbox, image: &Path) {
    let vmtools = |args: &[&str]| sandbox.vmtools(args).timeout(UP).run().success();
    let count = GUESTS.to_string();
    let image = image.to_str().unwrap();
    let small = ["create", "bench", "--image", image, "-m", "112", "-c", "1", "-d", "1", "--count", &count];
    vmtools(&small);
    let start = |names: &[&str]| {
        vmtools(&[&["start", "--wait=ssh", "--timeout", "20m"][..], names].concat());
    };
    // Nothing else runs while the single ones go off.
    let single: Vec<Duration> = ["bench-1", "bench-2", "bench-3"]
        .iter()
        .map(|name| {
            start(&[name]);
            vmtools(&["stop", name]).took
        })
        .collect();
    let slowest = single.iter().max().copied().unwrap_or_default();
    let single: Vec<String> = single.iter().map(|took| format!("{:.1}", took.as_secs_f64())).collect();
    println!("stop of 1 guest, three times: {} s", single.join(", "));
    start(&["--all"]);
    let all = sandbox.count_processes_within(&["stop", "--all", "--timeout", "20m"], UP);
    assert!(all.run.status.success(), "{}", all.run);
    let (took, times) = (seconds(&all.run), seconds(&all.run) / slowest.as_secs_f64());
    println!(
        "stop of {GUESTS}: {took:.1} s, {times:.2} times the slowest one's, by {} virsh",
        all.of("virsh")
    );
    start(&["--all"]);
    let names: Vec<String> = (1..=GUESTS).map(|number| format!("bench-{number}")).collect();
    let virsh = by_virsh(sandbox, &names);
    println!("virsh shutdown of {GUESTS}, until all are off: {:.1} s", seconds(&virsh));
    vmtools(&["delete", "--force", "--all"]);
}

/// The least that the machine needs for it: one virsh presses all buttons, and another looks.
fn by_virsh(sandbox: &Sandbox, names: &[String]) -> Run {
    let presses: String = names.iter().map(|name| format!("shutdown --mode acpi {name}; ")).collect();
    let script = format!(
        "virsh -q -c {uri} '{presses}' >/dev/null; \
         while [ -n \"$(virsh -q -c {uri} list --name)\" ]; do sleep 0.25; done",
        uri = sandbox.uri()
    );
    sandbox.command("sh", &["-c", &script]).timeout(UP).run().success()
}

fn seconds(run: &Run) -> f64 {
    run.took.as_secs_f64()
}
