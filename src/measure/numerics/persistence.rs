//! Persistent homology in degree 1 of the Vietoris–Rips complex of a distance matrix, which representation topology
//! divergence sums up.
//!
//! The method is that of Ripser (Bauer 2021): cohomology over two elements, clearing of the edges that connect
//! components, apparent pairs, and a coboundary that is never stored. Edges are put in one strict order (by length,
//! then by vertices), and a triangle is known by the place of its longest edge in that order and by the vertex opposite
//! of it, so the whole computation is on integers and the same on every machine.

use std::collections::HashMap;

use faer::MatRef;

use crate::error::{Error, Result};

/// The most points for which [`h1_bars`] can be asked; work space grows with their third power (0.5 GB here).
pub const MAX_POINTS: usize = 2048;

/// A loop's life: it appears at `birth` and is filled at `death`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Distance at which the loop closes.
    pub birth: f64,
    /// Distance at which it is filled by triangles.
    pub death: f64,
}

/// The bars of positive length in degree 1 of the Vietoris–Rips filtration of a symmetric matrix of distances.
///
/// Bars come by decreasing birth. `distance` needs no triangle inequality, and distances between different points may be
/// 0; the diagonal is not read. All bars are finite.
///
/// # Errors
/// Unless the matrix is square and symmetric with finite values ≥ 0 and at most [`MAX_POINTS`] rows.
pub fn h1_bars(distance: MatRef<'_, f64>) -> Result<Vec<Bar>> {
    check_distances(distance)?;
    let Some(complex) = Complex::new(distance) else { return Ok(Vec::new()) };
    Ok(complex.bars())
}

fn check_distances(d: MatRef<'_, f64>) -> Result<()> {
    let n = d.nrows();
    if n != d.ncols() || n > MAX_POINTS {
        return Err(Error::Measure(format!(
            "expected a square matrix of distances between at most {MAX_POINTS} points, got {n} × {}; take a subset of \
             the points",
            d.ncols()
        )));
    }
    for j in 0..n {
        for i in 0..j {
            let (a, b) = (d[(i, j)], d[(j, i)]);
            if !(a.is_finite() && a >= 0.0 && a == b) {
                return Err(Error::Measure(format!(
                    "expected finite, symmetric distances of at least 0, got {a} from point {i} to {j} and {b} back"
                )));
            }
        }
    }
    Ok(())
}

const NONE: u32 = u32::MAX;

/// The edges of a complete graph in their order, and what follows from it.
struct Complex {
    points: usize,
    /// Ends and length of every edge, in order.
    edges: Vec<(u32, u32, f64)>,
    /// Place in the order of the edge between two points, row by row.
    rank: Vec<u32>,
    /// Number of edges up to the one from which on some point is joined to all others; nothing happens after it.
    useful: usize,
    /// For every useful edge the first point nearer (in the order) to both its ends than they are to each other. The
    /// edge is born and filled by that triangle at once: an apparent pair.
    filler: Vec<u32>,
}

