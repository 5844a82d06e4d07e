//! The loop: one thing after the other, a frame after each.

use std::convert::Infallible;
use std::io::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::app::{App, Order};
use super::draw;
use super::keys::Keys;
use super::message::Message;
use super::sampler::{PollRequest, Report, sample};
use super::side::BackgroundTasks;
use super::terminal::Terminal;
use super::theme::Theme;
use crate::cli::commands::{console, stop};
use crate::cli::context::Context;
use crate::cli::render::SampleColumn;
use crate::cli::session::Session;
use crate::manager::{Monitor, MonitorRequest, Signal, VmEvent};
use crate::model::EscapeKey;
use crate::problem::{ErrorKind, Problem};

/// How the screen begins.
pub struct Start {
    /// The VMs.
    pub request: MonitorRequest,
    /// What they are sorted by.
    pub sort: SampleColumn,
    /// The time between two polls.
    pub interval: Duration,
}

/// How long to wait before events are listened to again.
const PAUSE: Duration = Duration::from_secs(5);

/// Shows the screen until it is left.
///
/// # Errors
/// When the first poll fails, or there is no terminal.
pub async fn run<'a>(
    start: Start,
    mut monitor: Monitor<'a>,
    session: &'a Session,
    context: &Context,
) -> Result<ExitCode, Problem> {
    // Before the terminal is taken, so that a failure is printed as by any other verb.
    let readings = monitor.poll().await?;
    let app = App::new(start.request, start.sort, Theme::chosen());
    let (number, request) = app.request();
    let (requests, requested) = watch::channel(PollRequest { number, request });
    // What isn't taken yet holds back the next.
    let (reports, reported) = mpsc::channel(1);
    let (events, happened) = mpsc::channel(100);
    let mut live = Live { app, requests, reported, happened, side: BackgroundTasks::new(session), context };
    live.app.update(Report { number, readings: Ok(readings), away: false });
    tokio::select! {
        result = live.run() => result,
        never = sample(session, monitor, start.interval, requested, reports) => match never {},
        never = listen(session, events) => match never {},
    }
}

/// Tells of events for ever.
async fn listen(session: &Session, events: mpsc::Sender<VmEvent>) -> Infallible {
    loop {
        if let Ok(mut stream) = session.monitoring().events(&[]).await {
            while let Ok(event) = stream.next().await {
                let _ = events.send(event).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Live<'a> {
    app: App,
    requests: watch::Sender<PollRequest>,
    reported: mpsc::Receiver<Report>,
    happened: mpsc::Receiver<VmEvent>,
    side: BackgroundTasks<'a>,
    context: &'a Context,
}

impl Live<'_> {
    async fn run(&mut self) -> Result<ExitCode, Problem> {
        loop {
            let order = match self.watch().await {
                Ok(order) => order,
                // As by the SIGHUP that a terminal sends when it goes.
                Err(_) => return Ok(ExitCode::from(Signal::Hangup.status())),
            };
            match order {
                Order::Console(name) => self.console(&name).await,
                Order::Interrupt => return Ok(ErrorKind::Interrupted.into()),
                Order::Quit => return Ok(ExitCode::SUCCESS),
                // The terminal is taken anew.
                _ => {}
            }
        }
    }

    /// Takes the terminal, and shows what there is until something needs the terminal to be given back.
    async fn watch(&mut self) -> Result<Order, Error> {
        let mut terminal = Terminal::enter(&self.context.ui)?;
        let mut keys = Keys::new()?;
        loop {
            self.app.heard(&self.context.ui.held());
            if let Some(page) = &mut self.app.page
                && page.asks()
            {
                self.side.ask(page.name.clone());
            }
            terminal.draw(|frame| draw::frame(frame, &mut self.app))?;
            let order = tokio::select! {
                key = keys.next() => self.app.key(key?),
                Some(report) = self.reported.recv() => {
                    self.app.update(report);
                    Order::Nothing
                }
                Some(event) = self.happened.recv() => {
                    self.app.happened(&event);
                    Order::Nothing
                }
                answer = self.side.next() => {
                    self.app.answered(answer);
                    Order::Nothing
                }
            };
            match order {
                Order::Nothing => {}
                Order::Refresh => {
                    let (number, request) = self.app.request();
                    self.requests.send_replace(PollRequest { number, request });
                }
                Order::Act(name, action) => match stop::stop_by(false, None, self.context) {
                    Ok(by) => self.side.act(name, action, by),
                    Err(problem) => self.app.message = Some(Message::failure(&problem)),
                },
                other => return Ok(other),
            }
        }
    }

    /// The terminal is the console's until that ends; what is under way goes on.
    async fn console(&mut self, name: &str) {
        let args = console::ConsoleArgs { name: name.to_owned(), escape: EscapeKey::DEFAULT, force: false };
        let mut answers = Vec::new();
        let result = {
            let mut console = std::pin::pin!(console::run(args, self.context));
            loop {
                tokio::select! {
                    result = &mut console => break result,
                    answer = self.side.next() => answers.push(answer),
                }
            }
        };
        self.app.message = Some(match result {
            Ok(_) => Message::word("detached from the console"),
            Err(problem) => Message::failure(&problem),
        });
        for answer in answers {
            self.app.answered(answer);
        }
    }
}
