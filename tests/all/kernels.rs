//! Every kernel, with every body, on every adapter present, against its native body; all of them against double precision.

use isogram::gpu::Profile;
use isogram::graph::{Effect, Function, Graph, Lowering, Machine, Tensor, VariableKind, lower, lower_as};
use isogram::kernels::exact::product;
use isogram::kernels::matmul::{Inner, Precision};
use isogram::kernels::program::{Binary, DType, Distribution, Unary};
use isogram::selftest;

use crate::support;

#[test]
fn kernels_agree_with_the_processor_whatever_the_body() {
    let Some(gpu) = support::gpu() else { return };
    let own = gpu.profile().clone();
    let mut profiles = vec![own.clone()];
    if let Some(tiled) = support::tiled(&gpu) {
        // Bodies of a software adapter run on nothing else.
        profiles.extend([tiled, Profile { subgroups: false, subgroup_barriers: false, ..own }]);
    }
    let on_device = profiles.into_iter().map(|profile| (Some(gpu.clone()), profile));
    for (gpu, profile) in on_device.chain([(None, Profile::processor())]) {
        let Profile { software, subgroups, .. } = profile;
        for outcome in selftest::run(gpu.as_ref(), &profile).expect("the kernels compile and run") {
            let (case, error) = (&outcome.case, outcome.error);
            assert!(
                outcome.passed(),
                "{case} (software bodies: {software}, subgroups: {subgroups}): off by {error:.2e}, kernels {:?}",
                outcome.kernels
            );
        }
    }
}

#[test]
fn kernels_run_within_the_least_limits() {
    let Some(_) = support::gpu() else { return };
    let gpu = isogram::gpu::Gpu::open_with(&isogram::gpu::AdapterChoice::Automatic, true).expect("the least is enough");
    let profile = Profile { software: false, ..gpu.profile().clone() };
    for outcome in selftest::run(Some(&gpu), &profile).expect("the kernels compile and run") {
        assert!(outcome.passed(), "{}: off by {:.2e}", outcome.case, outcome.error);
    }
}

