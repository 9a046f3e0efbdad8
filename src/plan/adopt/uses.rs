//! Which images can be followed.

use std::collections::HashSet;

use crate::field_path::{FieldPath, Step};
use crate::image::{Reference, Tag};
use crate::manifest::{ImageField, Manifests, Unfit};
use crate::plan::adopt::Adoption;
use crate::problem::Problem;
use crate::snapshot::Files;
use crate::stream::DocumentAddress;

/// A field whose image is to be followed.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    pub field: &'a ImageField,
    /// What to follow: always with a tag, never with a digest.
    pub image: Reference,
}

/// Every image that no trigger keeps yet and that names what to follow; each field once.
pub(crate) fn find<'a>(
    manifests: &'a [Manifests],
    files: &Files,
    adoption: &mut Adoption,
) -> Vec<Found<'a>> {
    let taken: HashSet<(&DocumentAddress, &FieldPath)> = manifests
        .iter()
        .flat_map(|manifests| &manifests.triggers)
        .map(|trigger| (&trigger.target.document, &trigger.target.field))
        .collect();
    let replaced = replaced(manifests);
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for field in manifests.iter().flat_map(|manifests| &manifests.images) {
        let key = (&field.document, &field.field);
        let is_known = files.contains_key(&field.document.file);
        if !is_known || !seen.insert(key) {
            continue;
        }
        let is_replaced = || field.unfit.is_some() && replaced.contains(field.image_name());
        if field.triggered || taken.contains(&key) || is_replaced() {
            adoption.followed += 1;
            continue;
        }
        match followed(field) {
            Ok(Some(image)) => found.push(Found { field, image }),
            Ok(None) => {}
            Err(problem) => {
                adoption.left += 1;
                adoption.problems.push(problem);
            }
        }
    }
    found
}

/// The images that ImageTriggers set in kustomizations.
fn replaced(manifests: &[Manifests]) -> HashSet<&str> {
    manifests
        .iter()
        .flat_map(|manifests| &manifests.triggers)
        .filter_map(|trigger| match trigger.target.field.steps() {
            [Step::Key(list), Step::Where { key, value }, _] if list == "images" => {
                (key == "name").then_some(value.as_str())
            }
            _ => None,
        })
        .collect()
}

/// What a field's image is to follow; none where it names no image at all.
fn followed(field: &ImageField) -> Result<Option<Reference>, Problem> {
    let Some(text) = field
        .image
        .as_deref()
        .filter(|text| !text.trim().is_empty())
    else {
        return Ok(None);
    };
    let left = |why: String| Problem::note(field.place.clone(), why);
    if text.contains("{{") || text.contains("${") || text.contains("$(") {
        return Err(left(format!("`{text}` is a template, so it is left")));
    }
    let image: Reference = text
        .parse()
        .map_err(|error| left(format!("`{text}` is left: {error}")))?;
    if image.tag.is_none() && image.digest.is_some() {
        return Err(left(format!(
            "`{text}` names no tag, so there is nothing to follow"
        ))
        .advice("write repository:tag@digest and run `headwater init` again"));
    }
    if let Some(unfit) = &field.unfit {
        return Err(unfit_problem(field, text, unfit));
    }
    if !is_namespace(&field.namespace) {
        let namespace = &field.namespace;
        return Err(left(format!(
            "`{text}` is left: `{namespace}` is no namespace"
        )));
    }
    let tag = match image.tag {
        Some(tag) => Some(tag),
        None => "latest".parse::<Tag>().ok(),
    };
    Ok(Some(Reference {
        tag,
        digest: None,
        ..image
    }))
}

fn unfit_problem(field: &ImageField, text: &str, unfit: &Unfit) -> Problem {
    let why = match unfit {
        Unfit::Namespaces(names) => format!(
            "`{text}` is left: its file is built for several namespaces: {}",
            names.join(", ")
        ),
        Unfit::Environments(one, other) => {
            format!("`{text}` is left: the environments `{one}` and `{other}` both reach its file")
        }
        Unfit::Replaced(place) => {
            format!("`{text}` is left: the kustomization at {place} replaces it")
        }
    };
    Problem::warning(field.place.clone(), why).advice(
        "follow it where each overlay sets it: write an ImageTrigger for the `images` of the overlay's kustomization",
    )
}

/// A DNS label, as Kubernetes demands it: a template's placeholder is none.
fn is_namespace(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 63 && name.bytes().all(is_good)
}
