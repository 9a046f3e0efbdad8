use std::sync::Arc;

use crate::environment::Environment;
use crate::manifest::facts::FileFacts;
use crate::snapshot::FilePath;

/// Which files an environment reaches, and in which namespaces.
#[derive(Debug)]
pub(crate) struct Reach {
    default_namespace: String,
}

impl Reach {
    pub fn new(_files: &[(FilePath, Arc<FileFacts>)], environment: &Environment) -> Self {
        let default_namespace = match environment.namespaces.as_slice() {
            [only] => only.clone(),
            _ => "default".to_owned(),
        };
        Self { default_namespace }
    }

    pub fn namespaces(&self, _file: &FilePath, own: Option<&str>) -> Vec<String> {
        vec![own.unwrap_or(&self.default_namespace).to_owned()]
    }
}
