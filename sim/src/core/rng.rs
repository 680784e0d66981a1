//! Seeded random numbers: PCG32, one generator a component and purpose.

/// FNV-1a of 64 bits: what looks random but belongs to a text, the same in every run.
pub fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Appends the last `digits` hexadecimal digits of `number`.
pub fn push_hex(text: &mut String, number: u64, digits: u32) {
    for at in (0..digits).rev() {
        text.push(char::from(b"0123456789abcdef"[(number >> (4 * at) & 15) as usize]));
    }
}

/// PCG32 (`oorandom::Rand32`). Every component and purpose has its own, so that a draw more in one place changes nothing elsewhere.
#[derive(Clone, Debug)]
pub struct Rng(oorandom::Rand32);

impl Rng {
    /// The generator of `purpose` (such as `kubelet/kind-worker/pull`) under the simulation's seed.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(oorandom::Rand32::new_inc(seed, fnv1a(purpose)))
    }

    /// A number below `bound`, which must be positive.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a bound of zero leaves no number to choose");
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        (u64::from(self.0.rand_u32()) << 32) | u64::from(self.0.rand_u32())
    }

    /// `length` characters of the alphabet that Kubernetes uses for generated names (`k8s.io/apimachinery/pkg/util/rand`).
    pub fn name_suffix(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| ALPHABET[self.below(ALPHABET.len() as u64) as usize] as char).collect()
    }

    /// A random UUID (version 4).
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.next_u64(), self.next_u64());
        let mut text = String::with_capacity(36);
        push_hex(&mut text, high >> 32, 8);
        for (number, digits) in [(high >> 16, 4), (0x4000 | (high & 0xfff), 4), (0x8000 | ((low >> 48) & 0x3fff), 4), (low, 12)] {
            text.push('-');
            push_hex(&mut text, number, digits);
        }
        text
    }

    /// `bytes` random bytes in hexadecimal, as container ids and digests are written.
    pub fn hex(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(2 * bytes);
        for _ in 0..bytes {
            push_hex(&mut text, self.below(256), 2);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_differ() {
        let draw = |purpose| Rng::new(7, purpose).name_suffix(5);
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        let uuid = Rng::new(1, "u").uuid();
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((groups, uuid.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'));
        let mut text = String::from("0x");
        push_hex(&mut text, 0x1_2ab0, 4);
        assert_eq!(text, "0x2ab0");
    }
}
