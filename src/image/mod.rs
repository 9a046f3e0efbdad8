//! Image names: references, repositories, tags, digests and platforms.
//!
//! Spelling is kept as written; comparing goes through normalised forms.

mod description;
mod digest;
mod platform;
mod public_key;
mod reference;
mod registry_pattern;
mod repository;
mod tag;

pub use description::{
    Configuration, Description, ImageFacts, Layer, PlatformImage, Referrer, Signature,
};
pub use digest::{Digest, DigestError, Hashing};
pub use platform::{Platform, PlatformError};
pub use public_key::{PublicKey, PublicKeyError};
pub use reference::{Reference, ReferenceError};
pub(crate) use registry_pattern::matches_wildcards;
pub use registry_pattern::{RegistryPattern, RegistryPatternError, refusal};
pub use repository::{DOCKER_HUB, DOCKER_HUB_HOST, Endpoint, Repository};
pub use tag::{Tag, TagError};
