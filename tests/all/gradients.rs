//! Gradients of every differentiable node, in the middle of a graph and with an upstream that is not one: in double precision
//! against central differences, and on every machine against double precision.

use isogram::graph::{Effect, Function, Geometry, Graph, Interpreter, Tensor, VariableKind};
use isogram::kernels::matmul::Inner;
use isogram::kernels::program::{Binary, DType, Unary};
use isogram::measure::Estimator;
use isogram::measure::alignment::Alignment;
use isogram::measure::device::polar::polar;
use isogram::measure::embedding::{self, Bandwidth, Between, Centring, Embedding};
use isogram::nn::{AbsentTerms, Activation, Below, Loss, LossKind, Reduction};

use crate::support;

type Build = fn(&mut Graph, Tensor, Tensor) -> Tensor;

/// Functions of two matrices `[6, 5]` that have a gradient in at least the first.
fn cases() -> Vec<(&'static str, Build)> {
    fn activation(f: Activation) -> impl Fn(&mut Graph, Tensor) -> Tensor {
        move |g, x| f.apply_with(g, x, Below { slope: 0.2, alpha: 1.3, bounds: None }).unwrap()
    }
    macro_rules! unary {
        ($f:expr) => {
            |g, x, _| g.unary($f, x)
        };
    }
    macro_rules! positive {
        ($f:expr) => {
            |g, x, _| {
                let e = g.unary(Unary::Square, x);
                let p = g.shift(e, 0.3);
                g.unary($f, p)
            }
        };
    }
    macro_rules! act {
        ($f:expr) => {
            |g, x, _| activation($f)(g, x)
        };
    }
    vec![
        ("negate", unary!(Unary::Negate)),
        ("abs", unary!(Unary::Abs)),
        ("square", unary!(Unary::Square)),
        ("sqrt", positive!(Unary::Sqrt)),
        ("reciprocal", positive!(Unary::Reciprocal)),
        ("log", positive!(Unary::Log)),
        ("exp", unary!(Unary::Exp)),
        ("sin", unary!(Unary::Sin)),
        ("cos", unary!(Unary::Cos)),
        ("erf", unary!(Unary::Erf)),
        ("relu", act!(Activation::Relu)),
        ("leaky_relu", act!(Activation::LeakyRelu)),
        ("elu", act!(Activation::Elu)),
        ("gelu", act!(Activation::Gelu)),
        ("gelu_tanh", act!(Activation::GeluTanh)),
        ("silu", act!(Activation::Silu)),
        ("softplus", act!(Activation::Softplus)),
        ("tanh", act!(Activation::Tanh)),
        ("sigmoid", act!(Activation::Sigmoid)),
        ("square", act!(Activation::Square)),
        ("sine", act!(Activation::Sin)),
        ("clip", act!(Activation::Clip)),
        ("plus", |g, x, y| g.plus(x, y).unwrap()),
        ("minus", |g, x, y| g.minus(y, x).unwrap()),
        ("times", |g, x, y| g.times(x, y).unwrap()),
        ("over", |g, x, y| {
            let d = g.unary(Unary::Square, y);
            let d = g.shift(d, 0.5);
            g.over(x, d).unwrap()
        }),
        ("under", |g, x, y| {
            let d = g.unary(Unary::Square, x);
            let d = g.shift(d, 0.5);
            g.over(y, d).unwrap()
        }),
        ("power", |g, x, y| {
            let base = g.unary(Unary::Square, x);
            let base = g.shift(base, 0.5);
            g.binary(Binary::Pow, base, y).unwrap()
        }),
        ("squared distances", |g, x, y| g.distances(x, y, Inner::SquaredDifference).unwrap()),
        ("squared distances, turned", |g, x, y| g.distances(y, x, Inner::SquaredDifference).unwrap()),
        ("squared distances to itself", |g, x, _| g.distances(x, x, Inner::SquaredDifference).unwrap()),
        ("smaller", |g, x, y| g.binary(Binary::Min, x, y).unwrap()),
        ("larger", |g, x, y| g.binary(Binary::Max, x, y).unwrap()),
        ("select", |g, x, y| {
            let c = g.binary(Binary::Greater, y, x).unwrap();
            let two = g.scale(x, 2.0);
            g.select(c, two, y).unwrap()
        }),
        ("broadcast row", |g, x, y| {
            let row = g.mean(x, 0).unwrap();
            g.times(row, y).unwrap()
        }),
        ("broadcast column", |g, x, y| {
            let column = g.mean(x, 1).unwrap();
            g.plus(y, column).unwrap()
        }),
        ("broadcast scalar", |g, x, y| {
            let all = g.mean_all(x).unwrap();
            g.times(y, all).unwrap()
        }),
        ("max of rows", |g, x, y| {
            let top = g.max(x, 1).unwrap();
            g.times(y, top).unwrap()
        }),
        ("reshape", |g, x, y| {
            let flat = g.reshape(x, &[5, 6]).unwrap();
            g.matmul(y, flat).unwrap()
        }),
        ("transpose", |g, x, y| {
            let turned = g.transpose(x).unwrap();
            let wave = g.unary(Unary::Sin, turned);
            g.matmul(y, wave).unwrap()
        }),
        ("matmul nt", |g, x, y| g.matmul_of(x, false, y, true).unwrap()),
        ("matmul tn", |g, x, y| g.matmul_of(x, true, y, false).unwrap()),
        ("matmul nn", |g, x, y| {
            let square = g.matmul_of(y, true, x, false).unwrap();
            g.matmul(x, square).unwrap()
        }),
        ("matmul tt", |g, x, y| {
            let square = g.matmul_of(x, true, y, false).unwrap();
            g.matmul_of(square, true, x, true).unwrap()
        }),
        ("cross-entropy", |g, x, y| {
            let labels = g.data_integers(&[0, 4, 2, 2, 1, 3], &[6, 1]).unwrap();
            let logits = g.times(x, y).unwrap();
            g.cross_entropy(logits, labels).unwrap()
        }),
        ("bce", |g, x, y| {
            let target = g.unary(Unary::Sigmoid, y);
            Loss::new(LossKind::Bce, Reduction::Mean).apply(g, x, target).unwrap()
        }),
        ("bce of what is present", |g, x, y| {
            let target = g.unary(Unary::Sigmoid, y);
            let mask = g.data((0..30u8).map(|i| f32::from(i % 3 != 1)).collect(), &[6, 5]).unwrap();
            Loss { absent: AbsentTerms::LeftOut, ..Loss::new(LossKind::Bce, Reduction::Mean) }
                .masked(g, x, target, mask)
                .unwrap()
        }),
        ("mse, half of it masked", |g, x, y| {
            let mask = g.data((0..30u8).map(|i| f32::from(i % 2)).collect(), &[6, 5]).unwrap();
            Loss::new(LossKind::Mse, Reduction::Sum).masked(g, x, y, mask).unwrap()
        }),
        ("mse", |g, x, y| Loss::new(LossKind::Mse, Reduction::HalfMean).apply(g, x, y).unwrap()),
        ("cka", |g, x, y| embedding::differentiable(g, x, y, Embedding::linear(Estimator::Biased)).unwrap()),
        ("cka debiased", |g, x, y| embedding::differentiable(g, x, y, Embedding::linear(Estimator::Debiased)).unwrap()),
        ("cka of Gaussian kernels", |g, x, y| {
            let between = Between::Gaussian(Bandwidth::Fixed(1.5));
            embedding::differentiable(g, x, y, Embedding::new(between, Centring::Hsic(Estimator::Debiased))).unwrap()
        }),
        ("distance correlation", |g, x, y| {
            let e = Embedding::new(Between::Euclidean, Centring::Hsic(Estimator::Biased));
            embedding::differentiable(g, x, y, e).unwrap()
        }),
        ("correlation of RDMs", |g, x, y| {
            let e = Embedding::new(Between::Correlation, Centring::Mean);
            embedding::differentiable(g, x, y, e).unwrap()
        }),
        ("kl", |g, x, y| Alignment::parse("kl").unwrap().loss(g, x, y).unwrap()),
        ("cosine of RDMs", |g, x, y| Alignment::parse("rsa:cosine-of").unwrap().loss(g, x, y).unwrap()),
        ("procrustes, squared", |g, x, y| {
            // Below where tanh is one.
            let squared = Alignment::parse("procrustes:squared").unwrap().loss(g, x, y).unwrap();
            g.scale(squared, 0.1)
        }),
        ("procrustes, disparity", |g, x, y| Alignment::parse("procrustes:disparity").unwrap().loss(g, x, y).unwrap()),
        ("nbs", |g, x, y| Alignment::parse("nbs").unwrap().loss(g, x, y).unwrap()),
        ("windows", |g, x, y| {
            let images = g.reshape(x, &[2, 3, 1, 5]).unwrap();
            let windows = g.windows(images, geometry([1, 3], [1, 2], [0, 1])).unwrap();
            let by = g.reshape(y, &[2, 3, 1, 5]).unwrap();
            g.times(windows, by).unwrap()
        }),
        ("windows of images for each tap, and spread", |g, x, y| {
            let geometry = geometry([3, 1], [2, 1], [1, 0]);
            let images = g.reshape(x, &[1, 3, 2, 5]).unwrap();
            let windows = g.windows(images, geometry).unwrap();
            let others = g.reshape(y, &[1, 3, 2, 5]).unwrap();
            let product = g.times(windows, others).unwrap();
            g.spread(product, geometry).unwrap()
        }),
        ("convolution", |g, x, y| {
            let weight = g.reshape(y, &[3, 10]).unwrap();
            g.convolve(x, weight, geometry([1, 3], [1, 2], [0, 1])).unwrap()
        }),
        ("transposed convolution", |g, x, y| {
            let weight = g.reshape(y, &[2, 15]).unwrap();
            g.convolve_transposed(x, weight, geometry([1, 4], [1, 3], [0, 1])).unwrap()
        }),
        ("gradients of a convolution", |g, x, y| {
            let weight = g.reshape(y, &[3, 10]).unwrap();
            let made = g.convolve(x, weight, geometry([1, 3], [1, 2], [0, 1])).unwrap();
            let wave = g.unary(Unary::Sin, made);
            let sum = g.sum_all(wave).unwrap();
            let by = g.gradients(sum, &[x, weight]).unwrap();
            let by_weight = g.reshape(by[1], &[6, 5]).unwrap();
            g.times(by[0], by_weight).unwrap()
        }),
        ("transpose of several", |g, x, y| {
            let several = g.reshape(x, &[2, 3, 5]).unwrap();
            let turned = g.transpose(several).unwrap();
            let others = g.reshape(y, &[2, 5, 3]).unwrap();
            g.times(turned, others).unwrap()
        }),
        ("axes in another order", |g, x, y| {
            let four = g.reshape(x, &[3, 2, 1, 5]).unwrap();
            let turned = g.permute(four, &[3, 1, 0, 2]).unwrap();
            let others = g.reshape(y, &[5, 2, 3, 1]).unwrap();
            g.times(turned, others).unwrap()
        }),
        ("slices of rows and of columns", |g, x, y| {
            let (rows, columns) = (g.rows(x, 1, 4).unwrap(), g.slice(y, 1, 2, 3).unwrap());
            let (rows, columns) = (g.slice(rows, 1, 1, 3).unwrap(), g.rows(columns, 2, 4).unwrap());
            g.times(rows, columns).unwrap()
        }),
        ("each position, and side by side", |g, x, y| {
            let (mut parts, others) = (g.unstack(x).unwrap(), g.unstack(y).unwrap());
            parts.reverse();
            parts.truncate(5);
            let all = g.concat(&[parts, others[..2].to_vec()].concat(), 0).unwrap();
            let (all, both) = (g.reshape(all, &[5, 7]).unwrap(), g.concat(&[y, x], 1).unwrap());
            let both = g.slice(both, 1, 3, 5).unwrap();
            g.matmul(both, all).unwrap()
        }),
        ("one weight and one bias at every step", |g, x, y| {
            let (weight, bias) = (g.rows(x, 0, 5).unwrap(), g.rows(y, 0, 1).unwrap());
            let mut states = vec![g.rows(y, 1, 4).unwrap()];
            for _ in 0..4 {
                let product = g.matmul(states[states.len() - 1], weight).unwrap();
                let sum = g.plus(product, bias).unwrap();
                states.push(g.unary(Unary::Tanh, sum));
            }
            g.concat(&states[1..], 0).unwrap()
        }),
        ("zeros around columns", |g, x, y| {
            let padded = g.pad(x, 1, 5, 10).unwrap();
            let other = g.pad(y, 1, 2, 13).unwrap();
            let product = g.times(padded, other).unwrap();
            g.plus(product, other).unwrap()
        }),
        ("what is detached is a constant, here of no account", |g, x, y| {
            let still = g.detach(x);
            let nothing = g.minus(still, still).unwrap();
            let moved = g.plus(x, nothing).unwrap();
            g.times(moved, y).unwrap()
        }),
        ("products of a batch nn, nt", |g, x, y| {
            let (a, b) = (g.reshape(x, &[3, 2, 5]).unwrap(), g.reshape(y, &[3, 2, 5]).unwrap());
            let scores = g.matmul_of(a, false, b, true).unwrap();
            g.matmul(scores, b).unwrap()
        }),
        ("products of a batch tn, tt", |g, x, y| {
            let (a, b) = (g.reshape(x, &[3, 2, 5]).unwrap(), g.reshape(y, &[3, 2, 5]).unwrap());
            let square = g.matmul_of(a, true, b, false).unwrap();
            g.matmul_of(square, true, a, true).unwrap()
        }),
        ("polar factor", |g, x, y| {
            let cross = g.matmul_of(x, true, y, false).unwrap();
            polar(g, cross).unwrap()
        }),
    ]
}

