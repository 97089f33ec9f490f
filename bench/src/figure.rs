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
    added(name, (with, without), with - without, unit, at_most);
}

/// The same of values that were measured side by side, pair by pair: what a pair
/// shares, such as a slow moment of the machine, takes no part in it.
pub(crate) fn print_added_paired(
    name: &str,
    with: &[f64],
    without: &[f64],
    unit: &str,
    at_most: f64,
) {
    let pairs = with.iter().zip(without);
    let difference = median(pairs.map(|(with, without)| with - without).collect());
    let medians = (median(with.to_vec()), median(without.to_vec()));
    added(name, medians, difference, unit, at_most);
}

fn added(name: &str, (with, without): (f64, f64), added: f64, unit: &str, at_most: f64) {
    let verdict = if added <= at_most { "ok" } else { "short" };
    println!(
        "{name} {with:.1}{unit} {without:.1}{unit} {added:+.1}{unit} <={at_most:.1}{unit} {verdict}"
    );
}

/// Prints one figure. `unit` belongs to both values.
pub(crate) fn print(name: &str, ours: f64, reference: f64, unit: &str, target: Target) {
    compared(name, (ours, reference), ours / reference, unit, target);
}

/// The same of values that were measured side by side: both medians, and the median of
/// the ratios of the pairs.
pub(crate) fn print_paired(
    name: &str,
    ours: &[f64],
    reference: &[f64],
    unit: &str,
    target: Target,
) {
    let pairs = ours.iter().zip(reference);
    let ratio = median(pairs.map(|(ours, reference)| ours / reference).collect());
    let medians = (median(ours.to_vec()), median(reference.to_vec()));
    compared(name, medians, ratio, unit, target);
}

fn compared(name: &str, (ours, reference): (f64, f64), ratio: f64, unit: &str, target: Target) {
    let (met, sign, bound) = match target {
        Target::AtMost(bound) => (ratio <= bound, "<=", bound),
        Target::AtLeast(bound) => (ratio >= bound, ">=", bound),
    };
    let verdict = if met { "ok" } else { "short" };
    println!("{name} {ours:.1}{unit} {reference:.1}{unit} {ratio:.2} {sign}{bound:.2} {verdict}");
}
