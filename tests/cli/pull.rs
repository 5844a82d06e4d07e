//! `image pull` against a real HTTP server, with and without TLS.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::support::{Authority, Cmd, Fault, HttpServer, Run, TestEnv, wait_for};

const MINUTE: Duration = Duration::from_secs(60);
const IMAGE_BYTES: usize = 6 << 20;

/// A folder that is served, and a cache of its own.
struct Bench {
    env: TestEnv,
    server: HttpServer,
}

impl Bench {
    fn new() -> Self {
        let env = TestEnv::new();
        let www = env.write("www/disk.img", "");
        fs::write(&www, image(1)).unwrap();
        let server = HttpServer::start(www.parent().unwrap());
        Self { env, server }
    }

    fn publish(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.env.root().join("www").join(name), bytes).unwrap();
        sha256(bytes)
    }

    fn pull(&self, reference: &str, more: &[&str]) -> Cmd {
        self.env.vmtools(&[&["image", "pull", reference, "--json"], more].concat())
    }

    fn pull_vouched(&self, name: &str, digest: &str) -> Cmd {
        self.pull(&self.server.url(name), &["--checksum", digest])
    }

    /// Names the images of the catalogue: NAME is at NAME.img, its digest in NAME.sum.
    fn catalogue(&self, names: &[&str], format: &str) {
        let entry = |name: &&str| {
            format!(
                "[[image]]\nname = \"{name}\"\nurl = \"{}\"\nchecksum_url = \"{}\"\n\
                 checksum_format = \"{format}\"\nchecksum_algorithm = \"sha256\"\n",
                self.server.url(&format!("{name}.img")),
                self.server.url(&format!("{name}.sum")),
            )
        };
        self.env.write("config/vmtools/catalog.toml", &names.iter().map(entry).collect::<String>());
    }

    /// The cache's files, without locks.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(listing) = fs::read_dir(self.env.root().join("cache/vmtools/images")) else {
            return Vec::new();
        };
        listing
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending != "lock"))
            .collect()
    }

    fn files_with(&self, ending: &str) -> Vec<PathBuf> {
        let mut files = self.files();
        files.retain(|path| path.extension().is_some_and(|other| other == ending));
        files
    }

    fn the_image(&self) -> Vec<u8> {
        let images = self.files_with("img");
        assert_eq!(images.len(), 1, "{images:?}");
        fs::read(&images[0]).unwrap()
    }

    /// The ranges that were asked for.
    fn ranges(&self, name: &str) -> Vec<String> {
        let begin = format!("GET /{name} ");
        self.server
            .requests()
            .iter()
            .filter_map(|line| line.strip_prefix(&begin).map(str::to_owned))
            .collect()
    }

    /// Starts a download that stalls at `bytes`, and waits until these are on the disk.
    fn stalled(&mut self, name: &str, digest: &str, bytes: u64) -> super::support::Background {
        self.server.fault(name, Some(Fault::Stall(bytes)));
        let running = self.pull_vouched(name, digest).spawn();
        wait_for("the first bytes", MINUTE, || {
            let partial = self.files_with("partial");
            partial
                .first()
                .filter(|path| fs::metadata(path).is_ok_and(|meta| meta.len() == bytes))
                .map(|_| ())
        });
        running
    }
}

/// A raw disk; another for each seed.
fn image(seed: u32) -> Vec<u8> {
    let words = (0..u32::try_from(IMAGE_BYTES / 4).unwrap()).map(|i| (i ^ seed).wrapping_mul(2_654_435_761));
    words.flat_map(u32::to_le_bytes).collect()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let hex: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[track_caller]
fn failed(run: &Run, code: i32, name: &str) {
    assert_eq!(run.status.code(), Some(code), "{run}");
    assert_eq!(run.json_error()["code"], name, "{run}");
    assert_eq!(run.stdout, "", "{run}");
}

#[test]
fn an_image_for_other_architectures_alone_says_which() {
    let bench = Bench::new();
    let catalog = "[[image]]\nname = \"disk\"\narch = \"pdp11\"\nurl = \"https://example.org/disk.img\"\n";
    let catalog = format!("{catalog}checksum = \"sha256:{}\"\n", "a".repeat(64));
    bench.env.write("config/vmtools/catalog.toml", &catalog);
    let run = bench.pull("disk", &[]).run();
    failed(&run, 3, "not_found");
    let arch = std::env::consts::ARCH;
    run.stderr_has(&format!("the image disk is not published for {arch}, only for pdp11"))
        .stderr_has("vmtools image list --available");
}

/// The hint speaks of what `pull` takes.
#[test]
fn a_name_that_the_catalogue_lacks_is_told_where_the_names_are() {
    let bench = Bench::new();
    let run = bench.pull("nosuch", &[]).run().code(3);
    let hint = run.json_error()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("vmtools image list --available"), "{run}");
    assert!(hint.contains("vmtools image import ./nosuch NAME") && !hint.contains("--image"), "{run}");
}

