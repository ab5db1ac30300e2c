// A dimension of a dispatch has at most 65 535 work groups; more of them fold into the second dimension.
fn folded(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

// Work group size of the kernels that treat every element alone.
const ELEMENTS: u32 = 256u;
