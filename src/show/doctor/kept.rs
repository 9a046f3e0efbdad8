use crate::lookup::Resolution;
use crate::show::doctor::registry::{MEND_HELPER, login};
use crate::show::doctor::{Finding, State};

/// Whether an integrated registry takes what is copied for the streams of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFacts {
    /// Of one of its streams, as it is written.
    pub repository: String,
    /// Whether there is a login for it; or which helper failed.
    pub has_login: Result<bool, String>,
    pub outcome: Result<(), Resolution>,
}

/// `of`: the registry's host.
pub fn copies(of: &str, facts: &CopyFacts) -> Finding {
    let new = |state, found: String| Finding::new(state, "copies", of, found);
    let login = match login(&facts.has_login) {
        Ok(login) => login,
        Err(reason) => return new(State::Fault, reason).advice(MEND_HELPER),
    };
    let repository = &facts.repository;
    let fault = facts.outcome.as_ref().err().and_then(Resolution::fault);
    let Some(fault) = fault else {
        return new(State::Ok, format!("takes images for {repository} {login}"));
    };
    let found = format!("{repository}, asked {login}: {}", fault.message);
    new(State::Fault, found).advice(fault.advice.as_deref().unwrap_or(
        "see whether the host can be reached from here, and integratedRegistry.credentialsFile",
    ))
}

/// Whether the list of all its repositories can be had, from which streams are created.
pub fn catalog(of: &str, outcome: &Result<usize, Resolution>) -> Finding {
    let new = |state, found: String| Finding::new(state, "createStreams", of, found);
    let refused = match outcome {
        Ok(count) => {
            let found = format!("lists its repositories, {count} now");
            return new(State::Ok, found);
        }
        Err(refused) => refused,
    };
    let said = refused.fault().map_or("", |fault| fault.message.as_str());
    let found = format!("its repositories cannot be listed: {said}");
    let advice = refused.fault().and_then(|fault| fault.advice.as_deref());
    match refused {
        // Tags of streams that take pushes come all the same.
        Resolution::Missing(_) | Resolution::Denied(_) => {
            new(State::Warning, found).advice(advice.unwrap_or(
                "without the list no stream is created: let the login read it, or create the streams in Git",
            ))
        }
        _ => new(State::Fault, found)
            .advice(advice.unwrap_or("see whether the host can be reached from here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::{Fault, Reason};

    fn fault(advice: Option<&str>) -> Fault {
        Fault {
            host: "images.acme.example".to_owned(),
            message: "it says no".to_owned(),
            advice: advice.map(str::to_owned),
            reason: Reason::Forbidden,
        }
    }

    fn of(has_login: Result<bool, String>, outcome: Result<(), Resolution>) -> Finding {
        let facts = CopyFacts {
            repository: "images.acme.example/shop/web".to_owned(),
            has_login,
            outcome,
        };
        copies("images.acme.example", &facts)
    }

    #[test]
    fn a_registry_that_takes_no_copies_is_a_fault_with_what_to_do() {
        let well = of(Ok(true), Ok(()));
        assert_eq!((well.state, well.advice), (State::Ok, None));
        assert_eq!(
            well.found,
            "takes images for images.acme.example/shop/web with a login"
        );
        for (has_login, refused, advice) in [
            (
                Ok(true),
                Resolution::Denied(fault(Some("log out"))),
                "log out",
            ),
            (
                Ok(false),
                Resolution::Unavailable(fault(None)),
                "see whether",
            ),
            (
                Err("gone".to_owned()),
                Resolution::Denied(fault(None)),
                "mend the credential helper",
            ),
        ] {
            let finding = of(has_login, Err(refused));
            assert_eq!(finding.state, State::Fault, "{finding:?}");
            assert!(finding.advice.unwrap().starts_with(advice));
        }
    }

    #[test]
    fn a_registry_without_a_list_creates_nothing() {
        let list = |outcome| catalog("images.acme.example", &outcome);
        let well = list(Ok(3));
        assert_eq!((well.state, well.advice), (State::Ok, None));
        for (refused, state) in [
            (Resolution::Missing(fault(None)), State::Warning),
            (Resolution::Denied(fault(None)), State::Warning),
            (Resolution::Unavailable(fault(None)), State::Fault),
        ] {
            let finding = list(Err(refused));
            assert_eq!(finding.state, state);
            assert!(finding.advice.is_some(), "{finding:?}");
        }
    }
}
