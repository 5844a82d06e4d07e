//! A domain's definition made into that of a copy of it.
//!
//! Two machines must not write one file, listen on one port or answer to one address. What a definition
//! names of its host, and what identifies its machine, is listed in [`table`]: for each element there, it is
//! made the copy's own, removed so that libvirt makes another, rightly shared, or a reason not to copy. All
//! that no row names stays as the source has it; but a path that no row names is such a reason, too, since a
//! later libvirt may have elements that this version does not know.

mod character_device;
mod command_line;
mod disk;
mod graphics;
mod interface;
mod machine;
mod obstacle;
mod table;

pub use obstacle::{Conflict, CopyNeeds, HostPort, NotCopyable, Obstacle};

use std::collections::HashMap;

use super::complete::{CompleteDefinition, NewDomain};
use super::definition::Domain;
use super::metadata::{Metadata, NAMESPACES};
use super::{edit, monitor, namespace};
use crate::libvirt::xml::{Element, Node};
use crate::model::{Uuid, VmName};
use table::Treatment;

/// What a copy of a domain has of its own. All else stays as its source has it.
#[derive(Debug, Clone)]
pub struct DomainCopy {
    /// Its name.
    pub name: VmName,
    /// Its UUID.
    pub uuid: Uuid,
    /// vmtools' record of it.
    pub metadata: Metadata,
    /// The files that take the places of the source's, by the source's paths: disks, logs, what the firmware
    /// hands on.
    pub files: HashMap<String, CopiedFile>,
    /// The files that take the places of the source's disks, by the disks' targets. For disks that are not files:
    /// the others may be in `files`.
    pub disks: HashMap<String, CopiedFile>,
    /// The file of its firmware's variables; `None` lets libvirt make a new one.
    pub nvram: Option<String>,
    /// The addresses of its network interfaces, in order.
    pub macs: Vec<String>,
    /// The ports of the host that take the places of the source's.
    pub ports: HashMap<u16, u16>,
    /// The socket of vmtools' own QMP monitor; without one it has no such monitor.
    pub qmp_socket: Option<String>,
    /// The socket of its screen's VNC; `None` lets libvirt make one.
    pub vnc_socket: Option<String>,
}

/// A file that takes another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedFile {
    /// The file.
    pub path: String,
    /// The image's format, such as `qcow2`.
    pub format: String,
}

impl DomainCopy {
    /// The definition, made of the source's.
    ///
    /// # Errors
    /// When the two would share what only one can have.
    pub fn definition(&self, source: &CompleteDefinition) -> Result<NewDomain, NotCopyable> {
        let (tree, obstacles) = self.made_of(source.tree());
        if obstacles.is_empty() {
            return Ok(NewDomain::copied(tree));
        }
        Err(NotCopyable { obstacles })
    }

    /// The definition in a saved state of the source, made the copy's. It is for the state alone: see
    /// [`Domain::forked_from`].
    ///
    /// # Errors
    /// When the two would share what only one can have.
    pub fn saved_definition(&self, saved: &Element) -> Result<Element, NotCopyable> {
        let (tree, obstacles) = self.made_of(saved);
        if obstacles.is_empty() { Ok(tree) } else { Err(NotCopyable { obstacles }) }
    }

    /// What a copy of the domain needs of its own before it can be made, and what forbids one.
    pub fn needs(source: &Domain) -> CopyNeeds {
        let Ok(name) = "copy".parse() else { return CopyNeeds::default() };
        let nothing = Self {
            name,
            uuid: Uuid::nil(),
            metadata: Metadata::default(),
            files: HashMap::new(),
            disks: HashMap::new(),
            nvram: None,
            macs: Vec::new(),
            ports: HashMap::new(),
            qmp_socket: None,
            vnc_socket: None,
        };
        CopyNeeds::from_obstacles(nothing.made_of(&source.tree).1)
    }

    fn made_of(&self, source: &Element) -> (Element, Vec<Obstacle>) {
        let mut domain = source.clone();
        edit::remove_attribute(&mut domain, "id");
        edit::set_text(&mut domain, "name", self.name.as_str());
        edit::set_text(&mut domain, "uuid", &self.uuid.to_string());
        let mut copying = Copying { copy: self, source, obstacles: Vec::new(), interfaces: 0 };
        copying.visit(&mut domain, "", "");
        let mut obstacles = copying.obstacles;
        monitor::replace_in(&mut domain, self.qmp_socket.as_deref());
        self.replace_record(&mut domain);
        // A console repeats the source of the serial port that it is.
        let mut seen = Vec::new();
        obstacles.retain(|obstacle| {
            let known = (obstacle.conflict.clone(), obstacle.resource.clone());
            let is_new = !seen.contains(&known);
            seen.push(known);
            is_new
        });
        (domain, obstacles)
    }

