//! The fields of every kind that is served, as of Kubernetes v1.36: their types, which are always written, how lists merge.
//!
//! `types.txt` holds one type a line, `Name field:type field:type …`, parsed at first use:
//!
//! | written | meaning |
//! |---|---|
//! | `field!:` | always written, even when empty (no `omitempty`, or a struct that is no pointer) |
//! | `s $Name b i l f` | string, string of a named Go type, bool, int32, int64, float64 |
//! | `q p t u y j` | Quantity, IntOrString, Time, MicroTime, `[]byte` as base64, any JSON |
//! | `Name [T] {T} *T` | object, list, map from text, pointer (its zero value is kept) |
//! | `@key` after the type | lists merge by this key in strategic merge patches; `@` alone: lists of texts merge as sets |
//! | `~` | patches of it carry `$retainKeys` |
//! | `=` | patches replace it |
//!
//! [`decode`] reads an object as the typed Go structs would: it refuses wrong types, finds unknown fields, drops what
//! `omitempty` drops, writes what is always written, brings quantities into their canonical form.

mod decode;

pub use decode::{check, decode, decode_metadata};

use std::sync::OnceLock;

use super::Resource;

/// A Go struct of the API.
#[derive(Debug)]
pub struct Type {
    /// The name that Go's errors use, such as `DeploymentSpec`.
    pub name: &'static str,
    /// The fields in the order of their names.
    pub fields: Vec<Field>,
}

/// A field of a [`Type`].
#[derive(Debug)]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// Whether it is written even when empty.
    pub always: bool,
    /// Whether it is a pointer: its zero value is kept.
    pub pointer: bool,
    /// What it holds.
    pub kind: Kind,
    /// How strategic merge patches treat it.
    pub patch: Patch,
}

/// What a value is.
#[derive(Debug)]
pub enum Kind {
    /// Text; the name of its Go type.
    Str(&'static str),
    /// `true` or `false`.
    Bool,
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
    /// A number with a fraction.
    Float,
    /// resource.Quantity
    Quantity,
    /// intstr.IntOrString
    IntOrString,
    /// metav1.Time
    Time,
    /// metav1.MicroTime
    MicroTime,
    /// Base64.
    Bytes,
    /// Any JSON.
    Raw,
    /// An object: index into the table of types.
    Object(usize),
    /// A list.
    List(Box<Kind>),
    /// A map from text.
    Map(Box<Kind>),
}

/// How a strategic merge patch treats a field (`patchStrategy`, `patchMergeKey`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch {
    /// Objects merge, everything else is replaced.
    #[default]
    Default,
    /// A list of objects that are merged by this key.
    MergeBy {
        /// The merge key.
        key: &'static str,
        /// Whether patches of its items carry `$retainKeys`.
        retain_keys: bool,
    },
    /// A list of texts that merges as a set.
    MergeSet,
    /// An object of which patches keep only the listed keys.
    RetainKeys,
    /// An object that patches replace as a whole.
    Replace,
}

impl Type {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let at = self.fields.binary_search_by(|field| field.name.cmp(name)).ok()?;
        Some(&self.fields[at])
    }
}

impl Kind {
    /// The type of an object, or of the items of a list or map of objects.
    pub fn object(&self) -> Option<&'static Type> {
        match self {
            Self::Object(at) => Some(&types()[*at]),
            Self::List(item) | Self::Map(item) => item.object(),
            _ => None,
        }
    }
}

/// The type of a resource's objects.
pub fn of_resource(resource: Resource) -> &'static Type {
    named(resource.kind).expect("every resource has a type in types.txt")
}

/// The type with this name, such as `PodSpec`.
pub fn named(name: &str) -> Option<&'static Type> {
    // Two types of the same Go name are told apart by their group, `discovery.EndpointPort`; the one without is found here.
    types().iter().find(|have| have.name == name)
}

fn types() -> &'static [Type] {
    static TYPES: OnceLock<Vec<Type>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let lines: Vec<(&'static str, &'static str)> =
            include_str!("types.txt").lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
        let names: Vec<&'static str> = lines.iter().map(|(name, _)| *name).collect();
        let plain = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
        lines
            .iter()
            .map(|(name, fields)| Type {
                name: plain(name),
                fields: fields.split_whitespace().map(|text| field(text, &names)).collect(),
            })
            .collect()
    })
}

fn field(text: &'static str, names: &[&'static str]) -> Field {
    let (name, rest) = text.split_once(':').expect("a field of types.txt has a type");
    let end = rest.find(['@', '~', '=']).unwrap_or(rest.len());
    let (kind_text, patch) = rest.split_at(end);
    let pointer = kind_text.starts_with('*');
    let patch = match patch.as_bytes() {
        [] => Patch::Default,
        [b'~'] => Patch::RetainKeys,
        [b'='] => Patch::Replace,
        [b'@'] => Patch::MergeSet,
        _ => Patch::MergeBy { key: patch[1..].trim_end_matches('~'), retain_keys: patch.ends_with('~') },
    };
    Field {
        name: name.trim_end_matches('!'),
        always: name.ends_with('!'),
        pointer,
        kind: kind(kind_text.trim_start_matches('*'), names),
        patch,
    }
}

fn kind(text: &'static str, names: &[&'static str]) -> Kind {
    if let Some(item) = text.strip_prefix('[') {
        return Kind::List(Box::new(kind(item.trim_end_matches(']'), names)));
    }
    if let Some(item) = text.strip_prefix('{') {
        return Kind::Map(Box::new(kind(item.trim_end_matches('}'), names)));
    }
    match text {
        "s" => Kind::Str("string"),
        "b" => Kind::Bool,
        "i" => Kind::Int32,
        "l" => Kind::Int64,
        "f" => Kind::Float,
        "q" => Kind::Quantity,
        "p" => Kind::IntOrString,
        "t" => Kind::Time,
        "u" => Kind::MicroTime,
        "y" => Kind::Bytes,
        "j" => Kind::Raw,
        _ => match text.strip_prefix('$') {
            Some(name) => Kind::Str(name),
            None => Kind::Object(names.iter().position(|have| *have == text).expect("an object of types.txt has a type there")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        for resource in Resource::all() {
            assert!(of_resource(resource).field("metadata").is_some(), "{resource:?}");
        }
        for have in types() {
            assert!(have.fields.is_sorted_by_key(|field| field.name), "{} is not sorted", have.name);
        }
    }

    #[test]
    fn fields_know_how_they_merge() {
        let spec = named("PodSpec").unwrap();
        assert_eq!(spec.field("containers").unwrap().patch, Patch::MergeBy { key: "name", retain_keys: false });
        assert_eq!(spec.field("volumes").unwrap().patch, Patch::MergeBy { key: "name", retain_keys: true });
        assert_eq!(spec.field("tolerations").unwrap().patch, Patch::Default);
        assert_eq!(named("ObjectMeta").unwrap().field("finalizers").unwrap().patch, Patch::MergeSet);
        assert_eq!(named("DeploymentSpec").unwrap().field("strategy").unwrap().patch, Patch::RetainKeys);
        let slice = named("EndpointSlice").unwrap();
        assert!(slice.field("ports").unwrap().kind.object().unwrap().field("port").unwrap().pointer);
    }
}
