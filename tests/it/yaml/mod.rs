//! Editing: what changes, what stays, and what is refused.

mod cases;
mod scalars;
