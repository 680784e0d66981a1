//! What names, labels and keys may look like, in the words of apimachinery's `pkg/util/validation/validation.go`.
//!
//! Every check returns the complaints, none when all is well.

const DNS1123_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS1123_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENV_NAME: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";

/// The longest DNS-1123 label.
pub const LABEL_MAX: usize = 63;
/// The longest DNS-1123 subdomain.
pub const SUBDOMAIN_MAX: usize = 253;

fn too_long(max: usize) -> String {
    format!("must be no more than {max} characters")
}

fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Whether `text` is not empty, starts and ends with `end` and consists of `end` and `middle` bytes.
fn framed(text: &str, end: fn(u8) -> bool, middle: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    end(*first) && end(*last) && bytes.iter().all(|byte| end(*byte) || middle.contains(byte))
}

fn is_label(text: &str) -> bool {
    framed(text, lower_or_digit, b"-")
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// A DNS-1123 label: names of namespaces, containers, volumes (IsDNS1123Label).
pub fn dns1123_label(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > LABEL_MAX {
        errors.push(too_long(LABEL_MAX));
    }
    if !is_label(text) {
        errors.push(if is_subdomain(text) { "must not contain dots".to_string() } else { DNS1123_LABEL.to_string() });
    }
    errors
}

/// A DNS-1123 subdomain: names of most objects (IsDNS1123Subdomain).
pub fn dns1123_subdomain(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > SUBDOMAIN_MAX {
        errors.push(too_long(SUBDOMAIN_MAX));
    }
    if !is_subdomain(text) {
        errors.push(DNS1123_SUBDOMAIN.to_string());
    }
    errors
}

/// A DNS-1035 label (IsDNS1035Label).
pub fn dns1035_label(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > LABEL_MAX {
        errors.push(too_long(LABEL_MAX));
    }
    if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        errors.push(DNS1035_LABEL.to_string());
    }
    errors
}

/// A path segment, as names of RBAC objects may be (IsValidPathSegmentName).
pub fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%'].into_iter().filter(|bad| text.contains(*bad)).map(|bad| format!("may not contain '{bad}'")).collect()
}

/// A qualified name: keys of labels, annotations, taints, resources (IsQualifiedName).
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a qualified name {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_string());
            } else {
                errors.extend(dns1123_subdomain(prefix).into_iter().map(|error| format!("prefix part {error}")));
            }
            name
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_string());
    } else if name.len() > LABEL_MAX {
        errors.push(format!("name part {}", too_long(LABEL_MAX)));
    }
    if !is_qualified(name) {
        errors.push(format!("name part {QUALIFIED_NAME}"));
    }
    errors
}

fn is_qualified(text: &str) -> bool {
    framed(text, |byte| byte.is_ascii_alphanumeric(), b"-_.")
}

/// A label's value (IsValidLabelValue).
pub fn label_value(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > LABEL_MAX {
        errors.push(too_long(LABEL_MAX));
    }
    if !text.is_empty() && !is_qualified(text) {
        errors.push(LABEL_VALUE.to_string());
    }
    errors
}

/// A key of a ConfigMap or Secret (IsConfigMapKey).
pub fn config_map_key(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > SUBDOMAIN_MAX {
        errors.push(too_long(SUBDOMAIN_MAX));
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        errors.push(CONFIG_KEY.to_string());
    }
    match text {
        "." => errors.push("must not be '.'".to_string()),
        ".." => errors.push("must not be '..'".to_string()),
        _ if text.starts_with("..") => errors.push("must not start with '..'".to_string()),
        _ => {}
    }
    errors
}

/// An environment variable's name (IsRelaxedEnvVarName, the rule since v1.34).
pub fn env_var_name(text: &str) -> Vec<String> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') { Vec::new() } else { vec![ENV_NAME.to_string()] }
}

