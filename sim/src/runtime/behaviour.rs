//! What a container does, decided by its image and command.

use super::image::ImageName;
use super::script::{self, Amount, Run, Step};
use crate::core::{Duration, Part};
use crate::value::Value;

/// What a container is made of, as far as its behaviour depends on it.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// Its image.
    pub image: &'a ImageName,
    /// `command` of the container; empty when the image decides.
    pub command: Vec<String>,
    /// `args` of the container.
    pub args: Vec<String>,
    /// Environment: `[{"key": …, "value": …}]`.
    pub envs: &'a Value,
    /// Ports that the container declares.
    pub ports: &'a Value,
    /// Whether its stdin stays open, so that a shell waits for input.
    pub stdin: bool,
    /// Whether others wait for its end: an init container.
    pub one_shot: bool,
    /// The pod's name.
    pub hostname: &'a str,
    /// The pod's namespace.
    pub namespace: &'a str,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// How it ends by itself.
    pub run: Run,
    /// When and with which code it ends after SIGTERM; `None` when it ignores that.
    pub on_term: Option<(Duration, i32)>,
    /// Which simulated part runs in it.
    pub part: Option<Part>,
    /// Ports that it listens on.
    pub ports: Vec<u16>,
    /// How long after its start it listens.
    pub listens_after: Duration,
    /// Its process and that one's children, as in the process list.
    pub processes: Vec<String>,
    /// What its script does; empty for servers.
    pub steps: Vec<Step>,
    /// What a server prints at its start; see [`super::logs`].
    pub prints: Prints,
    /// The memory that it takes; `None` for what every container takes.
    pub memory: Option<Amount>,
}

/// Which start-up lines a server prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prints {
    /// Only what its script prints.
    Script,
    /// nginx' docker entrypoint.
    Nginx,
    /// httpd
    Httpd,
    /// redis-server
    Redis,
    /// postgres
    Postgres,
    /// hello-world's letter
    HelloWorld,
    /// A text.
    Text(&'static str),
    /// A program of Kubernetes.
    Klog(Part),
}

/// An image that we know.
struct Known {
    repository: &'static str,
    /// Its entrypoint and command.
    argv: &'static [&'static str],
    /// Processes besides the first.
    children: &'static [&'static str],
    ports: &'static [u16],
    prints: Prints,
}

const NGINX_WORKER: &str = "nginx: worker process";

const KNOWN: &[Known] = &[
    Known {
        repository: "docker.io/library/nginx",
        argv: &["nginx:", "master", "process", "nginx", "-g", "daemon off;"],
        children: &[NGINX_WORKER, NGINX_WORKER, NGINX_WORKER, NGINX_WORKER],
        ports: &[80],
        prints: Prints::Nginx,
    },
    Known {
        repository: "docker.io/library/httpd",
        argv: &["httpd", "-DFOREGROUND"],
        children: &["httpd -DFOREGROUND", "httpd -DFOREGROUND", "httpd -DFOREGROUND"],
        ports: &[80],
        prints: Prints::Httpd,
    },
    Known {
        repository: "docker.io/library/redis",
        argv: &["redis-server", "*:6379"],
        children: &[],
        ports: &[6379],
        prints: Prints::Redis,
    },
    Known {
        repository: "docker.io/library/postgres",
        argv: &["postgres"],
        children: &[
            "postgres: checkpointer ",
            "postgres: background writer ",
            "postgres: walwriter ",
            "postgres: autovacuum launcher ",
            "postgres: logical replication launcher ",
        ],
        ports: &[5432],
        prints: Prints::Postgres,
    },
    Known {
        repository: "docker.io/library/mysql",
        argv: &["mysqld"],
        children: &[],
        ports: &[3306, 33060],
        prints: Prints::Script,
    },
    Known {
        repository: "docker.io/library/mongo",
        argv: &["mongod", "--bind_ip_all"],
        children: &[],
        ports: &[27017],
        prints: Prints::Script,
    },
    Known {
        repository: "docker.io/library/hello-world",
        argv: &["/hello"],
        children: &[],
        ports: &[],
        prints: Prints::HelloWorld,
    },
    Known {
        repository: "docker.io/dockersamples/examplevotingapp_vote",
        argv: &[
            "/usr/local/bin/python3.11",
            "/usr/local/bin/gunicorn",
            "app:app",
            "-b",
            "0.0.0.0:80",
            "--log-file",
            "-",
            "--workers",
            "4",
        ],
        children: &[],
        ports: &[80],
        prints: Prints::Text("Listening at: http://0.0.0.0:80 (1)"),
    },
    Known {
        repository: "docker.io/dockersamples/examplevotingapp_result",
        argv: &["node", "server.js"],
        children: &[],
        ports: &[80],
        prints: Prints::Text("App running on port 80\nConnected to db"),
    },
    Known {
        repository: "docker.io/dockersamples/examplevotingapp_worker",
        argv: &["dotnet", "Worker.dll"],
        children: &[],
        ports: &[],
        prints: Prints::Text("Connected to db\nFound redis at 10.96.0.0\nConnecting to redis"),
    },
    Known { repository: "registry.k8s.io/pause", argv: &["/pause"], children: &[], ports: &[], prints: Prints::Script },
    Known {
        repository: "docker.io/kindest/kindnetd",
        argv: &["/bin/kindnetd"],
        children: &[],
        ports: &[],
        prints: Prints::Klog(Part::Kindnet),
    },
];