#[test]
fn the_result_is_the_image_and_pulling_again_needs_no_network() {
    let bench = Bench::new();
    let digest = sha256(&image(1));
    let pulled = bench.pull_vouched("disk.img", &digest).run().success().json();
    assert_eq!(pulled["name"], bench.server.url("disk.img"));
    assert_eq!(pulled["source"], bench.server.url("disk.img"));
    assert_eq!((&pulled["digest"], &pulled["format"]), (&digest.as_str().into(), &"raw".into()));
    assert_eq!(pulled["size_bytes"], IMAGE_BYTES);
    assert_eq!(pulled["virtual_size_bytes"], IMAGE_BYTES);
    // No virsh is there to ask.
    assert!(pulled["used_by"].is_null(), "{pulled}");
    let again = bench.pull_vouched("disk.img", &digest).run().success();
    assert_eq!(again.json(), pulled);
    again.stderr_has("up to date");
    assert_eq!(bench.server.count("disk.img"), 1);
    assert_eq!(bench.files().len(), 2, "{:?}", bench.files());
}

#[test]
fn what_is_wrong_is_refused_and_leaves_nothing() {
    let mut bench = Bench::new();
    let digest = sha256(&image(1));
    let wrong = sha256(b"other");
    failed(&bench.pull_vouched("disk.img", &wrong).run(), 11, "integrity");
    for (fault, code, name) in [
        (Fault::Html, 11, "integrity"),
        (Fault::NotFound, 3, "not_found"),
        (Fault::Redirect("/disk.img".into()), 1, "failed"),
        (Fault::Truncate(0), 1, "failed"),
        (Fault::Unavailable, 1, "failed"),
    ] {
        bench.server.fault("disk.img", Some(fault.clone()));
        let run = bench.pull_vouched("disk.img", &digest).run();
        failed(&run, code, name);
        assert!(bench.files().is_empty(), "{fault:?}: {:?}", bench.files());
    }
    assert!(bench.server.count("disk.img") > 10, "some are tried again");
    bench.publish("evil.qcow2", &forged_qcow2());
    let evil = bench.pull_vouched("evil.qcow2", &sha256(&forged_qcow2())).run();
    failed(&evil, 11, "integrity");
    assert!(evil.stderr.contains("backing file"), "{evil}");
    assert!(bench.files().is_empty(), "{:?}", bench.files());
}

#[test]
fn a_broken_transfer_goes_on_by_itself() {
    let mut bench = Bench::new();
    bench.server.fault("disk.img", Some(Fault::Truncate(2 << 20)));
    bench.pull_vouched("disk.img", &sha256(&image(1))).run().success();
    assert!(bench.the_image() == image(1));
    assert_eq!(bench.ranges("disk.img"), ["bytes=2097152-", "bytes=4194304-"]);
}

#[test]
fn a_server_without_ranges_sends_all_anew() {
    let mut bench = Bench::new();
    let digest = sha256(&image(1));
    let mut running = bench.stalled("disk.img", &digest, 1 << 20);
    running.signal("KILL");
    drop(running);
    bench.server.fault("disk.img", Some(Fault::NoRanges));
    bench.pull_vouched("disk.img", &digest).run().success();
    assert!(bench.the_image() == image(1));
    assert_eq!(bench.ranges("disk.img"), ["bytes=1048576-"]);
}

