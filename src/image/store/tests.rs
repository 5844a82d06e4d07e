//! The store and its downloads, against a real server.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::image::download::{Reply, TestServer};
use crate::image::{
    Catalog, Error, Format, Freshness, HOST_ARCH, Hasher, Limits, LocalImage, Progress, Provisioner,
    Reference, Store, StoredImageKind,
};
use crate::model::{Algorithm, Digest, Firmware};

struct Bench {
    server: TestServer,
    cache: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { server: TestServer::start(), cache: tempfile::tempdir().expect("folder") }
    }

    /// A store with one image in its catalogue, `tiny`, of which the checksum document is at /SUMS.
    fn store(&self) -> Store {
        self.store_of(&format!(
            "[[image]]\nname = \"tiny\"\naliases = [\"small\"]\nurl = \"{}\"\nchecksum_url = \"{}\"\n\
             fallback_url = \"{}\"\nfallback_checksum_url = \"{}\"\nchecksum_format = \"gnu\"\n\
             checksum_algorithm = \"sha512\"\ndefault_user = \"ada\"\nfirmware = \"efi\"\n",
            self.server.url("/tiny.img"),
            self.server.url("/SUMS"),
            self.server.url("/mirror/tiny.img"),
            self.server.url("/mirror/SUMS"),
        ))
    }

    /// A store with these images in its catalogue.
    fn store_of(&self, catalog: &str) -> Store {
        let file = self.cache.path().join("catalog.toml");
        std::fs::write(&file, catalog).expect("writes");
        let catalog = Catalog::load(Some(&file)).expect("a catalogue");
        Store::new(self.cache.path().join("cache"), &self.cache.path().join("data"), catalog).with_limits(
            Limits {
                connect_timeout: Duration::from_secs(5),
                stall_timeout: Duration::from_millis(400),
                patience: Duration::from_secs(1),
                max_image_bytes: 1 << 20,
                first_pause: Duration::from_millis(5),
                ..Limits::default()
            },
        )
    }

    fn obtain(&self, reference: &Reference) -> Result<LocalImage, Error> {
        run(self.store().obtain(reference, None))
    }

    fn publish(&self, folder: &str, image: &[u8]) {
        let sums = format!("{}  tiny.img\n", digest(Algorithm::Sha512, image).hex());
        self.server.put(&format!("{folder}/SUMS"), Reply::Bytes(sums.into()));
        self.server.put(&format!("{folder}/tiny.img"), Reply::Bytes(image.to_vec()));
    }

    /// The files of the cache that hold bytes of an image.
    fn leftovers(&self) -> Vec<String> {
        let Ok(listing) = std::fs::read_dir(self.cache.path().join("cache/images")) else {
            return Vec::new();
        };
        listing
            .map(|file| file.expect("file").file_name().to_string_lossy().into_owned())
            .filter(|name| !name.ends_with(".lock"))
            .collect()
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(future)
}

fn image() -> Vec<u8> {
    (0..64 * 1024u32).map(|i| i.to_le_bytes()[1]).collect()
}

fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish().expect("a digest")
}

fn url(url: &str) -> Reference {
    Reference::parse(url, Path::new("/"), None).expect("a URL")
}

/// With the digest of [`image`].
fn vouched(at: &str) -> Reference {
    url(&format!("{at}#{}", digest(Algorithm::Sha256, &image())))
}

fn tiny() -> Reference {
    Reference::Catalog("small".into())
}

