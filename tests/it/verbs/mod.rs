//! The commands that write, as oc users type them.

mod apps;
mod branch;
mod cases;
mod histories;
mod imports;
mod object_tables;
mod tables;
