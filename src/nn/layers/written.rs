//! Layers as a file has them.

use serde_json::Value;

use super::{LayerKind, LayerSettings};

/// Layers as the value of `layers` in TOML, a line each, with what is said of them alone.
pub fn written(list: &[LayerSettings]) -> String {
    lines(list, "")
}

fn lines(list: &[LayerSettings], indent: &str) -> String {
    let each: String = list.iter().map(|layer| format!("{indent}  {},\n", line(layer, indent))).collect();
    format!("[\n{each}{indent}]")
}

fn line(layer: &LayerSettings, indent: &str) -> String {
    let [own, plain] = [layer, &LayerSettings::default()].map(|l| serde_json::to_value(l).unwrap_or_default());
    let keys = [&["kind", "name"], layer.kind.keys(), layer.kind.shared()].concat();
    let said = keys.into_iter().filter(|key| *key == "kind" || own[*key] != plain[*key]);
    let body = |layer: &LayerSettings| lines(&layer.body, &format!("{indent}  "));
    let value = |key: &str| match &own[key] {
        Value::Array(_) if key == "body" && layer.kind == LayerKind::Residual => body(layer),
        value => value.to_string(),
    };
    format!("{{ {} }}", said.map(|key| format!("{key} = {}", value(key))).collect::<Vec<_>>().join(", "))
}
