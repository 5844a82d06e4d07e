//! What a domain's devices write on the host, beside its disks.

use super::definition::Domain;

const CHARACTER_DEVICES: [&str; 6] = ["serial", "parallel", "console", "channel", "redirdev", "smartcard"];

impl Domain {
    /// The files that its serial and parallel ports, its channels and its sound are written to. They belong to no
    /// storage pool unless somebody has put them there, and libvirt leaves them where they are when it forgets the
    /// domain.
    pub fn output_files(&self) -> Vec<String> {
        let ports = CHARACTER_DEVICES.into_iter().flat_map(|kind| self.devices(kind));
        let of_ports = ports.flat_map(|port| {
            let file =
                port.find_attribute("source", "path").filter(|_| port.attribute("type") == Some("file"));
            [file, port.find_attribute("log", "file")]
        });
        let of_sound = self.devices("audio").map(|audio| match audio.attribute("type") {
            Some("file") => audio.attribute("path"),
            _ => None,
        });
        let mut files: Vec<String> = Vec::new();
        for file in of_ports.chain(of_sound).flatten().map(str::to_owned) {
            // A console repeats the serial port that it is.
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_counts() {
        let domain = Domain::parse(
            "<domain><devices><serial type='file'><source path='/a'/></serial><console type='file'><source path='/a'/>\
             </console><serial type='pty'><source path='/dev/pts/1'/><log file='/b'/></serial>\
             <channel type='unix'><source mode='bind' path='/s'/></channel><parallel type='dev'><source path='/dev/p'/>\
             </parallel><audio id='1' type='file' path='/c.wav'/><audio id='2' type='oss'/></devices></domain>",
        )
        .expect("parses");
        assert_eq!(domain.output_files(), ["/a", "/b", "/c.wav"]);
    }
}
