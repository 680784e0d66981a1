//! `kubectl create configmap` and `kubectl create secret`: data from literals, files and env files.

use super::{Failure, GENERATOR, create, name_of};
use crate::api::names;
use crate::api::resource::{CONFIGMAPS, SECRETS};
use crate::flow::{Flow, Io};
use crate::kubectl::args::FlagKind;
use crate::kubectl::options::flags;
use crate::kubectl::{Command, Flag, Invocation};
use crate::value;
use crate::value::{Map, Value};

const SOURCES: &[Flag] = &[
    Flag::list(
        "from-file",
        "Key file can be specified using its file path, in which case file basename will be used as key, or as key=path.",
    ),
    Flag::array("from-literal", "Specify a key and literal value to insert (i.e. mykey=somevalue)"),
    Flag::list("from-env-file", "Specify the path to a file to read lines of key=val pairs."),
    Flag::refused("append-hash", FlagKind::Bool, "hashes of names are left out"),
];

pub(super) static CONFIG_MAP: Command = Command {
    name: "configmap",
    aliases: &["cm"],
    usage: "configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
    short: "Create a config map from a local file, directory or literal value",
    examples: &[
        "# Create a new config map named my-config with key1=config1 and key2=config2",
        "kubectl create configmap my-config --from-literal=key1=config1 --from-literal=key2=config2",
    ],
    flags: flags!(GENERATOR, SOURCES),
    run: Some(|inv, io| {
        let name = name_of(inv, io)?.to_string();
        let data = data(inv, "configmap");
        let data = inv.or_fail(io, data)?;
        let mut map = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        if !data.is_empty() {
            map.set("data", data);
        }
        create(inv, io, CONFIGMAPS, map, Failure::Wrapped("configmap"))
    }),
    ..Command::NEW
};

pub(super) static SECRET: Command = Command {
    name: "secret",
    usage: "secret (docker-registry | generic | tls)",
    short: "Create a secret using a specified subcommand",
    long: "A generic secret holds what you like, a docker-registry secret the account of a container registry.",
    commands: &[&DOCKER_REGISTRY, &GENERIC, &Command::absent("tls", "Create a TLS secret")],
    ..Command::NEW
};

static GENERIC: Command = Command {
    name: "generic",
    usage: "generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
    short: "Create a secret from a local file, directory, or literal value",
    examples: &[
        "# Create a new secret named my-secret with key1=supersecret and key2=topsecret",
        "kubectl create secret generic my-secret --from-literal=key1=supersecret --from-literal=key2=topsecret",
    ],
    flags: flags!(GENERATOR, SOURCES, &[Flag::text("type", "", "The type of secret to create")]),
    run: Some(|inv, io| {
        let name = name_of(inv, io)?.to_string();
        let data = data(inv, "secret");
        let data = inv.or_fail(io, data)?;
        secret(inv, io, &name, inv.flag("type"), data)
    }),
    ..Command::NEW
};

static DOCKER_REGISTRY: Command = Command {
    name: "docker-registry",
    usage: "docker-registry NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string]",
    short: "Create a secret for use with a Docker registry",
    flags: flags!(
        GENERATOR,
        &[
            Flag::text("docker-server", "https://index.docker.io/v1/", "Server location for Docker registry"),
            Flag::text("docker-username", "", "Username for Docker registry authentication"),
            Flag::text("docker-password", "", "Password for Docker registry authentication"),
            Flag::text("docker-email", "", "Email for Docker registry"),
        ]
    ),
    run: Some(docker_registry),
    ..Command::NEW
};

fn docker_registry(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let (user, password) = (inv.flag("docker-username"), inv.flag("docker-password"));
    if user.is_empty() || password.is_empty() || inv.flag("docker-server").is_empty() {
        return inv.fail(
            io,
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
        );
    }
    let mut account = value!({
        "username": user.to_string(), "password": password.to_string(), "auth": base64(format!("{user}:{password}").as_bytes()),
    });
    if !inv.flag("docker-email").is_empty() {
        account.set("email", inv.flag("docker-email").to_string());
    }
    let mut auths = Map::new();
    auths.insert(inv.flag("docker-server").to_string(), account);
    let mut data = Map::new();
    data.insert(".dockerconfigjson", value!({"auths": auths}).to_json());
    secret(inv, io, &name, "kubernetes.io/dockerconfigjson", data)
}

fn secret(inv: &Invocation, io: &mut Io, name: &str, kind: &str, data: Map) -> Flow<()> {
    let encoded: Map =
        data.entries().iter().map(|(key, text)| (key.clone(), Value::from(base64(text.str().as_bytes())))).collect();
    let mut secret = value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name.to_string()}});
    if !encoded.is_empty() {
        secret.set("data", encoded);
    }
    if !kind.is_empty() {
        secret.set("type", kind.to_string());
    }
    create(inv, io, SECRETS, secret, Failure::Wrapped("secret"))
}

