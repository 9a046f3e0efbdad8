//! That the descriptions find what they are there to find.

use serde_json::{Value, json};

use crate::support::forge::{Call, Description};

const GITEA: &str = include_str!("../support/forge/descriptions/gitea.json");
const FORGEJO: &str = include_str!("../support/forge/descriptions/forgejo.json");
const GITHUB: &str = include_str!("../support/forge/descriptions/github.json");

/// OpenAPI 3 says the same in other places.
const OPEN_API: &str = r##"{
    "paths": {
        "/pulls/{n}": {
            "post": {
                "parameters": [
                    {"$ref": "#/components/parameters/n"},
                    {"name": "per_page", "in": "query", "schema": {"type": "integer"}}
                ],
                "requestBody": {
                    "required": true,
                    "content": {"application/json": {"schema": {
                        "type": "object",
                        "properties": {
                            "title": {"type": ["string", "null"]},
                            "of": {"oneOf": [{"type": "integer"}, {"type": "boolean"}]}
                        }
                    }}}
                }
            }
        },
        "/pulls/new": {"get": {}}
    },
    "components": {"parameters": {
        "n": {"name": "n", "in": "path", "required": true, "schema": {"type": "integer"}}
    }}
}"##;

fn faults(description: &str, method: &str, path: &str, body: &Value) -> Vec<String> {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let call = Call::new(method, path, "", &text);
    Description::parse(description).faults_of(&call)
}

/// Each request with a word of the one fault that it has; none where there is none.
fn check(description: &str, requests: &[(&str, &str, Value, &str)]) {
    for (method, path, body, word) in requests {
        let found = faults(description, method, path, body);
        let is_expected = match &*found {
            [] => word.is_empty(),
            [fault] => !word.is_empty() && fault.contains(word),
            _ => false,
        };
        assert!(
            is_expected,
            "{method} {path} {body}: {found:?}, not {word:?}"
        );
    }
}

#[test]
fn swagger_allows_what_it_says_and_nothing_else() {
    let pulls = "/repos/acme/shop/pulls";
    let merge = "/repos/acme/shop/pulls/1/merge";
    let none = Value::Null;
    let requests = [
        (
            "GET",
            "/repos/acme/shop/pulls?state=open&page=2",
            none.clone(),
            "",
        ),
        (
            "GET",
            "/repos/acme/shop/pulls?state=merged",
            none.clone(),
            "none of its values",
        ),
        (
            "GET",
            "/repos/acme/shop/pulls?page=two",
            none.clone(),
            "type",
        ),
        (
            "GET",
            "/repos/acme/shop/pulls?per_page=50",
            none.clone(),
            "no parameter per_page",
        ),
        ("GET", "/repos/acme/shop/pulls/one", none.clone(), "type"),
        (
            "GET",
            "/repos/acme/shop/merge_requests",
            none.clone(),
            "no such operation",
        ),
        ("PUT", pulls, json!({}), "no such operation"),
        (
            "POST",
            pulls,
            json!({"head": "a", "base": "b", "labels": [1]}),
            "",
        ),
        (
            "POST",
            pulls,
            json!({"labels": ["image-pin"]}),
            "body.labels[]",
        ),
        (
            "POST",
            pulls,
            json!({"draft": true}),
            "body.draft is not described",
        ),
        ("POST", pulls, json!({"title": 1}), "body.title"),
        ("POST", pulls, json!([]), "type"),
        (
            "POST",
            merge,
            json!({"Do": "squash", "head_commit_id": "a"}),
            "",
        ),
        (
            "POST",
            merge,
            json!({"Do": "octopus"}),
            "none of its values",
        ),
        ("POST", merge, json!({}), "body.Do is missing"),
        ("GET", pulls, json!({}), "no body"),
    ];
    check(GITEA, &requests);
    check(FORGEJO, &requests);
    // What differs between the two.
    let by_head = "/repos/acme/shop/pulls?head=x";
    check(FORGEJO, &[("GET", by_head, none.clone(), "")]);
    check(GITEA, &[("GET", by_head, none, "no parameter head")]);
}

#[test]
fn open_api_allows_what_it_says_and_nothing_else() {
    let one = "/pulls/1";
    let requests = [
        ("POST", one, json!({"title": null, "of": true}), ""),
        ("POST", "/pulls/1?per_page=5", json!({"of": 3}), ""),
        ("POST", "/pulls/1?per_page=x", json!({}), "type"),
        ("POST", one, json!({"of": "x"}), "none of what it may be"),
        ("POST", one, json!({"title": 3}), "type"),
        ("POST", one, json!({"titel": "x"}), "not described"),
        ("POST", one, Value::Null, "body is missing"),
        ("POST", "/pulls/x", json!({}), "type"),
        ("GET", "/pulls/new", Value::Null, ""),
        ("POST", "/pulls/new", json!({}), "no such operation"),
    ];
    check(OPEN_API, &requests);
}

#[test]
fn githubs_description_finds_what_github_would_pass_over() {
    let pulls = "/repos/acme/shop/pulls";
    let merge = "/repos/acme/shop/pulls/1/merge";
    let labels = "/repos/acme/shop/issues/1/labels";
    let tokens = "/app/installations/7/access_tokens";
    let none = Value::Null;
    let requests = [
        (
            "GET",
            "/repos/acme/shop/pulls?per_page=100",
            none.clone(),
            "",
        ),
        (
            "GET",
            "/repos/acme/shop/pulls?limit=50",
            none.clone(),
            "no parameter limit",
        ),
        (
            "GET",
            "/repos/acme/shop/pulls?state=merged",
            none,
            "none of its values",
        ),
        (
            "POST",
            pulls,
            json!({"head": "a", "base": "b", "draft": true}),
            "",
        ),
        ("POST", pulls, json!({"head": "a"}), "body.base is missing"),
        (
            "POST",
            pulls,
            json!({"head": "a", "base": "b", "labels": ["x"]}),
            "body.labels is not described",
        ),
        (
            "PUT",
            merge,
            json!({"sha": "a", "merge_method": "squash"}),
            "",
        ),
        (
            "PUT",
            merge,
            json!({"merge_method": "SQUASH"}),
            "none of its values",
        ),
        ("POST", merge, json!({}), "no such operation"),
        ("POST", labels, json!({"labels": ["image-pin"]}), ""),
        (
            "POST",
            labels,
            json!({"labels": [1]}),
            "none of what it may be",
        ),
        (
            "POST",
            labels,
            json!({"labels": []}),
            "none of what it may be",
        ),
        (
            "POST",
            tokens,
            json!({"permissions": {"contents": "write"}}),
            "",
        ),
        (
            "POST",
            tokens,
            json!({"permissions": {"contents": "admin"}}),
            "none of its values",
        ),
        (
            "POST",
            tokens,
            json!({"permissions": {"pull-requests": "write"}}),
            "not described",
        ),
    ];
    check(GITHUB, &requests);
}
