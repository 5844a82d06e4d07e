//! Getting an image: `image pull` beside curl and sha256sum, `image import` beside qemu-img convert.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::compare::{compare, time};
use super::inside::VMTOOLS;
use super::support::HttpServer;

const BYTES: u64 = 256 << 20;
const ROUNDS: usize = 7;

pub fn measure() {
    let home = std::env::var("HOME").unwrap();
    let folder = Path::new(&home).join("served");
    fs::create_dir(&folder).unwrap();
    let (raw, image, copy) = (folder.join("disk.raw"), folder.join("disk.qcow2"), folder.join("copy"));
    let mut noise = fs::File::open("/dev/urandom").unwrap().take(BYTES);
    std::io::copy(&mut noise, &mut fs::File::create(&raw).unwrap()).unwrap();
    let [raw, image, copy] = [&raw, &image, &copy].map(|path| path.to_str().unwrap());
    time(&["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image]);
    fs::remove_file(raw).unwrap();

    let import = || time_and_drop(&["image", "import", image, "bench"], "bench");
    let convert = || time(&["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", image, copy]);
    compare("image import, qemu-img convert", ROUNDS, import, convert);

    if Command::new("curl").arg("--version").output().is_err() {
        return println!("image pull, curl and sha256sum: skipped: there is no curl");
    }
    let server = HttpServer::start(&folder);
    let url = server.url("disk.qcow2");
    let sum = Command::new("sha256sum").arg(image).output().unwrap().stdout;
    let checksum = format!("sha256:{}", String::from_utf8(sum).unwrap().split_once(' ').unwrap().0);
    let pull = || time_and_drop(&["image", "pull", &url, "--checksum", &checksum], &url);
    let curl = || time(&["curl", "-s", "-o", copy, &url]) + time(&["sha256sum", copy]);
    compare("image pull, curl and sha256sum", ROUNDS, pull, curl);
}

fn time_and_drop(args: &[&str], name: &str) -> Duration {
    let took = time(&[&[VMTOOLS], args].concat());
    time(&[VMTOOLS, "image", "rm", "--yes", name]);
    took
}
