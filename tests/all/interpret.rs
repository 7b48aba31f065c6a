//! The interpreter against closed forms, known answers and arithmetic by hand, with none of the project's own functions.

use isogram::graph::{Effect, Function, Graph, Interpreter, Machine, REPLICAS, Tensor, VariableKind, lower};
use isogram::kernels::exact::product;
use isogram::kernels::matmul::{Inner, Precision};
use isogram::kernels::program::{Binary, DType, Distribution, Draw, Unary};
use isogram::kernels::sort::Ties;

use crate::support;

/// A variable of floats.
fn float(g: &mut Graph, name: &str, shape: &[usize]) -> Tensor {
    g.variable(name, shape, DType::F32, VariableKind::State).unwrap()
}

/// Runs a program of one function once and reads its outputs, which are numbered.
fn run<const N: usize>(g: Graph, replicas: usize, set: &[(&str, &[f64])], outputs: [Tensor; N]) -> [Vec<f64>; N] {
    let effects = outputs.iter().enumerate().map(|(n, t)| Effect::Output(n.to_string(), *t)).collect();
    let mut interpreter = Interpreter::new(g, [Function::new("run", effects)], replicas).unwrap();
    for (name, values) in set {
        interpreter.write_variable(name, values).unwrap();
    }
    interpreter.run("run", 1).unwrap();
    std::array::from_fn(|n| interpreter.read_output(&n.to_string()).unwrap())
}

#[test]
fn a_network_of_two_layers_has_the_loss_and_gradients_worked_out_by_hand() {
    // Two examples, (1, 2) for 2 and (-1, 3) for 0. Of the first the hidden units are max(0, 1 - 2 + 1/2) = 0 and
    // max(0, 2 + 2 - 3) = 1, so the output is -2 + 1 = -1; of the second both are 0 and the output is 1. Half the mean of the
    // squares of -3 and 1 is 2.5. Its slopes with respect to the outputs are -1.5 and 0.5; only the second hidden unit of
    // the first example lets one through, -1.5 times -2.
    let mut g = Graph::new();
    let parameters = [("w1", [2, 2]), ("b1", [1, 2]), ("w2", [1, 2]), ("b2", [1, 1])]
        .map(|(name, shape)| g.variable(name, &shape, DType::F32, VariableKind::Parameter).unwrap());
    let [w1, b1, w2, b2] = parameters;
    let x = g.data(vec![1.0, 2.0, -1.0, 3.0], &[2, 2]).unwrap();
    let target = g.data(vec![2.0, 0.0], &[2, 1]).unwrap();
    let z = g.matmul_of(x, false, w1, true).unwrap();
    let z = g.plus(z, b1).unwrap();
    let h = g.unary(Unary::Relu, z);
    let y = g.matmul_of(h, false, w2, true).unwrap();
    let y = g.plus(y, b2).unwrap();
    let off = g.minus(y, target).unwrap();
    let squares = g.unary(Unary::Square, off);
    let mean = g.mean_all(squares).unwrap();
    let loss = g.scale(mean, 0.5);
    let gradients = g.gradients(loss, &parameters).unwrap();
    let set: [(&str, &[f64]); 4] =
        [("w1", &[1.0, -1.0, 2.0, 1.0]), ("b1", &[0.5, -3.0]), ("w2", &[3.0, -2.0]), ("b2", &[1.0])];
    let got = run(g, 1, &set, [y, loss, gradients[0], gradients[1], gradients[2], gradients[3]]);
    let by_hand: [&[f64]; 6] = [&[-1.0, 1.0], &[2.5], &[0.0, 0.0, 3.0, 6.0], &[0.0, 3.0], &[0.0, -1.5], &[-1.0]];
    assert_eq!(got, by_hand);
}