#[test]
fn a_catalogue_image_is_verified_once_and_then_needs_no_network() {
    let bench = Bench::new();
    bench.publish("", &image());
    assert!(!bench.store().is_cached(&tiny()));
    let first = bench.obtain(&tiny()).expect("an image");
    assert_eq!((first.name.as_str(), first.verified), ("tiny", true));
    assert_eq!(first.digest, digest(Algorithm::Sha512, &image()));
    assert_eq!(first.default_user.as_deref(), Some("ada"));
    assert_eq!((first.format, first.file_size_bytes), (Format::Raw, 65536));
    assert_eq!(std::fs::read(&first.path).expect("reads"), image());

    bench.server.put("/tiny.img", Reply::Status(500));
    assert_eq!(bench.obtain(&tiny()).expect("from the cache"), first);
    assert_eq!((bench.server.count("/SUMS"), bench.server.count("/tiny.img")), (1, 1));
    assert!(bench.store().is_cached(&tiny()));
    let held = run(bench.store().stored_images()).expect("lists");
    let [only] = held.as_slice() else { panic!("{held:?}") };
    assert_eq!(
        (only.name.as_str(), only.kind, &only.digest),
        ("tiny", StoredImageKind::Download, &first.digest)
    );
    assert_eq!((only.path.as_path(), only.format), (first.path.as_path(), Some(Format::Raw)));
    run(bench.store().discard(only)).expect("removes");
    assert!(bench.leftovers().is_empty());
}

#[test]
fn an_image_that_was_damaged_in_the_cache_is_fetched_anew() {
    let bench = Bench::new();
    bench.publish("", &image());
    let first = bench.obtain(&tiny()).expect("an image");
    std::fs::write(&first.path, vec![1; 65536]).expect("writes");
    let second = bench.obtain(&tiny()).expect("an image");
    assert_eq!(std::fs::read(&second.path).expect("reads"), image());
    assert_eq!(bench.server.count("/tiny.img"), 2);
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    let bench = Bench::new();
    bench.publish("", &image());
    bench.server.put("/tiny.img", Reply::Bytes(vec![7; 65536]));
    let error = bench.obtain(&tiny()).expect_err("a mismatch");
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    assert!(error.is_integrity());
    assert!(bench.leftovers().is_empty());
}

#[test]
fn an_image_without_its_record_is_left_over_and_one_that_is_under_way_is_not() {
    let bench = Bench::new();
    bench.publish("", &image());
    let found = bench.obtain(&tiny()).expect("an image");
    let leftovers = || run(bench.store().leftovers()).expect("lists");
    assert_eq!(leftovers(), []);
    std::fs::remove_file(found.path.with_extension("json")).expect("removes");
    let lock = crate::system::fs::try_lock(&found.path.with_extension("lock")).expect("locks");
    assert!(lock.is_some());
    assert_eq!(leftovers(), []);
    drop(lock);
    let left = leftovers();
    assert_eq!(left[0].files, std::slice::from_ref(&found.path));
    run(bench.store().remove_leftover(&left[0])).expect("removes");
    assert!(bench.leftovers().is_empty() && leftovers().is_empty());
}

#[test]
fn the_second_server_helps_out() {
    let bench = Bench::new();
    bench.publish("/mirror", &image());
    let found = bench.obtain(&tiny()).expect("an image");
    assert_eq!(found.source, bench.server.url("/mirror/tiny.img"));
    assert!(found.verified);
}

#[test]
fn a_document_that_tells_no_digest_is_refused() {
    let bench = Bench::new();
    bench.publish("", &image());
    bench.server.put("/SUMS", Reply::Bytes(b"<html>welcome</html>".to_vec()));
    let error = bench.obtain(&tiny()).expect_err("no digest");
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert_eq!(bench.server.count("/tiny.img"), 0);
}

#[test]
fn a_url_needs_a_digest_and_plain_http_always_does() {
    let bench = Bench::new();
    let at = bench.server.put("/a.img", Reply::Unsized(image()));
    let refused = bench.obtain(&url(&at)).expect_err("unvouched");
    assert!(matches!(refused, Error::Unvouched { is_plaintext: true, .. }), "{refused}");
    let refused = bench.obtain(&url(&at.replace("http:", "https:"))).expect_err("unvouched");
    assert!(matches!(refused, Error::Unvouched { is_plaintext: false, .. }), "{refused}");
    let willing = bench.store().taking_unvouched(true);
    let refused = run(willing.obtain(&url(&at), None)).expect_err("plain");
    assert!(matches!(refused, Error::Unvouched { is_plaintext: true, .. }), "{refused}");
    assert_eq!(bench.server.count("/a.img"), 0);
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let expected = digest(algorithm, &image());
        let verified = bench.obtain(&url(&format!("{at}#{expected}"))).expect("an image");
        assert!(verified.verified);
        assert_eq!(verified.digest, expected);
    }
    assert_eq!(bench.server.count("/a.img"), 1);
    let other = digest(Algorithm::Sha256, b"other");
    let error = bench.obtain(&url(&format!("{at}#{other}"))).expect_err("wrong");
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    // What was there before is there still, and what was agreed to once.
    assert_eq!(bench.obtain(&url(&at)).expect("an image").digest, digest(Algorithm::Sha256, &image()));
}

