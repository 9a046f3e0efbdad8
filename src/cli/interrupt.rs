//! Ctrl-C and `--timeout` end the process at once: every write is atomic, so no moment is bad.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::style::Styles;

/// Until the command itself has noticed, it puts files back.
const MAX_REMOVALS: usize = 1000;

static IS_ENDING: AtomicBool = AtomicBool::new(false);
/// A temporary folder that would be left over.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Has `folder` removed when the process is ended in the middle of its work.
pub fn remove_at_end(folder: &Path) {
    *temporary() = Some(folder.to_owned());
}

/// Calls [`remove_at_end`] off.
pub fn keep() {
    *temporary() = None;
}

/// Does not come back while the process is being ended: what failed then failed of that.
pub fn hold() {
    while IS_ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

fn temporary() -> std::sync::MutexGuard<'static, Option<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Ended {
    Interrupted,
    OutOfTime(Duration),
}

/// Watches from a thread of its own, so that a blocked command ends too.
pub fn watch(timeout: Option<Duration>) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        // Without a runtime the system's own handling of Ctrl-C stays.
        let Ok(runtime) = runtime else { return };
        if let Some(ended) = runtime.block_on(wait(timeout)) {
            end(&ended);
        }
    });
}

async fn wait(timeout: Option<Duration>) -> Option<Ended> {
    let interrupted = async { tokio::signal::ctrl_c().await.ok() };
    let Some(limit) = timeout else {
        return interrupted.await.map(|()| Ended::Interrupted);
    };
    tokio::select! {
        signal = interrupted => signal.map(|()| Ended::Interrupted),
        () = tokio::time::sleep(limit) => Some(Ended::OutOfTime(limit)),
    }
}

fn remove(folder: &Path) {
    for _ in 0..MAX_REMOVALS {
        let removed = std::fs::remove_dir_all(folder);
        if removed.is_ok() || !folder.exists() {
            break;
        }
    }
}

fn end(ended: &Ended) -> ! {
    IS_ENDING.store(true, Ordering::SeqCst);
    let exit = match ended {
        Ended::Interrupted => Exit::Interrupted,
        Ended::OutOfTime(limit) => {
            let error = CliError::unavailable(format!("not done within {limit:?}"))
                .hint("give more time by --timeout; run again with -v to see what is slow");
            output::write_note(&error.render(Styles::none()));
            error.exit()
        }
    };
    if let Some(folder) = temporary().take() {
        remove(&folder);
    }
    std::process::exit(exit.code().into())
}
