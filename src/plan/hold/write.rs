//! A stream tag's holds as bytes of its file.

use serde_json::{Map, Value};

use crate::environment::EnvironmentName;
use crate::field_path::FieldPath;
use crate::hold::{HOLD, Hold};
use crate::problem::{Place, Problem};
use crate::snapshot::{FileChange, Files};
use crate::stream::{ImageStream, SpecTag};
use crate::yaml::{self, Edit};

/// The change that puts `hold` on a stream tag, in the place of the one that its environment has.
/// None where it stands there already.
///
/// # Errors
/// Where the tag has no entry of its own in the spec, its holds cannot be read, or the file
/// cannot be edited exactly.
pub fn put(
    stream: &ImageStream,
    tag: &str,
    hold: &Hold,
    files: &Files,
) -> Result<Option<FileChange>, Problem> {
    make(stream, tag, files, put_edit(stream, tag, hold)?)
}

/// The change that takes the hold of `environment` off a stream tag. None where there is none.
///
/// # Errors
/// As those of [`put`].
pub fn take_off(
    stream: &ImageStream,
    tag: &str,
    environment: &EnvironmentName,
    files: &Files,
) -> Result<Option<FileChange>, Problem> {
    make(stream, tag, files, take_off_edit(stream, tag, environment)?)
}

/// The edit that [`put`] makes.
pub(crate) fn put_edit(
    stream: &ImageStream,
    tag: &str,
    hold: &Hold,
) -> Result<Option<Edit>, Problem> {
    rewrite(stream, tag, |holds| {
        match holds
            .iter_mut()
            .find(|other| other.environment == hold.environment)
        {
            Some(other) => *other = hold.clone(),
            None => holds.push(hold.clone()),
        }
    })
}

/// The edit that [`take_off`] makes.
pub(crate) fn take_off_edit(
    stream: &ImageStream,
    tag: &str,
    environment: &EnvironmentName,
) -> Result<Option<Edit>, Problem> {
    rewrite(stream, tag, |holds| {
        holds.retain(|hold| hold.environment != *environment);
    })
}

fn rewrite(
    stream: &ImageStream,
    tag: &str,
    change: impl FnOnce(&mut Vec<Hold>),
) -> Result<Option<Edit>, Problem> {
    let spec = stream.tag(tag).ok_or_else(|| no_entry(stream, tag))?;
    if let Some(faulty) = spec.settings.holds.faulty.first() {
        let message = format!(
            "the holds of {}:{tag} cannot be read: {}",
            stream.name, faulty.fault
        );
        return Err(Problem::error(spec.place.clone(), message).advice(format!(
            "correct {HOLD} first, so that none of them is lost"
        )));
    }
    let before = &spec.settings.holds.sound;
    let mut after = before.clone();
    change(&mut after);
    Ok((after != *before).then(|| edit(stream, spec, &after)))
}

fn make(
    stream: &ImageStream,
    tag: &str,
    files: &Files,
    edit: Option<Edit>,
) -> Result<Option<FileChange>, Problem> {
    let Some(edit) = edit else { return Ok(None) };
    let file = &stream.document.file;
    let bytes = files.get(file).ok_or_else(|| {
        let place = stream.tag(tag).map(|spec| spec.place.clone());
        Problem::error(place, format!("{file} is not at hand"))
    })?;
    let edited = yaml::edit(bytes, &[edit]).map_err(|refusals| {
        let refusal = refusals.into_iter().next();
        let message = refusal.as_ref().map_or("", |refusal| &refusal.message);
        let place = refusal.as_ref().map(|refusal| Place {
            file: file.clone(),
            line: refusal.at.line,
            column: refusal.at.column,
        });
        let message = format!("the hold cannot be written exactly: {message}");
        Problem::error(place, message)
    })?;
    Ok(Some(FileChange {
        path: file.clone(),
        before: bytes.clone(),
        after: edited.into(),
    }))
}

fn no_entry(stream: &ImageStream, tag: &str) -> Problem {
    let name = format!("{}:{tag}", stream.name);
    let message = match &stream.whole_repository {
        Some((repository, _)) => {
            format!("a hold of {name} has no place: the tag comes with all tags of {repository}")
        }
        None => format!("a hold of {name} has no place: the tag is not one of spec.tags"),
    };
    Problem::error(stream.place.clone(), message).advice("name it in spec.tags")
}

