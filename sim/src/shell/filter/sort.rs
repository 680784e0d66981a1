//! `sort`.

use crate::core::collections::sort::Sort as _;

#[derive(Clone, Debug, Default)]
pub(super) struct SortOrder {
    pub(super) reverse: bool,
    pub(super) numeric: bool,
    pub(super) unique: bool,
    pub(super) ignore_case: bool,
    pub(super) key: usize,
    pub(super) separator: Option<char>,
}

impl SortOrder {
    /// The lines in their order, with their ends.
    pub(super) fn sorted(&self, mut lines: Vec<String>) -> impl Iterator<Item = String> {
        lines.order_by(|a, b| {
            let (ka, kb) = (self.key_of(a), self.key_of(b));
            let order = if self.numeric { number(&ka).total_cmp(&number(&kb)) } else { ka.cmp(&kb) };
            let order = if self.reverse { order.reverse() } else { order };
            // sort's last resort: the whole line.
            order.then_with(|| {
                if self.unique {
                    std::cmp::Ordering::Equal
                } else if self.reverse {
                    b.cmp(a)
                } else {
                    a.cmp(b)
                }
            })
        });
        if self.unique {
            lines.dedup_by(|a, b| {
                let (ka, kb) = (self.key_of(a), self.key_of(b));
                if self.numeric { number(&ka).total_cmp(&number(&kb)).is_eq() } else { ka == kb }
            });
        }
        lines.into_iter().map(|line| line + "\n")
    }

    fn key_of(&self, line: &str) -> String {
        let key = match (self.key, self.separator) {
            (0, _) => line.to_string(),
            (key, Some(separator)) => line.split(separator).nth(key - 1).unwrap_or_default().to_string(),
            (key, None) => line.split_whitespace().skip(key - 1).collect::<Vec<_>>().join(" "),
        };
        if self.ignore_case { key.to_uppercase() } else { key }
    }
}

/// The number that a text begins with, as `sort -n` reads it.
fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || *c == '-' && *at == 0))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0.0)
}
