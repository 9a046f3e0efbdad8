# Leaves of a Swagger 2.0 description what a request to one of the operations below is checked by.
def used: {
  "/version": ["get"],
  "/user": ["get"],
  "/repos/{owner}/{repo}": ["get"],
  "/repos/{owner}/{repo}/pulls": ["get", "post"],
  "/repos/{owner}/{repo}/pulls/{index}": ["get", "patch"],
  "/repos/{owner}/{repo}/pulls/{index}/merge": ["post"],
  "/repos/{owner}/{repo}/pulls/{index}/requested_reviewers": ["post"],
  "/repos/{owner}/{repo}/pulls/{index}/reviews": ["get"],
  "/repos/{owner}/{repo}/labels": ["get", "post"],
  "/repos/{owner}/{repo}/issues/{index}/labels": ["post"],
  "/repos/{owner}/{repo}/issues/{index}/labels/{id}": ["delete"],
  "/repos/{owner}/{repo}/issues/{index}/labels/{identifier}": ["delete"],
  "/repos/{owner}/{repo}/issues/{index}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/issues/comments/{id}": ["patch", "delete"],
  "/repos/{owner}/{repo}/commits/{ref}/status": ["get"],
  "/repos/{owner}/{repo}/commits/{sha}/pull": ["get"],
  "/repos/{owner}/{repo}/git/commits/{sha}": ["get"],
  "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
  "/repos/{owner}/{repo}/branches/{branch}": ["get"],
  "/repos/{owner}/{repo}/branch_protections": ["get"]
};

def said: with_entries(select(.value != null));

def schema:
  if has("$ref") then {"$ref"}
  else {
    type, format, enum, required,
    items: (if .items then .items | schema else null end),
    properties: (if .properties then .properties | map_values(schema) else null end),
    additionalProperties: (
      if (.additionalProperties | type) == "object" then .additionalProperties | schema
      else .additionalProperties end
    )
  } | said end;

def parameter:
  {name, in, type, format, enum, required,
   items: (if .items then .items | schema else null end),
   schema: (if .schema then .schema | schema else null end)} | said;

def refs: [.. | objects | .["$ref"]? // empty | strings | ltrimstr("#/definitions/")];

def closed($definitions):
  . as $have
  | ([$have[] | $definitions[.] | refs[]] + $have | unique) as $more
  | if ($more | length) == ($have | length) then $have else $more | closed($definitions) end;

. as $all
| (used | to_entries | map(select(.key as $path | $all.paths | has($path)) |
    .key as $path
    | {key: $path, value: (.value | map({
        key: .,
        value: {parameters: [($all.paths[$path][.].parameters // [])[] | parameter]}
      }) | from_entries)}
  ) | from_entries) as $paths
| ($all.definitions | map_values(schema)) as $definitions
| {
    swagger, info, basePath,
    paths: $paths,
    definitions: ($paths | refs | unique | closed($definitions)
      | map({key: ., value: $definitions[.]}) | from_entries)
  }
