//! The live screen of `monitor`.
//!
//! ```text
//!   keys ---+                                      +--> draw::frame (pure) --> terminal
//!   sampler +--> live, one after the other --> App +
//!   events -+                                      +--> Order: refresh, act, console, quit
//!   side ---+
//! ```
//!
//! What waits for libvirt (polls, events, actions) runs beside the loop and tells it by channels, and is never
//! cancelled midway: keys are heeded however long it takes. [`App`](app::App) holds all that is shown; a frame is drawn from
//! it after whatever has changed it, and at no other time. The terminal is put back at every end: by its guard, and
//! on a panic by a hook.

mod app;
mod chart;
mod draw;
mod help;
mod history;
mod keys;
mod live;
mod message;
mod overview;
mod page;
mod page_view;
mod sampler;
mod side;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod typed;

pub use live::{Start, run};
