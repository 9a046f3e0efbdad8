//! The namespace that names on the command line stand in.

use crate::environment::Environment;
use crate::manifest::Manifests;
use crate::namespace::current_namespace;

/// `-n`, to be flattened into a command's arguments.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct NamespaceArgs {
    /// The namespace to work in; else the only one of the environment, or of its streams
    #[arg(
        short,
        long,
        value_name = "NAMESPACE",
        env = "HEADWATER_NAMESPACE",
        hide_env_values = true
    )]
    pub namespace: Option<String>,
}

impl NamespaceArgs {
    /// The namespace that was asked for, else the one that [`current_namespace`] finds.
    pub fn current(&self, manifests: &[(&Environment, Manifests)]) -> String {
        let asked = self.namespace.clone();
        asked.filter(|name| !name.is_empty()).unwrap_or_else(|| {
            let environments = manifests.iter().map(|(environment, _)| *environment);
            let streams = manifests
                .iter()
                .flat_map(|(_, manifests)| &manifests.streams);
            current_namespace(environments, streams.map(|stream| &stream.name))
        })
    }
}