#[test]
fn a_mirror_comes_first_and_the_publisher_replaces_what_it_gets_wrong() {
    let bench = Bench::new();
    bench.publish("", &image());
    let mirrors = [format!("{}={}", bench.server.url("/"), bench.server.url("/near/")).parse().expect("one")];
    let obtain = || run(bench.store().with_mirrors(&mirrors).obtain(&tiny(), None));
    let source = |path: &str| bench.server.url(path);
    bench.publish("/near", &image());
    assert_eq!(obtain().expect("an image").source, source("/near/tiny.img"));
    assert_eq!(bench.server.count("/tiny.img"), 0);
    for wrong in [Reply::Bytes(vec![7; 65536]), Reply::Status(404), Reply::Bytes(b"<html>".to_vec())] {
        let held = run(bench.store().stored_images()).expect("lists");
        run(bench.store().discard(&held[0])).expect("removes");
        bench.server.put("/near/tiny.img", wrong);
        assert_eq!(obtain().expect("an image").source, source("/tiny.img"));
    }
}

#[test]
fn what_servers_get_wrong_is_told_apart_and_leaves_nothing() {
    type Check = fn(&Error) -> bool;
    let page = b"<!DOCTYPE html><html>sign in</html>".to_vec();
    let cases: [(Reply, Check); 9] = [
        (Reply::Status(404), |e| matches!(e, Error::NotFound { .. })),
        (Reply::Status(503), |e| matches!(e, Error::Status { status: 503, .. })),
        (Reply::Redirect("/x".into()), |e| matches!(e, Error::Redirects { .. })),
        (Reply::Truncated(image(), 99_999), |e| matches!(e, Error::Transfer { .. })),
        (Reply::Stall(image(), 99_999), |e| matches!(e, Error::Stalled { .. })),
        (Reply::Bytes(page), |e| matches!(e, Error::Header { .. }) && e.is_integrity()),
        (Reply::Bytes(Vec::new()), |e| matches!(e, Error::Header { .. })),
        (Reply::Bytes(vec![0; 2 << 20]), |e| matches!(e, Error::TooLarge { .. })),
        (Reply::Unsized(vec![0; 2 << 20]), |e| matches!(e, Error::TooLarge { .. })),
    ];
    let bench = Bench::new();
    for (reply, is_expected) in cases {
        let shown = format!("{reply:?}").chars().take(40).collect::<String>();
        let at = bench.server.put("/x", reply);
        let error = bench.obtain(&vouched(&at)).expect_err(&shown);
        assert!(is_expected(&error), "{shown}: {error:?}");
        let left = bench.leftovers();
        let may_be_resumed = matches!(error, Error::Transfer { .. } | Error::Stalled { .. });
        assert!(left.is_empty() || may_be_resumed, "{shown}: {left:?}");
        assert!(left.iter().all(|name| !name.ends_with(".img") && !name.ends_with(".json")), "{left:?}");
        left.iter().for_each(|name| {
            std::fs::remove_file(bench.cache.path().join("cache/images").join(name)).expect("removes");
        });
    }
}

#[test]
fn no_host_and_no_server_are_unreachable() {
    let bench = Bench::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let closed = format!("http://{}/a", listener.local_addr().expect("address"));
    drop(listener);
    for at in [&closed, "http://no-such-host.invalid/a"] {
        let error = bench.obtain(&vouched(at)).expect_err("unreachable");
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    }
}

