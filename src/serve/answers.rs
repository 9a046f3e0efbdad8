//! What registries have answered, so that a pass asks only what is to be asked now: what has
//! changed in Git costs no registry a request, and a push to a registry only those of its image.
//!
//! Time is a value: milliseconds of a clock that never goes back.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::copying::CopyState;
use crate::image::Repository;
use crate::lookup::{Answer, Fault, Question, Reason, Resolution, Wanted};
use crate::reconcile::identity;
use crate::serve::schedule::Cause;
use crate::serve::shared::lock;

/// The time over which a budget counts.
const MINUTE: u64 = 60_000;
/// What refers to an image is looked for so often, and when something is pushed beside it: each look
/// is some requests, and an upstream that is gone is no failure.
const ATTACHED: u64 = 60 * MINUTE;
/// So many answers of one Git repository are remembered.
const MOST: usize = 100_000;

/// How many questions each host is asked in a minute, over all Git repositories.
#[derive(Debug, Default)]
pub struct Budgets {
    limits: BTreeMap<String, usize>,
    /// When questions were asked, oldest first.
    asked: Mutex<BTreeMap<String, VecDeque<u64>>>,
}

impl Budgets {
    /// By `host[:port]`; others have no limit.
    pub fn new(limits: BTreeMap<String, usize>) -> Self {
        Self {
            limits,
            asked: Mutex::default(),
        }
    }

    /// Takes one question of a host's budget; otherwise when the next is free.
    fn take(&self, host: &str, now: u64) -> Result<(), u64> {
        let Some(limit) = self.limits.get(host) else {
            return Ok(());
        };
        let mut asked = lock(&self.asked);
        let asked = asked.entry(host.to_owned()).or_default();
        while asked.front().is_some_and(|at| at + MINUTE <= now) {
            asked.pop_front();
        }
        match asked.front() {
            Some(oldest) if asked.len() >= *limit => Err(oldest + MINUTE),
            None if *limit == 0 => Err(now + MINUTE),
            _ => {
                asked.push_back(now);
                Ok(())
            }
        }
    }
}

/// What a stream tag is followed by: an image repository, and one of its tags, or, for a rule, all.
pub type Source = (String, Option<String>);

/// The answers that one Git repository was given.
#[derive(Debug, Default)]
pub struct Answers {
    known: HashMap<String, (u64, Answer)>,
    /// When a registry last gave what was asked for. Whoever uses it says what is kept.
    pub succeeded: HashMap<Source, u64>,
    /// How long an answer counts.
    pub interval: Duration,
    /// Where in the interval all is asked again, in milliseconds: each Git repository has a place
    /// of its own.
    pub phase: u64,
    /// Images whose tags have an interval of their own, by repository and tag: when they are asked
    /// for is decided by the pass.
    pub own: BTreeSet<(String, String)>,
    /// When the first question that waits for a host's budget may be asked.
    pub waits_until: Option<u64>,
}

impl Answers {
    pub fn at_phase(phase: u64) -> Self {
        Self {
            phase,
            ..Self::default()
        }
    }

    /// Answers `questions` in their order, from what is known where that is young enough.
    pub fn answer(
        &mut self,
        questions: &[Question],
        causes: &BTreeSet<Cause>,
        budgets: &Budgets,
        now: u64,
        ask: &mut dyn FnMut(&[Question]) -> Vec<Answer>,
    ) -> Vec<Answer> {
        let keys: Vec<String> = questions.iter().map(identity).collect();
        let mut wanted: Vec<(Option<u64>, usize, &Question)> = Vec::new();
        for (number, (question, key)) in questions.iter().zip(&keys).enumerate() {
            let at = self.known.get(key).map(|(at, _)| *at);
            let counts = |at| match question {
                Question::Attached(_) => now.saturating_sub(at) < ATTACHED,
                _ => self.counts(at, now),
            };
            if !at.is_some_and(counts) || self.is_wanted(question, causes) {
                wanted.push((at, number, question));
            }
        }
        // Who waits longest goes first, so that a budget lets nobody starve.
        wanted.sort_by_key(|(at, number, _)| (*at, *number));
        let mut open: Vec<Question> = Vec::new();
        let mut places = Vec::new();
        let mut refused: HashMap<usize, Answer> = HashMap::new();
        for (at, number, question) in wanted {
            let host = question.repository().endpoint().host;
            match budgets.take(&host, now) {
                Ok(()) => {
                    places.push(number);
                    open.push(question.clone());
                }
                Err(free) => {
                    self.waits_until = [self.waits_until, Some(free)].into_iter().flatten().min();
                    if at.is_none() {
                        refused.insert(number, over_budget(question, host));
                    }
                }
            }
        }
        let mut fresh: HashMap<usize, Answer> = HashMap::new();
        if !open.is_empty() {
            for (number, answer) in places.into_iter().zip(ask(&open)) {
                fresh.insert(number, answer);
            }
        }
        let mut answers = Vec::with_capacity(questions.len());
        for ((number, key), question) in keys.into_iter().enumerate().zip(questions) {
            let answer = match (fresh.remove(&number), refused.remove(&number)) {
                (Some(answer), _) => {
                    self.note_success(question, &answer, now);
                    self.remember(key, &answer, now);
                    answer
                }
                (None, Some(answer)) => answer,
                (None, None) => match self.known.get(&key) {
                    Some((_, answer)) => answer.clone(),
                    // Nobody answered.
                    None => return Vec::new(),
                },
            };
            answers.push(answer);
        }
        answers
    }

