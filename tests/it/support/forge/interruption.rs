//! What happens while somebody writes.

use crate::support::forge::Failure;

/// Beside which side of a write something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is not done yet.
    Before,
    /// It is done, and whoever asked does not know it yet.
    After,
}

/// Gives whether the write goes on.
type Act = Box<dyn FnOnce() -> bool + Send>;

pub enum What {
    Failure(Failure),
    /// The forge answers others in the meantime.
    Act(Moment, Act),
}

/// Happens once, at the next write but so many.
pub struct Interruption {
    pub spares: usize,
    pub what: What,
}

impl Interruption {
    /// Counts one write.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.spares == 0;
        self.spares = self.spares.saturating_sub(1);
        is_due
    }
}
