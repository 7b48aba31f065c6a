//! The body by cooperative matrices (tensor cores): 16-bit factors, 32-bit sums.

use crate::kernels::Variant;
use std::fmt::Write;

use super::tiled::borrowed;
use super::{MatMul, Routine, Tile};
use crate::gpu::{CooperativeRow, Profile};

/// Steps of K that stand in workgroup memory at once for cooperative matrices.
pub(super) const DEPTH: u32 = 32;

/// Values from one row of A in workgroup memory to the next: padded, so that rows fall into different banks.
const PITCH_A: u32 = DEPTH + 8;

/// Values from one row of B in workgroup memory to the next.
fn pitch_b(side: u32) -> u32 {
    side + 8
}

/// The tile of cooperative matrices for results of at least `extent` rows and columns, where the profile has them for
/// 16-bit factors and 32-bit sums, and subgroups have one size.
pub(super) fn tile(profile: &Profile, extent: usize) -> Option<Tile> {
    let fits = |row: &&CooperativeRow| {
        (row.m, row.n, row.k) == (row.m, row.m, row.m)
            && matches!(row.m, 8 | 16)
            && (row.factors.as_str(), row.result.as_str()) == ("F16", "F32")
    };
    let matrix = profile.cooperative.iter().filter(fits).map(|row| row.m).max()?;
    let subgroup = profile.subgroup_max;
    let side = if extent >= 64 { 64 } else { 32 };
    let memory = 2 * (side * PITCH_A + pitch_b(side) * DEPTH) + 4 * side * side;
    let lanes = subgroup * (side / 32) * (side / 32);
    (profile.f16
        && subgroup == profile.subgroup_min
        && subgroup > 0
        && lanes <= profile.workgroup_invocations
        && memory <= profile.workgroup_memory
        && extent >= 32)
        .then_some(Tile::Cooperative { side, matrix, subgroup })
}

impl MatMul {
    pub(super) fn cooperative_routine(&self, entry: &str, [side, matrix, subgroup]: [u32; 3]) -> Routine {
        let tile_a = side * PITCH_A;
        let mut values = self.tiled_loads(side, side, DEPTH);
        values.extend([
            ("entry", entry.to_owned()),
            ("job_words", self.job_words().to_string()),
            ("tile_a", tile_a.to_string()),
            ("pitch_a", PITCH_A.to_string()),
            ("pitch_b", pitch_b(side).to_string()),
            ("subgroup", subgroup.to_string()),
            ("across", (side / 32).to_string()),
            ("results", (side * side).to_string()),
            ("declare", cooperative_declare(matrix)),
            ("multiply", cooperative_multiply(matrix, tile_a, pitch_b(side))),
            ("store", cooperative_store(matrix, side)),
            ("epilogue", self.epilogue()),
        ]);
        let text = include_str!("../../../shaders/matmul_cooperative.wgsl");
        let routine = Routine::new(text, self.threads() as u32, &borrowed(&values));
        Routine { pad: side * side, half_pad: tile_a + DEPTH * pitch_b(side), cooperative: true, ..routine }
    }
}

/// Accumulators of one subgroup's 32 x 32 results.
fn cooperative_declare(matrix: u32) -> String {
    let mut text = String::new();
    for i in 0..32 / matrix {
        for j in 0..32 / matrix {
            let _ = writeln!(text, "    var c{i}_{j} = coop_mat{matrix}x{matrix}<f32, C>();");
        }
    }
    text
}

/// One turn of the loop over K: every product of the subgroup's matrices.
fn cooperative_multiply(matrix: u32, tile_a: u32, pitch_b: u32) -> String {
    let (mut text, per) = (String::new(), 32 / matrix);
    let kind = |role: char| format!("coop_mat{matrix}x{matrix}<f16, {role}>");
    for k in (0..DEPTH).step_by(matrix as usize) {
        text.push_str("        {\n");
        for i in 0..per {
            let at = format!("(row_local + {}u) * {PITCH_A}u + {k}u", i * matrix);
            let _ = writeln!(text, "        let a{i} = coopLoadT<{}>(&half[{at}], {PITCH_A}u);", kind('A'));
            let at = format!("{tile_a}u + {k}u * {pitch_b}u + column_local + {}u", i * matrix);
            let _ = writeln!(text, "        let b{i} = coopLoadT<{}>(&half[{at}], {pitch_b}u);", kind('B'));
        }
        for i in 0..per {
            for j in 0..per {
                let _ = writeln!(text, "        c{i}_{j} = coopMultiplyAdd(a{i}, b{j}, c{i}_{j});");
            }
        }
        text.push_str("        }\n");
    }
    text
}

/// The subgroup's results, to where every invocation can read them.
fn cooperative_store(matrix: u32, side: u32) -> String {
    let mut text = String::new();
    for i in 0..32 / matrix {
        for j in 0..32 / matrix {
            let at = format!("(row_local + {}u) * {side}u + column_local + {}u", i * matrix, j * matrix);
            let _ = writeln!(text, "    coopStoreT(c{i}_{j}, &pad[{at}], {side}u);");
        }
    }
    text
}
