//! Adding nodes. Every method checks shapes at once, so that an error names the two nodes that do not fit.

use super::node::{
    Data, DataId, Graph, Node, Op, REPLICAS, Scope, Shape, Tensor, Variable, VariableId, VariableKind, WHOLE,
};
use crate::error::{Error, Result};
use crate::kernels::matmul::{Inner, Precision};
use crate::kernels::orthogonal::MAX_VECTORS;
use crate::kernels::program::{Binary, DType, Distribution, Draw, Unary};
use crate::kernels::random;
use crate::kernels::reduce::Fold;

impl Graph {
    pub(super) fn add(&mut self, op: Op, inputs: Vec<Tensor>, shape: Shape, dtype: DType) -> Tensor {
        let scope = inputs.iter().map(|&t| self.node(t).scope).max().unwrap_or(Scope::Shared);
        self.add_scoped(op, inputs, shape, dtype, scope)
    }

    pub(super) fn add_scoped(
        &mut self,
        op: Op,
        inputs: Vec<Tensor>,
        shape: Shape,
        dtype: DType,
        scope: Scope,
    ) -> Tensor {
        // Common subexpressions: a node with the same operation, inputs and shape is the same node, unless a fence stands
        // between the two. Variables and data are the same everywhere.
        let epoch = if matches!(op, Op::Variable(_) | Op::Data(_)) { 0 } else { self.epoch };
        let key = (op.clone(), inputs.clone(), shape.clone(), dtype, epoch);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let tensor = Tensor(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        self.nodes.push(Node { op, inputs, shape, dtype, scope, epoch: self.epoch });
        self.known.insert(key, tensor);
        tensor
    }

    /// Declares a variable and gives the node of its value.
    ///
    /// # Errors
    /// If the name is taken or the shape is empty.
    pub fn variable(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        dtype: DType,
        kind: VariableKind,
    ) -> Result<Tensor> {
        let name = name.into();
        if self.variable_named(&name).is_some() {
            return Err(Error::Shape(format!("two variables are named `{name}`: give one of them another name")));
        }
        let shape = Shape::new(shape);
        check_extents(&shape, &name)?;
        let id = VariableId(self.variables.len() as u32);
        self.variables.push(Variable { name, shape: shape.clone(), dtype, kind });
        Ok(self.add_scoped(Op::Variable(id), Vec::new(), shape, dtype, Scope::Replica))
    }

    /// The variable that a node reads.
    ///
    /// # Errors
    /// If the node is not a variable.
    pub fn variable_of(&self, tensor: Tensor) -> Result<VariableId> {
        match self.node(tensor).op {
            Op::Variable(id) => Ok(id),
            _ => Err(Error::Shape(format!(
                "{} is not a variable: only variables can be assigned",
                self.describe(tensor)
            ))),
        }
    }

    /// The node of a variable.
    pub fn read(&mut self, id: VariableId) -> Tensor {
        let (shape, dtype) = (self.variable_info(id).shape.clone(), self.variable_info(id).dtype);
        self.add_scoped(Op::Variable(id), Vec::new(), shape, dtype, Scope::Replica)
    }

    /// A tensor of floats that all replicas share.
    ///
    /// # Errors
    /// If the number of values does not fit the shape.
    pub fn data(&mut self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        self.data_words(values, shape, DType::F32)
    }

    /// A tensor of integers that all replicas share.
    ///
    /// # Errors
    /// If the number of values does not fit the shape.
    pub fn data_integers(&mut self, values: &[u32], shape: &[usize]) -> Result<Tensor> {
        self.data_words(values.iter().map(|&v| f32::from_bits(v)).collect(), shape, DType::U32)
    }

    fn data_words(&mut self, words: Vec<f32>, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let shape = Shape::new(shape);
        check_extents(&shape, "data")?;
        if words.len() != shape.elements() {
            return Err(Error::Shape(format!("data of {} values does not fit the shape {shape}", words.len())));
        }
        let id = DataId(self.data.len() as u32);
        self.data.push(Data { shape: shape.clone(), words });
        Ok(self.add(Op::Data(id), Vec::new(), shape, dtype))
    }

    /// A constant, part of the kernels' text. The graph keeps it in double precision; kernels have the nearest single one.
    pub fn constant(&mut self, value: impl Into<f64>) -> Tensor {
        self.add(Op::Constant(value.into().to_bits()), Vec::new(), Shape::scalar(), DType::F32)
    }

    /// A constant that is passed beside the text: kernels that differ only in it stay one kernel. It is kept as
    /// [`Graph::constant`] keeps its own.
    pub fn number(&mut self, value: impl Into<f64>) -> Tensor {
        self.add(Op::Word(value.into().to_bits()), Vec::new(), Shape::scalar(), DType::F32)
    }

    /// An integer constant, passed beside the text.
    pub fn integer(&mut self, value: u32) -> Tensor {
        self.add_scoped(Op::Word(u64::from(value)), vec![], Shape::new(&[1, 1]), DType::U32, Scope::Shared)
    }

    /// The integer that stands for a purpose in random keys, from its path. A graph in which two paths have one integer is
    /// not lowered: their numbers would be the same.
    pub fn purpose(&mut self, path: &str) -> Tensor {
        let hash = random::purpose(path);
        self.purposes.entry(hash).or_default().insert(path.to_owned());
        self.integer(hash)
    }

    /// A function of each element.
    pub fn unary(&mut self, f: Unary, x: Tensor) -> Tensor {
        let dtype = if f == Unary::ToInteger { DType::U32 } else { DType::F32 };
        let shape = self.shape(x).clone();
        self.add(Op::Unary(f), vec![x], shape, dtype)
    }

    /// A function of two tensors; axes of extent 1 are repeated.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn binary(&mut self, f: Binary, a: Tensor, b: Tensor) -> Result<Tensor> {
        let shape = self.broadcast_shape(a, b)?;
        let dtype = if f == Binary::AddInteger { DType::U32 } else { DType::F32 };
        Ok(self.add(Op::Binary(f), vec![a, b], shape, dtype))
    }

