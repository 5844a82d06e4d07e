//! Two commands at once. One is held before each of its changes in turn while the other runs: whatever both find,
//! nothing is lost or left, and what could not be done is said.

use super::MINUTE;
use super::public_cases::{brief, output, tiny_image};
use super::support::{Held, Hold, Run, Sandbox, announce, is_thorough, sandbox_or_skip, wait_for};
use super::whole::misfits;

/// How a command may end that another one got in the way of.
const CODES: [i32; 6] = [0, 3, 4, 5, 10, 11];

/// What is wrong after two commands, if anything.
type Rule<'a> = &'a dyn Fn(&Sandbox, &Run, &Run) -> Option<String>;

/// Two commands, each with what has to be there before.
struct Race<'a> {
    sandbox: &'a Sandbox,
    prepare: &'a [&'a [&'a str]],
    one: &'a [&'a str],
    other: &'a [&'a str],
    rule: Rule<'a>,
    /// What is prepared is garbage, once its time is over.
    expires: bool,
}

impl Race<'_> {
    /// Runs it so often, each time otherwise interleaved, and fails with all that was wrong.
    #[track_caller]
    fn run(&self) {
        let tries = if is_thorough() { 50 } else { 5 };
        let mut faults = Vec::new();
        // How many commands and changes each has, known from the first try.
        let mut known = [(12, 3), (12, 3)];
        for attempt in 0..tries {
            let holds = holds(attempt, tries, known);
            let (runs, counts) = self.attempt(holds);
            for (side, count) in counts.into_iter().enumerate() {
                known[side] = (known[side].0.max(count.0), known[side].1.max(count.1));
            }
            let wrong = self.wrong(&runs);
            if !wrong.is_empty() {
                let runs = runs.map(|run| format!("  {}", brief(&run))).join("\n");
                faults.push(format!("try {attempt}, {holds:?}:\n{runs}\n    {}", wrong.join("\n    ")));
            }
            self.reset();
        }
        let (one, other) = (self.one.join(" "), self.other.join(" "));
        if is_thorough() {
            announce(&format!("{} of {tries} tries were wrong: `{one}` beside `{other}`", faults.len()));
        }
        assert!(faults.is_empty(), "{} of {tries} tries:\n{}", faults.len(), faults.join("\n"));
    }

    fn attempt(&self, holds: [Hold; 2]) -> ([Run; 2], [(usize, usize); 2]) {
        for args in self.prepare {
            self.sandbox.vmtools(args).run().success();
        }
        if self.expires {
            wait_for("its end", MINUTE, || (self.garbage().trim() != "[]").then_some(()));
        }
        let start = |side: usize| {
            let args = [self.one, self.other][side];
            Held::start(self.sandbox, &side.to_string(), args, holds[side])
        };
        let (one, other) = match holds {
            [Hold::Never, Hold::Never] => (start(0), start(1)),
            [Hold::Never, _] => {
                let mut other = start(1);
                other.await_hold();
                let mut one = start(0);
                one.await_end_or_claim();
                (one, other)
            }
            _ => {
                let mut one = start(0);
                one.await_hold();
                let mut other = start(1);
                other.await_end_or_claim();
                (one, other)
            }
        };
        // Both may go on before either is waited for.
        one.go_on();
        other.go_on();
        let (one, other) = (one.finish(MINUTE * 2), other.finish(MINUTE * 2));
        ([one.run, other.run], [(one.commands, one.changes), (other.commands, other.changes)])
    }

    fn wrong(&self, runs: &[Run; 2]) -> Vec<String> {
        let mut wrong = misfits(self.sandbox);
        let unclear = |run: &&Run| !run.status.code().is_some_and(|code| CODES.contains(&code));
        wrong.extend(runs.iter().filter(unclear).map(|_| "its exit code does not say why".to_owned()));
        wrong.extend((self.rule)(self.sandbox, &runs[0], &runs[1]));
        let garbage = self.garbage();
        if !self.expires && garbage.trim() != "[]" {
            wrong.push(format!("gc finds {garbage}"));
        }
        wrong
    }

    fn garbage(&self) -> String {
        output(&self.sandbox.vmtools(&["gc", "--dry-run", "--json", "-q"]).run())
    }

    /// Removes all but the bases, behind vmtools' back.
    fn reset(&self) {
        let script = r#"
            for uuid in $(virsh -q list --all --uuid); do
                virsh -q destroy "$uuid" >/dev/null 2>&1 || true
                virsh -q undefine "$uuid" --managed-save --snapshots-metadata --nvram
            done
            for net in $(virsh -q net-list --all --name); do
                [ "$net" != default ] || continue
                virsh -q net-destroy "$net" >/dev/null 2>&1 || true
                virsh -q net-undefine "$net"
            done
            for mac in $(virsh -q net-dumpxml default | sed -n "s/.*<host mac='\\([^']*\\)'.*/\\1/p"); do
                virsh -q net-update default delete ip-dhcp-host "<host mac='$mac'/>" --live --config
            done
            find /var/lib/libvirt/images/vmtools -type f ! -name 'vmtools-base-*' -delete
            rm -f /run/libvirt/qemu/vmtools/*
            virsh -q pool-refresh vmtools"#;
        self.sandbox.as_root("bash", &["-c", script]).run();
    }
}

/// At first both run freely. Then each in turn is held before its changes, and with more tries at all its commands.
fn holds(attempt: usize, tries: usize, known: [(usize, usize); 2]) -> [Hold; 2] {
    let (side, at) = (attempt % 2, attempt.div_ceil(2));
    let (commands, changes) = known[side];
    // Of five tries one is held at the first and one at the last change.
    let hold = match at {
        0 => return [Hold::Never; 2],
        1 => Hold::AtChange(1),
        2 => Hold::AtChange(changes),
        at if at <= changes => Hold::AtChange(at - 1),
        at => Hold::AtCommand(1 + (at - changes) * commands / (tries / 2)),
    };
    if side == 0 { [hold, Hold::Never] } else { [Hold::Never, hold] }
}

fn ok(run: &Run) -> bool {
    run.status.success()
}

fn has(sandbox: &Sandbox, vm: &str) -> bool {
    sandbox.domains().iter().any(|name| name == vm)
}

/// What is said of two commands of which only one can have been in time.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a rule")]
fn not_both() -> Option<String> {
    Some("both say that it is done".to_owned())
}

/// A sandbox with an image that needs no guest, as the arguments of a create.
macro_rules! racing {
    ($sandbox:ident, $image:ident) => {
        let $sandbox = sandbox_or_skip!(Sandbox::system());
        let $image = tiny_image(&$sandbox);
        // Its base is there already, so that it can be pruned, and needs no upload.
        let args = ["create", "first", "--image", &$image, "-m", "64", "-c", "1"];
        $sandbox.vmtools(&args).run().success();
        $sandbox.vmtools(&["delete", "--yes", "first"]).run().success();
    };
}

#[test]
fn delete_beside_a_linked_clone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, delete: &Run, clone: &Run| {
        let (p, k) = (has(sandbox, "p"), has(sandbox, "k"));
        match (ok(delete), ok(clone)) {
            (true, true) => not_both(),
            (deleted, cloned) if p == deleted || k != cloned => Some(format!("p: {p}, k: {k}")),
            _ => None,
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["delete", "--yes", "p"];
    let other = ["clone", "--linked", "p", "k"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn delete_beside_a_full_clone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, delete: &Run, clone: &Run| {
        let (p, k) = (has(sandbox, "p"), has(sandbox, "k"));
        (p == ok(delete) || k != ok(clone)).then(|| format!("p: {p}, k: {k}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["clone", "p", "k"];
    let one = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn start_beside_a_linked_clone() {
    racing!(sandbox, image);
    let rule = |_: &Sandbox, start: &Run, clone: &Run| {
        if ok(start) && ok(clone) { not_both() } else { None }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["clone", "--linked", "p", "k"];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &["start", "p"],
        other: &other,
        expires: false,
        rule: &rule,
    }
    .run();
}

#[test]
fn delete_beside_clones_by_count() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, delete: &Run, clone: &Run| {
        let clones = ["k-1", "k-2", "k-3"].iter().filter(|name| has(sandbox, name)).count();
        match (ok(delete), clone.status.code()) {
            (true, Some(0)) => not_both(),
            (deleted, _) if has(sandbox, "p") == deleted => Some("delete tells another tale of p".to_owned()),
            (_, Some(0)) if clones != 3 => Some(format!("{clones} of 3 clones")),
            (_, Some(10)) if clones == 0 || clones == 3 => Some(format!("partial, and {clones} of 3 clones")),
            (_, Some(3 | 4 | 5 | 11)) if clones != 0 => Some(format!("failed, and {clones} of 3 clones")),
            _ => None,
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["clone", "--linked", "--count", "3", "p", "k"];
    let one = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn clones_by_count_of_the_same_names() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let clones = ["k-1", "k-2"].iter().filter(|name| has(sandbox, name)).count();
        match (ok(one), ok(other)) {
            (true, true) => not_both(),
            (true, _) | (_, true) if clones != 2 => Some(format!("{clones} of 2 clones")),
            _ => None,
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["clone", "--linked", "--count", "2", "p", "k"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &one, expires: false, rule: &rule }.run();
}

#[test]
fn image_prune_beside_a_create_of_an_unused_base() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, prune: &Run, create: &Run| {
        // An unused base may go, and a create may need it: both can be done, one after the other.
        (!ok(prune) || !ok(create) || !has(sandbox, "p")).then(|| "it is not done".to_owned())
    };
    let prepare: [&[&str]; 2] =
        [&["create", "q", "--image", &image, "-m", "64", "-c", "1"], &["delete", "--yes", "q"]];
    let one = ["image", "prune", "--yes"];
    let other = ["create", "p", "--image", &image, "-m", "64", "-c", "1"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn image_rm_beside_a_create_of_the_image() {
    racing!(sandbox, image);
    // Both can be done: once its base is in the pool, the VM needs the image no more.
    let rule = |sandbox: &Sandbox, rm: &Run, create: &Run| {
        let is_told = ok(create) == has(sandbox, "p") && (ok(rm) || ok(create));
        (!is_told).then(|| "neither is done, or create tells another tale".to_owned())
    };
    let prepare: [&[&str]; 1] = [&["image", "import", &image, "own", "--replace"]];
    let one = ["image", "rm", "own", "--yes"];
    let other = ["create", "p", "--image", "own", "-m", "64", "-c", "1"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn two_removals_of_images() {
    racing!(sandbox, image);
    let rule = |_: &Sandbox, one: &Run, other: &Run| {
        (!ok(one) && !ok(other)).then(|| "neither removed it".to_owned())
    };
    let prepare: [&[&str]; 3] = [
        &["image", "import", &image, "own", "--replace"],
        &["create", "q", "--image", "own", "-m", "64", "-c", "1"],
        &["delete", "--yes", "q"],
    ];
    let rm = ["image", "rm", "own", "--yes"];
    let prune = ["image", "prune", "--own", "--yes"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &rm, other: &prune, expires: false, rule: &rule }.run();
    Race { sandbox: &sandbox, prepare: &prepare, one: &prune, other: &prune, expires: false, rule: &rule }
        .run();
}

#[test]
fn disk_add_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, add: &Run, delete: &Run| {
        let p = has(sandbox, "p");
        (ok(delete) == p || (!ok(add) && !ok(delete))).then(|| format!("p: {p}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["disk", "add", "p", "16M"];
    let other = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn two_disks_are_added() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let disks = sandbox.virsh(&["domblklist", "p"]).lines();
        let added = disks.iter().filter(|line| line.starts_with("vd") && line.contains("/p-")).count();
        // The system's disk and the seed.
        let expected = 2 + usize::from(ok(one)) + usize::from(ok(other));
        (!ok(one) || !ok(other) || added != expected).then(|| format!("{disks:?}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let add = ["disk", "add", "p", "16M"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &add, other: &add, expires: false, rule: &rule }.run();
}

#[test]
fn disk_remove_beside_a_linked_clone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, _: &Run, clone: &Run| {
        (ok(clone) != has(sandbox, "k")).then(|| "clone tells another tale".to_owned())
    };
    let prepare: [&[&str]; 2] =
        [&["create", "p", "--image", &image, "-m", "64", "-c", "1"], &["disk", "add", "p", "16M"]];
    let one = ["disk", "remove", "p", "vdc", "--yes"];
    let other = ["clone", "--linked", "p", "k"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn disk_resize_beside_a_linked_clone() {
    racing!(sandbox, image);
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["set", "p", "-d", "30G"];
    let other = ["clone", "--linked", "p", "k"];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &one,
        other: &other,
        expires: false,
        rule: &|_, _, _| None,
    }
    .run();
}

#[test]
fn start_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, start: &Run, delete: &Run| {
        let p = has(sandbox, "p");
        match (ok(start), ok(delete)) {
            (true, true) => not_both(),
            (false, false) => Some("neither is done".to_owned()),
            (_, deleted) if p == deleted => Some(format!("p: {p}")),
            _ => None,
        }
    };
    let forced = |sandbox: &Sandbox, _: &Run, delete: &Run| {
        let p = has(sandbox, "p");
        (!ok(delete) || p).then(|| format!("p: {p}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (start, delete) = (["start", "p"], ["delete", "--yes", "p"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &start, other: &delete, expires: false, rule: &rule }
        .run();
    let delete = ["delete", "--force", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &start, other: &delete, expires: false, rule: &forced }
        .run();
}

#[test]
fn rename_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, rename: &Run, delete: &Run| {
        let there = sandbox.domains();
        match (ok(rename), ok(delete)) {
            // The VM that was meant is gone, whatever its name is.
            (_, true) => (!there.is_empty()).then(|| format!("there: {there:?}")),
            (true, false) => (there != ["w"]).then(|| format!("there: {there:?}")),
            (false, false) => Some("neither is done".to_owned()),
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (one, other) = (["rename", "p", "w"], ["delete", "--yes", "p"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn rename_beside_a_create_of_the_name() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, rename: &Run, create: &Run| match (ok(rename), ok(create)) {
        (true, true) => not_both(),
        (renamed, _) if has(sandbox, "p") == renamed => Some("rename tells another tale".to_owned()),
        _ => (!has(sandbox, "w")).then(|| "there is no w".to_owned()),
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["create", "w", "--image", &image, "-m", "64", "-c", "1"];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &["rename", "p", "w"],
        other: &other,
        expires: false,
        rule: &rule,
    }
    .run();
}

#[test]
fn two_renames() {
    racing!(sandbox, image);
    let codes = |one: &Run, other: &Run| [one.status.code(), other.status.code()];
    // One VM: the second does not find it by its old name any more.
    let of_one = |sandbox: &Sandbox, one: &Run, other: &Run, names: [&str; 2]| {
        let expected = match codes(one, other) {
            [Some(0), Some(3)] => names[0],
            [Some(3), Some(0)] => names[1],
            [Some(0), Some(0)] => return not_both(),
            codes => return Some(format!("{codes:?}")),
        };
        (sandbox.domains() != [expected]).then(|| format!("there: {:?}", sandbox.domains()))
    };
    let vm = |name: &'static str| ["create", name, "--image", &image, "-m", "64", "-c", "1"];
    let (p, q) = (vm("p"), vm("q"));
    let prepare: [&[&str]; 1] = [&p];
    let (to_v, to_w) = (["rename", "p", "v"], ["rename", "p", "w"]);
    for (other, names) in [(&to_v, ["v", "v"]), (&to_w, ["v", "w"])] {
        let rule = |sandbox: &Sandbox, one: &Run, other: &Run| of_one(sandbox, one, other, names);
        Race { sandbox: &sandbox, prepare: &prepare, one: &to_v, other, expires: false, rule: &rule }.run();
    }
    // Two VMs and one new name.
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let expected = match codes(one, other) {
            [Some(0), Some(4)] => ["q", "w"],
            [Some(4), Some(0)] => ["p", "w"],
            [Some(0), Some(0)] => return not_both(),
            codes => return Some(format!("{codes:?}")),
        };
        let mut there = sandbox.domains();
        there.sort();
        (there != expected).then(|| format!("there: {there:?}"))
    };
    let prepare: [&[&str]; 2] = [&p, &q];
    let other = ["rename", "q", "w"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &to_w, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn a_change_beside_a_rename_is_of_the_vm_that_was_named() {
    racing!(sandbox, image);
    // The name may have come to mean another VM, so what is late finds none.
    let rule = |_: &Sandbox, rename: &Run, change: &Run| match (ok(rename), change.status.code()) {
        (true, Some(0 | 3)) => None,
        (_, code) => Some(format!("rename and {code:?}")),
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (one, other) = (["rename", "p", "w"], ["set", "p", "-m", "96"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn gc_beside_create() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, gc: &Run, create: &Run| {
        (!ok(gc) || !ok(create) || !has(sandbox, "p")).then(|| "it is not done".to_owned())
    };
    let other = ["create", "p", "--image", &image, "-m", "64", "-c", "1"];
    Race { sandbox: &sandbox, prepare: &[], one: &["gc"], other: &other, expires: false, rule: &rule }.run();
    // With the upload of its base.
    let prepare: [&[&str]; 1] = [&["image", "prune", "--yes"]];
    Race { sandbox: &sandbox, prepare: &prepare, one: &["gc"], other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn gc_beside_clones() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, gc: &Run, clone: &Run| {
        (!ok(gc) || !ok(clone) || !has(sandbox, "k")).then(|| "it is not done".to_owned())
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    for other in [&["clone", "p", "k"][..], &["clone", "--linked", "p", "k"]] {
        Race { sandbox: &sandbox, prepare: &prepare, one: &["gc"], other, expires: false, rule: &rule }.run();
    }
}

#[test]
fn gc_of_an_expired_vm_beside_what_keeps_it() {
    racing!(sandbox, image);
    let create = ["create", "p", "--image", &image, "-m", "64", "-c", "1", "--ttl", "1s"];
    let prepare: [&[&str]; 1] = [&create];
    for keep in [&["set", "p", "--ttl", "none"][..], &["protect", "p"], &["clone", "--linked", "p", "k"]] {
        let rule = |sandbox: &Sandbox, _: &Run, kept: &Run| {
            let p = has(sandbox, "p");
            (ok(kept) && !p).then(|| format!("`{}` is done, and it is gone", keep[0]))
        };
        // The clone has its source's end of time.
        let one = ["gc"];
        Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: keep, expires: true, rule: &rule }
            .run();
    }
}

#[test]
fn two_creates_and_two_replacements() {
    racing!(sandbox, image);
    let there = |sandbox: &Sandbox, _: &Run, _: &Run| {
        (sandbox.domains() != ["p"]).then(|| format!("there: {:?}", sandbox.domains()))
    };
    let create = ["create", "p", "--image", &image, "-m", "64", "-c", "1"];
    let once = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => not_both(),
        _ => there(sandbox, one, other),
    };
    Race { sandbox: &sandbox, prepare: &[], one: &create, other: &create, expires: false, rule: &once }.run();
    let replace = ["create", "p", "--image", &image, "-m", "64", "-c", "1", "--replace", "--yes"];
    let prepare: [&[&str]; 1] = [&create];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &replace,
        other: &replace,
        expires: false,
        rule: &there,
    }
    .run();
}

#[test]
fn protect_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, protect: &Run, delete: &Run| match (ok(protect), ok(delete)) {
        (true, true) => not_both(),
        (_, deleted) => (has(sandbox, "p") == deleted).then(|| "delete tells another tale".to_owned()),
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (one, other) = (["protect", "p"], ["delete", "--yes", "p"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn networks_are_made_and_deleted_beside_each_other_and_an_attach() {
    racing!(sandbox, image);
    let networks = |sandbox: &Sandbox| sandbox.virsh(&["net-list", "--all", "--name"]).lines();
    let has_lab = |sandbox: &Sandbox| networks(sandbox).contains(&"lab".to_owned());
    let create = ["network", "create", "lab"];
    let delete = ["network", "delete", "lab", "--yes"];
    let made = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => not_both(),
        (false, false) => Some("neither made it".to_owned()),
        _ => (!has_lab(sandbox)).then(|| "there is no lab".to_owned()),
    };
    Race { sandbox: &sandbox, prepare: &[], one: &create, other: &create, expires: false, rule: &made }.run();
    let gone = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (false, false) => Some("neither deleted it".to_owned()),
        _ => has_lab(sandbox).then(|| "it is still there".to_owned()),
    };
    let lab: [&[&str]; 1] = [&create];
    Race { sandbox: &sandbox, prepare: &lab, one: &delete, other: &delete, expires: false, rule: &gone }
        .run();
    // A VM that names a network which is not there cannot be started any more.
    let either = |sandbox: &Sandbox, attach: &Run, delete: &Run| match (ok(attach), ok(delete)) {
        (true, true) => not_both(),
        (false, false) => Some("neither is done".to_owned()),
        (_, deleted) => (has_lab(sandbox) == deleted).then(|| "delete tells another tale".to_owned()),
    };
    let vm: [&[&str]; 2] = [&create, &["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let attach = ["network", "attach", "lab", "p"];
    Race { sandbox: &sandbox, prepare: &vm, one: &attach, other: &delete, expires: false, rule: &either }
        .run();
    let with = ["create", "p", "--image", &image, "-m", "64", "-c", "1", "-n", "lab"];
    Race { sandbox: &sandbox, prepare: &lab, one: &with, other: &delete, expires: false, rule: &either }
        .run();
}

#[test]
fn a_network_is_attached_once() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let interfaces = sandbox.virsh(&["domiflist", "p"]).lines();
        let on_lab = interfaces.iter().filter(|line| line.split_whitespace().nth(2) == Some("lab")).count();
        (!ok(one) || !ok(other) || on_lab != 1).then(|| format!("{interfaces:?}"))
    };
    let prepare: [&[&str]; 2] =
        [&["network", "create", "lab"], &["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let attach = ["network", "attach", "lab", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &attach, other: &attach, expires: false, rule: &rule }
        .run();
}

#[test]
fn one_address_is_given_once() {
    racing!(sandbox, image);
    let once = |_: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => not_both(),
        (false, false) => Some("neither got it".to_owned()),
        _ => None,
    };
    let create = |name: &'static str| ["create", name, "--image", &image, "-m", "64", "-c", "1"];
    let mac = "default,mac=52:54:00:aa:00:01";
    let [one, other] = ["p", "q"].map(|name| [&create(name)[..], &["-n", mac]].concat());
    Race { sandbox: &sandbox, prepare: &[], one: &one, other: &other, expires: false, rule: &once }.run();
    let (p, q) = (create("p"), create("q"));
    let prepare: [&[&str]; 2] = [&p, &q];
    let [one, other] = ["p", "q"].map(|name| ["network", "reserve", "default", name, "192.168.122.50"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &once }
        .run();
}

#[test]
fn an_address_is_kept_for_nobody_who_is_gone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, _: &Run, delete: &Run| {
        let kept = sandbox.virsh(&["net-dumpxml", "default"]).stdout.matches("<host ").count();
        let p = has(sandbox, "p");
        (ok(delete) == p || kept > usize::from(p)).then(|| format!("p: {p}, reservations: {kept}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let reserve = ["network", "reserve", "default", "p", "192.168.122.50"];
    let delete = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &reserve, other: &delete, expires: false, rule: &rule }
        .run();
}

#[test]
fn image_commit_beside_start_and_delete() {
    racing!(sandbox, image);
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let commit = ["image", "commit", "p", "ready", "--replace"];
    let rule = |sandbox: &Sandbox, commit: &Run, _: &Run| {
        let info = sandbox.vmtools(&["image", "info", "ready"]).run();
        let is_wrong = ok(commit) && !ok(&info);
        let _ = sandbox.vmtools(&["image", "rm", "ready", "--yes"]).run();
        is_wrong.then(|| "there is no image".to_owned())
    };
    for other in [&["start", "p"][..], &["delete", "--yes", "p"]] {
        Race { sandbox: &sandbox, prepare: &prepare, one: &commit, other, expires: false, rule: &rule }.run();
    }
}
