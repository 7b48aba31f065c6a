//! Figures as Vega-Lite, version 5, with their data inside: for those who want to change or restyle one, in Python
//! (`altair.Chart.from_json`) or at <https://vega.github.io/editor>.

use serde_json::{Value, json};

use super::layout::Placed;
use super::palette::{Rgb, Shape};
use super::scale::{Axis, Scale};
use super::{Cells, Colours, DASH, Dot, Dots, Facet, Figure, Frame, Line, Mark, PALE, Stroke, palette};

/// The version of the language.
const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v5.json";

/// Names with their colours, in the order of their first appearance.
type Names = Vec<(String, Rgb)>;

impl Figure {
    /// The figure as a Vega-Lite specification.
    pub fn vega_lite(&self) -> Value {
        let layout = self.layout(false);
        let mut names = Names::new();
        for mark in self.facets().flat_map(|facet| &facet.marks) {
            let (name, colour) = match mark {
                Mark::Line(line) => (&line.name, line.colour),
                Mark::Dots(dots) => (&dots.name, dots.look.colour),
                _ => continue,
            };
            if !name.is_empty() && names.iter().all(|(other, _)| other != name) {
                names.push((name.clone(), colour));
            }
        }
        let mut placed = layout.facets.iter();
        let row = |facets: &Vec<_>| json!({"hconcat": placed.by_ref().take(facets.len()).map(|p| p.view(&names)).collect::<Vec<_>>()});
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let mut figure = json!({
            "$schema": SCHEMA,
            "description": self.label,
            "title": {"text": self.title, "subtitle": self.caption.split_inclusive(". ").collect::<Vec<_>>()},
            "vconcat": rows,
        });
        if !names.is_empty() {
            figure["resolve"] = json!({"scale": {"color": "shared"}});
        }
        figure
    }
}

impl Placed<'_> {
    fn view(&self, names: &Names) -> Value {
        let Facet { x, y, frame, title, note, marks, .. } = self.facet;
        let bare = matches!(frame, Frame::Box | Frame::Bare);
        let hidden = |axis: &Axis| bare || *frame == Frame::Cells && axis.names.is_empty();
        let downwards = self.y.start < self.y.end;
        json!({
            "title": {"text": title, "subtitle": note.lines().collect::<Vec<_>>()},
            "width": self.rect.width().round(),
            "height": self.rect.height().round(),
            "encoding": {
                "x": channel("x", x, self.x.scale, hidden(x), false),
                "y": channel("y", y, self.y.scale, hidden(y) || *frame == Frame::Beneath, downwards),
            },
            "layer": marks.iter().flat_map(|mark| self.layers(mark, names)).collect::<Vec<Value>>(),
        })
    }

    /// What a mark becomes: layers with their data.
    fn layers(&self, mark: &Mark, names: &Names) -> Vec<Value> {
        let ((left, right), (low, high)) = (self.x.scale.ends(), self.y.scale.ends());
        let muted = palette::MUTED.to_string();
        match mark {
            Mark::Line(line) => vec![self.line_layers(line, names)],
            Mark::Dots(dots) => dot_layers(dots, names),
            Mark::Cells(cells) => cell_layers(cells),
            Mark::Cloud(cloud) => {
                let colours: Vec<String> = cloud.looks.iter().map(|look| look.colour.to_string()).collect();
                let point = |(&(x, y), &kind): (&(f64, f64), &usize)| json!({"x": number(x), "y": number(y), "colour": colours.get(kind)});
                let mark = unit(json!({"type": "circle", "size": 10, "opacity": 0.85}), [("color", as_is())]);
                vec![layered(cloud.points.iter().zip(&cloud.kinds).map(point).collect(), vec![mark])]
            }
            Mark::Rule(rule) => {
                let ends = match rule.upright {
                    true => [(rule.at, low), (rule.at, high)],
                    false => [(left, rule.at), (right, rule.at)],
                };
                let line = unit(json!({"type": "rule", "strokeDash": [2, 3], "color": muted}), to());
                let written = json!({"type": "text", "align": "left", "baseline": "bottom", "color": muted});
                let mut value = stretch(&ends);
                value["text"] = json!(rule.label);
                vec![layered(vec![value], vec![line, unit(written, [label()])])]
            }
            Mark::Segments(segments, width) => {
                let mark = unit(json!({"type": "rule", "strokeWidth": width}), to());
                vec![layered(segments.iter().map(stretch).collect(), vec![mark])]
            }
            Mark::Equal => {
                let mark = unit(json!({"type": "rule", "strokeDash": [DASH.0, DASH.1], "color": muted}), to());
                vec![layered(vec![stretch(&[(left, low), (right, high)])], vec![mark])]
            }
            Mark::Text((x, y), text) => {
                let mark = unit(json!({"type": "text", "align": "left"}), [label()]);
                vec![layered(vec![json!({"x": x, "y": y, "text": text})], vec![mark])]
            }
        }
    }

    fn line_layers(&self, line: &Line, names: &Names) -> Value {
        let value = |(x, y, band): (f64, f64, Option<(f64, f64)>)| match band {
            Some((low, high)) => {
                json!({"x": number(x), "y": number(y), "low": number(low), "high": number(high)})
            }
            None => json!({"x": number(x), "y": number(y)}),
        };
        let coloured = || ("color", colour(&line.name, line.colour, names));
        let shape = shape_name(line.shape.unwrap_or_default());
        let point = match line.shape {
            Some(_) => json!({"shape": shape, "filled": line.stroke != Stroke::Dashed}),
            None => json!(false),
        };
        let mark = match (line.stroke, line.pale) {
            (Stroke::Marks, _) => json!({"type": "point", "filled": true, "shape": shape}),
            (Stroke::Dashed, _) => json!({"type": "line", "strokeDash": [DASH.0, DASH.1], "point": point}),
            (Stroke::Solid, true) => json!({"type": "line", "strokeWidth": 3.2, "opacity": 1.0 - PALE, "point": point}),
            (Stroke::Solid, false) => json!({"type": "line", "point": point}),
        };
        let mut layers = vec![unit(mark, [coloured()])];
        if !line.low.is_empty() {
            let mark =
                if line.banded() { json!({"type": "area", "opacity": line.opacity}) } else { json!({"type": "rule"}) };
            let y = channel("low", &self.facet.y, self.y.scale, false, false);
            layers.insert(0, unit(mark, [coloured(), ("y", y), ("y2", json!({"field": "high"}))]));
        }
        named(layered(line.points().map(value).collect(), layers), &line.name)
    }
}

