//! Output formats: `-o yaml`, `json`, `name`, `jsonpath=…`, `custom-columns=…`, and the tables of `get`.

pub mod columns;
mod go_syntax;
pub mod jsonpath;
pub mod sort;
pub mod table;
pub mod tabwriter;

pub use columns::CustomColumns;
pub use go_syntax::quote;
pub use jsonpath::JsonPath;
pub use table::{TableOptions, TablePrinter};
pub use tabwriter::TabWriter;

use super::invocation::Invocation;
use super::resources::full_name;
use crate::api::Resource;
use crate::api::yaml_out::{to_json_pretty, to_yaml};
use crate::core::collections::sort::Sort as _;
use crate::shell::Env;
use crate::value::{Map, Value};

/// An output format.
#[derive(Clone, Debug)]
pub enum Format {
    /// For people; with more columns when `wide`.
    Human {
        /// `-o wide`
        wide: bool,
    },
    /// `pod/nginx`
    Name,
    /// YAML
    Yaml,
    /// JSON
    Json,
    /// A template; with `as_json` the found values as a JSON list.
    JsonPath {
        /// The template.
        path: JsonPath,
        /// As the user wrote it.
        text: String,
        /// `jsonpath-as-json`
        as_json: bool,
    },
    /// Columns of the user's choice.
    Columns(CustomColumns),
}

/// The formats of all commands with `-o`, in kubectl's order.
const FORMATS: &[&str] = &[
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "kyaml",
    "name",
    "template",
    "templatefile",
    "yaml",
];

impl Format {
    /// The format that `-o` asks for. `get` knows `wide` and custom columns too. The error is kubectl's text.
    pub fn of(inv: &Invocation, get: bool) -> Result<Self, String> {
        Self::parse(inv.flag("output"), get, get && inv.is("no-headers"), inv.env)
    }

    fn parse(output: &str, get: bool, no_headers: bool, env: &Env) -> Result<Self, String> {
        let (name, argument) = output.split_once('=').map_or((output, None), |(name, argument)| (name, Some(argument)));
        let file = |path: Option<&str>| {
            let path = path.unwrap_or_default();
            let text = env.file(path).map(ToString::to_string);
            text.ok_or_else(|| format!("error reading --template {path}, open {path}: no such file or directory\n"))
        };
        match name {
            "" => Ok(Self::Human { wide: false }),
            "wide" if get => Ok(Self::Human { wide: true }),
            "name" => Ok(Self::Name),
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "jsonpath" | "jsonpath-as-json" | "jsonpath-file" => {
                let text = match (name, argument) {
                    ("jsonpath-file", path) => file(path)?,
                    (_, Some(text)) if !text.is_empty() => text.to_string(),
                    _ => return Err("template format specified but no template given".into()),
                };
                let path = JsonPath::parse(&text).map_err(|error| format!("error parsing jsonpath {text}, {error}\n"))?;
                Ok(Self::JsonPath { path, text, as_json: name == "jsonpath-as-json" })
            }
            "custom-columns" if get => Ok(Self::Columns(CustomColumns::parse(argument.unwrap_or_default(), no_headers)?)),
            "custom-columns-file" if get => {
                let text = file(argument)?;
                let mut lines = text.lines();
                let (headers, paths) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
                let pairs = headers.split_whitespace().zip(paths.split_whitespace());
                let spec: Vec<String> = pairs.map(|(header, path)| format!("{header}:{path}")).collect();
                Ok(Self::Columns(CustomColumns::parse(&spec.join(","), no_headers)?))
            }
            "go-template" | "go-template-file" | "template" | "templatefile" | "kyaml" => {
                Err(format!("output format {name:?} is not modelled by kube-orrery; jsonpath, custom-columns, json and yaml are"))
            }
            _ => {
                let mut formats: Vec<&str> = FORMATS.to_vec();
                if get {
                    formats.extend(["custom-columns", "custom-columns-file", "wide"]);
                    formats.order();
                }
                Err(format!(
                    "unable to match a printer suitable for the output format {output:?}, allowed formats are: {}",
                    formats.join(",")
                ))
            }
        }
    }

    /// Whether it is for people.
    pub fn is_human(&self) -> bool {
        matches!(self, Self::Human { .. })
    }
}

/// Prints objects in a format that is not for people.
#[derive(Clone, Debug)]
pub struct Printer {
    format: Format,
    show_managed_fields: bool,
    printed: usize,
}

impl Printer {
    /// A printer. The format must not be [`Format::Human`].
    pub fn new(format: Format, show_managed_fields: bool) -> Self {
        Self { format, show_managed_fields, printed: 0 }
    }

    /// How many objects it has printed.
    pub fn printed(&self) -> usize {
        self.printed
    }