/// Windows as they stand, with so many positions before the image and none after.
fn geometry(image: [usize; 2], kernel: [usize; 2], before: [usize; 2]) -> Geometry {
    Geometry { image, kernel, stride: [1; 2], dilation: [1; 2], before, after: [0; 2] }
}

/// `<windows(x), u> = <x, sum of spread(u)>` in whole numbers, so that all is exact.
#[test]
fn spread_is_the_adjoint_of_windows() {
    let cases = [
        Geometry { stride: [2, 1], after: [1, 0], ..geometry([5, 4], [3, 2], [1, 1]) },
        Geometry { dilation: [2, 1], stride: [1, 3], ..geometry([6, 5], [2, 3], [0, 2]) },
        Geometry { stride: [3, 2], ..geometry([7, 6], [2, 1], [0, 0]) },
        Geometry { after: [3, 3], ..geometry([2, 2], [4, 4], [3, 2]) },
    ];
    for geometry in cases {
        let mut g = Graph::new();
        let whole = |seed, count: usize| inputs(seed, count).iter().map(|x| (x * 40.0).round()).collect::<Vec<f32>>();
        let ([h, w], windows) = (geometry.image, geometry.windows().unwrap());
        let (count, taps) = (windows[0] * windows[1], geometry.kernel[0] * geometry.kernel[1]);
        let x = g.data(whole(1, 2 * h * w * 3), &[2, h * w, 1, 3]).unwrap();
        let u = g.data(whole(2, 2 * count * taps * 3), &[2, count, taps, 3]).unwrap();
        let (seen, spread) = (g.windows(x, geometry).unwrap(), g.spread(u, geometry).unwrap());
        let back = g.sum(spread, 2).unwrap();
        let [left, right] = [(seen, u), (x, back)].map(|(a, b)| {
            let product = g.times(a, b).unwrap();
            g.sum_all(product).unwrap()
        });
        let outputs = [("left", left), ("right", right)].map(|(name, t)| Effect::Output(name.into(), t));
        let functions = [Function::new("f", outputs.to_vec())];
        let mut interpreter = support::interpreter(&g, &functions, 1);
        interpreter.run("f", 1).unwrap();
        let exact = interpreter.read_output("left").unwrap();
        assert!(exact[0] != 0.0 && exact == interpreter.read_output("right").unwrap(), "{geometry:?}");
        for (name, mut machine) in support::machines(&g, &functions, 1) {
            machine.run("f", 1).unwrap();
            for output in ["left", "right"] {
                let got = machine.read_output(output).unwrap();
                assert_eq!(support::wide(&got), exact, "{geometry:?} {output} on {name}");
            }
        }
    }
}