fn dot_layers(dots: &Dots, names: &Names) -> Vec<Value> {
    let coloured = || ("color", colour(&dots.name, dots.look.colour, names));
    let bars = dots.dots.iter().flat_map(|dot| {
        let across = dot.x_range.map(|(low, high)| stretch(&[(low, dot.y), (high, dot.y)]));
        let up = dot.y_range.map(|(low, high)| stretch(&[(dot.x, low), (dot.x, high)]));
        across.into_iter().chain(up)
    });
    let [x2, y2] = to();
    let bars = layered(bars.collect(), vec![unit(json!({"type": "rule"}), [x2, y2, coloured()])]);
    let value = |dot: &Dot| json!({"x": number(dot.x), "y": number(dot.y), "text": dot.label});
    let mark = json!({"type": "point", "filled": !dots.look.hollow, "shape": shape_name(dots.look.shape)});
    let text = unit(json!({"type": "text", "align": "left", "dx": 7}), [label()]);
    let points = layered(dots.dots.iter().map(value).collect(), vec![unit(mark, [coloured()]), text]);
    [bars, points].map(|layer| named(layer, &dots.name)).to_vec()
}

/// The values row by row: each one's place follows from its number, since there may be many.
fn cell_layers(cells: &Cells) -> Vec<Value> {
    let columns = cells.columns.max(1);
    let [x2, y2] = to();
    let values = cells.values.iter().map(|&value| json!({"value": number(value)})).collect();
    let rect = unit(json!({"type": "rect"}), [x2, y2, ("color", cell_colour(&cells.colours))]);
    let mut grid = layered(values, vec![rect]);
    let place = |what: String, name: &str| json!({"calculate": what, "as": name});
    grid["transform"] = json!([
        {"window": [{"op": "row_number", "as": "cell"}]},
        place(format!("(datum.cell - 1) % {columns}"), "x"),
        place(format!("floor((datum.cell - 1) / {columns})"), "y"),
        place("datum.x + 1".to_owned(), "x2"),
        place("datum.y + 1".to_owned(), "y2"),
    ]);
    let text = |(i, text): (usize, &String)| {
        let (x, y) = ((i % columns) as f64 + 0.5, (i / columns) as f64 + 0.5);
        let ground = cells.values.get(i).and_then(|&value| cells.colours.colour(value));
        let colour = ground.map(|colour| palette::on(colour).to_string());
        json!({"x": x, "y": y, "text": text.lines().collect::<Vec<_>>(), "colour": colour})
    };
    let written = unit(json!({"type": "text"}), [label(), ("color", as_is())]);
    let texts = layered(cells.texts.iter().enumerate().map(text).collect(), vec![written]);
    if cells.texts.is_empty() { vec![grid] } else { vec![grid, texts] }
}

