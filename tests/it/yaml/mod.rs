//! Editing: what changes, what stays, and what is refused.

mod cases;
mod corpus;
mod dice;
mod random;
mod scalars;
mod size;
