//! What the two models of a comparison are called.

use std::path::{Path, PathBuf};

use crate::jobs::model::ModelSource;

/// The models' names; where they are the same, with as many of the folders they lie in as tell them apart.
pub fn told_apart(models: [(&str, &ModelSource); 2]) -> [String; 2] {
    let [(before, of_before), (after, of_after)] = models;
    if before != after {
        return [before.to_owned(), after.to_owned()];
    }
    let (of_before, of_after) = (folders(of_before), folders(of_after));
    for depth in 1..=of_before.len().max(of_after.len()) {
        let names = [&of_before, &of_after].map(|folders| below(folders, depth).join(before).display().to_string());
        if names[0] != names[1] {
            return names;
        }
    }
    [format!("{before} (before)"), format!("{after} (after)")]
}

/// Around the model's file or folder, the innermost last.
fn folders(source: &ModelSource) -> Vec<PathBuf> {
    let ModelSource::Named(name) = source else { return Vec::new() };
    let path = std::path::absolute(name).unwrap_or_else(|_| name.into());
    path.parent().map(Path::components).into_iter().flatten().map(|part| part.as_os_str().into()).collect()
}

/// The innermost `depth` of the folders.
fn below(folders: &[PathBuf], depth: usize) -> PathBuf {
    folders[folders.len().saturating_sub(depth)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> ModelSource {
        ModelSource::Named(path.to_owned())
    }

    #[test]
    fn names_that_differ_stay() {
        let names = told_apart([("embedded demo", &ModelSource::Embedded), ("tuned", &named("runs/tuned.pth"))]);
        assert_eq!(names, ["embedded demo", "tuned"]);
    }

    #[test]
    fn folders_tell_files_of_one_name_apart() {
        let told = |before, after| {
            let names = told_apart([("model", &named(before)), ("model", &named(after))]);
            names.map(|name| slashes(&name))
        };
        assert_eq!(told("a/model.safetensors", "b/model.safetensors"), ["a/model", "b/model"]);
        let [before, after] = ["one", "two"].map(|run| format!("{run}/checkpoints/step-000040/model.safetensors"));
        let expected = ["one/checkpoints/step-000040/model", "two/checkpoints/step-000040/model"];
        assert_eq!(told(&before, &after), expected);
        let [shorter, longer] = told("model.pth", "a/model.pth");
        assert!(shorter != longer && longer == "a/model", "{shorter} and {longer}");
    }

    #[test]
    fn a_model_beside_itself_has_two_names() {
        let told = told_apart([("model", &named("a/model.pth")), ("model", &named("./a/model.pth"))]);
        assert_eq!(told, ["model (before)", "model (after)"]);
        let demo = ("embedded demo", &ModelSource::Embedded);
        assert_eq!(told_apart([demo, demo]), ["embedded demo (before)", "embedded demo (after)"]);
    }

    fn slashes(name: &str) -> String {
        name.replace('\\', "/")
    }
}
