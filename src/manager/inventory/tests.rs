use super::testing::{domain, inventory, uuid_of};
use super::*;

fn deletion(inventory: &Inventory, vms: &[&str], files: &[&str]) -> DeletionSet {
    DeletionSet {
        vms: vms.iter().map(|vm| uuid_of(vm)).collect(),
        files: files.iter().map(|path| inventory.files.key(path)).collect(),
    }
}

fn vm(name: &str) -> Dependent {
    Dependent::Vm(name.into())
}

fn file(path: &str) -> Dependent {
    Dependent::File(path.into())
}

#[test]
fn what_stays_needs_what_is_below_it() {
    let volumes =
        [("/p/base", None), ("/p/a", Some("/p/base")), ("/p/b", Some("/p/a")), ("/p/x", Some("/p/a"))];
    let inventory = inventory(&volumes, vec![domain("a", "/p/a", ""), domain("b", "/p/b", "")]);
    let needed_by =
        |path, vms: &[&str], files: &[&str]| inventory.needed_by(path, &deletion(&inventory, vms, files));
    assert_eq!(inventory.below("/p/b"), ["/p/a", "/p/base"]);
    assert_eq!(needed_by("/p/a", &["a"], &["/p/a"]), [vm("b"), file("/p/x")]);
    // The child goes with its disk; nobody's overlay stays.
    assert_eq!(needed_by("/p/a", &["a", "b"], &["/p/a", "/p/b"]), [file("/p/x")]);
    // It goes without its disk.
    assert_eq!(needed_by("/p/a", &["a", "b"], &["/p/a", "/p/x"]), [file("/p/b")]);
    let both = deletion(&inventory, &["a", "b"], &[]).vms;
    assert_eq!(inventory.standing_on(uuid_of("a"), &["/p/a"], &both), [uuid_of("b")]);
    assert!(inventory.depth(uuid_of("b")) > inventory.depth(uuid_of("a")));
}

#[test]
fn a_copied_record_owns_nothing() {
    let volume = format!("web-{}.qcow2", file_mark(uuid_of("web")));
    let record = format!(
        "<metadata><v:vm xmlns:v='urn:vmtools:vm:1'><v:volume pool='p' name='{volume}' path='/p/{volume}'/></v:vm>\
         </metadata>"
    );
    let domains = ["web", "copy"].map(|name| domain(name, "/p/x", &record));
    let inventory = inventory(&[], domains.to_vec());
    assert_eq!(domains.map(|domain| inventory.owned_by(&domain).len()), [1, 0]);
}

#[test]
fn a_circle_ends() {
    let volumes = [("/p/a", Some("/p/b")), ("/p/b", Some("/p/a"))];
    let inventory = inventory(&volumes, vec![domain("a", "/p/a", "")]);
    assert_eq!(inventory.below("/p/a"), ["/p/b"]);
}

/// A qcow2 header that names the file below it, as it is written there.
fn overlay(path: &std::path::Path, backing: &str) {
    let mut bytes = vec![0; 104];
    bytes[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    bytes[15] = 104;
    // Clusters of 64 KiB.
    bytes[23] = 16;
    bytes[16..20].copy_from_slice(&(backing.len() as u32).to_be_bytes());
    bytes[100..104].copy_from_slice(&104u32.to_be_bytes());
    bytes.extend(backing.as_bytes());
    std::fs::write(path, bytes).expect("writes");
}

#[test]
fn overlays_in_no_pool_need_what_they_name_by_whatever_path() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (pool, folder, link) =
        (folder.path().join("pool"), folder.path().join("my disks"), folder.path().join("link"));
    std::fs::create_dir(&pool).and_then(|()| std::fs::create_dir(&folder)).expect("makes folders");
    std::os::unix::fs::symlink(&pool, &link).expect("links");
    let base = pool.join("base.qcow2");
    overlay(&base, "");
    overlay(&folder.join("middle.qcow2"), &link.join("base.qcow2").to_string_lossy());
    overlay(&folder.join("top.qcow2"), "middle.qcow2");
    let top = folder.join("top.qcow2").to_string_lossy().into_owned();
    let base = base.to_string_lossy().into_owned();
    let inventory = inventory(&[(&base, None)], vec![domain("web", &top, "")]);
    assert_eq!(inventory.needed_by(&base, &DeletionSet::default()), [vm("web")]);
    assert_eq!(inventory.depth(uuid_of("web")), 2);
    let going = deletion(&inventory, &["web"], &[]);
    assert_eq!(inventory.needed_by(&base, &going).len(), 2, "its files stay");
}

#[test]
fn a_raw_disk_stands_on_nothing_whatever_its_guest_has_written_to_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("disk.img");
    overlay(&path, "/etc/passwd");
    let raw = format!(
        "<domain><name>web</name><uuid>{}</uuid><devices><disk type='file' device='disk'><driver type='raw'/>\
         <source file='{}'/><target dev='vda'/></disk></devices></domain>",
        uuid_of("web"),
        path.display()
    );
    let inventory = inventory(&[], vec![Domain::parse(&raw).expect("parses")]);
    assert_eq!(inventory.depth(uuid_of("web")), 0);
}

#[test]
fn files_that_are_no_disks_are_needed_too() {
    let os = "<os><kernel>/k</kernel><nvram>/n</nvram></os>";
    let inventory = inventory(&[], vec![domain("a", "/p/a", os)]);
    for path in ["/k", "/n", "/p/a"] {
        assert_eq!(inventory.needed_by(path, &DeletionSet::default()), [vm("a")], "{path}");
    }
}
