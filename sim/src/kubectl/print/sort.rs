//! `--sort-by`, after kubectl's `pkg/cmd/get/sorter.go`.

use crate::core::collections::sort::Sort as _;
use std::cmp::Ordering;

use super::jsonpath::JsonPath;
use crate::api::quantity::Quantity;
use crate::value::Value;

/// Sorts `items` by the field at `path` of the objects that `object` gives. Items without the field come first.
/// Fails when no item has it.
pub fn sort_by<T>(items: &mut Vec<T>, path: &str, object: impl Fn(&T) -> &Value) -> Result<(), String> {
    let field = JsonPath::parse_relaxed(path)?;
    let mut keyed = Vec::new();
    for item in std::mem::take(items) {
        let found = field.find(object(&item))?;
        keyed.push((found.into_iter().flatten().next().filter(|value| !value.is_null()), item));
    }
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        let inner = path.trim_start_matches(['{', '.']).trim_end_matches('}');
        return Err(format!("couldn't find any field with path \"{{.{inner}}}\" in the list of objects"));
    }
    keyed.order_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    items.extend(keyed.into_iter().map(|(_, item)| item));
    Ok(())
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Str(a), Value::Str(b)) => match (a.parse::<Quantity>(), b.parse::<Quantity>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => natural(a, b),
        },
        (a, b) => a.to_json().cmp(&b.to_json()),
    }
}

/// Digits in a text count as numbers: `web-9` before `web-10` (sortorder.NaturalLess).
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(ca), Some(cb)) = (a.chars().next(), b.chars().next()) else { return a.len().cmp(&b.len()) };
        if ca.is_ascii_digit() && cb.is_ascii_digit() {
            let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let ((na, ra), (nb, rb)) = (a.split_at(digits(a)), b.split_at(digits(b)));
            let (ta, tb) = (na.trim_start_matches('0'), nb.trim_start_matches('0'));
            let order = ta.len().cmp(&tb.len()).then_with(|| ta.cmp(tb)).then_with(|| na.len().cmp(&nb.len()));
            if order.is_ne() {
                return order;
            }
            (a, b) = (ra, rb);
        } else if ca == cb {
            (a, b) = (&a[ca.len_utf8()..], &b[cb.len_utf8()..]);
        } else {
            return ca.cmp(&cb);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn sorted(path: &str, fields: Vec<Value>) -> Result<Vec<String>, String> {
        let mut objects: Vec<Value> = fields.into_iter().map(|field| value!({"f": field})).collect();
        sort_by(&mut objects, path, |object| object)?;
        Ok(objects.iter().map(|object| object["f"].to_json()).collect())
    }

    #[test]
    fn values_are_compared_by_their_kind() {
        let texts = |list: &[&'static str]| list.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
        assert_eq!(sorted(".f", texts(&["web-10", "web-9", "a"])).unwrap(), ["\"a\"", "\"web-9\"", "\"web-10\""]);
        assert_eq!(sorted("{.f}", texts(&["1Gi", "900Mi", "2"])).unwrap(), ["\"2\"", "\"900Mi\"", "\"1Gi\""]);
        assert_eq!(sorted("f", vec![10.into(), 9.into(), Value::Null]).unwrap(), ["null", "9", "10"]);
        let missing = sorted(".spec.nope", vec![1.into(), 2.into()]).unwrap_err();
        assert_eq!(missing, "couldn't find any field with path \"{.spec.nope}\" in the list of objects");
    }
}