#[test]
fn after_ctrl_c_and_after_kill_the_rest_is_fetched() {
    for signal in ["INT", "KILL"] {
        let mut bench = Bench::new();
        let digest = sha256(&image(1));
        let mut running = bench.stalled("disk.img", &digest, 3 << 20);
        running.signal(signal);
        let ended = running.wait(MINUTE);
        if signal == "INT" {
            failed(&ended, 130, "interrupted");
        }
        assert!(bench.files_with("img").is_empty() && bench.files_with("json").is_empty());
        bench.server.fault("disk.img", None);
        bench.pull_vouched("disk.img", &digest).run().success();
        assert!(bench.the_image() == image(1));
        assert_eq!(bench.ranges("disk.img"), ["bytes=3145728-"], "{signal}");
        assert_eq!(bench.files().len(), 2, "{:?}", bench.files());
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    for fault in [None, Some(Fault::NoValidator)] {
        let mut bench = Bench::new();
        bench.catalogue(&["disk"], "bare");
        bench.publish("disk.sum", sha256(&image(1)).as_bytes().split_at(7).1);
        bench.server.fault("disk.img", Some(Fault::Stall(3 << 20)));
        let running = bench.pull("disk", &[]).spawn();
        wait_for("the first bytes", MINUTE, || {
            bench
                .files_with("partial")
                .first()
                .filter(|p| fs::metadata(p).is_ok_and(|m| m.len() > 1 << 20))
                .cloned()
        });
        drop(running);
        let digest = bench.publish("disk.img", &image(2));
        bench.publish("disk.sum", digest.as_bytes().split_at(7).1);
        bench.server.fault("disk.img", fault);
        bench.pull("disk", &[]).run().success();
        assert!(bench.the_image() == image(2));
    }
}

#[test]
fn bytes_that_do_not_fit_the_resumed_ones_are_fetched_once_more() {
    let mut bench = Bench::new();
    let digest = sha256(&image(1));
    let mut running = bench.stalled("disk.img", &digest, 3 << 20);
    running.signal("KILL");
    drop(running);
    let partial = bench.files_with("partial").remove(0);
    fs::write(&partial, vec![7; 3 << 20]).unwrap();
    bench.server.fault("disk.img", None);
    bench.pull_vouched("disk.img", &digest).run().success();
    assert!(bench.the_image() == image(1));
    assert_eq!(bench.server.count("disk.img"), 3);
}

#[test]
fn twenty_at_once_download_once() {
    let mut bench = Bench::new();
    bench.server.fault("disk.img", Some(Fault::Slow));
    let digest = sha256(&image(1));
    let running: Vec<_> = (0..20).map(|_| bench.pull_vouched("disk.img", &digest).spawn()).collect();
    for one in running {
        let json = one.wait(MINUTE).success().json();
        assert_eq!(json["digest"], digest.as_str());
    }
    assert_eq!(bench.server.requests(), ["GET /disk.img"]);

    bench.catalogue(&["other"], "bare");
    let digest = bench.publish("other.img", &image(2));
    bench.publish("other.sum", &digest.as_bytes()[7..]);
    bench.server.fault("other.img", Some(Fault::Slow));
    let running: Vec<_> = (0..20).map(|_| bench.pull("other", &[]).spawn()).collect();
    for one in running {
        assert_eq!(one.wait(MINUTE).success().json()["digest"], digest.as_str());
    }
    assert_eq!(bench.server.count("other.img"), 1);
}

#[test]
fn the_publishers_documents_are_understood_and_asked_again() {
    let json = "{\"images\": {\"qemu\": {\"path\": \"disk.img\", \"sha256\": \"";
    for (format, begin, end) in [
        ("gnu", "", "  disk.img\n"),
        ("bsd", "SHA256 (disk.img) = ", "\n"),
        ("bare", "", "\n"),
        ("json", json, "\"}}}"),
    ] {
        let bench = Bench::new();
        bench.catalogue(&["disk"], format);
        let publish = |seed| {
            let digest = bench.publish("disk.img", &image(seed));
            bench.publish("disk.sum", format!("{begin}{}{end}", &digest[7..]).as_bytes());
            digest
        };
        let first = publish(1);
        let pulled = bench.pull("disk", &[]).run().success().json();
        assert_eq!((&pulled["name"], &pulled["digest"]), (&"disk".into(), &first.as_str().into()));
        bench.pull("disk", &[]).run().success().stderr_has("up to date");
        assert_eq!((bench.server.count("disk.sum"), bench.server.count("disk.img")), (2, 1), "{format}");
        let second = publish(2);
        let pulled = bench.pull("disk", &[]).run().success();
        assert_eq!(pulled.json()["digest"], second.as_str());
        assert!(!pulled.stderr.contains("up to date"), "{pulled}");
        assert!(bench.the_image() == image(2));
        // A new version that is spoilt leaves the old one.
        publish(3);
        bench.publish("disk.img", &image(4));
        failed(&bench.pull("disk", &[]).run(), 11, "integrity");
        assert!(bench.the_image() == image(2));
        assert_eq!(bench.files().len(), 2, "{:?}", bench.files());
    }
}

#[test]
fn without_a_network_what_is_cached_stays() {
    let mut bench = Bench::new();
    bench.catalogue(&["disk"], "bare");
    bench.publish("disk.sum", &sha256(&image(1)).as_bytes()[7..]);
    bench.pull("disk", &[]).run().success();
    bench.server.fault("disk.sum", Some(Fault::Unavailable));
    let started = Instant::now();
    bench.pull("disk", &[]).run().success().stderr_has("cannot check whether");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(bench.server.count("disk.sum"), 2);
}

#[test]
fn without_a_checksum_only_https_and_only_if_told() {
    let bench = Bench::new();
    let authority = Authority::new();
    let trusted = bench.env.root().join("ca.pem");
    authority.write(&trusted);
    let www = bench.env.root().join("www");
    let mut secure = HttpServer::start_tls(&www, &authority);
    let no_checksum = ["--insecure-no-checksum"];
    let url = secure.url("disk.img");
    let plain = bench.server.url("disk.img");

    failed(&bench.pull(&url, &[]).run(), 2, "usage");
    let refused = bench.pull(&plain, &no_checksum).run();
    failed(&refused, 2, "usage");
    assert!(refused.json_error()["hint"].as_str().unwrap().contains("https"), "{refused}");
    assert!(secure.requests().is_empty() && bench.server.requests().is_empty());

    failed(&bench.pull(&url, &no_checksum).run(), 8, "unreachable");
    let pull = || bench.pull(&url, &no_checksum).env("SSL_CERT_FILE", &trusted).run();
    pull().success().stderr_has("is not verified");
    assert!(bench.the_image() == image(1));
    pull().success().stderr_has("up to date");
    bench.publish("disk.img", &image(2));
    assert_eq!(pull().success().json()["digest"], sha256(&image(2)));
    assert!(bench.the_image() == image(2));

    secure.fault("gone.img", Some(Fault::Redirect(plain)));
    let gone = bench.pull(&secure.url("gone.img"), &no_checksum).env("SSL_CERT_FILE", &trusted).run();
    assert_ne!(gone.status.code(), Some(0), "{gone}");
    assert_eq!(bench.server.count("disk.img"), 0, "a redirect to plain http is not followed");
}

#[test]
fn mirrors_come_first_and_proxies_are_used() {
    let bench = Bench::new();
    let near = bench.env.write("near/disk.img", "");
    fs::write(&near, image(1)).unwrap();
    let mirror = HttpServer::start(near.parent().unwrap());
    let rewrite = format!("image.mirrors=https://images.example/={}", mirror.url(""));
    bench.env.vmtools(&["config", "--set", &rewrite]).run().success();
    let digest = sha256(&image(1));
    let pulled =
        bench.pull("https://images.example/disk.img", &["--checksum", &digest]).run().success().json();
    assert_eq!(pulled["name"], "https://images.example/disk.img");
    assert_eq!(pulled["source"], mirror.url("disk.img"));

    // A proxy that refuses to connect is asked, and not the server.
    let proxied = bench.pull_vouched("disk.img", &digest).env("http_proxy", bench.server.url("")).run();
    assert_ne!(proxied.status.code(), Some(0), "{proxied}");
    assert!(
        !bench.server.requests().iter().any(|line| line == "GET /disk.img"),
        "{:?}",
        bench.server.requests()
    );
    let around =
        bench.pull_vouched("disk.img", &digest).env("http_proxy", "http://127.0.0.1:9").env("no_proxy", "*");
    around.run().success();
}

#[test]
fn packed_images_are_unpacked_and_bombs_are_not() {
    let bench = Bench::new();
    let packed = zstd::encode_all(image(1).as_slice(), 1).unwrap();
    let digest = bench.publish("disk.img.zst", &packed);
    let pulled = bench.pull_vouched("disk.img.zst", &digest).run().success().json();
    assert_eq!((&pulled["digest"], &pulled["size_bytes"]), (&sha256(&image(1)).into(), &IMAGE_BYTES.into()));
    assert!(bench.the_image() == image(1));
    bench.pull_vouched("disk.img.zst", &digest).run().success().stderr_has("up to date");
    assert_eq!(bench.server.count("disk.img.zst"), 1);
    assert_eq!(bench.files().len(), 2, "{:?}", bench.files());

    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 1 << 30), 1).unwrap();
    let digest = bench.publish("bomb.zst", &bomb);
    let refused = bench.pull_vouched("bomb.zst", &digest).run();
    failed(&refused, 11, "integrity");
    assert!(refused.stderr.contains("unpacks to more"), "{refused}");
    assert_eq!(bench.files().len(), 2, "{:?}", bench.files());
}