#[test]
fn cross_entropy_is_the_logarithm_of_a_share() {
    // Shares 1/4 and 3/4; 1/3 each; and one that is nearly all, of which the loss keeps its digits.
    let mut g = Graph::new();
    let z = float(&mut g, "z", &[4, 3]);
    let labels = g.data_integers(&[0, 2, 1, 7], &[4, 1]).unwrap();
    let rows = g.cross_entropy(z, labels).unwrap();
    let total = g.sum_all(rows).unwrap();
    let (correct, slopes) = (g.correct(z, labels).unwrap(), g.gradients(total, &[z]).unwrap()[0]);
    let far = -1e3;
    let z_values = [0.0, 3f64.ln(), far, 5.0, 5.0, 5.0, 0.0, 40.0, far, 0.0, 0.0, 0.0];
    let [rows, correct, slopes] = run(g, 1, &[("z", &z_values)], [rows, correct, slopes]);
    let small = (-40f64).exp().ln_1p();
    for (got, expected) in rows.iter().zip([4f64.ln(), 3f64.ln(), small]) {
        assert!((got - expected).abs() <= 1e-15 * expected, "{got:e} for {expected:e}");
    }
    assert!(rows[3].is_nan(), "a label of no class has no loss");
    assert_eq!(correct, [0.0, 0.0, 1.0, 0.0]);
    let third = 1.0 / 3.0;
    let expected = [-0.75, 0.75, 0.0, third, third, third - 1.0, (-40f64).exp(), -(-40f64).exp(), 0.0];
    for (got, expected) in slopes.iter().zip(expected) {
        assert!((got - expected).abs() <= 2e-16 + 1e-15 * f64::abs(expected), "{got:e} for {expected:e}");
    }
}

#[test]
fn functions_of_one_value_are_those_of_mathematics() {
    let mut g = Graph::new();
    let x = float(&mut g, "x", &[1, 5]);
    let slope = 0.25f32.to_bits();
    let functions = [
        Unary::Negate,
        Unary::Abs,
        Unary::Sign,
        Unary::Square,
        Unary::Floor,
        Unary::Leaky(slope),
        Unary::Relu,
        Unary::Elu(slope),
        Unary::Softplus,
        Unary::Sigmoid,
        Unary::Tanh,
        Unary::Erf,
        Unary::IsFinite,
        Unary::ToInteger,
    ];
    let outputs = functions.map(|f| g.unary(f, x));
    let values = [-1.5, 0.0, 2.5, f64::NEG_INFINITY, f64::NAN];
    let got = run(g, 1, &[("x", &values)], outputs);
    let (e, nan, inf) = (std::f64::consts::E, f64::NAN, f64::INFINITY);
    let expected: [[f64; 5]; 14] = [
        [1.5, 0.0, -2.5, inf, nan],
        [1.5, 0.0, 2.5, inf, nan],
        [-1.0, 0.0, 1.0, -1.0, 0.0],
        [2.25, 0.0, 6.25, inf, nan],
        [-2.0, 0.0, 2.0, -inf, nan],
        [-0.375, 0.0, 2.5, -inf, nan],
        [0.0, 0.0, 2.5, 0.0, nan],
        [0.25 * (e.powf(-1.5) - 1.0), 0.0, 2.5, -0.25, nan],
        [(1.0 + e.powf(-1.5)).ln(), 2f64.ln(), (1.0 + e.powf(2.5)).ln(), 0.0, nan],
        [1.0 / (1.0 + e.powf(1.5)), 0.5, 1.0 / (1.0 + e.powf(-2.5)), 0.0, nan],
        [(e.powi(-3) - 1.0) / (e.powi(-3) + 1.0), 0.0, (e.powi(5) - 1.0) / (e.powi(5) + 1.0), -1.0, nan],
        // Tabulated.
        [-0.966_105_146_475_310_7, 0.0, 0.999_593_047_982_555, -1.0, nan],
        [1.0, 1.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 2.0, 0.0, 0.0],
    ];
    for ((f, got), expected) in functions.iter().zip(&got).zip(expected) {
        for (got, expected) in got.iter().zip(expected) {
            let same = got == &expected || got.is_nan() && expected.is_nan();
            assert!(same || (got - expected).abs() <= 1e-15, "{f:?}: {got:e} for {expected:e}");
        }
    }
}

