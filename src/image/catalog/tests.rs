use super::*;
use crate::image::HOST_ARCH;
use crate::model::Firmware;

const USER: &str = r#"
    [[image]]
    name = "debian-13"
    aliases = ["mine"]
    url = "https://mirror.example/debian.qcow2"
    checksum_url = "https://mirror.example/SHA512SUMS"
    checksum_format = "gnu"
    checksum_algorithm = "sha512"
"#;

fn load(text: &str) -> Result<Catalog, ImageError> {
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), text).expect("writes");
    Catalog::load(Some(file.path()))
}

#[test]
fn the_builtin_one_is_valid_and_knows_the_common_names() {
    let catalog = Catalog::builtin().expect("valid");
    for (alias, name, user) in [
        ("ubuntu", "ubuntu-26.04", "ubuntu"),
        ("noble", "ubuntu-24.04", "ubuntu"),
        ("jammy", "ubuntu-22.04", "ubuntu"),
        ("debian", "debian-13", "debian"),
        ("Debian-12", "debian-12", "debian"),
        ("fedora", "fedora-44", "fedora"),
        ("alma", "alma-10", "almalinux"),
        ("almalinux-9", "alma-9", "almalinux"),
        ("rocky", "rocky-10", "rocky"),
        ("centos", "centos-stream-10", "cloud-user"),
        ("oracle", "oracle-10", "cloud-user"),
        ("al2023", "amazon-2023", "ec2-user"),
        ("arch", "arch", "arch"),
        ("alpine", "alpine-3.24", "alpine"),
        ("opensuse", "opensuse-16.0", "opensuse"),
        ("freebsd", "freebsd-15.1", "freebsd"),
        ("fcos", "fedora-coreos-44", "core"),
        ("flatcar", "flatcar", "core"),
        ("cirros", "cirros-0.6", "cirros"),
    ] {
        let entry = catalog.resolve(alias).expect(alias);
        let build = entry.build_for("x86_64").expect(alias);
        assert_eq!((entry.name.as_str(), build.default_user.as_deref()), (name, Some(user)));
    }
    let alma = catalog.resolve("alma-10").expect("alma").build_for("x86_64").expect("for a PC");
    assert_eq!((alma.firmware, alma.cpu_floor), (Some(Firmware::Efi), Some(CpuFloor::V3)));
}

