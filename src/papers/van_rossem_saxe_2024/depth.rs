//! The theory fitted at each hidden layer of the default network: where it holds.

use super::fits::fitted;
use super::runs::{Run, TASK};
use super::shared::Shared;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Spread, measured, number};
use crate::papers::{Lab, PartOutcome, parallel};
use crate::report::paper::{Axis, Curves, Panel, Section, Series};
use crate::theory::Equations;

const SOURCE: &str = "fit by depth of layer (E2)";

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let seeds = shared.seeds();
    let default = &shared.table(lab)?[0];
    let layers = default.setting.depth as usize;
    let runs: Vec<&Run> = default.runs.iter().filter(|run| run.learned()).collect();
    let work: Vec<(&Run, usize)> = runs.iter().flat_map(|run| (0..layers).map(|l| (*run, l))).collect();
    let fits = parallel(&work, |(run, layer)| fitted(run, *layer, TASK, Equations::Theory));
    // Layers in the middle column, networks in the inner: a value of each network at a layer.
    let at = |layer: usize, of: &dyn Fn(&super::fits::Fitted) -> f64| {
        Spread::of((0..runs.len()).filter_map(|r| fits[r * layers + layer].as_ref()).map(of))
    };
    let sse: Vec<Spread> = (0..layers).map(|l| at(l, &|f| f.plain)).collect();
    let h: Vec<Spread> = (0..layers).map(|l| at(l, &|f| f.fit.rates.h)).collect();
    let y: Vec<Spread> = (0..layers).map(|l| at(l, &|f| f.fit.rates.y)).collect();
    let argmin = (0..layers).min_by(|&a, &b| sse[a].median.total_cmp(&sse[b].median)).unwrap_or(0);
    let peak = (0..layers).max_by(|&a, &b| y[a].median.total_cmp(&y[b].median)).unwrap_or(0);
    let (least, first) = (sse[argmin].median, sse[0].median);
    let rise = h[layers - 1].median / h[layers / 2].median;
    let claims = vec![
        Claim::new("depth.best", Kind::Prediction, "The theory holds best in a layer past the middle")
            .source(SOURCE)
            .predicted("layers 10 to 15 of 20 (counted from 0)", "the layer of least median deviation")
            .measured(measured!("layer {}", argmin), seeds, (10..=15).contains(&argmin)),
        Claim::new("depth.early", Kind::Prediction, "It fails in early layers")
            .source(SOURCE)
            .predicted("squared deviation in layer 0 over that in the best layer", "at least 20")
            .measured(
                measured!("{} ({} against {})", number(first / least), number(first), number(least)),
                seeds,
                first >= 20.0 * least,
            ),
        Claim::new("depth.encoder", Kind::Prediction, "1/tau_h rises with the depth of the layer")
            .source(SOURCE)
            .predicted("last layer over the middle one", "above 3")
            .measured(number(rise), seeds, rise > 3.0),
        Claim::new("depth.decoder", Kind::Prediction, "1/tau_y is largest near the middle")
            .source(SOURCE)
            .predicted("layers 8 to 13 of 20 (counted from 0)", "the layer of the largest median")
            .measured(measured!("layer {}", peak), seeds, (8..=13).contains(&peak)),
    ];
    let x: Vec<f64> = (0..layers).map(|l| l as f64).collect();
    let panel = |title: &str, label: &str, of: &[Spread], colour: usize| {
        let column = |f: fn(&Spread) -> f64| of.iter().map(f).collect::<Vec<_>>();
        let series = Series::solid(title, x.clone(), column(|s| s.median))
            .band(column(|s| s.low), column(|s| s.high))
            .in_colour(colour);
        Panel {
            title: title.to_owned(),
            x: Axis::linear("hidden layer, from 0"),
            y: Axis::log(label),
            series: vec![series],
            ..Panel::default()
        }
    };
    let figure = Curves {
        label: "Deviation of the theory and its two rates by hidden layer".into(),
        caption: format!(
            "The two constants fitted anew with each hidden layer of the default network as the representation. {} seeds, median \
             with the lowest and highest.",
            runs.len()
        ),
        columns: 3,
        solid: "network".into(),
        band: "lowest to highest".into(),
        panels: vec![
            panel("deviation", "sum of squared deviations", &sse, 0),
            panel("1/tau_h", "per step", &h, 1),
            panel("1/tau_y", "per step", &y, 2),
        ],
        ..Curves::default()
    };
    Ok(PartOutcome {
        claims,
        sections: vec![Section::new("depth", "Where in a network the theory holds", Ok(figure.draw()))],
    })
}
