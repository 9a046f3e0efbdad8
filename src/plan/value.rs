use crate::image::Reference;
use crate::trigger::{DOCKER_ACTION, PinForm};

/// What a field is to hold; none where it holds that already.
///
/// `image` has the repository as the source spells it, the followed tag and the digest. A field
/// that names the same repository keeps its own spelling.
pub fn wanted_value(
    form: PinForm,
    current: Option<&str>,
    image: &Reference,
    keep_tag: bool,
) -> Option<String> {
    let current = current.unwrap_or_default();
    let wanted = match form {
        PinForm::Image | PinForm::DigestReference => {
            let keep_tag = keep_tag && form == PinForm::Image;
            return whole_image(current, image, keep_tag).filter(|wanted| wanted != current);
        }
        PinForm::Digest => image.digest.as_ref()?.to_string(),
        PinForm::Tag | PinForm::TagAndDigest => {
            let tag = image.tag.as_ref()?;
            let with_digest = form == PinForm::TagAndDigest || current.contains('@');
            match (&image.digest, with_digest) {
                (Some(digest), true) => format!("{tag}@{digest}"),
                _ => tag.to_string(),
            }
        }
        PinForm::Repository => repository(current, image),
        PinForm::DockerAction => {
            let written = current.strip_prefix(DOCKER_ACTION).unwrap_or_default();
            let wanted = whole_image(written, image, keep_tag)?;
            format!("{DOCKER_ACTION}{wanted}")
        }
    };
    (wanted != current).then_some(wanted)
}

fn whole_image(current: &str, image: &Reference, keep_tag: bool) -> Option<String> {
    let written = current.parse::<Reference>().ok();
    let mut wanted = image.clone();
    if !keep_tag {
        wanted.tag = None;
    }
    if let Some(written) = written
        && written.repository.is_same(&image.repository)
    {
        // The right digest under no tag, or under the right one: how it is written is a taste.
        let is_right_tag = written.tag.is_none() || written.tag == image.tag;
        if written.digest == image.digest && is_right_tag {
            return None;
        }
        wanted.repository = written.repository;
    }
    Some(wanted.to_string())
}

fn repository(current: &str, image: &Reference) -> String {
    let wanted = &image.repository;
    // A chart may keep the registry under a key of its own.
    let is_same_path = current == wanted.path();
    let is_same = is_same_path
        || current
            .parse::<Reference>()
            .is_ok_and(|written| written.repository.is_same(wanted));
    if is_same {
        current.to_owned()
    } else {
        wanted.to_string()
    }
}

/// The digest that a value names; none where it names none.
pub fn digest_in(value: &str) -> Option<crate::image::Digest> {
    let digest = value.rsplit_once('@').map_or(value, |(_, digest)| digest);
    digest.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn wanted(form: PinForm, current: &str, image: &str, keep_tag: bool) -> Option<String> {
        let image = image.replace("@A", &format!("@{A}")).parse().unwrap();
        wanted_value(form, Some(current), &image, keep_tag)
            .map(|value| value.replace(A, "A").replace(B, "B"))
    }

    #[test]
    fn values_by_form() {
        use PinForm::*;
        for (form, current, image, keep_tag, expected) in [
            (
                Image,
                " ",
                "ghcr.io/acme/web:1@A",
                true,
                Some("ghcr.io/acme/web:1@A"),
            ),
            (
                Image,
                "nginx:1",
                "docker.io/library/nginx:1@A",
                true,
                Some("nginx:1@A"),
            ),
            (Image, "nginx:1", "nginx:1@A", false, Some("nginx@A")),
            (Image, "old/web:1", "new/web:1@A", true, Some("new/web:1@A")),
            (Image, &format!("nginx@{A}"), "nginx:1@A", true, None),
            (Image, &format!("nginx:1@{A}"), "nginx:1@A", true, None),
            (
                Image,
                &format!("nginx:1@{A}"),
                "nginx:2@A",
                true,
                Some("nginx:2@A"),
            ),
            (
                Image,
                &format!("nginx:1@{B}"),
                "nginx:1@A",
                true,
                Some("nginx:1@A"),
            ),
            (Image, "nginx", "nginx@A", true, Some("nginx@A")),
            (DigestReference, "", "nginx:1@A", true, Some("nginx@A")),
            (
                DockerAction,
                "docker://nginx:1",
                "docker.io/nginx:1@A",
                true,
                Some("docker://nginx:1@A"),
            ),
            (
                DockerAction,
                &format!("docker://nginx:1@{A}"),
                "nginx:1@A",
                true,
                None,
            ),
            (Digest, "", "nginx:1@A", true, Some("A")),
            (Digest, A, "nginx:1@A", true, None),
            (Tag, "1.9", "nginx:1.10@A", true, Some("1.10")),
            (
                Tag,
                &format!("1.9@{B}"),
                "nginx:1.10@A",
                true,
                Some("1.10@A"),
            ),
            (Tag, "1.9", "nginx@A", true, None),
            (
                Repository,
                "library/nginx",
                "docker.io/nginx:1@A",
                true,
                None,
            ),
            (Repository, "acme/web", "ghcr.io/acme/web:1@A", true, None),
            (
                Repository,
                "old/web",
                "ghcr.io/acme/web:1@A",
                true,
                Some("ghcr.io/acme/web"),
            ),
        ] {
            assert_eq!(
                wanted(form, current, image, keep_tag).as_deref(),
                expected,
                "{form:?} {current:?} {image}"
            );
        }
    }
}
