/// Where credentials come from.
#[derive(Clone, Debug, Default)]
pub struct CredentialSource {}

impl CredentialSource {
    /// Everything is asked anonymously.
    pub fn none() -> Self {
        Self::default()
    }
}
