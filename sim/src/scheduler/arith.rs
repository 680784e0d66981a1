//! The arithmetic of scores, in integers.
//!
//! kube-scheduler computes some scores in IEEE double precision and cuts off the fraction. Which side of a whole number a
//! result falls on can depend on the rounding of each step, so these functions follow the steps exactly, with integers.

/// The highest score of a plugin before its weight (framework.MaxNodeScore).
pub const MAX_NODE_SCORE: i64 = 100;

/// A number from 0 to about 1 as a double would hold it: `mantissa · 2^exponent` with at most 53 bits of mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    mantissa: u64,
    exponent: i32,
}

impl Fraction {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, exponent: 0 };

    /// `numerator / denominator`, rounded as a double is; more than one counts as one, less than nothing as nothing.
    pub fn capped(numerator: i64, denominator: i64) -> Self {
        if numerator >= denominator {
            return Self::ONE;
        }
        if numerator <= 0 {
            return Self::ZERO;
        }
        // 55 bits of quotient at least, so that the bits below the 53rd and the remainder decide the rounding.
        let shift = 55 + (denominator.ilog2() - numerator.ilog2());
        let scaled = (numerator as u128) << shift;
        let quotient = scaled / denominator as u128;
        let exact = scaled.is_multiple_of(denominator as u128);
        Self::round(quotient, -(shift as i32), exact)
    }

    /// `|self − other|`, rounded as a double is.
    #[must_use]
    pub fn distance(self, other: Self) -> Self {
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = (high.exponent - low.exponent) as u32;
        // So far apart that a double does not notice the smaller one.
        if high.mantissa == 0 || high.mantissa.ilog2() + shift > 126 {
            return if high.mantissa == 0 { low } else { high };
        }
        let aligned = u128::from(high.mantissa) << shift;
        Self::round(aligned.abs_diff(u128::from(low.mantissa)), low.exponent, true)
    }

    /// Half of it, which is exact.
    #[must_use]
    pub fn half(self) -> Self {
        Self { exponent: self.exponent - 1, ..self }
    }

    /// The whole part of `(1 − self) · 100`, each step rounded as a double is.
    pub fn rest_of_hundred(self) -> i64 {
        Self::ONE.distance(self).times_hundred()
    }

    /// The whole part of `self · 100`, the product rounded as a double is.
    pub fn times_hundred(self) -> i64 {
        let product = Self::round(u128::from(self.mantissa) * 100, self.exponent, true);
        match product.exponent {
            exponent if exponent >= 0 => (product.mantissa << exponent) as i64,
            exponent if exponent > -64 => (product.mantissa >> -exponent) as i64,
            _ => 0,
        }
    }

    /// Rounds to 53 bits, ties to even; `exact` says that nothing was cut off already.
    fn round(mantissa: u128, exponent: i32, exact: bool) -> Self {
        if mantissa == 0 {
            return Self::ZERO;
        }
        let excess = (128 - mantissa.leading_zeros()).saturating_sub(53);
        if excess == 0 {
            return Self { mantissa: mantissa as u64, exponent };
        }
        let kept = mantissa >> excess;
        let rest = mantissa & ((1 << excess) - 1);
        let half = 1 << (excess - 1);
        let up = rest > half || (rest == half && (!exact || kept & 1 == 1));
        Self { mantissa: (kept + u128::from(up)) as u64, exponent: exponent + excess as i32 }
    }
}

/// The whole part of `100 · (part / whole)` as doubles give it; `whole` must be positive and `part` not negative.
pub fn percent(part: i64, whole: i64) -> i64 {
    let (part, whole) = (i128::from(part), i128::from(whole));
    let exact = part * 100 / whole;
    // In double precision 100·(29/100) is 28.999…96; of all whole percentages only these three fall below themselves.
    let falls_short = part * 100 % whole == 0 && matches!(exact, 29 | 57 | 58);
    exact as i64 - i64::from(falls_short)
}

/// The number of bits behind the point of [`ln`].
pub const LN_BITS: u32 = 60;

/// The natural logarithm of a whole number from 1 to 2³², times 2^[`LN_BITS`].
pub fn ln(number: u32) -> i128 {
    const ONE: i128 = 1 << LN_BITS;
    assert!(number > 0, "zero has no logarithm");
    // number = 2^k · m with 1 ≤ m < 2, and ln m = 2·artanh((m − 1)/(m + 1)).
    let power = number.ilog2();
    let m = (i128::from(number) << LN_BITS) >> power;
    let artanh = |y: i128| {
        let square = (y * y) >> LN_BITS;
        let (mut term, mut sum, mut odd) = (y, 0, 1);
        while term != 0 {
            sum += term / odd;
            term = (term * square) >> LN_BITS;
            odd += 2;
        }
        sum
    };
    let ln_two = 2 * artanh(ONE / 3);
    2 * artanh(((m - ONE) << LN_BITS) / (m + ONE)) + i128::from(power) * ln_two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_round_as_doubles_do() {
        // The reference values are computed in double precision here, where nothing is decided by them.
        for denominator in [1_i64, 3, 7, 10, 100, 4000, 7999, 8_589_934_592, 33_285_996_544, 1_000_003] {
            for at in 0..200_i64 {
                let numerator = denominator / 200 * at + (at * 7919) % 13;
                let other = denominator / 150 * at.min(150);
                let double = |n: i64| (n as f64 / denominator as f64).clamp(0.0, 1.0);
                let fraction = Fraction::capped(numerator, denominator);
                assert_eq!(fraction.times_hundred(), (double(numerator) * 100.0) as i64, "{numerator}/{denominator}");
                let std = ((double(numerator) - double(other)) / 2.0).abs();
                let ours = fraction.distance(Fraction::capped(other, denominator)).half();
                assert_eq!(ours.rest_of_hundred(), ((1.0 - std) * 100.0) as i64, "{numerator} {other} / {denominator}");
            }
        }
    }

    #[test]
    fn percentages_fall_short_where_doubles_do() {
        for whole in 1..400_i64 {
            for part in 0..=whole {
                assert_eq!(percent(part, whole), (100.0 * (part as f64 / whole as f64)) as i64, "{part}/{whole}");
            }
        }
    }

    #[test]
    fn logarithms() {
        for number in [1_u32, 2, 3, 4, 6, 7, 102, 5002, u32::MAX] {
            let error = ln(number) as f64 / (1_u64 << LN_BITS) as f64 - f64::from(number).ln();
            assert!(error.abs() < 1e-14, "{number}: {error}");
        }
    }
}
