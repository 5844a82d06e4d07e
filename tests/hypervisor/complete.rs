//! What shells complete: names of what exists, in bash, fish and zsh themselves.

use super::create;
use super::support::{Sandbox, sandbox_or_skip};

/// Completes the line `vmtools WORD..`, of which the last word is being typed.
fn completed(sandbox: &Sandbox, shell: &str, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let (quoted, count, last) = (quoted.join(" "), words.len(), words.last().unwrap());
    let script = match shell {
        "bash" => format!(
            "source <(vmtools completions bash); COMP_WORDS=(vmtools {quoted}); COMP_CWORD={count}; COMP_TYPE=9
             _clap_complete_vmtools vmtools '{last}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        ),
        "fish" => format!("vmtools completions fish | source; complete -C 'vmtools {}' | cut -f 1", words.join(" ")),
        // As installed: the file is the function, loaded when it is first called. zsh shows values by functions of its own.
        _ => format!(
            "compdef() {{ }}; _describe() {{ print -l -- ${{(P)3}} }}
             vmtools completions zsh >{folder}/_vmtools; fpath=({folder}); autoload _vmtools
             words=(vmtools {quoted}); CURRENT=$(({count} + 1)); _vmtools | cut -d : -f 1",
            folder = sandbox.tmp().display()
        ),
    };
    let flags: &[&str] = if shell == "zsh" { &["-f", "-c"] } else { &["-c"] };
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_vmtools")).parent().unwrap();
    let run = sandbox.command(shell, &[flags, &[&script]].concat()).path_first(folder).run().success();
    let mut names: Vec<String> = run.stdout.lines().map(|line| line.trim_end().to_owned()).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names
}

#[test]
fn shells_complete_what_exists() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "-l", "team=a"]).run().success();
    create(&sandbox, "spare", &image, &[]).run().success();
    sandbox.vmtools(&["snapshot", "create", "web", "--no-memory", "--name", "clean"]).run().success();
    sandbox.vmtools(&["network", "create", "lab", "--mode", "isolated"]).run().success();
    sandbox.vmtools(&["image", "import", image.to_str().unwrap(), "golden"]).run().success();
    let state = "d=/var/lib/libvirt/images/vmtools/warm; install -d -m 700 $d && : >$d/0a1b2c3d4e5f6071.save";
    sandbox.as_root("sh", &["-c", state]).run().success();
    let cases: [(&[&str], &[&str]); 17] = [
        (&["start", ""], &["spare"]),
        (&["stop", ""], &["web"]),
        (&["pause", ""], &["web"]),
        (&["resume", ""], &[]),
        (&["ssh", ""], &["web"]),
        (&["status", ""], &["spare", "web"]),
        (&["delete", "s"], &["spare"]),
        // A VM may be called as a verb is.
        (&["delete", "start", ""], &["spare", "web"]),
        (&["snapshot", "delete", "web", ""], &["clean"]),
        (&["snapshot", "set", "web", "spare", "--snapshot", ""], &["clean"]),
        (&["snapshot", "delete", "-l", "team=a", "--snapshot", ""], &["clean"]),
        (&["snapshot", "delete", "--snapshot", "clean", "web", ""], &["spare", "web"]),
        (&["network", "info", ""], &["default", "lab"]),
        (&["image", "rm", ""], &["golden", "warm-0a1b2c3d4e5f6071"]),
        (&["list", "--label", ""], &["team=a"]),
        (&["config", "--get", "defaults.m"], &["defaults.memory"]),
        (&["template", "show", "ubuntu-22"], &["ubuntu-22.04"]),
    ];
    for shell in ["bash", "fish", "zsh"] {
        for (words, expected) in cases {
            let mut names = completed(&sandbox, shell, words);
            // Flags may be typed there, too.
            names.retain(|name| !name.starts_with('-'));
            assert_eq!(names, expected, "{shell}: {words:?}");
        }
    }
    // A daemon that does not answer completes nothing, and soon.
    sandbox.libvirtd_stop();
    let names = completed(&sandbox, "fish", &["status", ""]);
    assert!(names.iter().all(|name| name.starts_with('-')), "{names:?}");
    sandbox.libvirtd_start();
}
