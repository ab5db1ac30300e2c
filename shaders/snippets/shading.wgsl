// From a value to the colour of a pixel. Keep in sync with src/render/shading.rs; tests/heatmap_twin.rs compares them.
// Colours are gamma-encoded as in the photo's file, 0 to 1. Needs `layer: Layer`, `colour_tables: texture_2d<f32>`
// with one colour map of 256 entries in each row, `BLEND`, `SIGNED_COLOURS`, `CONTOURS`, and interpolation.wgsl.

const OVERLAY: u32 = 0u;
const MULTIPLY: u32 = 1u;

// How much of its contrast and colour the part of the photo keeps that the model did not see.
const UNSEEN_STRENGTH: f32 = 0.3;
// What that part fades into.
const UNSEEN_GREY: f32 = 160.0 / 255.0;

// Half the width of a contour line, in pixels of the screen.
const LINE_RADIUS: f32 = 0.75;
// Half the width of the dark seam in which the white line lies, so that it shows on every ground.
const SEAM_RADIUS: f32 = 1.75;
const SEAM_OPACITY: f32 = 0.5;
// In range per pixel; where the map is flatter there is no line, even if all of it lies on the level.
const LEAST_SLOPE: f32 = 1e-7;

// The colour of what cannot be: a number that no variant of an enum has.
const IMPOSSIBLE: vec3<f32> = vec3<f32>(1.0, 0.0, 1.0);

// What a place in the range looks like.
struct Heat {
    // Where in the colour map, 0 to 1.
    colour: f32,
    // How relevant, 0 to 1; for signed colours the distance from 0.
    strength: f32,
    // Whether it reaches the threshold.
    shown: bool,
}

fn blend_of(a: f32, b: f32, share_of_b: f32) -> f32 {
    return a + (b - a) * share_of_b;
}

fn blend_of_colours(a: vec3<f32>, b: vec3<f32>, share_of_b: f32) -> vec3<f32> {
    return a + (b - a) * share_of_b;
}

// `base` to the power of `exponent`, exact where the hardware's logarithm would not be.
fn power(base: f32, exponent: f32) -> f32 {
    if base <= 0.0 {
        return 0.0;
    }
    return select(pow(base, exponent), base, exponent == 1.0);
}

// The heat at a position in the range, which may lie outside of 0 to 1.
fn heat_of(position_in_range: f32) -> Heat {
    let position = clamp(position_in_range, 0.0, 1.0);
    if !SIGNED_COLOURS {
        let strength = power(position, layer.gamma);
        return Heat(strength, strength, position >= layer.threshold);
    }
    let from_zero = 2.0 * position - 1.0;
    let strength = power(abs(from_zero), layer.gamma);
    let side = select(0.5, -0.5, from_zero < 0.0);
    return Heat(0.5 + side * strength, strength, abs(from_zero) >= layer.threshold);
}

// The colour between the two nearest entries of the table.
fn colour_of(heat: Heat) -> vec3<f32> {
    if layer.colours >= textureDimensions(colour_tables).y {
        return IMPOSSIBLE;
    }
    let place = heat.colour * 255.0;
    let below = min(i32(place), 254);
    let low = textureLoad(colour_tables, vec2<i32>(below, i32(layer.colours)), 0).rgb;
    let high = textureLoad(colour_tables, vec2<i32>(below + 1, i32(layer.colours)), 0).rgb;
    return blend_of_colours(low, high, place - f32(below));
}

// The opacity of one place: all of it from half strength on, and where it is cold only that share of it.
fn opacity_at(strength: f32, opacity: f32) -> f32 {
    let rise = min(2.0 * strength, 1.0);
    return opacity * blend_of(opacity, 1.0, rise * rise * (3.0 - 2.0 * rise));
}

// The part of the photo that the model did not see.
fn dimmed(photo: vec3<f32>) -> vec3<f32> {
    // Rec. 601 luma, the brightness of JPEG.
    let luma = 0.299 * photo.r + 0.587 * photo.g + 0.114 * photo.b;
    return vec3<f32>(blend_of(UNSEEN_GREY, luma, UNSEEN_STRENGTH));
}

// Where the value lies in the range.
fn field_at(at: vec2<f32>) -> f32 {
    return (value_at(at) - layer.range_low) / (layer.range_high - layer.range_low);
}

// Positions in the range to all four sides of a pixel.
struct Surroundings {
    low: f32,
    high: f32,
    // Per pixel.
    slope: f32,
}

// At a distance of `radius` pixels; `position` is the pixel's own.
fn surroundings_of(at: vec2<f32>, position: f32, radius: f32) -> Surroundings {
    let step = layer.patches_per_pixel * radius;
    let left = field_at(at - vec2<f32>(step.x, 0.0));
    let right = field_at(at + vec2<f32>(step.x, 0.0));
    let above = field_at(at - vec2<f32>(0.0, step.y));
    let below = field_at(at + vec2<f32>(0.0, step.y));
    let low = min(position, min(min(left, right), min(above, below)));
    let high = max(position, max(max(left, right), max(above, below)));
    return Surroundings(low, high, length(vec2<f32>(right - left, below - above)) / (2.0 * radius));
}

// How much of a pixel lies under lines of half width `radius` in pixels.
fn line_coverage(around: Surroundings, position: f32, radius: f32) -> f32 {
    var covered = 0.0;
    for (var i = 0u; i < CONTOURS; i++) {
        let level = layer.contours[i / 4u][i % 4u];
        if INTERPOLATION == PATCHES {
            // The map jumps at the edges of patches: the line is the edge.
            covered = max(covered, select(0.0, 1.0, around.low < level && level <= around.high));
        } else if around.slope >= LEAST_SLOPE {
            covered = max(covered, clamp(radius + 0.5 - abs(position - level) / around.slope, 0.0, 1.0));
        }
    }
    return covered;
}

// The photo with the map on it, at a position (column, row) in units of patches.
fn heated(photo: vec3<f32>, at: vec2<f32>) -> vec3<f32> {
    if INTERPOLATION > BICUBIC {
        return IMPOSSIBLE;
    }
    let position = field_at(at);
    let heat = heat_of(position);
    var blended = IMPOSSIBLE;
    switch BLEND {
        case OVERLAY: {
            let opacity = select(0.0, opacity_at(heat.strength, layer.opacity), heat.shown);
            blended = blend_of_colours(photo, colour_of(heat), opacity);
        }
        case MULTIPLY: {
            let brightness = select(0.0, heat.strength, heat.shown);
            blended = photo * blend_of(1.0, brightness, layer.opacity);
        }
        default: {}
    }
    if CONTOURS == 0u {
        return blended;
    }
    let near = surroundings_of(at, position, LINE_RADIUS);
    // Only jumps must be within reach of the line; a slope is the same a little further.
    var far = near;
    if INTERPOLATION == PATCHES {
        far = surroundings_of(at, position, SEAM_RADIUS);
    }
    let seam = SEAM_OPACITY * line_coverage(far, position, SEAM_RADIUS);
    let line = line_coverage(near, position, LINE_RADIUS);
    return blend_of_colours(blend_of_colours(blended, vec3<f32>(0.0), seam), vec3<f32>(1.0), line);
}