#[test]
fn constants_keep_the_digits_that_kernels_round() {
    let mut g = Graph::new();
    let (tenth, third, word) = (g.constant(0.1), g.number(1.0 / 3.0), g.integer(u32::MAX));
    let word = g.unary(Unary::ToFloat, word);
    let ten = g.data(vec![1.0; 10], &[10, 1]).unwrap();
    let mean = g.mean_all(ten).unwrap();
    let effects = [("tenth", tenth), ("third", third), ("mean", mean)];
    let functions = [Function::new("run", effects.map(|(name, t)| Effect::Output(name.into(), t)).to_vec())];
    let plan = lower(&g, &functions, 1, &isogram::gpu::Profile::processor()).unwrap();
    let mut machine = Machine::new(None, plan).unwrap();
    machine.run("run", 1).unwrap();
    assert_eq!(machine.read_output("tenth").unwrap(), [0.1f32]);
    assert_eq!(machine.read_output("third").unwrap(), [1.0f32 / 3.0]);
    let [tenth, third, word, mean] = run(g, 1, &[], [tenth, third, word, mean]);
    assert_eq!([tenth[0], third[0], word[0], mean[0]], [0.1, 1.0 / 3.0, 4_294_967_295.0, 1.0]);
}

#[test]
fn tensors_are_broadcast_turned_cut_and_gathered() {
    let mut g = Graph::new();
    let (x, row) = (float(&mut g, "x", &[2, 3]), float(&mut g, "row", &[1, 3]));
    let column = g.sum(x, 1).unwrap();
    let sum = g.plus(row, column).unwrap();
    let turned = g.transpose(x).unwrap();
    let last = g.rows(x, 1, 1).unwrap();
    let flat = g.reshape(x, &[3, 2]).unwrap();
    let places = g.data_integers(&[1, 1, 0], &[3, 1]).unwrap();
    let taken = g.gather(x, places).unwrap();
    let (of_row, of_column) = (g.row_index(&[2, 2]), g.column_index(&[2, 2]));
    let top = g.max(x, 0).unwrap();
    let all = g.sum_all(x).unwrap();
    let whole = g.broadcast(column, &[2, 2]).unwrap();
    let picked = g.binary(Binary::Greater, x, row).unwrap();
    let chosen = g.select(picked, x, column).unwrap();
    let outputs = [sum, turned, last, flat, taken, of_row, of_column, top, all, whole, chosen];
    let got = run(g, 1, &[("x", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), ("row", &[10.0, 0.0, 4.5])], outputs);
    let expected: [&[f64]; 11] = [
        &[16.0, 6.0, 10.5, 25.0, 15.0, 19.5],
        &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
        &[4.0, 5.0, 6.0],
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        &[4.0, 5.0, 6.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0],
        &[0.0, 0.0, 1.0, 1.0],
        &[0.0, 1.0, 0.0, 1.0],
        &[4.0, 5.0, 6.0],
        &[21.0],
        &[6.0, 6.0, 15.0, 15.0],
        &[6.0, 2.0, 6.0, 15.0, 5.0, 6.0],
    ];
    assert_eq!(got, expected);
}

