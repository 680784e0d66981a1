//! Changing an object only where it must change: what stays is still shared with the original.

use crate::value::Value;

/// A value that is copied at its first change.
pub(super) struct Draft<'a> {
    original: &'a Value,
    changed: Option<Value>,
}

impl Draft<'_> {
    /// Changes `value` by `edit`.
    pub(super) fn edit(value: &mut Value, edit: impl FnOnce(&mut Draft<'_>)) {
        let mut draft = Draft { original: value, changed: None };
        edit(&mut draft);
        if let Some(changed) = draft.changed {
            *value = changed;
        }
    }

    /// The value as it is now.
    pub(super) fn now(&self) -> &Value {
        self.changed.as_ref().unwrap_or(self.original)
    }

    /// A field as it is now.
    pub(super) fn get(&self, key: &str) -> &Value {
        &self.now()[key]
    }

    /// Sets a field.
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        let value = value.into();
        if *self.get(key) != value {
            self.changed_mut().set(key, value);
        }
    }

    /// Sets a field that is missing.
    pub(super) fn default(&mut self, key: &'static str, value: impl Into<Value>) {
        if self.get(key).is_null() {
            self.changed_mut().set(key, value);
        }
    }

    /// Sets a text that is missing or empty.
    pub(super) fn default_text(&mut self, key: &'static str, value: impl Into<Value>) {
        if self.get(key).is_empty() {
            self.changed_mut().set(key, value);
        }
    }

    /// Edits the map in a field; nothing happens when there is none.
    pub(super) fn child(&mut self, key: &'static str, edit: impl FnOnce(&mut Draft<'_>)) {
        if matches!(self.get(key), Value::Map(_)) {
            let changed = {
                let mut inner = Draft { original: self.get(key), changed: None };
                edit(&mut inner);
                inner.changed
            };
            if let Some(changed) = changed {
                self.changed_mut().set(key, changed);
            }
        }
    }

    /// Edits the map in a field, which becomes an empty one first when it is missing.
    pub(super) fn make_child(&mut self, key: &'static str, edit: impl FnOnce(&mut Draft<'_>)) {
        self.default(key, Value::map());
        self.child(key, edit);
    }

    /// Edits every item of the list in a field.
    pub(super) fn items(&mut self, key: &'static str, mut edit: impl FnMut(&mut Draft<'_>)) {
        for at in 0..self.get(key).items().len() {
            let changed = {
                let mut inner = Draft { original: &self.get(key)[at], changed: None };
                edit(&mut inner);
                inner.changed
            };
            if let Some(changed) = changed {
                self.changed_mut()[key][at] = changed;
            }
        }
    }

    fn changed_mut(&mut self) -> &mut Value {
        self.changed.get_or_insert_with(|| self.original.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn only_changes_are_copied() {
        let original = value!({"a": {"x": 1}, "b": [{"y": 1}, {"y": 2, "z": 3}]});
        let mut value = original.clone();
        Draft::edit(&mut value, |draft| {
            draft.child("a", |a| a.default("x", 5));
            draft.items("b", |item| item.default("y", 5));
        });
        assert!(value.same(&original));
        Draft::edit(&mut value, |draft| {
            draft.items("b", |item| item.default("z", 5));
            draft.make_child("c", |c| c.default("w", 1));
        });
        assert_eq!(value.to_json(), r#"{"a":{"x":1},"b":[{"y":1,"z":5},{"y":2,"z":3}],"c":{"w":1}}"#);
        assert!(value["a"].same(&original["a"]) && value["b"][1].same(&original["b"][1]));
    }
}