/// The file of the URL, without the ending of what it is packed with.
fn unpacked_name(url: &str) -> &str {
    let name = url.rsplit('/').next().unwrap_or(url);
    [".xz", ".zst", ".gz", ".bz2"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

#[test]
fn each_builtin_build_can_be_fetched_verified_and_logged_in_to() {
    let catalog = Catalog::builtin().expect("valid");
    for entry in catalog.entries() {
        let name = &entry.name;
        assert!(entry.os.as_ref().is_some_and(|os| !os.is_empty()), "{name}");
        for build in &entry.builds {
            let what = format!("{name} for {}", build.arch);
            assert!(build.default_user.as_ref().is_some_and(|user| !user.is_empty()), "{what}");
            let documents = match &build.checksum {
                Checksum::Pinned(_) => [None, None],
                Checksum::Published { url, fallback_url, .. } => [Some(url), fallback_url.as_ref()],
            };
            let files = [Some(&build.url), build.fallback_url.as_ref()];
            for url in documents.into_iter().chain(files).flatten() {
                assert!(url.starts_with("https://"), "{what}: {url}");
            }
            for url in files.into_iter().flatten() {
                let file = unpacked_name(url);
                assert!(
                    [".img", ".qcow2", ".raw"].iter().any(|ending| file.ends_with(ending)),
                    "{what}: {url}"
                );
            }
            // A document beside another file, or of another architecture, has not the digest of this one.
            if let [Some(document), _] = documents {
                let folder = |url: &str| url.rsplit_once('/').map(|(folder, _)| folder.to_owned());
                assert_eq!(folder(document), folder(&build.url), "{what}");
            }
        }
    }
}

#[test]
fn each_builtin_image_has_the_file_of_its_architecture() {
    let catalog = Catalog::builtin().expect("valid");
    let spellings = |arch: &str| match arch {
        "x86_64" => ["x86_64", "amd64"],
        "aarch64" => ["aarch64", "arm64"],
        other => panic!("{other}"),
    };
    for entry in catalog.entries() {
        let architectures: Vec<&str> = entry.architectures().collect();
        // Arch Linux publishes nothing for another processor.
        let expected: &[&str] = if entry.name == "arch" { &["x86_64"] } else { &["x86_64", "aarch64"] };
        assert_eq!(architectures, expected, "{}", entry.name);
        for build in &entry.builds {
            let of = |arch: &str| spellings(arch).iter().any(|name| build.url.contains(name));
            assert!(of(&build.arch), "{}", build.url);
            let other = if build.arch == "x86_64" { "aarch64" } else { "x86_64" };
            assert!(!of(other), "{}", build.url);
            // Only a PC has a BIOS.
            assert!(build.arch == "x86_64" || build.firmware == Some(Firmware::Efi), "{}", build.url);
            assert!(build.arch == "x86_64" || build.cpu_floor.is_none(), "{}", build.url);
        }
    }
}

#[test]
fn names_of_the_builtin_one_have_one_meaning() {
    let catalog = Catalog::builtin().expect("valid");
    for entry in catalog.entries() {
        for name in entry.names() {
            assert_eq!(catalog.resolve(name).expect(name).name, entry.name);
        }
    }
    let by_ignition = |entry: &&Entry| entry.provisioner == Provisioner::Ignition;
    let names: Vec<&str> =
        catalog.entries().iter().filter(by_ignition).map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["fedora-coreos-44", "flatcar"]);
}

#[test]
fn an_architecture_without_a_build_is_told_which_there_are() {
    let catalog = Catalog::builtin().expect("valid");
    let error = catalog.resolve("debian").expect("there").build_for("riscv64").expect_err("none");
    assert_eq!(
        error.to_string(),
        "the image debian-13 is not published for riscv64, only for x86_64 and aarch64"
    );
    let arch = catalog.resolve("arch").expect("there");
    assert!(
        matches!(arch.build_for("aarch64"), Err(ImageError::NoBuild { published, .. }) if published == ["x86_64"])
    );
    assert_eq!(arch.build_or_first("aarch64").map(|build| build.arch.as_str()), Some("x86_64"));
}

#[test]
fn an_unknown_name_gets_its_neighbours() {
    let catalog = Catalog::builtin().expect("valid");
    let Err(ImageError::UnknownImage { nearest, .. }) = catalog.resolve("ubunut") else {
        panic!("should be unknown")
    };
    assert_eq!(nearest.first().map(String::as_str), Some("ubuntu"));
    let Err(ImageError::UnknownImage { nearest, .. }) = catalog.resolve("zzz") else {
        panic!("should be unknown")
    };
    assert!(nearest.is_empty());
}

#[test]
fn a_users_entry_takes_the_place_of_ours() {
    let catalog = load(USER).expect("valid");
    for name in ["mine", "debian-13"] {
        let entry = catalog.resolve(name).expect("found");
        let build = entry.build_for(HOST_ARCH).expect("for whoever wrote the file");
        assert_eq!(build.url, "https://mirror.example/debian.qcow2");
        assert_eq!(entry.builds.len(), 1);
    }
    assert!(catalog.resolve("ubuntu").is_ok());
}

const BUILDS: &str = r#"
    [[image]]
    name = "mine"
    checksum_format = "gnu"
    checksum_algorithm = "sha256"
    default_user = "ada"

    [[image.build]]
    arch = "x86_64"
    url = "https://mirror.example/amd64.qcow2"
    checksum_url = "https://mirror.example/SHA256SUMS"

    [[image.build]]
    arch = "aarch64"
    url = "https://mirror.example/arm64.qcow2"
    checksum = "sha256:DIGEST"
    default_user = "eve"
"#;

#[test]
fn builds_have_what_their_image_has_and_a_word_of_their_own() {
    let text = BUILDS.replace("DIGEST", &"a".repeat(64));
    let catalog = load(&text).expect("valid");
    let entry = catalog.resolve("mine").expect("found");
    let (pc, arm) = (entry.build_for("x86_64").expect("pc"), entry.build_for("aarch64").expect("arm"));
    assert_eq!((pc.default_user.as_deref(), arm.default_user.as_deref()), (Some("ada"), Some("eve")));
    assert!(matches!(&pc.checksum, Checksum::Published { url, .. } if url.ends_with("SHA256SUMS")));
    assert!(matches!(&arm.checksum, Checksum::Pinned(digest) if digest.hex() == "a".repeat(64)));
    for text in [
        BUILDS.to_owned(),
        text.replace("aarch64", "x86_64"),
        text.replace("checksum_format = \"gnu\"", ""),
        text.replace("checksum = ", "checksum_url = \"https://mirror.example/x\"\nchecksum = "),
        text.replace("default_user = \"ada\"", "url = \"https://mirror.example/any\""),
        text.replace("default_user = \"ada\"", "firmware = \"efi\""),
        text.replace("arm64.qcow2", "arm64 .qcow2"),
    ] {
        assert!(matches!(load(&text), Err(ImageError::Catalog { .. })), "{text}");
    }
}

#[test]
fn each_malformed_shape() {
    for text in [
        "[[image",
        "image = 3",
        "[[image]]\nname = \"x\"",
        &USER.replace("sha512\"", "md5\""),
        &USER.replace("https://mirror.example/debian.qcow2", "/etc/passwd"),
        &USER.replace("name =", "nmae ="),
        &USER.replace("\"mine\"", "\"a b\""),
        &USER.replace("\"mine\"", "\"debian-13\""),
    ] {
        assert!(matches!(load(text), Err(ImageError::Catalog { .. })), "{text}");
    }
    let missing = Catalog::load(Some(Path::new("/no/such/catalog.toml")));
    assert!(matches!(missing, Err(ImageError::Catalog { .. })));
}
