//! Which images there are: what a registry answers for a name that it does not hold.
//!
//! Nobody can list all images of the world. Docker's official images (those without a slash in their name) are known by name; a tag of theirs
//! exists unless it is nearly one that is known. Elsewhere everything exists that does not say of itself that it does not.

use super::image::ImageName;
use crate::kubectl::parse::edit_distance;

/// Docker's official images, as <https://github.com/docker-library/official-images> lists them.
const OFFICIAL: &str = "adminer adoptopenjdk aerospike almalinux alpine alt amazoncorretto amazonlinux api-firewall arangodb archlinux backdrop bash \
    bonita buildpack-deps busybox caddy cassandra celery centos chronograf cirros clearlinux clefos clickhouse clojure composer \
    consul convertigo couchbase couchdb crate crux dart debian django docker docker-dev drupal eclipse-mosquitto eclipse-temurin \
    eggdrop elasticsearch elixir emqx erlang euleros express-gateway fedora flink fluentd fsharp friendica gazebo gcc geonetwork \
    ghost glassfish golang gradle groovy haproxy haskell haxe hello-seattle hello-world hipache hitch hola-mundo httpd hylang \
    ibm-semeru-runtimes ibmjava influxdb iojs irssi java jenkins jetty jobber joomla jruby julia kaazing-gateway kapacitor kibana \
    known kong krakend lightstreamer liquibase logstash mageia mariadb matomo maven mediawiki memcached mongo mongo-express monica \
    mono mysql nats nats-streaming neo4j neurodebian nextcloud nginx node notary nuxeo odoo open-liberty openjdk opensuse \
    oraclelinux orientdb owncloud percona perl photon php php-zendserver phpmyadmin piwik plone postfixadmin postgres pypy python \
    r-base rabbitmq rails rakudo-star rapidoid redis redmine registry rethinkdb rocket.chat rockylinux ros ruby rust sapmachine \
    satosa scratch sentry silverpeas sl solr sonarqube sourcemage spark spiped storm swarm swift swipl teamspeak telegraf thrift \
    tomcat tomee traefik ubuntu ubuntu-debootstrap ubuntu-upstart unit valkey varnish vault voteapp websphere-liberty wordpress \
    xwiki yourls znc zookeeper";

/// Words of official images' tags: what is nearly one of them is a typing error.
const TAG_WORDS: &str = "alpine apache beta bionic bookworm builder bullseye buster cli community core curl current debian dev devel dind edge enterprise \
    experimental focal fpm full git glibc jammy jdk jre latest linux lts mainline management musl nanoserver next nightly noble \
    oldoldstable oldstable onbuild oracular otel perl plucky questing rawhide rc rolling rootless scm sid slim stable stretch \
    testing trixie ubi ubuntu uclibc unprivileged unstable windowsservercore xenial zts";

/// Names say of themselves that there is no such thing.
const ABSENT: [&str; 7] = ["doesnotexist", "does-not-exist", "nonexistent", "non-existent", "notexist", "no-such", "nosuch"];

/// Tags that people make up for an image that is not there.
const MADE_UP: [&str; 14] = [
    "asdf", "bad", "badtag", "bogus", "broken", "fake", "foo", "invalid", "missing", "nonsense", "nope", "typo", "unknown",
    "wrong",
];

/// Whether a word of a tag is one of [`TAG_WORDS`], written wrong: a letter or two are others, but not the first.
fn is_typo(word: &str) -> bool {
    let near = |known: &str| {
        let edits = if word.len() > 5 { 2 } else { 1 };
        known.bytes().next() == word.bytes().next() && edit_distance(word, known) <= edits
    };
    let mut known = TAG_WORDS.split_whitespace();
    !known.clone().any(|known| known == word) && known.any(near)
}

/// Why an image cannot be pulled, in containerd's words; `None` when it can.
pub fn absence(name: &ImageName) -> Option<String> {
    let (domain, path) = name.repository.split_once('/')?;
    let is_absent = |text: &str| ABSENT.iter().any(|absent| text.contains(absent));
    if is_absent(domain) || domain.rsplit('.').next().is_some_and(|top| matches!(top, "invalid" | "example" | "test")) {
        let tag = if name.tag.is_empty() { &name.digest } else { &name.tag };
        return Some(format!(
            "failed to do request: Head \"https://{domain}/v2/{path}/manifests/{tag}\": dial tcp: lookup {domain} on 172.18.0.1:53: no such host"
        ));
    }
    let official = (domain == "docker.io").then(|| path.strip_prefix("library/")).flatten();
    if is_absent(path) || official.is_some_and(|image| !OFFICIAL.split_whitespace().any(|known| known == image)) {
        return Some(match domain {
            "docker.io" => "pull access denied, repository does not exist or may require authorization: server message: \
                            insufficient_scope: authorization failed"
                .into(),
            _ => format!("{name}: not found"),
        });
    }
    // A word with a digit is a version.
    let wrong = |word: &str| MADE_UP.contains(&word) || (!word.bytes().any(|byte| byte.is_ascii_digit()) && is_typo(word));
    let unknown_tag = official.is_some() && name.tag.split(['-', '.', '_']).any(wrong);
    (is_absent(&name.tag) || unknown_tag).then(|| format!("{name}: not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_and_made_up_names_are_not_found() {
        let why = |name: &str| absence(&ImageName::parse(name).unwrap());
        for there in [
            "nginx",
            "nginx:1.27-alpine",
            "redis:7.4.1-bookworm",
            "postgres:15-alpine",
            "ghcr.io/me/app:dev",
            "dockersamples/examplevotingapp_vote",
            "docker:dind",
            "caddy:builder",
            "debian:oldstable",
            "debian:experimental",
            "hello-world:linux",
            "fedora:rawhide",
            "php:zts",
            "php:8.4-zts-alpine",
            "buildpack-deps:curl",
            "ubuntu:plucky",
            "ubuntu:questing",
            "mono",
            "swarm",
            "eggdrop",
            "nginx:somebody-may-have-pushed-it",
        ] {
            assert_eq!(why(there), None, "{there}");
        }
        assert!(why("ngnix").unwrap().starts_with("pull access denied"));
        assert!(why("my-app:1.0").unwrap().starts_with("pull access denied"));
        assert_eq!(why("nginx:nope").unwrap(), "docker.io/library/nginx:nope: not found");
        for wrong in ["nginx:latst", "nginx:1.27-alpin", "debian:bookwrom-slim", "redis:stabel"] {
            assert_eq!(why(wrong).unwrap(), format!("docker.io/library/{wrong}: not found"));
        }
        assert_eq!(why("nginx:doesnotexist").unwrap(), "docker.io/library/nginx:doesnotexist: not found");
        assert!(why("registry.invalid/a:1").unwrap().ends_with("no such host"));
    }
}
