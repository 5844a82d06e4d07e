//! The names of disks: a prefix that tells the bus, then letters that count in base 26 without a zero
//! (`vdz` is followed by `vdaa`), as libvirt's `virDiskNameParse` and `virIndexToDiskName` read and write them.

use super::Bus;

/// libvirt's own list.
const PREFIXES: [&str; 6] = ["fd", "hd", "vd", "sd", "xvd", "ubd"];

/// The prefix of the names on a bus; `None` for a bus whose names have another form.
pub(super) fn prefix(bus: &Bus) -> Option<&'static str> {
    match bus {
        Bus::Virtio => Some("vd"),
        Bus::Sata | Bus::Scsi | Bus::Usb => Some("sd"),
        Bus::Ide => Some("hd"),
        Bus::Fdc => Some("fd"),
        Bus::Other(_) => None,
    }
}

/// The bus that a name implies where a definition gives none.
pub(super) fn implied_bus(target: &str) -> Option<Bus> {
    let bus = match split(target)?.0 {
        "fd" => Bus::Fdc,
        "hd" => Bus::Ide,
        "vd" => Bus::Virtio,
        "sd" => Bus::Scsi,
        "xvd" => Bus::Other("xen".into()),
        _ => Bus::Other("uml".into()),
    };
    Some(bus)
}

/// The position that a name stands for: 0 for `vda`, 26 for `vdaa`. A partition's number does not count.
pub(super) fn index(target: &str) -> Option<u32> {
    let letters = split(target)?.1;
    let mut index: u32 = 0;
    for (position, letter) in letters.bytes().enumerate() {
        let carry = u32::from(position > 0);
        index = (index + carry).checked_mul(26)?.checked_add(u32::from(letter - b'a'))?;
    }
    Some(index)
}

/// The name at a position.
pub(super) fn name(prefix: &str, index: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = i64::from(index);
    while rest >= 0 {
        letters.push(b'a' + u8::try_from(rest % 26).unwrap_or_default());
        rest = rest / 26 - 1;
    }
    prefix.chars().chain(letters.into_iter().rev().map(char::from)).collect()
}

fn split(target: &str) -> Option<(&'static str, &str)> {
    let prefix = PREFIXES.into_iter().find(|prefix| target.starts_with(prefix))?;
    let rest = &target[prefix.len()..];
    let letters = rest.trim_end_matches(|character: char| character.is_ascii_digit());
    (!letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_lowercase()))
        .then_some((prefix, letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_past_z() {
        for (at, expected) in
            [(0, "vda"), (25, "vdz"), (26, "vdaa"), (51, "vdaz"), (52, "vdba"), (701, "vdzz"), (702, "vdaaa")]
        {
            assert_eq!(name("vd", at), expected);
            assert_eq!(index(expected), Some(at));
        }
    }

    #[test]
    fn what_is_no_such_name_has_no_position() {
        for odd in ["", "vd", "vdA", "nvme0n1", "mmcblk0", "vd1", "sd-a", "vdzzzzzzzzzzzz"] {
            assert_eq!(index(odd), None, "{odd}");
        }
        assert_eq!(index("sdb1"), Some(1));
        assert_eq!(implied_bus("xvda"), Some(Bus::Other("xen".into())));
    }
}