impl Complex {
    fn new(distance: MatRef<'_, f64>) -> Option<Self> {
        let points = distance.nrows();
        let mut edges: Vec<(u32, u32, f64)> = (0..points as u32)
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .map(|(i, j)| (i, j, distance[(i as usize, j as usize)]))
            .collect();
        edges.sort_unstable_by(|a, b| a.2.total_cmp(&b.2).then((a.0, a.1).cmp(&(b.0, b.1))));
        let mut rank = vec![0; points * points];
        for (place, &(i, j, _)) in edges.iter().enumerate() {
            rank[i as usize * points + j as usize] = place as u32;
            rank[j as usize * points + i as usize] = place as u32;
        }
        let eccentricity =
            |(i, row): (usize, &[u32])| row.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, &r)| r).max();
        let useful = rank.chunks_exact(points.max(1)).enumerate().filter_map(eccentricity).min()? as usize + 1;
        let filler = edges[..useful]
            .iter()
            .enumerate()
            .map(|(place, &(i, j, _))| {
                let (a, b) = (row(&rank, points, i), row(&rank, points, j));
                let nearer = |v: usize| v as u32 != i && v as u32 != j && a[v].max(b[v]) < place as u32;
                (0..points).find(|&v| nearer(v)).map_or(NONE, |v| v as u32)
            })
            .collect();
        Some(Self { points, edges, rank, useful, filler })
    }

    /// Whether a useful edge joins two components when it appears; such an edge closes no loop.
    fn joins(&self) -> Vec<bool> {
        let mut parent: Vec<u32> = (0..self.points as u32).collect();
        fn root(parent: &mut [u32], mut v: u32) -> u32 {
            while parent[v as usize] != v {
                parent[v as usize] = parent[parent[v as usize] as usize];
                v = parent[v as usize];
            }
            v
        }
        let joins = |&(i, j, _): &(u32, u32, f64)| {
            let (a, b) = (root(&mut parent, i), root(&mut parent, j));
            parent[a.max(b) as usize] = a.min(b);
            a != b
        };
        self.edges[..self.useful].iter().map(joins).collect()
    }

    fn bars(&self) -> Vec<Bar> {
        let joins = self.joins();
        let mut bars = Vec::new();
        let mut column = Column::new(self.useful * self.points);
        let mut chain = Column::new(self.useful);
        // Reduced columns by their first triangle: the edges whose coboundaries they are the sum of.
        let mut reduced: HashMap<usize, Vec<usize>> = HashMap::new();
        for edge in (0..self.useful).rev() {
            if joins[edge] || self.filler[edge] != NONE {
                continue;
            }
            self.toggle_coboundary(edge, &mut column);
            chain.toggle(edge);
            while let Some(triangle) = column.first() {
                let (longest, opposite) = (triangle / self.points, triangle % self.points);
                if self.filler[longest] == opposite as u32 {
                    self.toggle_coboundary(longest, &mut column);
                    chain.toggle(longest);
                } else if let Some(other) = reduced.get(&triangle) {
                    for &e in other {
                        self.toggle_coboundary(e, &mut column);
                        chain.toggle(e);
                    }
                } else {
                    let bar = Bar { birth: self.edges[edge].2, death: self.edges[longest].2 };
                    if bar.death > bar.birth {
                        bars.push(bar);
                    }
                    reduced.insert(triangle, chain.members());
                    break;
                }
            }
            column.clear();
            chain.clear();
        }
        bars
    }

    /// Adds all useful triangles on an edge to a column.
    fn toggle_coboundary(&self, edge: usize, column: &mut Column) {
        let (i, j, _) = self.edges[edge];
        let (a, b) = (row(&self.rank, self.points, i), row(&self.rank, self.points, j));
        for v in 0..self.points as u32 {
            if v == i || v == j {
                continue;
            }
            let (to_i, to_j) = (a[v as usize] as usize, b[v as usize] as usize);
            let longest = edge.max(to_i).max(to_j);
            if longest < self.useful {
                let opposite = if longest == edge {
                    v
                } else if longest == to_i {
                    j
                } else {
                    i
                };
                column.toggle(longest * self.points + opposite as usize);
            }
        }
    }
}

fn row(rank: &[u32], points: usize, i: u32) -> &[u32] {
    &rank[i as usize * points..(i as usize + 1) * points]
}

/// A set of numbers in which adding a member twice removes it, and whose least member is found fast.
struct Column {
    bits: Vec<u64>,
    /// One bit for every word of `bits` that may not be zero.
    summary: Vec<u64>,
    /// No word of the summary before this one holds a bit.
    start: usize,
}

impl Column {
    fn new(size: usize) -> Self {
        let words = size.div_ceil(64);
        Self { bits: vec![0; words], summary: vec![0; words.div_ceil(64)], start: 0 }
    }

    fn toggle(&mut self, member: usize) {
        let word = member / 64;
        self.bits[word] ^= 1 << (member % 64);
        self.summary[word / 64] |= 1 << (word % 64);
        self.start = self.start.min(word / 64);
    }

    fn first(&mut self) -> Option<usize> {
        while let Some(summary) = self.summary.get_mut(self.start) {
            if *summary == 0 {
                self.start += 1;
                continue;
            }
            let word = self.start * 64 + summary.trailing_zeros() as usize;
            if self.bits[word] != 0 {
                return Some(word * 64 + self.bits[word].trailing_zeros() as usize);
            }
            *summary &= *summary - 1;
        }
        None
    }

    fn members(&self) -> Vec<usize> {
        let mut members = Vec::new();
        for word in self.touched() {
            let mut bits = self.bits[word];
            while bits != 0 {
                members.push(word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
        members
    }

    fn clear(&mut self) {
        for word in self.touched().collect::<Vec<_>>() {
            self.bits[word] = 0;
        }
        self.summary.fill(0);
        self.start = self.summary.len();
    }

    fn touched(&self) -> impl Iterator<Item = usize> {
        self.summary
            .iter()
            .enumerate()
            .flat_map(|(s, &bits)| (0..64).filter(move |b| bits >> b & 1 == 1).map(move |b| s * 64 + b))
    }
}

#[cfg(test)]
mod tests;