    /// Until the repository's own place in the interval comes round again.
    fn counts(&self, at: u64, now: u64) -> bool {
        self.turn(at) == self.turn(now)
    }

    fn turn(&self, at: u64) -> u64 {
        let interval = self.interval_millis();
        at.saturating_add(interval - self.phase % interval) / interval
    }

    /// When all is to be asked again.
    pub fn next_turn(&self, now: u64) -> u64 {
        let interval = self.interval_millis();
        let place = self.phase % interval;
        (self.turn(now).saturating_mul(interval)).saturating_add(place)
    }

    fn interval_millis(&self) -> u64 {
        u64::try_from(self.interval.as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    /// Whether the question is asked again although its answer is young.
    fn is_wanted(&self, question: &Question, causes: &BTreeSet<Cause>) -> bool {
        let name = image_repository(question.repository());
        let tag = match question {
            Question::Image(lookup) | Question::Created(lookup) => match &lookup.wanted {
                Wanted::Tag(tag) => Some(tag.to_string()),
                Wanted::Digest(_) => None,
            },
            // What is pushed there is something else, or our own.
            Question::Copied(_) => return false,
            Question::Attached(_)
            | Question::Tags(_)
            | Question::Signed(_)
            | Question::Catalog(_) => None,
        };
        if let Some(tag) = &tag
            && self.own.contains(&(name.clone(), tag.clone()))
        {
            return true;
        }
        if let Question::Catalog(_) = question {
            return self.is_news(question, causes);
        }
        let is_about = |pushed: &str| match question {
            // cosign's tags, and the lists of registries without the referrers API, begin with the
            // algorithm of the image's digest.
            Question::Attached(_) => pushed.starts_with("sha256-") || pushed.starts_with("sha512-"),
            _ => tag.as_deref().is_none_or(|tag| tag == pushed),
        };
        causes.iter().any(|cause| match cause {
            Cause::Image {
                repository,
                tag: pushed,
            } => *repository == name && pushed.as_deref().is_none_or(is_about),
            Cause::Due | Cause::Git | Cause::Copied | Cause::Settings => false,
        })
    }

    /// Whether a repository was pushed to that the registry's list has not.
    fn is_news(&self, question: &Question, causes: &BTreeSet<Cause>) -> bool {
        let known = self.known.get(&identity(question));
        let paths = match known {
            Some((_, Answer::Catalog(Ok(paths)))) => paths.as_slice(),
            _ => &[],
        };
        let host = question.repository().endpoint().host;
        causes.iter().any(|cause| match cause {
            Cause::Image { repository, .. } => repository
                .split_once('/')
                .is_some_and(|(of, path)| of == host && !paths.iter().any(|it| it == path)),
            Cause::Due | Cause::Git | Cause::Copied | Cause::Settings => false,
        })
    }

    fn note_success(&mut self, question: &Question, answer: &Answer, now: u64) {
        let tag = match (question, answer) {
            (Question::Image(lookup), Answer::Image(Resolution::Found(_))) => {
                match &lookup.wanted {
                    Wanted::Tag(tag) => Some(tag.to_string()),
                    Wanted::Digest(_) => return,
                }
            }
            (Question::Tags(_), Answer::Tags(Ok(_))) => None,
            _ => return,
        };
        let source = (image_repository(question.repository()), tag);
        if self.succeeded.len() < MOST || self.succeeded.contains_key(&source) {
            self.succeeded.insert(source, now);
        }
    }

    fn remember(&mut self, key: String, answer: &Answer, now: u64) {
        // What failed or is not done is asked again in the next pass.
        let is_open = match answer {
            Answer::Attached(_) => false,
            Answer::Copied(Ok(CopyState::UnderWay | CopyState::Wanted)) => true,
            answer => is_failure(answer),
        };
        if is_open {
            self.known.remove(&key);
            return;
        }
        let answer = match answer {
            // From now on.
            Answer::Copied(Ok(CopyState::Made(_))) => &Answer::Copied(Ok(CopyState::There)),
            answer => answer,
        };
        if self.known.len() >= MOST {
            self.known
                .retain(|_, (at, _)| now.saturating_sub(*at) < MINUTE);
        }
        self.known.insert(key, (now, answer.clone()));
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Forgets what was not used for long: tags that nobody follows any more.
    pub fn tidy(&mut self, now: u64) {
        let longest = self.interval_millis().saturating_mul(4).max(2 * ATTACHED);
        self.known
            .retain(|_, (at, _)| now.saturating_sub(*at) < longest);
    }
}

/// As hooks name it: `host[:port]/path`.
pub fn image_repository(repository: &Repository) -> String {
    let endpoint = repository.endpoint();
    format!("{}/{}", endpoint.host, endpoint.path)
}

fn is_failure(answer: &Answer) -> bool {
    matches!(
        answer.resolution(),
        Some(Resolution::Unavailable(_) | Resolution::Unsettled(_) | Resolution::Denied(_))
    )
}

fn over_budget(question: &Question, host: String) -> Answer {
    let fault = Fault {
        host,
        message: "its budget of questions in a minute is spent".to_owned(),
        advice: Some("it is asked as soon as the budget allows".to_owned()),
        reason: Reason::TooManyRequests,
    };
    question.unanswered(Resolution::Unavailable(fault))
}

/// Shared by all Git repositories.
pub type SharedBudgets = Arc<Budgets>;

#[cfg(test)]
mod tests {
    use crate::copying::{CopyOrder, Platforms};
    use crate::image::{Digest, Reference};
    use crate::lookup::{Found, Lookup};
    use crate::stream::ImportMode;

    use super::*;

    fn question(name: &str) -> Question {
        let reference: Reference = name.parse().unwrap();
        Question::Image(Lookup {
            wanted: Wanted::of(&reference),
            repository: reference.repository,
            import_mode: ImportMode::default(),
            platforms: Vec::new(),
            insecure: false,
            secrets_of: None,
            known: BTreeSet::new(),
            chosen: BTreeMap::new(),
        })
    }

    fn found(question: &Question) -> Answer {
        let digest = Digest::of(identity(question).as_bytes());
        Answer::Image(Resolution::Found(Found {
            digest,
            index: None,
        }))
    }

    /// The names that are asked in a pass at `now`.
    fn asked(
        answers: &mut Answers,
        questions: &[Question],
        cause: Cause,
        budgets: &Budgets,
        now: u64,
    ) -> Vec<String> {
        let mut names = Vec::new();
        let given = answers.answer(questions, &[cause].into(), budgets, now, &mut |open| {
            for question in open {
                if let Question::Image(lookup) = question {
                    names.push(lookup.reference().to_string());
                }
            }
            open.iter().map(found).collect()
        });
        assert_eq!(given.len(), questions.len());
        names
    }

    fn of_a_minute() -> Answers {
        Answers {
            interval: Duration::from_secs(60),
            ..Answers::default()
        }
    }

    #[test]
    fn each_question_is_asked_once_an_interval() {
        let (a, b) = ("r.example/a:1", "r.example/b:1");
        let questions = [question(a), question(b)];
        let (mut answers, budgets) = (of_a_minute(), Budgets::default());
        let mut pass = |cause, now| asked(&mut answers, &questions, cause, &budgets, now);
        assert_eq!(pass(Cause::Due, 0), [a, b]);
        assert_eq!(pass(Cause::Git, 1_000), [""; 0]);
        let pushed = |tag: Option<&str>| Cause::Image {
            repository: "r.example/b".to_owned(),
            tag: tag.map(str::to_owned),
        };
        assert_eq!(pass(pushed(Some("1")), 2_000), [b]);
        assert_eq!(pass(pushed(None), 3_000), [b]);
        assert_eq!(pass(pushed(Some("2")), 4_000), [""; 0]);
        assert_eq!(pass(Cause::Due, 59_999), [""; 0]);
        assert_eq!(pass(Cause::Due, 60_000), [a, b]);
    }

    /// An upstream that is gone is not asked in each pass, and nobody waits an hour for a signature.
    #[test]
    fn what_is_attached_is_looked_for_each_hour_and_when_it_is_pushed() {
        let digest = Digest::of(b"image");
        let from: Reference = "r.example/a".parse().unwrap();
        let to: Reference = "own.example/shop/web".parse().unwrap();
        let question = Question::Attached(CopyOrder {
            from: from.repository,
            insecure: false,
            secrets_of: None,
            digest: digest.clone(),
            to: to.repository,
            to_insecure: false,
            mounts_from: None,
            tags: Vec::new(),
            with_referrers: true,
            platforms: Platforms::All,
        });
        let (mut answers, budgets) = (of_a_minute(), Budgets::default());
        let pushed = |repository: &str, tag: &str| Cause::Image {
            repository: repository.to_owned(),
            tag: Some(tag.to_owned()),
        };
        for (cause, now, is_asked) in [
            (Cause::Due, 0, true),
            (Cause::Due, MINUTE, false),
            (pushed("r.example/a", "2"), 2 * MINUTE, false),
            (pushed("r.example/b", "sha256-0f.sig"), 3 * MINUTE, false),
            (pushed("r.example/a", "sha256-0f.sig"), 4 * MINUTE, true),
            (Cause::Due, 63 * MINUTE, false),
            (Cause::Due, 64 * MINUTE, true),
            (Cause::Git, 65 * MINUTE, false),
        ] {
            let mut asked = 0;
            let failed = |question: &Question| over_budget(question, "r.example".to_owned());
            let questions = [question.clone()];
            answers.answer(&questions, &[cause].into(), &budgets, now, &mut |open| {
                asked += open.len();
                open.iter().map(failed).collect()
            });
            answers.tidy(now);
            assert_eq!(asked == 1, is_asked, "{now}");
        }
    }

    #[test]
    fn each_repository_has_its_own_place_in_the_interval() {
        let answers = Answers {
            phase: 20_000,
            ..of_a_minute()
        };
        for (now, next) in [
            (0, 20_000),
            (19_999, 20_000),
            (20_000, 80_000),
            (80_001, 140_000),
        ] {
            assert_eq!(answers.next_turn(now), next, "{now}");
            assert!(
                answers.counts(now, next - 1) && !answers.counts(now, next),
                "{now}"
            );
        }
    }

    #[test]
    fn a_tag_with_an_interval_of_its_own_is_the_pass_s_to_decide() {
        let name = "r.example/a:1";
        let (mut answers, budgets) = (of_a_minute(), Budgets::default());
        answers
            .own
            .insert(("r.example/a".to_owned(), "1".to_owned()));
        for now in [0, 10, 20] {
            let names = asked(&mut answers, &[question(name)], Cause::Due, &budgets, now);
            assert_eq!(names, [name]);
        }
    }

    #[test]
    fn what_failed_is_asked_again() {
        let questions = [question("r.example/a:1")];
        let (mut answers, budgets) = (of_a_minute(), Budgets::default());
        let mut count = 0;
        for _ in 0..2 {
            answers.answer(&questions, &BTreeSet::new(), &budgets, 0, &mut |open| {
                count += open.len();
                vec![over_budget(&open[0], "r.example".to_owned())]
            });
        }
        assert_eq!(count, 2);
        assert!(answers.is_empty());
    }

    #[test]
    fn a_host_is_asked_no_more_than_its_budget_and_nobody_starves() {
        let names: Vec<String> = (0..5)
            .map(|number| format!("r.example/a:{number}"))
            .collect();
        let questions: Vec<Question> = names.iter().map(|name| question(name)).collect();
        let budgets = Budgets::new(BTreeMap::from([("r.example".to_owned(), 2)]));
        let (mut answers, mut all) = (of_a_minute(), BTreeSet::new());
        for minute in 0..3 {
            let now = minute * 70_000;
            let asked = asked(&mut answers, &questions, Cause::Due, &budgets, now);
            assert_eq!(asked.len(), 2, "{asked:?}");
            all.extend(asked);
        }
        assert_eq!(all.len(), 5);
    }
}