/// Images whose command is a shell or an interpreter: without input it ends at once.
const SHELLS: &[(&str, &str)] = &[
    ("busybox", "sh"),
    ("alpine", "/bin/sh"),
    ("ubuntu", "/bin/bash"),
    ("debian", "bash"),
    ("fedora", "/bin/bash"),
    ("centos", "/bin/bash"),
    ("bash", "bash"),
    ("python", "python3"),
    ("node", "node"),
    ("perl", "perl"),
    ("openjdk", "jshell"),
    // Kubernetes' documentation uses it to show limits of memory; its command is the program itself, too.
    ("polinux/stress", "stress"),
];

/// The part that an image of Kubernetes' own runs, and the ports it listens on.
fn part_of(image: &ImageName) -> Option<(Part, &'static [u16])> {
    let kubernetes = ["registry.k8s.io/", "k8s.gcr.io/", "docker.io/kindest/", "docker.io/rancher/"];
    if !kubernetes.iter().any(|registry| image.repository.starts_with(registry)) {
        return None;
    }
    Some(match image.short() {
        "etcd" => (Part::Etcd, &[2379, 2380, 2381]),
        "kube-apiserver" => (Part::ApiServer, &[6443]),
        "kube-controller-manager" => (Part::Controller(crate::core::Controller::Manager), &[10257]),
        "kube-scheduler" => (Part::Scheduler, &[10259]),
        "kube-proxy" => (Part::KubeProxy, &[10249, 10256]),
        "kindnetd" => (Part::Kindnet, &[]),
        "coredns" => (Part::CoreDns, &[53, 8080, 8181, 9153]),
        "local-path-provisioner" => (Part::LocalPathProvisioner, &[]),
        _ => return None,
    })
}

/// How far loops are followed to find out whether they end.
const LOOKS_AHEAD: Duration = Duration::s(3_600);
/// SIGTERM ends most servers within this time, as in the recordings.
const TERMINATES_AFTER: Duration = Duration::ms(150);

impl Behaviour {
    /// What the container will do.
    pub fn of(program: &Program<'_>) -> Self {
        let image = program.image;
        let known = KNOWN.iter().find(|known| known.repository == image.repository.as_str());
        let shell = SHELLS.iter().find(|(name, _)| {
            image.repository == format!("docker.io/library/{name}").as_str()
                || image.repository == format!("docker.io/{name}").as_str()
        });
        let mut argv = program.command.clone();
        // A shell's image has only a command, which `args` replace; the others have an entrypoint.
        if argv.is_empty() && !(shell.is_some() && !program.args.is_empty()) {
            argv = match (known, shell) {
                (Some(known), _) => known.argv.iter().map(ToString::to_string).collect(),
                (None, Some((_, shell))) => vec![(*shell).to_string()],
                (None, None) => vec![format!("/{}", image.short())],
            };
        }
        argv.extend(program.args.iter().cloned());
        // What the entrypoint of stress-ng's images does is in its arguments.
        let of_image =
            program.command.is_empty() && (program.args.is_empty() || (shell.is_none() && image.short() != "stress-ng"));

        let mut ports: Vec<u16> =
            program.ports.items().iter().filter_map(|port| port["containerPort"].as_int()).map(|port| port as u16).collect();
        let mut this = Self {
            run: Run::Forever,
            on_term: Some((TERMINATES_AFTER, 0)),
            part: None,
            ports: Vec::new(),
            listens_after: Duration::ms(120),
            processes: vec![argv.join(" ")],
            steps: Vec::new(),
            prints: Prints::Script,
            memory: None,
        };
        if let Some((part, own)) = part_of(image) {
            if matches!(program.namespace, "kube-system" | "local-path-storage") {
                this.part = Some(part);
                let serves = super::spawn::starts_after(part);
                // coredns is ready only after it has seen the services.
                this.listens_after = if part == Part::CoreDns { serves + Duration::ms(600) } else { serves };
            }
            this.prints = Prints::Klog(part);
            ports.extend(own);
            this.ports = ports;
            return this;
        }
        let interactive = program.stdin && shell.is_some() && of_image;
        if of_image && shell.is_none() {
            this.serve(known, program.envs);
            ports.extend(known.map_or(&[][..], |known| known.ports));
        } else if !interactive {
            let steps = script::steps(&argv, program.hostname);
            this.steps = if program.one_shot { script::to_an_end(steps) } else { steps };
            this.memory = this.steps.iter().find_map(|step| match step {
                Step::Allocate(amount) => Some(*amount),
                _ => None,
            });
            this.run = script::walk(&this.steps, LOOKS_AHEAD, &mut |_, _| {});
            // Process 1 of a container has no default action for SIGTERM; servers install one, shells and sleep do not.
            let first = argv.first().map_or("", |first| first.rsplit('/').next().unwrap_or_default());
            let trapped = argv.iter().any(|arg| arg.contains("trap "));
            if matches!(first, "sleep" | "sh" | "bash" | "ash" | "tail") && !trapped {
                this.on_term = None;
            }
        }
        this.ports = ports;
        this
    }

