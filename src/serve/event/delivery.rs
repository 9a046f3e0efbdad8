//! Each target has a queue and a task of its own, so that one that is slow holds up no other, and
//! none the daemon.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::events::{EventSettings, EventType};
use crate::registry::Pause;
use crate::serve::event::target::Target;
use crate::serve::event::{CloudEvent, Event, cloud_event};

/// The limits and pauses, as values so that tests need not wait.
#[derive(Clone)]
pub struct EventOptions {
    /// Events that wait for one target; of more, the newest are dropped.
    pub queue: usize,
    /// How often an event is tried.
    pub tries: u32,
    /// The pause after the first try; each further one is four times as long, up to `longest`.
    pub first: Duration,
    /// The longest pause, also where the target asks for a longer one.
    pub longest: Duration,
    /// How long one try may take.
    pub patience: Duration,
    /// How long the end waits for what is queued.
    pub last_patience: Duration,
    pub pause: Pause,
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self {
            queue: 256,
            tries: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            last_patience: Duration::from_secs(5),
            pause: Arc::new(|pause| Box::pin(tokio::time::sleep(pause))),
            now: Arc::new(crate::clock::now),
        }
    }
}

impl fmt::Debug for EventOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("EventOptions")
            .field("queue", &self.queue)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// Sends events until it is ended; dropped, it drops what is queued. Its default has no target.
#[derive(Debug, Default)]
pub struct Events {
    queues: Vec<Queue>,
    tasks: JoinSet<()>,
    last_patience: Duration,
}

#[derive(Debug)]
struct Queue {
    target: Arc<Target>,
    sender: mpsc::Sender<Arc<CloudEvent>>,
    is_full: AtomicBool,
    dropped: Arc<AtomicU64>,
    delivered: Arc<AtomicU64>,
}

/// How many events for a target reached it, and how many did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCount {
    /// The target's host; its path may be a secret.
    pub host: String,
    pub delivered: u64,
    pub dropped: u64,
}

impl Events {
    /// Starts a task for each target, on the runtime that it is called on.
    pub fn start(settings: &[EventSettings], options: &EventOptions) -> reqwest::Result<Self> {
        let mut tasks = JoinSet::new();
        let mut queues = Vec::new();
        for settings in settings {
            let target = Arc::new(Target::new(settings, options.clone())?);
            let (sender, receiver) = mpsc::channel(options.queue.max(1));
            let queue = Queue {
                target: Arc::clone(&target),
                sender,
                is_full: AtomicBool::new(false),
                dropped: Arc::default(),
                delivered: Arc::default(),
            };
            let counts = (Arc::clone(&queue.delivered), Arc::clone(&queue.dropped));
            tasks.spawn(deliver(target, receiver, counts));
            queues.push(queue);
        }
        Ok(Self {
            queues,
            tasks,
            last_patience: options.last_patience,
        })
    }

    /// Whether anybody wants events of this type.
    pub fn are_wanted(&self, kind: EventType) -> bool {
        self.queues.iter().any(|queue| queue.target.wants(kind))
    }

    /// Queues an event for each target that wants it. Never waits.
    pub fn send(&self, event: &Event) {
        if !self.are_wanted(event.kind) {
            return;
        }
        let event = Arc::new(cloud_event(event));
        let wanting = self.queues.iter();
        for queue in wanting.filter(|queue| queue.target.wants(event.kind)) {
            queue.push(Arc::clone(&event));
        }
    }

    /// By target; as many as the configuration has.
    pub fn counts(&self) -> Vec<EventCount> {
        let count = |queue: &Queue| EventCount {
            host: queue.target.host().to_owned(),
            delivered: queue.delivered.load(Ordering::Relaxed),
            dropped: queue.dropped.load(Ordering::Relaxed),
        };
        self.queues.iter().map(count).collect()
    }

    /// Takes no more events, and waits a little for those that are queued.
    pub async fn end(self) {
        let Self {
            queues, mut tasks, ..
        } = self;
        let by = Instant::now() + self.last_patience;
        // The tasks end behind the last event once nobody holds their queues.
        drop(queues);
        while let Ok(Some(_)) = tokio::time::timeout_at(by, tasks.join_next()).await {}
        if !tasks.is_empty() {
            let targets = tasks.len();
            tracing::warn!(targets, "events are left unsent");
        }
    }
}

impl Queue {
    fn push(&self, event: Arc<CloudEvent>) {
        match self.sender.try_send(event) {
            Ok(()) => self.is_full.store(false, Ordering::Relaxed),
            Err(_) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                if !self.is_full.swap(true, Ordering::Relaxed) {
                    let host = self.target.host();
                    tracing::warn!(host, "too many events wait; the newest are dropped");
                }
            }
        }
    }
}

async fn deliver(
    target: Arc<Target>,
    mut queue: mpsc::Receiver<Arc<CloudEvent>>,
    (delivered, dropped): (Arc<AtomicU64>, Arc<AtomicU64>),
) {
    while let Some(event) = queue.recv().await {
        match target.deliver(&event).await {
            Ok(()) => {
                delivered.fetch_add(1, Ordering::Relaxed);
            }
            Err(reason) => {
                dropped.fetch_add(1, Ordering::Relaxed);
                let (host, event) = (target.host(), event.kind.name());
                tracing::warn!(host, event, reason, "an event is dropped");
            }
        }
    }
}
