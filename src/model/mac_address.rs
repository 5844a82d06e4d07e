use std::fmt;
use std::str::FromStr;

use super::Invalid;
use crate::model::Uuid;

/// The hardware address of one network interface, such as `52:54:00:12:34:56`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// An address of QEMU's range, 52:54:00, as libvirt makes them.
    pub fn random() -> Self {
        let bytes = *Uuid::new_v4().as_bytes();
        Self::of_qemu([bytes[0], bytes[1], bytes[2]])
    }

    /// The address of QEMU's range that ends in these bytes.
    pub fn of_qemu(end: [u8; 3]) -> Self {
        Self([0x52, 0x54, 0x00, end[0], end[1], end[2]])
    }
}

impl FromStr for MacAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Invalid::new("MAC address", text, reason);
        let form = || refuse("expected 52:54:00:12:34:56");
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part =
                parts.next().filter(|part| part.len() == 2 && !part.starts_with('+')).ok_or_else(form)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| form())?;
        }
        if parts.next().is_some() {
            return Err(form());
        }
        if bytes[0] & 1 == 1 {
            return Err(refuse("it is a multicast address"));
        }
        if bytes == [0; 6] {
            return Err(refuse("no interface has it"));
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_one() {
        assert_eq!(
            "52:54:00:AB:cd:0e".parse::<MacAddress>().map(|mac| mac.to_string()),
            Ok("52:54:00:ab:cd:0e".into())
        );
        assert!(MacAddress::random().to_string().parse::<MacAddress>().is_ok());
    }

    #[test]
    fn addresses_that_no_interface_can_have_are_refused() {
        for text in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:0e:01",
            "52:54:0:ab:cd:0e",
            "01:54:00:ab:cd:0e",
            "00:00:00:00:00:00",
            "52-54-00-ab-cd-0e",
            "52:54:00:ab:cd:+e",
            "52:54:00:ab:cd:\u{e9}",
        ] {
            assert!(text.parse::<MacAddress>().is_err(), "{text:?}");
        }
    }
}
