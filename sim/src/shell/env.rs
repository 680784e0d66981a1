//! What a program sees of the user's session.

use crate::core::collections::PMap;

use crate::value::Text;

/// The session's files: path below the home directory → content.
pub type Files = PMap<String, Text>;

/// What a program sees of the session that it runs in. Plain data; a program gets it with every run, always the same.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// The session's files when the program started; [`crate::flow::Io::write_file`] changes them.
    pub files: Files,
    /// What came through a pipe, a here-document or `<`; `None` when stdin is the terminal.
    pub stdin: Option<Text>,
    /// `$KUBECONFIG`, an absolute path; "" when it is not set.
    pub kubeconfig: Text,
}

impl Env {
    /// The text of a file; `path` may begin with `~/` or `./`.
    pub fn file(&self, path: &str) -> Option<&Text> {
        self.files.get(normal_path(path).as_str())
    }

    /// The files of a folder (not of the folders below it), in the order of their names; none when it does not exist.
    pub fn folder(&self, path: &str) -> Vec<(&str, &Text)> {
        let prefix = match normal_path(path).as_str() {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let files = self.files.iter().filter_map(|(path, text)| Some((path.as_str(), path.strip_prefix(&prefix)?, text)));
        files.filter(|(_, rest, _)| !rest.is_empty() && !rest.contains('/')).map(|(path, _, text)| (path, text)).collect()
    }
}

/// The home directory of whoever types, which is also the working directory.
pub const HOME: &str = "/home/you";

/// A path as the session's files are keyed: below the home directory.
pub fn normal_path(path: &str) -> String {
    let in_home = path.strip_prefix('~').or_else(|| path.strip_prefix(HOME));
    let path = in_home.filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path);
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." | "~" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_home() {
        let files = [("a.yaml", "A"), ("m/b.yaml", "B"), ("m/n/c.yaml", "C")];
        let files = files.into_iter().map(|(path, text)| (path.to_string(), Text::from(text))).collect();
        let env = Env { files, ..Env::default() };
        assert_eq!(env.file("./a.yaml").map(Text::as_str), Some("A"));
        assert_eq!(env.file("~/m/../m/b.yaml").map(Text::as_str), Some("B"));
        assert_eq!(env.file("/home/you/m/b.yaml").map(Text::as_str), Some("B"));
        assert_eq!(env.file("b.yaml"), None);
        let names = |path| env.folder(path).iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(names("m"), ["m/b.yaml"]);
        assert_eq!(names("."), ["a.yaml"]);
        assert!(names("nope").is_empty());
    }
}
