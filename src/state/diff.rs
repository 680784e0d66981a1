//! What differs between two texts, line by line.

/// A line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// In both.
    Same(String),
    /// Only in the first.
    Gone(String),
    /// Only in the second.
    New(String),
    /// So many that are in both are left out.
    Skipped(usize),
}

/// As many lines around a change are kept.
const AROUND: usize = 3;
/// Texts of more lines than this, multiplied with each other, are not compared line by line.
const MOST: usize = 4_000_000;

/// Compares two texts by their longest common subsequence of lines; long stretches without a change are left out. Empty when they are the same.
pub fn diff(before: &str, after: &str) -> Vec<Line> {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (mid_a, mid_b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    if mid_a.is_empty() && mid_b.is_empty() {
        return Vec::new();
    }
    let same = |line: &&str| Line::Same((*line).to_string());
    let mut lines: Vec<Line> = a[..head].iter().map(same).collect();
    let (n, m) = if mid_a.len() * mid_b.len() > MOST { (0, 0) } else { (mid_a.len(), mid_b.len()) };
    // `longest[i * (m + 1) + j]`: of what follows line i of the one and line j of the other.
    let mut longest = vec![0_u32; (n + 1) * (m + 1)];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let at = |i: usize, j: usize| longest[i * (m + 1) + j];
            longest[i * (m + 1) + j] = if mid_a[i] == mid_b[j] { at(i + 1, j + 1) + 1 } else { at(i + 1, j).max(at(i, j + 1)) };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < n && j < m {
        if mid_a[i] == mid_b[j] {
            lines.push(same(&mid_a[i]));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * (m + 1) + j] >= longest[i * (m + 1) + j + 1] {
            lines.push(Line::Gone(mid_a[i].to_string()));
            i += 1;
        } else {
            lines.push(Line::New(mid_b[j].to_string()));
            j += 1;
        }
    }
    lines.extend(mid_a[i..].iter().map(|line| Line::Gone((*line).to_string())));
    lines.extend(mid_b[j..].iter().map(|line| Line::New((*line).to_string())));
    lines.extend(a[a.len() - tail..].iter().map(same));
    shortened(lines)
}

/// Leaves out what is far from any change.
fn shortened(lines: Vec<Line>) -> Vec<Line> {
    let changed: Vec<usize> = (0..lines.len()).filter(|at| !matches!(lines[*at], Line::Same(_))).collect();
    let near = |at: usize| {
        let next = changed.partition_point(|changed| *changed < at);
        changed.get(next).is_some_and(|next| next - at <= AROUND) || next > 0 && at - changed[next - 1] <= AROUND
    };
    let mut out = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        match out.last_mut() {
            _ if near(at) => out.push(line),
            Some(Line::Skipped(count)) => *count += 1,
            _ => out.push(Line::Skipped(1)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Line]) -> String {
        let line = |line: &Line| match line {
            Line::Same(text) => format!("  {text}\n"),
            Line::Gone(text) => format!("- {text}\n"),
            Line::New(text) => format!("+ {text}\n"),
            Line::Skipped(count) => format!("@ {count}\n"),
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn changes_stand_among_what_surrounds_them() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let after = "a\nb\nc\nd\ne\nF\ng\nh\ni\nj\nk\nl\nm\n";
        assert_eq!(text(&diff(before, after)), "@ 2\n  c\n  d\n  e\n- f\n+ F\n  g\n  h\n  i\n  j\n  k\n  l\n+ m\n");
        assert!(diff(before, before).is_empty());
    }

    #[test]
    fn from_nothing_and_to_nothing() {
        assert_eq!(text(&diff("", "a\nb\n")), "+ a\n+ b\n");
        assert_eq!(text(&diff("a\n", "")), "- a\n");
        assert_eq!(text(&diff("x\na\ny\nb\n", "a\nb\nc\n")), "- x\n  a\n- y\n  b\n+ c\n");
    }
}
