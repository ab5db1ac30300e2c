// Values between the centres of the patches. Keep in sync with src/render/interpolation.rs.
// Needs `INTERPOLATION` and `heat_values: texture_2d<f32>`, one texel per patch.

const PATCHES: u32 = 0u;
const BILINEAR: u32 = 1u;
const BICUBIC: u32 = 2u;

// Positions count as this share of a patch further right and down, when it is asked in which patch they lie, so that
// the centre of a pixel right on an edge falls on the same side whatever the rounding.
const EDGE_BIAS: f32 = 1e-3;

// Four neighbouring patches along one axis and how much each counts; the first may lie outside of the grid.
struct Taps {
    first: i32,
    weights: vec4<f32>,
}

// Keys 1981, "Cubic convolution interpolation", with a = -1/2, at distances 1 + t, t, 1 - t and 2 - t.
fn catmull_rom(t: f32) -> vec4<f32> {
    return vec4<f32>(
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    );
}

fn taps_at(position: f32) -> Taps {
    let from_centre = select(position - 0.5, position + EDGE_BIAS, INTERPOLATION == PATCHES);
    let base = floor(from_centre);
    let t = from_centre - base;
    var weights = vec4<f32>(0.0, 1.0, 0.0, 0.0);
    if INTERPOLATION == BILINEAR {
        weights = vec4<f32>(0.0, 1.0 - t, t, 0.0);
    } else if INTERPOLATION == BICUBIC {
        weights = catmull_rom(t);
    }
    return Taps(i32(base) - 1, weights);
}

// The value at a position (column, row) in units of patches, whose corner is 0 and first centre 1/2.
fn value_at(at: vec2<f32>) -> f32 {
    let last = vec2<i32>(textureDimensions(heat_values)) - 1;
    let columns = taps_at(at.x);
    let rows = taps_at(at.y);
    // The taps that count: 1, 1 and 2, or 0 to 3.
    let begin = select(1, 0, INTERPOLATION == BICUBIC);
    let end = select(select(2, 3, INTERPOLATION == BILINEAR), 4, INTERPOLATION == BICUBIC);
    var sum = 0.0;
    for (var j = begin; j < end; j++) {
        var across = 0.0;
        for (var i = begin; i < end; i++) {
            let patch_index = clamp(vec2<i32>(columns.first + i, rows.first + j), vec2<i32>(0), last);
            across += columns.weights[i] * textureLoad(heat_values, patch_index, 0).r;
        }
        sum += rows.weights[j] * across;
    }
    return sum;
}
