// A product that was cut along its inner index, put together: the sum of its slices, and its ending. A holds the slices
// as plain matrices of C's size, one after the other.

@compute @workgroup_size(ELEMENTS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let count = sizes.rows * sizes.columns;
    let index = folded(group, groups) * ELEMENTS + lane;
    if index >= count {
        return;
    }
    var sum = 0.0;
    for (var slice = 0u; slice < sizes.heads; slice++) {
        sum += a[slice * count + index];
    }
    write_one(sizes.c_start, index / sizes.columns, index % sizes.columns, sum);
}
