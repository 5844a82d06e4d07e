use super::*;

const FILE: &str = "disk.qcow2";

fn hex(algorithm: Algorithm, digit: char) -> String {
    String::from(digit).repeat(algorithm.hex_length())
}

fn sha256(text: &str, format: Format) -> Result<String, Error> {
    parse(text.as_bytes(), format, Algorithm::Sha256, FILE).map(|digest| digest.hex().to_owned())
}

#[test]
fn gnu_lines() {
    let (a, b) = (hex(Algorithm::Sha256, 'a'), hex(Algorithm::Sha256, 'b'));
    for text in [
        format!("{b}  other.qcow2\n{a}  disk.qcow2\n"),
        format!("{b} *disk.qcow2.manifest\n{a} *disk.qcow2\r\n"),
        format!("# made today\n\n{a}  ./images/disk.qcow2"),
        format!("{}  disk.qcow2\n{a}  disk.qcow2\n", hex(Algorithm::Sha512, 'c')),
        format!("{a}  disk.qcow2\n{a}  disk.qcow2\n"),
    ] {
        assert_eq!(sha256(&text, Format::Gnu), Ok(a.clone()), "{text}");
    }
    let long = hex(Algorithm::Sha512, 'D');
    let digest = parse(format!("{long}  {FILE}").as_bytes(), Format::Gnu, Algorithm::Sha512, FILE);
    assert_eq!(digest.map(|d| d.hex().to_owned()), Ok(long.to_lowercase()));
}

#[test]
fn bsd_lines_in_a_signed_text() {
    let a = hex(Algorithm::Sha256, 'a');
    let text = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# disk.qcow2: 5 bytes\n\
         SHA512 (disk.qcow2) = {}\nSHA256 (disk.qcow2) = {a}\n\
         SHA256 (a (1) disk.qcow2) = {}\n-----BEGIN PGP SIGNATURE-----\n\niQIz\n",
        hex(Algorithm::Sha512, 'c'),
        hex(Algorithm::Sha256, 'd'),
    );
    assert_eq!(sha256(&text, Format::Bsd), Ok(a));
}

/// As Flatcar's create_digests writes them.
#[test]
fn gnu_lines_of_several_functions() {
    let sha512 = hex(Algorithm::Sha512, 'a');
    let text = format!(
        "# MD5 HASH\n{}  {FILE}\n# SHA1 HASH\n{}  {FILE}\n# SHA512 HASH\n{sha512}  {FILE}\n",
        "1".repeat(32),
        "2".repeat(40),
    );
    let digest = parse(text.as_bytes(), Format::Gnu, Algorithm::Sha512, FILE);
    assert_eq!(digest.map(|digest| digest.hex().to_owned()), Ok(sha512));
    let none = Error::NotListed { algorithm: Algorithm::Sha256 };
    assert_eq!(sha256(&text, Format::Gnu), Err(none));
    let mut odd = text.clone();
    odd.replace_range(11..12, "z");
    let digest = parse(odd.as_bytes(), Format::Gnu, Algorithm::Sha512, FILE);
    assert_eq!(digest, Err(Error::Malformed { line: 2 }));
}

/// The forms that the publishers of the catalogue's images have.
#[test]
fn lines_of_publishers() {
    let (a, b) = (hex(Algorithm::Sha256, 'a'), hex(Algorithm::Sha256, 'b'));
    for (text, format, file) in [
        // Ubuntu
        (
            format!(
                "{b} *ubuntu-26.04-server-cloudimg-amd64v3.img\n{a} *ubuntu-26.04-server-cloudimg-amd64.img\n"
            ),
            Format::Gnu,
            "ubuntu-26.04-server-cloudimg-amd64.img",
        ),
        // AlmaLinux
        (
            format!(
                "{b}  AlmaLinux-9-GenericCloud-ext4-latest.aarch64.qcow2\n\
                 {a}  AlmaLinux-9-GenericCloud-latest.aarch64.qcow2\n"
            ),
            Format::Gnu,
            "AlmaLinux-9-GenericCloud-latest.aarch64.qcow2",
        ),
        // openSUSE, in some of its releases with one space
        (
            format!("{a} Leap-16.0-Minimal-VM.aarch64-Cloud.qcow2\n"),
            Format::Gnu,
            "Leap-16.0-Minimal-VM.aarch64-Cloud.qcow2",
        ),
        // Rocky, CentOS
        (
            format!(
                "# Rocky-9-GenericCloud-Base.latest.x86_64.qcow2: 619314176 bytes\n\
                 SHA256 (Rocky-9-GenericCloud-Base.latest.x86_64.qcow2) = {a}\n"
            ),
            Format::Bsd,
            "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2",
        ),
        // FreeBSD
        (
            format!(
                "SHA256 (FreeBSD-15.1-RELEASE-amd64-BASIC-CLOUDINIT-ufs.raw.xz) = {b}\n\
                 SHA256 (FreeBSD-15.1-RELEASE-amd64-BASIC-CLOUDINIT-ufs.qcow2.xz) = {a}\n"
            ),
            Format::Bsd,
            "FreeBSD-15.1-RELEASE-amd64-BASIC-CLOUDINIT-ufs.qcow2.xz",
        ),
    ] {
        let digest = parse(text.as_bytes(), format, Algorithm::Sha256, file);
        assert_eq!(digest.map(|digest| digest.hex().to_owned()), Ok(a.clone()), "{text}");
    }
}