#[test]
fn a_packed_download_is_resumed_too() {
    let mut bench = Bench::new();
    let packed = zstd::encode_all(image(1).as_slice(), 1).unwrap();
    let digest = bench.publish("disk.zst", &packed);
    let mut running = bench.stalled("disk.zst", &digest, 2 << 20);
    running.signal("KILL");
    drop(running);
    bench.server.fault("disk.zst", None);
    bench.pull_vouched("disk.zst", &digest).run().success();
    assert!(bench.the_image() == image(1));
    assert_eq!(bench.ranges("disk.zst"), ["bytes=2097152-"]);
}

#[test]
fn a_folder_or_nothing_at_all_is_told_as_that() {
    let env = TestEnv::new();
    let folder = env.home().join("a folder");
    std::fs::create_dir(&folder).unwrap();
    let error = |path: &std::path::Path, code: i32| {
        let run = env.vmtools(&["image", "pull", path.to_str().unwrap(), "--json"]).run().code(code);
        run.json_error()["message"].as_str().unwrap().to_owned()
    };
    assert!(error(&folder, 2).contains("is a directory"));
    assert!(error(&env.home().join("nowhere.qcow2"), 3).contains("there is no file"));
}

#[test]
fn a_file_is_nothing_to_pull() {
    let bench = Bench::new();
    let www = bench.env.root().join("www");
    failed(&bench.pull("./disk.img", &[]).cwd(&www).run(), 2, "usage");
    failed(&bench.pull("no-such-image", &[]).run(), 3, "not_found");
}

