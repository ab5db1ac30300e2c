//! Values far beyond the others.

/// The places of values above Q₃ + 3·(Q₃ − Q₁), the outer fence of Tukey (1977), in ascending order.
///
/// Quartiles are the values at one and three quarters of the sorted list. Values that are no numbers, and maps of
/// fewer than four values, have no outliers.
pub fn far_out(values: &[f32]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let [.., _, _, _, _] = sorted.as_slice() else { return Vec::new() };
    let (first, third) = (sorted[sorted.len() / 4], sorted[3 * sorted.len() / 4]);
    let fence = third + 3.0 * (third - first);
    (0..values.len()).filter(|&at| values[at] > fence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_far_beyond_the_others_stands_out() {
        // Sorted: 1 2 3 4 5 6 7 40; quartiles at places 2 and 6: 3 and 7; the fence is at 19.
        assert_eq!(far_out(&[40.0, 1.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0]), [0]);
        assert_eq!(far_out(&[18.0, 1.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0]), [] as [usize; 0]);
        assert!(far_out(&[1.0; 9]).is_empty() && far_out(&[1.0, 100.0]).is_empty() && far_out(&[]).is_empty());
        assert!(far_out(&[f32::NAN; 9]).is_empty());
    }
}
