//! The line that a benchmark prints.

/// Whether a ratio is good when it is small or when it is large.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The ratio must not be above it.
    AtMost(f64),
    /// The ratio must not be below it.
    AtLeast(f64),
}

/// The middle one of some values; none of none is no number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints what something adds, which may be `at_most` so much.
pub(crate) fn print_added(name: &str, with: f64, without: f64, unit: &str, at_most: f64) {
    let added = with - without;
    let verdict = if added <= at_most { "ok" } else { "short" };
    println!(
        "{name} {with:.1}{unit} {without:.1}{unit} {added:+.1}{unit} <={at_most:.1}{unit} {verdict}"
    );
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
