//! The line that a benchmark prints.

/// Whether a ratio is good when it is small or when it is large.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The ratio must not be above it.
    AtMost(f64),
    /// The ratio must not be below it.
    AtLeast(f64),
}

/// Prints one figure. `unit` belongs to both values.
pub(crate) fn print(name: &str, ours: f64, reference: f64, unit: &str, target: Target) {
    let ratio = ours / reference;
    let (met, sign, bound) = match target {
        Target::AtMost(bound) => (ratio <= bound, "<=", bound),
        Target::AtLeast(bound) => (ratio >= bound, ">=", bound),
    };
    let verdict = if met { "ok" } else { "short" };
    println!("{name} {ours:.1}{unit} {reference:.1}{unit} {ratio:.2} {sign}{bound:.2} {verdict}");
}
