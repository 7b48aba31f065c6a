//! A factor that is the windows of images, `[examples made, taps channels]`, and stands in memory as the images,
//! `[examples read, channels]`: a table says which row of an example a tap of a window is, or that it is none.

use std::fmt::Write;

use super::MatMul;
use super::parts::Around;

/// Which factor is made of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Windowed {
    /// A, whose rows are windows.
    A,
    /// B, whose columns are taps and channels.
    B,
}

/// Words of the windows in a job: offset of the table `[made, taps]` in the data, taps, and rows of an example that are made and
/// that are read. A number in the table that is not less than `read` stands for zeros.
pub(super) const WORDS: usize = 4;

/// The windows of a factor on the processor.
#[derive(Clone, Copy)]
pub struct Windows<'a> {
    /// `[made, taps]`
    pub table: &'a [u32],
    /// Taps of a window.
    pub taps: usize,
    /// Windows of an example.
    pub made: usize,
    /// Rows of an example in memory.
    pub read: usize,
}

impl Windows<'_> {
    /// Hands out the row in memory of each of these windows at a tap, with its number among them; none where there are zeros.
    #[inline(always)]
    pub fn rows(&self, windows: std::ops::Range<usize>, tap: usize, mut each: impl FnMut(usize, Option<usize>)) {
        let (mut example, mut window) = (windows.start / self.made, windows.start % self.made);
        for number in 0..windows.len() {
            let at = self.table[window * self.taps + tap] as usize;
            each(number, (at < self.read).then_some(example * self.read + at));
            window += 1;
            if window == self.made {
                (example, window) = (example + 1, 0);
            }
        }
    }
}

impl MatMul {
    /// The words of the windows by name.
    fn window_words(&self) -> String {
        let words = ["windows", "taps", "made", "read"].iter().enumerate();
        words.map(|(i, name)| format!("    let {name} = table[job + {}u];\n", 10 + i)).collect()
    }

    /// What stands around the loop over K of the wide body: a loop over taps for each row that is loaded of A, or over examples
    /// for each column of B.
    pub(super) fn around_windows(&self, which: Windowed, loaded: usize) -> Around {
        let mut open = self.window_words();
        match which {
            Windowed::A => {
                for i in 0..loaded {
                    let _ = writeln!(
                        open,
                        "    let w{i} = windows + (r{i} % made) * taps;\n    let e{i} = (r{i} / made) * read;"
                    );
                }
                open.push_str("    for (var tap = 0u; tap < taps; tap++) {\n        let start = tap * lda;\n");
                open.push_str("        let end = start + lda;\n");
                for i in 0..loaded {
                    let _ = writeln!(
                        open,
                        "        let at{i} = bitcast<u32>(data[w{i} + tap]);\n        let p{i} = a_base + (e{i} + min(at{i}, read - 1u)) * lda - start;"
                    );
                }
            }
            Windowed::B => {
                for i in 0..loaded {
                    let _ = writeln!(open, "    let w{i} = windows + c{i} / ldb;\n    let h{i} = b_base + c{i} % ldb;");
                }
                open.push_str("    for (var start = 0u; start < depth; start += made) {\n");
                open.push_str("        let end = start + made;\n        let e = (start / made) * read;\n");
            }
        }
        Around { open, first: "start", end: "end", close: "    }\n".to_owned() }
    }

    /// What is read of row `i` of A in the wide body.
    pub(super) fn window_of_a(&self, i: usize, step: usize) -> String {
        format!("select(0.0, {}[p{i} + k + {step}u], at{i} < read)", self.a.wgsl())
    }

    /// What is read of column `i` of B in the wide body, and what must stand before it.
    pub(super) fn window_of_b(&self, i: usize, step: usize) -> (String, String) {
        let at = format!("        let at{step}_{i} = bitcast<u32>(data[w{i} + (k + {step}u - start) * taps]);\n");
        let b = self.b.wgsl();
        (at, format!("select(0.0, {b}[h{i} + (e + min(at{step}_{i}, read - 1u)) * ldb], at{step}_{i} < read)"))
    }

    /// In the bodies with workgroup memory: the names, and how `x` of A or of B is read.
    pub(super) fn window_loads(&self) -> (String, [Option<String>; 2]) {
        let load = |memory: &str, base: &str, leading: &str, window: &str, across: &str| {
            format!(
                "let place = bitcast<u32>(data[windows + (({window}) % made) * taps + ({across}) / {leading}]);\n                let line = (({window}) / made) * read + min(place, read - 1u);\n                x = select(0.0, {memory}[{base} + line * {leading} + ({across}) % {leading}], place < read);"
            )
        };
        match self.windowed {
            None => (String::new(), [None, None]),
            Some(Windowed::A) => {
                (self.window_words(), [Some(load(self.a.wgsl(), "a_base", "lda", "row", "k0 + kk")), None])
            }
            Some(Windowed::B) => {
                (self.window_words(), [None, Some(load(self.b.wgsl(), "b_base", "ldb", "k0 + kk", "column"))])
            }
        }
    }
}