#[test]
fn products_and_distances_are_those_of_the_definition() {
    let mut g = Graph::new();
    let (a, b) = (float(&mut g, "a", &[2, 3]), float(&mut g, "b", &[2, 3]));
    let nt = g.matmul_of(a, false, b, true).unwrap();
    let tn = g.matmul_of(a, true, b, false).unwrap();
    let turned = g.transpose(b).unwrap();
    let nn = g.matmul(a, turned).unwrap();
    let tt = g.matmul_of(a, true, turned, true).unwrap();
    let squared = g.distances(a, b, Inner::SquaredDifference).unwrap();
    let absolute = g.distances(a, b, Inner::AbsoluteDifference).unwrap();
    let (av, bv) = ([1.0, 2.0, 3.0, -4.0, 5.0, 0.5], [2.0, 0.0, -1.0, 1.0, 1.0, 4.0]);
    let got = run(g, 1, &[("a", &av), ("b", &bv)], [nt, nn, tn, tt, squared, absolute]);
    let rows = [-1.0, 15.0, -8.5, 3.0];
    let columns = [-2.0, -4.0, -17.0, 9.0, 5.0, 18.0, 6.5, 0.5, -1.0];
    assert_eq!(got[0], rows);
    assert_eq!(got[1], rows);
    assert_eq!(got[2], columns);
    assert_eq!(got[3], columns);
    assert_eq!(got[4], [1.0 + 4.0 + 16.0, 1.0 + 1.0, 36.0 + 25.0 + 2.25, 25.0 + 16.0 + 12.25]);
    assert_eq!(got[5], [1.0 + 2.0 + 4.0, 2.0, 6.0 + 5.0 + 1.5, 5.0 + 4.0 + 3.5]);
}

#[test]
fn factors_of_half_precision_are_rounded_before_they_are_multiplied() {
    // Of 2^-11 above one and of the smallest numbers nothing is left; 3 x 2^-11 goes to the even neighbour.
    let mut g = Graph::new();
    g.set_precision(Precision::Half);
    let (a, b) = (float(&mut g, "a", &[4, 1]), float(&mut g, "b", &[1, 1]));
    let product = g.matmul(a, b).unwrap();
    let small = 2f64.powi(-11);
    let a = [1.0 + small, 1.0 + 3.0 * small, small.powi(2), 1e6];
    let [got] = run(g, 1, &[("a", &a), ("b", &[3.0])], [product]);
    assert_eq!(got, [3.0, 3.0 * (1.0 + 4.0 * small), 0.0, f64::INFINITY]);
}

#[test]
fn an_orthonormal_factor_is_that_of_gram_and_schmidt() {
    let mut g = Graph::new();
    let (tall, flat) = (float(&mut g, "tall", &[2, 2]), float(&mut g, "flat", &[1, 2]));
    let (q, row) = (g.orthogonal(tall).unwrap(), g.orthogonal(flat).unwrap());
    let [q, row] = run(g, 1, &[("tall", &[3.0, 0.0, 4.0, 5.0]), ("flat", &[5.0, -12.0])], [q, row]);
    for (got, expected) in q.iter().chain(&row).zip([0.6, -0.8, 0.8, 0.6, 5.0 / 13.0, -12.0 / 13.0]) {
        assert!((got - expected).abs() < 1e-15, "{got} for {expected}");
    }
}

#[test]
fn random_numbers_come_from_the_published_words_of_threefry() {
    // Random123's known answers for threefry2x32 with 20 rounds, of the key zero and of digits of pi.
    let (first, second) = (0x6b20_0159u32, 0x99ba_4efeu32);
    let mut g = Graph::new();
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let zero = g.integer(0);
    let uniform = g.random(Distribution::Uniform, &[1, 1], seed, zero, zero);
    let normal = g.random(Distribution::Normal, &[1, 1], seed, zero, zero);
    let of_zero = [uniform, normal];
    let (purpose, step) = (g.integer(0x0370_7344), g.integer(0x243f_6a88));
    let (place, count) = (g.integer(0x85a3_08d3), g.integer(1_000_003));
    let pi = g.integer(0x1319_8a2e);
    let chosen = g.choice(place, count, [pi, purpose, step]).unwrap();
    let examples = g.integer(1000);
    let drawn = g.draw(Draw::Replacement, examples, 1, seed, zero, zero);
    let [uniform, normal, chosen, drawn] = run(g, 1, &[("seed", &[0.0])], [of_zero[0], of_zero[1], chosen, drawn]);
    let unit = |word: u32| f64::from(word >> 8) / 2f64.powi(24);
    assert_eq!(uniform, [unit(first)]);
    let expected =
        (-2.0 * (unit(first) + 2f64.powi(-24)).ln()).sqrt() * (2.0 * std::f64::consts::PI * unit(second)).cos();
    assert!((normal[0] - expected).abs() < 1e-15, "{normal:?} for {expected}");
    assert_eq!(chosen, [f64::from(0xc492_3a9cu32 % 1_000_003)]);
    assert_eq!(drawn, [f64::from(first % 1000)]);
}