/// Evenly spaced values in a random order: no two closer than the steps of the differences, and none near a kink.
fn inputs(seed: u32, count: usize) -> Vec<f32> {
    let n = count as u32;
    let offset = if seed.is_multiple_of(2) { 0.25 } else { 0.7 };
    let place = |i| isogram::kernels::random::permuted(seed, 77, 0, i, n) as f32 + offset;
    (0..n).map(|i| 2.4 * place(i) / n as f32 - 1.2).collect()
}

/// `sum(weights * tail(case(head(x), head(y))))`: the case stands between other nodes.
fn build(case: Build) -> (Graph, Vec<Function>) {
    let mut g = Graph::new();
    let x = g.variable("x", &[6, 5], DType::F32, VariableKind::State).unwrap();
    let y = g.variable("y", &[6, 5], DType::F32, VariableKind::State).unwrap();
    let head = |g: &mut Graph, t| {
        let scaled = g.scale(t, 1.1);
        g.shift(scaled, 0.05)
    };
    let (hx, hy) = (head(&mut g, x), head(&mut g, y));
    let middle = case(&mut g, hx, hy);
    let tail = g.unary(Unary::Tanh, middle);
    let shape = g.shape(tail).extents().to_vec();
    let weights = g.data(inputs(5, shape.iter().product()), &shape).unwrap();
    let weighted = g.times(tail, weights).unwrap();
    let value = g.sum_all(weighted).unwrap();
    let upstream = g.constant(1.7);
    let gradients = g.gradients_from(value, upstream, &[x, y]).unwrap();
    // Of the case without its tail.
    let bare = g.gradients_from(middle, weights, &[x, y]).unwrap();
    let functions = vec![
        Function::new("value", vec![Effect::Output("value".into(), value)]),
        Function::new(
            "gradients",
            vec![Effect::Output("dx".into(), gradients[0]), Effect::Output("dy".into(), gradients[1])],
        ),
        Function::new(
            "bare",
            vec![Effect::Output("bare dx".into(), bare[0]), Effect::Output("bare dy".into(), bare[1])],
        ),
    ];
    (g, functions)
}

