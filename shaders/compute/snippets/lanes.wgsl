// One row of numbers per work group of 64 lanes; lanes exchange partial results through work group memory, so nothing
// depends on how wide the hardware is.

const LANES: u32 = 64u;

var<workgroup> by_lane: array<f32, LANES>;

// Sum over the lanes, the same for each of them. All lanes of a work group have to call it.
fn sum_of_lanes(value: f32, lane: u32) -> f32 {
    by_lane[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            by_lane[lane] += by_lane[lane + half];
        }
        workgroupBarrier();
    }
    let sum = by_lane[0];
    workgroupBarrier();
    return sum;
}

fn max_of_lanes(value: f32, lane: u32) -> f32 {
    by_lane[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            by_lane[lane] = max(by_lane[lane], by_lane[lane + half]);
        }
        workgroupBarrier();
    }
    let largest = by_lane[0];
    workgroupBarrier();
    return largest;
}
