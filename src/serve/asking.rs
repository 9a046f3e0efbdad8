//! How a pass asks registries: what is copied for it goes on when it waits no longer.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use crate::copying::{Copied, CopyOrder, CopyState};
use crate::lookup::{Answer, CopyMade, Question};
use crate::reconcile::identity;
use crate::registry::Registries;
use crate::serve::courier::{Courier, Visit};

/// Images at once for which is looked what refers to them. Requests have limits of their own.
const AT_ONCE: usize = 64;

/// What a pass asks with.
#[derive(Debug)]
pub struct Asking<'a> {
    pub registries: &'a Registries,
    pub courier: &'a Arc<Courier>,
    /// The name of the Git repository.
    pub repository: &'a str,
    /// Grows from pass to pass.
    pub pass: u64,
    /// How long it waits for copies, from the first on.
    pub patience: Duration,
    /// Until when; none before the first.
    pub until: OnceCell<Instant>,
}

impl Asking<'_> {
    /// Answers questions in their order.
    pub async fn answer(&self, questions: &[Question]) -> Vec<Answer> {
        let (mut copies, mut attached, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for question in questions {
            match question {
                Question::Copied(_) => copies.push(self.copied(question)),
                Question::Attached(order) => attached.push(order.clone()),
                _ => others.push(question.clone()),
            }
        }
        let (copied, attached, asked) = tokio::join!(
            join_all(copies),
            self.attached(attached),
            self.registries.answer_all(&others, || ()),
        );
        let (mut copied, mut attached) = (copied.into_iter(), attached.into_iter());
        let mut asked = asked.into_iter();
        let answers = questions.iter().map_while(|question| match question {
            Question::Copied(_) => copied.next(),
            Question::Attached(_) => attached.next(),
            _ => asked.next(),
        });
        answers.collect()
    }

    async fn copied(&self, question: &Question) -> Answer {
        let looked = self.registries.looking().answer(question).await;
        if looked != Answer::Copied(Ok(CopyState::Wanted)) {
            return looked;
        }
        let visit = Visit {
            repository: self.repository.to_owned(),
            pass: self.pass,
            until: self.until(),
        };
        let (registries, question) = (self.registries.clone(), question.clone());
        let key = identity(&question);
        // Told by whoever makes it, since the pass may be over then.
        let make = move || async move {
            let answer = registries.answer(&question).await;
            tell(&question, &answer);
            answer
        };
        self.courier.bring(&key, &visit, make).await
    }

    /// No plan depends on what comes of it, so that nobody is woken by its end.
    async fn attached(&self, orders: Vec<CopyOrder>) -> Vec<Answer> {
        if orders.is_empty() {
            return Vec::new();
        }
        let nothing = |order: &CopyOrder| Answer::Attached(Ok(Copied::nothing(&order.digest)));
        let nothing: Vec<Answer> = orders.iter().map(nothing).collect();
        let registries = self.registries.clone();
        let bring = move |order: CopyOrder| {
            let registries = registries.clone();
            async move {
                let question = Question::Attached(order);
                let answer = registries.answer(&question).await;
                tell(&question, &answer);
                answer
            }
        };
        let bring = stream::iter(orders).map(bring).buffered(AT_ONCE);
        let brought = tokio::spawn(bring.collect::<Vec<_>>());
        match timeout_at(self.until(), brought).await {
            Ok(Ok(answers)) => answers,
            _ => nothing,
        }
    }

    fn until(&self) -> Instant {
        *self.until.get_or_init(|| Instant::now() + self.patience)
    }
}

fn tell(question: &Question, answer: &Answer) {
    if let (Question::Attached(order), Answer::Attached(Err(why))) = (question, answer) {
        let why = why.fault().map(ToString::to_string).unwrap_or_default();
        tracing::debug!(image = %order.from, why, "what refers to an image cannot be looked for");
    }
    let Some(CopyMade {
        order,
        copied,
        is_attached,
    }) = CopyMade::of(question, answer)
    else {
        return;
    };
    let image = format!("{}@{}", order.from, order.digest);
    let (to, bytes, referrers) = (&order.to, copied.bytes, copied.referrers);
    match is_attached {
        false => tracing::info!(image, %to, bytes, "an image has been copied"),
        true if referrers == 0 => {}
        true => {
            tracing::info!(image, %to, referrers, "what refers to an image has been copied");
        }
    }
    for left_out in &copied.left_out {
        let (name, reason) = (&left_out.name, &left_out.reason);
        tracing::warn!(image, name, reason, "a copy lacks what refers to its image");
    }
}
