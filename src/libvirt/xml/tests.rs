use super::*;

#[test]
fn what_is_not_touched_stays() {
    let document = "<domain type=\"qemu\" xmlns:q=\"u\">\n  <!-- mine -->\n  <name>web</name>\n  <q:x a=\"1\"/>\n</domain>";
    let tree = Element::parse(document).expect("parses");
    assert_eq!(tree.to_document().expect("writes"), document);
}

#[test]
fn values_are_escaped_and_come_back() {
    let hostile = "</name><x a='1'>&amp;\"";
    let tree = Element::new("domain").with("title", hostile).child(Element::new("name").text(hostile));
    let document = tree.to_document().expect("writes");
    assert!(!document.contains("<x a="), "{document}");
    let back = Element::parse(&document).expect("parses");
    assert_eq!((back.attribute("title"), back.find_text("name").as_deref()), (Some(hostile), Some(hostile)));
}

#[test]
fn references_are_resolved() {
    let tree = Element::parse("<a b='&#x41;&lt;'>x &amp; &#66;</a>").expect("parses");
    assert_eq!((tree.attribute("b"), tree.content().as_str()), (Some("A<"), "x & B"));
}

#[test]
fn paths_lead_to_elements() {
    let tree = Element::parse("<domain><os><type machine='q35'>hvm</type></os></domain>").expect("parses");
    assert_eq!(tree.find_attribute("os/type", "machine"), Some("q35"));
    assert_eq!(tree.find_text("os/type"), Some("hvm".into()));
    assert_eq!(tree.find("os/nothing"), None);
}

#[test]
fn malformed_documents_are_errors() {
    for document in
        ["", "text", "<a>", "<a></b>", "<a b=1/>", "<a><b></a>", &"<a>".repeat(100), "<a b='&x;'/>"]
    {
        assert!(Element::parse(document).is_err(), "{document:?}");
    }
}

/// Well-formed documents whose depth is all that is odd about them.
fn nested(levels: usize) -> String {
    format!("{}{}", "<a b='c'>".repeat(levels), "</a>".repeat(levels))
}

#[test]
fn a_deep_document_needs_no_deep_stack() {
    // Threads have 2 MiB, the main one has 8.
    let work = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let tree = Element::parse(&nested(read::MAX_DEPTH)).expect("parses");
        let copy = tree.clone();
        assert!(copy == tree);
        let back = Element::parse(&copy.to_document().expect("writes")).expect("parses");
        assert_eq!(back.find(&vec!["a"; read::MAX_DEPTH - 1].join("/")).map(Element::local_name), Some("a"));
        assert!(format!("{back:?}").len() > read::MAX_DEPTH);
    });
    work.expect("starts").join().expect("no overflow");
    let deeper = Element::parse(&nested(read::MAX_DEPTH + 1));
    assert!(matches!(deeper, Err(XmlError::TooDeep)), "{deeper:?}");
    assert!(matches!(Element::parse(&nested(1_000_000)), Err(XmlError::TooDeep)));
}

#[test]
fn what_libvirt_does_not_escape_is_read_as_it_is() {
    let tree = Element::parse("<a b='x\ty\nz'>1\t2\r3</a>").expect("parses");
    assert_eq!((tree.attribute("b"), tree.raw_content().as_str()), (Some("x\ty\nz"), "1\t2\r3"));
    let document = tree.to_document().expect("writes");
    assert_eq!(document, "<a b=\"x&#9;y&#10;z\">1\t2&#13;3</a>");
}

#[test]
fn a_character_that_xml_lacks_is_an_error() {
    for odd in ['\0', '\u{1b}', '\u{fffe}', '\u{8}'] {
        let value = format!("a{odd}b");
        for tree in [Element::new("a").with("b", &value), Element::new("a").text(&value)] {
            let written = tree.to_document();
            assert!(matches!(&written, Err(XmlError::Character { character, .. }) if *character == odd));
        }
    }
}

#[test]
fn any_string_comes_back() {
    use proptest::prelude::*;
    let legal = prop_oneof![
        3 => proptest::sample::select(vec!['\t', '\n', '\r', ' ', '<', '>', '&', '\'', '"', ';', '#', ']', '-']),
        3 => proptest::char::range(' ', '\u{d7ff}'),
        1 => proptest::char::range('\u{e000}', '\u{fffd}'),
        1 => proptest::char::range('\u{10000}', char::MAX),
    ];
    let strings = proptest::collection::vec(legal, 0..40).prop_map(String::from_iter);
    proptest!(|(value in strings.clone(), text in strings)| {
        let tree = Element::new("a").with("v", &value).child(Element::new("b").text(&text));
        for document in [tree.to_document().expect("writes"), tree.to_line().expect("writes")] {
            let back = Element::parse(&document).expect("parses");
            prop_assert_eq!(back.attribute("v"), Some(value.as_str()));
            prop_assert_eq!(back.find("b").map(Element::raw_content), Some(text.clone()));
        }
    });
}

#[test]
fn a_namespace_may_be_declared_anywhere() {
    for document in [
        "<domain><metadata><v:vm xmlns:v='urn:v'/></metadata></domain>",
        "<domain><metadata xmlns:x='urn:v'><vm/><y:vm/><x:vm/></metadata></domain>",
        "<domain xmlns:x='urn:v'><metadata><x:vm/></metadata></domain>",
        "<domain><metadata><vm xmlns='urn:v'/></metadata></domain>",
        "<domain xmlns:v='urn:other'><metadata><v:vm/><v:vm xmlns:v='urn:v'/></metadata></domain>",
    ] {
        let mut tree = Element::parse(document).expect("parses");
        assert!(tree.find_qualified("metadata", "urn:v", "vm").is_some(), "{document}");
        assert!(tree.find_qualified("metadata", "urn:none", "vm").is_none(), "{document}");
        tree.find_qualified_mut("metadata", "urn:v", "vm").expect("found").set_attribute("seen", "yes");
        let seen = tree.find_qualified("metadata", "urn:v", "vm").and_then(|vm| vm.attribute("seen"));
        assert_eq!(seen, Some("yes"), "{document}");
    }
    let bare = Element::parse("<domain xmlns:v='urn:v'><v:vm/></domain>").expect("parses");
    assert!(bare.find_qualified("", "urn:v", "vm").is_some());
}
