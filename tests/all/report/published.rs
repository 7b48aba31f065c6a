//! Invented but realistic numbers: what a reproduction of a paper on learning dynamics would hand over.

use std::f64::consts::{PI, SQRT_2};

use isogram::report::paper::{
    Axis, ClaimKind, ClaimRow, Cloud, Colouring, Condition, Curves, Dot, Group, Map, MapPanel, Matrices, Matrix,
    MatrixRow, Page, Panel, Rule, Scatter, ScatterPanel, Section, Series, Setting, Spacing, Verdict,
};

const SETTINGS: [&str; 17] = [
    "default", "shallow", "narrow", "linear", "elu", "tanh", "relu", "swish", "skip", "cnn", "dropout", "gain 0.9",
    "gain 1.1", "gain 1.2", "gain 1.3", "gain 1.4", "gain 1.6",
];

/// Numbers between -1 and 1 that look random and are always the same (a splitmix step on `i`).
fn noise(i: usize) -> f64 {
    let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Representational distance `h`, output distance `y` and alignment `w` over training: networks against theory.
pub(super) fn trajectories(points: usize) -> Curves {
    let panel = |(i, name): (usize, &&str)| {
        let end = [3000.0, 1500.0, 6000.0][i % 3];
        let x: Vec<f64> = (0..points).map(|t| end * t as f64 / (points - 1) as f64).collect();
        let (middle, rate) = (0.35 + 0.2 * noise(i).abs(), 14.0 + 5.0 * noise(i + 50));
        let reach = if i == 15 { 3.4 } else { 0.1 + 0.5 * noise(i + 9).abs() };
        let mut series = Vec::new();
        for (q, quantity) in ["h", "y", "w"].into_iter().enumerate() {
            let value = |t: f64, shift: f64| {
                let s = sigmoid(rate * (t / end - middle - shift));
                match q {
                    0 => reach * (0.02 + s),
                    1 => 0.5 * s * s,
                    _ => 0.5 * s * (s - 1.0),
                }
            };
            let wobble = |k: usize| 0.012 * noise(k + 1000 * i) * if i == 5 { 1.0 } else { 0.1 };
            let y: Vec<f64> = x.iter().enumerate().map(|(k, t)| value(*t, 0.0) + wobble(k)).collect();
            let ends = |shift: f64| x.iter().map(|t| value(*t, shift)).collect::<Vec<_>>();
            let (early, late) = (ends(-0.04), ends(0.04));
            let low = early.iter().zip(&late).map(|(a, b)| a.min(*b)).collect();
            let high = early.iter().zip(&late).map(|(a, b)| a.max(*b)).collect();
            let mut network = Series::solid(quantity, x.clone(), y).band(low, high);
            if i == 16 {
                // Diverged half-way.
                network.y[points / 2..].fill(f64::NAN);
            }
            series.push(network);
            series.push(Series::dashed(quantity, x.clone(), ends(0.015)));
        }
        Panel {
            title: (*name).to_owned(),
            note: if i == 16 { "diverged".to_owned() } else { "R² .99 .99 .94".to_owned() },
            x: Axis::linear("epoch"),
            y: Axis::linear("squared distance"),
            series,
            rules: if i == 0 { vec![Rule::across(-0.125, "−‖Δy*‖²/4")] } else { Vec::new() },
        }
    };
    Curves {
        label: "Distances over training in 17 settings".to_owned(),
        caption: "Squared distances between the representations (h) and the outputs (y) of two points, and their \
                  alignment with the target (w). Lines are medians and bands reach from the lowest to the highest of 5 \
                  seeds per setting."
            .to_owned(),
        solid: "network, median".to_owned(),
        dashed: "theory, two constants fitted".to_owned(),
        band: "lowest to highest of 5 seeds".to_owned(),
        panels: SETTINGS.iter().enumerate().map(panel).collect(),
        ..Curves::default()
    }
}

/// How well the theory fits at each layer, and its constants.
pub(super) fn depth() -> Curves {
    let layers: Vec<f64> = (0..20).map(f64::from).collect();
    let panel = |title: &str, y: Axis, value: &dyn Fn(f64) -> f64| {
        let middle: Vec<f64> = layers.iter().map(|l| value(*l)).collect();
        let low = middle.iter().enumerate().map(|(i, v)| v * (0.75 - 0.1 * noise(i))).collect();
        let high = middle.iter().enumerate().map(|(i, v)| v * (1.3 + 0.2 * noise(i + 7))).collect();
        Panel {
            title: title.to_owned(),
            x: Axis::linear("hidden layer"),
            y,
            series: vec![Series::solid("", layers.clone(), middle).band(low, high)],
            rules: vec![Rule::upright(10.0, "tracked layer")],
            ..Panel::default()
        }
    };
    Curves {
        label: "Fit of the theory by layer".to_owned(),
        caption: "Medians and ranges over 5 seeds.".to_owned(),
        band: "lowest to highest of 5 seeds".to_owned(),
        columns: 3,
        panels: vec![
            panel("error of the fit", Axis::log("sum of squares"), &|l| 0.07 + 35.0 * (-(l / 4.5).powf(1.6)).exp()),
            panel("1/τ_h", Axis::log("per epoch"), &|l| 2.3e-4 * (l * 0.19).exp()),
            panel("1/τ_y", Axis::linear("per epoch"), &|l| 0.07 * (-(l - 10.5) * (l - 10.5) / 30.0).exp()),
        ],
        ..Curves::default()
    }
}

/// Errors over a logarithmic gain, with values that have no place there.
pub(super) fn gains() -> Curves {
    let gains = vec![0.0, 0.5, 0.7, 0.85, 1.0, 1.2, 1.3, 1.4, 1.6, 2.0];
    let errors = vec![0.1, 0.02, 0.025, 0.03, 0.06, 0.05, 0.24, 1.0, 9.5, 30.0];
    let panel = Panel {
        title: "where the theory ends".to_owned(),
        x: Axis::log("gain"),
        y: Axis::log("relative error of the fit"),
        series: vec![Series::solid("leaky ReLU", gains, errors)],
        rules: vec![Rule::across(1.0, "as bad as no fit"), Rule::upright(SQRT_2, "critical gain √2")],
        ..Panel::default()
    };
    Curves {
        label: "Error over gain".to_owned(),
        caption: "One seed.".to_owned(),
        panels: vec![panel],
        ..Curves::default()
    }
}

/// More quantities than there are colours.
pub(super) fn layers() -> Curves {
    let x: Vec<f64> = (0..200).map(|t| f64::from(t) * 5.0).collect();
    let series = |layer: usize| {
        let y = x.iter().map(|t| sigmoid((t - 300.0 - 15.0 * layer as f64) / 60.0)).collect();
        Series { marked: false, ..Series::solid(format!("layer {layer}"), x.clone(), y) }
    };
    let panel = Panel {
        title: "all layers".to_owned(),
        x: Axis::log_from_zero("epoch"),
        y: Axis::linear("alignment").within(0.0, 1.0),
        series: (0..20).map(series).collect(),
        ..Panel::default()
    };
    let caption = "One seed.".to_owned();
    Curves { label: "Alignment by layer".to_owned(), caption, panels: vec![panel], ..Curves::default() }
}

/// Final distances, predicted and measured.
pub(super) fn distances() -> Scatter {
    let setting = |(i, name): (usize, &&str)| {
        let predicted = 0.09 * (1.0 + 9.0 * (noise(3 * i) * 0.5 + 0.5).powi(3));
        let measured = predicted * (1.0 + 0.08 * noise(i + 77));
        let dot = Dot::new(predicted, measured).between(measured * 0.93, measured * 1.06).named(*name);
        Group { name: (*name).to_owned(), dots: vec![dot] }
    };
    let grid = |name: &str, scale: f64, seed: usize| {
        let dots = (0..25).map(|i| {
            let (dx, dy) = (0.5 + 0.25 * (i % 5) as f64, 0.25 * (i / 5) as f64);
            let predicted = scale * dx * dy;
            let measured = predicted.powf(1.2) * (1.0 + 0.1 * noise(i + seed)) + 0.003;
            Dot::new(predicted, measured).between(measured * 0.9, measured * 1.1)
        });
        Group { name: name.to_owned(), dots: dots.collect() }
    };
    let panel = |title: &str, note: &str, spacing, groups| ScatterPanel {
        title: title.to_owned(),
        note: note.to_owned(),
        spacing,
        groups,
    };
    let grids = || vec![grid("default", 0.14, 0), grid("shallow", 0.71, 40)];
    Scatter {
        label: "Final distances, predicted and measured".to_owned(),
        caption: "Squared distance at the end of training. Points are medians and bars ranges over 5 seeds.".to_owned(),
        columns: 3,
        x: "predicted squared distance".to_owned(),
        y: "measured squared distance".to_owned(),
        panels: vec![
            panel("17 settings", "r = .997", Spacing::Log, SETTINGS.iter().enumerate().map(setting).collect()),
            panel("5 × 5 grid", "r = .964\nslope .95", Spacing::Linear, grids()),
            panel("5 × 5 grid", "r = .92", Spacing::Log, grids()),
        ],
    }
}

/// Distances between the four points of a XOR, and between a hundred images.
pub(super) fn pairs() -> (Matrices, Matrices) {
    let names: Vec<String> = ["00", "01", "10", "11"].map(str::to_owned).into();
    let small = |title: &str, far: f64, near: f64, hole: bool| {
        let same = |i: usize| i == 1 || i == 2;
        let value = |k: usize| match (k / 4, k % 4) {
            (i, j) if i == j => 0.0,
            (0, 3) if hole => f64::NAN,
            (i, j) if same(i) == same(j) => near,
            (i, j) => far * (1.0 + 0.02 * noise(i + j)),
        };
        Matrix {
            title: title.to_owned(),
            columns: 4,
            values: (0..16).map(value).collect(),
            row_names: names.clone(),
            column_names: names.clone(),
            numbers: true,
        }
    };
    let row = |name: &str, matrices| MatrixRow { name: name.to_owned(), matrices };
    let xor = Matrices {
        label: "Distances between the points of a XOR".to_owned(),
        caption: "Squared distances between representations, means over 5 seeds.".to_owned(),
        colours: Axis::linear("squared distance"),
        shared: true,
        rows: vec![
            row(
                "gain 0.85",
                vec![
                    small("at the start", 0.02, 0.013, false),
                    small("at the end", 0.317, 0.0128, false),
                    small("theory", 0.37, 0.0089, false),
                ],
            ),
            row("gain 1.25", vec![small("at the start", 0.5, 0.42, false), small("at the end", 0.62, 0.4, true)]),
        ],
    };
    let class = |i: usize| ((i * i) / 1000).min(9);
    let digits: Vec<String> = (0..100).map(|i| class(i).to_string()).collect();
    let large = |title: &str, spread: f64| Matrix {
        title: title.to_owned(),
        columns: 100,
        values: (0..10_000)
            .map(|k| {
                let (a, b) = (class(k / 100), class(k % 100));
                let far = if a == b { 0.05 } else { 1.0 + 0.6 * noise(a * 10 + b) };
                far + spread * noise(k).abs()
            })
            .collect(),
        row_names: digits.clone(),
        column_names: digits.clone(),
        numbers: true,
    };
    let images = Matrices {
        label: "Distances between images".to_owned(),
        caption: "A hundred images ordered by class, means over 10 seeds.".to_owned(),
        colours: Axis::linear("squared distance"),
        rows: vec![row("", vec![large("network", 0.3), large("theory", 0.0)])],
        ..Matrices::default()
    };
    (xor, images)
}

/// Errors of the theory over gain and depth, with settings that did not train.
pub(super) fn phases() -> Map {
    let gains: Vec<f64> = vec![0.5, 0.7, 0.85, 0.95, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 2.0];
    let depths: Vec<f64> = vec![2.0, 4.0, 8.0, 12.0, 16.0, 20.0, 30.0];
    let map = |title: &str, critical: f64, shift: usize| {
        let value = |k: usize| {
            let (gain, depth) = (gains[k % 11], depths[k / 11]);
            let error = 0.02 * (1.0 + noise(k + shift) * 0.3) + (3.0 * (gain - critical) * depth.sqrt()).exp() * 0.1;
            // Too small gains never leave the plateau, too large ones diverge.
            if gain < critical * 0.6 && depth > 10.0 || error > 30.0 { f64::NAN } else { error }
        };
        let mut map = MapPanel {
            title: title.to_owned(),
            colours: None,
            x: Setting { label: "gain".to_owned(), values: gains.clone(), ..Setting::default() },
            y: Setting { label: "hidden layers".to_owned(), values: depths.clone(), ..Setting::default() },
            values: (0..77).map(value).collect(),
            numbers: true,
            rules: Vec::new(),
        };
        let column = map.column_of(critical).unwrap_or(0.0);
        map.rules.push(Rule::upright(column, format!("critical {critical:.2}")));
        map
    };
    Map {
        label: "Error of the theory over gain and depth".to_owned(),
        caption: "Relative error of the two-constant fit, medians over 3 seeds. Hatched: no network learned the task."
            .to_owned(),
        colours: Axis::log("relative error"),
        shared: true,
        panels: vec![map("leaky ReLU", SQRT_2, 0), map("tanh", 1.0, 500)],
        ..Map::default()
    }
}

/// A map of many cells, and one of few, each with its own colours.
pub(super) fn fine_phases() -> Map {
    let list = |count: i32, by: f64| -> Vec<f64> { (1..=count).map(|i| f64::from(i) * by).collect() };
    let map = |columns: i32, rows: i32| MapPanel {
        title: format!("{columns} × {rows}"),
        colours: None,
        x: Setting { label: "‖Δx‖".to_owned(), values: list(columns, 0.05), ..Setting::default() },
        y: Setting { label: "‖Δy*‖".to_owned(), values: list(rows, 0.05), ..Setting::default() },
        values: (0..columns * rows)
            .map(|k| {
                let (x, y) = (f64::from(k % columns + 1), f64::from(k / columns + 1));
                if x * y > 600.0 { f64::NAN } else { 0.0025 * x * y }
            })
            .collect(),
        numbers: true,
        rules: vec![Rule::upright(f64::from(columns) * 0.4, "")],
    };
    Map {
        label: "Distances over a grid".to_owned(),
        caption: "One seed. The scale ends at 1.".to_owned(),
        colours: Axis::linear("squared distance").within(0.0, 1.0),
        panels: vec![map(40, 30), map(5, 5)],
        ..Map::default()
    }
}

/// Projections of representations of two features in two contexts.
pub(super) fn projections() -> Cloud {
    let condition = |name: &str, squeeze: f64| {
        let (mut points, mut context, mut angle, mut height) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in 0..1800 {
            let (a, b, side) = (noise(2 * i) * PI, noise(2 * i + 1), (i % 2) as f64);
            let (x, y) = (a.sin() * (1.0 - squeeze * side), b * (1.0 - squeeze * (1.0 - side)));
            points.push((x + squeeze * 3.0 * (side - 0.5), 0.6 * y + 0.15 * x));
            context.push(side);
            angle.push(a);
            height.push(((b + 1.0) * 5.0).floor());
        }
        points[7] = (f64::NAN, 0.0);
        angle[8] = f64::NAN;
        Condition { name: name.to_owned(), points, values: vec![context, angle, height] }
    };
    let names = |names: Vec<String>, label: &str| Colouring::Categories { label: label.to_owned(), names };
    Cloud {
        label: "Projections of representations".to_owned(),
        caption: "Multidimensional scaling of the second hidden layer, one seed. Each row has its own scale."
            .to_owned(),
        colourings: vec![
            names(vec!["context 1".to_owned(), "context 2".to_owned()], "context"),
            Colouring::Continuous(Axis::linear("first feature (radian)")),
            names((0..10).map(|i| format!("class {i}")).collect(), "second feature"),
        ],
        conditions: vec![condition("gain 2", 0.0), condition("gain 0.275", 0.85)],
        shared: false,
    }
}

/// Claims of all kinds.
pub(super) fn claims() -> Vec<ClaimRow> {
    let claim = |i: usize| {
        let verdict = match i {
            6 | 11 => Verdict::NotReproduced,
            14 | 15 => Verdict::NotTested,
            _ => Verdict::Reproduced,
        };
        let kind = [ClaimKind::Prediction, ClaimKind::ObserverCheck, ClaimKind::Control, ClaimKind::KnownWeaker][i % 4];
        let tried = verdict != Verdict::NotTested;
        let text = |text: &str| if tried { text.to_owned() } else { String::new() };
        ClaimRow {
            id: format!("C{}", i + 1),
            sentence: "The final squared distance between two representations is the product of input distance and \
                       output distance, <h> = dx · dy, whatever the activation."
                .to_owned(),
            place: "sec. 3.2, fig. 4".to_owned(),
            kind,
            predicted: ["0.0975", "≤ 0.15", "slope 1, r ≥ 0.93"][i % 3].to_owned(),
            values: Vec::new(),
            measured: text(["0.0951 (0.0933 to 0.0975)", "0.043 (0.021 to 0.068)", "0.95, r = 0.964"][i % 3]),
            tolerance: ["± 10 %", "none", "r ± 0.02"][i % 3].to_owned(),
            seeds: if tried { 5 } else { 0 },
            verdict,
            explanation: match i {
                6 => "The measured distance is steeper in the output distance than the product law (power 1.3)."
                    .to_owned(),
                14 => "Needs MNIST, which was not found; pass --data to try it.".to_owned(),
                _ => String::new(),
            },
            ..ClaimRow::default()
        }
    };
    (0..16).map(claim).collect()
}

/// A whole page.
pub(super) fn page() -> Page {
    let (xor, images) = pairs();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Page {
        title: "When Representations <Align>: Universality & Dynamics".to_owned(),
        authors: "A. Author & B. Author, 2024".to_owned(),
        source: "Proceedings of Something 235, 49098–49121; code: example.org/universality".to_owned(),
        notes: texts(&["Run at a tenth of the paper's scale: 5 seeds instead of 50, 300 epochs instead of 3,000."]),
        intro: texts(&[
            "The paper describes how the distance between two representations changes while a network learns, with two \
             constants that hold all of its architecture.",
            "Seventeen settings were trained on two points, and the two constants were fitted to each of them.",
        ]),
        claims: claims(),
        sections: vec![
            Section::new("trajectories", "Do two constants describe a whole training?", Ok(trajectories(600).draw()))
                .text("Solid lines are networks, dashed lines the theory with the constants fitted to them.")
                .note("Fits start from a grid of 200 guesses."),
            Section::new("depth", "At which layers does the theory hold?", Ok(depth().draw())),
            Section::new("gains", "Where does it end?", Ok(gains().draw())),
            Section::new("layers", "How do the layers follow each other?", Ok(layers().draw())),
            Section::new("distances", "Are the final distances predicted?", Ok(distances().draw())),
            Section::new("xor", "Which points come together?", Ok(xor.draw())),
            Section::new("images", "Does it hold for images?", Ok(images.draw())),
            Section::new("phases", "Over gain and depth", Ok(phases().draw())),
            Section::new("fine_phases", "Over both distances", Ok(fine_phases().draw())),
            Section::new("projections", "What do representations look like?", Ok(projections().draw())),
            Section::new("mnist", "And on MNIST?", Err("MNIST was not found; <pass> --data to try it.".to_owned())),
        ],
        facts: vec![
            fact("adapter", "llvmpipe (Vulkan, software)"),
            fact("version", "0.1.0"),
            fact("scale", "quick: 5 seeds per setting"),
            fact("seeds", "0 to 4"),
            fact("time", "3 min 20 s"),
        ],
        settings: serde_json::json!({ "seeds": 5, "settings": SETTINGS, "note": "</pre><script>" }),
    }
}