const REPLICAS: usize = 2;

/// Half of the step of central differences. What they leave out is a sixth of its square times a third derivative, about
/// 1e-10; what they lose is the rounding of two values of about one, over the step, about 1e-11.
const STEP: f64 = 1e-5;

/// Central differences of `value` with respect to each of two inputs, times the upstream of 1.7.
fn differences(interpreter: &mut Interpreter, inputs: [&[f64]; 2]) -> [Vec<f64>; 2] {
    let mut at = |which: usize, i: usize, delta: f64| {
        for (w, (name, values)) in ["x", "y"].into_iter().zip(inputs).enumerate() {
            let mut values = values.to_vec();
            if w == which {
                values[i] += delta;
            }
            interpreter.write_variable(name, &values).unwrap();
        }
        interpreter.run("value", 1).unwrap();
        interpreter.read_output("value").unwrap()[i / 30]
    };
    [0, 1].map(|which| {
        let of = |i: usize| {
            let (up, down) = (inputs[which][i] + STEP, inputs[which][i] - STEP);
            1.7 * (at(which, i, STEP) - at(which, i, -STEP)) / (up - down)
        };
        (0..30 * REPLICAS).map(of).collect()
    })
}

/// An output of each replica, also where it is zero whatever the replica and so one for all.
fn of_all<T: Copy>(values: Vec<T>) -> Vec<T> {
    if values.len() == 30 { values.repeat(REPLICAS) } else { values }
}

