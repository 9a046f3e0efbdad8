mod corpus;
mod mangled;