#[test]
fn draws_take_every_place_once_and_distributions_have_their_moments() {
    let mut g = Graph::new();
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let purpose = g.purpose("moments");
    // Epochs of 37 in batches of 37, and 50 places of which a permutation takes each.
    let examples = g.integer(37);
    let batch = g.draw(Draw::Shuffled, examples, 37, seed, purpose, step);
    let column = g.column_index(&[1, 50]);
    let (places, count) = (g.unary(Unary::ToInteger, column), g.integer(50));
    let placed = g.permutation(places, count, [seed, purpose, step]).unwrap();
    let values = [Distribution::Uniform, Distribution::Normal, Distribution::TruncatedNormal]
        .map(|d| g.random(d, &[200, 500], seed, purpose, step));
    let set: [(&str, &[f64]); 2] = [("seed", &[11.0]), ("step", &[3.0])];
    let [batch, placed, uniform, normal, truncated] = run(g, 1, &set, [batch, placed, values[0], values[1], values[2]]);
    for (mut drawn, count) in [(batch, 37), (placed, 50)] {
        assert!(drawn.windows(2).any(|w| w[0] > w[1]), "the order is not the old one");
        drawn.sort_by(f64::total_cmp);
        assert_eq!(drawn, (0..count).map(f64::from).collect::<Vec<_>>());
    }
    assert!(truncated.iter().all(|x| x.abs() <= 2.0) && normal.iter().any(|x| x.abs() > 2.0));
    for (values, mean, deviation) in
        [(uniform, 0.5, (1.0f64 / 12.0).sqrt()), (normal, 0.0, 1.0), (truncated, 0.0, 0.879_625_66)]
    {
        let n = values.len() as f64;
        let m = values.iter().sum::<f64>() / n;
        let s = (values.iter().map(|x| (x - m).powi(2)).sum::<f64>() / n).sqrt();
        // Four standard errors.
        assert!((m - mean).abs() < 4.0 / n.sqrt() && (s - deviation).abs() < 4.0 / n.sqrt(), "{m} and {s}");
    }
}

#[test]
fn ranks_orders_and_inversions_are_those_counted_by_hand() {
    let mut g = Graph::new();
    let (pi, back) = (float(&mut g, "pi", &[8, 1]), float(&mut g, "back", &[1, 45]));
    let sorted = g.sort(pi).unwrap();
    let order = g.sorted_order(sorted);
    let (keys, average, lowest) =
        (g.sorted_keys(sorted), g.ranks(sorted, Ties::Average), g.ranks(sorted, Ties::Lowest));
    let (few, many) = (g.inversions(pi).unwrap(), g.inversions(back).unwrap());
    let (few, many) = (g.sum_all(few).unwrap(), g.sum_all(many).unwrap());
    let values: Vec<f64> = (0..45).map(|i| -f64::from(i) / 7.0).collect();
    let set: [(&str, &[f64]); 2] = [("pi", &[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]), ("back", &values)];
    let got = run(g, 1, &set, [keys, order, average, lowest, few, many]);
    assert_eq!(got[0], [1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0]);
    assert_eq!(got[1], [1.0, 3.0, 6.0, 0.0, 2.0, 4.0, 7.0, 5.0]);
    assert_eq!(got[2], [4.0, 1.5, 5.0, 1.5, 6.0, 8.0, 3.0, 7.0]);
    assert_eq!(got[3], [4.0, 1.0, 5.0, 1.0, 6.0, 8.0, 3.0, 7.0]);
    // 3 before 1, 1, 2; 4 before 1, 2; 5 before 2; 9 before 2, 6. And of 45 in reverse, every pair.
    assert_eq!((got[4][0], got[5][0]), (8.0, 45.0 * 44.0 / 2.0));
}

