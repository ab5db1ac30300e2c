//! Every shader is valid, and every kind of graphics driver gets it in its language.
#![allow(clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::path::Path;

use naga::back::pipeline_constants::process_overrides;
use naga::back::{PipelineConstants, hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Block, Expression, Function, Handle, Module, ShaderStage, Statement, StorageAccess};
use vitrine::engine::wgsl::sources as compute;
use vitrine::render::gpu::sources;

/// Name and source of every module of the program.
fn all() -> Vec<(&'static str, &'static str)> {
    let drawn = sources::ALL.iter().map(|shader| (shader.name, shader.source));
    drawn.chain(compute::ALL.iter().map(|kernel| (kernel.name, kernel.source))).collect()
}

fn compiled() -> Vec<(&'static str, Module, ModuleInfo)> {
    let compile = |(name, source): (&'static str, &'static str)| {
        let module = naga::front::wgsl::parse_str(source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(source, name)));
        let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        // What is chosen when a pipeline is made has to be chosen before it is translated; the defaults will do.
        let (module, info) = process_overrides(&module, &info, None, &PipelineConstants::default())
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        (name, module.into_owned(), info.into_owned())
    };
    all().into_iter().map(compile).collect()
}

/// Stage and name of each entry point.
fn entries(module: &Module) -> impl Iterator<Item = (ShaderStage, String)> {
    module.entry_points.iter().map(|entry| (entry.stage, entry.name.clone()))
}

#[test]
fn shaders_are_valid_and_have_their_stages() {
    for (name, module, _) in compiled() {
        let stages: Vec<ShaderStage> = entries(&module).map(|(stage, _)| stage).collect();
        let has = |stage| stages.contains(&stage);
        let draws = sources::ALL.iter().any(|shader| shader.name == name);
        assert_eq!(draws, has(ShaderStage::Vertex) && has(ShaderStage::Fragment), "{name}");
        assert_eq!(!draws, has(ShaderStage::Compute), "{name}");
    }
}

/// The binding order of every kernel: sizes, what it reads, what it writes.
#[test]
fn kernels_bind_what_they_say() {
    for kernel in compute::ALL {
        let module = naga::front::wgsl::parse_str(kernel.source).unwrap();
        let mut bound: Vec<(u32, AddressSpace)> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| Some((variable.binding?.binding, variable.space)))
            .collect();
        bound.sort_by_key(|(binding, _)| *binding);
        let (read, write) = (StorageAccess::LOAD, StorageAccess::LOAD | StorageAccess::STORE);
        let expected = std::iter::once(AddressSpace::Uniform)
            .chain((0..kernel.inputs).map(|_| AddressSpace::Storage { access: read }))
            .chain((0..kernel.outputs).map(|_| AddressSpace::Storage { access: write }));
        assert_eq!(bound, (0..).zip(expected).collect::<Vec<_>>(), "{}", kernel.name);
    }
}

#[test]
fn every_file_is_part_of_a_shader() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let wgsl_in = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    let folders = ["", "snippets", "compute", "compute/snippets"].map(|folder| root.join(folder));
    let files: BTreeSet<_> = folders.iter().flat_map(|folder| wgsl_in(folder)).collect();
    // Three shaders draw, with two snippets. Of the kernels only the four of products come with more than one ending, each
    // with three; kernels share six more snippets.
    assert_eq!(files.len(), 3 + 2 + (compute::ALL.len() - 8) + 3 + 6, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let used = all().iter().any(|(_, source)| source.contains(&text));
        assert!(used, "{} is compiled into nothing", file.display());
    }
}