/// A key that is left without holds goes, and its mapping with it where it held nothing else.
fn edit(stream: &ImageStream, spec: &SpecTag, holds: &[Hold]) -> Edit {
    let document = stream.document.document;
    let tags: FieldPath = stream.root.clone().key("spec").key("tags");
    let annotations = tags.matching("name", &spec.name).key("annotations");
    match text(holds) {
        Some(text) => Edit::Put {
            document,
            field: annotations.key(HOLD),
            value: Value::String(text),
        },
        None => Edit::Remove {
            document,
            field: match spec.settings.annotations.len() {
                1 => annotations,
                _ => annotations.key(HOLD),
            },
        },
    }
}

/// The annotation's value: an object, or an array where there are several.
fn text(holds: &[Hold]) -> Option<String> {
    match holds {
        [] => None,
        [hold] => Some(object(hold).to_string()),
        holds => Some(Value::Array(holds.iter().map(object).collect()).to_string()),
    }
}

fn object(hold: &Hold) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value.into());
        }
    };
    put("environment", Some(hold.environment.to_string()));
    put("rejected", hold.rejected.as_ref().map(ToString::to_string));
    put("by", hold.by.clone());
    put("reason", hold.reason.clone());
    put("until", hold.until.map(|until| until.to_string()));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use crate::environment::Environment;
    use crate::hold::{HOLD, Hold};
    use crate::image::Digest;
    use crate::manifest::{assemble, read_file};
    use crate::plan::hold::{put, take_off};
    use crate::problem::Problem;
    use crate::snapshot::{FilePath, Files};
    use crate::stream::ImageStream;

    fn hold(environment: &str) -> Hold {
        Hold {
            environment: environment.parse().unwrap(),
            rejected: Some(Digest::of(b"bad")),
            by: Some("Ada \"the first\" <ada@example.org>".to_owned()),
            reason: Some("it's broken: # no\nsecond line".to_owned()),
            until: Some("2026-09-01T08:00:00Z".parse().unwrap()),
        }
    }

    fn read(path: &str, text: &str) -> (ImageStream, Files, Vec<Problem>) {
        let path: FilePath = path.parse().unwrap();
        let facts = read_file(text.as_bytes()).into();
        let environment = Environment {
            name: "prod".parse().unwrap(),
            ..Environment::default()
        };
        let environments = std::slice::from_ref(&environment);
        let files = [(path.clone(), facts)];
        let mut manifests = assemble(&files, &[].into(), &environment, environments);
        let files = Files::from([(path, text.as_bytes().into())]);
        (manifests.streams.remove(0), files, manifests.problems)
    }

    /// The text with the hold of `prod` put, which is read back as what it was; putting it again
    /// and taking it off again give back what was there.
    fn put_and_back(path: &str, text: &str, is_back_exact: bool) -> String {
        let (stream, files, _) = read(path, text);
        let change = put(&stream, "1.0", &hold("prod"), &files).unwrap().unwrap();
        let after = String::from_utf8(change.after.to_vec()).unwrap();
        let (stream, files, problems) = read(path, &after);
        assert_eq!(problems, [], "{after}");
        let holds = &stream.tag("1.0").unwrap().settings.holds;
        assert_eq!(holds.of(&"prod".parse().unwrap()), Some(&hold("prod")));
        assert_eq!(put(&stream, "1.0", &hold("prod"), &files), Ok(None));
        let prod = "prod".parse().unwrap();
        let back = take_off(&stream, "1.0", &prod, &files).unwrap().unwrap();
        if is_back_exact {
            assert_eq!(String::from_utf8_lossy(&back.after), text);
        }
        after
    }

    /// The lines of `after` that are not in `before`.
    fn new_lines<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
        let old: Vec<&str> = before.lines().collect();
        after.lines().filter(|line| !old.contains(line)).collect()
    }

    const STREAM: &str = "# the web\nkind: ImageStream\napiVersion: image.openshift.io/v1\nmetadata: {name: web}\nspec:\n    tags:\n    - name: \"1.0\" # the first\n      from: {kind: DockerImage, name: \"quay.io/a/web:1.0\"}\n    - name: other\n";

    #[test]
    fn a_hold_is_put_without_touching_another_byte() {
        let after = put_and_back("web.yaml", STREAM, true);
        let new = new_lines(STREAM, &after);
        assert_eq!(new.len(), 2, "{after}");
        assert_eq!(new[0].trim(), "annotations:");
        assert!(new[1].trim().starts_with(HOLD), "{after}");

        let annotated = STREAM.replace(
            "      from",
            "      annotations:\n        headwater.dev/interval: 1h   # often\n      from",
        );
        let after = put_and_back("web.yaml", &annotated, true);
        assert_eq!(new_lines(&annotated, &after).len(), 1, "{after}");
        let windows = annotated.replace('\n', "\r\n");
        let after = put_and_back("web.yaml", &windows, true);
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());

        let flow = STREAM.replace("      from", "      annotations: {a: b}\n      from");
        let after = put_and_back("web.yaml", &flow, true);
        assert_eq!(new_lines(&flow, &after).len(), 1, "{after}");
    }

    #[test]
    fn a_hold_is_put_into_json() {
        let text = "{\n  \"kind\": \"ImageStreamList\",\n  \"items\": [\n    {\"metadata\": {\"name\": \"web\"}, \"spec\": {\"tags\": [{\"name\": \"1.0\"}]}}\n  ]\n}";
        let after = put_and_back("web.json", text, false);
        assert!(serde_json::from_str::<serde_json::Value>(&after).is_ok());
    }

    #[test]
    fn each_environment_keeps_its_own() {
        let freeze = Hold {
            rejected: None,
            by: None,
            reason: None,
            until: None,
            ..hold("dev")
        };
        let (stream, files, _) = read("web.yaml", STREAM);
        let one = put(&stream, "1.0", &freeze, &files).unwrap().unwrap();
        let one = String::from_utf8(one.after.to_vec()).unwrap();
        assert!(one.contains(r#"'{"environment":"dev"}'"#), "{one}");
        let two = put_and_back("web.yaml", &one, false);

        let (stream, files, _) = read("web.yaml", &two);
        let sound = &stream.tag("1.0").unwrap().settings.holds.sound;
        assert_eq!(*sound, [freeze.clone(), hold("prod")], "{two}");
        let later = Hold {
            until: None,
            ..hold("prod")
        };
        let three = put(&stream, "1.0", &later, &files).unwrap().unwrap();
        let (stream, ..) = read("web.yaml", &String::from_utf8_lossy(&three.after));
        assert_eq!(
            stream.tag("1.0").unwrap().settings.holds.sound,
            [freeze, later]
        );
        let none = take_off(&stream, "1.0", &"staging".parse().unwrap(), &files);
        assert_eq!(none, Ok(None));
    }

    #[test]
    fn a_hold_without_a_place_is_refused() {
        let whole = STREAM.replace("spec:", "spec:\n    dockerImageRepository: quay.io/a/web");
        let broken = STREAM.replace(
            "- name: other",
            "- {name: broken, annotations: {headwater.dev/hold: '{'}}",
        );
        let shared = STREAM.replace(
            "- name: other",
            "- {name: other, annotations: &a {a: b}}\n    - {name: shared, annotations: *a}",
        );
        let of = |text: &str, tag: &str| {
            let (stream, files, _) = read("web.yaml", text);
            put(&stream, tag, &hold("prod"), &files)
                .unwrap_err()
                .to_string()
        };
        for (text, tag, expected) in [
            (
                STREAM,
                "2.0",
                "a hold of default/web:2.0 has no place: the tag is not one of spec.tags; name it in spec.tags",
            ),
            (
                whole.as_str(),
                "2.0",
                "the tag comes with all tags of quay.io/a/web; name it in spec.tags",
            ),
            (
                broken.as_str(),
                "broken",
                "web.yaml:9:7: error: the holds of default/web:broken cannot be read: it is not JSON",
            ),
            (
                shared.as_str(),
                "shared",
                "web.yaml:10:35: error: the hold cannot be written exactly: ",
            ),
        ] {
            let error = of(text, tag);
            assert!(error.contains(expected), "{error}");
        }
    }
}
