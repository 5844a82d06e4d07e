//! What runs in the guest for a copy: one `sh` script, whichever way leads there.
//!
//! scp would need an sftp-server in the guest, and its older versions hand the path to a shell there, its newer
//! ones expand `*` in it. `sh`, `cat`, `tar`, `base64` and `stat` every Linux guest has, busybox too. Paths and the
//! script itself go as base64, so that no shell on the way reads them, whichever the user has.
//!
//! Nothing has its final name before all of it is there: a stream that breaks off ends like one that is
//! complete, so what was put is given its name by a second call, which checks the size.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// There is no such file, or no such directory to put it in.
pub(in crate::manager) const NOT_FOUND: i32 = 93;
/// It is a directory where a file is wanted, or the other way round.
pub(in crate::manager) const WRONG_KIND: i32 = 94;
/// Not all of it has arrived.
pub(in crate::manager) const CUT_OFF: i32 = 96;

/// The status of a shell that does not find a tool.
pub(in crate::manager) const NO_TOOL: i32 = 127;

/// Decodes its first argument, and runs that with the others.
const EVAL: &str = r#"s="$(echo $0|base64 -d)" && eval "$s""#;

/// Sets `d`: a path that begins with a slash or a dot, so that it can be taken for nothing else. What the tools complain
/// of is read, so they do it in English.
const PATH: &str = r#"
LC_ALL=C; export LC_ALL
of() { echo "$1" | base64 -d && echo x; }
d=$(of "$1") && d=${d%x} && d=${d#:} || exit
case $d in
"") d=. ;;
/*) ;;
"~" | "~/"*) d=$HOME${d#"~"} ;;
*) d=./$d ;;
esac
"#;

const PATH_KIND: &str = r#"
[ -e "$d" ] || { ls -d "$d" >/dev/null; exit 93; }
if [ -d "$d" ]; then
    echo d
elif [ -f "$d" ]; then
    stat -L -c "f %a %Y %s" "$d"
else
    exit 94
fi
"#;

const PRINT: &str = r#"
if [ -d "$d" ]; then cd "$d" && exec tar -cf - .; fi
exec cat "$d"
"#;

/// Sets `f`, the final name, and `t`, the one until then.
const PUT: &str = r#"
n=$(of "$2") && n=${n%x} && n=${n#:} || exit
f=$d
if [ -d "$d" ]; then f=${d%/}/$n; else case $d in */) exit 93 ;; esac; fi
p=${f%/*}
[ -d "${p:-/}" ] || { ls -d "${p:-/}" >/dev/null; exit 93; }
t=$p/.vmtools-$4
case $3 in
f) [ -e "$f" ] && [ ! -f "$f" ] && exit 94 ;;
d) [ -e "$f" ] && [ ! -d "$f" ] && exit 94 ;;
esac
"#;

const RECEIVE: &str = r#"
if [ "$3" = f ]; then umask 077; exec cat >"$t"; fi
mkdir -m 700 "$t" && umask 0 && exec tar -xopf - -C "$t"
"#;

const COMMIT: &str = r#"
if [ "$3" = f ]; then
    [ "$(wc -c <"$t")" -eq "$5" ] || { rm -f "$t"; exit 96; }
    chmod "${6:-$(printf %o $((0666 & ~$(umask))))}" "$t" && { [ -z "$7" ] || touch -d "@$7" "$t"; } && mv -f "$t" "$f"
elif [ -d "$f" ]; then
    cp -af "$t/d/." "$f/" && rm -rf "$t"
else
    mv "$t/d" "$f" && rmdir "$t"
fi || { s=$?; rm -rf "$t"; exit $s; }
"#;

const ABORT: &str = r#"rm -rf "$t""#;

/// The words that tell what a path is: [`PathKind`].
pub(in crate::manager) fn path_kind(path: &str) -> Vec<String> {
    words(&[PATH, PATH_KIND], vec![encoded(path)])
}

/// The words that print a file, or a directory as a tar archive.
pub(in crate::manager) fn print(path: &str) -> Vec<String> {
    words(&[PATH, PRINT], vec![encoded(path)])
}

/// What a path in the guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manager) enum PathKind {
    /// A directory.
    Folder,
    /// A file.
    File {
        /// Its permission bits.
        mode: u32,
        /// The time of its last change, in seconds since 1970.
        time: u64,
        /// Its size in bytes; 0 for one that the kernel makes up.
        size: u64,
    },
}

/// What [`path_kind`] printed.
pub(in crate::manager) fn parse_path_kind(text: &str) -> Option<PathKind> {
    let mut words = text.split_whitespace();
    match words.next()? {
        "d" => Some(PathKind::Folder),
        "f" => Some(PathKind::File {
            mode: u32::from_str_radix(words.next()?, 8).ok()? & 0o777,
            time: words.next()?.parse().ok()?,
            size: words.next()?.parse().ok()?,
        }),
        _ => None,
    }
}

/// What is put, and where.
#[derive(Debug, Clone)]
pub(in crate::manager) struct Put {
    /// The path in the guest, as the user gave it.
    pub(in crate::manager) path: String,
    /// Its name, should the path be a directory.
    pub(in crate::manager) name: String,
    /// Whether it is a directory, which comes as a tar archive with all that is in it below `d`.
    pub(in crate::manager) folder: bool,
    /// Tells this copy from others.
    pub(in crate::manager) id: String,
}

impl Put {
    /// The words that take it from standard input.
    pub(in crate::manager) fn receive(&self) -> Vec<String> {
        self.words(RECEIVE, Vec::new())
    }

    /// The words that give it its name. Of a file the bytes that were sent, its permission bits and the time
    /// of its last change, where they are known.
    pub(in crate::manager) fn commit(&self, bytes: u64, attributes: Option<(u32, u64)>) -> Vec<String> {
        let mut more = vec![bytes.to_string()];
        if let Some((mode, time)) = attributes {
            more.extend([format!("{:o}", mode & 0o777), time.to_string()]);
        }
        self.words(COMMIT, more)
    }

    /// The words that remove what was received.
    pub(in crate::manager) fn abort(&self) -> Vec<String> {
        self.words(ABORT, Vec::new())
    }

    fn words(&self, script: &str, more: Vec<String>) -> Vec<String> {
        let kind = if self.folder { "d" } else { "f" };
        let mut arguments = vec![encoded(&self.path), encoded(&self.name), kind.to_owned(), self.id.clone()];
        arguments.extend(more);
        words(&[PATH, PUT, script], arguments)
    }
}

/// With a colon ahead: a word that is empty would be lost on the way.
fn encoded(text: &str) -> String {
    STANDARD.encode(format!(":{text}"))
}

fn words(script: &[&str], arguments: Vec<String>) -> Vec<String> {
    let mut words = vec!["sh".to_owned(), "-c".into(), EVAL.into(), STANDARD.encode(script.concat())];
    words.extend(arguments);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_read() {
        assert_eq!(parse_path_kind("d\n"), Some(PathKind::Folder));
        let file = PathKind::File { mode: 0o755, time: 1_795_426_615, size: 42 };
        assert_eq!(parse_path_kind("f 4755 1795426615 42\n"), Some(file));
        for text in ["", "f", "f 9 1 1", "f 644 x 1", "x 1 1 1"] {
            assert_eq!(parse_path_kind(text), None, "{text}");
        }
    }

    #[test]
    fn no_word_means_anything_to_a_shell() {
        let put = Put { path: "$(id) `x` 'y'\n!".into(), name: String::new(), folder: true, id: "7".into() };
        for word in put.receive().iter().skip(3).chain(&print("\\';*")[3..]) {
            assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)), "{word}");
            assert!(!word.is_empty());
        }
    }
}
