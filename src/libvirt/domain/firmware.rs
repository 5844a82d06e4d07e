//! The file in which a domain's firmware keeps its variables.

use super::definition::Domain;
use super::edit;
use crate::libvirt::xml::{Element, Node};
use crate::libvirt::{DomainDefinitions, Error};
use crate::model::Uuid;

/// What libvirt makes that file of at the first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvramTemplate {
    /// The file.
    pub path: String,
    /// Whether it is a qcow2, not the bytes as they are.
    pub is_qcow2: bool,
}

impl Domain {
    /// What its firmware's variables are made of. libvirt decides that with the firmware: since 8.6 when a domain is
    /// defined, before that at each start.
    pub fn nvram_template(&self) -> Option<NvramTemplate> {
        let nvram = self.tree.find("os/nvram")?;
        let path = nvram.attribute("template")?.to_owned();
        Some(NvramTemplate { path, is_qcow2: nvram.attribute("templateFormat") == Some("qcow2") })
    }

    /// Whether the file with its firmware's variables is a qcow2, which internal snapshots need.
    pub fn has_qcow2_nvram(&self) -> bool {
        self.tree.find_attribute("os/nvram", "format") == Some("qcow2")
    }
}

impl DomainDefinitions<'_> {
    /// Has the domain keep its firmware's variables in that qcow2, which is there, from its next start on. The firmware stays
    /// the one that libvirt has chosen; the file is its own template, for libvirt 12.8 starts no domain whose template is of
    /// another format, though it has nothing to make of it (11.3 does).
    ///
    /// # Errors
    /// When it is gone, or libvirt refuses it.
    pub async fn set_qcow2_nvram(self, uuid: Uuid, path: &str) -> Result<(), Error> {
        self.change(uuid, |domain| put_qcow2(domain, path)).await
    }

    /// Has the domain keep them in a raw file that libvirt makes.
    ///
    /// # Errors
    /// When it is gone, or libvirt refuses it.
    pub async fn set_raw_nvram(self, uuid: Uuid) -> Result<(), Error> {
        self.change(uuid, put_raw).await
    }
}

/// `<nvram>` of a new domain: libvirt adds the template.
pub(super) fn qcow2_nvram(path: &str) -> Element {
    Element::new("nvram").with("format", "qcow2").text(path)
}

fn put_qcow2(domain: &mut Element, path: &str) {
    let Some(os) = domain.find_mut("os") else { return };
    let Some(nvram) = os.find_mut("nvram") else { return };
    nvram.children = vec![Node::Text(path.to_owned())];
    edit::remove_attribute(nvram, "type");
    for (name, value) in [("format", "qcow2"), ("template", path), ("templateFormat", "qcow2")] {
        nvram.set_attribute(name, value);
    }
    // Else libvirt chooses the template anew, and the firmware by its template.
    edit::remove_attribute(os, "firmware");
    edit::remove_children(os, "firmware");
}

fn put_raw(domain: &mut Element) {
    let Some(nvram) = domain.find_mut("os/nvram") else { return };
    nvram.children.clear();
    for name in ["type", "format"] {
        edit::remove_attribute(nvram, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Firmware;

    /// As libvirt 11.3 stores it.
    const RAW: &str = "<domain><os firmware='efi'><loader readonly='yes' type='pflash' format='raw'>/C.fd</loader>\
        <nvram template='/V.fd' templateFormat='raw' format='raw'>/n/web_VARS.fd</nvram></os></domain>";

    #[test]
    fn a_qcow2_is_its_own_template_and_the_firmware_stays() {
        let older = RAW.replace(" templateFormat='raw' format='raw'", "");
        for raw in [RAW, &older] {
            let mut tree = Element::parse(raw).expect("parses");
            put_qcow2(&mut tree, "/p/web_VARS.qcow2");
            let domain = Domain::parse(&tree.to_document().expect("writes")).expect("parses");
            let template = NvramTemplate { path: "/p/web_VARS.qcow2".into(), is_qcow2: true };
            assert_eq!(domain.nvram().as_deref(), Some("/p/web_VARS.qcow2"));
            assert_eq!((domain.nvram_template(), domain.has_qcow2_nvram()), (Some(template), true));
            let os = tree.find("os").expect("is there");
            assert_eq!((os.attribute("firmware"), domain.firmware), (None, Firmware::Efi));
            assert_eq!(tree.find_text("os/loader").as_deref(), Some("/C.fd"));
        }
        let mut none = Element::parse("<domain><os/></domain>").expect("parses");
        put_qcow2(&mut none, "/p");
        assert!(none.find("os/nvram").is_none());
    }

    #[test]
    fn a_raw_file_is_libvirts_to_name() {
        let mut tree = Element::parse(&RAW.replace("format='raw'>/n", "format='qcow2'>/n")).expect("parses");
        put_raw(&mut tree);
        let domain = Domain::parse(&tree.to_document().expect("writes")).expect("parses");
        assert_eq!((domain.nvram(), domain.has_qcow2_nvram()), (None, false));
        let template = NvramTemplate { path: "/V.fd".into(), is_qcow2: false };
        assert_eq!(domain.nvram_template(), Some(template));
    }
}
