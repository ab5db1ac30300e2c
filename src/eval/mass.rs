//! Relevance mass: the share of all relevance that lies on the object (Arras et al., arXiv 2003.07258).

/// What lies on the object, beside what a blind guess would put there.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Mass {
    /// Σ_M R / ΣR
    pub share: f64,
    /// |M| / n, the share of a map that is the same everywhere.
    pub baseline: f64,
    /// share / baseline: above 1, the map prefers the object.
    pub lift: f64,
}

/// `values`: an upsampled map without negative values, not scaled to 0…1; `mask`: the object, pixel by pixel.
///
/// A map without relevance, or with values that are no finite numbers, counts as chance. `None` if the mask is
/// empty or of another length, for then there is no share to tell.
pub fn relevance_mass(values: &[f32], mask: &[bool]) -> Option<Mass> {
    let object = mask.iter().filter(|&&inside| inside).count();
    if object == 0 || values.len() != mask.len() {
        return None;
    }
    let baseline = object as f64 / mask.len() as f64;
    let total: f64 = values.iter().copied().map(f64::from).sum();
    let inside: f64 = values.iter().zip(mask).filter(|&(_, &inside)| inside).map(|(&value, _)| f64::from(value)).sum();
    let share = if total > 0.0 && total.is_finite() { inside / total } else { baseline };
    Some(Mass { share, baseline, lift: share / baseline })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_on_the_object_beside_chance() {
        // By hand: 6 of 8 lie on one of four pixels.
        let mass = relevance_mass(&[6.0, 1.0, 1.0, 0.0], &[true, false, false, false]).unwrap();
        assert_eq!(mass, Mass { share: 0.75, baseline: 0.25, lift: 3.0 });
    }

    #[test]
    fn maps_without_relevance_count_as_chance_and_empty_masks_do_not_count() {
        let mask = [true, false];
        for values in [[0.0, 0.0], [f32::NAN, 1.0]] {
            assert_eq!(relevance_mass(&values, &mask).map(|mass| mass.lift), Some(1.0));
        }
        assert_eq!(relevance_mass(&[1.0, 1.0], &[false, false]), None);
        assert_eq!(relevance_mass(&[1.0], &mask), None);
    }
}