    /// vmtools' own elements are made anew; what others keep there stays.
    fn replace_record(&self, domain: &mut Element) {
        let record = self.metadata.to_elements().into_iter().map(Node::Element);
        let Some(metadata) = domain.find("metadata") else {
            let metadata = Element { children: record.collect(), ..Element::new("metadata") };
            domain.children.push(Node::Element(metadata));
            return;
        };
        let others = metadata.children.iter().filter(|node| match node {
            Node::Element(element) => {
                !NAMESPACES.iter().any(|ours| namespace::is_in(&[&*domain, metadata, element], ours))
            }
            _ => true,
        });
        let children: Vec<Node> = others.cloned().chain(record).collect();
        if let Some(metadata) = domain.find_mut("metadata") {
            metadata.children = children;
        }
    }

    /// The path that takes the place of one in the same directory: the source's with the copy's name behind it.
    fn beside(&self, path: &str) -> String {
        match self.files.get(path) {
            Some(file) => file.path.clone(),
            None => format!("{path}.{}", self.name),
        }
    }
}

/// A copy in the making.
pub(super) struct Copying<'a> {
    copy: &'a DomainCopy,
    /// The source's whole definition.
    source: &'a Element,
    obstacles: Vec<Obstacle>,
    /// How many network interfaces have had their address.
    interfaces: usize,
}

impl Copying<'_> {
    /// Applies the table to all that is in the element. `pattern` is its path by names, as the table has it;
    /// `place` tells its siblings of the same name apart.
    fn visit(&mut self, element: &mut Element, pattern: &str, place: &str) {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let scopes: [&Element; 1] = [self.source];
        let mut kept = Vec::with_capacity(element.children.len());
        for node in std::mem::take(&mut element.children) {
            let Node::Element(mut child) = node else {
                kept.push(node);
                continue;
            };
            let is_qemus = pattern.is_empty()
                && namespace::resolve(namespace::prefix(&child.name), &scopes) == Some(namespace::QEMU);
            let name = if is_qemus { format!("qemu:{}", child.local_name()) } else { child.name.clone() };
            let number = counts.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
            let join = |path: &str, last: &str| {
                if path.is_empty() { last.to_owned() } else { format!("{path}/{last}") }
            };
            let (pattern, place) = (join(pattern, &name), join(place, &format!("{name}[{number}]")));
            if self.keeps(&mut child, &pattern, &place) {
                kept.push(Node::Element(child));
            }
        }
        element.children = kept;
    }

    /// Whether the element stays, changed where it has to be.
    fn keeps(&mut self, element: &mut Element, pattern: &str, place: &str) -> bool {
        match table::treatment(pattern, element) {
            Some(Treatment::Shared) => true,
            Some(Treatment::Removed) => false,
            Some(Treatment::Refused(conflict, resource)) => {
                self.obstacle(place, conflict.clone(), resource(element));
                true
            }
            Some(Treatment::Replaced(replace)) => {
                replace(self, element, place);
                self.visit(element, pattern, place);
                true
            }
            None => {
                self.look_for_paths(element, place);
                self.visit(element, pattern, place);
                true
            }
        }
    }

    fn look_for_paths(&mut self, element: &Element, place: &str) {
        let text = element.content();
        let values = element.attributes.iter().map(|(_, value)| value.as_str()).chain([text.as_str()]);
        let paths: Vec<String> =
            values.filter(|value| value.starts_with('/') && value.len() > 1).map(str::to_owned).collect();
        for path in paths {
            self.obstacle(place, Conflict::Unknown, path);
        }
    }

    fn obstacle(&mut self, element: &str, conflict: Conflict, resource: impl Into<String>) {
        self.obstacles.push(Obstacle { element: element.to_owned(), conflict, resource: resource.into() });
    }

    /// The port that takes the place of one that the source listens on.
    fn new_port(&mut self, place: &str, protocol: &str, port: u16) -> Option<u16> {
        let new_port = self.copy.ports.get(&port).copied();
        if new_port.is_none() {
            self.obstacle(
                place,
                Conflict::Port(HostPort { protocol: protocol.to_owned(), port }),
                port.to_string(),
            );
        }
        new_port
    }
}

#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
