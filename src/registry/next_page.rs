//! `Link: <…>; rel="next"` (RFC 8288), as the pages of tags and of referrers hang together
//! (distribution specification, "Listing Tags", "Listing Referrers").

use reqwest::header::LINK;
use url::Url;

use crate::registry::access::Access;
use crate::registry::error::Failure;
use crate::registry::transport::Answer;
use crate::registry::trouble::name;

const LONGEST_FIELD: usize = 8 * 1024;
const MOST_LINKS: usize = 16;

impl Access<'_> {
    /// The list's own address with another query; anything else is not asked.
    pub fn next_page(
        &self,
        answer: &Answer,
        page: &Url,
        first: &Url,
    ) -> Result<Option<Url>, Failure> {
        let fields = answer.headers.get_all(LINK).iter();
        // A field that is no text is not left out: the list would end there.
        let fields = fields.map(|field| field.to_str().unwrap_or("?"));
        let Some(target) = target(fields).map_err(|reason| self.refused(&reason))? else {
            return Ok(None);
        };
        let next = page
            .join(target)
            .map_err(|_| self.refused("the next page of the list has no usable address"))?;
        let is_foreign = next.origin() != first.origin()
            || !next.username().is_empty()
            || next.password().is_some();
        if is_foreign {
            let message = format!("the next page of the list is on {}", name(&next));
            return Err(self
                .refused(&message)
                .advice("no request and no credential is sent to another host"));
        }
        if next.path() != first.path() {
            return Err(self.refused("the next page of the list is of another repository"));
        }
        Ok(Some(next))
    }
}

/// Where the next page is, as the registry writes it; none on the last page. A link without a
/// relation counts too: some registries write none, and there is nothing else to link to here.
fn target<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, String> {
    for field in fields {
        if field.len() > LONGEST_FIELD {
            return Err("the list's Link is too long".to_owned());
        }
        if let Some(target) = target_in(field)? {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

fn target_in(field: &str) -> Result<Option<&str>, String> {
    let unreadable = || "the list's Link cannot be read".to_owned();
    let mut rest = field.trim_start_matches([' ', '\t', ',']);
    for _ in 0..MOST_LINKS {
        if rest.is_empty() {
            return Ok(None);
        }
        let (target, after) = rest
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'))
            .ok_or_else(unreadable)?;
        let (parameters, after) = after.split_at(end_of_parameters(after));
        if is_next(parameters) {
            return Ok(Some(target));
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    Err(unreadable())
}

/// A comma ends a link, except within quotes.
fn end_of_parameters(text: &str) -> usize {
    let mut is_quoted = false;
    text.find(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    })
    .unwrap_or(text.len())
}

fn is_next(parameters: &str) -> bool {
    let relations: Vec<&str> = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("rel"))
        .map(|(_, value)| value.trim().trim_matches('"'))
        .collect();
    let mut words = relations.iter().flat_map(|value| value.split_whitespace());
    relations.is_empty() || words.any(|word| word.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(field: &str) -> Result<Option<&str>, String> {
        target(std::iter::once(field))
    }

    #[test]
    fn the_next_page_is_found_among_other_links() {
        for (field, expected) in [
            (
                "</v2/a/tags/list?last=b&n=2>; rel=\"next\"",
                Some("/v2/a/tags/list?last=b&n=2"),
            ),
            ("<?last=b>;rel=next", Some("?last=b")),
            ("<?last=b,c>; REL=\"last NEXT\"", Some("?last=b,c")),
            ("<?last=b>", Some("?last=b")),
            (
                "<a>; title=\"x, y\"; rel=\"prev\", <b>; rel=\"next\"",
                Some("b"),
            ),
            ("<a>; rel=\"prev\"", None),
            ("", None),
            (" , ", None),
        ] {
            assert_eq!(one(field), Ok(expected), "{field}");
        }
        let fields = ["<a>; rel=first", "<b>; rel=next"];
        assert_eq!(target(fields.into_iter()), Ok(Some("b")));
        assert_eq!(target(std::iter::empty()), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_never_looks_like_the_last_page() {
        for field in [
            "/v2/a/tags/list?last=b",
            "<unclosed",
            "<a>; rel=prev, b",
            &"<a>; rel=prev, ".repeat(20),
            &format!("<{}>", "x".repeat(9000)),
        ] {
            assert!(one(field).is_err(), "{field:.40}");
        }
    }
}
