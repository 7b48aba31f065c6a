//! Convolutions beside the products of windows that are stored, which they are equal to bit for bit.

use isogram::graph::{Effect, Function, Geometry, Graph, Tensor, VariableKind};
use isogram::kernels::matmul::Precision;
use isogram::kernels::program::DType;

use crate::support;

const REPLICAS: usize = 2;

/// A convolution with its gradients by images and weight, and the same by stored windows.
struct Case {
    geometry: Geometry,
    examples: usize,
    channels: usize,
    outputs: usize,
    precision: Precision,
}

fn cases() -> Vec<Case> {
    let plain =
        |image, kernel| Geometry { image, kernel, stride: [1; 2], dilation: [1; 2], before: [0; 2], after: [0; 2] };
    let case = |geometry, [examples, channels, outputs]: [usize; 3]| Case {
        geometry,
        examples,
        channels,
        outputs,
        precision: Precision::Single,
    };
    let same = Geometry { before: [1; 2], after: [1; 2], ..plain([8, 8], [3, 3]) };
    vec![
        case(same, [5, 1, 16]),
        case(same, [5, 16, 33]),
        // More than a part of K, and more columns than one reads A as it stands for.
        case(same, [3, 40, 150]),
        case(Geometry { stride: [2, 3], after: [2, 1], ..plain([7, 6], [3, 2]) }, [4, 5, 7]),
        case(Geometry { dilation: [1, 2], before: [0, 3], ..plain([1, 9], [1, 4]) }, [6, 3, 4]),
        case(plain([2, 3], [1, 1]), [7, 12, 1]),
        case(plain([2, 2], [2, 2]), [1, 4, 8]),
        Case { precision: Precision::Half, ..case(same, [3, 16, 12]) },
    ]
}

impl Case {
    /// What comes of it, by convolutions or by products of stored windows.
    fn results(&self, g: &mut Graph, [x, weight, upstream]: [Tensor; 3], stored: bool) -> Vec<Tensor> {
        let &Case { geometry, examples, channels, .. } = self;
        if !stored {
            let made = g.convolve(x, weight, geometry).unwrap();
            let by = g.gradients_from(made, upstream, &[x, weight]).unwrap();
            return vec![made, by[0], by[1]];
        }
        let taps = geometry.taps();
        let images = g.reshape(x, &[examples, geometry.image.iter().product(), 1, channels]).unwrap();
        let windows = g.windows(images, geometry).unwrap();
        let rows = g.shape(windows).extents()[..2].iter().product();
        let windows = g.reshape(windows, &[rows, taps * channels]).unwrap();
        let made = g.matmul_of(windows, false, weight, true).unwrap();
        let by_weight = g.matmul_of(upstream, true, windows, false).unwrap();
        // What goes back is itself a product: of the windows of the adjoint.
        let back = g.reshape(upstream, &[examples, rows / examples, 1, self.outputs]).unwrap();
        let each = g.broadcast(back, &[examples, rows / examples, taps, self.outputs]).unwrap();
        let spread = g.spread(each, geometry).unwrap();
        let count = geometry.image.iter().product::<usize>() * examples;
        let spread = g.reshape(spread, &[count, taps * self.outputs]).unwrap();
        let turned = g.transpose(weight).unwrap();
        let by_tap = g.reshape(turned, &[taps, channels, self.outputs]).unwrap();
        let by_tap = g.transpose(by_tap).unwrap();
        let by_tap = g.reshape(by_tap, &[taps * self.outputs, channels]).unwrap();
        vec![made, g.matmul(spread, by_tap).unwrap(), by_weight]
    }

    fn program(&self) -> (Graph, Vec<Function>, usize) {
        let mut g = Graph::new();
        g.set_precision(self.precision);
        let windows: usize = self.geometry.windows().unwrap().iter().product();
        let shapes = [
            [self.examples * self.geometry.image.iter().product::<usize>(), self.channels],
            [self.outputs, self.geometry.taps() * self.channels],
            [self.examples * windows, self.outputs],
        ];
        let mut function = Vec::new();
        let inputs = [0, 1, 2].map(|i| {
            let shape = shapes[i];
            let variable = g.variable(format!("v{i}"), &shape, DType::F32, VariableKind::State).unwrap();
            let drawn = g.data(values(i as u32, shape[0] * shape[1]), &shape).unwrap();
            function.push(Effect::Assign(g.variable_of(variable).unwrap(), drawn));
            variable
        });
        let mut outputs = Vec::new();
        for stored in [false, true] {
            outputs.extend(self.results(&mut g, inputs, stored));
        }
        let count = outputs.len() / 2;
        let name = |i: usize| format!("{}{}", i % count, if i < count { "" } else { " stored" });
        let effects = outputs.into_iter().enumerate().map(|(i, t)| Effect::Output(name(i), t)).collect();
        (g, vec![Function::new("set", function), Function::new("f", effects)], count)
    }

    fn describe(&self) -> String {
        format!("{:?} {:?}", self.geometry, [self.examples, self.channels, self.outputs])
    }
}

fn values(seed: u32, count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| 2.0 * isogram::kernels::random::uniform(seed, 5, 0, i) - 1.0).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn convolutions_equal_products_of_stored_windows() {
    for case in cases() {
        let (g, functions, count) = case.program();
        let mut exact = support::interpreter(&g, &functions, REPLICAS);
        exact.run("set", 1).unwrap();
        exact.run("f", 1).unwrap();
        for (name, mut machine) in support::machines(&g, &functions, REPLICAS) {
            machine.run("set", 1).unwrap();
            machine.run("f", 1).unwrap();
            for i in 0..count {
                let what = format!("{} {i} on {name}", case.describe());
                let [made, stored] = [format!("{i}"), format!("{i} stored")].map(|n| machine.read_output(&n).unwrap());
                support::close(&what, &made, &exact.read_output(&format!("{i} stored")).unwrap(), 2e-5);
                support::close(&what, &made, &exact.read_output(&format!("{i}")).unwrap(), 2e-5);
                if name != "other bodies" {
                    assert_eq!(bits(&made), bits(&stored), "{what}");
                }
            }
        }
    }
}