/// A qcow2 that has a file of the host for its backing file.
fn forged_qcow2() -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    bytes[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    let backing = b"/etc/shadow";
    bytes[8..16].copy_from_slice(&512u64.to_be_bytes());
    bytes[16..20].copy_from_slice(&u32::try_from(backing.len()).unwrap().to_be_bytes());
    bytes[20..24].copy_from_slice(&16u32.to_be_bytes());
    bytes[24..32].copy_from_slice(&(1u64 << 30).to_be_bytes());
    bytes[100..104].copy_from_slice(&104u32.to_be_bytes());
    bytes[512..512 + backing.len()].copy_from_slice(backing);
    bytes
}

#[test]
fn an_image_is_pulled_under_a_name_of_the_users_own() {
    let bench = Bench::new();
    let digest = sha256(&image(1));
    let named = |name: &str| {
        let more = ["--checksum", digest.as_str(), "--name", name];
        bench.pull(&bench.server.url("disk.img"), &more).run()
    };
    let run = named("nightly").success();
    assert_eq!(run.json()["name"], "nightly", "{run}");
    assert_eq!(bench.the_image(), image(1));
    // By that name it is known.
    let known = bench.env.vmtools(&["image", "info", "nightly", "--json"]).run().success();
    assert_eq!(known.json()["name"], "nightly", "{known}");
    // Again: it is what it is.
    named("nightly").success();
    assert_eq!(bench.files_with("img").len(), 1);
    // No name, and one that another image has.
    named("../nightly").code(2);
    named("").code(2);
    let other = bench.publish("other.img", &image(2));
    let more = ["--checksum", other.as_str(), "--name", "nightly"];
    let run = bench.pull(&bench.server.url("other.img"), &more).run();
    assert_eq!(run.status.code(), Some(4), "{run}");
}

#[test]
fn a_download_can_be_given_a_name() {
    let bench = Bench::new();
    let digest = sha256(&image(1));
    let url = bench.server.url("disk.img");
    let pull = |url: &str, digest: &str, name: &str| {
        bench.pull(url, &["--checksum", digest, &format!("--name={name}")]).run()
    };
    let pulled = pull(&url, &digest, "mine").success().json();
    assert_eq!((&pulled["name"], &pulled["verified"]), (&"mine".into(), &true.into()));
    assert_eq!(pulled["source"], url.as_str());
    let listed = bench.env.vmtools(&["image", "list", "--json"]).run().success().json();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["name"]), (Some(1), &"mine".into()));
    // Again, and by its name alone, there is nothing to fetch.
    pull(&url, &digest, "mine").success().stderr_has("up to date");
    bench.pull("mine", &[]).run().success().stderr_has("up to date");
    assert_eq!(bench.server.count("disk.img"), 1);
    bench.publish("other.img", &image(2));
    let other = pull(&bench.server.url("other.img"), &sha256(&image(2)), "mine");
    failed(&other, 4, "exists");
    for bad in ["a/b", "x.qcow2", "-", "debian-13"] {
        let code = pull(&url, &digest, bad).status.code();
        assert_eq!(code, Some(if bad == "debian-13" { 4 } else { 2 }), "{bad}");
    }
}
