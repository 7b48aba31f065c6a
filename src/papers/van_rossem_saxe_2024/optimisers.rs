//! Beyond the paper: the same trajectories by momentum and by Adam.

use super::fits::Trained;
use super::runs::train;
use super::settings::{Rule, STEPS, Setting, setting};
use super::shared::Shared;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Spread, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Curves, Panel, Section, Series};

/// Learning rate of Adam, whose steps have a size of their own.
const ADAM: [(&str, f64); 2] = [("shallow", 2e-4), ("default", 2e-5)];

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let seeds = shared.seeds();
    let mut settings: Vec<Setting> = Vec::new();
    for (name, adam) in ADAM {
        let sgd = setting(name).narrowed(shared.width());
        // In the long run momentum 0.9 moves ten times as far.
        settings.push(Setting { rule: Rule::Momentum, lr: sgd.lr / 10.0, ..sgd.clone() });
        settings.push(Setting { rule: Rule::Adam, lr: adam, ..sgd.clone() });
    }
    let other = Trained::all(&settings, train(lab, &settings, seeds, STEPS)?);
    let table = shared.table(lab)?;
    let sgd = |name: &str| table.iter().find(|t| t.setting.name == name);
    let mut claims = Vec::new();
    let mut panels = Vec::new();
    for (i, (name, _)) in ADAM.iter().enumerate() {
        let Some(plain) = sgd(name) else { continue };
        let (momentum, adam) = (&other[2 * i], &other[2 * i + 1]);
        let ratio = |of: fn(&super::fits::Fitted) -> f64| {
            let both = plain.fits.iter().zip(&momentum.fits);
            Spread::of(both.filter_map(|(a, b)| Some(of(b.as_ref()?) / of(a.as_ref()?))))
        };
        let (h, y) = (ratio(|f| f.fit.rates.h), ratio(|f| f.fit.rates.y));
        let near = |s: &Spread| (s.median - 1.0).abs() <= 0.1;
        claims.push(
            Claim::new(
                format!("optimisers.momentum-{name}"),
                Kind::Beyond,
                format!("Momentum 0.9 at a tenth of the learning rate is gradient descent to the theory ({name})"),
            )
            .source("gradient flow with momentum, slowly varying")
            .predicted(
                "rates over those of gradient descent: 1, 1",
                "medians over the same initial weights within 10 %",
            )
            .measured(measured!("{}, {}", h, y), seeds, near(&h) && near(&y)),
        );
        let objective = adam.spread(|_, f| f.relative);
        let under_sgd = plain.spread(|_, f| f.relative);
        claims.push(
            Claim::new(
                format!("optimisers.adam-{name}"),
                Kind::Beyond,
                format!("Adam leaves the theory: its curves fit worse than gradient descent's ({name})"),
            )
            .source("the theory assumes gradient flow")
            .predicted("relative objective over that of gradient descent: above 3", "medians")
            .measured(
                measured!("{} against {}", objective, number(under_sgd.median)),
                seeds,
                objective.median > 3.0 * under_sgd.median,
            ),
        );
        for (title, t) in [("gradient descent", plain), ("momentum", momentum), ("Adam", adam)] {
            panels.push(panel(&format!("{name}, {title}"), t));
        }
    }
    let figure = Curves {
        label: "Trajectories of two points by gradient descent, momentum and Adam, with the theory fitted".into(),
        caption: "One network of each, the first seed that learned (solid), with the theory's two constants fitted to it (dashed).".into(),
        columns: 3,
        solid: "network".into(),
        dashed: "theory".into(),
        panels,
        ..Curves::default()
    };
    Ok(PartOutcome { claims, sections: vec![Section::new("optimisers", "Other optimisers", Ok(figure.draw()))] })
}

fn panel(title: &str, t: &Trained) -> Panel {
    let mut series = Vec::new();
    let mut note = "none learned".to_owned();
    if let Some((run, fit)) = t.learned().next() {
        note = format!("objective {}", number(fit.relative));
        let (times, states) = run.thinned(t.setting.layer);
        for (i, quantity) in ["|dh|²", "|dy|²", "w"].into_iter().enumerate() {
            let of = |s: &crate::theory::State| [s.h, s.y, s.w][i];
            let measured = states.iter().map(of).collect();
            series.push(Series { marked: false, ..Series::solid(quantity, times.clone(), measured).in_colour(i) });
            series.push(
                Series::dashed(quantity, fit.times.clone(), fit.fit.curves.iter().map(of).collect()).in_colour(i),
            );
        }
    }
    Panel { title: title.to_owned(), note, x: Axis::linear("step"), y: Axis::linear(""), series, ..Panel::default() }
}
