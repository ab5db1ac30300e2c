//! A few eigenvectors of a large symmetric matrix.
//!
//! A power iteration does not converge here: cuts of about the same cost have eigenvalues that differ in the fifth
//! decimal. A block of vectors, multiplied again and again, spans a space that holds all of them (block Lanczos with
//! full orthogonalisation and restarts); what it cannot separate within reason, a full decomposition does.

use faer::prelude::ReborrowMut;
use faer::{Col, Mat, MatRef, Side};

/// An eigenvector of length 1 and its eigenvalue.
pub(super) struct EigenPair {
    pub value: f64,
    pub vector: Vec<f64>,
}

/// Below this, a full decomposition is as quick.
const DENSE_BELOW: usize = 160;
/// Above this, a full decomposition takes many seconds, and what the iteration has must do.
const DENSE_UP_TO: usize = 1600;
/// More vectors at once than are wanted: each one found together with those near it.
const SPARE: usize = 4;
/// Blocks in a space before it is restarted from the best vectors in it.
const BLOCKS: usize = 10;
const RESTARTS: usize = 12;
/// Of ‖M·x − μ·x‖ for ‖x‖ = 1; an eigenvector is wrong by this over its distance to the next eigenvalue.
const RESIDUAL: f64 = 1e-9;
/// What is left of a vector of which the space holds all but this share is rounding.
const DEPENDENT: f64 = 1e-9;

/// The `count` largest eigenvalues of a symmetric matrix, descending, leaving out the known eigenvector `known`.
///
/// `None` if the decomposition fails, which for finite numbers it does not.
pub(super) fn largest(matrix: &Mat<f64>, known: &[f64], count: usize) -> Option<Vec<EigenPair>> {
    let order = matrix.nrows();
    let width = count + SPARE;
    if order < DENSE_BELOW || order < 2 * width * BLOCKS {
        return dense(matrix, known, count);
    }
    let mut space = Space::new(order, known, width * BLOCKS + 1);
    let mut block = (0..width).map(|_| space.random()).collect();
    for _ in 0..RESTARTS {
        let ritz = space.krylov(matrix, block).best(width)?;
        if ritz.residuals[..count].iter().all(|residual| *residual <= RESIDUAL) {
            return Some(ritz.pairs(count));
        }
        block = ritz.vectors.col_iter().map(|column| column.to_owned()).collect();
    }
    if order <= DENSE_UP_TO {
        return dense(matrix, known, count);
    }
    Some(space.krylov(matrix, block).best(width)?.pairs(count))
}

fn dense(matrix: &Mat<f64>, known: &[f64], count: usize) -> Option<Vec<EigenPair>> {
    // Moved to the lower end of the spectrum [-1, 1], the known vector is not among the largest.
    let deflated = Mat::from_fn(known.len(), known.len(), |i, j| matrix[(i, j)] - 2.0 * known[i] * known[j]);
    let decomposition = deflated.self_adjoint_eigen(Side::Lower).ok()?;
    let (values, vectors) = (decomposition.S().column_vector(), decomposition.U());
    let pair = |at: usize| EigenPair { value: values[at], vector: vectors.col(at).iter().copied().collect() };
    Some((0..known.len()).rev().take(count).map(pair).collect())
}

/// An orthonormal basis, the known vector first, and what the matrix makes of it.
struct Space {
    basis: Mat<f64>,
    image: Mat<f64>,
    used: usize,
    state: u64,
}

/// The best approximations in a space, and by how much they fail to be eigenvectors.
struct Ritz {
    values: Vec<f64>,
    vectors: Mat<f64>,
    residuals: Vec<f64>,
}

impl Space {
    fn new(order: usize, known: &[f64], room: usize) -> Self {
        let mut basis = Mat::zeros(order, room);
        basis.rb_mut().col_mut(0).iter_mut().zip(known).for_each(|(to, from)| *to = *from);
        Self { basis, image: Mat::zeros(order, room), used: 1, state: 0x9E37_79B9_7F4A_7C15 }
    }

