//! Exact sums of counts, which have more digits than a float: digits are summed apart and in chunks on the device, and added
//! up on the host.

use crate::error::Result;
use crate::graph::{Effect, Graph, Machine, Results, Tensor};
use crate::kernels::program::Unary;

/// Elements that are summed at once: `2^10 * 2^12` is below 2^24, up to which floats count.
const CHUNK: usize = 1024;

/// What the digits of a count are parted by.
const DIGIT: f32 = 4096.0;

const PARTS: [&str; 4] = ["whole/high", "whole/low", "rest/high", "rest/low"];

/// Outputs from which [`read_sums`] makes the exact sum of a column `[N, 1]` of counts below 2^24.
pub(super) fn exact_sums(g: &mut Graph, name: &str, x: Tensor, effects: &mut Vec<Effect>) -> Result<()> {
    let [elements, _] = g.matrix(x)?;
    let whole = elements / CHUNK * CHUNK;
    let parts = [(0, whole, CHUNK), (whole, elements - whole, elements - whole)];
    for ((start, count, columns), names) in parts.into_iter().zip(PARTS.chunks(2)) {
        if count == 0 {
            continue;
        }
        let part = g.rows(x, start, count)?;
        let part = g.reshape(part, &[count / columns, columns])?;
        let high = g.scale(part, 1.0 / DIGIT);
        let high = g.unary(Unary::Floor, high);
        let above = g.scale(high, DIGIT);
        let low = g.minus(part, above)?;
        for (digit, which) in [high, low].into_iter().zip(names) {
            effects.push(Effect::Output(format!("{name}/{which}"), g.sum(digit, 1)?));
        }
    }
    Ok(())
}

/// The sums of every replica.
pub(super) fn read_sums(machine: &Machine, results: &Results, name: &str) -> Result<Vec<u64>> {
    let mut sums = vec![0; machine.replicas()];
    for (which, weight) in PARTS.iter().zip([DIGIT as u64, 1, DIGIT as u64, 1]) {
        let output = format!("{name}/{which}");
        if !machine.plan().outputs.contains_key(&output) {
            continue;
        }
        let found = machine.output(results, &output)?;
        for (sum, part) in sums.iter_mut().zip(found.chunks(found.len() / machine.replicas())) {
            *sum += weight * part.iter().map(|&x| x as u64).sum::<u64>();
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Profile;
    use crate::graph::{Function, VariableKind, lower};
    use crate::kernels::program::DType;

    #[test]
    fn counts_add_up_exactly() {
        for count in [1, 2, 1023, 1024, 1025, 5000] {
            let values: Vec<f32> = (0..count).map(|i| ((i * 7_654_321) % 16_777_216) as f32).collect();
            let mut g = Graph::new();
            let x = g.variable("x", &[count, 1], DType::F32, VariableKind::Transient).unwrap();
            let mut effects = Vec::new();
            exact_sums(&mut g, "sum", x, &mut effects).unwrap();
            let plan = lower(&g, &[Function::new("run", effects)], 1, &Profile::processor()).unwrap();
            let mut machine = Machine::new(None, plan).unwrap();
            machine.write_variable("x", &values).unwrap();
            machine.run("run", 1).unwrap();
            let results = machine.read_results().unwrap();
            let expected: u64 = values.iter().map(|&v| v as u64).sum();
            assert_eq!(read_sums(&machine, &results, "sum").unwrap(), [expected], "{count}");
        }
    }
}
