//! A model test of promotion: random steps of people, registries, forges and clocks, and passes of
//! headwater in between, judged by an oracle that reads the commits alone.
//!
//! `HEADWATER_TEST_SEED` and `HEADWATER_TEST_STEPS` explore other runs, `HEADWATER_TEST_SEEDS` so
//! many of them.
//!
//! | file | what |
//! |---|---|
//! | `setup` | the environments of a run, their gates and first files |
//! | `people` | one random step: what a person, a registry, a forge or the clock does |
//! | `world` | all that there is, and passes until nothing is left to do |
//! | `site`, `images`, `memory_forge` | Git as people use it, a registry, a forge |
//! | `tree`, `books`, `oracle` | commits read without headwater, what is known of them, what holds |
//! | `mutations` | each gate's check taken out, which the oracle has to see |
//! | `found` | what was found, as short stories |

mod books;
mod found;
mod images;
mod memory_forge;
mod mutations;
mod oracle;
mod people;
mod random;
mod setup;
mod site;
mod tree;
mod world;

use crate::promotion_model::oracle::Violation;
use crate::promotion_model::random::Random;
use crate::promotion_model::setup::{Form, Setup};
use crate::promotion_model::world::World;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The world after so many steps, or the rule that was broken.
fn run(setup: Setup, random: Random, steps: u64) -> (World, Result<(), Violation>) {
    let mut world = World::new(setup, random);
    let mut result = world.settle();
    for _ in 0..steps {
        if result.is_err() {
            break;
        }
        result = world.step();
    }
    (world, result)
}

fn holds(form: Form, has_forge: bool, seeds: std::ops::Range<u64>, steps: u64) {
    let steps = number("HEADWATER_TEST_STEPS").unwrap_or(steps);
    let seeds = match number("HEADWATER_TEST_SEED") {
        Some(seed) => seed..seed + number("HEADWATER_TEST_SEEDS").unwrap_or(1),
        None => seeds,
    };
    let mut failed = Vec::new();
    for seed in seeds {
        let mut random = Random::new(seed);
        let setup = Setup::random(form, has_forge, &mut random);
        let begin = std::time::Instant::now();
        let (world, result) = run(setup, random, steps);
        println!(
            "{form:?}, forge: {has_forge}, seed {seed}: {} steps, {} passes, {} bot commits, {:?}",
            world.log.len(),
            world.passes,
            world.merges,
            begin.elapsed()
        );
        if let Err(violation) = result {
            let from = world.log.len().saturating_sub(25);
            println!("{:?}\n{}", world.setup, world.log[from..].join("\n"));
            failed.push(format!(
                "seed {seed}: {}: {}",
                violation.rule, violation.text
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{form:?}, forge: {has_forge}:\n{}",
        failed.join("\n")
    );
}

#[test]
fn merges_without_a_forge() {
    holds(Form::Merge, false, 1..11, 100);
}

#[test]
fn merges_with_a_forge() {
    holds(Form::Merge, true, 11..21, 100);
}

#[test]
fn pins_without_a_forge() {
    holds(Form::Pins, false, 21..33, 170);
}

#[test]
fn pins_with_a_forge() {
    holds(Form::Pins, true, 41..53, 170);
}

#[test]
fn namespaces_without_a_forge() {
    holds(Form::Namespaces, false, 61..73, 170);
}

#[test]
fn namespaces_with_a_forge() {
    holds(Form::Namespaces, true, 81..93, 170);
}