/// Layers that share their data.
fn layered(values: Vec<Value>, layers: Vec<Value>) -> Value {
    json!({"data": {"values": values}, "layer": layers})
}

/// One way to show data: a mark, with its channels beside the places that the view gives.
fn unit<const N: usize>(mut mark: Value, channels: [(&str, Value); N]) -> Value {
    mark["clip"] = json!(true);
    json!({"mark": mark, "encoding": channels.into_iter().collect::<std::collections::BTreeMap<_, _>>()})
}

/// The layers with a column that holds a name, where there is one.
fn named(mut layers: Value, name: &str) -> Value {
    if !name.is_empty() {
        layers["transform"] = json!([{"calculate": json!(name).to_string(), "as": "name"}]);
    }
    layers
}

/// A straight stretch from a place to another.
fn stretch(&[(x, y), (x2, y2)]: &[(f64, f64); 2]) -> Value {
    json!({"x": number(x), "y": number(y), "x2": number(x2), "y2": number(y2)})
}

/// The channels of marks that reach from a place to another.
fn to() -> [(&'static str, Value); 2] {
    [("x2", json!({"field": "x2"})), ("y2", json!({"field": "y2"}))]
}

/// The channel of texts.
fn label() -> (&'static str, Value) {
    ("text", json!({"field": "text", "type": "nominal"}))
}

/// The colour that is each value's own.
fn as_is() -> Value {
    json!({"field": "colour", "type": "nominal", "scale": null})
}

/// A number to seven digits, more than can be seen; null where there is none.
fn number(value: f64) -> Value {
    json!(format!("{value:.6e}").parse::<f64>().unwrap_or(value))
}

/// A position along an axis.
fn channel(name: &str, axis: &Axis, scale: Scale, hidden: bool, downwards: bool) -> Value {
    let (low, high) = scale.ends();
    let mut spec = scale_of(scale);
    spec["reverse"] = json!(downwards != (low > high));
    let mut channel = json!({"field": name, "type": "quantitative", "title": axis.label, "scale": spec});
    channel["axis"] = if hidden {
        Value::Null
    } else if axis.names.is_empty() {
        json!({"values": scale.ticks(6).into_iter().map(|(value, _)| value).collect::<Vec<_>>()})
    } else {
        let middles: Vec<f64> = (0..axis.names.len()).map(|i| i as f64 + 0.5).collect();
        let names = serde_json::to_string(&axis.names).unwrap_or_default();
        json!({"values": middles, "labelExpr": format!("{names}[floor(datum.value)]"), "grid": false})
    };
    channel
}

fn scale_of(scale: Scale) -> Value {
    let (low, high) = scale.ends();
    let domain = [low.min(high), low.max(high)];
    match scale {
        Scale::Linear(..) => json!({"type": "linear", "domain": domain, "zero": false, "nice": false}),
        Scale::Log(..) => json!({"type": "log", "domain": domain, "nice": false}),
        Scale::SymLog { unit, .. } => json!({"type": "symlog", "constant": unit, "domain": domain, "nice": false}),
    }
}

/// The colour of a name, with a legend of all; of what has no name, just the colour.
fn colour(name: &str, colour: Rgb, names: &Names) -> Value {
    if name.is_empty() {
        return json!({"value": colour.to_string()});
    }
    let domain: Vec<&String> = names.iter().map(|(name, _)| name).collect();
    let range: Vec<String> = names.iter().map(|(_, colour)| colour.to_string()).collect();
    json!({"field": "name", "type": "nominal", "title": null, "scale": {"domain": domain, "range": range}})
}

fn cell_colour(colours: &Colours) -> Value {
    let mut scale = scale_of(colours.scale);
    let value = |t: f64| match colours.scale {
        Scale::Linear(low, high) => low + (high - low) * t,
        Scale::Log(low, high) => low * (high / low).powf(t),
        Scale::SymLog { unit, end } => unit * (t * (end / unit).ln_1p()).exp_m1(),
    };
    scale["clamp"] = json!(true);
    scale["domain"] = (0..=16).map(|i| json!(value(f64::from(i) / 16.0))).collect();
    scale["range"] = (0..=16).map(|i| json!(colours.along(f64::from(i) / 16.0).to_string())).collect();
    json!({"field": "value", "type": "quantitative", "title": colours.label, "scale": scale})
}

fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Circle => "circle",
        Shape::Square => "square",
        Shape::Up => "triangle-up",
        Shape::Down => "triangle-down",
        Shape::Diamond => "diamond",
    }
}
