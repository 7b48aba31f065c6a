//! Softmax cross-entropy of rows: loss, gradient and correctness, of which one kernel computes those of the same logits.

use super::prelude::*;
use crate::graph::fuse::Store;
use crate::graph::program_of::Word;
use crate::kernels::cross_entropy as kernel;

/// Something of the softmax cross-entropy of each row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CrossEntropy {
    /// Itself, `[rows, 1]`, in nats.
    Loss,
    /// Its gradient: softmax minus one-hot.
    Gradient,
    /// 1 where the largest logit is the label's, `[rows, 1]`.
    Correct,
}

impl Graph {
    /// Softmax cross-entropy of each row of `logits` `[N, C]` against integer `labels` `[N, 1]`, in nats: `[N, 1]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn cross_entropy(&mut self, logits: Tensor, labels: Tensor) -> Result<Tensor> {
        let rows = self.check_labels(logits, labels)?;
        Ok(self.add(CrossEntropy::Loss, vec![logits, labels], Shape::new(&[rows, 1]), DType::F32))
    }

    /// 1 for each row of `logits` whose largest value is at the label, else 0: `[N, 1]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn correct(&mut self, logits: Tensor, labels: Tensor) -> Result<Tensor> {
        let rows = self.check_labels(logits, labels)?;
        Ok(self.add(CrossEntropy::Correct, vec![logits, labels], Shape::new(&[rows, 1]), DType::F32))
    }

    fn check_labels(&self, logits: Tensor, labels: Tensor) -> Result<usize> {
        let [rows, _] = self.matrix(logits)?;
        if self.shape(labels).0 != [rows, 1] || self.node(labels).dtype != DType::U32 {
            return Err(self.misfit("cross_entropy", logits, labels, "one integer label per row"));
        }
        Ok(rows)
    }
}

impl Rules for CrossEntropy {
    fn facts(&self) -> Facts {
        let kernel = if *self == Self::Gradient { Facts::kernel_with_maps } else { Facts::kernel };
        Facts { together: true, ..kernel("cross-entropy") }
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        match self {
            Self::Correct => Ok(()),
            Self::Gradient => Err(Error::Shape(format!("{} has no gradient", back.graph.describe(back.tensor)))),
            Self::Loss => {
                let inputs = vec![back.input(0), back.input(1)];
                let shape = back.graph.shape(inputs[0]).clone();
                let slope = back.graph.add(Self::Gradient, inputs, shape, DType::F32);
                let part = back.graph.times(slope, back.upstream)?;
                back.give(0, part);
                Ok(())
            }
        }
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let classes = at.extents_of(0).last().copied().unwrap_or(1).max(1);
        let rows = at.inputs[0].chunks(classes).zip(at.inputs[1].iter());
        let of = |(logits, &label): (_, &f64)| {
            let row = Labelled::new(logits, label as usize);
            match self {
                Self::Loss => vec![row.loss()],
                Self::Correct => vec![row.correct()],
                Self::Gradient => row.gradient(),
            }
        };
        Ok(rows.flat_map(of).collect())
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let [rows, classes] = at.graph().matrix(at.input(0))?;
        let ((z, z_extra), (y, y_extra)) = (at.operand(0)?, at.operand(1)?);
        let mut job = [0, rows, classes, 0].map(number).to_vec();
        job.extend([Word::Offset(z, z_extra), Word::Stride(z), Word::Offset(y, y_extra), Word::Stride(y)]);
        let group = at.group();
        let head = |of: Self| group.heads.iter().copied().find(|&t| at.graph().node(t).op == Op::CrossEntropy(of));
        let stored = |of: Self| head(of).filter(|&t| group.stores.contains(&(t, Store::Temporary)));
        let (loss, correct, gradient) = (stored(Self::Loss), stored(Self::Correct), head(Self::Gradient));
        for place in [loss, correct].into_iter().flatten().map(Place::Temporary) {
            job.extend([Word::Offset(place, 0), Word::Stride(place)]);
        }
        let (mut program, mut elements, mut flops) = (None, (rows * (classes + 2)) as u64, 6 * (rows * classes) as u64);
        if let Some(gradient) = gradient {
            let after = at.after(gradient, Vec::new())?;
            job.extend(after.words);
            elements += after.elements;
            flops += after.flops;
            program = Some(after.program);
        }
        let kernel = kernel::CrossEntropy {
            logits: z.arena(),
            labels: y.arena(),
            loss: loss.map(|_| Arena::Scratch),
            correct: correct.map(|_| Arena::Scratch),
            gradient: program,
        };
        Ok(Item::new(kernel, job, flops, elements))
    }
}

/// Logits of one example with its label, and what cross-entropy makes of them.
struct Labelled<'v> {
    logits: &'v [f64],
    label: usize,
    best: usize,
    /// What the others add to the 1 of the largest.
    rest: f64,
}

impl<'v> Labelled<'v> {
    fn new(logits: &'v [f64], label: usize) -> Self {
        let best = (1..logits.len()).fold(0, |best, c| if logits[c] > logits[best] { c } else { best });
        let others = logits.iter().enumerate().filter(|(c, _)| *c != best);
        let rest = others.map(|(_, z)| (z - logits[best]).exp()).sum();
        Self { logits, label, best, rest }
    }

    /// In nats; not a number if a logit is not finite or the label is of no class.
    fn loss(self) -> f64 {
        match self.logits.get(self.label) {
            Some(own) if self.logits.iter().all(|z| z.is_finite()) => {
                self.rest.ln_1p() - (own - self.logits[self.best])
            }
            _ => f64::NAN,
        }
    }

    fn correct(self) -> f64 {
        f64::from(u8::from(self.best == self.label))
    }

    /// Softmax minus one-hot.
    fn gradient(self) -> Vec<f64> {
        let (largest, sum) = (self.logits[self.best], 1.0 + self.rest);
        let share = |c: usize| (self.logits[c] - largest).exp() / sum;
        (0..self.logits.len())
            .map(|c| match c == self.label {
                true if self.best == c => -self.rest / sum,
                true => share(c) - 1.0,
                false => share(c),
            })
            .collect()
    }
}
