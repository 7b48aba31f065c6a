//! `isogram list` and `isogram keys`.

use isogram::config;
use serde_json::json;

use super::{DONE, print};

pub fn list(as_json: bool) -> anyhow::Result<u8> {
    let all = config::builtins();
    if as_json {
        let entries: Vec<_> = all.iter().map(|b| json!({"name": b.name, "description": b.description})).collect();
        print(&serde_json::to_string_pretty(&entries)?)?;
        return Ok(DONE);
    }
    let width = all.iter().map(|b| b.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = all.iter().map(|b| format!("{:<width$}  {}", b.name, b.description)).collect();
    print(&lines.join("\n"))?;
    Ok(DONE)
}

pub fn keys() -> anyhow::Result<u8> {
    let page = config::documentation();
    // What is said there to those who would change the page is of no use on a terminal.
    let lines: Vec<&str> = page.lines().filter(|line| !line.starts_with("<!--")).collect();
    print(&lines.join("\n").replace("\n\n\n", "\n\n"))?;
    Ok(DONE)
}
