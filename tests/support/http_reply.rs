//! One HTTP request read, one answer written.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path};
use std::time::{Duration, UNIX_EPOCH};

use super::http::Fault;

/// What was asked.
pub struct Request {
    method: String,
    /// With its leading slash, without the query.
    pub path: String,
    /// The `Range` header's value.
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
    close: bool,
}

impl Request {
    /// The connection's next request; `None` at its end.
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let first = line(reader)?;
        let mut words = first.split(' ');
        let method = words.next()?.to_string();
        let path = words.next()?.split('?').next()?.to_string();
        let mut request =
            Self { method, path, range: None, if_range: None, if_none_match: None, close: false };
        loop {
            let header = line(reader)?;
            if header.is_empty() {
                return Some(request);
            }
            let (name, value) = header.split_once(':')?;
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = Some(value.trim().to_string()),
                "if-range" => request.if_range = Some(value.trim().to_string()),
                "if-none-match" => request.if_none_match = Some(value.trim().to_string()),
                "connection" => request.close = value.trim().eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
    }

    /// The first byte that is wanted, of a range that is open at its end: `bytes=100-`.
    fn start(&self) -> Option<u64> {
        self.range.as_deref()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        self.range.as_ref().map_or(Ok(()), |range| write!(f, " {range}"))
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_string())
}

/// Answers, and says whether the connection goes on.
pub fn reply(
    to: &mut (impl Read + Write),
    request: &Request,
    dir: &Path,
    fault: Option<&Fault>,
) -> io::Result<bool> {
    match fault {
        Some(Fault::NotFound) => return short(to, request, "404 Not Found", "", "not found\n"),
        Some(Fault::Unavailable) => return short(to, request, "503 Service Unavailable", "", "later\n"),
        Some(Fault::Html) => {
            let page = "<!DOCTYPE html><html><body>Please log in</body></html>\n";
            return short(to, request, "200 OK", "Content-Type: text/html\r\n", page);
        }
        Some(Fault::Redirect(place)) => {
            return short(to, request, "302 Found", &format!("Location: {place}\r\n"), "");
        }
        _ => {}
    }
    match open(dir, &request.path) {
        Some(file) => send(to, request, file, fault),
        None => short(to, request, "404 Not Found", "", "not found\n"),
    }
}

fn open(dir: &Path, path: &str) -> Option<File> {
    let path = Path::new(path.trim_start_matches('/'));
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let file = inside.then(|| File::open(dir.join(path)).ok())??;
    file.metadata().is_ok_and(|meta| meta.is_file()).then_some(file)
}

fn short(
    to: &mut impl Write,
    request: &Request,
    status: &str,
    headers: &str,
    body: &str,
) -> io::Result<bool> {
    write!(to, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len())?;
    if request.method != "HEAD" {
        to.write_all(body.as_bytes())?;
    }
    Ok(!request.close)
}

fn send(
    to: &mut (impl Read + Write),
    request: &Request,
    mut file: File,
    fault: Option<&Fault>,
) -> io::Result<bool> {
    let size = file.metadata()?.len();
    let etag = (fault != Some(&Fault::NoValidator)).then(|| etag(&file)).transpose()?;
    let validator = etag.as_ref().map_or(String::new(), |etag| format!("ETag: {etag}\r\n"));
    if request.if_none_match.is_some() && request.if_none_match == etag {
        return short(to, request, "304 Not Modified", &validator, "");
    }
    let same = request.if_range.is_none() || request.if_range == etag;
    let start = request.start().filter(|_| same && fault != Some(&Fault::NoRanges));
    if start.is_some_and(|start| start >= size) {
        let range = format!("Content-Range: bytes */{size}\r\n");
        return short(to, request, "416 Range Not Satisfiable", &range, "");
    }
    let (from, status, range) = match start {
        Some(start) => {
            (start, "206 Partial Content", format!("Content-Range: bytes {start}-{}/{size}\r\n", size - 1))
        }
        None => (0, "200 OK", String::new()),
    };
    let ranges = if fault == Some(&Fault::NoRanges) { "none" } else { "bytes" };
    let length = size - from;
    write!(
        to,
        "HTTP/1.1 {status}\r\n{range}{validator}Accept-Ranges: {ranges}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    if request.method == "HEAD" {
        return Ok(!request.close);
    }
    file.seek(SeekFrom::Start(from))?;
    let limit = match fault {
        Some(Fault::Truncate(n) | Fault::Stall(n)) => length.min(*n),
        _ => length,
    };
    if fault == Some(&Fault::Slow) {
        slowly(&mut file, to)?;
    } else {
        io::copy(&mut file.take(limit), to)?;
    }
    to.flush()?;
    if matches!(fault, Some(Fault::Stall(_))) {
        // Until the other side has enough of it.
        let _ = to.read(&mut [0]);
    }
    Ok(limit == length && !request.close)
}

/// Another with each change of the file.
fn etag(file: &File) -> io::Result<String> {
    let meta = file.metadata()?;
    let age = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("\"{:x}-{:x}\"", meta.len(), age.as_nanos()))
}

fn slowly(file: &mut File, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = [0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            count => to.write_all(&chunk[..count])?,
        }
        to.flush()?;
        std::thread::sleep(Duration::from_millis(10));
    }
}
