//! Meganeura: one network at a time, a training graph that is compiled once per shape.

#[path = "../../task.rs"]
mod task;

use meganeura::{CoopPolicy, Graph, Session, SessionConfig, SessionOptions};
use task::{Peer, Task};

const VARIANT: &str = "one at a time";

/// A replica's training session. Each step gets its batch from the host, as with meganeura's own trainer.
struct Replica<'a> {
    task: &'a Task,
    number: usize,
    session: Session,
    step: usize,
    inputs: Vec<f32>,
    labels: Vec<f32>,
}

impl Replica<'_> {
    fn new(task: &Task, number: usize) -> Replica<'_> {
        let classes = task.widths[task.widths.len() - 1];
        let mut g = Graph::new();
        let mut x = g.input("x", &[task.batch, task.widths[0]]);
        let labels = g.input("labels", &[task.batch, classes]);
        for (i, w) in task.widths.windows(2).enumerate() {
            let weight = g.parameter(&format!("weight{i}"), &[w[0], w[1]]);
            let bias = g.parameter(&format!("bias{i}"), &[w[1]]);
            let product = g.matmul(x, weight);
            x = g.bias_add(product, bias);
            if i + 2 < task.widths.len() {
                x = g.relu(x);
            }
        }
        let loss = g.cross_entropy_loss(x, labels);
        g.set_outputs(vec![loss]);
        // All in f32: cooperative matrices would take f16 inputs on most devices.
        let runtime = SessionOptions { coop: CoopPolicy::Disabled, ..SessionOptions::default() };
        let mut session = meganeura::build(&g, SessionConfig { runtime, ..SessionConfig::default() }).0;
        for (i, (weight, bias)) in task.layers(number).into_iter().enumerate() {
            session.set_parameter(&format!("weight{i}"), weight);
            session.set_parameter(&format!("bias{i}"), bias);
        }
        session.set_adam(task.lr as f32, 0.9, 0.999, 1e-8);
        Replica { task, number, session, step: 0, inputs: Vec::new(), labels: Vec::new() }
    }

    /// Starts the next step.
    fn step(&mut self) {
        let (width, classes) = (self.task.widths[0], self.task.widths[self.task.widths.len() - 1]);
        self.inputs.clear();
        self.labels.clear();
        for &row in self.task.rows(self.number, self.step) {
            let row = row as usize;
            self.inputs.extend_from_slice(&self.task.x[row * width..(row + 1) * width]);
            let label = self.task.y[row] as usize;
            self.labels.extend((0..classes).map(|class| if class == label { 1.0 } else { 0.0 }));
        }
        self.session.set_input("x", &self.inputs);
        self.session.set_input("labels", &self.labels);
        self.session.step();
        self.step += 1;
    }
}

fn train(peer: &mut Peer, task: &Task) {
    let mut replicas: Vec<_> = (0..task.replicas).map(|number| Replica::new(task, number)).collect();
    let mut losses = Vec::new();
    for replica in &mut replicas {
        let mut curve = Vec::new();
        for _ in 0..task.steps {
            replica.step();
            replica.session.wait();
            curve.push(replica.session.read_loss());
        }
        losses.push(curve);
    }
    peer.losses(&task.name, VARIANT, &losses);
    // One replica stands for all: they would follow one another.
    let (replica, count) = (&mut replicas[0], if task.name == "medium" { 2 } else { 20 });
    peer.speed(&task.name, VARIANT, f64::from(count), || {
        for _ in 0..count {
            replica.step();
        }
        replica.session.wait();
    });
}

fn main() {
    let mut peer = Peer::new("meganeura");
    let context = meganeura::runtime::init_gpu_context().expect("a Vulkan or Metal device");
    let device = context.device_information().device_name.clone();
    drop(context);
    for task in peer.tasks() {
        train(&mut peer, &task);
    }
    peer.write(&device, "meganeura 0.3");
}
