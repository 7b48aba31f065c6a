//! What every figure has in common, whatever it shows: the same bytes each time, texts, and a sound Vega-Lite twin.

use serde_json::Value;

use super::palette::Hue;
use super::*;

/// A figure with every mark there is.
fn everything() -> Figure {
    let x: Vec<f64> = (0..30).map(f64::from).collect();
    let of = |by: f64| x.iter().map(|x| x * by + 1.0).collect::<Vec<f64>>();
    let line = Line {
        name: "h".to_owned(),
        opacity: 0.2,
        x: x.clone(),
        y: of(1.0),
        low: of(0.9),
        high: of(1.1),
        ..Line::default()
    };
    let dashed = Line { stroke: Stroke::Dashed, low: Vec::new(), high: Vec::new(), ..line.clone() };
    let marks = Line { stroke: Stroke::Marks, shape: Some(Shape::Up), y: vec![f64::NAN; 30], ..line.clone() };
    let dot = Dot { x_range: Some((1.0, 3.0)), ..Dot::new(2.0, 5.0).between(4.0, 6.0).named("<a>") };
    let dots = Dots { name: "points".to_owned(), dots: vec![dot], ..Dots::default() };
    let rule = Rule { at: 7.0, label: "critical".to_owned(), upright: true };
    let curves = Facet {
        title: "curves".to_owned(),
        note: "a note".to_owned(),
        x: Axis::log_from_zero("step"),
        y: Axis::log("loss"),
        marks: vec![
            Mark::Line(line),
            Mark::Line(dashed),
            Mark::Line(marks),
            Mark::Dots(dots),
            Mark::Rule(rule),
            Mark::Equal,
        ],
        ..Facet::default()
    };
    let colours = Colours::of(&Axis::linear("r").within(-1.0, 1.0), std::iter::empty(), Hue::Diverging);
    let texts = vec!["1\n(2)".to_owned(); 4];
    let cells = Cells { columns: 2, values: vec![1.0, -0.5, f64::NAN, 1.0], texts, colours: colours.clone() };
    let names = || vec!["it's".to_owned(), "\"b\"".to_owned()];
    let matrix = Facet {
        x: Axis::named("columns", names()),
        y: Axis::named("rows", names()),
        frame: Frame::Cells,
        colours: Some(colours.clone()),
        marks: vec![Mark::Cells(cells)],
        ..Facet::default()
    };
    let tree = Facet {
        x: Axis { reversed: true, ..Axis::linear("mean").within(0.0, 1.0) },
        y: Axis::linear("").within(0.0, 2.0),
        frame: Frame::Beneath,
        marks: vec![Mark::Segments(vec![[(1.0, 0.5), (0.2, 0.5)]], 1.0)],
        width: Some(60.0),
        ..Facet::default()
    };
    let cloud = Cloud { points: vec![(0.1, 0.2), (f64::NAN, 0.0)], kinds: vec![0, 0], looks: vec![Look::default()] };
    let plane = Facet {
        x: Axis::linear("").within(0.0, 1.0),
        y: Axis::linear("").within(0.0, 1.0),
        frame: Frame::Box,
        marks: vec![Mark::Cloud(cloud), Mark::Text((0.0, 0.5), "a text".to_owned())],
        ..Facet::default()
    };
    Figure {
        label: "everything".to_owned(),
        title: "Everything".to_owned(),
        caption: "What there is. And what it means.".to_owned(),
        legend: vec![Entry::plain("measured", false), Entry::Band { label: "range".to_owned() }],
        colours: Some(colours),
        names: vec!["first".to_owned(), "second".to_owned()],
        rows: vec![vec![curves, matrix, tree], vec![plane]],
        ..Figure::default()
    }
}

#[test]
fn a_file_has_the_same_bytes_each_time_and_says_everything() {
    let file = everything().file();
    assert_eq!(file, everything().file());
    for text in
        ["Everything", "curves", "a note", "critical", "&lt;a&gt;", "it's", "rows", "first", "a text", "measured"]
    {
        assert!(file.contains(&format!(">{text}<")), "{text}");
    }
    assert!(file.contains(">What there is. And what it means.<") && file.contains("fill=\"#FFFFFF\"/>"));
    assert!(!everything().svg().contains("What there is"), "a page has captions of its own");
    assert!(!file.contains("NaN") && !file.contains("inf"));
}