#[test]
fn gradients_agree_with_central_differences() {
    let (xs, ys) = (inputs(1, 30 * REPLICAS), inputs(2, 30 * REPLICAS));
    let (wide_xs, wide_ys) = (support::wide(&xs), support::wide(&ys));
    for (name, case) in cases() {
        let (g, functions) = build(case);
        let mut interpreter = support::interpreter(&g, &functions, REPLICAS);
        let expected = differences(&mut interpreter, [&wide_xs, &wide_ys]);
        interpreter.write_variable("x", &wide_xs).unwrap();
        interpreter.write_variable("y", &wide_ys).unwrap();
        interpreter.run("gradients", 1).unwrap();
        interpreter.run("bare", 1).unwrap();
        let exact = ["dx", "dy"].map(|output| of_all(interpreter.read_output(output).unwrap()));
        let bare = ["bare dx", "bare dy"].map(|output| largest(&interpreter.read_output(output).unwrap()));
        for (exact, expected) in exact.iter().zip(&expected) {
            // Kinks (|x|, ReLU, maxima) within a step of an input spoil a difference, not the gradient: none here.
            let off: Vec<f64> = exact.iter().zip(expected).map(|(x, e)| x - e).collect();
            let (off, scale) = (largest(&off), largest(expected));
            assert!(off <= 2e-8 * scale + 1e-10, "{name}: {:.2e} of the scale {scale:.2e}", off / scale);
        }
        for (machine_name, mut machine) in support::machines(&g, &functions[..2], REPLICAS) {
            machine.write_variable("x", &xs).unwrap();
            machine.write_variable("y", &ys).unwrap();
            machine.run("gradients", 1).unwrap();
            for (which, output) in ["dx", "dy"].into_iter().enumerate() {
                let got = of_all(machine.read_output(output).unwrap());
                let what = format!("{name} {output} on {machine_name}");
                support::close(&what, &got, &expected[which], 2e-3);
                // The slope of tanh has the error of a rounding of 1, however small it is itself: it counts where the case
                // without its tail has its scale. What comes together in one element, products and sums of some thirty
                // terms one after the other, is within so many roundings.
                let scale = largest(&exact[which]).max(1.7 * bare[which]);
                let rounding = ROUNDINGS * f64::from(f32::EPSILON) * scale;
                support::within(&what, &got, &exact[which], |_| rounding);
            }
        }
    }
}