    /// The same numbers in every run (xorshift, Marsaglia 2003): the same photo gives the same mask.
    fn random(&mut self) -> Col<f64> {
        let mut next = || {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            (self.state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        Col::from_fn(self.basis.nrows(), |_| next())
    }

    /// Fills the basis with a block, the matrix times it, the matrix times that, and so on.
    fn krylov(&mut self, matrix: &Mat<f64>, mut block: Vec<Col<f64>>) -> &Self {
        self.used = 1;
        let width = block.len();
        while self.used + width <= self.basis.ncols() {
            let first = self.used;
            block.into_iter().for_each(|vector| self.push(vector));
            let product = matrix * self.basis.subcols(first, width);
            self.image.rb_mut().subcols_mut(first, width).copy_from(&product);
            block = product.col_iter().map(|column| column.to_owned()).collect();
        }
        self
    }

    /// Adds what is new in a vector; if nothing is, a random one takes its place, so that no direction is missed.
    fn push(&mut self, mut vector: Col<f64>) {
        loop {
            let before = vector.norm_l2();
            // Twice is enough (Kahan and Parlett): once leaves rounding of what was subtracted.
            for _ in 0..2 {
                let basis = self.basis.subcols(0, self.used);
                let shares = basis.transpose() * &vector;
                vector -= basis * shares;
            }
            let length = vector.norm_l2();
            if length > DEPENDENT * before && before > 0.0 {
                vector /= length;
                self.basis.rb_mut().col_mut(self.used).copy_from(&vector);
                self.used += 1;
                return;
            }
            vector = self.random();
        }
    }

    /// Rayleigh and Ritz: the eigenvectors of the matrix as the space sees it, largest eigenvalue first.
    fn best(&self, count: usize) -> Option<Ritz> {
        let (basis, image) = (self.found(&self.basis), self.found(&self.image));
        let seen = basis.transpose() * image;
        let decomposition = seen.self_adjoint_eigen(Side::Lower).ok()?;
        let (all, turns) = (decomposition.S().column_vector(), decomposition.U());
        let last = seen.ncols() - 1;
        let chosen = Mat::from_fn(seen.ncols(), count, |row, rank| turns[(row, last - rank)]);
        let values: Vec<f64> = (0..count).map(|rank| all[last - rank]).collect();
        let (vectors, images) = (basis * &chosen, image * &chosen);
        let residual = |rank: usize| (images.col(rank) - vectors.col(rank) * faer::Scale(values[rank])).norm_l2();
        let residuals = (0..count).map(residual).collect();
        Some(Ritz { values, vectors, residuals })
    }

    /// Without the known vector.
    fn found<'a>(&self, matrix: &'a Mat<f64>) -> MatRef<'a, f64> {
        matrix.subcols(1, self.used - 1)
    }
}

impl Ritz {
    fn pairs(&self, count: usize) -> Vec<EigenPair> {
        let pair = |rank: usize| EigenPair {
            value: self.values[rank],
            vector: self.vectors.col(rank).iter().copied().collect(),
        };
        (0..count).map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of equal entries with a little of everything between them: eigenvalues that nearly coincide.
    fn clustered(order: usize, clusters: usize) -> Mat<f64> {
        let weight = |i: usize, j: usize| {
            let near = if i % clusters == j % clusters { 1.0 } else { 1e-5 };
            // A little unevenness, or the eigenvalues would coincide and the eigenvectors be arbitrary.
            near * (1.0 + 0.2 * ((i % clusters) as f64 * (j % clusters) as f64) / (clusters * clusters) as f64)
        };
        let sums: Vec<f64> = (0..order).map(|i| (0..order).map(|j| weight(i, j)).sum::<f64>().sqrt()).collect();
        Mat::from_fn(order, order, |i, j| weight(i, j) / (sums[i] * sums[j]))
    }

    fn stationary(matrix: &Mat<f64>) -> Vec<f64> {
        // The eigenvector to 1 is √D; of a full decomposition, the last.
        let decomposition = matrix.self_adjoint_eigen(Side::Lower).unwrap();
        decomposition.U().col(matrix.nrows() - 1).iter().copied().collect()
    }

    #[test]
    fn the_iteration_agrees_with_the_full_decomposition() {
        for clusters in [3, 7, 29] {
            let matrix = clustered(400, clusters);
            let known = stationary(&matrix);
            let (few, all) = (largest(&matrix, &known, 4).unwrap(), dense(&matrix, &known, 4).unwrap());
            for (a, b) in few.iter().zip(&all) {
                assert!((a.value - b.value).abs() < 1e-12, "{clusters} clusters: {} and {}", a.value, b.value);
                let product = &matrix * Col::from_fn(400, |i| a.vector[i]);
                let off = (0..400).map(|i| (product[i] - a.value * a.vector[i]).abs()).fold(0.0, f64::max);
                assert!(off < 1e-8, "{clusters} clusters: off by {off}");
            }
        }
    }

    #[test]
    fn the_known_vector_is_left_out() {
        let matrix = clustered(400, 5);
        let known = stationary(&matrix);
        for pair in largest(&matrix, &known, 3).unwrap() {
            let overlap: f64 = pair.vector.iter().zip(&known).map(|(a, b)| a * b).sum();
            assert!(overlap.abs() < 1e-7 && pair.value < 1.0, "{overlap}");
        }
    }
}