#[test]
fn two_at_once_make_one_request() {
    let bench = Bench::new();
    let slow = Reply::Slow(image(), Duration::from_millis(200));
    let at = vouched(&bench.server.put("/a.img", slow));
    let (a, b) = (bench.store(), bench.store());
    let (first, second) = run(async { tokio::join!(a.obtain(&at, None), b.obtain(&at, None)) });
    assert_eq!(first.expect("an image"), second.expect("an image"));
    assert_eq!(bench.server.count("/a.img"), 1);
}

#[test]
fn a_dropped_download_ends_at_once() {
    let bench = Bench::new();
    let at = vouched(&bench.server.put("/a.img", Reply::Stall(image(), 99_999)));
    let store =
        bench.store().with_limits(Limits { stall_timeout: Duration::from_secs(60), ..Limits::default() });
    let started = Instant::now();
    run(async {
        let obtain = store.obtain(&at, None);
        assert!(tokio::time::timeout(Duration::from_millis(300), obtain).await.is_err());
    });
    // Dropping the runtime waits for the thread.
    assert!(started.elapsed() < Duration::from_secs(20));
    let left = bench.leftovers();
    assert!(left.iter().all(|name| name.ends_with(".partial") || name.ends_with(".resume")), "{left:?}");
}

#[test]
fn progress_comes_to_the_end() {
    let bench = Bench::new();
    let at = vouched(&bench.server.put("/a.img", Reply::Bytes(image())));
    let done = Arc::new(AtomicU64::new(0));
    let shared = done.clone();
    let progress: Progress = Arc::new(move |transfer| {
        assert_eq!(transfer.total_bytes, Some(65536));
        shared.store(transfer.done_bytes, Ordering::SeqCst);
    });
    run(bench.store().obtain(&at, Some(progress))).expect("an image");
    assert_eq!(done.load(Ordering::SeqCst), 65536);
}

#[test]
fn a_file_is_used_where_it_lies() {
    let bench = Bench::new();
    let path = bench.cache.path().join("disk.img");
    std::fs::write(&path, image()).expect("writes");
    let found = bench.obtain(&Reference::File(path.clone())).expect("an image");
    assert_eq!((&found.path, found.name.as_str()), (&path, "disk.img"));
    assert_eq!(found.digest, digest(Algorithm::Sha256, &image()));

    let mut iso = vec![0; 64 * 1024];
    iso[32769..32774].copy_from_slice(b"CD001");
    std::fs::write(&path, iso).expect("writes");
    let error = bench.obtain(&Reference::File(path)).expect_err("a CD");
    assert!(matches!(error, Error::Iso { .. }), "{error}");
}

#[test]
fn servers_that_hang_are_given_up_within_one_limit() {
    let bench = Bench::new();
    let hangs = || Reply::Slow(Vec::new(), Duration::from_secs(60));
    // The only server: once more, and no oftener.
    let at = vouched(&bench.server.put("/a.img", hangs()));
    let begin = Instant::now();
    assert!(matches!(bench.obtain(&at), Err(Error::Stalled { .. })));
    assert_eq!(bench.server.count("/a.img"), 2);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    // Of several each is asked once, as long as the patience lasts: it is over with the third.
    let folders = ["/m1", "/m2", "/m3", "/m4", ""];
    for folder in folders {
        bench.server.put(&format!("{folder}/b.img"), hangs());
    }
    let base = bench.server.url("");
    let mirrors: Vec<crate::model::Mirror> = folders[..4]
        .iter()
        .map(|folder| format!("{base}={base}{folder}").parse().expect("a mirror"))
        .collect();
    let at = vouched(&format!("{base}/b.img"));
    let result = run(bench.store().with_mirrors(&mirrors).obtain(&at, None));
    assert!(matches!(result, Err(Error::Stalled { .. })), "{result:?}");
    let asked: usize = folders.iter().map(|folder| bench.server.count(&format!("{folder}/b.img"))).sum();
    assert!((2..=3).contains(&asked), "{asked}");
    // One that helps out after one that hangs is reached.
    bench.server.put("/m1/c.img", hangs());
    let at = vouched(&bench.server.put("/c.img", Reply::Bytes(image())));
    run(bench.store().with_mirrors(&mirrors[..1]).obtain(&at, None)).expect("the publisher's own");
}

