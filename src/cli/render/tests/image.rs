use std::time::{Duration, SystemTime};

use super::{ODD, check, past, text, texts};
use crate::cli::render::{available_images, image, images, pulled_image, removed_image, unused_images};
use crate::image::{Format, Provisioner};
use crate::manager::{
    AvailableBuild, AvailableImage, ImageKind, ImageStatus, PulledImage, RemovedImage, UnusedImage,
    WarmStatus,
};
use crate::model::Firmware;

fn full() -> ImageStatus {
    ImageStatus {
        name: text("debian-13"),
        kind: ImageKind::Download,
        digest: Some(format!("sha256:{}", "0b".repeat(32))),
        format: Some(Format::Qcow2),
        size_bytes: 345_000_000,
        virtual_size_bytes: Some(3 << 30),
        source: text("https://example.org/debian-13.qcow2"),
        used_by: Some(texts(&["web", "db"])),
        last_used: Some(past()),
        created: None,
        default_user: Some(text("debian")),
        firmware: Some(Firmware::Efi),
        verified: true,
        committed: false,
        path: Some(text("/home/anna/.cache/vmtools/images/0b")),
        bases: texts(&["/srv/base-1.qcow2", "/srv/base-2.qcow2"]),
        warm: None,
    }
}

fn bare() -> ImageStatus {
    ImageStatus {
        name: text(ODD),
        kind: ImageKind::Base,
        digest: None,
        format: None,
        size_bytes: 0,
        virtual_size_bytes: None,
        source: String::new(),
        used_by: None,
        last_used: None,
        created: None,
        default_user: None,
        firmware: None,
        verified: false,
        committed: false,
        path: None,
        bases: Vec::new(),
        warm: None,
    }
}

#[test]
fn tables() {
    // The table says how long ago it was.
    let days = |days: u64| Some((SystemTime::now() - Duration::from_secs(days * 86400 + 7200)).into());
    let used = ImageStatus { last_used: days(3), ..full() };
    let unused =
        ImageStatus { name: text("appliance"), used_by: Some(Vec::new()), last_used: days(40), ..full() };
    let unused = ImageStatus { format: Some(Format::Raw), ..unused };
    let warm = |state, template| Some(WarmStatus { state, template, memory_mib: Some(2048) });
    let ready = ImageStatus {
        name: text("warm-0a1b2c3d4e5f6071"),
        kind: ImageKind::Warm,
        format: None,
        last_used: days(1),
        warm: warm("ready", Some(text("ci"))),
        ..full()
    };
    let warming =
        ImageStatus { warm: warm("warming", None), last_used: None, used_by: None, ..ready.clone() };
    check(
        "images",
        &[
            ("image list", images(&[used, unused, bare(), ready, warming])),
            ("image list: none", images(&[])),
            ("image list --available", available_images(&available())),
            ("image list --available: none", available_images(&[])),
        ],
    );
}

fn available() -> [AvailableImage; 2] {
    let build = |arch: &str| AvailableBuild {
        arch: text(arch),
        url: text("https://example.org/disk.qcow2"),
        fallback_url: None,
        checksum: None,
        checksum_url: None,
        firmware: None,
        cpu_floor: None,
        default_user: None,
    };
    let debian = AvailableImage {
        name: text("debian-13"),
        aliases: texts(&["debian", "trixie"]),
        os: Some(text("Debian 13 (trixie)")),
        arch: text("x86_64"),
        default_user: Some(text("debian")),
        firmware: None,
        url: text("https://example.org/disk.qcow2"),
        provisioner: Provisioner::CloudInit,
        builds: vec![build("x86_64"), build("aarch64")],
    };
    let own = AvailableImage {
        name: text(ODD),
        aliases: Vec::new(),
        os: None,
        default_user: None,
        builds: vec![build("x86_64")],
        ..debian.clone()
    };
    [debian, own]
}

#[test]
fn pages() {
    let committed = ImageStatus {
        name: text("web-ready"),
        kind: ImageKind::Own,
        committed: true,
        created: Some(past()),
        used_by: Some(Vec::new()),
        ..full()
    };
    let imported = ImageStatus { committed: false, ..committed.clone() };
    let pulled =
        |was_there, digest| pulled_image(&PulledImage { image: ImageStatus { digest, ..full() }, was_there });
    check(
        "image-info",
        &[
            ("image info", image(&full())),
            ("image info: imported", image(&imported)),
            ("image info: committed", image(&committed)),
            ("image info: little", image(&bare())),
            ("image pull", pulled(false, full().digest)),
            ("image pull: without a digest", pulled(false, None)),
            ("image pull: nothing to do", pulled(true, None)),
        ],
    );
}

#[test]
fn removals() {
    let unused = [
        UnusedImage::sample("debian-13", true, 345_000_000, texts(&["/cache/0b", "/srv/base.qcow2"])),
        UnusedImage::sample(ODD, false, 0, Vec::new()),
    ];
    let removed = |name: &str, whole, files: &[&str]| {
        removed_image(&RemovedImage { name: text(name), digest: None, files: texts(files), whole })
    };
    check(
        "image-removal",
        &[
            ("image prune", unused_images(&unused, "remove")),
            ("image prune --dry-run", unused_images(&unused, "would remove")),
            ("image rm", removed("debian-13", true, &["/cache/0b", "/srv/base.qcow2"])),
            ("image rm: a copy", removed(ODD, false, &["/srv/base.qcow2"])),
        ],
    );
}
