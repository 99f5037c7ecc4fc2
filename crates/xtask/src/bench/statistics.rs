//! Medians and their bootstrap intervals.

use serde::{Deserialize, Serialize};

/// A median with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How many values it stands on.
    pub(crate) count: usize,
}

/// Resamples per interval.
const RESAMPLES: usize = 10_000;

/// The median of the values and its percentile bootstrap interval. The same values give the same interval.
pub(crate) fn estimate(values: &[f64]) -> Estimate {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let mut sample: Vec<f64> = values.iter().map(|_| values[random.below(values.len())]).collect();
            median(&mut sample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: f64| medians[((medians.len() - 1) as f64 * share).round() as usize];
    Estimate { median: median(&mut values.to_vec()), low: at(0.025), high: at(0.975), count: values.len() }
}

/// The median; NaN of nothing.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// The value that `share` of the values do not exceed.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    values.get(index).copied().unwrap_or(f64::NAN)
}

/// xorshift64*: enough to draw samples, and it needs no crate.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_median_and_narrows_with_more_values() {
        let spread = |count: usize| {
            let values: Vec<f64> = (0..count).map(|i| 1.0 + 0.01 * ((i * 7919 % 101) as f64 - 50.0)).collect();
            let estimate = estimate(&values);
            assert!(estimate.low <= estimate.median && estimate.median <= estimate.high);
            estimate.high - estimate.low
        };
        assert!(spread(200) < spread(15));
    }

    #[test]
    fn equal_values_have_no_spread() {
        assert_eq!(estimate(&[2.0; 15]), Estimate { median: 2.0, low: 2.0, high: 2.0, count: 15 });
    }

    #[test]
    fn medians_and_quantiles_of_few_values() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile(&mut [4.0, 1.0, 2.0, 3.0], 0.99), 4.0);
        assert_eq!(quantile(&mut [4.0, 1.0, 2.0, 3.0], 0.5), 2.0);
    }
}
