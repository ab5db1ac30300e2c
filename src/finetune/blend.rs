//! θ = (1 − α)·θ₀ + α·θ₁: between a model before and after a run (Wortsman et al., arXiv 2109.01903), and beyond.

use std::collections::BTreeMap;

use crate::vit::weights::Tensor;

/// Two models whose weights have no mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the two models are not of one architecture: «{tensor}» differs or is missing; blend checkpoints of one run")]
pub struct BlendError {
    pub tensor: String,
}

/// The weights at `alpha`: 0 gives `before` and 1 gives `after`, both to the bit.
///
/// # Errors
/// If names or shapes differ.
pub fn blend(
    before: &BTreeMap<String, Tensor>,
    after: &BTreeMap<String, Tensor>,
    alpha: f32,
) -> Result<BTreeMap<String, Tensor>, BlendError> {
    let extra = after.keys().find(|name| !before.contains_key(*name));
    if let Some(tensor) = extra {
        return Err(BlendError { tensor: tensor.clone() });
    }
    let between = |(name, old): (&String, &Tensor)| {
        let new = after.get(name).filter(|new| new.shape == old.shape);
        let new = new.ok_or_else(|| BlendError { tensor: name.clone() })?;
        let data = old.data.iter().zip(&new.data).map(|(a, b)| (1.0 - alpha) * a + alpha * b).collect();
        Ok((name.clone(), Tensor { shape: old.shape.clone(), data }))
    };
    before.iter().map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, data: &[f32]) -> BTreeMap<String, Tensor> {
        BTreeMap::from([(name.to_owned(), Tensor { shape: vec![data.len()], data: data.to_vec() })])
    }

    #[test]
    fn the_ends_are_exact_and_the_middle_is_the_mean() {
        let (a, b) = (model("w", &[0.1, -3.0]), model("w", &[0.7, 5.0]));
        assert_eq!(blend(&a, &b, 0.0).unwrap(), a);
        assert_eq!(blend(&a, &b, 1.0).unwrap(), b);
        assert_eq!(blend(&a, &b, 0.5).unwrap()["w"].data[1], 1.0);
    }

    #[test]
    fn models_of_two_architectures_have_no_blend() {
        let a = model("w", &[1.0]);
        for other in [model("v", &[1.0]), model("w", &[1.0, 2.0]), BTreeMap::new()] {
            assert_eq!(blend(&a, &other, 0.5).unwrap_err().tensor, if other.contains_key("v") { "v" } else { "w" });
        }
    }
}
