pub mod corpus;
mod mangled;
