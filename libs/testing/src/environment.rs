//! The servers that the test run was given.

/// The address of the Redis of this test run, from `REDIS_URL`.
///
/// # Panics
/// When there is none: `make test` starts one and says where it is.
pub fn redis_url() -> String {
    variable("REDIS_URL")
}

/// The address of the PostgreSQL of this test run, from `DATABASE_URL`.
///
/// # Panics
/// When there is none: `make test` starts one and says where it is.
pub fn database_url() -> String {
    variable("DATABASE_URL")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the runner of the tests says it this way"
)]
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set; run the tests by `make test`"))
}
