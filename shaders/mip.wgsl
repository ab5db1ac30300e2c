// Half the size: each texel becomes the mean of four of the level above, so that small views do not flicker.
// The sides of that level are even, see src/render/gpu/tiles.rs.

@group(0) @binding(0) var finer: texture_2d<f32>;

@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // One triangle that covers the whole target.
    return vec4<f32>(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn fs_main(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let corner = 2 * vec2<i32>(position.xy);
    var sum = vec4<f32>(0.0);
    for (var i = 0; i < 4; i++) {
        sum += textureLoad(finer, corner + vec2<i32>(i & 1, i >> 1), 0);
    }
    return sum / 4.0;
}
