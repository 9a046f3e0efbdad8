//! Redirects are followed by hand: each step is judged.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use crate::registry::error::Failure;
use crate::registry::trouble::name;

/// Where a redirect leads; none when the response is none.
pub(super) fn target(
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, Failure> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    location(from, headers).map(Some)
}

/// What `Location` names, as it may be asked at all.
pub(super) fn location(from: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
    let host = name(from);
    let to = headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Failure::refused(&host, "a redirect without a usable address"))?;
    if !to.username().is_empty() || to.password().is_some() {
        return Err(Failure::refused(
            &host,
            "a redirect to an address with a user name",
        ));
    }
    match (from.scheme(), to.scheme()) {
        ("https" | "http", "https") | ("http", "http") => Ok(to),
        _ => Err(Failure::refused(
            &host,
            format!("a redirect to {} without TLS is not followed", name(&to)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(from: &str, location: &str) -> Result<Option<String>, String> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        target(&Url::parse(from).unwrap(), StatusCode::FOUND, &headers)
            .map(|to| to.map(|to| to.to_string()))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn redirects_by_pair() {
        let from = "https://r.example/v2/a/manifests/1";
        for (location, expected) in [
            ("/x", "https://r.example/x"),
            ("2", "https://r.example/v2/a/manifests/2"),
            ("//cdn.example/x", "https://cdn.example/x"),
            (
                "https://cdn.example:8443/x?sig=1",
                "https://cdn.example:8443/x?sig=1",
            ),
        ] {
            assert_eq!(
                target_of(from, location),
                Ok(Some(expected.to_owned())),
                "{location}"
            );
        }
        for (location, reason) in [
            ("http://r.example/x", "without TLS"),
            ("http://cdn.example/x?sig=secret", "without TLS"),
            ("https://user:secret@r.example/", "user name"),
            ("https://", "usable address"),
            ("file:///etc/passwd", "not followed"),
        ] {
            let error = target_of(from, location).unwrap_err();
            assert!(error.contains(reason), "{location}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(target_of("http://r.example/", "http://x.example/").is_ok());
        assert!(target_of("http://r.example/", "https://x.example/").is_ok());
    }
}
