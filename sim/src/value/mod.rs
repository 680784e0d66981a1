//! Kubernetes objects as persistent JSON.
//!
//! An object is a [`Value`]: JSON whose maps, lists and texts are shared behind reference counts. Cloning costs a
//! pointer; changing one field copies only the way to it; a pod shares its containers with the template it was
//! made from. Patches, selectors, tables and field validation work on it for every kind alike, and fields that we
//! do not know are kept. `docs/decisions/0001-objects-as-persistent-json.md` says why there are no typed structs.

mod convert;
mod map;
mod object;
mod text;

use std::ops::{Index, IndexMut};
use std::rc::Rc;

pub use convert::go_text;
pub use map::Map;
pub use object::condition;
pub use text::Text;

/// Persistent JSON.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`, and what every missing field reads as.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; Kubernetes' own fields have none, user input may.
    Float(f64),
    /// Text.
    Str(Text),
    /// A list.
    List(Rc<Vec<Value>>),
    /// A map with sorted keys.
    Map(Rc<Map>),
}

const NULL: &Value = &Value::Null;

impl PartialEq for Value {
    /// Equal content. What is shared is not looked into: a changed object shares most of itself with what it was.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::List(a), Self::List(b)) => Rc::ptr_eq(a, b) || a == b,
            (Self::Map(a), Self::Map(b)) => Rc::ptr_eq(a, b) || a == b,
            _ => false,
        }
    }
}

impl Value {
    /// An empty map.
    pub fn map() -> Self {
        Self::Map(Rc::new(Map::new()))
    }

    /// An empty list.
    pub fn list() -> Self {
        Self::List(Rc::new(Vec::new()))
    }

