use crate::stream::{ImageStream, StreamName};

/// The stream of another environment, or of another version of this one, that `name` stands for:
/// the one of the same namespace and name, else the only one of that name.
pub fn counterpart<'s>(streams: &'s [ImageStream], name: &StreamName) -> Option<&'s ImageStream> {
    let exact = streams.iter().find(|stream| stream.name == *name);
    let by_name = || {
        let mut named = streams.iter().filter(|other| other.name.name == name.name);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    };
    exact.or_else(by_name)
}