/// What an expression is made of in the end, as far as its function shows.
fn leaves<'a>(function: &'a Function, expression: Handle<Expression>, found: &mut Vec<&'a Expression>) {
    let whole = &function.expressions[expression];
    match whole {
        Expression::Load { pointer: of }
        | Expression::AccessIndex { base: of, .. }
        | Expression::Splat { value: of, .. }
        | Expression::Swizzle { vector: of, .. }
        | Expression::Unary { expr: of, .. }
        | Expression::Relational { argument: of, .. }
        | Expression::As { expr: of, .. } => leaves(function, *of, found),
        Expression::Binary { left: a, right: b, .. } | Expression::Access { base: a, index: b } => {
            leaves(function, *a, found);
            leaves(function, *b, found);
        }
        Expression::Compose { components, .. } => components.iter().for_each(|of| leaves(function, *of, found)),
        _ => found.push(whole),
    }
}

/// What the branches and loops of a block depend on.
fn conditions(block: &Block, found: &mut Vec<Handle<Expression>>) {
    for statement in block {
        match statement {
            Statement::Block(block) => conditions(block, found),
            Statement::If { condition, accept, reject } => {
                found.push(*condition);
                conditions(accept, found);
                conditions(reject, found);
            }
            Statement::Switch { selector, cases } => {
                found.push(*selector);
                cases.iter().for_each(|case| conditions(&case.body, found));
            }
            Statement::Loop { body, continuing, break_if } => {
                found.extend(break_if);
                conditions(body, found);
                conditions(continuing, found);
            }
            _ => {}
        }
    }
}

/// Mesa's software rasteriser, of the version in Debian 12, compiles a shader again for each frame that draws with such a
/// branch, and keeps two megabytes of it.
#[test]
fn no_branch_of_what_is_drawn_depends_on_uniforms_alone() {
    for (name, module, _) in compiled().into_iter().filter(|(name, ..)| sources::ALL.iter().any(|s| s.name == *name)) {
        let is_uniform = |leaf: &&Expression| match leaf {
            Expression::GlobalVariable(variable) => module.global_variables[*variable].space == AddressSpace::Uniform,
            _ => false,
        };
        // The counter of a loop is a local variable.
        let is_known = |leaf: &&Expression| {
            matches!(leaf, Expression::Literal(_) | Expression::Constant(_) | Expression::LocalVariable(_))
        };
        let entry_points = module.entry_points.iter().map(|entry| &entry.function);
        for function in module.functions.iter().map(|(_, function)| function).chain(entry_points) {
            let mut found = Vec::new();
            conditions(&function.body, &mut found);
            for condition in found {
                let mut made_of = Vec::new();
                leaves(function, condition, &mut made_of);
                let settled =
                    made_of.iter().any(is_uniform) && made_of.iter().all(|leaf| is_uniform(leaf) || is_known(leaf));
                assert!(!settled, "{name}, {:?}: {made_of:?}", function.name);
            }
        }
    }
}

#[test]
fn vulkan_gets_spirv() {
    for (name, module, info) in compiled() {
        for (shader_stage, entry_point) in entries(&module) {
            let wanted = spv::PipelineOptions { shader_stage, entry_point };
            let words = spv::write_vec(&module, &info, &spv::Options::default(), Some(&wanted)).unwrap();
            // The first word of every SPIR-V module, by its specification.
            assert_eq!(words[0], 0x0723_0203, "{name}");
        }
    }
}

#[test]
fn metal_gets_its_language() {
    let options = msl::Options { fake_missing_bindings: true, ..Default::default() };
    for (name, module, info) in compiled() {
        let (text, translated) = msl::write_string(&module, &info, &options, &msl::PipelineOptions::default()).unwrap();
        for entry in translated.entry_point_names {
            let entry = entry.unwrap();
            assert!(text.contains(&entry), "{name}: {entry}");
        }
    }
}

#[test]
fn direct3d_gets_hlsl() {
    let options = hlsl::Options { fake_missing_bindings: true, ..Default::default() };
    for (name, module, info) in compiled() {
        let mut text = String::new();
        let pipeline = hlsl::PipelineOptions::default();
        let translated = hlsl::Writer::new(&mut text, &options, &pipeline).write(&module, &info, None).unwrap();
        for entry in translated.entry_point_names {
            let entry = entry.unwrap();
            assert!(text.contains(&entry), "{name}: {entry}");
        }
    }
}
