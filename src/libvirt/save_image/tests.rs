use super::*;

/// The front of an image that libvirt 11.3.0 saved of a running domain, its definition cut down; the padding that
/// `virsh save` leaves is kept.
fn image(magic: &[u8; 16], version: u32, cookie: bool) -> Vec<u8> {
    let definition = b"<domain type='qemu'><name>a</name><uuid>7</uuid></domain>\0";
    let cookie_text = b"<cookie>\n  <slirpHelper/>\n</cookie>\0";
    let mut data = definition.to_vec();
    let offset = if cookie { data.len() } else { 0 };
    if cookie {
        data.extend_from_slice(cookie_text);
    }
    data.resize(data.len() + 1024, 0);
    let mut bytes = magic.to_vec();
    for number in [version, data.len() as u32, 1, 0, offset as u32] {
        bytes.extend_from_slice(&number.to_ne_bytes());
    }
    bytes.resize(HEADER, 0);
    bytes.extend(data);
    bytes.extend_from_slice(b"QEVM stream");
    bytes
}

fn file(bytes: &[u8]) -> File {
    let file = tempfile::tempfile().expect("makes");
    file.write_all_at(bytes, 0).expect("writes");
    file
}

fn refusal(bytes: &[u8]) -> String {
    SaveImage::read(&file(bytes)).expect_err("is refused").to_string()
}

#[test]
fn another_definition_takes_the_place_of_the_old_and_all_else_stays() {
    for cookie in [true, false] {
        let old = image(MAGIC, 2, cookie);
        let copy = file(&old);
        let read = SaveImage::read(&copy).expect("reads");
        assert_eq!(read.domain.find_text("name").as_deref(), Some("a"));
        assert!(read.was_running && read.format == 0 && read.cookie.is_some() == cookie);
        let name = "much-longer-than-before".repeat(20);
        let domain = Element::new("domain").child(Element::new("name").text(&name));
        read.write_to(&copy, &domain).expect("writes");
        let again = SaveImage::read(&copy).expect("reads");
        assert_eq!(again.domain.find_text("name").as_deref(), Some(name.as_str()));
        assert_eq!((&again.cookie, again.data_length), (&read.cookie, read.data_length));
        let mut stream = [0; 11];
        copy.read_exact_at(&mut stream, (HEADER + read.data_length) as u64).expect("reads");
        assert_eq!(&stream, b"QEVM stream");
        assert_eq!(copy.metadata().expect("is").len(), old.len() as u64);
    }
}

#[test]
fn a_definition_that_is_too_long_is_refused_and_nothing_is_written() {
    let old = image(MAGIC, 2, true);
    let copy = file(&old);
    let domain = Element::new("domain").child(Element::new("name").text("x".repeat(2000)));
    let error = SaveImage::read(&copy).expect("reads").write_to(&copy, &domain).expect_err("is refused");
    assert!(matches!(error, SaveImageError::TooLong { .. }), "{error}");
    let mut now = vec![0; old.len()];
    copy.read_exact_at(&mut now, 0).expect("reads");
    assert_eq!(now, old);
}

#[test]
fn what_is_no_whole_image_is_refused_by_what_it_is() {
    assert_eq!(refusal(&image(MAGIC_PARTIAL, 2, true)), "it is incomplete");
    assert_eq!(refusal(&image(b"LibvirtQemudXXXX", 2, true)), "it is not a saved state of libvirt's");
    assert_eq!(refusal(b""), "it is not a saved state of libvirt's");
    assert_eq!(refusal(&image(MAGIC, 2, true)[..200]), "it is not a saved state of libvirt's");
    // Of a host of the other byte order.
    let swapped = image(MAGIC, 2_u32.swap_bytes(), true);
    assert_eq!(refusal(&swapped), "it has version 33554432, and only version 2 is understood");
    for version in [0, 1, 3] {
        assert!(refusal(&image(MAGIC, version, true)).contains("only version 2"));
    }
    // Lengths that lead out of it.
    for length in [0, u32::MAX] {
        let mut bytes = image(MAGIC, 2, true);
        bytes[20..24].copy_from_slice(&u32::to_ne_bytes(length));
        assert_eq!(refusal(&bytes), "it is not a saved state of libvirt's");
    }
    let mut bytes = image(MAGIC, 2, true);
    bytes[32..36].copy_from_slice(&u32::to_ne_bytes(1 << 20));
    assert_eq!(refusal(&bytes), "it is not a saved state of libvirt's");
    let mut bytes = image(MAGIC, 2, true);
    bytes[HEADER..HEADER + 8].copy_from_slice(b"<domain<");
    assert_eq!(refusal(&bytes), "the definition in it cannot be used");
}
