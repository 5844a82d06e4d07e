//! What machines libvirt can make on its host.

use super::Client;
use super::command::Command;
use crate::libvirt::Error;
use crate::libvirt::xml::{Element, XmlError};

/// What a domain of the machine q35 may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainCapabilities {
    /// A firmware of UEFI is installed.
    pub efi: bool,
    /// One with Secure Boot is.
    pub secure_boot: bool,
    /// The emulator of a TPM is installed.
    pub tpm: bool,
}

impl DomainCapabilities {
    /// Reads `domcapabilities`' output.
    fn parse(document: &str) -> Result<Self, XmlError> {
        let tree = Element::parse(document)?;
        let efi = lists(tree.find("os"), "firmware", "efi");
        Ok(Self {
            efi,
            secure_boot: efi && lists(tree.find("os/loader"), "secure", "yes"),
            tpm: lists(tree.find("devices/tpm"), "backendModel", "emulator"),
        })
    }
}

/// Whether an `<enum>` of the element has the value.
fn lists(element: Option<&Element>, name: &str, value: &str) -> bool {
    let mut enums = element.into_iter().flat_map(|element| element.all("enum"));
    enums
        .find(|list| list.attribute("name") == Some(name))
        .is_some_and(|list| list.all("value").any(|known| known.content().trim() == value))
}

impl Client {
    /// What emulated domains may have; those with KVM may have the same.
    ///
    /// # Errors
    /// When there is no QEMU, or the connection fails.
    pub async fn domain_capabilities(&self) -> Result<DomainCapabilities, Error> {
        const WORDS: &str = "domcapabilities --virttype qemu --machine q35";
        let document = self.call(Command::new(WORDS)).await?;
        DomainCapabilities::parse(&document).map_err(|error| Error::Unexpected {
            command: format!("virsh {WORDS}"),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // libvirt 11.3.0, QEMU 10.0.2: `domcapabilities --virttype qemu --machine q35`, other elements left out
    const FULL: &str = "<domainCapabilities>
  <os supported='yes'>
    <enum name='firmware'>
      <value>efi</value>
    </enum>
    <loader supported='yes'>
      <value>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</value>
      <enum name='readonly'>
        <value>yes</value>
        <value>no</value>
      </enum>
      <enum name='secure'>
        <value>yes</value>
        <value>no</value>
      </enum>
    </loader>
  </os>
  <devices>
    <tpm supported='yes'>
      <enum name='model'>
        <value>tpm-tis</value>
      </enum>
      <enum name='backendModel'>
        <value>passthrough</value>
        <value>emulator</value>
      </enum>
    </tpm>
  </devices>
</domainCapabilities>";

    #[test]
    fn recorded_output() {
        let all = DomainCapabilities { efi: true, secure_boot: true, tpm: true };
        assert_eq!(DomainCapabilities::parse(FULL).expect("parses"), all);
        let bare = FULL.replace("<value>efi</value>", "").replace("<value>emulator</value>", "");
        let none = DomainCapabilities { efi: false, secure_boot: false, tpm: false };
        assert_eq!(DomainCapabilities::parse(&bare).expect("parses"), none);
    }
}
