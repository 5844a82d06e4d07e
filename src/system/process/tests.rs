use super::*;

fn run(invocation: Invocation) -> Result<Output, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime")
        .block_on(invocation.output())
}

fn shell(script: &str) -> Invocation {
    Invocation::new("sh", Duration::from_secs(20)).arg("-c").arg(script)
}

#[test]
fn input_and_both_outputs_pass() {
    let output = run(shell("cat; echo oops >&2").stdin("hello")).expect("runs");
    assert_eq!((output.stdout.as_slice(), output.stderr.as_str()), (&b"hello"[..], "oops\n"));
}

#[test]
fn output_is_told_while_it_comes() {
    let folder = tempfile::tempdir().expect("folder");
    let pipe = folder.path().join("pipe");
    let script = format!("mkfifo {0}; echo one; cat {0}", pipe.display());
    let mut seen = Vec::new();
    let work = shell(&script).output_with(|chunk| {
        // The program goes on only once the first piece was told.
        if seen.is_empty() {
            std::fs::write(&pipe, "two").expect("the program reads");
        }
        seen.extend_from_slice(chunk);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let output = runtime.block_on(work).expect("runs");
    assert_eq!((output.stdout.as_slice(), seen.as_slice()), (&b"one\ntwo"[..], &b"one\ntwo"[..]));
}

#[test]
fn a_failure_tells_all() {
    let Err(Error::Failed(failure)) = run(shell("echo why >&2; exit 7")) else { panic!("should fail") };
    assert_eq!((failure.status, failure.signal), (Some(7), None));
    assert_eq!(failure.to_string(), "`sh -c 'echo why >&2; exit 7'` exited with status 7: why");
}

#[test]
fn a_missing_program_is_told_apart() {
    let result = run(Invocation::new("no-such-program-here", Duration::from_secs(5)));
    assert!(matches!(result, Err(Error::Missing { program }) if program == "no-such-program-here"));
}

#[test]
fn past_the_deadline_the_whole_session_is_gone() {
    let marker = tempfile::NamedTempFile::new().expect("temporary file");
    let script = format!("(sleep 60; true) & echo $! > {}; wait", marker.path().display());
    let invocation = Invocation::new("sh", Duration::from_millis(300)).arg("-c").arg(script);
    assert!(matches!(run(invocation), Err(Error::TimedOut { .. })));
    let pid = std::fs::read_to_string(marker.path()).expect("pid was written");
    let deadline = Instant::now() + Duration::from_secs(10);
    let stat = format!("/proc/{}/stat", pid.trim());
    // Gone, or a zombie that its adopter has yet to reap.
    while std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
        assert!(Instant::now() < deadline, "the grandchild still runs");
        std::thread::yield_now();
    }
}

#[test]
fn endless_output_is_cut_off() {
    let result = run(shell("yes").output_limit(1000));
    assert!(matches!(result, Err(Error::TooMuchOutput { limit: 1000, .. })));
}

#[test]
fn the_locale_is_ours_and_there_is_no_terminal() {
    let output =
        run(shell("echo $LC_ALL; (: < /dev/tty) 2>/dev/null && echo tty || echo none")).expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "C.UTF-8\nnone\n");
}
