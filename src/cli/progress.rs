//! A bar on stderr for work that takes longer than a second, on a terminal only.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter work shows nothing: a bar that flashes up only disturbs.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(120);

/// Whether bars are shown in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    is_wanted: bool,
}

impl Progress {
    pub fn new(is_wanted: bool, stderr_is_terminal: bool) -> Self {
        Self {
            is_wanted: is_wanted && stderr_is_terminal,
        }
    }

    /// Starts a piece of work of `total` parts; it ends when the value is dropped.
    pub fn start(self, what: &'static str, total: u64) -> Bar {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        bar.set_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        self.shown(bar)
    }

    /// As [`Progress::start`], for bytes of which nobody knows yet how many they are.
    pub fn start_bytes(self, what: &'static str) -> Bar {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        bar.set_message(what);
        let template = "{msg} {bar:30} {decimal_bytes}/{decimal_total_bytes} {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        self.shown(bar)
    }

    fn shown(self, bar: ProgressBar) -> Bar {
        let show = self.is_wanted.then(|| show_later(bar.clone()));
        Bar { bar, _show: show }
    }
}

/// A running piece of work.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    /// Dropped with the bar, which calls off its being shown.
    _show: Option<mpsc::Sender<()>>,
}

impl Bar {
    /// `count` more parts are done.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// So much of so much is done.
    pub fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Writes something while the bar is out of the way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn show_later(bar: ProgressBar) -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        if receiver.recv_timeout(SHOWN_AFTER) == Err(RecvTimeoutError::Timeout)
            && !bar.is_finished()
        {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(REDRAW);
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_wanted_on_a_terminal_only() {
        assert!(Progress::new(true, true).is_wanted);
        assert!(!Progress::new(true, false).is_wanted);
        assert!(!Progress::new(false, true).is_wanted);
    }

    #[test]
    fn work_without_a_terminal_draws_nothing() {
        let bar = Progress::new(true, false).start("asking", 3);
        bar.advance(2);
        assert!(bar.bar.is_hidden());
        assert_eq!(bar.bar.position(), 2);
    }
}
