use crate::lookup::Resolution;
use crate::show::doctor::{Finding, State};

/// What came of asking a registry for one image that is followed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryFacts {
    /// As it is written.
    pub image: String,
    /// Whether there is a login for it; or which helper failed.
    pub has_login: Result<bool, String>,
    pub resolution: Resolution,
}

pub(super) const MEND_HELPER: &str = "mend the credential helper";

/// How a registry is asked; otherwise why that is not known.
pub(super) fn login(has_login: &Result<bool, String>) -> Result<&'static str, String> {
    match has_login {
        Ok(true) => Ok("with a login"),
        Ok(false) => Ok("without a login"),
        Err(reason) => Err(format!("its login cannot be had: {reason}")),
    }
}

pub fn registry(of: &str, facts: &RegistryFacts) -> Finding {
    let new = |state, found: String| Finding::new(state, "registry", of, found);
    let login = match login(&facts.has_login) {
        Ok(login) => login,
        Err(reason) => return new(State::Fault, reason).advice(MEND_HELPER),
    };
    let image = &facts.image;
    let Some(fault) = facts.resolution.fault() else {
        return new(State::Ok, format!("gives {image} {login}"));
    };
    let (state, usual) = match &facts.resolution {
        // It answers; whether the image is to be there is for `plan` to say.
        Resolution::Missing(_) => (State::Warning, "push it, or follow another tag"),
        Resolution::Unsettled(_) => (State::Warning, "wait until it has been pushed whole"),
        Resolution::Denied(_) => (State::Fault, "log in: `docker login` or credentialsFile"),
        Resolution::Refused(_) => (State::Fault, "see docs/configuration.md, registries"),
        _ => (
            State::Fault,
            "see whether the host can be reached from here",
        ),
    };
    new(state, format!("{image}, asked {login}: {}", fault.message))
        .advice(fault.advice.as_deref().unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::{Fault, Found, Reason};

    fn finding(resolution: Resolution, has_login: Result<bool, String>) -> Finding {
        let facts = RegistryFacts {
            image: "ghcr.io/acme/web:1".to_owned(),
            has_login,
            resolution,
        };
        registry("ghcr.io", &facts)
    }

    fn fault(advice: Option<&str>) -> Fault {
        Fault {
            host: "ghcr.io".to_owned(),
            message: "it says no".to_owned(),
            advice: advice.map(str::to_owned),
            reason: Reason::InternalError,
        }
    }

    #[test]
    fn what_a_registry_says_is_shown_with_what_to_do() {
        let digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let found = Resolution::Found(Found {
            digest,
            index: None,
        });
        let well = finding(found, Ok(false));
        assert_eq!(well.found, "gives ghcr.io/acme/web:1 without a login");
        assert_eq!((well.state, well.advice), (State::Ok, None));
        for (resolution, state, advice) in [
            (Resolution::Missing(fault(None)), State::Warning, "push it"),
            (
                Resolution::Denied(fault(Some("log out"))),
                State::Fault,
                "log out",
            ),
            (
                Resolution::Unavailable(fault(None)),
                State::Fault,
                "see whether",
            ),
            (Resolution::Refused(fault(None)), State::Fault, "see docs"),
        ] {
            let finding = finding(resolution, Ok(true));
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.advice.unwrap().starts_with(advice));
        }
        let helper = finding(Resolution::Missing(fault(None)), Err("gone".to_owned()));
        assert_eq!(helper.state, State::Fault);
    }
}