    /// Goes on as a printer that has printed this many objects.
    pub fn restore(&mut self, printed: usize) {
        self.printed = printed;
    }

    /// The text of an object or a list; YAML documents after the first one are parted by `---`. The error is kubectl's text.
    pub fn print(&mut self, object: &Value) -> Result<String, String> {
        let object = if self.show_managed_fields { object.clone() } else { without_managed_fields(object) };
        self.printed += 1;
        match &self.format {
            Format::Human { .. } => unreachable!("tables are printed by the TablePrinter"),
            Format::Name => Ok(items_of(&object).iter().map(|item| name_of(item) + "\n").collect()),
            Format::Yaml => Ok(if self.printed > 1 { "---\n".to_string() } else { String::new() } + &to_yaml(&object)),
            Format::Json => Ok(to_json_pretty(&object) + "\n"),
            Format::JsonPath { path, text, as_json } => {
                let found = if *as_json {
                    path.find(&object).map(|found| {
                        let found: Value = found.into_iter().flatten().collect();
                        to_json_pretty(&found) + "\n"
                    })
                } else {
                    path.execute(&object)
                };
                found.map_err(|error| {
                    format!(
                        "error executing jsonpath {}: Error executing template: {error}. Printing more information for debugging \
                         the template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n\n",
                        quote(text),
                        go_syntax::go_syntax(&object)
                    )
                })
            }
            Format::Columns(columns) => {
                let mut out = TabWriter::for_tables();
                columns.print(&items_of(&object), &mut out)?;
                Ok(out.flush())
            }
        }
    }
}

/// The items of a list, or the object itself.
fn items_of(object: &Value) -> Vec<Value> {
    match &object["items"] {
        Value::List(items) => items.to_vec(),
        _ => vec![object.clone()],
    }
}

/// `deployment.apps/web`, from the object's own kind.
pub fn name_of(object: &Value) -> String {
    match Resource::of_kind(object["apiVersion"].str(), object.kind()) {
        Some(resource) => full_name(resource, object.name()),
        None => format!("{}/{}", object.kind().to_lowercase(), object.name()),
    }
}

/// Without `metadata.managedFields`, also in the items of a list.
pub fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    object.remove_at(&["metadata", "managedFields"]);
    if object["items"].items().iter().any(|item| !item["metadata"]["managedFields"].is_null()) {
        object["items"] = object["items"].items().iter().map(without_managed_fields).collect();
    }
    object
}

/// A `v1` List of objects, as `get` prints several.
pub fn list_of(items: Vec<Value>) -> Value {
    let mut list = Map::new();
    list.insert("apiVersion", "v1");
    list.insert("items", items);
    list.insert("kind", "List");
    list.insert("metadata", crate::value!({"resourceVersion": ""}));
    Value::from(list)
}

/// `<`, `>` and `&` as encoding/json writes them.
fn escape_html(json: String) -> String {
    if json.contains(['<', '>', '&']) {
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
    } else {
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn print(output: &str, object: &Value) -> String {
        match Format::parse(output, true, false, &Env::default()) {
            Ok(format) => Printer::new(format, false).print(object).unwrap_or_else(|error| format!("! {error}")),
            Err(error) => format!("! {error}"),
        }
    }

    #[test]
    fn formats() {
        let pod = value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "managedFields": [{"x": 1}]}});
        let list = list_of(vec![pod.clone(), value!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "b"}})]);
        assert_eq!(print("name", &list), "pod/a\ndeployment.apps/b\n");
        assert_eq!(print("yaml", &pod), "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n");
        assert_eq!(print("json", &value!({"a": []})), "{\n    \"a\": []\n}\n");
        assert_eq!(print("jsonpath={.items[*].kind}", &list), "Pod Deployment");
        assert_eq!(print("jsonpath-as-json={.items[*].kind}", &list), "[\n    \"Pod\",\n    \"Deployment\"\n]\n");
        assert_eq!(print("custom-columns=N:.metadata.name", &list), "N\na\nb\n");
    }

    #[test]
    fn errors() {
        let none = value!({"items": []});
        assert_eq!(
            print("nope", &none),
            "! unable to match a printer suitable for the output format \"nope\", allowed formats are: \
             custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,\
             kyaml,name,template,templatefile,wide,yaml"
        );
        assert_eq!(print("jsonpath={.items[0", &none), "! error parsing jsonpath {.items[0, unterminated array\n");
        assert_eq!(
            print("jsonpath={.items[0].x}", &none),
            "! error executing jsonpath \"{.items[0].x}\": Error executing template: array index out of bounds: index 0, \
             length 0. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{.items[0].x}\n\tobject \
             given to jsonpath engine was:\n\t\tmap[string]interface {}{\"items\":[]interface {}{}}\n\n\n"
        );
        assert!(print("go-template={{.x}}", &none).contains("not modelled"));
    }
}
