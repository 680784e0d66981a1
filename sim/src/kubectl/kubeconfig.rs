//! The kubeconfig file: which clusters there are and which one is meant (client-go's `tools/clientcmd`).

use crate::shell::Env;

/// Where the file lies below the home directory.
pub const PATH: &str = ".kube/config";

/// Where kubectl looks without `--kubeconfig`.
pub fn path(env: &Env) -> &str {
    if env.kubeconfig.is_empty() { PATH } else { &env.kubeconfig }
}

/// The kubeconfig's content, without credentials, which are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// Clusters: name and server.
    pub clusters: Vec<(String, String)>,
    /// Contexts.
    pub contexts: Vec<Context>,
    /// The name of the current context; "" for none.
    pub current: String,
    /// Users.
    pub users: Vec<String>,
}

/// A cluster, a user and a namespace under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Its name, such as `kind-kind`.
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The user's name.
    pub user: String,
    /// The namespace of commands without `-n`; "" for `default`.
    pub namespace: String,
}

impl Kubeconfig {
    /// The session's kubeconfig; empty when there is none.
    pub fn of(env: &Env) -> Self {
        Self::at(env, path(env)).unwrap_or_default()
    }

    /// The kubeconfig in this file; `None` when there is no such file.
    pub fn at(env: &Env, path: &str) -> Option<Self> {
        env.file(path).map(|text| Self::parse(text))
    }

    /// The context of this name.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|context| context.name == name)
    }

    /// The server of the cluster of this name.
    pub fn server(&self, cluster: &str) -> Option<&str> {
        self.clusters.iter().find(|(name, _)| name == cluster).map(|(_, server)| server.as_str())
    }

    /// Adds a cluster with user and context of the same name, and makes it the current one (as `kind create cluster` does).
    pub fn add(&mut self, name: &str, server: &str) {
        self.remove(name);
        self.clusters.push((name.to_string(), server.to_string()));
        self.users.push(name.to_string());
        self.contexts.push(Context { name: name.into(), cluster: name.into(), user: name.into(), namespace: String::new() });
        self.current = name.to_string();
    }

    /// Removes a cluster with user and context of the same name (as `kind delete cluster` does).
    pub fn remove(&mut self, name: &str) {
        self.clusters.retain(|(have, _)| have != name);
        self.users.retain(|have| have != name);
        self.contexts.retain(|have| have.name != name);
        if self.current == name {
            self.current.clear();
        }
    }

    /// The file's text, as `kubectl config view` prints it.
    pub fn to_yaml(&self) -> String {
        let mut out = String::from("apiVersion: v1\n");
        let list = |out: &mut String, key: &str, entries: Vec<String>| {
            if entries.is_empty() {
                *out += &format!("{key}: null\n");
            } else {
                *out += &format!("{key}:\n");
                *out += &entries.concat();
            }
        };
        let clusters = self.clusters.iter().map(|(name, server)| {
            format!("- cluster:\n    certificate-authority-data: DATA+OMITTED\n    server: {server}\n  name: {name}\n")
        });
        list(&mut out, "clusters", clusters.collect());
        let contexts = self.contexts.iter().map(|context| {
            let namespace =
                if context.namespace.is_empty() { String::new() } else { format!("    namespace: {}\n", context.namespace) };
            format!(
                "- context:\n    cluster: {}\n{namespace}    user: {}\n  name: {}\n",
                context.cluster, context.user, context.name
            )
        });
        list(&mut out, "contexts", contexts.collect());
        let current = if self.current.is_empty() { "\"\"" } else { &self.current };
        out += &format!("current-context: {current}\nkind: Config\n");
        let users = self.users.iter().map(|name| {
            format!("- name: {name}\n  user:\n    client-certificate-data: DATA+OMITTED\n    client-key-data: DATA+OMITTED\n")
        });
        list(&mut out, "users", users.collect());
        out
    }

    /// Reads what [`Kubeconfig::to_yaml`] writes.
    fn parse(text: &str) -> Self {
        let mut config = Self::default();
        let mut section = "";
        for line in text.lines() {
            let indented = line.starts_with([' ', '-']);
            let Some((key, value)) = line.trim_start_matches(['-', ' ']).split_once(':') else { continue };
            let value = value.trim().trim_matches('"').to_string();
            if !indented {
                section = key;
                if key == "current-context" {
                    config.current = value;
                }
                continue;
            }
            match (section, key) {
                ("clusters", "cluster") => config.clusters.push((String::new(), String::new())),
                ("contexts", "context") => config.contexts.push(Context::default()),
                ("users", "name") => config.users.push(value),
                ("clusters", _) => {
                    if let Some(cluster) = config.clusters.last_mut() {
                        match key {
                            "name" => cluster.0 = value,
                            "server" => cluster.1 = value,
                            _ => {}
                        }
                    }
                }
                ("contexts", _) => {
                    if let Some(context) = config.contexts.last_mut() {
                        match key {
                            "name" => context.name = value,
                            "cluster" => context.cluster = value,
                            "user" => context.user = value,
                            "namespace" => context.namespace = value,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_as_it_was_written() {
        let mut config = Kubeconfig::default();
        config.add("kind-one", "https://127.0.0.1:40001");
        config.add("kind-two", "https://127.0.0.1:40002");
        config.contexts[0].namespace = "shop".into();
        assert_eq!(Kubeconfig::parse(&config.to_yaml()), config);
        config.remove("kind-two");
        assert_eq!(config.current, "");
        assert_eq!(Kubeconfig::parse(&config.to_yaml()), config);
        assert_eq!(config.server("kind-one"), Some("https://127.0.0.1:40001"));
    }
}
