//! Every measure that has a form for a device, on representations that are hard on single precision: wide, of decaying
//! variance, far from the origin, nearly alike, of low rank, sparse, tiny. What the device gives is what the CPU gives in
//! f64; what it cannot know, it must leave.

use faer::Mat;
use isogram::measure::catalogue::{Measure, measures};
use isogram::measure::compare::{Named, Place, all_pairs};

use crate::support;

/// Values without structure, roughly normal.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x >> 11) as f64 / (1u64 << 53) as f64
    }

    fn matrix(&mut self, n: usize, p: usize) -> Mat<f64> {
        Mat::from_fn(n, p, |_, _| (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0)
    }
}

fn plus(x: &Mat<f64>, y: &Mat<f64>, by: f64) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] + by * y[(i, j)])
}

fn mapped(x: &Mat<f64>, f: impl Fn(usize, f64) -> f64) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| f(j, x[(i, j)]))
}

fn beside(x: &Mat<f64>, y: &Mat<f64>) -> Mat<f64> {
    let p = x.ncols();
    Mat::from_fn(x.nrows(), p + y.ncols(), |i, j| if j < p { x[(i, j)] } else { y[(i, j - p)] })
}

fn cases() -> Vec<(&'static str, Mat<f64>, Mat<f64>)> {
    let mut noise = Noise(11);
    let mut f = |n: usize, p: usize| noise.matrix(n, p);
    let mut all = Vec::new();
    let x = f(100, 12);
    all.push(("plain", x.clone(), plus(&(&x * f(12, 9)), &f(100, 9), 0.5)));
    all.push(("wide", f(40, 70), f(40, 60)));
    let x = mapped(&f(200, 20), |j, v| v * 10f64.powf(-3.0 * j as f64 / 19.0));
    all.push(("decaying", x.clone(), plus(&(&x * f(20, 20)), &f(200, 20), 1e-3)));
    let x = f(80, 10);
    let y = plus(&mapped(&(&x * f(10, 8)), |_, v| 1e4 * v), &f(80, 8), 1.0);
    all.push(("far away", mapped(&x, |_, v| v + 1000.0), y));
    let x = f(90, 16);
    all.push(("near", x.clone(), plus(&x, &f(90, 16), 1e-4)));
    let turn = f(16, 16).qr().compute_Q();
    all.push(("near, turned", x.clone(), plus(&mapped(&(&x * &turn), |_, v| 3.0 * v), &f(90, 16), 1e-3)));
    let x = f(60, 6);
    all.push(("low rank", beside(&x, &(&x * f(6, 4))), f(60, 7)));
    let x = mapped(&f(120, 30), |_, v| v.max(0.0));
    all.push(("relu", x.clone(), mapped(&plus(&(&x * f(30, 30)), &f(120, 30), 0.3), |_, v| v.max(0.0))));
    all.push(("tiny", mapped(&f(64, 24), |_, v| 1e-4 * v), mapped(&f(64, 20), |_, v| v.abs())));
    all
}

/// Forms beside the defaults.
const MORE: [&str; 14] = [
    "cka:biased",
    "cka:rbf",
    "cka:biased:rbf",
    "cka:rbf:sigma=1",
    "cka:biased:rbf:sigma=1",
    "cka:laplace:sigma=1",
    "hsic:biased",
    "distance_correlation:biased",
    "rsa:euclidean:pearson",
    "procrustes:euclidean",
    "pwcca:mean",
    "gulp:lambda=1:squared",
    "shape:alpha=0.5:euclidean-netrep",
    "ridge_loo:alpha",
];

#[test]
fn the_device_gives_what_the_cpu_gives_or_leaves_it() {
    let measures: Vec<Measure> =
        measures().map(|e| e.name).chain(MORE).map(|name| Measure::parse(name).unwrap()).collect();
    let executors = support::executors();
    let (mut tried, mut wrong) = (0, Vec::new());
    for (case, x, y) in cases() {
        let set = [("x", x), ("y", y)].map(|(name, values)| Named { name: name.into(), values });
        let cpu = all_pairs(&set, &measures, None, &mut |_, _| {}).unwrap();
        for (place, gpu) in &executors {
            let device = all_pairs(&set, &measures, support::single(gpu.as_ref()), &mut |_, _| {}).unwrap();
            for (cpu, device) in cpu.iter().zip(&device) {
                if device.place != Place::Gpu {
                    continue;
                }
                let family = cpu.measure.split(':').next().unwrap_or("");
                let allowed = if matches!(family, "cka" | "procrustes" | "cca" | "nbs") { 1e-5 } else { 1e-4 };
                for (at, (&expected, &got)) in cpu.values().iter().zip(&device.values()).enumerate() {
                    if device.completed.contains(&(at / 2, at % 2)) {
                        continue;
                    }
                    tried += 1;
                    let off = (got - expected).abs() / expected.abs().max(1.0);
                    if off > allowed || expected.is_nan() != got.is_nan() {
                        wrong.push(format!("{} of {case}, {at}, on {place}: {got} against {expected}", cpu.measure));
                    }
                }
            }
        }
    }
    assert!(tried > 1000 * executors.len(), "{tried} values");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