    /// `if condition != 0 { a } else { b }`, broadcast.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn select(&mut self, condition: Tensor, a: Tensor, b: Tensor) -> Result<Tensor> {
        let shape = broadcast(&self.broadcast_shape(condition, a)?, self.shape(b))
            .ok_or_else(|| self.misfit("select", a, b, "broadcast to one shape"))?;
        let dtype = self.node(a).dtype;
        Ok(self.add(Op::Select, vec![condition, a, b], shape, dtype))
    }

    /// `a + b`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn plus(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Add, a, b)
    }

    /// `a - b`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn minus(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Sub, a, b)
    }

    /// `a * b`, elementwise.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn times(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Mul, a, b)
    }

    /// `a / b`, elementwise.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn over(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Div, a, b)
    }

    /// `a * value`.
    pub fn scale(&mut self, a: Tensor, value: impl Into<f64>) -> Tensor {
        let c = self.constant(value);
        self.times(a, c).expect("a scalar broadcasts to any shape")
    }

    /// `a + value`.
    pub fn shift(&mut self, a: Tensor, value: impl Into<f64>) -> Tensor {
        let c = self.constant(value);
        self.plus(a, c).expect("a scalar broadcasts to any shape")
    }

    /// Repeats axes of extent 1.
    ///
    /// # Errors
    /// If the shape does not broadcast to `extents`.
    pub fn broadcast(&mut self, x: Tensor, extents: &[usize]) -> Result<Tensor> {
        let target = Shape::new(extents);
        if self.shape(x) == &target {
            return Ok(x);
        }
        if broadcast(self.shape(x), &target).as_ref() != Some(&target) {
            return Err(Error::Shape(format!("{} cannot be broadcast to {target}", self.describe(x))));
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Op::Broadcast, vec![x], target, dtype))
    }

    /// Coordinates along the last axis of a tensor of this shape, as floats.
    pub fn column_index(&mut self, extents: &[usize]) -> Tensor {
        self.add(Op::Column, Vec::new(), Shape::new(extents), DType::F32)
    }

    /// Indices over the last extent of a tensor of this shape, as floats.
    pub fn row_index(&mut self, extents: &[usize]) -> Tensor {
        self.add(Op::Row, Vec::new(), Shape::new(extents), DType::F32)
    }

    /// Random values of a shape, keyed by (seed, purpose, step, element).
    pub fn random(
        &mut self,
        d: Distribution,
        extents: &[usize],
        seed: Tensor,
        purpose: Tensor,
        step: Tensor,
    ) -> Tensor {
        self.add(Op::Random(d), vec![seed, purpose, step], Shape::new(extents), DType::F32)
    }

    /// Indices `[batch, 1]` of the examples of the batch of a step, out of `examples`.
    pub fn draw(
        &mut self,
        draw: Draw,
        examples: usize,
        batch: usize,
        seed: Tensor,
        purpose: Tensor,
        step: Tensor,
    ) -> Tensor {
        let (n, b) = (self.integer(examples as u32), self.integer(batch as u32));
        self.add(Op::Draw(draw), vec![seed, purpose, step, n, b], Shape::new(&[batch, 1]), DType::U32)
    }

    /// Where keyed permutations of `0..count` put `positions`, integers of any shape below `count`. Purposes, steps and counts
    /// (at least 1) are integers that broadcast to the positions: each (seed, purpose, step) is a permutation of its own.
    ///
    /// # Errors
    /// If an input is not of integers, or does not broadcast.
    pub fn permutation(&mut self, positions: Tensor, count: Tensor, key: [Tensor; 3]) -> Result<Tensor> {
        self.draw_at(Draw::Permutation, positions, count, key)
    }

    /// One of `0..count`, each as likely, at each of `positions`: the counter is (step, position), and the key (seed,
    /// purpose), in the order `[seed, purpose, step]`; all are integers that broadcast to the positions.
    ///
    /// # Errors
    /// As [`Graph::permutation`].
    pub fn choice(&mut self, positions: Tensor, count: Tensor, key: [Tensor; 3]) -> Result<Tensor> {
        self.draw_at(Draw::Choice, positions, count, key)
    }

    fn draw_at(&mut self, draw: Draw, positions: Tensor, count: Tensor, key: [Tensor; 3]) -> Result<Tensor> {
        let shape = self.shape(positions).clone();
        for t in key.into_iter().chain([count, positions]) {
            if self.node(t).dtype != DType::U32 || broadcast(self.shape(t), &shape).as_ref() != Some(&shape) {
                return Err(self.misfit("a draw", positions, t, "integers that broadcast to the positions"));
            }
        }
        let [seed, purpose, step] = key;
        Ok(self.add(Op::Draw(draw), vec![seed, purpose, step, count, positions], shape, DType::U32))
    }

    /// Rows of `table` `[N, D]` at `rows` `[B, 1]`.
    ///
    /// # Errors
    /// If the table is not a matrix or the rows are not a column of integers.
    pub fn gather(&mut self, table: Tensor, rows: Tensor) -> Result<Tensor> {
        let (t, r) = (self.shape(table).clone(), self.shape(rows).clone());
        if t.0.len() != 2 || r.0.len() != 2 || r.0[1] != 1 || self.node(rows).dtype != DType::U32 {
            return Err(self.misfit("gather", table, rows, "a matrix and a column of integers"));
        }
        let dtype = self.node(table).dtype;
        Ok(self.add(Op::Gather, vec![table, rows], Shape::new(&[r.0[0], t.0[1]]), dtype))
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    /// If the number of elements differs.
    pub fn reshape(&mut self, x: Tensor, extents: &[usize]) -> Result<Tensor> {
        let target = Shape::new(extents);
        if self.shape(x) == &target {
            return Ok(x);
        }
        if self.shape(x).elements() != target.elements() {
            return Err(Error::Shape(format!("{} cannot be reshaped to {target}", self.describe(x))));
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Op::Reshape, vec![x], target, dtype))
    }

    /// A matrix with its axes exchanged.
    ///
    /// # Errors
    /// If `x` is not a matrix.
    pub fn transpose(&mut self, x: Tensor) -> Result<Tensor> {
        let [rows, columns] = self.matrix(x)?;
        let dtype = self.node(x).dtype;
        Ok(self.add(Op::Transpose, vec![x], Shape::new(&[columns, rows]), dtype))
    }

    /// `count` rows of a matrix from `start`.
    ///
    /// # Errors
    /// If `x` is not a matrix or has fewer rows.
    pub fn rows(&mut self, x: Tensor, start: usize, count: usize) -> Result<Tensor> {
        let [rows, columns] = self.matrix(x)?;
        if count == 0 || start + count > rows {
            return Err(Error::Shape(format!("{} has no rows {start}..{}", self.describe(x), start + count)));
        }
        if count == rows {
            return Ok(x);
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Op::Rows(start), vec![x], Shape::new(&[count, columns]), dtype))
    }

    /// Matrix product `a b`.
    ///
    /// # Errors
    /// If the inner extents differ.
    pub fn matmul(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.matmul_of(a, false, b, false)
    }

    /// Sets the precision of the factors of matrix products made from now on, and returns the former one. The products in
    /// the gradient of a product are as exact as it is.
    pub fn set_precision(&mut self, precision: Precision) -> Precision {
        std::mem::replace(&mut self.precision, precision)
    }

    /// Matrix product with either factor transposed first.
    ///
    /// # Errors
    /// If the factors are not matrices or the inner extents differ.
    pub fn matmul_of(&mut self, a: Tensor, transpose_a: bool, b: Tensor, transpose_b: bool) -> Result<Tensor> {
        let ([ar, ac], [br, bc]) = (self.matrix(a)?, self.matrix(b)?);
        let (m, k) = if transpose_a { (ac, ar) } else { (ar, ac) };
        let (l, n) = if transpose_b { (bc, br) } else { (br, bc) };
        if k != l {
            let what = format!("inner extents to agree, and {k} is not {l}");
            return Err(self.misfit("matmul", a, b, &what));
        }
        let op = Op::MatMul { transpose_a, transpose_b, precision: self.precision, inner: Inner::Product };
        Ok(self.add(op, vec![a, b], Shape::new(&[m, n]), DType::F32))
    }

    /// Distances between the rows of `a` `[M, K]` and of `b` `[N, K]`: `[M, N]`, each the sum over K of what `inner` makes
    /// of two elements.
    ///
    /// # Errors
    /// If they are not matrices or their rows differ in length.
    pub fn distances(&mut self, a: Tensor, b: Tensor, inner: Inner) -> Result<Tensor> {
        let ([m, k], [n, l]) = (self.matrix(a)?, self.matrix(b)?);
        if k != l {
            return Err(self.misfit("distances", a, b, &format!("rows of one length, and {k} is not {l}")));
        }
        let op = Op::MatMul { transpose_a: false, transpose_b: true, precision: Precision::Single, inner };
        Ok(self.add(op, vec![a, b], Shape::new(&[m, n]), DType::F32))
    }

    /// Sum along an axis, whose extent becomes 1.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn sum(&mut self, x: Tensor, axis: usize) -> Result<Tensor> {
        self.reduce(Fold::Sum, x, axis)
    }

    /// Largest value along an axis, whose extent becomes 1.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn max(&mut self, x: Tensor, axis: usize) -> Result<Tensor> {
        self.reduce(Fold::Max, x, axis)
    }

    fn reduce(&mut self, fold: Fold, x: Tensor, axis: usize) -> Result<Tensor> {
        let mut shape = self.shape(x).clone();
        if axis >= shape.0.len() || self.node(x).scope == Scope::Pairs {
            return Err(Error::Shape(format!("{} cannot be reduced along axis {axis}", self.describe(x))));
        }
        if shape.0[axis] == 1 {
            return Ok(x);
        }
        shape.0[axis] = 1;
        Ok(self.add(Op::Reduce(fold, axis), vec![x], shape, DType::F32))
    }

    /// Mean along an axis, whose extent becomes 1.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn mean(&mut self, x: Tensor, axis: usize) -> Result<Tensor> {
        let count = self.shape(x).0.get(axis).copied().unwrap_or(1);
        let sum = self.sum(x, axis)?;
        Ok(self.scale(sum, 1.0 / count as f64))
    }

    /// Sum of all elements, `[1, 1]`.
    ///
    /// # Errors
    /// If `x` is a value of pairs.
    pub fn sum_all(&mut self, x: Tensor) -> Result<Tensor> {
        if self.node(x).scope == Scope::Pairs {
            return Err(Error::Shape(format!("{} cannot be summed over replicas", self.describe(x))));
        }
        let shape = self.shape(x).clone();
        if shape.elements() == 1 {
            return self.reshape(x, &[1, 1]);
        }
        // Large tensors in two stages, so that many invocations have work.
        let last = shape.0.len() - 1;
        let x = if shape.elements() > 16_384 && shape.0[last] < shape.elements() { self.sum(x, last)? } else { x };
        Ok(self.add(Op::Reduce(Fold::Sum, WHOLE), vec![x], Shape::scalar(), DType::F32))
    }

    /// Mean of all elements, `[1, 1]`.
    ///
    /// # Errors
    /// If `x` is a value of pairs.
    pub fn mean_all(&mut self, x: Tensor) -> Result<Tensor> {
        let count = self.shape(x).elements();
        let sum = self.sum_all(x)?;
        Ok(self.scale(sum, 1.0 / count as f64))
    }

    /// Softmax cross-entropy of each row of `logits` `[N, C]` against integer `labels` `[N, 1]`, in nats: `[N, 1]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn cross_entropy(&mut self, logits: Tensor, labels: Tensor) -> Result<Tensor> {
        let rows = self.check_labels(logits, labels)?;
        Ok(self.add(Op::CrossEntropy, vec![logits, labels], Shape::new(&[rows, 1]), DType::F32))
    }

    /// 1 for each row of `logits` whose largest value is at the label, else 0: `[N, 1]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn correct(&mut self, logits: Tensor, labels: Tensor) -> Result<Tensor> {
        let rows = self.check_labels(logits, labels)?;
        Ok(self.add(Op::Correct, vec![logits, labels], Shape::new(&[rows, 1]), DType::F32))
    }

    fn check_labels(&self, logits: Tensor, labels: Tensor) -> Result<usize> {
        let [rows, _] = self.matrix(logits)?;
        if self.shape(labels).0 != [rows, 1] || self.node(labels).dtype != DType::U32 {
            return Err(self.misfit("cross_entropy", logits, labels, "one integer label per row"));
        }
        Ok(rows)
    }

    /// The orthonormal factor of a matrix: rows or columns, whichever are fewer.
    ///
    /// # Errors
    /// If `x` is not a matrix or has too many rows and columns.
    pub fn orthogonal(&mut self, x: Tensor) -> Result<Tensor> {
        let [rows, columns] = self.matrix(x)?;
        if rows.min(columns) > MAX_VECTORS {
            return Err(Error::Shape(format!(
                "{} is too large to be made orthogonal: the smaller extent may be at most {MAX_VECTORS}",
                self.describe(x)
            )));
        }
        let shape = self.shape(x).clone();
        Ok(self.add(Op::Orthogonal, vec![x], shape, DType::F32))
    }

    /// For each column of `distances` `[N, Q]` the rows of its `k` smallest elements, in the order of (element, row): integers
    /// `[k, Q]`. Column `c` is row `first + c` of the same examples, which is not its own neighbour; `first = N` if the
    /// columns are none of the rows. Elements must be finite.
    ///
    /// # Errors
    /// If `distances` is not a matrix, or has not so many rows.
    pub fn nearest(&mut self, distances: Tensor, k: usize, first: usize) -> Result<Tensor> {
        let [rows, queries] = self.matrix(distances)?;
        if k == 0 || k + usize::from(first < rows) > rows {
            return Err(Error::Shape(format!("{k} nearest rows were asked of {}", self.describe(distances))));
        }
        Ok(self.add(Op::Nearest { k, first }, vec![distances], Shape::new(&[k, queries]), DType::U32))
    }

    /// Inner products of `a` of each replica with `b` of each other, over all elements: `[R, R]`.
    ///
    /// # Errors
    /// If the numbers of elements differ or either is not per replica.
    pub fn pair_dot(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        let per_replica = [a, b].iter().all(|&t| self.node(t).scope == Scope::Replica);
        if !per_replica || self.shape(a).elements() != self.shape(b).elements() {
            return Err(self.misfit("pair_dot", a, b, "two tensors of each replica with equally many elements"));
        }
        Ok(self.add_scoped(Op::PairDot, vec![a, b], Shape::new(&[REPLICAS, REPLICAS]), DType::F32, Scope::Pairs))
    }

    /// Keeps work before and after it in separate dispatches, in that order, and shares no node across, so that memory can
    /// be reused in between. Without fences independent parts run side by side, which is fast and needs memory for all
    /// of them at once.
    pub fn fence(&mut self) {
        self.epoch += 1;
    }

    /// Extents of a matrix.
    pub(crate) fn matrix(&self, x: Tensor) -> Result<[usize; 2]> {
        match self.shape(x).extents() {
            [rows, columns] if self.node(x).scope != Scope::Pairs => Ok([*rows, *columns]),
            _ => Err(Error::Shape(format!("{} is not a matrix", self.describe(x)))),
        }
    }

    fn broadcast_shape(&self, a: Tensor, b: Tensor) -> Result<Shape> {
        let scopes = [self.node(a).scope, self.node(b).scope];
        if scopes.contains(&Scope::Pairs) && scopes.contains(&Scope::Replica) {
            return Err(self.misfit("an elementwise function", a, b, "values of replicas, or of pairs, not both"));
        }
        broadcast(self.shape(a), self.shape(b))
            .ok_or_else(|| self.misfit("an elementwise function", a, b, "shapes that broadcast"))
    }

    fn misfit(&self, what: &str, a: Tensor, b: Tensor, wants: &str) -> Error {
        Error::Shape(format!("{what} wants {wants}: got {} and {}", self.describe(a), self.describe(b)))
    }
}

fn check_extents(shape: &Shape, name: &str) -> Result<()> {
    let elements = shape.0.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
    if shape.0.is_empty() || shape.0.len() > 4 || elements.is_none_or(|n| n == 0 || n > (1 << 31)) {
        return Err(Error::Shape(format!(
            "`{name}` has the shape {shape}: one to four positive extents are expected, 2^31 elements at most"
        )));
    }
    Ok(())
}

/// The shape that two shapes broadcast to.
pub(super) fn broadcast(a: &Shape, b: &Shape) -> Option<Shape> {
    let rank = a.0.len().max(b.0.len());
    let extent = |s: &Shape, axis: usize| (axis + s.0.len()).checked_sub(rank).map_or(1, |i| s.0[i]);
    (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(Shape)
}