/// Roundings of single precision by which a gradient may be off.
const ROUNDINGS: f64 = 32.0;

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(1e-30, |m, x| m.max(x.abs()))
}

#[test]
fn nothing_goes_through_what_is_detached() {
    let mut g = Graph::new();
    let x = g.variable("x", &[6, 5], DType::F32, VariableKind::State).unwrap();
    let still = g.detach(x);
    let product = g.times(x, still).unwrap();
    let value = g.sum_all(product).unwrap();
    let gradient = g.gradients(value, &[x]).unwrap()[0];
    let functions = [Function::new("f", vec![Effect::Output("gradient".into(), gradient)])];
    for (machine_name, mut machine) in support::machines(&g, &functions, 1) {
        machine.write_variable("x", &inputs(1, 30)).unwrap();
        machine.run("f", 1).unwrap();
        assert_eq!(machine.read_output("gradient").unwrap(), inputs(1, 30), "{machine_name}");
    }
}

/// Of odd extents and of multiples of four, of few rows and of more than a tile, either factor turned.
#[test]
fn a_product_of_a_batch_has_the_bits_of_the_product_alone() {
    for [m, k, n] in [[5, 7, 3], [16, 16, 16], [1, 8, 40], [70, 12, 20], [33, 300, 9]] {
        let mut g = Graph::new();
        let (a, b) = (inputs(1, 4 * m * k), inputs(2, 4 * k * n));
        let mut outputs = Vec::new();
        for (turned_a, turned_b) in [(false, false), (false, true), (true, false), (true, true)] {
            let (ra, ca) = if turned_a { (k, m) } else { (m, k) };
            let (rb, cb) = if turned_b { (n, k) } else { (k, n) };
            let all_a = g.data(a.clone(), &[4, ra, ca]).unwrap();
            let all_b = g.data(b.clone(), &[4, rb, cb]).unwrap();
            let all = g.matmul_of(all_a, turned_a, all_b, turned_b).unwrap();
            outputs.push((format!("all {turned_a} {turned_b}"), all));
            for i in 0..4 {
                let one = |g: &mut Graph, x, rows, columns| {
                    let x = g.slice(x, 0, i, 1).unwrap();
                    g.reshape(x, &[rows, columns]).unwrap()
                };
                let (one_a, one_b) = (one(&mut g, all_a, ra, ca), one(&mut g, all_b, rb, cb));
                let product = g.matmul_of(one_a, turned_a, one_b, turned_b).unwrap();
                outputs.push((format!("{i} {turned_a} {turned_b}"), product));
            }
        }
        let effects = outputs.iter().map(|(name, t)| Effect::Output(name.clone(), *t)).collect();
        for (machine_name, mut machine) in support::machines(&g, &[Function::new("f", effects)], 1) {
            machine.run("f", 1).unwrap();
            let mut read =
                |name: &str| machine.read_output(name).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            for of in outputs.chunks(5) {
                let alone: Vec<u32> = of[1..].iter().flat_map(|(name, _)| read(name)).collect();
                assert!(read(&of[0].0) == alone, "{m} {k} {n} {} on {machine_name}", of[0].0);
            }
        }
    }
}

