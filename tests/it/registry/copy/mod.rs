//! Images from one registry to another.

mod breaks;
mod deletes;
mod hostile;
mod logins;
mod referrers;
mod whole;

use headwater::copying::{Copied, CopyOrder, Platforms};
use headwater::image::{Digest, Tag};
use headwater::registry::{Failure, Registries};

/// All of an image without its referrers, to the tag `1`.
fn order(from: &str, digest: &Digest, to: &str) -> CopyOrder {
    CopyOrder {
        from: repository(from),
        insecure: false,
        secrets_of: None,
        digest: digest.clone(),
        to: repository(to),
        to_insecure: false,
        mounts_from: None,
        tags: vec![tag("1")],
        with_referrers: false,
        platforms: Platforms::All,
    }
}

fn repository(text: &str) -> headwater::image::Repository {
    let reference: headwater::image::Reference = text.parse().unwrap();
    reference.repository
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

async fn copy(registries: &Registries, order: &CopyOrder) -> Result<Copied, Failure> {
    registries.copy(order, &|_| {}).await
}

fn digest_of(descriptor: &serde_json::Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}
