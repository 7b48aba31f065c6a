//! Beyond the paper: the bias over complexity, prevalence, learning order and depth, a thousand small networks; what of it
//! follows from when a feature was learned; and whose likeness the likeness of networks is.

use faer::Mat;

use super::networks::{FEATURES, LEARNED, Networks, labels, mean};
use super::shared::Shared;
use crate::config::{Experiment, Stage};
use crate::data::features::Set;
use crate::error::Result;
use crate::measure::features::split::split;
use crate::measure::pairwise::rank::spearman;
use crate::papers::claim::{Claim, Kind, Measured, measured};
use crate::papers::{Lab, PartOutcome, Scale, parallel};
use crate::report::paper::{Axis, Dot, Group, Map, MapPanel, Scatter, ScatterPanel, Section, Setting};

/// Functions of the hard feature, from simple to complex.
const FUNCTIONS: [&str; 4] = ["and_or_or", "xor_or_or", "or_xor_xor", "xor_xor_xor"];
/// The features.
const EASY: &str = FEATURES[0];
const HARD: &str = FEATURES[1];
/// How often it is there.
const PRESENCES: [f64; 3] = [1.0, 0.5, 0.2];
/// Which feature is trained first.
const ORDERS: [&str; 3] = ["together", "hard first", "easy first"];
/// Hidden layers.
const DEPTHS: [usize; 3] = [2, 3, 4];
/// Their widths: the last one is always 24, so that shares of units can be compared.
const WIDTHS: [&[u32]; 3] = [&[48, 24], &[48, 32, 24], &[48, 32, 24, 24]];
/// Pairs of networks of a cell whose CKA is split, at most.
const PAIRS: usize = 10;

/// One network, after training.
struct Point {
    cell: Cell,
    seed: u32,
    /// Shares of the variance of the last hidden layer.
    easy: f64,
    hard: f64,
    /// Epochs at which each was learned first.
    learned: [f64; 2],
}

/// A cell of the map.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell {
    function: usize,
    presence: usize,
    order: usize,
    depth: usize,
}

impl Cell {
    /// Its place on each axis.
    fn place(self) -> [usize; 4] {
        [self.function, self.presence, self.order, self.depth]
    }
}

/// CKA of two networks of a cell, and its parts that are due to either feature.
struct Likeness {
    cell: Cell,
    cka: f64,
    easy: f64,
    hard: f64,
}