    /// The value under `key` of a map, if it is there and not null.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(map) => map.get(key).filter(|value| !value.is_null()),
            _ => None,
        }
    }

    /// The value at the end of `path`; null when any step is missing.
    pub fn at(&self, path: &[&str]) -> &Value {
        path.iter().fold(self, |value, key| &value[*key])
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this is null, an empty text, list or map: what `omitempty` leaves out.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Str(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.is_empty(),
            _ => false,
        }
    }

    /// The text, or "" for anything else.
    pub fn str(&self) -> &str {
        self.as_str().unwrap_or("")
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The text to share, "" for anything else.
    pub fn text(&self) -> Text {
        match self {
            Self::Str(text) => text.clone(),
            _ => Text::default(),
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The whole number, or 0 for anything else.
    pub fn int(&self) -> i64 {
        self.as_int().unwrap_or(0)
    }

    /// Whether this is `true`.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The entries of a map in the order of their keys; none for anything else.
    pub fn entries(&self) -> &[(Text, Value)] {
        match self {
            Self::Map(map) => map.entries(),
            _ => &[],
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map for changing; anything else becomes an empty map first.
    pub fn map_mut(&mut self) -> &mut Map {
        if !matches!(self, Self::Map(_)) {
            *self = Self::map();
        }
        match self {
            Self::Map(map) => Rc::make_mut(map),
            _ => unreachable!("made a map above"),
        }
    }

    /// The list for changing; anything else becomes an empty list first.
    pub fn list_mut(&mut self) -> &mut Vec<Value> {
        if !matches!(self, Self::List(_)) {
            *self = Self::list();
        }
        match self {
            Self::List(list) => Rc::make_mut(list),
            _ => unreachable!("made a list above"),
        }
    }

    /// Appends to a list (null becomes a list).
    pub fn push(&mut self, value: impl Into<Value>) {
        self.list_mut().push(value.into());
    }

    /// Sets `key` of a map (null becomes a map). A `None` or null value removes the key.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        let value = value.into();
        if value.is_null() {
            self.remove(key);
        } else {
            self.map_mut().insert(key, value);
        }
    }

    /// Sets the field at the end of `path`, making maps on the way.
    pub fn set_at(&mut self, path: &[&'static str], value: impl Into<Value>) {
        match path {
            [] => *self = value.into(),
            [key] => self.set(key, value),
            [key, rest @ ..] => self[*key].set_at(rest, value),
        }
    }

    /// Removes `key` from a map.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        match self {
            Self::Map(map) if map.contains_key(key) => Rc::make_mut(map).remove(key),
            _ => None,
        }
    }

    /// Removes the field at the end of `path`; nothing happens when it is missing.
    pub fn remove_at(&mut self, path: &[&str]) -> Option<Value> {
        match path {
            [] => None,
            [key] => self.remove(key),
            [key, rest @ ..] if self.get(key).is_some() => self[*key].remove_at(rest),
            _ => None,
        }
    }

    /// Whether both are the same allocation: a cheap sign that nothing changed.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Map(a), Self::Map(b)) => Rc::ptr_eq(a, b),
            (Self::List(a), Self::List(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Index<&str> for Value {
    type Output = Value;
    /// The value under `key`; null when it is missing or `self` is no map.
    fn index(&self, key: &str) -> &Value {
        match self {
            Self::Map(map) => map.get(key).unwrap_or(NULL),
            _ => NULL,
        }
    }
}

impl IndexMut<&str> for Value {
    /// The value under `key`, made as null when it is missing; anything but a map becomes one.
    fn index_mut(&mut self, key: &str) -> &mut Value {
        self.map_mut().entry(key)
    }
}

impl Index<usize> for Value {
    type Output = Value;
    /// The item at `at`; null when it is missing or `self` is no list.
    fn index(&self, at: usize) -> &Value {
        self.items().get(at).unwrap_or(NULL)
    }
}

impl IndexMut<usize> for Value {
    /// The item at `at`, which must exist.
    fn index_mut(&mut self, at: usize) -> &mut Value {
        &mut self.list_mut()[at]
    }
}

/// Writes a [`Value`] as JSON is written: `value!({"kind": "Pod", "spec": {"nodeName": node}})`.
/// Values are `{…}`, `[…]`, `null` or any expression that converts into a [`Value`].
#[macro_export]
macro_rules! value {
    (null) => { $crate::value::Value::Null };
    ([ $($tt:tt)* ]) => { $crate::value!(@list [] $($tt)*) };
    ({ $($tt:tt)* }) => { $crate::value!(@map [] [] $($tt)*) };
    (@list [$($out:tt)*]) => { $crate::value::Value::from(Vec::<$crate::value::Value>::from([$($out)*])) };
    (@list [$($out:tt)*] null $(, $($rest:tt)*)?) => { $crate::value!(@list [$($out)* $crate::value::Value::Null,] $($($rest)*)?) };
    (@list [$($out:tt)*] { $($inner:tt)* } $(, $($rest:tt)*)?) => { $crate::value!(@list [$($out)* $crate::value!({ $($inner)* }),] $($($rest)*)?) };
    (@list [$($out:tt)*] [ $($inner:tt)* ] $(, $($rest:tt)*)?) => { $crate::value!(@list [$($out)* $crate::value!([ $($inner)* ]),] $($($rest)*)?) };
    (@list [$($out:tt)*] $item:expr $(, $($rest:tt)*)?) => { $crate::value!(@list [$($out)* $crate::value::Value::from($item),] $($($rest)*)?) };
    // The first list has a unit for each key, so that there is room for all from the beginning.
    (@map [$($unit:tt)*] [$([$key:expr, $value:expr])*]) => {{
        #[allow(unused_mut)]
        let mut map = $crate::value::Map::with_capacity(<[()]>::len(&[$($unit,)*]));
        $(map.put($key, $value);)*
        $crate::value::Value::from(map)
    }};
    (@map [$($unit:tt)*] [$($out:tt)*] $key:tt : null $(, $($rest:tt)*)?) => { $crate::value!(@map [$($unit)* ()] [$($out)* [$key, $crate::value::Value::Null]] $($($rest)*)?) };
    (@map [$($unit:tt)*] [$($out:tt)*] $key:tt : { $($inner:tt)* } $(, $($rest:tt)*)?) => { $crate::value!(@map [$($unit)* ()] [$($out)* [$key, $crate::value!({ $($inner)* })]] $($($rest)*)?) };
    (@map [$($unit:tt)*] [$($out:tt)*] $key:tt : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => { $crate::value!(@map [$($unit)* ()] [$($out)* [$key, $crate::value!([ $($inner)* ])]] $($($rest)*)?) };
    (@map [$($unit:tt)*] [$($out:tt)*] $key:tt : $item:expr $(, $($rest:tt)*)?) => { $crate::value!(@map [$($unit)* ()] [$($out)* [$key, $crate::value::Value::from($item)]] $($($rest)*)?) };
    ($other:expr) => { $crate::value::Value::from($other) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_fields_read_as_null() {
        let pod = value!({"spec": {"nodeName": "kind-worker"}});
        assert_eq!(pod["spec"]["nodeName"].str(), "kind-worker");
        assert!(pod["status"]["conditions"][3]["type"].is_null());
    }

    #[test]
    fn a_change_copies_only_the_way_to_it() {
        let old = value!({"spec": {"containers": [{"name": "a"}]}, "status": {"phase": "Pending"}});
        let mut new = old.clone();
        new["status"]["phase"] = "Running".into();
        assert_eq!(old["status"]["phase"].str(), "Pending");
        assert!(new["spec"].same(&old["spec"]));
        assert!(!new["status"].same(&old["status"]));
    }

    #[test]
    fn json_round_trip_sorts_keys() {
        let value = Value::from_json(r#"{"b":[1,true,null],"a":"x"}"#).unwrap();
        assert_eq!(value.to_json(), r#"{"a":"x","b":[1,true,null]}"#);
        let name = "n".to_string();
        assert_eq!(value!({"a": name, "b": [1, {"c": null}]}).to_json(), r#"{"a":"n","b":[1,{"c":null}]}"#);
    }

    #[test]
    fn a_value_is_three_words() {
        assert!(std::mem::size_of::<Value>() <= 24);
    }
}
