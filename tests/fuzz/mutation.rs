//! What else could somebody send? Seeds with something changed, cut out, doubled or put in; the same every time.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Makes mutations.
pub struct Mutator {
    rng: StdRng,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// With the words of a dictionary of libFuzzer's: `"word"` a line, `\xNN` for a byte.
    pub fn new(dictionary: &str) -> Self {
        let words = dictionary.lines().filter(|line| !line.starts_with('#')).filter_map(word).collect();
        Self { rng: StdRng::seed_from_u64(1), words }
    }

    /// One of the seeds, changed in a few places.
    pub fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = seeds[self.rng.random_range(0..seeds.len())].clone();
        for _ in 0..self.rng.random_range(1..=4) {
            let at = self.rng.random_range(0..=data.len());
            let end = (at + self.rng.random_range(0..40)).min(data.len());
            match self.rng.random_range(0..6) {
                0 if at < data.len() => data[at] ^= 1 << self.rng.random_range(0..8),
                1 => drop(data.drain(at..end)),
                2 => {
                    let copy = data[at..end].to_vec();
                    data.splice(at..at, copy);
                }
                3 | 4 if !self.words.is_empty() => {
                    let word = self.words[self.rng.random_range(0..self.words.len())].clone();
                    let end = if self.rng.random() { at } else { end };
                    data.splice(at..end, word);
                }
                _ => {
                    let other = &seeds[self.rng.random_range(0..seeds.len())];
                    let from = self.rng.random_range(0..=other.len());
                    data.truncate(at);
                    data.extend_from_slice(&other[from..]);
                }
            }
        }
        data
    }
}

fn word(line: &str) -> Option<Vec<u8>> {
    let inside = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (mut bytes, mut rest) = (Vec::new(), inside);
    while let Some(first) = rest.chars().next() {
        let escaped = rest.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None if first == '\\' => {
                let next = rest[1..].chars().next()?;
                bytes.extend(next.to_string().bytes());
                rest = &rest[1 + next.len_utf8()..];
            }
            None => {
                bytes.extend(first.to_string().bytes());
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    Some(bytes)
}
