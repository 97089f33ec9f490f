//! Named points at which a test can have the process killed.
//!
//! With `ATENCION_CRASH_AT=name`, `part/name` or `name:N` in its environment a debug build
//! sends itself SIGKILL at the N-th arrival (default the first) at the point of
//! that name: nothing is flushed, nothing unwound, as if the machine had lost
//! power under the process. Release builds contain none of this.

/// Dies here when the environment asks for it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Dies here when the environment asks for the point `name` of `part`, written
/// `part/name`.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point_of(_part: &str, _name: &str) {}

/// Dies here when the environment asks for it.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    wish::arrive(|wanted| wanted == name);
}

/// Dies here when the environment asks for the point `name` of `part`, written
/// `part/name`.
#[cfg(debug_assertions)]
pub fn point_of(part: &str, name: &str) {
    wish::arrive(|wanted| wanted.split_once('/') == Some((part, name)));
}

#[cfg(debug_assertions)]
mod wish {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    use rustix::process::{Signal, getpid, kill_process};

    /// What the environment asked for.
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
        Some(Wish {
            name: name.to_owned(),
            countdown: AtomicU32::new(nth.parse().ok()?),
        })
    });

    pub(super) fn arrive(is_wanted: impl Fn(&str) -> bool) {
        let Some(wish) = WISH.as_ref().filter(|wish| is_wanted(&wish.name)) else {
            return;
        };
        if wish.countdown.fetch_sub(1, Ordering::SeqCst) == 1 {
            eprintln!("crash point {}: killing this process", wish.name);
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
