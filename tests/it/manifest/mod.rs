pub mod cases;
pub mod corpus;
mod mangled;
mod streams;
mod validate;
