// A mask (one tile of it) to lie over the photo. Keep in sync with src/render/mask.rs; tests/mask_twin.rs compares them.
// Colours are gamma-encoded as in the photo's file, 0 to 1.

// Compiled for both, as the choices in heatmap.wgsl are.
override WITH_OUTLINE: bool = true;

const FOREGROUND: u32 = 1u;
const IGNORE: u32 = 2u;

// Stripes over what is ignored: their period and the width of the light ones, along a row, in pixels of the screen.
const STRIPE_PERIOD: f32 = 8.0;
const STRIPE_WIDTH: f32 = 3.0;
const STRIPE: vec4<f32> = vec4<f32>(1.0, 1.0, 1.0, 0.6);
const BETWEEN_STRIPES: vec4<f32> = vec4<f32>(0.0, 0.0, 0.0, 0.4);

// How far from the edge of the object its outline reaches on either side, in pixels of the screen: light inside, dark
// outside, so that it shows on every ground.
const OUTLINE_REACH: f32 = 1.4;
const DIAGONAL: f32 = 0.7;
const OUTSIDE: vec4<f32> = vec4<f32>(0.0, 0.0, 0.0, 0.6);
const INSIDE: vec4<f32> = vec4<f32>(1.0, 1.0, 1.0, 0.9);

// Keep in sync with `MaskUniform` in src/render/gpu/mask/uniform.rs. "Pixel" means one of the screen.
struct MaskLayer {
    // Top left corner of the picture's rectangle, and the whole target, in pixels.
    rect_origin: vec2<f32>,
    screen_size: vec2<f32>,
    // The part of the screen that the tile fills, in pixels.
    quad_min: vec2<f32>,
    quad_max: vec2<f32>,
    // Where the rectangle's corner lies in the tile's texture.
    texel_origin: vec2<f32>,
    texels_per_pixel: f32,
    padding: u32,
    // Of the object: red, green, blue, and opacity.
    fill: vec4<f32>,
}

@group(0) @binding(0) var<uniform> layer: MaskLayer;
@group(1) @binding(0) var labels: texture_2d<u32>;

@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // A strip of two triangles: left or right by the low bit, top or bottom by the high one.
    let far = vec2<bool>((index & 1u) != 0u, (index >> 1u) != 0u);
    let pixel = select(layer.quad_min, layer.quad_max, far);
    return vec4<f32>(2.0 * pixel.x / layer.screen_size.x - 1.0, 1.0 - 2.0 * pixel.y / layer.screen_size.y, 0.0, 1.0);
}

// Beyond the edge the nearest label, so that the object has no outline where it leaves the photo.
fn label_at(texel: vec2<f32>) -> u32 {
    let last = vec2<i32>(textureDimensions(labels)) - 1;
    return textureLoad(labels, clamp(vec2<i32>(floor(texel)), vec2<i32>(0), last), 0).r;
}

// Whether one of eight places around is object where this is not, or the reverse.
fn is_on_edge(texel: vec2<f32>, is_object: bool) -> bool {
    let reach = OUTLINE_REACH * layer.texels_per_pixel;
    let slant = DIAGONAL * reach;
    var offsets = array<vec2<f32>, 8>(
        vec2<f32>(reach, 0.0),
        vec2<f32>(-reach, 0.0),
        vec2<f32>(0.0, reach),
        vec2<f32>(0.0, -reach),
        vec2<f32>(slant, slant),
        vec2<f32>(slant, -slant),
        vec2<f32>(-slant, slant),
        vec2<f32>(-slant, -slant),
    );
    var found = false;
    for (var i = 0; i < 8; i++) {
        found = found || (label_at(texel + offsets[i]) == FOREGROUND) != is_object;
    }
    return found;
}

// What to blend over the photo: a colour and its opacity.
fn mask_at(position_on_screen: vec2<f32>) -> vec4<f32> {
    let pixel = position_on_screen - layer.rect_origin;
    let texel = layer.texel_origin + pixel * layer.texels_per_pixel;
    let label = label_at(texel);
    let is_object = label == FOREGROUND;
    if WITH_OUTLINE && is_on_edge(texel, is_object) {
        return select(OUTSIDE, INSIDE, is_object);
    }
    if is_object {
        return layer.fill;
    }
    if label == IGNORE {
        let along = pixel.x + pixel.y;
        return select(BETWEEN_STRIPES, STRIPE, along - STRIPE_PERIOD * floor(along / STRIPE_PERIOD) < STRIPE_WIDTH);
    }
    return vec4<f32>(0.0);
}

// For targets that take the bytes as they are, which is what egui asks for.
@fragment
fn fs_gamma(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let colour = mask_at(position.xy);
    return vec4<f32>(colour.rgb * colour.a, colour.a);
}

// For targets that encode what is written to them as sRGB; they also blend in linear light.
@fragment
fn fs_linear(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let colour = mask_at(position.xy);
    let lower = colour.rgb / 12.92;
    let higher = pow((colour.rgb + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(higher, lower, colour.rgb < vec3<f32>(0.04045)) * colour.a, colour.a);
}
