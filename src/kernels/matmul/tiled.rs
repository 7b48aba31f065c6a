//! The body through workgroup memory, for GPUs.

use super::{Factors, MatMul, Routine};
use crate::kernels::Variant;
use crate::kernels::program::Level;

impl MatMul {
    pub(super) fn tiled_routine(&self, entry: &str, [rows, columns]: [u32; 2]) -> Routine {
        let (tile_a, tile_b) = (16 * (rows + 4), 16 * (columns + 4));
        // Where factors go, what they are there, and how they come back.
        let (pad, to, of) = match self.factors {
            Factors::Single => ("pad", "", ""),
            Factors::Rounded => ("pad", "quantizeToF16", ""),
            Factors::Stored => ("half", "f16", "f32"),
        };
        let sums: Vec<(String, &str)> = (0..4).map(|i| (i.to_string(), "vec4<f32>(0.0)")).collect();
        let mut around = self.around(&sums);
        around.open.push_str(&self.window_loads().0);
        let mut values = self.tiled_loads(rows, columns, 16);
        values.extend([
            ("entry", entry.to_owned()),
            ("job_words", self.job_words().to_string()),
            ("column_threads", (columns / 4).to_string()),
            ("tile_a", tile_a.to_string()),
            ("pitch_a", (rows + 4).to_string()),
            ("pitch_b", (columns + 4).to_string()),
            ("pad", pad.to_owned()),
            ("to", to.to_owned()),
            ("of", of.to_owned()),
            ("term0", self.inner.term("a0", "b")),
            ("term1", self.inner.term("a1", "b")),
            ("term2", self.inner.term("a2", "b")),
            ("term3", self.inner.term("a3", "b")),
            ("open", around.open),
            ("first", around.first.to_owned()),
            ("end", around.end.to_owned()),
            ("close", around.close),
            ("epilogue", self.epilogue()),
        ]);
        let text = include_str!("../../../shaders/matmul_tiled.wgsl");
        let routine = Routine::new(text, rows * columns / 16, &borrowed(&values));
        match self.factors {
            Factors::Stored => Routine { half_pad: tile_a + tile_b, ..routine },
            _ => Routine { pad: tile_a + tile_b, ..routine },
        }
    }

    /// What the bodies with workgroup memory have in common: where their matrices stand, and how a tile of `rows` x `depth` of A and `depth` x `columns` of
    /// B is loaded.
    pub(super) fn tiled_loads(&self, rows: u32, columns: u32, depth: u32) -> Vec<(&'static str, String)> {
        let (a, b) = (self.a.wgsl(), self.b.wgsl());
        let load_a = if self.transpose_a { "(k0 + kk) * lda + row" } else { "row * lda + k0 + kk" };
        let load_b = if self.transpose_b { "column * ldb + k0 + kk" } else { "(k0 + kk) * ldb + column" };
        // Neighbouring invocations read neighbouring addresses: along K where K is the fast axis.
        let split = |k_fast: bool, extent: u32| {
            if k_fast {
                format!("let kk = i % {depth}u; let local = i / {depth}u;")
            } else {
                format!("let local = i % {extent}u; let kk = i / {extent}u;")
            }
        };
        let (_, [window_a, window_b]) = self.window_loads();
        let frame = self.frame();
        let mut values = vec![
            ("rows", rows.to_string()),
            ("columns", columns.to_string()),
            ("depth", depth.to_string()),
            ("threads", self.threads().to_string()),
            ("elements_a", (depth * rows).to_string()),
            ("elements_b", (depth * columns).to_string()),
            ("split_a", split(!self.transpose_a, rows)),
            ("split_b", split(self.transpose_b, columns)),
            ("load_a", window_a.unwrap_or_else(|| format!("x = {a}[a_base + {load_a}];"))),
            ("load_b", window_b.unwrap_or_else(|| format!("x = {b}[b_base + {load_b}];"))),
            ("bases", self.program.emit_bases(&frame) + &self.program.emit_values(&frame, &[Level::Uniform])),
        ];
        values.extend(self.places());
        values
    }
}

/// Values to fill a template with, as it takes them.
pub(super) fn borrowed<'a>(values: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    values.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
