//! `integratedRegistry`: the registry that keeps what streams have.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::config::field::Fields;
use crate::config::server::{check_host, path};
use crate::policy::IntegratedRegistry;
use crate::yaml::Node;

/// Any OCI registry serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegratedRegistrySettings {
    pub registry: IntegratedRegistry,
    /// A file in the form of Docker's `config.json`.
    pub credentials_file: Option<PathBuf>,
}

pub(crate) fn read_integrated_registry<'a>(
    fields: &mut Fields<'a>,
    root: &'a Node,
) -> Option<IntegratedRegistrySettings> {
    const KNOWN: &[&str] = &[
        "host",
        "publicHost",
        "aliases",
        "credentialsFile",
        "createStreams",
    ];
    let node = fields.mapping(root, "integratedRegistry", KNOWN)?;
    for key in ["host", "publicHost"] {
        if let (Some(at), Some(host)) = (fields.get(node, key), fields.text(node, key)) {
            check_host(fields, at, &host);
        }
    }
    let mut aliases = BTreeSet::new();
    for (at, alias) in fields.texts(node, "aliases") {
        check_host(fields, at, &alias);
        aliases.insert(alias);
    }
    let Some(host) = fields.text(node, "host") else {
        fields.error(node, "an integrated registry has a `host`");
        return None;
    };
    Some(IntegratedRegistrySettings {
        registry: IntegratedRegistry {
            host,
            public_host: fields.text(node, "publicHost"),
            aliases,
            create_streams: fields.flag(node, "createStreams").unwrap_or_default(),
        },
        credentials_file: path(fields, node, "credentialsFile"),
    })
}
