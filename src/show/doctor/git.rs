use crate::environment::Environment;
use crate::show::doctor::{Finding, State};

/// What is known of a server's key for ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTrust {
    Known,
    Unknown,
    Changed,
    Revoked,
}

/// The key that a server shows for ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownKey {
    pub trust: KeyTrust,
    /// Type and fingerprint.
    pub shown: String,
    /// The line of a `known_hosts` file.
    pub line: String,
    /// Types and fingerprints of what the files have.
    pub expected: Vec<String>,
    pub files: Vec<String>,
}

/// The repository answers.
pub fn reachable(of: &str, branch: &str, commit: &str) -> Finding {
    Finding::new(
        State::Ok,
        "repository",
        of,
        format!("default branch {branch} at {commit}"),
    )
}

/// Why a repository cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is none, or it has no commit.
    Nothing,
    /// The login is refused, or there is none.
    Login,
    /// The server is not proved to be the one that is meant.
    Trust,
    Network,
    Other,
}

/// It does not; `reason` without secrets.
pub fn unreachable(of: &str, trouble: Trouble, reason: &str) -> Finding {
    let advice = match trouble {
        Trouble::Nothing => "give the path or the URL of a Git repository with a commit",
        Trouble::Login => {
            "name a token or key that is let in: git.credentials or forges of the server file, or \
             the variables of docs/configuration.md"
        }
        Trouble::Trust => {
            "over ssh, see `host key`; over https, name the authority that signed its certificate \
             as git.caFile"
        }
        Trouble::Network => "see whether the host can be reached from here",
        Trouble::Other => "see what is said; nothing else can be looked at in it",
    };
    Finding::new(State::Fault, "repository", of, reason).advice(advice)
}

/// Of a clone that lacks the beginning of the history.
pub fn shallow(of: &str) -> Finding {
    Finding::new(
        State::Fault,
        "history",
        of,
        "it is shallow, and what was taken back stands in the whole history",
    )
    .advice("git fetch --unshallow")
}

/// `outcome`: whether the server lets this login push at all, in its words where not.
pub fn push(of: &str, outcome: &Result<(), String>) -> Finding {
    match outcome {
        Ok(()) => Finding::new(
            State::Ok,
            "push",
            of,
            "the server takes pushes of this login",
        ),
        Err(reason) => Finding::new(State::Fault, "push", of, reason)
            .advice("give the login or key write access to this repository"),
    }
}

/// The branch of an environment; `is_there` whether it is. Else `at_origin` is where a clone knows
/// it, and `beginning` what it is made from.
pub fn environment_branch(
    of: &str,
    environment: &Environment,
    branch: &str,
    beginning: &str,
    is_there: bool,
    at_origin: Option<&str>,
) -> Finding {
    let of = format!("{of} {branch}");
    let name = &environment.name;
    if is_there {
        return Finding::new(State::Ok, "branch", of, format!("environment {name}"));
    }
    if let Some(there) = at_origin {
        let found = format!("environment {name} has its branch at {there} only");
        return Finding::new(State::Fault, "branch", of, found)
            .advice(format!("git branch {branch} {there}"));
    }
    Finding::new(
        State::Fault,
        "branch",
        of,
        format!("environment {name} has no branch yet"),
    )
    .advice(format!("git push origin {beginning}:refs/heads/{branch}"))
}

/// A branch whose name is a folder of the bot's branches.
pub fn blocking_branch(of: &str, branch: &str) -> Finding {
    Finding::new(
        State::Fault,
        "branch",
        format!("{of} {branch}"),
        format!("in its place there can be no branch {branch}/…, as the bot's are called"),
    )
    .advice(format!("rename it: git branch -m {branch} {branch}-old"))
}

/// `key`: its fingerprint, none where commits are not signed; or why it cannot be used.
pub fn signing_key(key: Result<Option<&str>, &str>) -> Finding {
    let new = |state, found: String| Finding::new(state, "signing", "commits", found);
    match key {
        Ok(Some(fingerprint)) => new(State::Ok, format!("signed with the key {fingerprint}")),
        Ok(None) => new(State::Ok, "not signed: no key is set".to_owned()),
        Err(reason) => new(State::Fault, format!("no commit can be made: {reason}"))
            .advice("mend git.signing, or the variable HEADWATER_GIT_SIGNING_KEY"),
    }
}

/// Whether the server is the one that is meant.
pub fn host_key(of: &str, key: &ShownKey) -> Finding {
    let new = |state, found: String| Finding::new(state, "host key", of, found);
    let files = key.files.join(" or ");
    let shown = &key.shown;
    match key.trust {
        KeyTrust::Known => new(State::Ok, format!("{shown}, as expected")),
        KeyTrust::Unknown => new(
            State::Fault,
            format!("it shows {shown}, and {files} has none for it"),
        )
        .advice(format!(
            "compare it with what the host publishes, then add this line: {}",
            key.line
        )),
        KeyTrust::Changed => new(
            State::Fault,
            format!(
                "it shows {shown}, and expected is {}",
                key.expected.join(" or ")
            ),
        )
        .advice(format!(
            "somebody may be in between; only if the host says that its key has changed, put \
             this line in place of the old one in {files}: {}",
            key.line
        )),
        KeyTrust::Revoked => new(State::Fault, format!("{shown} is revoked in {files}"))
            .advice("do not connect; ask who runs the host for its present key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(trust: KeyTrust) -> ShownKey {
        ShownKey {
            trust,
            shown: "ssh-ed25519 SHA256:new".to_owned(),
            line: "git.example ssh-ed25519 AAAA".to_owned(),
            expected: vec!["ssh-ed25519 SHA256:old".to_owned()],
            files: vec!["/known".to_owned()],
        }
    }

    #[test]
    fn a_key_that_is_not_expected_is_shown_with_the_line_for_it() {
        let known = host_key("git.example", &key(KeyTrust::Known));
        assert_eq!((known.state, known.advice), (State::Ok, None));
        for trust in [KeyTrust::Unknown, KeyTrust::Changed] {
            let finding = host_key("git.example", &key(trust));
            assert_eq!(finding.state, State::Fault);
            assert!(finding.found.contains("SHA256:new"), "{finding:?}");
            let advice = finding.advice.unwrap();
            assert!(advice.ends_with("git.example ssh-ed25519 AAAA"), "{advice}");
        }
        let changed = host_key("git.example", &key(KeyTrust::Changed));
        assert!(changed.found.contains("SHA256:old"), "{changed:?}");
        let revoked = host_key("git.example", &key(KeyTrust::Revoked));
        assert!(!revoked.advice.unwrap().contains("AAAA"));
    }

    #[test]
    fn a_branch_that_is_missing_is_told_how_to_be_made() {
        let environment = Environment::default();
        let finding = environment_branch("shop", &environment, "env/dev", "main", false, None);
        assert_eq!(
            finding.advice.as_deref(),
            Some("git push origin main:refs/heads/env/dev")
        );
    }
}