#[test]
fn the_nearest_are_in_the_order_of_distance_and_then_of_rows() {
    // Points at 0, 1, 2 and 5 on a line: from 1 both 0 and 2 are as far.
    let mut g = Graph::new();
    let x = float(&mut g, "x", &[4, 1]);
    let far = g.distances(x, x, Inner::AbsoluteDifference).unwrap();
    let (others, all) = (g.nearest(far, 2, 0).unwrap(), g.nearest(far, 1, 4).unwrap());
    let [others, all] = run(g, 1, &[("x", &[0.0, 1.0, 2.0, 5.0])], [others, all]);
    assert_eq!(others, [1.0, 0.0, 1.0, 2.0, 2.0, 2.0, 0.0, 1.0]);
    assert_eq!(all, [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn products_between_replicas_are_of_each_pair_and_exact_ones_have_all_digits() {
    let n = 20_000usize;
    let largest = f64::from((1 << 23) - 1);
    let mut g = Graph::new();
    let (a, b, x) = (float(&mut g, "a", &[1, 2]), float(&mut g, "b", &[2, 1]), float(&mut g, "x", &[n, 1]));
    let dots = g.pair_dot(a, b).unwrap();
    let (row, column) = (g.row_index(&[REPLICAS, REPLICAS]), g.column_index(&[REPLICAS, REPLICAS]));
    let same = g.binary(Binary::Equal, row, column).unwrap();
    let zero = g.constant(0.0);
    let hollow = g.select(same, zero, dots).unwrap();
    let exact = g.pair_dot_exact(x).unwrap();
    // One replica of the largest, one of those and of one less with the other sign, and one of small ones.
    let values: Vec<f64> = (0..3 * n)
        .map(|i| match (i / n, i % n) {
            (0, _) => largest,
            (1, i) if i % 2 == 0 => largest,
            (1, _) => 1.0 - largest,
            (_, i) => (i % 5) as f64 - 2.0,
        })
        .collect();
    let set: [(&str, &[f64]); 3] =
        [("a", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), ("b", &[1.0, 0.0, 0.0, 1.0, -1.0, 1.0]), ("x", &values)];
    let [dots, hollow, exact] = run(g, 3, &set, [dots, hollow, exact]);
    assert_eq!(dots, [1.0, 2.0, 1.0, 3.0, 4.0, 1.0, 5.0, 6.0, 1.0]);
    assert_eq!(hollow, [0.0, 2.0, 1.0, 3.0, 0.0, 1.0, 5.0, 6.0, 0.0]);
    let words = exact.len() / 9;
    let of = |a: usize, b: usize| product(exact[(3 * a + b) * words..][..words].iter().map(|&w| w as u32));
    let (n, most) = (n as i128, (1i128 << 23) - 1);
    assert_eq!(of(0, 0), n * most * most);
    assert_eq!(of(0, 1), n / 2 * most);
    assert_eq!(of(1, 1), n / 2 * (most * most + (most - 1) * (most - 1)));
    assert_eq!(of(2, 2), n / 5 * 10);
    assert_eq!([of(0, 2), of(1, 0), of(2, 0)], [0, 0, 0]);
}

#[test]
fn effects_see_the_old_values_and_rings_keep_the_last_steps() {
    let mut g = Graph::new();
    let (a, b) = (float(&mut g, "a", &[1, 2]), float(&mut g, "b", &[1, 2]));
    let (flag, quiet) = (float(&mut g, "flag", &[1, 1]), float(&mut g, "quiet", &[1, 1]));
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let of = |g: &Graph, t| g.variable_of(t).unwrap();
    let one = g.integer(1);
    let next = g.binary(Binary::AddInteger, step, one).unwrap();
    let grown = g.shift(b, 1.0);
    let tenth = g.constant(0.1);
    let zero = g.constant(0.0);
    let shared = g.broadcast(tenth, &[1, 2]).unwrap();
    let swap = vec![
        Effect::Assign(of(&g, a), grown),
        Effect::Assign(of(&g, b), a),
        Effect::Assign(of(&g, step), next),
        Effect::Raise(of(&g, flag), a),
        Effect::Raise(of(&g, quiet), zero),
        Effect::Record { name: "history".into(), value: a, step, capacity: 3 },
        Effect::Output("sum".into(), grown),
        Effect::Output("tenth".into(), tenth),
    ];
    let functions = [Function::new("swap", swap), Function::new("reset", vec![Effect::Assign(of(&g, a), shared)])];
    let mut i = Interpreter::new(g, functions, 2).unwrap();
    assert_eq!(i.replicas(), 2);
    assert_eq!(i.read_output("sum").unwrap(), [0.0; 4]);
    i.write_variable("a", &[1.0, 2.0, 0.0, 0.0]).unwrap();
    i.write_replica("b", 1, &[-1.0, -1.0]).unwrap();
    i.run("swap", 1).unwrap();
    assert_eq!(i.read_variable("a").unwrap(), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(i.read_variable("b").unwrap(), [1.0, 2.0, 0.0, 0.0]);
    assert_eq!(i.read_output("sum").unwrap(), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(i.read_output("tenth").unwrap(), [0.1]);
    // Of the second replica all elements were zero at every step: the flag is down, where the first one's is up.
    assert_eq!((i.read_variable("flag").unwrap(), i.read_variable("quiet").unwrap()), (vec![1.0, 0.0], vec![0.0, 0.0]));
    i.run("swap", 3).unwrap();
    assert_eq!(i.read_variable("step").unwrap(), [4.0, 4.0]);
    // `a` was (1, 2), (1, 1), (2, 3), (2, 2) at the steps from 0 to 3, and the ring keeps three.
    assert_eq!(i.record("history", 1, 4).unwrap()[0], [1.0, 1.0, 2.0, 3.0, 2.0, 2.0]);
    assert_eq!(i.record("history", 3, 4).unwrap(), [[2.0, 2.0], [1.0, 1.0]]);
    i.run("reset", 1).unwrap();
    assert_eq!(i.read_replica("a", 1).unwrap(), [0.1, 0.1]);
    i.write_variable("step", &[f64::from(u32::MAX); 2]).unwrap();
    i.run("swap", 1).unwrap();
    assert_eq!(i.read_variable("step").unwrap(), [0.0, 0.0]);
}

#[test]
fn what_cannot_be_interpreted_says_why() {
    let mut g = Graph::new();
    let x = float(&mut g, "x", &[2, 2]);
    let row = g.variable("row", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let (zero, four) = (g.integer(0), g.integer(4));
    let taken = g.gather(x, row).unwrap();
    let nowhere = g.permutation(row, four, [zero, zero, zero]).unwrap();
    let nothing = g.choice(row, zero, [zero, zero, zero]).unwrap();
    let exact = g.pair_dot_exact(x).unwrap();
    let dots = g.pair_dot(x, x).unwrap();
    let functions = [("taken", taken), ("nowhere", nowhere), ("nothing", nothing), ("exact", exact)]
        .map(|(name, t)| Function::new(name, vec![Effect::Output(name.into(), t)]));
    let mut i = Interpreter::new(g.clone(), functions, 2).unwrap();
    let says = |error: isogram::error::Error, part: &str| {
        let text = error.to_string();
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    };
    says(i.run("train", 1).unwrap_err(), "no function `train`");
    says(i.read_variable("y").unwrap_err(), "no variable `y`");
    says(i.read_replica("x", 2).unwrap_err(), "no replica 2 in a group of 2");
    says(i.write_variable("x", &[0.0; 7]).unwrap_err(), "`x` [2, 2] of 2 replicas does not take 7 values");
    says(i.write_replica("x", 0, &[0.0; 7]).unwrap_err(), "`x` [2, 2] does not take 7 values");
    for odd in [0.5, -1.0, f64::NAN, 4_294_967_296.0] {
        says(i.write_replica("row", 0, &[odd]).unwrap_err(), "whole numbers from 0 to 4294967295");
    }
    says(i.read_output("y").unwrap_err(), "no output `y`");
    says(i.record("y", 0, 1).unwrap_err(), "no record `y`");
    i.write_variable("row", &[1.0, 4.0]).unwrap();
    says(i.run("taken", 1).unwrap_err(), "row 4 was to be taken from variable `x`");
    says(i.run("nowhere", 1).unwrap_err(), "a permutation of 4 has no place 4");
    says(i.run("nothing", 1).unwrap_err(), "nothing to draw from");
    i.write_variable("x", &[0.5; 8]).unwrap();
    says(i.run("exact", 1).unwrap_err(), "0.5 is no whole number below 8388608");
    let new = |effects, replicas| Interpreter::new(g.clone(), [Function::new("run", effects)], replicas).unwrap_err();
    says(new(vec![], 0), "at least one replica");
    says(new(vec![Effect::Assign(g.variable_of(x).unwrap(), row)], 1), "does not fit variable `x`");
    let record = Effect::Record { name: "dots".into(), value: dots, step: row, capacity: 2 };
    says(new(vec![record], 2), "is a value of pairs");
}

#[test]
fn a_program_means_the_same_to_the_interpreter_and_to_every_machine() {
    // Integers that are written, read, counted and recorded; values of pairs; and what all replicas share.
    let mut g = Graph::new();
    let (x, step) =
        (float(&mut g, "x", &[3, 4]), g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap());
    let one = g.integer(1);
    let next = g.binary(Binary::AddInteger, step, one).unwrap();
    let t = g.unary(Unary::ToFloat, step);
    let grown = g.plus(x, t).unwrap();
    let dots = g.pair_dot(x, x).unwrap();
    let column = g.column_index(&[1, 4]);
    let effects = vec![
        Effect::Assign(g.variable_of(x).unwrap(), grown),
        Effect::Assign(g.variable_of(step).unwrap(), next),
        Effect::Record { name: "x".into(), value: x, step, capacity: 4 },
        Effect::Output("dots".into(), dots),
        Effect::Output("column".into(), column),
    ];
    let functions = [Function::new("run", effects)];
    let mut exact = support::interpreter(&g, &functions, 3);
    let values: Vec<f32> = (0..36).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
    exact.write_variable("x", &support::wide(&values)).unwrap();
    exact.write_variable("step", &[0.0, 5.0, 9.0]).unwrap();
    exact.run("run", 3).unwrap();
    for (name, mut machine) in support::machines(&g, &functions, 3) {
        machine.write_variable("x", &values).unwrap();
        machine.write_integers("step", &[0, 5, 9]).unwrap();
        machine.run("run", 3).unwrap();
        let steps: Vec<f64> = machine.read_integers("step").unwrap().into_iter().map(f64::from).collect();
        assert_eq!(steps, exact.read_variable("step").unwrap(), "{name}");
        assert_eq!(support::wide(&machine.read_variable("x").unwrap()), exact.read_variable("x").unwrap(), "{name}");
        for output in ["dots", "column"] {
            let got = support::wide(&machine.read_output(output).unwrap());
            assert_eq!(got, exact.read_output(output).unwrap(), "{output} on {name}");
        }
        let results = machine.read_results().unwrap();
        for (from, to) in [(0, 3), (5, 8)] {
            let got: Vec<_> =
                machine.record(&results, "x", from, to).unwrap().iter().map(|v| support::wide(v)).collect();
            assert_eq!(got, exact.record("x", from, to).unwrap(), "{name}");
        }
    }
}
