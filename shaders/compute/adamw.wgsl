// One step of AdamW in place: the weight and the running means of its gradient and of the square.
// Keep in sync with `AdamWFactors` in src/engine/ops.rs, which explains the factors.

struct Sizes {
    count: u32,
    keep: f32,
    rate: f32,
    inv_root: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    eps: f32,
    gradient_scale: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> means: array<f32>;
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;

@compute @workgroup_size(ELEMENTS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = folded(group, groups) * ELEMENTS + lane;
    if i >= sizes.count {
        return;
    }
    let g = gradient[i] * sizes.gradient_scale;
    let mean = means[i] + (g - means[i]) * sizes.one_minus_beta1;
    let square = squares[i] * sizes.beta2 + g * g * sizes.one_minus_beta2;
    means[i] = mean;
    squares[i] = square;
    weight[i] = weight[i] * sizes.keep - sizes.rate * mean / (sqrt(square) * sizes.inv_root + sizes.eps);
}
