//! Exact optimal transport between uniform marginals, which soft matching needs when two representations have
//! different numbers of units.

use faer::MatRef;

use super::algebra::{largest, power_of_two_scale};
use super::check::check_matrix;
use crate::error::Result;

/// An optimal transport plan between uniform marginals.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The least total cost: the sum of cost × mass.
    pub cost: f64,
    /// `(row, column, mass)` of every pair that carries mass, ascending; the masses of a row sum to 1/rows, those of a
    /// column to 1/columns.
    pub entries: Vec<(usize, usize, f64)>,
}

/// The transport plan of least cost from a uniform distribution over rows to one over columns.
///
/// `cost` may have any signs. Masses are whole multiples of 1/lcm(rows, columns), so flows are integers and the plan is
/// exact; only costs are rounded. Successive shortest augmenting paths with dual variables.
///
/// # Errors
/// If `cost` is empty or holds a value that is not finite.
pub fn transport_uniform(cost: MatRef<'_, f64>) -> Result<Plan> {
    check_matrix(cost, "cost")?;
    let (p, q) = (cost.nrows(), cost.ncols());
    let common = gcd(p, q);
    let (supply, demand) = (q / common, p / common);
    let scale = power_of_two_scale(largest(cost));
    let row_major: Vec<f64> = (0..p).flat_map(|i| (0..q).map(move |j| scale * cost[(i, j)])).collect();
    let flow = Flow::new(q, row_major, demand).solve(supply);
    let total = (p * supply) as f64;
    let mut entries = Vec::new();
    let mut sum = 0.0;
    for (i, row) in flow.chunks_exact(q).enumerate() {
        for (j, &f) in row.iter().enumerate().filter(|(_, f)| **f > 0) {
            entries.push((i, j, f as f64 / total));
            sum += f as f64 / total * cost[(i, j)];
        }
    }
    Ok(Plan { cost: sum, entries })
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

const NONE: usize = usize::MAX;

/// A transport problem while it is being solved.
struct Flow {
    columns: usize,
    cost: Vec<f64>,
    /// Flow from every row to every column.
    flow: Vec<usize>,
    /// Rows that send flow to a column.
    senders: Vec<Vec<usize>>,
    /// Flow that a column can still take.
    room: Vec<usize>,
    /// Dual variables: cost − u − v ≥ 0, and 0 wherever there is flow.
    u: Vec<f64>,
    v: Vec<f64>,
}

/// Work space of one search: over columns (distance, whether final, the row that reached it) and over rows (distance,
/// the column that reached it).
struct Search {
    distance: Vec<f64>,
    done: Vec<bool>,
    from_row: Vec<usize>,
    row_distance: Vec<f64>,
    from_column: Vec<usize>,
    /// Rows in the order in which they were reached.
    reached: Vec<usize>,
}

impl Flow {
    fn new(columns: usize, cost: Vec<f64>, demand: usize) -> Self {
        // The least cost of a row as its dual keeps all reduced costs at or above zero.
        let u: Vec<f64> = cost.chunks_exact(columns).map(|r| r.iter().copied().fold(f64::INFINITY, f64::min)).collect();
        Self {
            columns,
            flow: vec![0; cost.len()],
            senders: vec![Vec::new(); columns],
            room: vec![demand; columns],
            v: vec![0.0; columns],
            u,
            cost,
        }
    }

    /// Sends `supply` from every row; returns the flows, row by row.
    fn solve(mut self, supply: usize) -> Vec<usize> {
        let rows = self.u.len();
        let mut search = Search {
            distance: vec![0.0; self.columns],
            done: vec![false; self.columns],
            from_row: vec![NONE; self.columns],
            row_distance: vec![0.0; rows],
            from_column: vec![NONE; rows],
            reached: Vec::with_capacity(rows),
        };
        for start in 0..rows {
            let mut left = supply;
            while left > 0 {
                let end = self.search(start, &mut search);
                self.update_duals(end, &search);
                left -= self.augment(start, end, left, &search);
            }
        }
        self.flow
    }

    /// Nearest column with room from row `start`, by Dijkstra over reduced costs.
    fn search(&self, start: usize, s: &mut Search) -> usize {
        s.distance.fill(f64::INFINITY);
        s.done.fill(false);
        s.from_column.fill(NONE);
        s.reached.clear();
        s.reached.push(start);
        s.row_distance[start] = 0.0;
        let mut next = 0;
        loop {
            for &row in &s.reached[next..] {
                let base = s.row_distance[row] - self.u[row];
                let costs = &self.cost[row * self.columns..(row + 1) * self.columns];
                for (j, &cost) in costs.iter().enumerate() {
                    let d = base + cost - self.v[j];
                    if d < s.distance[j] && !s.done[j] {
                        s.distance[j] = d;
                        s.from_row[j] = row;
                    }
                }
            }
            next = s.reached.len();
            let mut nearest = NONE;
            for j in (0..self.columns).filter(|&j| !s.done[j]) {
                // Between equal distances a column with room ends the search at once.
                if nearest == NONE
                    || s.distance[j] < s.distance[nearest]
                    || (s.distance[j] == s.distance[nearest] && self.room[j] > 0 && self.room[nearest] == 0)
                {
                    nearest = j;
                }
            }
            if self.room[nearest] > 0 {
                return nearest;
            }
            s.done[nearest] = true;
            for &row in &self.senders[nearest] {
                if row != start && s.from_column[row] == NONE {
                    s.from_column[row] = nearest;
                    s.row_distance[row] = s.distance[nearest];
                    s.reached.push(row);
                }
            }
        }
    }

    fn update_duals(&mut self, end: usize, s: &Search) {
        let far = s.distance[end];
        for &row in &s.reached {
            self.u[row] += far - s.row_distance[row];
        }
        for j in (0..self.columns).filter(|&j| s.done[j]) {
            self.v[j] -= far - s.distance[j];
        }
    }

    /// Pushes as much flow as fits along the path found; returns how much.
    fn augment(&mut self, start: usize, end: usize, left: usize, s: &Search) -> usize {
        let mut amount = left.min(self.room[end]);
        let mut row = s.from_row[end];
        while row != start {
            let column = s.from_column[row];
            amount = amount.min(self.flow[row * self.columns + column]);
            row = s.from_row[column];
        }
        self.room[end] -= amount;
        let mut column = end;
        loop {
            let row = s.from_row[column];
            let forward = row * self.columns + column;
            if self.flow[forward] == 0 {
                self.senders[column].push(row);
            }
            self.flow[forward] += amount;
            if row == start {
                return amount;
            }
            column = s.from_column[row];
            let backward = row * self.columns + column;
            self.flow[backward] -= amount;
            if self.flow[backward] == 0 {
                self.senders[column].retain(|&r| r != row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::numerics::assignment::maximise;
    use faer::Mat;
    use proptest::prelude::*;

    /// Least cost by expanding every row and column into unit copies and solving the assignment.
    fn by_expansion(cost: MatRef<'_, f64>) -> f64 {
        let (p, q) = (cost.nrows(), cost.ncols());
        let big = Mat::from_fn(p * q, p * q, |i, j| -cost[(i / q, j / p)]);
        maximise(big.as_ref()).unwrap().pairs.iter().map(|&(i, j)| -big[(i, j)]).sum::<f64>() / (p * q) as f64
    }

    proptest! {
        #[test]
        fn agrees_with_the_expanded_assignment(p in 1_usize..8, q in 1_usize..8, ties in any::<bool>(), v in prop::collection::vec(-1.0_f64..1.0, 64)) {
            let c = Mat::from_fn(p, q, |i, j| if ties { (2.0 * v[i * 8 + j]).round() } else { v[i * 8 + j] });
            let plan = transport_uniform(c.as_ref()).unwrap();
            let want = by_expansion(c.as_ref());
            prop_assert!((plan.cost - want).abs() < 1e-12, "{} instead of {}", plan.cost, want);
            for i in 0..p {
                let mass: f64 = plan.entries.iter().filter(|e| e.0 == i).map(|e| e.2).sum();
                prop_assert!((mass - 1.0 / p as f64).abs() < 1e-14);
            }
            for j in 0..q {
                let mass: f64 = plan.entries.iter().filter(|e| e.1 == j).map(|e| e.2).sum();
                prop_assert!((mass - 1.0 / q as f64).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_plan_by_hand() {
        // Two rows, three columns: each row fills one column and half of the middle one.
        let c = Mat::from_fn(2, 3, |i, j| {
            if (i, j) == (0, 0) || (i, j) == (1, 2) {
                0.0
            } else if j == 1 {
                1.0
            } else {
                9.0
            }
        });
        let plan = transport_uniform(c.as_ref()).unwrap();
        assert!((plan.cost - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(plan.entries.iter().map(|e| (e.0, e.1)).collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 1), (1, 2)]);
    }

    #[test]
    fn bad_costs_are_refused_and_huge_ones_are_not() {
        for m in [
            Mat::zeros(0, 3),
            Mat::zeros(3, 0),
            Mat::from_fn(2, 2, |_, _| f64::NAN),
            Mat::from_fn(2, 3, |_, _| f64::NEG_INFINITY),
        ] {
            assert!(transport_uniform(m.as_ref()).is_err());
        }
        let huge = Mat::from_fn(2, 3, |i, j| if (i + j) % 2 == 0 { 1.5e308 } else { -1.5e308 });
        assert!(transport_uniform(huge.as_ref()).unwrap().cost.is_finite());
    }

    #[test]
    #[ignore = "takes long"]
    fn thousands_of_units() {
        let mut random = crate::measure::numerics::random::SplitMix::new(1, 0);
        let cost = Mat::from_fn(1000, 999, |_, _| random.uniform());
        let began = std::time::Instant::now();
        println!("{:?} in {:?}", transport_uniform(cost.as_ref()).unwrap().cost, began.elapsed());
        let cost = Mat::from_fn(2000, 2000, |_, _| random.uniform());
        let began = std::time::Instant::now();
        println!("{:?} in {:?}", maximise(cost.as_ref()).unwrap().pairs.len(), began.elapsed());
    }

    #[test]
    fn hundreds_of_units_take_less_than_a_second() {
        let mut random = crate::measure::numerics::random::SplitMix::new(1, 0);
        for (p, q) in [(256, 200), (256, 199)] {
            let began = std::time::Instant::now();
            let plan = transport_uniform(Mat::from_fn(p, q, |_, _| random.uniform()).as_ref()).unwrap();
            assert!(plan.cost > 0.0 && plan.cost < 0.1);
            println!("{p} × {q}: {:?}", began.elapsed());
            assert!(began.elapsed().as_secs_f64() < 5.0);
        }
    }
}
