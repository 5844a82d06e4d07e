//! Two commands timed in turns, so that what else the machine does meets both.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The head of the table that [`compare`] prints.
pub fn headline() {
    println!("{:<34} {:>24} {:>24} {:>6}", "", "vmtools ms (min..max)", "other ms (min..max)", "ratio");
}

/// Times both, in turns, and prints their medians.
pub fn compare(name: &str, rounds: usize, ours: impl Fn() -> Duration, theirs: impl Fn() -> Duration) {
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..rounds).map(|_| (ours(), theirs())).unzip();
    let (ours, theirs) = (Times::of(ours), Times::of(theirs));
    let ratio = ours.median() / theirs.median();
    println!("{name:<34} {:>24} {:>24} {ratio:>6.2}", ours.cell(), theirs.cell());
}

/// From the start of a program to its end, which has to be a success.
pub fn time(argv: &[&str]) -> Duration {
    output(argv).0
}

/// The same, and what it printed.
pub fn output(argv: &[&str]) -> (Duration, String) {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = command.output().unwrap();
    let took = start.elapsed();
    assert!(output.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
    (took, String::from_utf8(output.stdout).unwrap())
}

struct Times(Vec<f64>);

impl Times {
    fn of(times: Vec<Duration>) -> Self {
        let mut ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        ms.sort_by(f64::total_cmp);
        Self(ms)
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn cell(&self) -> String {
        format!("{:.1} ({:.1}..{:.1})", self.median(), self.0[0], self.0[self.0.len() - 1])
    }
}
