//! Changing VMs that are there: their names, their size, their record.

use super::support::{Sandbox, sandbox_or_skip};
use super::{create, define_empty, own_volumes};

#[test]
fn a_vm_gets_another_name() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["-l", "team=a"]).run().success();
    define_empty(&sandbox, &["a b", "5", "--x"]);
    let before = vmtools(&["status", "web", "--json"]).success().json();
    let renamed = vmtools(&["rename", "web", "db", "--json"]).success().json();
    assert_eq!(renamed["name"], "db");
    for same in ["uuid", "labels", "disks", "image"] {
        assert_eq!(renamed[same], before[same]);
    }
    vmtools(&["rename", "db", "db"]).success().stderr_has("already");
    for (odd, new) in [("a b", "blank"), ("5", "five"), ("--x", "x")] {
        vmtools(&["rename", "--", odd, new]).success();
    }
    let taken = vmtools(&["rename", "db", "x", "--json"]).code(4);
    assert_eq!(taken.json_error()["vm"], "db", "{taken}");
    vmtools(&["rename", "web", "y"]).code(3);
    vmtools(&["start", "x"]).success();
    vmtools(&["rename", "x", "y"]).code(5).stderr_has("vmtools stop x");
    vmtools(&["delete", "--force", "db"]).success();
    assert_eq!(own_volumes(&sandbox), Vec::<String>::new());
}