#[test]
fn a_download_has_a_name_of_the_users_own() {
    let bench = Bench::new();
    let store = bench.store();
    let at = bench.server.put("/x.img", Reply::Bytes(image()));
    let checksum = digest(Algorithm::Sha256, &image());
    let pull = |name: &str, reference: &Reference| run(store.pull_as(name, reference, Some(&checksum), None));
    let pulled = pull("mine", &url(&at)).expect("pulled");
    assert!(matches!(pulled.freshness, Freshness::Fetched));
    assert_eq!((pulled.image.name.as_str(), pulled.image.verified), ("mine", true));
    assert_eq!(pulled.image.source, at);
    // Found by its name, without any network, and in the list.
    let mine = Reference::Catalog("mine".into());
    assert!(store.is_cached(&mine));
    assert_eq!(bench.obtain(&mine).expect("there").path, pulled.image.path);
    let held = run(store.stored_images()).expect("lists");
    assert_eq!((held.len(), held[0].name.as_str(), held[0].kind), (1, "mine", StoredImageKind::Download));
    // The same again is nothing new; another one does not take the name.
    assert!(matches!(pull("mine", &url(&at)).expect("there").freshness, Freshness::UpToDate));
    assert!(matches!(run(store.pull(&mine, None, None)).expect("there").freshness, Freshness::UpToDate));
    assert_eq!(bench.server.count("/x.img"), 1);
    let other = bench.server.put("/y.img", Reply::Bytes(image()));
    assert!(matches!(pull("mine", &url(&other)), Err(Error::NameTaken { .. })));
    assert!(matches!(pull("tiny", &url(&at)), Err(Error::NameTaken { .. })));
    assert!(matches!(pull("small", &url(&at)), Err(Error::NameTaken { .. })));
    for name in ["a/b", "x.img", "", "a b"] {
        assert!(matches!(pull(name, &url(&at)), Err(Error::Invalid(_))), "{name:?}");
    }
    // What spoilt its file is fetched again from where it came, by its name.
    std::fs::write(&pulled.image.path, vec![1; 4096]).expect("writes");
    bench.obtain(&mine).expect("downloaded again");
    assert_eq!(bench.server.count("/x.img"), 2);
    run(store.discard(&held[0])).expect("removes");
    assert!(matches!(bench.obtain(&mine), Err(Error::UnknownImage { .. })));
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_named_image_of_the_catalogue_keeps_what_the_catalogue_knows() {
    let bench = Bench::new();
    bench.publish("", &image());
    let store = bench.store();
    let image = run(store.pull_as("mine", &tiny(), None, None)).expect("pulled").image;
    assert_eq!((image.name.as_str(), image.default_user.as_deref()), ("mine", Some("ada")));
    let mine = Reference::Catalog("mine".into());
    assert_eq!(bench.obtain(&mine).expect("there").default_user.as_deref(), Some("ada"));
    let newer = [self::image(), vec![7; 512]].concat();
    bench.publish("", &newer);
    assert!(matches!(run(store.pull(&mine, None, None)).expect("newer").freshness, Freshness::Replaced));
    assert_eq!(run(store.stored_images()).expect("lists").len(), 1);
}

/// The image `both`, with a build for this host and one for another architecture, both pinned.
fn builds(host: (&str, &[u8]), other: (&str, &[u8])) -> String {
    let build = |arch: &str, (url, bytes): (&str, &[u8]), firmware: &str| {
        format!(
            "[[image.build]]\narch = \"{arch}\"\nurl = \"{url}\"\nchecksum = \"{}\"\nfirmware = \"{firmware}\"\n",
            digest(Algorithm::Sha256, bytes),
        )
    };
    let (host, other) = (build(HOST_ARCH, host, "bios"), build("pdp11", other, "efi"));
    // The host's own is not simply the first.
    format!("[[image]]\nname = \"both\"\ndefault_user = \"ada\"\n{other}{host}")
}

#[test]
fn a_name_stands_for_the_build_of_the_hosts_architecture() {
    let bench = Bench::new();
    let (native, foreign) = (image(), vec![7; 4096]);
    let native_url = bench.server.put("/own.img", Reply::Bytes(native.clone()));
    let foreign_url = bench.server.put("/foreign.img", Reply::Bytes(foreign.clone()));
    let store = bench.store_of(&builds((&native_url, &native), (&foreign_url, &foreign)));
    let both = Reference::Catalog("both".into());
    let host = run(store.obtain(&both, None)).expect("the host's");
    assert_eq!((host.source.as_str(), host.firmware), (native_url.as_str(), Some(Firmware::Bios)));
    assert_eq!(host.default_user.as_deref(), Some("ada"));
    assert_eq!(bench.server.count("/foreign.img"), 0);
    // Beside it, not in its place.
    let elsewhere = store.clone().with_arch("pdp11");
    assert!(!elsewhere.is_cached(&both));
    let other = run(elsewhere.obtain(&both, None)).expect("the other's");
    assert_eq!((other.source.as_str(), other.firmware), (foreign_url.as_str(), Some(Firmware::Efi)));
    assert!(store.is_cached(&both) && elsewhere.is_cached(&both));
    let mut firmware: Vec<_> = run(store.stored_images())
        .expect("lists")
        .into_iter()
        .map(|held| (held.source, held.firmware))
        .collect();
    firmware.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(firmware, [(foreign_url, Some(Firmware::Efi)), (native_url, Some(Firmware::Bios))]);

    let nowhere = run(store.with_arch("vax").obtain(&both, None));
    let Err(Error::NoBuild { name, arch, published }) = nowhere else { panic!("{nowhere:?}") };
    assert_eq!((name.as_str(), arch.as_str()), ("both", "vax"));
    assert_eq!(published, ["pdp11", HOST_ARCH]);
}

#[test]
fn a_digest_of_the_catalogue_vouches_without_a_document() {
    let bench = Bench::new();
    let (old, new) = (image(), vec![7; 4096]);
    let url = bench.server.put("/one.img", Reply::Bytes(old.clone()));
    let both = Reference::Catalog("both".into());
    let store = bench.store_of(&builds((&url, &old), (&url, &old)));
    let pulled = run(store.pull(&both, None, None)).expect("pulled");
    assert!(pulled.image.verified && matches!(pulled.freshness, Freshness::Fetched));
    assert!(matches!(run(store.pull(&both, None, None)).expect("there").freshness, Freshness::UpToDate));
    assert_eq!(bench.server.count("/one.img"), 1);
    run(store.pull_as("mine", &both, None, None)).expect("pulled under a name");

    // A newer catalogue has another build, for the name that a user gave as well.
    let newer = bench.server.put("/two.img", Reply::Bytes(new.clone()));
    let store = bench.store_of(&builds((&newer, &new), (&newer, &new)));
    let mine = Reference::Catalog("mine".into());
    let replaced = run(store.pull(&mine, None, None)).expect("the newer");
    assert!(matches!(replaced.freshness, Freshness::Replaced));
    assert_eq!(replaced.image.digest, digest(Algorithm::Sha256, &new));

    let store = bench.store_of(&builds((&bench.server.url("/three.img"), &old), (&url, &old)));
    bench.server.put("/three.img", Reply::Bytes(new));
    assert!(matches!(run(store.obtain(&both, None)), Err(Error::DigestMismatch { .. })));
}

#[test]
fn what_sets_up_a_guest_is_known_before_the_image_is_there() {
    let bench = Bench::new();
    let url = bench.server.put("/one.img", Reply::Bytes(image()));
    let text = builds((&url, &image()), (&url, &image()));
    let text = text.replacen("default_user", "provisioner = \"ignition\"\ndefault_user", 1);
    let store = bench.store_of(&text);
    let both = Reference::Catalog("both".into());
    assert_eq!(store.provisioner(&both), Provisioner::Ignition);
    run(store.pull_as("mine", &both, None, None)).expect("pulled");
    assert_eq!(store.provisioner(&Reference::Catalog("mine".into())), Provisioner::Ignition);
    for other in [self::url("https://example.org/x.img"), Reference::Catalog("none".into())] {
        assert_eq!(store.provisioner(&other), Provisioner::CloudInit);
    }
}