/// As the builds of Fedora CoreOS have it.
#[test]
fn json_documents() {
    let (a, b) = (hex(Algorithm::Sha256, 'a'), hex(Algorithm::Sha256, 'b'));
    let build = |sha256: &str| {
        format!(
            r#"{{"buildid": "44.1", "images": {{
                "metal": {{"path": "metal.raw.xz", "sha256": "{b}", "size": 1}},
                "qemu": {{"path": "{FILE}", "sha256": {sha256}, "uncompressed-sha256": "{b}"}}
            }}}}"#
        )
    };
    assert_eq!(sha256(&build(&format!("\"{a}\"")), Format::Json), Ok(a.clone()));
    let stream = format!(r#"[{{"link": "https://example.org/x/{FILE}", "sha256": "{a}"}}]"#);
    assert_eq!(sha256(&stream, Format::Json), Ok(a.clone()));
    let twice = format!("[{stream}, {stream}]");
    assert_eq!(sha256(&twice, Format::Json), Ok(a.clone()));

    let not_one = Error::NotOne { algorithm: Algorithm::Sha256 };
    let long = hex(Algorithm::Sha512, 'c');
    for (text, error) in [
        (build("7"), not_one.clone()),
        (build(&format!("\"{}\"", &a[1..])), not_one.clone()),
        (build(&format!("\"{long}\"")), not_one.clone()),
        (format!("[{stream}, {}]", stream.replace(&a, &b)), not_one),
        (stream.replace(FILE, "other"), Error::NotListed { algorithm: Algorithm::Sha256 }),
        (stream.replace("sha256", "sha1"), Error::NotListed { algorithm: Algorithm::Sha256 }),
        ("{\n<html>".into(), Error::NotJson { line: 2 }),
    ] {
        assert_eq!(sha256(&text, Format::Json), Err(error), "{text}");
    }
}

#[test]
fn bare_digits() {
    let a = hex(Algorithm::Sha256, 'a');
    assert_eq!(sha256(&format!("{a}\n"), Format::Bare), Ok(a.clone()));
    assert_eq!(sha256(&format!("{a}  whatever"), Format::Bare), Ok(a));
}

#[test]
fn each_malformed_shape() {
    let (a, b) = (hex(Algorithm::Sha256, 'a'), hex(Algorithm::Sha256, 'b'));
    let none = Error::NotListed { algorithm: Algorithm::Sha256 };
    for (text, format, error) in [
        (String::new(), Format::Gnu, none.clone()),
        (format!("{a}  other"), Format::Gnu, none.clone()),
        (format!("{a}  xdisk.qcow2"), Format::Gnu, none.clone()),
        (a.clone(), Format::Gnu, none.clone()),
        (format!("{}  {FILE}", &a[1..]), Format::Gnu, Error::Malformed { line: 1 }),
        (format!("z{}  {FILE}", &a[1..]), Format::Gnu, Error::Malformed { line: 1 }),
        (format!("{a}  {FILE}\n{b}  {FILE}"), Format::Gnu, Error::Ambiguous { line: 2 }),
        (format!("SHA1 ({FILE}) = {a}"), Format::Bsd, none.clone()),
        (format!("SHA256 ({FILE}) = "), Format::Bsd, Error::Malformed { line: 1 }),
        (format!("SHA256 ({FILE} = {a}"), Format::Bsd, none.clone()),
        ("<html>gone</html>".into(), Format::Bare, Error::Malformed { line: 1 }),
        (hex(Algorithm::Sha512, 'a'), Format::Bare, none),
    ] {
        assert_eq!(sha256(&text, format), Err(error), "{text}");
    }
    assert_eq!(parse(b"\xff\xfe", Format::Gnu, Algorithm::Sha256, FILE), Err(Error::NotText));
}
