//! Why a project is not read or written; each sentence ends with the file.

use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum ProjectError {
    #[error("the project cannot be read ({source}); check its name and permissions: {}", path.display())]
    Read { source: std::io::Error, path: PathBuf },
    #[error("this is no project of Vitrine, or it is damaged ({source}); open another one: {}", path.display())]
    Json { source: serde_json::Error, path: PathBuf },
    #[error("this JSON file is no project of Vitrine; open a file that «Save project as…» wrote: {}", path.display())]
    NoProject { path: PathBuf },
    #[error("a newer Vitrine wrote this project (format {found}, this one reads {known}); update Vitrine: {}", path.display())]
    Newer { found: u64, known: u64, path: PathBuf },
    #[error("the project cannot be written ({source}); save it elsewhere with «Save project as…»: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
    #[error("the project cannot name a path that is not valid Unicode ({source}); rename it: {}", path.display())]
    Path { source: serde_json::Error, path: PathBuf },
}
