//! With the check of one gate taken out, the oracle says so.

use crate::promotion_model::random::Random;
use crate::promotion_model::run;
use crate::promotion_model::setup::{Form, Gates, HOUR, Lie, Setup, Soaking};

/// Runs with one gate in staging and prod, and whose check is taken out: headwater is not told of
/// it, and the oracle is. One of the first runs has to break just that rule.
fn fails(lie: Lie, rule: &str, gates: &Gates, has_forge: bool) {
    let forms = [Form::Merge, Form::Pins, Form::Namespaces];
    for seed in 100..110 {
        let form = forms[seed % forms.len()];
        let mut random = Random::new(u64::try_from(seed).unwrap());
        let mut setup = Setup::random(form, has_forge, &mut random);
        let own = [Gates::default(), gates.clone(), gates.clone()];
        setup.gates = own;
        setup.automerge = [false, true, seed % 2 == 0];
        setup.lie = Some(lie);
        let (world, result) = run(setup, random, 200);
        match result {
            Ok(()) => {}
            Err(violation) if violation.rule == rule => return,
            Err(violation) => {
                let log = world.log.join("\n");
                panic!("{lie:?}, seed {seed}: {violation:?}\n{log}");
            }
        }
    }
    panic!("nobody misses the check of {lie:?}");
}

/// The same gates with the check in do not fail: that is what all other runs show.
fn gates() -> Gates {
    Gates::default()
}

#[test]
fn since() {
    let soak = Some(Soaking::Since(4 * HOUR));
    fails(Lie::Soak, "soak", &Gates { soak, ..gates() }, false);
}

#[test]
fn resident() {
    let soak = Some(Soaking::Resident(4 * HOUR));
    fails(
        Lie::Residence,
        "resident",
        &Gates { soak, ..gates() },
        false,
    );
}

#[test]
fn checks() {
    let has_checks = true;
    fails(
        Lie::Checks,
        "checks",
        &Gates {
            has_checks,
            ..gates()
        },
        true,
    );
}

#[test]
fn minimum_age() {
    let minimum_age = Some(6 * HOUR);
    fails(
        Lie::MinimumAge,
        "minimumAge",
        &Gates {
            minimum_age,
            ..gates()
        },
        false,
    );
}

#[test]
fn signature() {
    let has_signature = true;
    fails(
        Lie::Signature,
        "signature",
        &Gates {
            has_signature,
            ..gates()
        },
        false,
    );
}

#[test]
fn approvals() {
    let approvals = 1;
    fails(
        Lie::Approvals,
        "approvals",
        &Gates {
            approvals,
            ..gates()
        },
        true,
    );
}

#[test]
fn windows() {
    let has_windows = true;
    fails(
        Lie::Windows,
        "windows",
        &Gates {
            has_windows,
            ..gates()
        },
        false,
    );
}

#[test]
fn freeze() {
    fails(Lie::Freeze, "freeze", &gates(), false);
}

#[test]
fn hold() {
    fails(Lie::Hold, "hold", &gates(), false);
}

#[test]
fn taken_back_in_the_source() {
    fails(Lie::Source, "source", &gates(), false);
}
