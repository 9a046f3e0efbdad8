use crate::show::doctor::{Finding, State};

/// A file that the operator's file or the environment names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Who names it: `git.credentials`.
    pub setting: String,
    pub path: String,
    /// Whether it must be kept from others.
    pub is_secret: bool,
    /// Its permission bits, where the system has them; or why it cannot be read.
    pub mode: Result<Option<u32>, String>,
}

/// Read by others than its owner and group.
const WORLD_READABLE: u32 = 0o004;
const WORLD_WRITABLE: u32 = 0o002;

/// A secret's file may be its group's: Kubernetes mounts secrets so.
pub fn settings_file(facts: &FileFacts) -> Finding {
    let check = if facts.is_secret {
        "secret file"
    } else {
        "file"
    };
    let new = |state, found: String| Finding::new(state, check, &*facts.path, found);
    match &facts.mode {
        Err(reason) => new(
            State::Fault,
            format!(
                "`{}` names it, and it cannot be read: {reason}",
                facts.setting
            ),
        )
        .advice("put the file there, readable by the user that headwater runs as"),
        Ok(Some(mode)) if mode & WORLD_WRITABLE != 0 => new(
            State::Warning,
            "everybody on this machine can change it".to_owned(),
        )
        .advice(format!("chmod o-w {}", facts.path)),
        Ok(Some(mode)) if facts.is_secret && mode & WORLD_READABLE != 0 => new(
            State::Warning,
            "everybody on this machine can read it".to_owned(),
        )
        .advice(format!("chmod o-r {}", facts.path)),
        Ok(_) => new(State::Ok, format!("readable, for `{}`", facts.setting)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_nobody_elses() {
        for (is_secret, mode, state) in [
            (true, Ok(Some(0o100_600)), State::Ok),
            (true, Ok(Some(0o100_440)), State::Ok),
            (true, Ok(Some(0o100_644)), State::Warning),
            (false, Ok(Some(0o100_644)), State::Ok),
            (false, Ok(Some(0o100_666)), State::Warning),
            (true, Ok(None), State::Ok),
            (false, Err("it is gone".to_owned()), State::Fault),
        ] {
            let facts = FileFacts {
                setting: "forges[].tokenFile".to_owned(),
                path: "/t".to_owned(),
                is_secret,
                mode,
            };
            assert_eq!(settings_file(&facts).state, state, "{facts:?}");
        }
    }
}