#[test]
fn texts_stay_within_the_drawing() {
    let mut figure = everything();
    figure.rows[0][1].y.names[0] = "model.encoder.layers.10.attention.output".to_owned();
    let layout = figure.layout(true);
    for placed in &layout.facets {
        assert!(placed.rect.left - placed.left >= 0.0 && placed.rect.right < layout.size.0, "{placed:?}");
        assert!(placed.rect.top - placed.above >= 0.0 && placed.rect.bottom < layout.size.1, "{placed:?}");
    }
    assert!(layout.size.0 <= 1081.0, "no wider than a page: {:?}", layout.size);
}

/// All views of a specification.
fn views(spec: &Value) -> Vec<&Value> {
    let rows = spec["vconcat"].as_array().unwrap();
    rows.iter().flat_map(|row| row["hconcat"].as_array().unwrap()).collect()
}

#[test]
fn the_vega_lite_twin_has_every_mark_with_its_data() {
    let spec = everything().vega_lite();
    assert_eq!(spec["$schema"], "https://vega.github.io/schema/vega-lite/v5.json");
    let types = |view: &Value| -> Vec<String> {
        let layers = view["layer"].as_array().unwrap().iter().flat_map(|layer| layer["layer"].as_array().unwrap());
        layers.map(|layer| layer["mark"]["type"].as_str().unwrap().to_owned()).collect()
    };
    let all: Vec<Vec<String>> = views(&spec).into_iter().map(types).collect();
    assert_eq!(all[0], ["area", "line", "line", "rule", "point", "rule", "point", "text", "rule", "text", "rule"]);
    assert_eq!(all[1..], [vec!["rect", "text"], vec!["rule"], vec!["circle", "text"]]);
    let curve = &views(&spec)[0]["layer"][0];
    assert_eq!(curve["data"]["values"][2], serde_json::json!({"x": 2.0, "y": 3.0, "low": 2.8, "high": 3.2}));
    assert_eq!(curve["transform"][0], serde_json::json!({"calculate": "\"h\"", "as": "name"}));
    assert_eq!(curve["layer"][1]["encoding"]["color"]["scale"]["domain"], serde_json::json!(["h", "points"]));
    let [curves, grid, tree] = [0, 1, 2].map(|i| views(&spec)[i]);
    assert_eq!(curves["encoding"]["x"]["scale"]["type"], "symlog");
    let values = grid["layer"][0]["data"]["values"].as_array().unwrap();
    assert_eq!(
        values.iter().map(|value| value["value"].as_f64()).collect::<Vec<_>>(),
        [Some(1.0), Some(-0.5), None, Some(1.0)]
    );
    assert_eq!(grid["encoding"]["y"]["axis"]["labelExpr"], "[\"it's\",\"\\\"b\\\"\"][floor(datum.value)]");
    assert_eq!(tree["encoding"]["x"]["scale"]["reverse"], true);
}

#[test]
fn files_are_written_together_and_removed_together() {
    let folder = tempfile::tempdir().unwrap();
    Figure::write(Some(&everything()), folder.path(), "one").unwrap();
    let twin = std::fs::read_to_string(folder.path().join("one.vl.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&twin).unwrap(), everything().vega_lite());
    if let Some(keep) = std::env::var_os("ISOGRAM_KEEP_REPORTS") {
        Figure::write(Some(&everything()), Path::new(&keep), "everything").unwrap();
    }
    Figure::write(None, folder.path(), "one").unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn legends_follow_from_marks() {
    let line =
        |name: &str, colour, stroke| Mark::Line(Line { name: name.to_owned(), colour, stroke, ..Line::default() });
    let legend = |marks| Entry::of(&[vec![Facet { marks, ..Facet::default() }]]);
    let entry = |label: &str, colour, dashed| Entry::Line { label: label.to_owned(), colour, shape: None, dashed };
    let (own, ink) = (palette::colour(0, 2), palette::INK);
    let marks = vec![
        line("network", own, Stroke::Solid),
        line("", own, Stroke::Solid),
        line("network", own, Stroke::Dashed),
        line("theory", ink, Stroke::Dashed),
        Mark::Equal,
    ];
    let expected = [entry("network", own, false), entry("theory", ink, true), Entry::plain("equal", true)];
    assert_eq!(legend(marks), expected);
    let many = (0..20).map(|i| line(&i.to_string(), palette::colour(i, 20), Stroke::Solid));
    let marks = many.chain([line("across", ink, Stroke::Solid)]).collect();
    let ramp = Entry::Ramp { first: "0".to_owned(), last: "19".to_owned() };
    assert_eq!(legend(marks), [ramp, entry("across", ink, false)]);
}
