//! Constraint names as domain errors: the database is the judge of uniqueness
//! and references, and its verdict is read by name.

/// The name of the constraint that a statement violated, if that is why it failed.
pub fn violated(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

/// Says whether the failure is of the connection or the server, so that trying
/// again later may help.
pub fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        // Class 08 connection, 40 serialization and deadlock, 53 resources,
        // 57 shutdown (PostgreSQL manual, appendix A).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "57"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
