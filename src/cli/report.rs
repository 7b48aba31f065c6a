//! `isogram report`.

use std::path::Path;

use super::{DONE, print};

pub fn report(run: &Path) -> anyhow::Result<u8> {
    let path = isogram::report::build(run)?;
    print(&format!("{}", path.display()))?;
    Ok(DONE)
}
