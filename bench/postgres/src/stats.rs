//! Medians and percentiles.

/// The middle value, or the mean of the two middle ones. `None` for no values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => sorted.get(middle).copied(),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The nearest-rank percentile: the smallest value that at least `percent` % of the values do not exceed.
/// `None` for no values. `percent` is 0 to 100.
pub(crate) fn percentile<T: Copy + Ord>(values: &mut [T], percent: usize) -> Option<T> {
    if values.is_empty() {
        return None;
    }
    let rank = (values.len() * percent)
        .div_ceil(100)
        .clamp(1, values.len());
    Some(*values.select_nth_unstable(rank - 1).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut values: Vec<u32> = (1..=200).rev().collect();
        assert_eq!(percentile(&mut values, 50), Some(100));
        assert_eq!(percentile(&mut values, 99), Some(198));
        assert_eq!(percentile(&mut values, 100), Some(200));
        assert_eq!(percentile(&mut [7_u32], 99), Some(7));
        assert_eq!(percentile::<u32>(&mut [], 50), None);
    }
}
