use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The longest that there is: the two bytes of the type and 128 more (RFC 8415, section 11.1).
const LONGEST: usize = 130;

/// The id that a guest gives of itself to DHCPv6, such as `00:03:00:01:52:54:00:12:34:56`. One guest has one, whatever
/// its interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Duid(Vec<u8>);

impl Duid {
    /// The hardware address in it, in lower case, if it was made of one: types 1 (DUID-LLT) and 3 (DUID-LL) for Ethernet.
    pub fn mac(&self) -> Option<String> {
        let mac = match self.0.as_slice() {
            [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] if mac.len() == 6 => mac,
            _ => return None,
        };
        Some(hexadecimal(mac))
    }
}

impl FromStr for Duid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || {
            let form = "expected bytes of one or two hexadecimal digits with colons, such as 00:03:00:01:52:54:00:12:34:56";
            Invalid::new("DUID", text, form)
        };
        let byte = |part: &str| {
            let is_byte = (1..=2).contains(&part.len()) && part.chars().all(|c| c.is_ascii_hexdigit());
            is_byte.then(|| u8::from_str_radix(part, 16).ok()).flatten()
        };
        let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
        match bytes {
            Some(bytes) if (3..=LONGEST).contains(&bytes.len()) => Ok(Self(bytes)),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Duid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duid(text: &str) -> Duid {
        text.parse().expect("valid")
    }

    #[test]
    fn all_spellings_of_one_are_equal() {
        assert_eq!(duid("0:3:0:1:52:54:0:AA:0:1"), duid("00:03:00:01:52:54:00:aa:00:01"));
        assert_eq!(duid("0:3:0:1:52:54:0:AA:0:1").to_string(), "00:03:00:01:52:54:00:aa:00:01");
    }

    #[test]
    fn a_hardware_address_is_found_in_it() {
        for (text, mac) in [
            ("00:01:00:01:2e:00:00:00:52:54:00:AA:00:01", Some("52:54:00:aa:00:01")),
            ("00:03:00:01:52:54:00:aa:00:01", Some("52:54:00:aa:00:01")),
            // By machine-id, as systemd makes them; of a shorter address; of another hardware.
            ("00:02:00:00:ab:11:01:02:03:04:05:06:07:08", None),
            ("00:03:00:01:52:54:00", None),
            ("00:03:00:06:52:54:00:aa:00:01", None),
        ] {
            assert_eq!(duid(text).mac().as_deref(), mac, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = ["00"; 131].join(":");
        for text in ["", "web", "00:03", "00:03:", "00:03:001", "00:03:+1", "00-03-00-01", long.as_str()] {
            assert!(text.parse::<Duid>().is_err(), "{text:?}");
        }
    }
}