/// What is tried of functions, presences, orders and depths, by number.
type Axes = [&'static [usize]; 4];
/// Their places in that order.
const FUNCTION: usize = 0;
const PRESENCE: usize = 1;
const ORDER: usize = 2;

/// The axes of the grid at a scale, and the seeds of each cell.
fn grid(scale: Scale, seeds: Option<u32>) -> (Axes, u32) {
    let (axes, own): (Axes, u32) = match scale {
        Scale::Tiny => ([&[0, 3], &[0, 2], &[0, 1], &[0, 1]], 3),
        Scale::Small => ([&[0, 1, 2, 3], &[0, 1, 2], &[0, 1, 2], &[0, 1, 2]], 4),
        Scale::Notes | Scale::Paper => ([&[0, 1, 2, 3], &[0, 1, 2], &[0, 1, 2], &[0, 1, 2]], 10),
    };
    (axes, seeds.unwrap_or(own))
}

/// A stage that ends when these outputs (all, if none is named) are learned.
fn until_learned(outputs: &[&str]) -> Stage {
    Stage { outputs: outputs.iter().map(|&o| o.to_owned()).collect(), until: Some(LEARNED), ..Stage::default() }
}

fn experiment(base: &Experiment, cell: Cell) -> Experiment {
    let first = |name: &str| vec![until_learned(&[name]), Stage { fresh_optimiser: true, ..until_learned(&[]) }];
    let mut own = base.clone();
    own.data.features[1].function = FUNCTIONS[cell.function].into();
    own.data.features[1].presence = PRESENCES[cell.presence];
    own.model.layers = WIDTHS[cell.depth].to_vec().into();
    own.stages = match cell.order {
        0 => vec![until_learned(&[])],
        1 => first(HARD),
        _ => first(EASY),
    };
    own
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let ([functions, presences, orders, depths], seeds) = grid(lab.scale(), lab.request().seeds);
    let base = shared.grid(lab)?;
    let (mut points, mut alike) = (Vec::new(), Vec::new());
    let mut trained = 0;
    let (networks_before, steps_before, time_before) = (lab.networks(), lab.replica_steps(), lab.training());
    for &function in functions {
        for &presence in presences {
            lab.note(&format!("map: {}, there in {} of the examples", FUNCTIONS[function], PRESENCES[presence]));
            let cells: Vec<Cell> = orders
                .iter()
                .flat_map(|&order| depths.iter().map(move |&depth| Cell { function, presence, order, depth }))
                .collect();
            let experiments: Vec<Experiment> = cells.iter().map(|&cell| experiment(&base, cell)).collect();
            let sets = Networks::train(lab, &experiments, seeds)?;
            trained += sets.len() * seeds as usize;
            for (cell, networks) in cells.iter().zip(&sets) {
                points.extend(points_of(*cell, networks));
            }
            let both: Vec<(Cell, &Networks)> = cells.iter().copied().zip(&sets).collect();
            for found in parallel(&both, |(cell, networks)| likenesses(*cell, networks)) {
                alike.extend(found?);
            }
        }
    }
    let done = [lab.networks() - networks_before, lab.replica_steps() - steps_before];
    let seconds = (lab.training() - time_before).as_secs_f64();
    let rate = match done[0] {
        0 => "read back".to_owned(),
        n => format!("{n} networks in {seconds:.0} s, {:.0} replica-steps/s", done[1] as f64 / seconds.max(1e-9)),
    };
    let tried = [functions, presences, orders, depths];
    let solved = format!("{} of {trained} networks learned both; {rate}", points.len());
    let claims = claims(&points, &alike, tried, seeds, &solved);
    let note = format!("{trained} networks of 24 units in the last hidden layer, {seeds} seeds of each cell; {rate}.");
    let sections = vec![
        Section::new("map", "The bias as a map", Ok(map(&points, tried, &note))),
        Section::new("shares", "What either feature fills", Ok(shares(&points, orders, &note))),
        Section::new("when", "When a feature is learned, and how much it fills", Ok(when(&points, orders, &note))),
        Section::new("alike", "Whose likeness it is", Ok(whose(&alike, orders, &note))),
    ];
    Ok(PartOutcome { claims, sections })
}

/// The networks of a cell that learned both features.
fn points_of(cell: Cell, networks: &Networks) -> Vec<Point> {
    let last = WIDTHS[cell.depth].len() - 1;
    let [easy, hard] = [EASY, HARD].map(|f| networks.trained.end(&format!("explained_{f}"), Some(last)));
    let learned = |name: &str, replica: usize| {
        let curve = networks.trained.curve(&format!("accuracy_{name}"), None);
        let at = curve.and_then(|c| c.values.iter().position(|v| v[replica] >= LEARNED).map(|i| c.steps[i]));
        at.map_or(f64::NAN, |step| f64::from(step) / f64::from(networks.experiment.check_every))
    };
    let solved = networks.solved().into_iter();
    let point = |r: usize| Point {
        cell,
        seed: networks.seeds[r],
        easy: easy[r],
        hard: hard[r],
        learned: [learned(EASY, r), learned(HARD, r)],
    };
    solved.map(point).collect()
}

/// CKA of pairs of networks of a cell, split by feature.
fn likenesses(cell: Cell, networks: &Networks) -> Result<Vec<Likeness>> {
    let solved = networks.solved();
    if solved.is_empty() {
        return Ok(Vec::new());
    }
    let last = WIDTHS[cell.depth].len() - 1;
    let data = &networks.experiment.data;
    let made = data.declared()?.make(Set::Test, data.test_examples as usize, data.seed.unwrap_or_default())?;
    let labels = [labels(&made, 0)?, labels(&made, 1)?];
    let seen: Vec<Mat<f64>> = solved.iter().map(|&r| networks.representation(r, last)).collect::<Result<_>>()?;
    let pairs = (0..seen.len()).flat_map(|a| (a + 1..seen.len()).map(move |b| (a, b))).take(PAIRS);
    pairs
        .map(|(a, b)| {
            let found = split(seen[a].as_ref(), seen[b].as_ref(), &[&labels[0], &labels[1]])?;
            Ok(Likeness { cell, cka: found.cka, easy: found.own(0)?, hard: found.own(1)? })
        })
        .collect()
}

/// Share of the hard feature in what the two explain together.
fn part(p: &Point) -> f64 {
    let (easy, hard) = (p.easy.max(0.0), p.hard.max(0.0));
    hard / (easy + hard)
}

/// How much later the hard feature was learned, in doublings of the epochs.
fn later(p: &Point) -> f64 {
    ((p.learned[1] + 1.0) / (p.learned[0] + 1.0)).log2()
}

/// What a line through the delays foretells of the hard feature's part: fitted on the networks of even seeds, for those of odd
/// seeds.
struct Foretold<'a> {
    /// Network, foretold part, part.
    pairs: Vec<(&'a Point, f64, f64)>,
    /// Part of the variance over the odd seeds that is foretold.
    r2: f64,
}

impl<'a> Foretold<'a> {
    fn of(points: &'a [Point]) -> Self {
        let known = points.iter().filter(|p| later(p).is_finite() && part(p).is_finite());
        let (odd, even): (Vec<&Point>, Vec<&Point>) = known.partition(|p| p.seed % 2 == 1);
        let [x, y] = [later, part].map(|of| mean(&even.iter().map(|p| of(p)).collect::<Vec<_>>()));
        let product: f64 = even.iter().map(|p| (later(p) - x) * (part(p) - y)).sum();
        let slope = product / even.iter().map(|p| (later(p) - x).powi(2)).sum::<f64>();
        let pairs: Vec<_> = odd.iter().map(|&p| (p, y + slope * (later(p) - x), part(p))).collect();
        let all = mean(&pairs.iter().map(|(.., part)| *part).collect::<Vec<_>>());
        let [errors, spread] = pairs.iter().fold([0.0, 0.0], |[errors, spread], (_, foretold, part)| {
            [errors + (part - foretold).powi(2), spread + (part - all).powi(2)]
        });
        Self { pairs, r2: 1.0 - errors / spread }
    }
}

fn claims(points: &[Point], alike: &[Likeness], tried: Axes, seeds: u32, solved: &str) -> Vec<Claim> {
    // Of all networks, wherever they are.
    let all = |along: usize, keep: &dyn Fn(Cell) -> bool| -> Vec<f64> {
        let of = |value: usize| {
            let at = points.iter().filter(|p| p.cell.place()[along] == value && keep(p.cell)).map(part);
            mean(&at.filter(|v| v.is_finite()).collect::<Vec<_>>())
        };
        tried[along].iter().map(|&value| of(value)).collect()
    };
    let known: Vec<&Point> = points.iter().filter(|p| later(p).is_finite() && part(p).is_finite()).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = known.iter().map(|p| (later(p), part(p))).unzip();
    let ordered = spearman(&x, &y).unwrap_or(f64::NAN);
    let together = |cell: Cell| cell.order == 0;
    let (complex, of_functions) = matched(points, tried, FUNCTION, together);
    let (rarer, of_presences) = matched(points, tried, PRESENCE, |_| true);
    let (orders, of_orders) = matched(points, tried, ORDER, |_| true);
    let falling = |v: &[f64]| v.len() >= 2 && v.windows(2).all(|w| w[0] > w[1]);
    let ordered_as = |v: &[f64]| {
        let each = tried[ORDER].iter().zip(v).map(|(&o, x)| measured!("{} {:.3}", ORDERS[o], x));
        Measured::joined(each, ", ")
    };
    let unmatched = |text: Measured| {
        format!(
            "Matched in this way after first results, for networks that learned both are not equally many in all places; over all of them: {text}."
        )
    };
    let text = |v: &[f64]| Measured::joined(v.iter().map(|x| measured!("{:.3}", x)), ", ");
    let pairs: Vec<&Likeness> = alike.iter().filter(|l| together(l.cell)).collect();
    let due = |f: &dyn Fn(&Likeness) -> f64| mean(&pairs.iter().map(|l| f(l) / l.cka).collect::<Vec<_>>());
    let (easy, hard) = (due(&|l| l.easy), due(&|l| l.hard));
    let beyond = |id: &str, sentence: &str| Claim::new(id, Kind::Beyond, sentence).source("a grid of our own");
    vec![
        beyond("map.when", "The later a feature is learned, the less of the representation it fills")
            .predicted(
                "rank correlation of the delay with the hard feature's part: negative",
                "Spearman at most -0.4 over all networks",
            )
            .measured(
                measured!(
                    "{:.3} over {} networks; a line fitted on even seeds foretells {:.2} of the variance over odd ones; \
                     {solved}",
                    ordered,
                    x.len(),
                    Foretold::of(points).r2
                ),
                seeds,
                ordered <= -0.4,
            ),
        beyond("map.complexity", "The more complex a feature, the less it fills, over all prevalences and depths")
            .predicted(
                "falls along the ladder of functions",
                "means of the hard feature's part, trained together, over prevalences and depths at which networks of every function \
                 learned both",
            )
            .measured(measured!("{} over {} places", text(&complex), of_functions), seeds, falling(&complex))
            .note(unmatched(text(&all(FUNCTION, &together)))),
        beyond("map.prevalence", "The rarer a feature, the less it fills, over all functions, orders and depths")
            .predicted(
                "falls with presence",
                "means of the hard feature's part over functions, orders and depths at which networks of every presence learned both",
            )
            .measured(measured!("{} over {} places", text(&rarer), of_presences), seeds, falling(&rarer))
            .note(unmatched(text(&all(PRESENCE, &|_| true)))),
        beyond("map.order", "Learned first, the hard feature fills more")
            .predicted(
                "hard first above together",
                "means of the hard feature's part over functions, prevalences and depths at which networks of every order learned both",
            )
            .measured(measured!("{} over {} places", ordered_as(&orders), of_orders), seeds, orders[1] > orders[0])
            .note(unmatched(ordered_as(&all(ORDER, &|_| true)))),
        beyond(
            "map.alike",
            "The likeness (CKA) of networks that compute both features equally is mostly that of the easy one",
        )
        .predicted(
            "part of CKA due to the easy feature at least twice that of the hard",
            "means over pairs, trained together",
        )
        .measured(
            measured!("easy {:.3}, hard {:.3} of CKA, over {} pairs", easy, hard, pairs.len()),
            seeds,
            easy >= 2.0 * hard,
        ),
    ]
}

/// Means of the hard feature's part for each value of one axis that was tried, over the places on the other axes at which
/// networks of every such value learned both features, and the number of these places: what is rarer or more complex is
/// learned by fewer networks, and not in the same places. Not numbers if there is no such place.
fn matched(points: &[Point], tried: Axes, along: usize, keep: impl Fn(Cell) -> bool) -> (Vec<f64>, usize) {
    let values = tried[along];
    let mut others = tried;
    others[along] = &[0];
    let mut sums = vec![Vec::new(); values.len()];
    let [functions, presences, orders, depths] = others;
    for &function in functions {
        for &presence in presences {
            for (&order, &depth) in orders.iter().flat_map(|o| depths.iter().map(move |d| (o, d))) {
                let row: Vec<f64> = values
                    .iter()
                    .map(|&value| {
                        let mut place = [function, presence, order, depth];
                        place[along] = value;
                        let [function, presence, order, depth] = place;
                        let cell = Cell { function, presence, order, depth };
                        let here = points.iter().filter(|p| p.cell == cell && keep(cell)).map(part);
                        mean(&here.filter(|v| v.is_finite()).collect::<Vec<_>>())
                    })
                    .collect();
                if row.iter().all(|v| v.is_finite()) {
                    sums.iter_mut().zip(row).for_each(|(all, v)| all.push(v));
                }
            }
        }
    }
    (sums.iter().map(|all| mean(all)).collect(), sums.first().map_or(0, Vec::len))
}

fn map(points: &[Point], [functions, presences, orders, depths]: Axes, note: &str) -> crate::report::paper::Figure {
    let mut panels = Vec::new();
    for &order in orders {
        for &presence in presences {
            let value = |depth: usize, function: usize| {
                let cell = Cell { function, presence, order, depth };
                let of: Vec<f64> = points.iter().filter(|p| p.cell == cell).map(part).collect();
                mean(&of)
            };
            panels.push(MapPanel {
                colours: None,
                title: format!("{}, there in {}", ORDERS[order], PRESENCES[presence]),
                x: Setting {
                    label: "complexity".into(),
                    values: functions.iter().map(|&f| (f + 1) as f64).collect(),
                    ..Setting::default()
                },
                y: Setting {
                    label: "hidden layers".into(),
                    values: depths.iter().map(|&d| DEPTHS[d] as f64).collect(),
                    ..Setting::default()
                },
                values: depths
                    .iter()
                    .flat_map(|&d| functions.iter().map(move |&f| (d, f)))
                    .map(|(d, f)| value(d, f))
                    .collect(),
                numbers: true,
                rules: Vec::new(),
            });
        }
    }
    Map {
        label: "Part of the hard feature in what both explain, over complexity, prevalence, order and depth".into(),
        caption: format!(
            "What the hard feature explains of the last hidden layer, over what both explain (mean over networks that learned both; one half \
             would be no bias; hatched: none learned both). Complexity 1 to 4: {}. {note}",
            FUNCTIONS.join(", ")
        ),
        columns: presences.len(),
        colours: Axis::linear("hard feature's part").within(0.0, 1.0),
        shared: true,
        panels,
    }
    .draw()
}

fn when(points: &[Point], orders: &[usize], note: &str) -> crate::report::paper::Figure {
    let foretold = Foretold::of(points);
    let group = |order: usize| Group {
        name: ORDERS[order].into(),
        dots: foretold
            .pairs
            .iter()
            .filter(|(p, ..)| p.cell.order == order)
            .map(|(_, foretold, part)| Dot::new(*foretold, *part))
            .collect(),
    };
    Scatter {
        label: "The hard feature's part, as foretold by when it was learned, and as it is".into(),
        caption: format!(
            "What the hard feature explains of the last hidden layer, over what both explain: as a line through the delays foretells it \
             (how many times later than the easy feature it was learned, in doublings of the epochs; fitted on the networks of even seeds), \
             and as it is in those of odd seeds. {:.2} of its variance is foretold. {note}",
            foretold.r2
        ),
        x: "foretold from the delay".into(),
        y: "hard feature's part".into(),
        panels: vec![ScatterPanel { groups: orders.iter().map(|&o| group(o)).collect(), ..ScatterPanel::default() }],
        ..Scatter::default()
    }
    .draw()
}

fn shares(points: &[Point], orders: &[usize], note: &str) -> crate::report::paper::Figure {
    let group = |order: usize| Group {
        name: ORDERS[order].into(),
        dots: points
            .iter()
            .filter(|p| p.cell.order == order && part(p).is_finite())
            .map(|p| Dot::new(p.easy, p.hard))
            .collect(),
    };
    Scatter {
        label: "Share of the variance of the easy and the hard feature, by learning order".into(),
        caption: format!(
            "Every network that learned both features: what each explains of the last hidden layer. On the line both would explain as much. {note}"
        ),
        x: "share of the variance, easy feature".into(),
        y: "share of the variance, hard feature".into(),
        panels: vec![ScatterPanel { groups: orders.iter().map(|&o| group(o)).collect(), ..ScatterPanel::default() }],
        ..Scatter::default()
    }
    .draw()
}

fn whose(alike: &[Likeness], orders: &[usize], note: &str) -> crate::report::paper::Figure {
    let group = |order: usize| Group {
        name: ORDERS[order].into(),
        dots: alike.iter().filter(|l| l.cell.order == order).map(|l| Dot::new(l.easy, l.hard)).collect(),
    };
    Scatter {
        label: "Linear CKA of pairs of networks, split into what is due to either feature".into(),
        caption: format!(
            "Each point is a pair of networks of one cell that learned both features: the part of their linear CKA that is due to the easy \
             feature in both, and that due to the hard one. {note}"
        ),
        x: "CKA due to the easy feature".into(),
        y: "CKA due to the hard feature".into(),
        panels: vec![ScatterPanel { groups: orders.iter().map(|&o| group(o)).collect(), ..ScatterPanel::default() }],
        ..Scatter::default()
    }
    .draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: [usize; 4], hard: f64) -> Point {
        let [function, presence, order, depth] = place;
        Point { cell: Cell { function, presence, order, depth }, seed: 0, easy: 1.0 - hard, hard, learned: [0.0, 1.0] }
    }

    #[test]
    fn means_are_over_places_where_all_values_were_learned() {
        let tried: Axes = [&[0, 3], &[0, 2], &[0, 1], &[0]];
        let points = [
            at([0, 0, 0, 0], 0.5),
            at([3, 0, 0, 0], 0.1),
            at([3, 0, 0, 0], 0.3),
            // Nobody learned the second function here: what the first fills does not count.
            at([0, 2, 0, 0], 0.9),
            at([0, 0, 1, 0], 0.7),
            at([3, 0, 1, 0], 0.6),
        ];
        let near = |found: (Vec<f64>, usize), means: [f64; 2], places: usize| {
            assert_eq!(found.1, places);
            assert!(found.0.iter().zip(means).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", found.0);
        };
        near(matched(&points, tried, FUNCTION, |_| true), [0.6, 0.4], 2);
        near(matched(&points, tried, FUNCTION, |c| c.order == 0), [0.5, 0.2], 1);
        near(matched(&points, tried, PRESENCE, |_| true), [0.5, 0.9], 1);
        near(matched(&points, tried, ORDER, |_| true), [0.35, 0.65], 2);
        // A presence that was tried and never learned leaves nothing to compare.
        let (means, places) = matched(&points[..3], tried, PRESENCE, |_| true);
        assert!(places == 0 && means.iter().all(|m| m.is_nan()));
    }

    #[test]
    fn a_part_that_falls_with_the_delay_is_foretold() {
        let cell = Cell { function: 0, presence: 0, order: 0, depth: 0 };
        let point = |seed: u32, delay: u32, hard: f64| Point {
            cell,
            seed,
            easy: 1.0 - hard,
            hard,
            learned: [0.0, f64::from((1u32 << delay) - 1)],
        };
        let exact: Vec<Point> = (0..12).map(|i| point(i, i % 5, 0.5 - 0.1 * f64::from(i % 5))).collect();
        let found = Foretold::of(&exact);
        assert_eq!(found.pairs.len(), 6);
        assert!((found.r2 - 1.0).abs() < 1e-12, "{}", found.r2);
        // What the delay says nothing about.
        let noise: Vec<Point> = (0..12).map(|i| point(i, i / 2 % 2, if i / 4 % 2 == 0 { 0.2 } else { 0.4 })).collect();
        assert!(Foretold::of(&noise).r2 <= 0.0, "{}", Foretold::of(&noise).r2);
        assert!(Foretold::of(&[]).r2.is_nan());
    }
}
