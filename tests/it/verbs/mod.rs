//! The commands that write, as oc users type them.

mod branch;
mod cases;
mod imports;
mod object_tables;
mod tables;
