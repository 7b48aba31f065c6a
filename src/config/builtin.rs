//! The experiments that come with the program, and loading one of those or a file.

use std::{io::Read, path::Path};

use super::{
    Experiment,
    read::{File, read},
    tree::{Source, shorten},
};
use crate::error::{Error, Result, nearest};

/// Experiments are text of some kilobytes; a file much larger is another file.
const LARGEST: u64 = 16 << 20;

/// An experiment that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// What `isogram run` calls it.
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub description: &'static str,
    /// Its TOML, to print, copy and change.
    pub text: &'static str,
}

/// The experiments that come with the program.
pub fn builtins() -> &'static [Builtin] {
    &[
        Builtin {
            name: "quickstart",
            description: "Do networks that differ only in their seed come to represent digits alike?",
            text: include_str!("builtin/quickstart.toml"),
        },
        Builtin {
            name: "tiny",
            description: "A first look in seconds: four small replicas and every table and figure.",
            text: include_str!("builtin/tiny.toml"),
        },
        Builtin {
            name: "gain",
            description: "From rich to lazy learning: the larger the initial weights, the less the layers change.",
            text: include_str!("builtin/gain.toml"),
        },
        Builtin {
            name: "optimisers",
            description: "Do SGD, momentum, Adam and RMSprop lead to the same representations?",
            text: include_str!("builtin/optimisers.toml"),
        },
        Builtin {
            name: "features",
            description: "An easy and a hard feature, equally useful: which is learned first, and how do the layers show it?",
            text: include_str!("builtin/features.toml"),
        },
        Builtin {
            name: "pictures",
            description: "Colour and shape of a thing in a picture, equally useful: which is learned first, and which fills the layers of a residual network?",
            text: include_str!("builtin/pictures.toml"),
        },
        Builtin {
            name: "answers",
            description: "Four features as simple as each other, answered one after the other: does a transformer represent more of those that it answers first?",
            text: include_str!("builtin/answers.toml"),
        },
    ]
}

/// Loads a built-in experiment by name, or an experiment from a file, with `--set` overrides.
///
/// A built-in name wins over a file of the same name; write `./quickstart` for the file. Relative paths in a file start
/// from its folder, those in overrides from the current one. A file without a `name` is named after itself.
///
/// # Errors
/// [`Error::Config`] with a sentence if there is no such experiment, or if it makes no sense; [`Error::Io`] if the file
/// cannot be read.
pub fn load(name_or_path: &str, overrides: &[(String, String)]) -> Result<Experiment> {
    if let Some(builtin) = builtins().iter().find(|builtin| builtin.name == name_or_path) {
        let source = Source { origin: builtin.name, text: builtin.text, overrides };
        return read(&source, &File { folder: None, name: Some(builtin.name) });
    }
    let path = Path::new(name_or_path);
    if !path.exists() {
        let names: Vec<&str> = builtins().iter().map(|builtin| builtin.name).collect();
        let guess = nearest(name_or_path, names.iter().copied());
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            return Err(Error::config(format!("the file {} does not exist", shorten(name_or_path))));
        }
        let guess = guess.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Err(Error::config(format!(
            "`{}` is neither a file nor a built-in experiment{guess} (built in: {})",
            shorten(name_or_path),
            names.join(", ")
        )));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::config(format!("{}: expected an experiment, got a file of over 16 MiB", path.display())));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Error::config(format!("{}: expected text in UTF-8, got another byte at offset {offset}", path.display()))
    })?;
    let source = Source { origin: name_or_path, text: &text, overrides };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    read(&source, &File { folder, name: path.file_stem().and_then(|stem| stem.to_str()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_valid_and_described() {
        for builtin in builtins() {
            let experiment = load(builtin.name, &[]).unwrap();
            assert_eq!(experiment.name, builtin.name);
            assert_eq!(experiment.description, builtin.description);
            let settings = experiment.settings().unwrap();
            println!("{}: {} settings x {} seeds", builtin.name, settings.len(), experiment.seeds.len());
        }
        let quickstart = load("quickstart", &[]).unwrap();
        assert_eq!(quickstart.settings().unwrap().len() * quickstart.seeds.len(), 64);
    }

    #[test]
    fn what_is_nowhere_is_refused_with_a_list() {
        let message = load("quikstart", &[]).unwrap_err().to_string();
        assert_eq!(
            message,
            "`quikstart` is neither a file nor a built-in experiment; did you mean `quickstart`? \
             (built in: quickstart, tiny, gain, optimisers, features, pictures, answers)"
        );
        let message = load("nosuch", &[]).unwrap_err().to_string();
        assert!(
            message.starts_with("`nosuch` is neither a file nor a built-in experiment (built in: quick"),
            "{message}"
        );
        assert_eq!(load("runs/nosuch.toml", &[]).unwrap_err().to_string(), "the file runs/nosuch.toml does not exist");
        assert!(load("", &[]).is_err());
        assert!(load("/", &[]).is_err());
        assert!(load("a\0b", &[]).is_err());
    }

    #[test]
    fn files_have_a_folder_and_a_name() {
        let folder = std::env::temp_dir().join(format!("isogram-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("mine.toml");
        std::fs::write(&path, "[data]\nsource = \"files\"\ninputs = \"x.npy\"\nlabels = \"/y.npy\"\n").unwrap();
        let overrides = [("model.init_from".to_owned(), "w.safetensors".to_owned())];
        let experiment = load(path.to_str().unwrap(), &overrides).unwrap();
        assert_eq!(experiment.name, "mine");
        assert_eq!(experiment.data.inputs.unwrap(), folder.join("x.npy"));
        assert_eq!(experiment.data.labels.unwrap(), Path::new("/y.npy"));
        assert_eq!(experiment.model.init_from.unwrap(), Path::new("w.safetensors"));
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        assert!(load(path.to_str().unwrap(), &[]).unwrap_err().to_string().contains("UTF-8"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
