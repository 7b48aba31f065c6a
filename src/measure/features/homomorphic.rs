//! A representation that computes without showing what: bits under homomorphic encryption, as the extreme of a computation of
//! which linear analyses see nothing (Lampinen, Chan, Li, Hermann 2025, *Representation biases*).
//!
//! The scheme is that of van Dijk, Gentry, Halevi, Vaikuntanathan (2010) over the integers with small numbers, a toy and no
//! protection of anything. The secret is an odd `p`; a bit `m` becomes `c = m + 2 r + p q` with random `r` and `q`. Sums of
//! ciphertexts hold the exclusive or, products the conjunction, and `m = (c mod p) mod 2` with the residue nearest zero, as long
//! as the *noise* `m + 2 r` of the result stays below `p / 2` in size. Each ciphertext carries a bound of its noise, and an
//! operation that could pass `p / 2` or the range of an `i128` is refused: what decrypts at all decrypts rightly.
//!
//! With the sizes here (`p` of 40 bits, `|r|` up to 256, `q` below 2^16) fresh noise is at most 513, that of a conjunction at most
//! 263 169, that of a parity of four bits at most 2 052, and `p / 2` is above 2^38. Ciphertexts are below 2^56 and their products
//! below 2^112, so that ten thousand conjunctions can be summed, and none can follow another.

use faer::Mat;

use crate::error::Result;
use crate::measure::random::Random;
use crate::measure::statistic::input::fail;

/// The secret, an odd number of 40 bits.
const SECRET: i128 = (1 << 39) + 0x5_3a91_c2e7;
/// Largest size of `r`.
const NOISE: usize = 256;
/// `q` is below this.
const QUOTIENTS: usize = 1 << 16;

/// An encrypted bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    value: i128,
    /// No noise is larger.
    noise: i128,
}

impl Cipher {
    fn fresh(bit: bool, random: &mut Random) -> Self {
        let r = random.below(2 * NOISE + 1) as i128 - NOISE as i128;
        let q = 1 + random.below(QUOTIENTS - 1) as i128;
        Self { value: i128::from(bit) + 2 * r + SECRET * q, noise: 2 * NOISE as i128 + 1 }
    }

    /// The number that stands for the bit.
    pub fn value(&self) -> i128 {
        self.value
    }

    fn checked(value: Option<i128>, noise: Option<i128>) -> Result<Self> {
        match (value, noise) {
            (Some(value), Some(noise)) if noise < SECRET / 2 => Ok(Self { value, noise }),
            _ => fail(
                "one more operation on these ciphertexts could make their noise or size too large to decrypt rightly: compute \
                 with fewer conjunctions in a row",
            ),
        }
    }

    /// Exclusive or, by a sum.
    ///
    /// # Errors
    /// If the result might not decrypt rightly.
    pub fn xor(self, other: Self) -> Result<Self> {
        Self::checked(self.value.checked_add(other.value), self.noise.checked_add(other.noise))
    }

    /// Conjunction, by a product.
    ///
    /// # Errors
    /// If the result might not decrypt rightly.
    pub fn and(self, other: Self) -> Result<Self> {
        Self::checked(self.value.checked_mul(other.value), self.noise.checked_mul(other.noise))
    }

    /// The bit.
    pub fn decrypt(self) -> bool {
        let residue = self.value.rem_euclid(SECRET);
        let nearest = if residue > SECRET / 2 { residue - SECRET } else { residue };
        nearest.rem_euclid(2) == 1
    }
}

/// Ciphertexts as a representation: for each example as many units as a bit has ciphertexts, all of the same bit.
#[derive(Clone, Debug)]
pub struct Encrypted {
    ciphers: Vec<Cipher>,
    units: usize,
}

impl Encrypted {
    /// Encrypts a bit of each example afresh in each of `units` units.
    ///
    /// # Errors
    /// No bits or no units.
    pub fn of(bits: &[bool], units: usize, seed: u64) -> Result<Self> {
        if bits.is_empty() || units == 0 {
            return fail(format!(
                "{} bits in {units} units make no representation; give at least one of each",
                bits.len()
            ));
        }
        let mut random = Random::new(seed, 0);
        let ciphers = bits.iter().flat_map(|b| vec![*b; units]).map(|b| Cipher::fresh(b, &mut random)).collect();
        Ok(Self { ciphers, units })
    }

    fn with(&self, other: &Self, f: impl Fn(Cipher, Cipher) -> Result<Cipher>) -> Result<Self> {
        if self.ciphers.len() != other.ciphers.len() || self.units != other.units {
            return fail("representations of different examples or units cannot be computed with together");
        }
        let pairs = self.ciphers.iter().zip(&other.ciphers);
        Ok(Self { ciphers: pairs.map(|(a, b)| f(*a, *b)).collect::<Result<_>>()?, units: self.units })
    }

    /// Exclusive or with the bits of another, under encryption, unit by unit.
    ///
    /// # Errors
    /// Other examples or units; results that might not decrypt rightly.
    pub fn xor(&self, other: &Self) -> Result<Self> {
        self.with(other, Cipher::xor)
    }

    /// Conjunction with the bits of another, under encryption, unit by unit.
    ///
    /// # Errors
    /// As [`Encrypted::xor`].
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.with(other, Cipher::and)
    }

    /// The bit in each unit of each example, examples one after the other.
    pub fn decrypt(&self) -> Vec<bool> {
        self.ciphers.iter().map(|c| c.decrypt()).collect()
    }

    /// Part of units and examples whose bit is the given one of their example.
    ///
    /// # Errors
    /// Another number of bits than examples.
    pub fn accuracy(&self, bits: &[bool]) -> Result<f64> {
        if bits.len() * self.units != self.ciphers.len() {
            return fail(format!("there are {} bits for {} examples", bits.len(), self.ciphers.len() / self.units));
        }
        let found = self.decrypt();
        let right = found.chunks(self.units).zip(bits).map(|(own, b)| own.iter().filter(|o| *o == b).count());
        Ok(right.sum::<usize>() as f64 / self.ciphers.len() as f64)
    }

    /// Size of the largest of the numbers.
    pub fn largest(&self) -> f64 {
        self.ciphers.iter().map(|c| c.value.unsigned_abs()).max().unwrap_or(1) as f64
    }

    /// The numbers as a representation, examples × units, divided by `unit`: one for all sets that are compared, such as the
    /// [largest](Self::largest) of one of them.
    pub fn floats(&self, unit: f64) -> Mat<f64> {
        let examples = self.ciphers.len() / self.units;
        Mat::from_fn(examples, self.units, |i, u| self.ciphers[i * self.units + u].value as f64 / unit)
    }
}

/// What is computed of four bits under encryption.
#[derive(Clone, Debug)]
pub struct Computed {
    /// The first bit itself.
    pub easy: Encrypted,
    /// Conjunction of the first two.
    pub and: Encrypted,
    /// Parity of the four.
    pub parity: Encrypted,
}

impl Computed {
    /// Encrypts four bits of each example in `units` units each, and computes with them.
    ///
    /// # Errors
    /// No examples or no units.
    pub fn of(bits: &[[bool; 4]], units: usize, seed: u64) -> Result<Self> {
        let column = |j: usize| {
            let own: Vec<bool> = bits.iter().map(|b| b[j]).collect();
            Encrypted::of(&own, units, seed.wrapping_mul(4).wrapping_add(j as u64))
        };
        let [w, x, y, z] = [column(0)?, column(1)?, column(2)?, column(3)?];
        let parity = w.xor(&x)?.xor(&y.xor(&z)?)?;
        Ok(Self { and: w.and(&x)?, parity, easy: w })
    }
}
