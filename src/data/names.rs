//! Short names for figures: what files and arrays have in common says nothing there.

use std::collections::HashSet;

/// The names, as [`super::ArrayInfo::name`] has them, without the folders, files or arrays that all have in common and
/// without endings, as long as they stay different: `a/layer1.npy` and `a/layer2.npy` become `layer1` and `layer2`;
/// `run1/acts.npz:fc` and `run2/acts.npz:fc` become `run1` and `run2`.
///
/// Equal names stay equal; a lone name loses its folders and its ending.
pub fn short_names(names: &[String]) -> Vec<String> {
    let distinct = |names: &[String]| names.iter().collect::<HashSet<_>>().len();
    let wanted = distinct(names);
    let parts: Vec<Vec<&str>> = names.iter().map(|name| name.split_inclusive(['/', '\\', ':']).collect()).collect();
    let shortest = parts.iter().map(Vec::len).min().unwrap_or(0);
    let Some(first) = parts.first() else { return Vec::new() };
    let mut start = 0;
    while start + 1 < shortest && parts.iter().all(|part| part[start] == first[start]) {
        start += 1;
    }
    // From the end, a part less its separator is compared, so that the last part can be dropped like the others.
    let bare = |part: &str| part.trim_end_matches(['/', '\\', ':']).to_owned();
    let mut end = 0;
    while start + end + 1 < shortest
        && parts.iter().all(|part| bare(part[part.len() - 1 - end]) == bare(first[first.len() - 1 - end]))
    {
        end += 1;
    }
    let shorten = |part: &Vec<&str>| bare(&part[start..part.len() - end].concat());
    let mut short: Vec<String> = parts.iter().map(shorten).collect();
    if distinct(&short) < wanted {
        // What is dropped is the same in all, so this cannot be; but different names matter more than short ones.
        short = names.to_vec();
    }
    let bald: Vec<String> = short.iter().map(|name| without_endings(name)).collect();
    if distinct(&bald) == wanted && bald.iter().all(|name| !name.is_empty()) { bald } else { short }
}

/// `acts.npz:fc` as `acts:fc`, `fc.npy` as `fc`.
fn without_endings(name: &str) -> String {
    let mut text = name.to_owned();
    for ending in [".gz", ".npy", ".npz", ".csv", ".tsv", ".txt", ".parquet", ".safetensors"] {
        text = text.replace(&format!("{ending}:"), ":");
        if let Some(start) = text.strip_suffix(ending) {
            text = start.to_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(names: &[&str]) -> Vec<String> {
        short_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_differs_is_left() {
        assert_eq!(short(&["a/layer1.npy", "a/layer2.npy"]), ["layer1", "layer2"]);
        assert_eq!(short(&["/x/run1/acts.npz:fc", "/x/run2/acts.npz:fc"]), ["run1", "run2"]);
        assert_eq!(short(&["acts.npz:a/w", "acts.npz:b/w", "acts.npz:c"]), ["a/w", "b/w", "c"]);
        assert_eq!(short(&["model_a.safetensors:l1", "model_b.npz:l2"]), ["model_a:l1", "model_b:l2"]);
        assert_eq!(short(&["r/m_a.npz:l1", "r/m_a.npz:l2", "r/m_b.npz:l1"]), ["m_a:l1", "m_a:l2", "m_b:l1"]);
        assert_eq!(short(&[r"C:\x\a.npy", r"C:\x\b.npy"]), ["a", "b"]);
        assert_eq!(short(&["some/folder/x.npy"]), ["x"]);
        assert_eq!(short(&["a.npy", "a.npz"]), ["a.npy", "a.npz"]);
        assert_eq!(short(&["a.npy", "a.npy"]), ["a", "a"]);
        assert_eq!(short(&[".npy", "b.npy"]), [".npy", "b.npy"]);
        assert_eq!(short(&["a/x.npy", "a/b/x.npy"]), ["x", "b/x"]);
        assert_eq!(short(&[]), Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn different_names_stay_different(names in proptest::collection::vec("[ab./:]{0,8}(npy)?", 0..6)) {
            let short = short_names(&names);
            proptest::prop_assert_eq!(short.len(), names.len());
            for (i, a) in names.iter().enumerate() {
                for (j, b) in names.iter().enumerate() {
                    proptest::prop_assert_eq!(a == b, short[i] == short[j], "{:?} {:?}", names, short);
                }
            }
        }
    }
}
