mod support;
use isogram::graph::*;
use isogram::kernels::program::DType;
use isogram::nn::*;

#[test]
fn trains() {
    let digits = isogram::data::digits();
    let mut g = Graph::new();
    let x: Vec<f32> = digits.inputs.values.iter().map(|v| v / 16.0).collect();
    let isogram::data::Targets::Classes { labels, .. } = &digits.targets else { panic!() };
    let x = g.data(x, &[1797, 64]).unwrap();
    let y = g.data_integers(labels, &[1797, 1]).unwrap();
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let net = Mlp::new(&mut g, &[64, 64, 64, 10], Activation::Tanh, true).unwrap();
    let gain = g.constant(1.0);
    let init = net.initialise(&mut g, Init::XavierNormal, gain, seed).unwrap();
    let batch = Batches { draws: Draws::Shuffled, size: 32 }.take(&mut g, &[x, y], seed, step).unwrap();
    let f = net.forward(&mut g, batch[0], None).unwrap();
    let loss = Loss::CrossEntropy.apply(&mut g, f.output, batch[1]).unwrap();
    let params = net.parameters();
    let grads = g.gradients(loss, &params).unwrap();
    let c = |g: &mut Graph, v: f32| g.constant(v);
    let lr0 = c(&mut g, 0.002);
    let factor = Schedule { shape: ScheduleShape::Cosine { end: 0.0 }, warmup: 0, steps: 1000 }.factor(&mut g, step).unwrap();
    let lr = g.times(lr0, factor).unwrap();
    let hyper = Hyper { lr, momentum: lr, beta1: c(&mut g, 0.9), beta2: c(&mut g, 0.999), alpha: lr, epsilon: c(&mut g, 1e-8), weight_decay: lr };
    let updates = Optimiser { rule: Rule::Adam, decay: None }.updates(&mut g, &params, &grads, hyper).unwrap();
    let norm = global_norm(&mut g, &grads).unwrap();
    let mut effects: Vec<Effect> = updates.iter().map(|u| Effect::Assign(u.variable, u.new)).collect();
    let one = g.integer(1);
    let next = g.binary(isogram::kernels::program::Binary::AddInteger, step, one).unwrap();
    effects.push(Effect::Assign(g.variable_of(step).unwrap(), next));
    effects.push(Effect::Output("loss".into(), loss));
    effects.push(Effect::Output("norm".into(), norm));
    let ef = net.forward(&mut g, x, None).unwrap();
    let el = Loss::CrossEntropy.apply(&mut g, ef.output, y).unwrap();
    let correct = g.correct(ef.output, y).unwrap();
    let acc = g.mean_all(correct).unwrap();
    let functions = [
        Function::new("init", init.into_iter().chain(updates.iter().filter(|u| u.start != 0.0 || true).map(|u| u).filter_map(|u| {
            let name = g.variable_info(u.variable).name.clone();
            if !name.starts_with("optimiser") { return None; }
            let shape = g.shape(u.new).extents().to_vec();
            let v = g.constant(u.start);
            let v = g.broadcast(v, &shape).unwrap();
            Some(Effect::Assign(u.variable, v))
        })).collect()),
        Function::new("step", effects),
        Function::new("eval", vec![Effect::Output("eval_loss".into(), el), Effect::Output("eval_acc".into(), acc)]),
    ];
    for (name, mut m) in support::machines(&g, &functions, 3) {
        if name == "adapter" { println!("{}", m.plan()); }
        m.write_integers("seed", &[0, 1, 2]).unwrap();
        m.run("init", 1).unwrap();
        for _ in 0..3 {
            m.run("step", 10).unwrap();
            m.run("eval", 1).unwrap();
            let r = m.read_results().unwrap();
            println!("{name} loss {:?} norm {:?} eval {:?} {:?}", m.output(&r, "loss").unwrap(), m.output(&r, "norm").unwrap(), m.output(&r, "eval_loss").unwrap(), m.output(&r, "eval_acc").unwrap());
        }
    }
}
