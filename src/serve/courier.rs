//! Copies that are made beside passes: one that takes long holds up no other tag of its Git
//! repository, and what several of them need is copied once.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use crate::copying::CopyState;
use crate::lookup::Answer;
use crate::serve::counts::CopyCounts;
use crate::serve::shared::lock;

/// Images under way at once.
const AT_ONCE: usize = 8;
/// Failures that are kept until they are asked for.
const MOST_FAILED: usize = 1_000;

/// Told the name of a Git repository for which a copy has come to its end.
pub type OnCopied = dyn Fn(&str) + Send + Sync;

/// What is copied now, over all Git repositories.
pub struct Courier {
    /// By the question's identity.
    orders: Mutex<HashMap<String, Order>>,
    places: Semaphore,
    counts: Arc<CopyCounts>,
    on_copied: Arc<OnCopied>,
}

/// Counts itself while it lasts, however it ends.
struct Counted<'a>(&'a CopyCounts);

impl<'a> Counted<'a> {
    fn begin(counts: &'a CopyCounts) -> Self {
        counts.under_way.fetch_add(1, Ordering::Relaxed);
        Self(counts)
    }

    fn end(self, answer: &Answer) {
        let counter = match answer {
            Answer::Copied(Err(_)) => &self.0.failed,
            _ => &self.0.ok,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Answer::Copied(Ok(CopyState::Made(copied))) = answer {
            self.0.bytes.fetch_add(copied.bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Order {
    UnderWay {
        done: watch::Receiver<Option<Answer>>,
        /// Git repositories whose pass did not wait for the end.
        told: BTreeSet<String>,
        /// Of the try before: what is said until this one has ended.
        failure: Option<Answer>,
    },
    Failed {
        answer: Answer,
        /// The pass that was told; a later one begins anew.
        pass: Option<u64>,
    },
}

/// A pass that asks.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The name of its Git repository.
    pub repository: String,
    /// Grows from pass to pass.
    pub pass: u64,
    /// It waits no longer.
    pub until: Instant,
}

enum Step {
    Told(Answer),
    Wait(watch::Receiver<Option<Answer>>),
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl Courier {
    pub fn new(counts: Arc<CopyCounts>, on_copied: Arc<OnCopied>) -> Self {
        Self {
            orders: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
            counts,
            on_copied,
        }
    }

    /// What became of a copy that is not there: `make` answers its question, and begins where no
    /// other has. What is not done when the pass waits no longer is [`CopyState::UnderWay`], or
    /// what the try before has failed of.
    pub async fn bring<F>(
        self: &Arc<Self>,
        key: &str,
        visit: &Visit,
        make: impl FnOnce() -> F,
    ) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let mut done = match self.begin(key, visit, make) {
            Step::Told(answer) => return answer,
            Step::Wait(done) => done,
        };
        let ended = match timeout_at(visit.until, done.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) => Some(answer.clone()),
            // It broke down; the next pass begins anew.
            Ok(Err(_)) => Some(None),
            Err(_) => None,
        };
        let answer = ended.unwrap_or_else(|| self.leave(key, visit, &done));
        let mut orders = lock(&self.orders);
        if let Some(Order::Failed { pass, .. }) = orders.get_mut(key) {
            *pass = Some(visit.pass);
        }
        answer.unwrap_or(Answer::Copied(Ok(CopyState::UnderWay)))
    }

    fn begin<F>(self: &Arc<Self>, key: &str, visit: &Visit, make: impl FnOnce() -> F) -> Step
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let mut orders = lock(&self.orders);
        let failure = match orders.get_mut(key) {
            Some(Order::UnderWay { done, .. }) if done.has_changed().is_ok() => {
                return Step::Wait(done.clone());
            }
            Some(Order::Failed { answer, pass }) => {
                if pass.is_none_or(|pass| pass >= visit.pass) {
                    *pass = Some(visit.pass);
                    return Step::Told(answer.clone());
                }
                Some(answer.clone())
            }
            _ => None,
        };
        let (end, done) = watch::channel(None);
        let order = Order::UnderWay {
            done: done.clone(),
            told: BTreeSet::new(),
            failure,
        };
        orders.insert(key.to_owned(), order);
        let (courier, key, copy) = (Arc::clone(self), key.to_owned(), make());
        tokio::spawn(async move {
            // It is never closed.
            let _place = courier.places.acquire().await;
            let counted = Counted::begin(&courier.counts);
            let answer = copy.await;
            counted.end(&answer);
            courier.end(&key, answer, &end);
        });
        Step::Wait(done)
    }

    /// What a pass is told that waits no longer.
    fn leave(
        &self,
        key: &str,
        visit: &Visit,
        done: &watch::Receiver<Option<Answer>>,
    ) -> Option<Answer> {
        match lock(&self.orders).get_mut(key) {
            Some(Order::UnderWay { told, failure, .. }) => {
                told.insert(visit.repository.clone());
                failure.clone()
            }
            Some(Order::Failed { answer, .. }) => Some(answer.clone()),
            None => done.borrow().clone(),
        }
    }

    /// All at once for whoever holds the lock: else a pass could leave in between, and would be
    /// told by nobody.
    fn end(&self, key: &str, answer: Answer, end: &watch::Sender<Option<Answer>>) {
        let mut orders = lock(&self.orders);
        let Some(Order::UnderWay { told, failure, .. }) = orders.remove(key) else {
            return;
        };
        let has_failed = answer.resolution().is_some();
        if has_failed {
            let failed = |order: &Order| matches!(order, Order::Failed { .. });
            if orders.values().filter(|order| failed(order)).count() >= MOST_FAILED {
                orders.retain(|_, order| !failed(order));
            }
            let order = Order::Failed {
                answer: answer.clone(),
                // Who was told that it has failed tries it again when its time comes.
                pass: failure.is_some().then_some(0),
            };
            orders.insert(key.to_owned(), order);
        }
        end.send_replace(Some(answer));
        drop(orders);
        if !has_failed || failure.is_none() {
            for repository in &told {
                (self.on_copied)(repository);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use crate::copying::Copied;
    use crate::image::Digest;
    use crate::lookup::{Fault, Reason, Resolution};

    use super::*;

    fn made() -> Answer {
        let copied = Copied::nothing(&Digest::of(b"image"));
        Answer::Copied(Ok(CopyState::Made(copied)))
    }

    fn failed(message: &str) -> Answer {
        Answer::Copied(Err(Resolution::Unavailable(Fault {
            host: "r.example".to_owned(),
            message: message.to_owned(),
            advice: None,
            reason: Reason::InternalError,
        })))
    }

    fn under_way() -> Answer {
        Answer::Copied(Ok(CopyState::UnderWay))
    }

    /// Waits for nothing that is not done already.
    fn hasty(repository: &str, pass: u64) -> Visit {
        Visit {
            repository: repository.to_owned(),
            pass,
            until: Instant::now(),
        }
    }

    fn patient(pass: u64) -> Visit {
        Visit {
            until: Instant::now() + Duration::from_secs(600),
            ..hasty("shop", pass)
        }
    }

    /// A courier, and the repositories that it tells.
    fn courier() -> (Arc<Courier>, Arc<Mutex<Vec<String>>>) {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&told);
        let on_copied = move |name: &str| lock(&list).push(name.to_owned());
        let courier = Courier::new(Arc::default(), Arc::new(on_copied));
        (Arc::new(courier), told)
    }

    /// A copy that ends when it is told to.
    fn held() -> (oneshot::Sender<Answer>, impl Future<Output = Answer> + Send) {
        let (end, done) = oneshot::channel();
        (
            end,
            async move { done.await.unwrap_or_else(|_| failed("gone")) },
        )
    }

    async fn never() -> Answer {
        panic!("it is under way already")
    }

    #[tokio::test]
    async fn a_short_copy_is_waited_for() {
        let (courier, told) = courier();
        let answer = courier.bring("a", &patient(1), || async { made() }).await;
        assert_eq!(answer, made());
        let answer = courier
            .bring("b", &patient(1), || async { failed("x") })
            .await;
        assert_eq!(answer, failed("x"));
        // In the same pass it is not tried again, in the next one it is.
        let answer = courier.bring("b", &patient(1), never).await;
        assert_eq!(answer, failed("x"));
        let answer = courier.bring("b", &patient(2), || async { made() }).await;
        assert_eq!(answer, made());
        assert!(lock(&told).is_empty(), "nobody has left");
    }

    #[tokio::test]
    async fn a_long_copy_goes_on_and_all_who_left_are_told() {
        let (courier, told) = courier();
        let (end, copy) = held();
        let answer = courier.bring("a", &hasty("shop", 1), || copy).await;
        assert_eq!(answer, under_way());
        for (repository, pass) in [("till", 2), ("shop", 3)] {
            let answer = courier.bring("a", &hasty(repository, pass), never).await;
            assert_eq!(answer, under_way());
        }
        let waits = tokio::spawn({
            let courier = Arc::clone(&courier);
            async move { courier.bring("a", &patient(4), never).await }
        });
        tokio::task::yield_now().await;
        assert!(lock(&told).is_empty());
        end.send(made()).unwrap();
        assert_eq!(waits.await.unwrap(), made());
        assert_eq!(*lock(&told), ["shop", "till"]);
        assert!(lock(&courier.orders).is_empty());
    }

    /// Else the page would say by turns that it fails and that it is under way.
    #[tokio::test]
    async fn a_failure_is_told_until_a_further_try_succeeds() {
        let (courier, told) = courier();
        let (end, copy) = held();
        courier.bring("a", &hasty("shop", 1), || copy).await;
        end.send(failed("first")).unwrap();
        let first = courier.bring("a", &patient(1), never).await;
        assert_eq!(first, failed("first"));
        assert_eq!(*lock(&told), ["shop"]);
        let (end, copy) = held();
        let again = courier.bring("a", &hasty("shop", 2), || copy).await;
        assert_eq!(again, failed("first"));
        end.send(failed("second")).unwrap();
        let second = courier.bring("a", &patient(2), never).await;
        assert_eq!(second, failed("second"));
        assert_eq!(*lock(&told), ["shop"], "nothing is new");
        let (end, copy) = held();
        courier.bring("a", &hasty("shop", 3), || copy).await;
        end.send(made()).unwrap();
        let third = courier.bring("a", &patient(3), never).await;
        assert_eq!(third, made());
        assert_eq!(*lock(&told), ["shop", "shop"]);
    }

    #[tokio::test]
    async fn one_that_breaks_down_is_begun_anew() {
        let (courier, _) = courier();
        let broken = async { panic!("a defect") };
        let answer = courier.bring("a", &patient(1), || broken).await;
        assert_eq!(answer, under_way());
        let answer = courier.bring("a", &patient(2), || async { made() }).await;
        assert_eq!(answer, made());
        let CopyCounts { under_way, ok, .. } = &*courier.counts;
        let counts = [under_way, ok].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts, [0, 1]);
    }

    #[tokio::test]
    async fn so_many_are_under_way_at_once() {
        let (courier, _) = courier();
        let (ends, copies): (Vec<_>, Vec<_>) = (0..AT_ONCE).map(|_| held()).unzip();
        for (number, copy) in copies.into_iter().enumerate() {
            courier
                .bring(&number.to_string(), &hasty("shop", 1), || copy)
                .await;
        }
        tokio::task::yield_now().await;
        let late = async { made() };
        let answer = courier.bring("late", &hasty("shop", 1), || late).await;
        assert_eq!(answer, under_way());
        tokio::task::yield_now().await;
        assert_eq!(courier.places.available_permits(), 0);
        let under_way = &courier.counts.under_way;
        assert_eq!(under_way.load(Ordering::Relaxed), AT_ONCE as u64);
        for end in ends {
            end.send(made()).unwrap();
        }
        assert_eq!(courier.bring("late", &patient(1), never).await, made());
    }
}
