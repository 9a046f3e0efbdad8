//! The files around the streams: `headwater.yaml`, and a job that runs headwater.

use crate::config::repository::FILE_NAME;
use crate::plan::adopt::{Edited, Inputs};
use crate::problem::Problem;
use crate::snapshot::FilePath;

/// A CI system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    Github,
    Gitlab,
}

const CONFIG: &str = include_str!("scaffold/headwater.yaml");
const GITHUB: (&str, &str) = (
    ".github/workflows/headwater.yml",
    include_str!("scaffold/github.yml"),
);
const GITLAB: (&str, &str) = (
    "headwater.gitlab-ci.yml",
    include_str!("scaffold/gitlab.yml"),
);
/// Where GitLab looks for jobs.
const GITLAB_ROOT: &str = ".gitlab-ci.yml";

/// Adds those files that do not exist; one that does is never touched.
pub(crate) fn write(inputs: &Inputs<'_>, edited: &mut Edited, problems: &mut Vec<Problem>) {
    add(inputs, edited, FILE_NAME, CONFIG);
    match inputs.ci {
        Some(Ci::Github) => {
            add(inputs, edited, GITHUB.0, GITHUB.1);
        }
        Some(Ci::Gitlab) if add(inputs, edited, GITLAB.0, GITLAB.1) => {
            let path = GITLAB.0;
            let message = format!("GitLab does not read {path} by itself");
            let advice = format!("add to {GITLAB_ROOT}: include: [{{local: {path}}}]");
            problems.push(Problem::note(None, message).advice(advice));
        }
        _ => {}
    }
}

fn add(inputs: &Inputs<'_>, edited: &mut Edited, path: &str, text: &str) -> bool {
    let Ok(path) = path.parse::<FilePath>() else {
        return false;
    };
    if inputs.files.contains_key(&path) {
        return false;
    }
    edited.insert(path, text.as_bytes().to_vec());
    true
}
