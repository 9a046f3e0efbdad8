//! `integratedRegistry`: the registry that keeps what streams have.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::config::field::Fields;
use crate::config::server::{check_host, path};
use crate::policy::{IntegratedRegistries, IntegratedRegistry};
use crate::yaml::Node;

/// Any OCI registry serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegratedRegistrySettings {
    pub registry: IntegratedRegistry,
    /// A file in the form of Docker's `config.json`.
    pub credentials_file: Option<PathBuf>,
    /// Those that an environment may name instead.
    pub others: Vec<Self>,
}

impl IntegratedRegistrySettings {
    pub fn registries(&self) -> IntegratedRegistries {
        let others = self.others.iter();
        IntegratedRegistries {
            usual: self.registry.clone(),
            others: others.map(|other| other.registry.clone()).collect(),
        }
    }

    /// Itself and the others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }
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
        "others",
    ];
    let node = fields.mapping(root, "integratedRegistry", KNOWN)?;
    let mut registry = read_registry(fields, node)?;
    for item in fields.list(node, "others") {
        fields.check(item, KNOWN_OF_OTHERS);
        let Some(other) = read_registry(fields, item) else {
            continue;
        };
        let host = &other.registry.host;
        if registry.all().any(|known| known.registry.is_named(host)) {
            let message = format!("the integrated registry `{host}` stands twice");
            fields.error(item, message);
        }
        registry.others.push(other);
    }
    Some(registry)
}

const KNOWN_OF_OTHERS: &[&str] = &[
    "host",
    "publicHost",
    "aliases",
    "credentialsFile",
    "createStreams",
];

fn read_registry<'a>(
    fields: &mut Fields<'a>,
    node: &'a Node,
) -> Option<IntegratedRegistrySettings> {
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
        others: Vec::new(),
    })
}
