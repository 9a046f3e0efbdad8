//! Editing: what changes, what stays, and what is refused.

mod scalars;