#[test]
fn operations_without_a_gradient_say_so() {
    let mut g = Graph::new();
    let x = g.variable("x", &[6, 5], DType::F32, VariableKind::State).unwrap();
    let rows = g.data_integers(&[1, 2], &[2, 1]).unwrap();
    let some = g.gather(x, rows).unwrap();
    let value = g.sum_all(some).unwrap();
    let error = g.gradients(value, &[x]).unwrap_err().to_string();
    assert!(error.contains("has no gradient"), "{error}");
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let mut g = Graph::new();
    let x = g.variable("left", &[6, 5], DType::F32, VariableKind::State).unwrap();
    let y = g.variable("right", &[4, 3], DType::F32, VariableKind::State).unwrap();
    for error in [g.matmul(x, y).unwrap_err(), g.plus(x, y).unwrap_err()] {
        let text = error.to_string();
        assert!(["`left`", "`right`", "[6, 5]", "[4, 3]"].iter().all(|part| text.contains(part)), "{text}");
    }
}

/// Arguments at which digits are lost if anywhere.
const FAR: [f64; 12] = [-50.0, -20.0, -12.0, -8.0, -3.0, -0.5, 0.0, 0.7, 8.0, 12.0, 20.0, 50.0];

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// A function of one argument: its name, its nodes, its value and derivative, and what the derivative may be off by, relative
/// to itself and in all.
type Far = (&'static str, Build, fn(f64) -> f64, fn(f64) -> f64, [f64; 2]);

#[test]
fn values_and_derivatives_keep_their_digits_far_from_zero() {
    fn bce(g: &mut Graph, z: Tensor, target: f32) -> Tensor {
        let target = g.constant(target);
        let shape = g.shape(z).extents().to_vec();
        let target = g.broadcast(target, &shape).unwrap();
        let terms = FAR.len() as f32;
        let mean = Loss::new(LossKind::Bce, Reduction::Mean).apply(g, z, target).unwrap();
        g.scale(mean, terms)
    }
    const ELU: f64 = 1.25;
    let relative = [3e-5, 0.0];
    let functions: [Far; 9] = [
        ("softplus", |g, x, _| g.unary(Unary::Softplus, x), softplus, logistic, relative),
        (
            "elu",
            |g, x, _| Activation::Elu.apply_with(g, x, Below { alpha: 1.25, ..Below::default() }).unwrap(),
            |x| if x > 0.0 { x } else { ELU * x.exp_m1() },
            |x| if x > 0.0 { 1.0 } else { ELU * x.exp() },
            relative,
        ),
        // These two near their upper ends, and tanh at both, as exact as a rounding of 1.
        ("logistic", |g, x, _| g.unary(Unary::Sigmoid, x), logistic, |x| logistic(x) * logistic(-x), [3e-5, 1e-7]),
        ("tanh", |g, x, _| g.unary(Unary::Tanh, x), f64::tanh, |x| x.cosh().powi(-2), [3e-5, 3e-7]),
        (
            "silu",
            |g, x, _| Activation::Silu.apply(g, x).unwrap(),
            |x| x * logistic(x),
            |x| logistic(x) * (1.0 + x * logistic(-x)),
            [3e-5, 1e-6],
        ),
        (
            "gelu_tanh",
            |g, x, _| Activation::GeluTanh.apply(g, x).unwrap(),
            |x| 0.5 * x * (1.0 + (SCALE * (x + 0.044_715 * x.powi(3))).tanh()),
            |x| {
                let t = (SCALE * (x + 0.044_715 * x.powi(3))).tanh();
                0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * SCALE * (1.0 + 3.0 * 0.044_715 * x * x)
            },
            [3e-5, 1e-5],
        ),
        ("bce of 0", |g, z, _| bce(g, z, 0.0), softplus, logistic, relative),
        ("bce of 1", |g, z, _| bce(g, z, 1.0), |z| softplus(-z), |z| -logistic(-z), relative),
        (
            "bce of a half",
            |g, z, _| bce(g, z, 0.5),
            |z| 0.5 * (softplus(z) + softplus(-z)),
            |z| logistic(z) - 0.5,
            [3e-5, 1e-7],
        ),
    ];
    let xs: Vec<f32> = FAR.iter().map(|x| *x as f32).collect();
    for (name, build, value, derivative, [of_itself, in_all]) in functions {
        let mut g = Graph::new();
        let x = g.variable("x", &[FAR.len(), 1], DType::F32, VariableKind::State).unwrap();
        let y = build(&mut g, x, x);
        // A loss gives one number for all.
        let whole = g.shape(y).elements() == 1;
        let sum = g.sum_all(y).unwrap();
        let gradient = g.gradients(sum, &[x]).unwrap()[0];
        let effects = vec![Effect::Output("y".into(), y), Effect::Output("dy".into(), gradient)];
        for (machine_name, mut machine) in support::machines(&g, &[Function::new("run", effects)], 1) {
            machine.write_variable("x", &xs).unwrap();
            machine.run("run", 1).unwrap();
            let (ys, slopes) = (machine.read_output("y").unwrap(), machine.read_output("dy").unwrap());
            for (i, &x) in FAR.iter().enumerate() {
                let (got, expected) = (f64::from(slopes[i]), derivative(x));
                let allowed = of_itself * expected.abs() + in_all;
                assert!((got - expected).abs() <= allowed, "{name}'({x}): {got:e} for {expected:e} on {machine_name}");
                let (got, expected) = (f64::from(ys[if whole { 0 } else { i }]), value(x));
                if !whole {
                    let allowed = of_itself * expected.abs() + in_all;
                    assert!(
                        (got - expected).abs() <= allowed,
                        "{name}({x}): {got:e} for {expected:e} on {machine_name}"
                    );
                }
            }
        }
    }
}

const SCALE: f64 = 0.797_884_560_802_865_4;

#[test]
fn losses_far_below_one_keep_their_digits() {
    // One example each: how sure a network is of the right class, or of a wrong one, of three.
    for margin in [-20.0f32, -3.0, 0.0, 3.0, 12.0, 17.0, 20.0, 50.0] {
        let mut g = Graph::new();
        let z = g.variable("z", &[2, 3], DType::F32, VariableKind::State).unwrap();
        let labels = g.data_integers(&[0, 2], &[2, 1]).unwrap();
        let rows = g.cross_entropy(z, labels).unwrap();
        let loss = g.sum_all(rows).unwrap();
        let classes = g.gradients(loss, &[z]).unwrap()[0];
        let one = g.variable("one", &[1, 1], DType::F32, VariableKind::State).unwrap();
        let target = g.constant(1.0);
        let target = g.broadcast(target, &[1, 1]).unwrap();
        let binary = Loss::new(LossKind::Bce, Reduction::Mean).apply(&mut g, one, target).unwrap();
        let effects = vec![
            Effect::Output("rows".into(), rows),
            Effect::Output("classes".into(), classes),
            Effect::Output("binary".into(), binary),
        ];
        // Of exp(-margin) for each of two other classes; the second example is of a class that stands behind by as much.
        let others = 2.0 * (-f64::from(margin)).exp();
        let first = [others.ln_1p(), -others / (1.0 + others), 0.5 * others / (1.0 + others)];
        for (name, mut machine) in support::machines(&g, &[Function::new("run", effects)], 1) {
            machine.write_variable("z", &[margin, 0.0, 0.0, -0.5, -0.5, margin - 0.5]).unwrap();
            machine.write_variable("one", &[margin]).unwrap();
            machine.run("run", 1).unwrap();
            let close = |what: &str, got: f32, expected: f64| {
                let allowed = 3e-5 * expected.abs();
                assert!(
                    (f64::from(got) - expected).abs() <= allowed,
                    "{what} at {margin}: {got:e} for {expected:e} on {name}"
                );
            };
            let (rows, classes) = (machine.read_output("rows").unwrap(), machine.read_output("classes").unwrap());
            for (row, [label, other]) in [[0, 1], [2, 0]].into_iter().enumerate() {
                close("cross-entropy", rows[row], first[0]);
                close("its gradient", classes[3 * row + label], first[1]);
                close("its gradient elsewhere", classes[3 * row + other], first[2]);
            }
            close("bce", machine.read_output("binary").unwrap()[0], softplus(-f64::from(margin)));
        }
    }
}
