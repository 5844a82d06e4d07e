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
    /// Has the domain keep its firmware's variables in that file, a qcow2, from its next start on; with `None` in a raw
    /// one that libvirt makes.
    ///
    /// # Errors
    /// When it is gone, or libvirt refuses it.
    pub async fn set_nvram(self, uuid: Uuid, qcow2: Option<&str>) -> Result<(), Error> {
        self.change(uuid, |domain| put(domain, qcow2)).await
    }

    /// As [`DomainDefinitions::set_nvram`], with that file, which is there, as its own template. The firmware stays what
    /// libvirt has chosen.
    ///
    /// # Errors
    /// As there.
    pub async fn set_nvram_of_itself(self, uuid: Uuid, qcow2: &str) -> Result<(), Error> {
        self.change(uuid, |domain| put_of_itself(domain, qcow2)).await
    }
}

/// `<nvram>` of a new domain: libvirt adds the template.
pub(super) fn qcow2_nvram(path: &str) -> Element {
    Element::new("nvram").with("format", "qcow2").text(path)
}

fn put(domain: &mut Element, qcow2: Option<&str>) {
    let Some(nvram) = domain.find_mut("os/nvram") else { return };
    nvram.children.clear();
    edit::remove_attribute(nvram, "type");
    match qcow2 {
        Some(path) => {
            nvram.children.push(Node::Text(path.to_owned()));
            nvram.set_attribute("format", "qcow2");
            // Else libvirt takes it to be as the file is, and finds no such firmware.
            if nvram.attribute("template").is_some() && nvram.attribute("templateFormat").is_none() {
                nvram.set_attribute("templateFormat", "raw");
            }
        }
        None => drop(edit::remove_attribute(nvram, "format")),
    }
}

fn put_of_itself(domain: &mut Element, qcow2: &str) {
    put(domain, Some(qcow2));
    let Some(os) = domain.find_mut("os") else { return };
    // Else libvirt chooses the template anew, and the firmware by its template.
    edit::remove_attribute(os, "firmware");
    edit::remove_children(os, "firmware");
    if let Some(nvram) = os.find_mut("nvram") {
        nvram.set_attribute("template", qcow2);
        nvram.set_attribute("templateFormat", "qcow2");
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
    fn what_is_put_is_read_and_can_be_put_back() {
        let mut tree = Element::parse(RAW).expect("parses");
        put(&mut tree, Some("/p/web_VARS.qcow2"));
        let domain = Domain::parse(&tree.to_document().expect("writes")).expect("parses");
        assert_eq!((domain.nvram().as_deref(), domain.has_qcow2_nvram()), (Some("/p/web_VARS.qcow2"), true));
        let template = NvramTemplate { path: "/V.fd".into(), is_qcow2: false };
        assert_eq!(domain.nvram_template(), Some(template.clone()));
        put(&mut tree, None);
        let domain = Domain::parse(&tree.to_document().expect("writes")).expect("parses");
        assert_eq!((domain.nvram(), domain.has_qcow2_nvram()), (None, false));
        assert_eq!(domain.nvram_template(), Some(template));
    }

    #[test]
    fn an_older_libvirts_template_is_raw() {
        let older = RAW.replace(" templateFormat='raw' format='raw'", "");
        let mut tree = Element::parse(&older).expect("parses");
        put(&mut tree, Some("/p"));
        assert_eq!(tree.find_attribute("os/nvram", "templateFormat"), Some("raw"));
        let mut none = Element::parse("<domain><os/></domain>").expect("parses");
        put(&mut none, Some("/p"));
        assert!(none.find("os/nvram").is_none());
    }

    #[test]
    fn a_file_that_is_its_own_template_leaves_the_firmware_as_it_is() {
        let mut tree = Element::parse(RAW).expect("parses");
        put_of_itself(&mut tree, "/p/web_VARS.qcow2");
        let domain = Domain::parse(&tree.to_document().expect("writes")).expect("parses");
        let template = NvramTemplate { path: "/p/web_VARS.qcow2".into(), is_qcow2: true };
        assert_eq!((domain.nvram_template(), domain.has_qcow2_nvram()), (Some(template), true));
        assert_eq!(
            (tree.find("os").expect("is there").attribute("firmware"), domain.firmware),
            (None, Firmware::Efi)
        );
        assert_eq!(tree.find_text("os/loader").as_deref(), Some("/C.fd"));
    }
}