/// Runs this file's first test again in a process whose software adapter has subgroups of 32, as NVIDIA's GPUs have, and whose
/// kernels do not check their indices, as users have them.
#[test]
fn kernels_agree_unchecked_and_with_subgroups_of_another_size() {
    if support::gpu().is_none() || std::env::var_os("LP_NATIVE_VECTOR_WIDTH").is_some() {
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().expect("the test knows itself"))
        .args(["--exact", "kernels::kernels_agree_with_the_processor_whatever_the_body"])
        .env("LP_NATIVE_VECTOR_WIDTH", "1024")
        .env("ISOGRAM_CHECKED", "0")
        .output()
        .expect("the test runs itself");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Runs one function on every machine, and in double precision, and reads an output.
fn outputs(
    g: &Graph,
    effects: Vec<Effect>,
    replicas: usize,
    set: &[(&str, Vec<f32>)],
    name: &str,
) -> Vec<(&'static str, Vec<f32>)> {
    support::machines(g, &[Function::new("run", effects.clone())], replicas)
        .into_iter()
        .map(|(machine_name, mut machine)| {
            for (variable, values) in set {
                machine.write_variable(variable, values).unwrap();
            }
            machine.run("run", 1).unwrap();
            (machine_name, machine.read_output(name).unwrap())
        })
        .chain(std::iter::once(("the interpreter", single(&interpreted(g, effects, replicas, set, name)))))
        .collect()
}

/// An output of a function that was run in double precision.
fn interpreted(g: &Graph, effects: Vec<Effect>, replicas: usize, set: &[(&str, Vec<f32>)], name: &str) -> Vec<f64> {
    let mut interpreter = support::interpreter(g, &[Function::new("run", effects)], replicas);
    for (variable, values) in set {
        interpreter.write_variable(variable, &support::wide(values)).unwrap();
    }
    interpreter.run("run", 1).unwrap();
    interpreter.read_output(name).unwrap()
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

/// Half the distance between one and its next neighbour: what one rounding is off, at most, relative to the result.
const ROUNDING: f64 = f32::EPSILON as f64 / 2.0;

/// Values without a pattern, of both signs, from 2^-11 to 1 in size: all of them normal among 16-bit floats, of which bodies may
/// or may not keep the subnormal ones.
fn uneven(seed: u32, count: usize) -> Vec<f32> {
    let word = |i| isogram::kernels::random::threefry([seed, 0xacc], [0, i]);
    let value = |[a, b]: [u32; 2]| {
        let size = (0.05 + 0.95 * (a >> 8) as f32 / 2f32.powi(24)) * 0.5f32.powi((b % 7) as i32);
        if b & 64 == 0 { size } else { -size }
    };
    (0..count as u32).map(|i| value(word(i))).collect()
}

#[test]
fn every_case_of_the_self_test_agrees_with_double_precision() {
    for program in selftest::programs().expect("every case is built") {
        let functions = std::slice::from_ref(&program.function);
        let mut exact = support::interpreter(&program.graph, functions, program.replicas);
        for (name, values) in &program.integers {
            exact.write_variable(name, &values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>()).unwrap();
        }
        for (name, values) in &program.floats {
            exact.write_variable(name, &support::wide(values)).unwrap();
        }
        exact.run("run", 1).unwrap();
        for (name, mut machine) in support::machines(&program.graph, functions, program.replicas) {
            for (variable, values) in &program.integers {
                machine.write_integers(variable, values).unwrap();
            }
            for (variable, values) in &program.floats {
                machine.write_variable(variable, values).unwrap();
            }
            machine.run("run", 1).unwrap();
            let case = program.case;
            for output in &program.outputs {
                let (got, exact) = (machine.read_output(output).unwrap(), exact.read_output(output).unwrap());
                let what = format!("{case}, {output} on {name}");
                if case.starts_with("products of whole numbers") {
                    // Words say one product in many ways. What is multiplied was rounded to single precision before it was
                    // made whole: two units in the last place of each factor, at most.
                    let (got, exact) = (products(&support::wide(&got)), products(&exact));
                    let most = exact.iter().fold(0, |m, x| m.max(x.abs()));
                    let off = got.iter().zip(&exact).fold(0, |m, (g, e)| m.max((g - e).abs()));
                    assert!(off <= most / (1 << 21), "{what}: off by {off} of {most}");
                } else if program.tolerance == 0.0 {
                    assert_eq!(support::wide(&got), exact, "{what}");
                } else {
                    let scale = exact.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                    support::within(&what, &got, &exact, |_| program.tolerance * scale);
                }
            }
        }
    }
}

/// What the words of three replicas' products say, of each with itself and later ones.
fn products(words: &[f64]) -> Vec<i128> {
    words.chunks(words.len() / 9).map(|words| product(words.iter().map(|&w| w as u32))).collect()
}

#[test]
fn products_are_within_the_rounding_of_their_terms() {
    // Each of k terms of a sum rounds the sum so far, which is no larger than the sum of the terms' sizes; of roundings that do
    // not agree in direction the square root of their number is left. Factors of 16 bits are the same numbers for all, but
    // adapters need not round them to nearest.
    const REPLICAS: usize = 2;
    type Of = fn(&mut Graph, Tensor, Tensor) -> Tensor;
    let forms: [(&str, [bool; 2], Of, f64); 7] = [
        ("nn", [false, false], |g, a, b| g.matmul(a, b).unwrap(), 0.0),
        ("nt", [false, true], |g, a, b| g.matmul_of(a, false, b, true).unwrap(), 0.0),
        ("tn", [true, false], |g, a, b| g.matmul_of(a, true, b, false).unwrap(), 0.0),
        ("tt", [true, true], |g, a, b| g.matmul_of(a, true, b, true).unwrap(), 0.0),
        (
            "squared",
            [false, true],
            |g, a, b| g.distances(a, b, Inner::SquaredDifference).unwrap(),
            // The difference is rounded too, and squared.
            2.0,
        ),
        ("absolute", [false, true], |g, a, b| g.distances(a, b, Inner::AbsoluteDifference).unwrap(), 1.0),
        (
            "16 bits",
            [false, false],
            |g, a, b| {
                let before = g.set_precision(Precision::Half);
                let product = g.matmul(a, b).unwrap();
                g.set_precision(before);
                product
            },
            0.0,
        ),
    ];
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (40, 12, 40), (64, 68, 256), (33, 70, 1030)] {
        for (form, [turn_a, turn_b], of, more) in forms {
            let turned = |turn: bool, rows: usize, columns: usize| if turn { [columns, rows] } else { [rows, columns] };
            let mut g = Graph::new();
            let a = g.variable("a", &turned(turn_a, m, k), DType::F32, VariableKind::State).unwrap();
            let b = g.variable("b", &turned(turn_b, k, n), DType::F32, VariableKind::State).unwrap();
            let set = [("a", uneven(1, REPLICAS * m * k)), ("b", uneven(2, REPLICAS * k * n))];
            let value = of(&mut g, a, b);
            // The sum of the sizes of the terms; those of distances have no sign.
            let (sizes_a, sizes_b) = (g.unary(Unary::Abs, a), g.unary(Unary::Abs, b));
            let sizes = if more == 0.0 { of(&mut g, sizes_a, sizes_b) } else { value };
            let effects = |t| vec![Effect::Output("out".into(), t)];
            let exact = interpreted(&g, effects(value), REPLICAS, &set, "out");
            let sizes = interpreted(&g, effects(sizes), REPLICAS, &set, "out");
            for (name, got) in outputs(&g, effects(value), REPLICAS, &set, "out") {
                let truncated = if form == "16 bits" && !["processor", "the interpreter"].contains(&name) {
                    2f64.powi(-9)
                } else {
                    0.0
                };
                let terms = match name {
                    // Sums in double precision, and one rounding.
                    "the interpreter" => 1.0,
                    _ => 1.0 + 2.0 * (k as f64).sqrt() + more,
                };
                let allowed = |i: usize| (terms * ROUNDING + truncated) * sizes[i];
                support::within(&format!("{form} {m} x {n} x {k} on {name}"), &got, &exact, allowed);
            }
        }
    }
}

#[test]
fn sums_are_within_the_rounding_of_their_terms() {
    for (rows, columns, axis) in [(3, 1000, 1), (1000, 3, 0), (1, 5000, 1), (70, 300, 1), (300, 70, 0)] {
        let mut g = Graph::new();
        let x = g.variable("x", &[rows, columns], DType::F32, VariableKind::State).unwrap();
        let size = g.unary(Unary::Abs, x);
        let (sum, sizes) = (g.sum(x, axis).unwrap(), g.sum(size, axis).unwrap());
        let effects = |t| vec![Effect::Output("out".into(), t)];
        let set = [("x", uneven(3, rows * columns))];
        let (exact, sizes) =
            (interpreted(&g, effects(sum), 1, &set, "out"), interpreted(&g, effects(sizes), 1, &set, "out"));
        let terms = 1.0 + 2.0 * (if axis == 0 { rows } else { columns } as f64).sqrt();
        for (name, got) in outputs(&g, effects(sum), 1, &set, "out") {
            // The processor sums in double precision, and rounds once.
            let terms = if name == "processor" { 1.0 } else { terms };
            let what = format!("sum along {axis} of {rows} x {columns} on {name}");
            support::within(&what, &got, &exact, |i| terms * ROUNDING * sizes[i]);
        }
    }
}

/// A function of one value, between which arguments it is tried, and what it may be off: units in the last place of its value,
/// and in all, on the processor; then on adapters.
type Tried = (&'static str, Unary, [f32; 2], [f64; 2], [f64; 2]);

#[test]
fn functions_of_one_value_are_within_a_few_units_in_the_last_place() {
    // On adapters the exponential is allowed 3 + 2|x| units by WGSL, and its logarithm, sine and cosine an error in all.
    let slope = 0.2f32.to_bits();
    let functions: [Tried; 22] = [
        ("negate", Unary::Negate, [-9.0, 9.0], [0.0, 0.0], [0.0, 0.0]),
        ("abs", Unary::Abs, [-9.0, 9.0], [0.0, 0.0], [0.0, 0.0]),
        ("sign", Unary::Sign, [-9.0, 9.0], [0.0, 0.0], [0.0, 0.0]),
        ("floor", Unary::Floor, [-9.0, 9.0], [0.0, 0.0], [0.0, 0.0]),
        ("relu", Unary::Relu, [-9.0, 9.0], [0.0, 0.0], [0.0, 0.0]),
        ("finite", Unary::IsFinite, [-9.0, 9.0], [0.0, 0.0], [0.0, 0.0]),
        ("square", Unary::Square, [-9.0, 9.0], [0.5, 0.0], [0.5, 0.0]),
        ("leaky", Unary::Leaky(slope), [-9.0, 9.0], [0.5, 0.0], [0.5, 0.0]),
        ("sqrt", Unary::Sqrt, [1e-3, 1e3], [0.5, 0.0], [3.0, 0.0]),
        ("reciprocal", Unary::Reciprocal, [1e-3, 1e3], [0.5, 0.0], [2.5, 0.0]),
        ("exp", Unary::Exp, [-80.0, 80.0], [1.0, 0.0], [163.0, 0.0]),
        ("log", Unary::Log, [1e-3, 1e3], [1.0, 0.0], [4.0, 5e-7]),
        ("sin", Unary::Sin, [-3.1, 3.1], [1.6, 0.0], [4.0, 5e-7]),
        ("cos", Unary::Cos, [-3.1, 3.1], [1.6, 0.0], [4.0, 5e-7]),
        ("erf", Unary::Erf, [-4.0, 4.0], [1.1, 0.0], [4.0, 5e-7]),
        ("tanh", Unary::Tanh, [-9.0, 9.0], [2.0, 0.0], [8.0, 5e-7]),
        ("sigmoid", Unary::Sigmoid, [-80.0, 80.0], [3.0, 0.0], [170.0, 0.0]),
        ("softplus", Unary::Softplus, [-80.0, 80.0], [3.0, 0.0], [170.0, 0.0]),
        ("softplus near zero", Unary::Softplus, [-1.0, 1.0], [3.0, 0.0], [8.0, 0.0]),
        // One is taken from an exponential that is off by up to four units of its own last place.
        ("elu", Unary::Elu(slope), [-20.0, 20.0], [2.0, 0.0], [8.0, 0.2 * 2.4e-7]),
        ("elu near zero", Unary::Elu(slope), [-0.5, 0.5], [2.0, 0.0], [8.0, 0.2 * 2.4e-7]),
        ("exp near zero", Unary::Exp, [-1.0, 1.0], [1.0, 0.0], [4.0, 0.0]),
    ];
    let tried = |name: &&&str| functions.iter().any(|f| f.1.name() == **name);
    let untried: Vec<&&str> = Unary::NAMES.iter().filter(|name| !tried(name)).collect();
    assert_eq!(untried, [&"ToFloat", &"ToInteger"], "give each function a line above");
    const COUNT: usize = 4001;
    for (name, f, [from, to], processor, adapter) in functions {
        let mut g = Graph::new();
        let x = g.variable("x", &[1, COUNT], DType::F32, VariableKind::State).unwrap();
        let value = g.unary(f, x);
        let effects = vec![Effect::Output("out".into(), value)];
        let set = [("x", (0..COUNT).map(|i| from + (to - from) * (i as f32 / (COUNT - 1) as f32)).collect())];
        let exact = interpreted(&g, effects.clone(), 1, &set, "out");
        for (machine, got) in outputs(&g, effects, 1, &set, "out") {
            let [ulps, more] = match machine {
                "processor" => processor,
                "the interpreter" => [0.5, 0.0],
                _ => adapter,
            };
            // Adapters may take what is below the smallest normal number for zero.
            let least = if ulps > 0.0 { f64::from(f32::MIN_POSITIVE) } else { 0.0 };
            let what = format!("{name} on {machine}");
            support::within(&what, &got, &exact, |i| ulps * support::ulp(exact[i]) + more + least);
        }
    }
}

#[test]
fn functions_of_two_values_are_within_a_few_units_in_the_last_place() {
    // The name, the function, and units in the last place on the processor and on adapters.
    let functions = [
        ("plus", Binary::Add, 0.5, 0.5),
        ("minus", Binary::Sub, 0.5, 0.5),
        ("times", Binary::Mul, 0.5, 0.5),
        ("over", Binary::Div, 0.5, 2.5),
        ("smaller", Binary::Min, 0.0, 0.0),
        ("larger", Binary::Max, 0.0, 0.0),
        ("greater", Binary::Greater, 0.0, 0.0),
        ("at least", Binary::AtLeast, 0.0, 0.0),
        ("equal", Binary::Equal, 0.0, 0.0),
        // As 2 to the power of y log2 x, whose size is up to six here.
        ("power", Binary::Pow, 1.0, 64.0),
    ];
    const COUNT: usize = 2000;
    let (a, mut b) = (uneven(5, COUNT), uneven(6, COUNT));
    b[..100].copy_from_slice(&a[..100]);
    for (name, f, processor, adapter) in functions {
        let mut g = Graph::new();
        let x = g.variable("x", &[1, COUNT], DType::F32, VariableKind::State).unwrap();
        let y = g.variable("y", &[1, COUNT], DType::F32, VariableKind::State).unwrap();
        let value = g.binary(f, x, y).unwrap();
        let effects = vec![Effect::Output("out".into(), value)];
        let a = a.iter().map(|x| if f == Binary::Pow { x.abs().max(1e-3) } else { *x }).collect();
        let set = [("x", a), ("y", b.clone())];
        let exact = interpreted(&g, effects.clone(), 1, &set, "out");
        for (machine, got) in outputs(&g, effects, 1, &set, "out") {
            let ulps = match machine {
                "processor" => processor,
                "the interpreter" => 0.5,
                _ => adapter,
            };
            let what = format!("{name} on {machine}");
            support::within(&what, &got, &exact, |i| ulps * support::ulp(exact[i]));
        }
    }
}

#[test]
fn a_maximum_of_infinities_is_infinite_and_what_is_no_number_stays_so() {
    // Along rows of few, down columns, and of one long row that lanes share.
    for (rows, columns, axis) in [(5, 4, 1), (4, 5, 0), (1, 200, 1)] {
        let mut g = Graph::new();
        let x = g.variable("x", &[rows, columns], DType::F32, VariableKind::State).unwrap();
        let top = g.max(x, axis).unwrap();
        let n = if axis == 1 { columns } else { rows };
        let results = rows * columns / n;
        let at = |result: usize, i: usize| if axis == 1 { result * columns + i } else { i * columns + result };
        for (what, lowest, odd, expected) in [
            ("all are negative infinity", f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY),
            ("one is finite", f32::NEG_INFINITY, -3e38, -3e38),
            ("one is no number", 1.0, f32::NAN, f32::NAN),
        ] {
            let mut values = vec![lowest; rows * columns];
            // The odd one stands first, last, or between.
            (0..results).for_each(|r| values[at(r, [n / 2, 0, n - 1][r % 3])] = odd);
            let effects = vec![Effect::Output("top".into(), top)];
            for (machine, got) in outputs(&g, effects, 1, &[("x", values)], "top") {
                for x in got {
                    assert!(
                        x == expected || x.is_nan() && expected.is_nan(),
                        "{what}: {x} on {machine}, axis {axis} of {rows} x {columns}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_nearest_of_rows_without_distances_are_rows() {
    let mut g = Graph::new();
    let x = g.variable("x", &[6, 6], DType::F32, VariableKind::State).unwrap();
    let nearest = g.nearest(x, 3, 0).unwrap();
    let rows = g.unary(Unary::ToFloat, nearest);
    let effects = vec![Effect::Output("rows".into(), rows)];
    for (machine, got) in outputs(&g, effects, 1, &[("x", vec![f32::NAN; 36])], "rows") {
        assert!(got.iter().all(|row| *row < 6.0), "{machine}: {got:?}");
    }
}

#[test]
fn steps_beyond_the_loops_of_a_driver_are_not_made_one_dispatch() {
    // Three reductions of 30,000 turns each: a software adapter's driver ends the loops of a dispatch after 65,535.
    const LONG: usize = 30_000;
    let mut g = Graph::new();
    let x = g.variable("x", &[LONG, 8], DType::F32, VariableKind::State).unwrap();
    let effects = [Unary::Abs, Unary::Square, Unary::Floor].into_iter().enumerate().map(|(n, f)| {
        let values = g.unary(f, x);
        let sum = g.sum(values, 0).unwrap();
        Effect::Output(format!("sum{n}"), sum)
    });
    let step = Function::new("step", effects.collect()).repeated(20_000);
    let functions = [step];
    let mut profiles = vec![("least", Profile::least(true))];
    let gpu = support::gpu();
    profiles.extend(gpu.iter().map(|gpu| ("adapter", gpu.profile().clone())));
    for (name, profile) in profiles {
        if profile.loop_iterations.is_none() {
            continue;
        }
        let plan = lower_as(&g, &functions, 2, &profile, Lowering::Auto).unwrap();
        assert_eq!(plan.lowering("step"), Lowering::Layered, "{name}");
        assert!(plan.functions[0].lowering.contains("loop iterations"), "{}", plan.functions[0].lowering);
        let refused = lower_as(&g, &functions, 2, &profile, Lowering::Resident).unwrap_err().to_string();
        assert!(refused.contains("`step` has no resident form") && refused.contains("32767"), "{refused}");
        let Some(gpu) = gpu.as_ref().filter(|_| name == "adapter") else { continue };
        let mut machine = Machine::new(Some(gpu), plan).unwrap();
        machine.write_variable("x", &vec![1.0; 2 * 8 * LONG]).unwrap();
        machine.run("step", 2).unwrap();
        for n in 0..3 {
            assert_eq!(machine.read_output(&format!("sum{n}")).unwrap(), vec![LONG as f32; 16], "{name}");
        }
    }
}

#[test]
fn a_step_at_half_the_loops_of_a_driver_is_right_in_one_dispatch() {
    // What is known to be safe is asked for in full: a sum that is cut short would show it.
    let Some(gpu) = support::gpu().filter(|gpu| gpu.profile().loop_iterations.is_some()) else { return };
    const LONG: usize = 15_000;
    let mut g = Graph::new();
    let x = g.variable("x", &[LONG, 8], DType::F32, VariableKind::State).unwrap();
    let effects = [Unary::Abs, Unary::Square].into_iter().enumerate().map(|(n, f)| {
        let values = g.unary(f, x);
        Effect::Output(format!("sum{n}"), g.sum(values, 0).unwrap())
    });
    let function = Function::new("step", effects.collect()).repeated(3);
    let plan = lower_as(&g, &[function], 2, gpu.profile(), Lowering::Resident).unwrap();
    let mut machine = Machine::new(Some(&gpu), plan).unwrap();
    machine.write_variable("x", &vec![1.0; 2 * 8 * LONG]).unwrap();
    machine.run("step", 3).unwrap();
    for n in 0..2 {
        assert_eq!(machine.read_output(&format!("sum{n}")).unwrap(), vec![LONG as f32; 16]);
    }
}

#[test]
fn variables_of_many_replicas_are_moved_together() {
    // More than are written one by one, of one element and of several; between them stand others that must be left alone.
    const REPLICAS: usize = 150;
    let mut g = Graph::new();
    let mut of = |name: &str, width: usize| g.variable(name, &[1, width], DType::F32, VariableKind::State).unwrap();
    let (a, b, c) = (of("a", 1), of("b", 5), of("c", 2));
    let total = [a, b, c].map(|t| g.sum_all(t).unwrap());
    let effects = total.iter().enumerate().map(|(n, t)| Effect::Output(format!("sum{n}"), *t)).collect();
    let value = |n: usize, r: usize, i: usize| (1000 * n + 10 * r + i) as f32;
    let all = |n: usize, width: usize| -> Vec<f32> {
        (0..REPLICAS * width).map(|i| value(n, i / width, i % width)).collect()
    };
    for (name, mut machine) in support::machines(&g, &[Function::new("run", effects)], REPLICAS) {
        for (n, (variable, width)) in [("a", 1), ("b", 5), ("c", 2)].into_iter().enumerate() {
            machine.write_variable(variable, &all(n, width)).unwrap();
        }
        machine.write_integers("a", &(0..REPLICAS as u32).map(|r| 0x8000_0001 + r).collect::<Vec<_>>()).unwrap();
        assert_eq!(machine.read_integers("a").unwrap()[149], 0x8000_0001 + 149, "{name}");
        for (n, (variable, width)) in [("b", 5), ("c", 2)].into_iter().enumerate() {
            assert_eq!(machine.read_variable(variable).unwrap(), all(n + 1, width), "{variable} on {name}");
        }
        let state = machine.read_state().unwrap();
        machine.write_variable("b", &vec![0.0; 5 * REPLICAS]).unwrap();
        machine.write_state(&state).unwrap();
        assert_eq!(machine.read_replica("b", 100).unwrap(), all(1, 5)[500..505], "{name}");
        machine.run("run", 1).unwrap();
        let expected: Vec<f32> = (0..REPLICAS).map(|r| (0..5).map(|i| value(1, r, i)).sum()).collect();
        assert_eq!(machine.read_output("sum1").unwrap(), expected, "{name}");
    }
}

#[test]
fn two_purposes_never_share_their_random_numbers() {
    // Found by trying: FNV-1a gives both paths one hash.
    let mut g = Graph::new();
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let step = g.integer(0);
    let mut of = |path: &str| {
        let purpose = g.purpose(path);
        g.random(Distribution::Uniform, &[2, 2], seed, purpose, step)
    };
    let (a, b) = (of("layers.439599.weight"), of("layers.622382.weight"));
    let again = of("layers.439599.weight");
    let effects = |t| vec![Function::new("run", vec![Effect::Output("out".into(), t)])];
    let error = lower_as(&g, &effects(a), 1, &Profile::processor(), Lowering::Auto).unwrap_err().to_string();
    assert!(error.contains("`layers.439599.weight` and `layers.622382.weight`"), "{error}");
    assert_eq!((a, a), (b, again), "the fault that is refused");
}

#[test]
fn deeply_nested_values_are_weighed_without_overflow() {
    let mut g = Graph::new();
    let mut x = g.variable("x", &[1, 1], DType::F32, VariableKind::State).unwrap();
    for _ in 0..70 {
        x = g.times(x, x).unwrap();
    }
    let effects = vec![Effect::Output("out".into(), x)];
    for (machine, got) in outputs(&g, effects, 1, &[("x", vec![1.0])], "out") {
        assert_eq!(got, [1.0], "{machine}");
    }
}

#[test]
fn grids_beyond_the_limit_of_a_dimension_are_folded() {
    let Some(gpu) = support::gpu() else { return };
    // 100 workgroups of a map on an adapter that is said to take 7 along a dimension.
    let mut g = Graph::new();
    let x = g.variable("x", &[160, 160], DType::F32, VariableKind::State).unwrap();
    let y = g.unary(Unary::Square, x);
    let function = Function::new("run", vec![Effect::Output("y".into(), y)]);
    let values: Vec<f32> = (0..2 * 160 * 160).map(|i| i as f32 / 256.0).collect();
    for grid in [7, gpu.profile().grid] {
        let profile = Profile { grid, ..gpu.profile().clone() };
        let plan = lower(&g, std::slice::from_ref(&function), 2, &profile).unwrap();
        assert_eq!(plan.functions[0].dispatches[0].grid(plan.grid)[2] > 1, grid == 7);
        let mut machine = Machine::new(Some(&gpu), plan).unwrap();
        machine.write_variable("x", &values).unwrap();
        machine.run("run", 1).unwrap();
        let expected: Vec<f32> = values.iter().map(|x| x * x).collect();
        assert_eq!(machine.read_output("y").unwrap(), expected, "{grid}");
    }
}
