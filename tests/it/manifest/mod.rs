pub mod cases;
pub mod corpus;
mod mangled;
mod validate;
