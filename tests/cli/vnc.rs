//! A VM's screen in a viewer: fakes of the viewers, and libvirt's test driver for the VM.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::run;
use super::support::{Cmd, Run, Skip, TestEnv};

/// Writes down what it is given, and ends with status 7.
const FAKE: &str = "printf '%s\\n' \"$0\" \"$@\" >\"$HOME/argv\"; echo to-stdout; exit 7";
/// As TigerVNC's, whose help names what it takes.
const TIGER: &str = "[ \"$1\" = -h ] && echo 'usage: vncviewer [parameters] [unix socket]' >&2 && exit 1";

struct Screen {
    env: TestEnv,
    uri: String,
    socket: String,
    _listener: UnixListener,
}

impl Screen {
    /// A VM named web whose VNC server listens as the attributes say, or at the socket.
    fn new(attributes: Option<&str>) -> Option<Self> {
        if !Path::new("/usr/bin/virsh").exists() {
            Skip("needs virsh".to_string()).report();
            return None;
        }
        let env = TestEnv::new();
        env.real_tool("virsh");
        let socket = env.home().join("screen.vnc").to_str().unwrap().to_owned();
        let listener = UnixListener::bind(&socket).unwrap();
        let greeting = listener.try_clone().unwrap();
        std::thread::spawn(move || {
            while let Ok((mut viewer, _)) = greeting.accept() {
                let _ = viewer.write_all(b"RFB 003.008\n");
            }
        });
        let graphics = match attributes {
            Some(attributes) => format!("<graphics type='vnc' {attributes}/>"),
            None => format!("<graphics type='vnc'><listen type='socket' socket='{socket}'/></graphics>"),
        };
        let node = env.home().join("node.xml");
        let domain = format!(
            "<node><domain type='test'><name>web</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>\
             <memory>8192</memory><os><type>hvm</type></os><devices>{graphics}</devices></domain></node>"
        );
        std::fs::write(&node, domain).unwrap();
        Some(Self { env, uri: format!("test://{}", node.display()), socket, _listener: listener })
    }

    fn command(&self, more: &[&str]) -> Cmd {
        let args = [&["--connect", &self.uri, "vnc", "web"], more].concat();
        self.env.vmtools(&args).env("DISPLAY", ":7")
    }

    fn view(&self) -> Run {
        self.command(&["--viewer"]).run()
    }

    /// The viewer that was started and what it was given.
    fn started(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.env.home().join("argv")).unwrap_or_default();
        let mut words: Vec<String> = text.lines().map(str::to_owned).collect();
        if let Some(program) = words.first_mut() {
            *program = program.rsplit('/').next().unwrap().to_owned();
        }
        words
    }
}

#[test]
fn without_a_display_it_says_what_else_there_is() {
    let Some(screen) = Screen::new(None) else { return };
    screen.env.fake_tool("remote-viewer", FAKE);
    let failed = screen.command(&["--viewer", "--json"]).env("DISPLAY", "").run().code(9);
    let error = failed.json_error();
    assert!(error["message"].as_str().unwrap().contains("DISPLAY"), "{failed}");
    assert!(error["hint"].as_str().unwrap().contains("`vmtools vnc web --port 5901`"), "{failed}");
    assert_eq!((error["vm"].as_str(), failed.stdout.as_str()), (Some("web"), ""), "{failed}");
    assert!(screen.started().is_empty());
    screen.command(&["--viewer"]).env("DISPLAY", "").env("WAYLAND_DISPLAY", "wayland-0").run().code(7);
}

#[test]
fn without_a_viewer_it_says_what_to_install() {
    let Some(screen) = Screen::new(None) else { return };
    let failed = screen.command(&["--viewer", "--json"]).run().code(9);
    let error = failed.json_error();
    assert_eq!(error["code"], "incapable", "{failed}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("virt-viewer") && hint.contains("tigervnc-viewer"), "{failed}");
    assert!(hint.contains("`vmtools vnc web --port 5901`"), "{failed}");
}

#[test]
fn the_viewers_status_is_passed_on_and_its_output_is_no_data() {
    let Some(screen) = Screen::new(None) else { return };
    screen.env.fake_tool("virt-viewer", FAKE);
    let run = screen.command(&["--viewer", "--json"]).run().code(7).stderr_has("to-stdout");
    assert_eq!(run.json()["socket"], *screen.socket, "{run}");
    screen.env.fake_tool("virt-viewer", "kill -TERM $$");
    screen.view().code(143);
}

#[test]
fn a_socket_needs_no_port_where_a_viewer_can_do_without() {
    let Some(screen) = Screen::new(None) else { return };
    screen.env.fake_tool("remote-viewer", FAKE);
    screen.env.fake_tool("vncviewer", &format!("{TIGER}\n{FAKE}"));
    screen.view().code(7);
    assert_eq!(screen.started(), ["vncviewer", &screen.socket]);
    screen.env.fake_tool("virt-viewer", FAKE);
    screen.view().code(7);
    let uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f";
    assert_eq!(screen.started(), ["virt-viewer", "--attach", "--connect", &screen.uri, "--", uuid]);
}

/// remote-viewer takes no socket, nor does another vncviewer than TigerVNC's.
#[test]
fn other_viewers_get_a_port_of_their_own() {
    if !Path::new("/bin/bash").exists() {
        return Skip("needs bash".to_string()).report();
    }
    let Some(screen) = Screen::new(None) else { return };
    let connect = "#!/bin/bash\n[ \"$1\" = -h ] && exit 1\nprintf '%s\\n' \"$0\" \"$@\" >\"$HOME/argv\"\n\
                   exec 3<>\"/dev/tcp/127.0.0.1/${1##*:}\" && read -r hello <&3 && [[ $hello == RFB* ]] && exit 3";
    for (viewer, before) in [("remote-viewer", "vnc://127.0.0.1:"), ("vncviewer", "127.0.0.1::")] {
        screen.env.fake_tool(viewer, connect);
        let run = screen.view().code(3);
        let started = screen.started();
        assert!(started[0] == viewer && started[1].starts_with(before), "{started:?}\n{run}");
        std::fs::remove_file(screen.env.root().join("bin").join(viewer)).unwrap();
    }
}

#[test]
fn a_port_is_given_as_each_viewer_takes_it() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let Some(screen) = Screen::new(Some(&format!("port='{port}' listen='0.0.0.0' passwd='letmein'"))) else {
        return;
    };
    screen.env.fake_tool("virt-viewer", FAKE);
    screen.env.fake_tool("vncviewer", FAKE);
    let run = screen.view().code(7).stderr_has("password");
    assert_eq!(screen.started(), ["vncviewer", &format!("127.0.0.1::{port}")]);
    assert!(!format!("{run}").contains("letmein"), "{run}");
    screen.env.fake_tool("remote-viewer", FAKE);
    screen.view().code(7);
    assert_eq!(screen.started(), ["remote-viewer", &format!("vnc://127.0.0.1:{port}")]);
    drop(server);
    let gone = screen.view().code(1);
    assert!(gone.stderr.contains(&format!("0.0.0.0:{port}")), "{gone}");
}

#[test]
fn it_is_a_viewer_or_a_port() {
    run(&["vnc", "web", "--viewer", "--port", "5901"]).code(2);
    run(&["vnc", "--help"]).code(0).stdout_has("vmtools vnc web --viewer");
}