/// A port's number (IsValidPortNum).
pub fn port_number(port: i64) -> Vec<String> {
    if (1..=65535).contains(&port) { Vec::new() } else { vec!["must be between 1 and 65535, inclusive".to_string()] }
}

/// A port's name (IsValidPortName).
pub fn port_name(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 15 {
        errors.push(too_long(15));
    }
    if !text.bytes().all(|byte| lower_or_digit(byte) || byte == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_string());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_string());
    }
    if text.contains("--") {
        errors.push("must not contain consecutive hyphens".to_string());
    }
    if text.starts_with('-') || text.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_string());
    }
    errors
}

/// The characters of generated names (`k8s.io/apimachinery/pkg/util/rand`): no vowels, no 0, 1, 3.
const SAFE_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Spells a decimal number in the alphabet of generated names (rand.SafeEncodeString).
pub fn safe_encode(text: &str) -> String {
    text.bytes().map(|byte| SAFE_ALPHABET[byte as usize % SAFE_ALPHABET.len()] as char).collect()
}

/// A name from `metadata.generateName` and five random characters (names.SimpleNameGenerator); the base is cut off at 58.
pub fn generate_name(base: &str, rng: &mut crate::core::Rng) -> String {
    let mut end = base.len().min(58);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{}", &base[..end], rng.name_suffix(5))
}

/// The label `pod-template-hash` of a pod template: like controller.ComputeHash, FNV-32a over the template and the collision
/// count, spelled safely. Upstream hashes Go's own rendering of the structs, so that the digits differ from a real cluster's.
pub fn pod_template_hash(template: &crate::value::Value, collision_count: Option<i64>) -> String {
    let mut hash = 0x811c_9dc5_u32;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    };
    feed(template.to_json().as_bytes());
    if let Some(count) = collision_count {
        feed(&(count as u32).to_le_bytes());
    }
    safe_encode(&hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn names_of_objects() {
        assert_eq!(dns1123_subdomain("my-app.v1"), Vec::<String>::new());
        assert_eq!(dns1123_subdomain("Nginx"), [DNS1123_SUBDOMAIN]);
        assert_eq!(dns1123_subdomain(&"x".repeat(254)), ["must be no more than 253 characters"]);
        assert_eq!(dns1123_label("C_1"), [DNS1123_LABEL]);
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(dns1035_label("1x"), [DNS1035_LABEL]);
    }

    #[test]
    fn an_empty_topology_key_has_two_faults() {
        assert_eq!(qualified_name(""), ["name part must be non-empty".to_string(), format!("name part {QUALIFIED_NAME}")]);
        assert_eq!(qualified_name("bad key"), [format!("name part {QUALIFIED_NAME}")]);
        assert_eq!(qualified_name("kubernetes.io/arch"), Vec::<String>::new());
        assert_eq!(qualified_name("/x"), ["prefix part must be non-empty"]);
        assert_eq!(qualified_name("a/b/c").len(), 1);
    }

    #[test]
    fn values_keys_and_ports() {
        assert_eq!(label_value("-v-"), [LABEL_VALUE]);
        assert_eq!(label_value(""), Vec::<String>::new());
        assert_eq!(config_map_key("app.conf"), Vec::<String>::new());
        assert_eq!(config_map_key("a b"), [CONFIG_KEY]);
        assert_eq!(port_number(99_999), ["must be between 1 and 65535, inclusive"]);
        assert_eq!(port_name("http"), Vec::<String>::new());
        assert_eq!(port_name("80"), ["must contain at least one letter (a-z)"]);
    }

    #[test]
    fn a_template_hash_depends_on_template_and_collisions() {
        let template = value!({"spec": {"containers": [{"name": "a"}]}});
        let hash = pod_template_hash(&template, None);
        assert!(hash.len() <= 10 && hash.bytes().all(|byte| SAFE_ALPHABET.contains(&byte)));
        assert_eq!(hash, pod_template_hash(&template.clone(), None));
        assert_ne!(hash, pod_template_hash(&template, Some(1)));
    }
}
