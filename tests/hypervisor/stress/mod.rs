//! Many commands at once on few names: as they come, with some of them killed, and with a daemon that crashes. Whatever
//! meets whatever, nothing that a VM needs is lost, `gc` finds all that is left over, and each exit code is true.
//!
//! `VMTOOLS_STRESS_SEED` chooses the commands; each run announces its own. What meets what is up to the machine all the
//! same.

mod ledger;
mod random;
mod traffic;
mod world;

use std::time::{Duration, SystemTime};

use super::public_cases::tiny_image;
use super::support::{Sandbox, announce, is_thorough, sandbox_or_skip};
use ledger::contradictions;
use traffic::{Traffic, Trouble};
use world::World;

/// How much goes on.
struct Extent {
    workers: usize,
    names: usize,
    phases: [(Trouble, Duration); 3],
}

impl Extent {
    fn chosen() -> Self {
        let seconds = |all, quick| Duration::from_secs(if is_thorough() { all } else { quick });
        let (workers, names) = if is_thorough() { (40, 20) } else { (8, 5) };
        let phases = [
            (Trouble::None, seconds(120, 8)),
            (Trouble::Kills, seconds(60, 8)),
            (Trouble::Restarts, seconds(60, 8)),
        ];
        Self { workers, names, phases }
    }
}

#[test]
fn whatever_meets_nothing_is_lost_and_gc_finds_what_is_left() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let seed = seed();
    announce(&format!("VMTOOLS_STRESS_SEED={seed}"));
    let extent = Extent::chosen();
    let image = tiny_image(&sandbox);
    let world = World::new(&sandbox);
    let mut faults = Vec::new();
    for (number, (trouble, lasts)) in extent.phases.into_iter().enumerate() {
        let traffic = Traffic { sandbox: &sandbox, image: &image, names: extent.names, trouble, lasts };
        let outcomes = traffic.run(extent.workers, seed.wrapping_add(number as u64));
        let mut found: Vec<String> = outcomes.iter().filter_map(traffic::Outcome::fault).collect();
        let (remnants, left) = world.collect();
        found.extend(left);
        found.extend(contradictions(&outcomes, &world.vms()));
        found.extend(world.faults());
        if is_thorough() {
            let codes = traffic::summary(&outcomes);
            announce(&format!("{trouble:?}: {} commands ({codes}), {remnants} in the end", outcomes.len()));
        }
        found.extend(world.clear());
        faults.extend(found.into_iter().map(|fault| format!("{trouble:?}: {fault}")));
    }
    assert!(faults.is_empty(), "seed {seed}, {} faults:\n{}", faults.len(), faults.join("\n"));
}

fn seed() -> u64 {
    let chosen = std::env::var("VMTOOLS_STRESS_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    chosen.unwrap_or_else(|| u64::from(now().subsec_nanos()))
}
