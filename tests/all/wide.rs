//! Wide networks at initialisation, drawn by the thousand: mean squares of pre-activations and their spread over networks are what
//! is exact at any width for activation functions that are linear on either side of zero.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::theory::vertex_of;
use isogram::train::{Options, Quiet, Sweep};

const WIDTH: usize = 16;
const NETWORKS: usize = 1000;

/// `1 + V / (n K²) = (1 + c / n)^(l - 1)`: layer norms are products of independent factors (Roberts, Yaida and Hanin 2022, section
/// 3.3, of linear networks; of rectifiers c is 5).
#[test]
fn mean_squares_keep_their_size_and_spread_as_products_do() {
    for (activation, c_w, c) in [("identity", 1.0, 2.0), ("relu", 2.0, 5.0)] {
        let layer = format!("{{ out_features = {WIDTH} }}, {{ kind = \"activation\" }}, ");
        let text = format!(
            "steps = 0\nseeds = {NETWORKS}\n[data]\ntest_fraction = 0.01\n[model]\nbias = false\nactivation = \"{activation}\"\n\
             init = \"critical\"\nlayers = [{}{{}}]\n[optimiser]\nlr = 0\n[batch]\nsize = 1\n[probe]\nexamples = 1\n\
             [observe]\nmeasures = [\"mean_square\"]\nlayers = [0, 2, 4, 6]",
            layer.repeat(4)
        );
        let sweep = Sweep::new(Experiment::from_toml(&text, "wide.toml").unwrap()).unwrap();
        let inputs = &sweep.data().probe.inputs;
        let first = c_w * inputs.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / inputs.len() as f64;
        let options = Options { adapter: AdapterChoice::Cpu, ..Options::default() };
        let summary = sweep.run(&options, &mut Quiet).unwrap();
        for l in 0..4u32 {
            let name = format!("layers.{}", 2 * l);
            let of =
                |row: &&isogram::files::MetricRow| row.step == 0 && row.layer.is_some_and(|x| x.to_string() == name);
            let squares: Vec<f64> = summary.metrics.iter().filter(of).map(|row| row.value / first).collect();
            assert_eq!(squares.len(), NETWORKS);
            let mean = squares.iter().sum::<f64>() / NETWORKS as f64;
            let variance = squares.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / NETWORKS as f64;
            let error = (variance / NETWORKS as f64).sqrt();
            assert!((mean - 1.0).abs() < 4.0 * error, "{activation} {l}: {mean} ± {error}");
            let n = WIDTH as f64;
            let expected = n * ((1.0 + c / n).powi(l as i32) - 1.0);
            let [vertex, error] = vertex_of(&squares, WIDTH).unwrap();
            assert!((vertex - expected).abs() < 4.0 * error, "{activation} {l}: {vertex} ± {error} for {expected}");
            assert!(error < 0.3 * expected.max(4.0), "{activation} {l}: ± {error} tells nothing of {expected}");
        }
    }
}
