//! Ctrl-C and `--timeout` end the process at once: every write is atomic, so no moment is bad.

use std::time::Duration;

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::style::Styles;

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

fn end(ended: &Ended) -> ! {
    let exit = match ended {
        Ended::Interrupted => Exit::Interrupted,
        Ended::OutOfTime(limit) => {
            let error = CliError::unavailable(format!("not done within {limit:?}"))
                .hint("give more time by --timeout; run again with -v to see what is slow");
            output::write_note(&error.render(Styles::none()));
            error.exit()
        }
    };
    std::process::exit(exit.code().into())
}
