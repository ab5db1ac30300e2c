//! Lattice noise: smooth random functions of the plane, the raw material of every background.

/// Eight directions of nearly equal length.
const GRADIENTS: [[f32; 2]; 8] =
    [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0], [1.4, 0.0], [-1.4, 0.0], [0.0, 1.4], [0.0, -1.4]];

/// Rounds down without a library call, which `f32::floor` is on plain x86-64; this runs 10⁶ times a picture.
fn floor(x: f32) -> i32 {
    let truncated = x as i32;
    truncated - i32::from(x < truncated as f32)
}

/// Gradient (Perlin) noise and its relatives, all determined by one seed.
#[derive(Clone, Copy)]
pub struct Noise {
    seed: u32,
}

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self { seed: (seed ^ (seed >> 32)) as u32 }
    }

    /// A uniform number in [0, 1) that belongs to a lattice point.
    pub fn at(self, x: i32, y: i32) -> f32 {
        (self.hash(x, y) >> 8) as f32 / (1 << 24) as f32
    }

    /// Integer hash of a lattice point (constants of xxHash's avalanche).
    fn hash(self, x: i32, y: i32) -> u32 {
        let mut h = self.seed ^ (x as u32).wrapping_mul(0x85EB_CA6B) ^ (y as u32).wrapping_mul(0xC2B2_AE35);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        h ^ (h >> 15)
    }

    /// Gradient noise in about [−1, 1] with features of size 1.
    pub fn gradient(self, x: f32, y: f32) -> f32 {
        let (ix, iy) = (floor(x), floor(y));
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let corner = |dx: i32, dy: i32| {
            let [gx, gy] = GRADIENTS[(self.hash(ix + dx, iy + dy) & 7) as usize];
            gx * (fx - dx as f32) + gy * (fy - dy as f32)
        };
        let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
        let (u, v) = (fade(fx), fade(fy));
        let top = corner(0, 0) + u * (corner(1, 0) - corner(0, 0));
        let bottom = corner(0, 1) + u * (corner(1, 1) - corner(0, 1));
        top + v * (bottom - top)
    }

    /// Fractal sum of `octaves` gradient noises, each twice as fine and half as strong; about [−1, 1].
    pub fn fractal(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
        let (mut x, mut y) = (x, y);
        for octave in 0..octaves {
            sum += weight * Self { seed: self.seed.wrapping_add(octave * 0x9E37) }.gradient(x, y);
            total += weight;
            weight *= 0.5;
            (x, y) = (2.03 * x + 17.1, 2.03 * y - 9.7);
        }
        1.4 * sum / total
    }

    /// Fractal noise folded at zero: sharp bright ridges in [0, 1], as on mountains or in caustics.
    pub fn ridged(self, x: f32, y: f32, octaves: u32) -> f32 {
        let fold = 1.0 - self.fractal(x, y, octaves).abs();
        fold.clamp(0.0, 1.0)
    }
}
