//! Images by URL.

use std::path::Path;

use super::support::{Sandbox, sandbox_or_skip};
use super::{create, nothing_is_left};

#[test]
fn a_url_with_its_digest_is_believed_and_with_another_is_not() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let server = sandbox.serve(image.parent().unwrap());
    let url = server.url("busybox.qcow2");
    let wrong = format!("{url}#sha256:{}", "0".repeat(64));
    let failed = create(&sandbox, "web", Path::new(&wrong), &["--json"]).run().code(11);
    assert_eq!(failed.json_error()["code"], "integrity", "{failed}");
    nothing_is_left(&sandbox);
    let right = format!("{url}#sha256:{}", sha256(&sandbox, &image));
    create(&sandbox, "web", Path::new(&right), &[]).run().success();
    let asked = server.count("busybox.qcow2");
    // The second comes out of the cache.
    create(&sandbox, "web2", Path::new(&right), &[]).run().success();
    assert_eq!(server.count("busybox.qcow2"), asked, "{:?}", server.requests());
    create(&sandbox, "web3", Path::new(&server.url("none.qcow2")), &[]).run().code(3);
    sandbox.vmtools(&["delete", "--yes", "--all"]).run().success();
    nothing_is_left(&sandbox);
}

fn sha256(sandbox: &Sandbox, file: &Path) -> String {
    let told = sandbox.command("sha256sum", &[file]).run().success();
    told.stdout.split(' ').next().unwrap().to_owned()
}
