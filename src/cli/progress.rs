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