    fn serve(&mut self, known: Option<&Known>, envs: &Value) {
        let Some(known) = known else { return };
        self.processes.extend(known.children.iter().map(ToString::to_string));
        self.prints = known.prints;
        let has = |name: &str| envs.items().iter().any(|env| env["key"].str() == name);
        let missing = match known.repository.rsplit('/').next() {
            Some("postgres") if !has("POSTGRES_PASSWORD") && !has("POSTGRES_HOST_AUTH_METHOD") => Some(NO_POSTGRES_PASSWORD),
            Some("mysql")
                if !["MYSQL_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"]
                    .iter()
                    .any(|n| has(n)) =>
            {
                Some(NO_MYSQL_PASSWORD)
            }
            _ => None,
        };
        if let Some(text) = missing {
            self.prints = Prints::Text(text);
            self.run = Run::Ends { after: Duration::ms(180), code: 1, oom: false };
        } else if known.prints == Prints::HelloWorld {
            self.run = Run::Ends { after: Duration::ms(20), code: 0, oom: false };
        }
    }
}

const NO_POSTGRES_PASSWORD: &str = "\
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, \"-e POSTGRES_PASSWORD=password\" on \"docker run\".

       You may also use \"POSTGRES_HOST_AUTH_METHOD=trust\" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about \"trust\":
       https://www.postgresql.org/docs/current/auth-trust.html";

const NO_MYSQL_PASSWORD: &str = "\
[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified
    You need to specify one of the following as an environment variable:
    - MYSQL_ROOT_PASSWORD
    - MYSQL_ALLOW_EMPTY_PASSWORD
    - MYSQL_RANDOM_ROOT_PASSWORD";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn check(image: &str, command: &[&str], args: &[&str], envs: Value) -> Behaviour {
        let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Behaviour::of(&Program {
            image: &ImageName::parse(image).unwrap(),
            command: words(command),
            args: words(args),
            envs: &envs,
            ports: &Value::Null,
            stdin: false,
            one_shot: false,
            hostname: "p",
            namespace: "default",
        })
    }

    #[test]
    fn images_decide_when_there_is_no_command() {
        let nginx = check("nginx:1.27", &[], &[], Value::Null);
        assert_eq!((nginx.run, nginx.ports.as_slice(), nginx.processes.len()), (Run::Forever, &[80][..], 5));
        let busybox = check("busybox", &[], &[], Value::Null);
        assert!(matches!(busybox.run, Run::Ends { code: 0, .. }));
        assert_eq!(busybox.processes, ["sh"]);
        assert!(matches!(check("postgres:15-alpine", &[], &[], Value::Null).run, Run::Ends { code: 1, .. }));
        let envs = value!([{"key": "POSTGRES_PASSWORD", "value": "x"}]);
        assert_eq!(check("postgres:15-alpine", &[], &[], envs).run, Run::Forever);
        assert_eq!(check("example.org/api:2", &[], &["--port", "1"], Value::Null).processes, ["/api --port 1"]);
    }

    #[test]
    fn commands_decide_when_there_is_one() {
        let sleeping = check("busybox", &["sleep", "3600"], &[], Value::Null);
        assert_eq!((sleeping.on_term, sleeping.processes.as_slice()), (None, &["sleep 3600".to_string()][..]));
        assert!(matches!(check("busybox", &[], &["sh", "-c", "exit 1"], Value::Null).run, Run::Ends { code: 1, .. }));
        assert_eq!(check("registry.k8s.io/etcd:3.6", &[], &[], Value::Null).part, None, "a user's etcd is not the cluster's");
    }
}
