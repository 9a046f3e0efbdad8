# Leaves of an OpenAPI 3 description what a request to one of the operations below is checked by.
def used: {
  "/user": ["get"],
  "/app/installations/{installation_id}": ["get"],
  "/app/installations/{installation_id}/access_tokens": ["post"],
  "/installation/repositories": ["get"],
  "/repos/{owner}/{repo}": ["get"],
  "/repos/{owner}/{repo}/installation": ["get"],
  "/repos/{owner}/{repo}/pulls": ["get", "post"],
  "/repos/{owner}/{repo}/pulls/{pull_number}": ["get", "patch"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/merge": ["put"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers": ["post"],
  "/repos/{owner}/{repo}/issues/{issue_number}/labels": ["post"],
  "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}": ["delete"],
  "/repos/{owner}/{repo}/issues/{issue_number}/assignees": ["post"],
  "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch", "delete"],
  "/repos/{owner}/{repo}/commits/{ref}/status": ["get"],
  "/repos/{owner}/{repo}/commits/{ref}/check-runs": ["get"],
  "/repos/{owner}/{repo}/commits/{commit_sha}/pulls": ["get"],
  "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
  "/repos/{owner}/{repo}/branches/{branch}": ["get"],
  "/repos/{owner}/{repo}/branches/{branch}/protection": ["get"],
  "/repos/{owner}/{repo}/rules/branches/{branch}": ["get"]
};

def said: with_entries(select(.value != null));

def schema:
  if has("$ref") then {"$ref"}
  else {
    type, format, enum, required, nullable, minItems,
    oneOf: (if .oneOf then .oneOf | map(schema) else null end),
    anyOf: (if .anyOf then .anyOf | map(schema) else null end),
    items: (if .items then .items | schema else null end),
    properties: (if .properties then .properties | map_values(schema) else null end),
    additionalProperties: (
      if (.additionalProperties | type) == "object" then .additionalProperties | schema
      else .additionalProperties end
    )
  } | said end;

def parameter:
  if has("$ref") then {"$ref"}
  else {name, in, required, schema: (.schema | schema)} | said end;

def body:
  if . == null then null
  else {
    required,
    content: (.content | {"application/json": {schema: .["application/json"].schema | schema}})
  } | said end;

def operation: {parameters: [(.parameters // [])[] | parameter], requestBody: (.requestBody | body)} | said;

# Where a reference leads: `["parameters", "owner"]`.
def refs: [.. | objects | .["$ref"]? // empty | strings | ltrimstr("#/components/") | split("/")];

def kept($components):
  .[0] as $kind
  | $components[$kind][.[1]]
  | if $kind == "parameters" then parameter else schema end;

def closed($components):
  . as $have
  | ([$have[] | kept($components) | refs[]] + $have | unique) as $more
  | if ($more | length) == ($have | length) then $have else $more | closed($components) end;

. as $all
| (used | to_entries | map(
    .key as $path
    | {key: $path, value: (.value | map({key: ., value: ($all.paths[$path][.] | operation)})
        | from_entries)}
  ) | from_entries) as $paths
| {
    openapi,
    info: {title: .info.title, version: .info.version, license: .info.license},
    paths: $paths,
    components: (
      reduce ($paths | refs | unique | closed($all.components) | .[]) as $place
        ({}; setpath($place; $place | kept($all.components)))
    )
  }