/// What literals, files and env files hold. A secret takes literals first, a config map files.
fn data(inv: &Invocation, kind: &str) -> Result<Map, String> {
    if !inv.list("from-env-file").is_empty() && !(inv.list("from-file").is_empty() && inv.list("from-literal").is_empty()) {
        return Err("from-env-file cannot be combined with from-file or from-literal".into());
    }
    let mut data = Map::new();
    if kind == "secret" {
        literals(inv, kind, &mut data)?;
        files(inv, kind, &mut data)?;
    } else {
        files(inv, kind, &mut data)?;
        literals(inv, kind, &mut data)?;
    }
    for path in inv.list("from-env-file") {
        if inv.env.file(path).is_none() && !inv.env.folder(path).is_empty() {
            return Err(format!("env {} file cannot be a directory", if kind == "secret" { "secret" } else { "config" }));
        }
        let text = inv.env.file(path).ok_or_else(|| format!("error reading {path}: no such file or directory"))?;
        for line in text.lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A name alone would take its value from the environment, where nothing is set.
            let Some((key, value)) = line.split_once('=') else { continue };
            let wrong = names::env_var_name(key);
            if !wrong.is_empty() {
                return Err(format!("{key:?} is not a valid key name: {}", wrong.join(";")));
            }
            add(inv, kind, &mut data, key, value)?;
        }
    }
    Ok(data)
}

fn literals(inv: &Invocation, kind: &str, data: &mut Map) -> Result<(), String> {
    for source in inv.list("from-literal") {
        let (key, value) = source
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| format!("invalid literal source {source}, expected key=value"))?;
        add(inv, kind, data, key, value.trim_matches(['"', '\'']))?;
    }
    Ok(())
}

fn files(inv: &Invocation, kind: &str, data: &mut Map) -> Result<(), String> {
    for source in inv.list("from-file") {
        let (key, path) = match source.matches('=').count() {
            0 => (source.rsplit('/').next().unwrap_or_default(), source.as_str()),
            1 => source.split_once('=').unwrap_or_default(),
            _ => return Err("key names or file paths cannot contain '='".into()),
        };
        if key.is_empty() {
            return Err(format!("key name for file path {path} missing"));
        }
        if path.is_empty() {
            return Err(format!("file path for key name {key} missing"));
        }
        if let Some(text) = inv.env.file(path) {
            add(inv, kind, data, key, text)?;
            continue;
        }
        let folder: Vec<(String, String)> = inv
            .env
            .folder(path)
            .into_iter()
            .map(|(path, text)| (path.rsplit('/').next().unwrap_or_default().to_string(), text.to_string()))
            .collect();
        if folder.is_empty() {
            return Err(format!("error reading {path}: no such file or directory"));
        }
        if source.contains('=') {
            return Err("cannot give a key name for a directory path".into());
        }
        for (key, text) in folder {
            add(inv, kind, data, &key, &text)?;
        }
    }
    Ok(())
}

fn add(inv: &Invocation, kind: &str, data: &mut Map, key: &str, text: &str) -> Result<(), String> {
    let wrong = names::config_map_key(key);
    let name = inv.args.first().map_or("", String::as_str);
    match (kind, wrong.is_empty(), data.contains_key(key)) {
        ("secret", false, _) => Err(format!("{key:?} is not valid key name for a Secret {}", wrong.join(";"))),
        (_, false, _) => Err(format!("{key:?} is not a valid key name for a ConfigMap: {}", wrong.join(","))),
        ("secret", _, true) => Err(format!("cannot add key {key}, another key by that name already exists")),
        (_, _, true) => {
            Err(format!("cannot add key {key:?}, another key by that name already exists in Data for ConfigMap {name:?}"))
        }
        _ => {
            data.insert(key.to_string(), text.to_string());
            Ok(())
        }
    }
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at > chunk.len() { '=' } else { letter as char });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::create::tests::{dry, run};

    #[test]
    fn base64_pads() {
        let texts = [("", ""), ("b", "Yg=="), ("u:p", "dTpw"), ("s3cr3t", "czNjcjN0"), ("ab", "YWI=")];
        for (text, want) in texts {
            assert_eq!(base64(text.as_bytes()), want);
        }
    }

    #[test]
    fn objects_are_as_recorded() {
        assert_eq!(
            dry("kubectl create configmap settings --from-literal=color=red"),
            "apiVersion: v1\ndata:\n  color: red\nkind: ConfigMap\nmetadata:\n  name: settings\n"
        );
        assert_eq!(
            dry("kubectl create secret generic x --from-literal=a=b"),
            "apiVersion: v1\ndata:\n  a: Yg==\nkind: Secret\nmetadata:\n  name: x\n"
        );
        assert_eq!(
            dry("kubectl create secret docker-registry reg --docker-username=u --docker-password=p -o jsonpath={.type}"),
            "kubernetes.io/dockerconfigjson"
        );
    }

    #[test]
    fn misuse() {
        assert_eq!(
            run("kubectl create configmap c --from-literal=nokey").err,
            "error: invalid literal source nokey, expected key=value\n"
        );
        assert_eq!(
            run("kubectl create configmap c --from-literal=a=1 --from-literal=a=2").err,
            "error: cannot add key \"a\", another key by that name already exists in Data for ConfigMap \"c\"\n"
        );
        assert_eq!(
            run("kubectl create configmap c --from-file=nope").err,
            "error: error reading nope: no such file or directory\n"
        );
    }
}
