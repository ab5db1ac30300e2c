//! The shaders as the program compiles them: drawables with the snippets they use appended.

/// A whole WGSL module.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    pub name: &'static str,
    pub source: &'static str,
}

pub const HEATMAP: Shader = Shader {
    name: "heatmap",
    source: concat!(
        include_str!("../../../shaders/heatmap.wgsl"),
        include_str!("../../../shaders/snippets/interpolation.wgsl"),
        include_str!("../../../shaders/snippets/shading.wgsl"),
    ),
};

pub const MIP: Shader = Shader { name: "mip", source: include_str!("../../../shaders/mip.wgsl") };

pub const MASK: Shader = Shader { name: "mask", source: include_str!("../../../shaders/mask.wgsl") };

pub const ALL: [Shader; 3] = [HEATMAP, MIP, MASK];
