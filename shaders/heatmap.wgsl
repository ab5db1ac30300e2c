// A photo (one tile of it) with heat on it. The program appends snippets/interpolation.wgsl and snippets/shading.wgsl.

// Choices of menus are made when the pipeline is compiled, one per combination in use. What sliders change is in the
// uniform, and no branch or loop may depend on that alone: a software rasteriser runs both sides of a branch, and that of
// Mesa 22 compiles the shader again in every frame for one that it could settle, and keeps them all. Keep in sync with
// `Variant` in src/render/gpu/variant.rs.
override CONTENT: u32 = HEAT;
override SAMPLING: u32 = FILTERED;
override INTERPOLATION: u32 = BILINEAR;
override BLEND: u32 = OVERLAY;
override SIGNED_COLOURS: bool = false;
// Levels with a line, at most 8.
override CONTOURS: u32 = 8u;

const PHOTO_ONLY: u32 = 0u;
// A crop is known but the map is flat or broken: nothing is hot, what the model did not see is dimmed.
const CROP_ONLY: u32 = 1u;
const HEAT: u32 = 2u;

const SQUARES: u32 = 0u;
const FILTERED: u32 = 1u;

// Keep in sync with `LayerUniform` in src/render/gpu/uniform.rs. "Pixel" means one of the screen.
struct Layer {
    // Top left corner of the picture's rectangle, and the whole target, in pixels.
    rect_origin: vec2<f32>,
    screen_size: vec2<f32>,
    // The part of the screen that the tile fills, in pixels.
    quad_min: vec2<f32>,
    quad_max: vec2<f32>,
    // Where the rectangle's corner lies in the tile's texture.
    texel_origin: vec2<f32>,
    texels_per_pixel: f32,
    // Level of detail: the binary logarithm of the texels per pixel, at least 0.
    level: f32,
    // Where the rectangle's corner lies on the patch grid: column, row.
    grid_origin: vec2<f32>,
    patches_per_pixel: vec2<f32>,
    range_low: f32,
    range_high: f32,
    gamma: f32,
    threshold: f32,
    opacity: f32,
    dim_unseen: u32,
    // Row of `colour_tables`.
    colours: u32,
    padding: u32,
    contours: array<vec4<f32>, 2>,
}

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var heat_values: texture_2d<f32>;
@group(0) @binding(2) var colour_tables: texture_2d<f32>;
@group(1) @binding(0) var photo_tile: texture_2d<f32>;
@group(1) @binding(1) var photo_sampler: sampler;

@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // A strip of two triangles: left or right by the low bit, top or bottom by the high one.
    let far = vec2<bool>((index & 1u) != 0u, (index >> 1u) != 0u);
    let pixel = select(layer.quad_min, layer.quad_max, far);
    return vec4<f32>(2.0 * pixel.x / layer.screen_size.x - 1.0, 1.0 - 2.0 * pixel.y / layer.screen_size.y, 0.0, 1.0);
}

fn photo_at(pixel: vec2<f32>) -> vec3<f32> {
    let texel = layer.texel_origin + pixel * layer.texels_per_pixel;
    let size = vec2<f32>(textureDimensions(photo_tile));
    switch SAMPLING {
        case SQUARES: {
            return textureLoad(photo_tile, vec2<i32>(clamp(floor(texel), vec2<f32>(0.0), size - 1.0)), 0).rgb;
        }
        case FILTERED: {
            return textureSampleLevel(photo_tile, photo_sampler, texel / size, layer.level).rgb;
        }
        default: {
            return IMPOSSIBLE;
        }
    }
}

fn colour_at(position_on_screen: vec2<f32>) -> vec3<f32> {
    let pixel = position_on_screen - layer.rect_origin;
    let photo = photo_at(pixel);
    if CONTENT == PHOTO_ONLY {
        return photo;
    }
    if CONTENT > HEAT {
        return IMPOSSIBLE;
    }
    let at = layer.grid_origin + pixel * layer.patches_per_pixel;
    let biased = at + EDGE_BIAS;
    if any(biased < vec2<f32>(0.0)) || any(biased >= vec2<f32>(textureDimensions(heat_values))) {
        return select(photo, dimmed(photo), layer.dim_unseen != 0u);
    }
    if CONTENT == CROP_ONLY {
        return photo;
    }
    return heated(photo, at);
}

// For targets that take the bytes as they are, which is what egui asks for.
@fragment
fn fs_gamma(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    return vec4<f32>(colour_at(position.xy), 1.0);
}

// For targets that encode what is written to them as sRGB.
@fragment
fn fs_linear(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let encoded = colour_at(position.xy);
    let lower = encoded / 12.92;
    let higher = pow((encoded + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(higher, lower, encoded < vec3<f32>(0.04045)), 1.0);
}
