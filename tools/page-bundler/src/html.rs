//! The links in index.html that are meant for the builder: `<link data-trunk rel="…" …>`.

use std::ops::Range;

/// A `<link data-trunk …>` and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The bytes of the whole tag.
    pub(crate) at: Range<usize>,
    attributes: Vec<(String, String)>,
}

impl Link {
    /// The value of an attribute; empty for one without a value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All of them, in order. Comments are passed over.
pub(crate) fn links(html: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut position = 0;
    while let Some(start) = html[position..].find('<').map(|at| position + at) {
        if html[start..].starts_with("<!--") {
            position = html[start..].find("-->").map_or(html.len(), |at| start + at + 3);
            continue;
        }
        let end = tag_end(html, start);
        let tag = &html[start..end];
        if tag.starts_with("<link") && tag[5..].starts_with(char::is_whitespace) {
            let link = Link { at: start..end, attributes: attributes(tag[5..].trim_end_matches('>').trim_end_matches('/')) };
            if link.get("data-trunk").is_some() {
                links.push(link);
            }
        }
        position = end;
    }
    links
}

/// The byte behind the `>` that ends the tag; quoted values may hold one.
fn tag_end(html: &str, start: usize) -> usize {
    let mut quote = None;
    for (at, character) in html[start..].char_indices() {
        match (quote, character) {
            (None, '>') => return start + at + 1,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    html.len()
}

fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return attributes;
        }
        let name_end = text.find(|character: char| character == '=' || character.is_whitespace()).unwrap_or(text.len());
        let name = text[..name_end].to_owned();
        text = text[name_end..].trim_start();
        let Some(rest) = text.strip_prefix('=') else {
            attributes.push((name, String::new()));
            continue;
        };
        let rest = rest.trim_start();
        let (value, remaining) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        attributes.push((name, value.to_owned()));
        text = remaining;
    }
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn finds_only_the_builders_links() {
        let html = r#"<!-- <link data-trunk rel="css" href="no.css"> --><link rel="icon" href="data:,">
            <p title="<link data-trunk>"><link  data-trunk rel='css'
              href=a.css/><link rel="rust" data-bin = "page" data-trunk />"#;
        let found = links(html);
        let seen: Vec<_> = found.iter().map(|link| (link.get("rel"), link.get("href"), link.get("data-bin"))).collect();
        assert_eq!(seen, [(Some("css"), Some("a.css"), None), (Some("rust"), None, Some("page"))]);
        assert!(html[found[1].at.clone()].starts_with("<link rel=\"rust\""));
    }

    #[test]
    fn survives_unfinished_tags() {
        assert_eq!(links("<link data-trunk rel=\"css").len(), 1);
        assert_eq!(links("<!-- <link data-trunk>").len(), 0);
    }
}
