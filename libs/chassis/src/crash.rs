//! Named points at which a test can have the process killed.
//!
//! With `ATENCION_CRASH_AT=name` or `name:N` in its environment a debug build
//! sends itself SIGKILL at the N-th arrival (default the first) at the point of
//! that name: nothing is flushed, nothing unwound, as if the machine had lost
//! power under the process. Release builds contain none of this.

/// Dies here when the environment asks for it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Dies here when the environment asks for it.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    struct Wish {
        name: String,
        countdown: AtomicU32,
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for tests, not configuration"
    )]
    static WISH: LazyLock<Option<Wish>> = LazyLock::new(|| {
        let wish = std::env::var("ATENCION_CRASH_AT").ok()?;
        let (name, nth) = wish.split_once(':').unwrap_or((&wish, "1"));
        let countdown = AtomicU32::new(nth.parse().ok()?);
        Some(Wish {
            name: name.to_owned(),
            countdown,
        })
    });

    let Some(wish) = WISH.as_ref().filter(|wish| wish.name == name) else {
        return;
    };
    if wish.countdown.fetch_sub(1, Ordering::SeqCst) == 1 {
        eprintln!("crash point {name}: killing this process");
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
