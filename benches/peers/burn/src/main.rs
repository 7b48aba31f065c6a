//! Burn, on each of the backends it is built with: one network at a time, with its own modules, loss and optimiser; and a matrix
//! product.

#[path = "../../task.rs"]
mod task;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use task::{Peer, Task};

#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn new(task: &Task, replica: usize, device: &Device) -> Mlp {
        let layers = task.layers(replica).into_iter().zip(task.widths.windows(2));
        let layers = layers.map(|((weight, bias), w)| Linear {
            weight: Param::from_data(TensorData::new(weight.to_vec(), [w[0], w[1]]), device),
            bias: Some(Param::from_data(TensorData::new(bias.to_vec(), [w[1]]), device)),
        });
        Mlp { layers: layers.collect() }
    }

    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if i + 1 < self.layers.len() {
                x = relu(x);
            }
        }
        x
    }
}

/// A replica in training. The batches' row numbers wait on the device.
struct Replica {
    model: Option<Mlp>,
    optimiser: ModuleOptimizer,
    lr: f64,
    loss: CrossEntropyLoss,
    x: Tensor<2>,
    y: Tensor<1, Int>,
    rows: Vec<Tensor<1, Int>>,
    step: usize,
}

impl Replica {
    fn new(task: &Task, number: usize, device: &Device) -> Replica {
        let integers = |values: &[u32]| {
            let values: Vec<i32> = values.iter().map(|&value| value as i32).collect();
            let count = values.len();
            Tensor::<1, Int>::from_data(TensorData::new(values, [count]), device)
        };
        Replica {
            model: Some(Mlp::new(task, number, device)),
            optimiser: AdamConfig::new().with_epsilon(1e-8).init(),
            lr: task.lr,
            loss: CrossEntropyLossConfig::new().init(device),
            x: Tensor::from_data(TensorData::new(task.x.clone(), [task.y.len(), task.widths[0]]), device),
            y: integers(&task.y),
            rows: (0..task.steps).map(|step| integers(task.rows(number, step))).collect(),
            step: 0,
        }
    }

    /// Starts the next step; the loss is not waited for.
    fn step(&mut self) -> Tensor<1> {
        let rows = &self.rows[self.step % self.rows.len()];
        let (x, y) = (self.x.clone().select(0, rows.clone()), self.y.clone().select(0, rows.clone()));
        let model = self.model.take().expect("a model between two steps");
        let loss = self.loss.forward(model.forward(x), y);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        self.model = Some(self.optimiser.step(self.lr, model, gradients));
        self.step += 1;
        loss.detach()
    }
}

fn train(peer: &mut Peer, task: &Task, backend: &str, device: &Device) {
    let mut replicas: Vec<_> = (0..task.replicas).map(|number| Replica::new(task, number, device)).collect();
    let curve = |replica: &mut Replica| (0..task.steps).map(|_| replica.step().into_scalar::<f32>()).collect();
    let losses: Vec<Vec<f32>> = replicas.iter_mut().map(curve).collect();
    peer.losses(&task.name, backend, &losses);
    // One replica stands for all: they would follow one another.
    let (replica, count) = (&mut replicas[0], if task.name == "medium" { 2 } else { 10 });
    peer.speed(&task.name, backend, f64::from(count), || {
        for _ in 0..count {
            replica.step();
        }
        device.sync().expect("the device goes on");
    });
}

/// Numbers between -1 and 1 without a pattern; their values do not matter.
fn square(size: usize, seed: u32, device: &Device) -> Tensor<2> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let values: Vec<f32> = (0..size * size).map(|_| next()).collect();
    Tensor::from_data(TensorData::new(values, [size, size]), device)
}

/// The backends, each with a device of its choice.
fn backends() -> Vec<(&'static str, Device)> {
    vec![
        #[cfg(feature = "wgpu")]
        ("wgpu", Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "flex")]
        ("CPU", Device::flex()),
    ]
}

fn main() {
    let mut peer = Peer::new("Burn");
    let backends = backends();
    for (backend, device) in &backends {
        let training = device.clone().autodiff();
        for task in peer.tasks() {
            train(&mut peer, &task, backend, &training);
        }
        if peer.wants("matmul") {
            let (a, b) = (square(512, 1, device), square(512, 2, device));
            peer.speed("matmul", backend, 2e-9 * 512f64.powi(3), || {
                let product = a.clone().matmul(b.clone());
                device.sync().expect("the device goes on");
                drop(product);
            });
        }
    }
    let devices: Vec<_> = backends.iter().map(|(_, device)| format!("{device:?}")).collect();
    peer.write(&devices.join(", "), "burn 0.22");
}
