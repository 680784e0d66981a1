//! Which images there are: what a registry answers for a name that it does not hold.
//!
//! Nobody can list all images of the world. Docker's official images (those without a slash in their name) are known by name, and their tags
//! by their words; elsewhere everything exists that does not say of itself that it does not.

use super::image::ImageName;

/// Docker's official images, as <https://github.com/docker-library/official-images> lists them.
const OFFICIAL: &str = "adminer aerospike almalinux alpine alt amazoncorretto amazonlinux api-firewall arangodb archlinux backdrop bash bonita \
    buildpack-deps busybox caddy cassandra centos chronograf cirros clearlinux clefos clickhouse clojure composer consul convertigo couchbase \
    couchdb crate dart debian django docker drupal eclipse-mosquitto eclipse-temurin elasticsearch elixir emqx erlang fedora flink fluentd \
    friendica gazebo gcc geonetwork ghost golang gradle groovy haproxy haskell haxe hello-world hitch httpd hylang ibm-semeru-runtimes \
    ibmjava influxdb iojs irssi java jenkins jetty joomla jruby julia kapacitor kibana kong krakend liquibase logstash mageia mariadb \
    matomo maven mediawiki memcached mongo mongo-express monica mysql nats nats-streaming neo4j neurodebian nextcloud nginx node notary \
    nuxeo odoo open-liberty openjdk opensuse oraclelinux orientdb percona perl photon php php-zendserver phpmyadmin plone postfixadmin \
    postgres pypy python r-base rabbitmq rails rakudo-star redis redmine registry rethinkdb rocket.chat rockylinux ros ruby rust sapmachine \
    satosa sentry silverpeas sl solr sonarqube spark spiped storm swift swipl teamspeak telegraf tomcat tomee traefik ubuntu unit valkey \
    varnish vault websphere-liberty wordpress xwiki yourls znc zookeeper";

/// The words of official images' tags that have no digit.
const TAG_WORDS: &str = "alpine apache beta bionic bookworm bullseye buster cli community current debian dev devel edge enterprise focal fpm \
    full git glibc jammy jdk jre latest lts mainline management musl nanoserver next nightly noble onbuild oracular otel perl rc rolling sid \
    slim stable stretch testing trixie ubi ubuntu uclibc unstable windowsservercore xenial";

/// Names say of themselves that there is no such thing.
const ABSENT: [&str; 7] = ["doesnotexist", "does-not-exist", "nonexistent", "non-existent", "notexist", "no-such", "nosuch"];

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
    let known =
        |word: &str| word.bytes().any(|byte| byte.is_ascii_digit()) || TAG_WORDS.split_whitespace().any(|have| have == word);
    let unknown_tag = official.is_some() && !name.tag.is_empty() && !name.tag.split(['-', '.', '_']).all(known);
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
        ] {
            assert_eq!(why(there), None, "{there}");
        }
        assert!(why("ngnix").unwrap().starts_with("pull access denied"));
        assert!(why("my-app:1.0").unwrap().starts_with("pull access denied"));
        assert_eq!(why("nginx:nope").unwrap(), "docker.io/library/nginx:nope: not found");
        assert_eq!(why("nginx:doesnotexist").unwrap(), "docker.io/library/nginx:doesnotexist: not found");
        assert!(why("registry.invalid/a:1").unwrap().ends_with("no such host"));
    }
}
