//! The scene as marks: a picture as plain data, with stable keys. Painters only paint.

use std::rc::Rc;

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{NODES, PODS};
use orrery_sim::core::collections::PMap;
use orrery_sim::core::{Controller, Part};
use orrery_sim::value::Text;

use super::camera::Camera;
use super::geometry::{Point, Rect};
use super::layout::Layout;
use super::look::Family;
use super::model::PodPhase;
use super::wires::WireKind;

/// What a click selects; also a part of the key of marks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selection {
    /// A node or the machine that is to become one, by name.
    Node(String),
    /// A pod: namespace, name.
    Pod(String, String),
    /// A part: machine's name, part.
    Part(String, Part),
    /// A message, by its number.
    Message(u32),
    /// A command of the user, by its number.
    Command(u32),
    /// Any other object: resource, namespace ("" for none), name.
    Object(Resource, String, String),
}

impl Selection {
    /// A text that names it, such as `pod/default/web`, readable by [`Selection::parse`].
    pub fn key(&self) -> String {
        match self {
            Self::Node(name) => format!("node/{name}"),
            Self::Pod(namespace, name) => format!("pod/{namespace}/{name}"),
            Self::Part(machine, part) => format!("part/{machine}/{}", part.name()),
            Self::Message(id) => format!("message/{id}"),
            Self::Command(id) => format!("command/{id}"),
            Self::Object(resource, namespace, name) => format!("object/{}/{namespace}/{name}", resource.group_resource()),
        }
    }

    /// What stands for an object.
    pub fn object(resource: Resource, namespace: &str, name: &str) -> Self {
        match resource {
            PODS => Self::Pod(namespace.to_string(), name.to_string()),
            NODES => Self::Node(name.to_string()),
            other => Self::Object(other, namespace.to_string(), name.to_string()),
        }
    }

    /// Reads a [`Selection::key`].
    pub fn parse(key: &str) -> Option<Self> {
        if let Some(object) = key.strip_prefix("object/") {
            let parts: Vec<&str> = object.split('/').collect();
            let [resource, namespace, name] = parts[..] else { return None };
            let resource = Resource::all().find(|one| one.group_resource() == resource)?;
            return (!name.is_empty()).then(|| Self::object(resource, namespace, name));
        }
        let mut parts = key.split('/');
        let selection = match (parts.next()?, parts.next()?, parts.next()) {
            ("node", name, None) => Self::Node(name.to_string()),
            ("pod", namespace, Some(name)) => Self::Pod(namespace.to_string(), name.to_string()),
            ("part", machine, Some(name)) => Self::Part(machine.to_string(), part_named(name)?),
            ("message", id, None) => Self::Message(id.parse().ok()?),
            ("command", id, None) => Self::Command(id.parse().ok()?),
            _ => return None,
        };
        parts.next().is_none().then_some(selection)
    }
}

fn part_named(name: &str) -> Option<Part> {
    let plain = [
        Part::Shell,
        Part::Etcd,
        Part::ApiServer,
        Part::Scheduler,
        Part::Kubelet,
        Part::Runtime,
        Part::KubeProxy,
        Part::Kindnet,
        Part::CoreDns,
        Part::LocalPathProvisioner,
        Part::Kubeadm,
        Part::Registry,
        Part::LoadBalancer,
        Part::Systemd,
    ];
    plain.into_iter().chain(Controller::ALL.into_iter().map(Part::Controller)).find(|part| part.name() == name)
}

/// How a box looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxLook {
    /// The dashed frame around the cluster.
    Frame,
    /// A node.
    Node,
    /// A node that is switched off or not Ready.
    NodeDown,
    /// A part that runs.
    Part,
    /// A part that does not run.
    PartDown,
    /// The api-server.
    Bar,
    /// The api-server while it does not run.
    BarDown,
    /// A controller.
    Chip,
    /// Where pods without a node wait.
    Tray,
    /// A box without room for cells.
    Tile,
    /// The same of a node that is not Ready.
    TileDown,
    /// Behind a legend.
    Ground,
    /// Over a node that a filter has rejected.
    Veil,
    /// Around a node that is still in question.
    Considered,
    /// Behind what is said about a node.
    Plate,
    /// The same for the chosen one.
    PlateWon,
    /// Around the node that was chosen.
    Winner,
    /// Around the node that the audience pointed at.
    Guess,
    /// A node without room for bars: how good it is, from 0 to 4.
    Heat(u8),
    /// A part of a score, by its hue.
    Score(u8),
    /// Behind the sentence about a decision.
    Caption,
}

impl BoxLook {
    /// The CSS class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Node => "node",
            Self::NodeDown => "node down",
            Self::Part => "part",
            Self::PartDown => "part down",
            Self::Bar => "bar",
            Self::BarDown => "bar down",
            Self::Chip => "chip",
            Self::Tray => "tray",
            Self::Tile => "tile",
            Self::TileDown => "tile down",
            Self::Ground => "legend",
            Self::Veil => "veil",
            Self::Considered => "considered",
            Self::Plate => "plate",
            Self::PlateWon => "plate won",
            Self::Winner => "winner",
            Self::Guess => "guess",
            Self::Heat(0) => "heat-0",
            Self::Heat(1) => "heat-1",
            Self::Heat(2) => "heat-2",
            Self::Heat(3) => "heat-3",
            Self::Heat(_) => "heat-4",
            Self::Score(0) => "score-0",
            Self::Score(1) => "score-1",
            Self::Score(2) => "score-2",
            Self::Score(3) => "score-3",
            Self::Score(4) => "score-4",
            Self::Score(5) => "score-5",
            Self::Score(6) => "score-6",
            Self::Score(_) => "score-7",
            Self::Caption => "caption",
        }
    }
}

/// Colour of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Names.
    Main,
    /// What goes with them.
    Soft,
    /// On the api-server's bar.
    OnBar,
    /// Ready.
    Good,
    /// Not Ready.
    Bad,
    /// On a filled pod cell.
    OnPod,
}

impl Ink {
    /// The CSS class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Soft => "soft",
            Self::OnBar => "on-bar",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::OnPod => "on-pod",
        }
    }
}

/// Where a text is anchored horizontally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// One thing to paint.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A box.
    Box {
        /// Its place.
        rect: Rect,
        /// Radius of its corners.
        radius: f64,
        /// How it looks.
        look: BoxLook,
    },
    /// A line of text.
    Label {
        /// Its anchor, on the middle of the line's height.
        at: Point,
        /// Horizontal anchor.
        align: Align,
        /// Size of the type.
        size: f64,
        /// Whether it is bold.
        bold: bool,
        /// Its colour.
        ink: Ink,
        /// The text.
        text: String,
    },
    /// A standing wire.
    Wire {
        /// Its course.
        points: Vec<Point>,
        /// What travels on it.
        kind: WireKind,
        /// Whether the part at its end does not run: pale.
        idle: bool,
    },
    /// A horizontal gauge.
    Gauge {
        /// Its place.
        rect: Rect,
        /// Filled share, from 0 to 1.
        share: f64,
    },
    /// A pod.
    Cell {
        /// Its place.
        rect: Rect,
        /// How far it has come.
        phase: PodPhase,
        /// What it is filled with.
        family: Family,
    },
    /// A part of a box without room for cells.
    Tile {
        /// Its place.
        rect: Rect,
        /// What it is filled with.
        family: Family,
    },
    /// Over what has failed.
    Cross {
        /// Its place.
        rect: Rect,
    },
}

impl Mark {
    /// The same elsewhere, for what pods' cells consist of.
    #[must_use]
    pub fn moved(&self, x: f64, y: f64) -> Self {
        let mut mark = self.clone();
        match &mut mark {
            Self::Cell { rect, .. } => (rect.x, rect.y) = (rect.x + x, rect.y + y),
            Self::Label { at, .. } => (at.x, at.y) = (at.x + x, at.y + y),
            _ => {}
        }
        mark
    }
}

/// Marks that belong together: a node, a part, a pod. The unit of selection and of redrawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Stable name, unique in the scene.
    pub key: String,
    /// What a click on it selects.
    pub selects: Option<Selection>,
    /// What it is, for screen readers and as a tooltip.
    pub title: String,
    /// Its marks, from the back to the front.
    pub marks: Vec<Mark>,
    /// Groups within it, in front of its marks.
    pub groups: Vec<Rc<Group>>,
}

impl Group {
    /// The place of what a selection stands for, here or within.
    fn place_of(&self, selection: &Selection) -> Option<Rect> {
        if self.selects.as_ref() == Some(selection) {
            return self.marks.iter().find_map(|mark| match mark {
                Mark::Box { rect, .. } | Mark::Cell { rect, .. } => Some(*rect),
                _ => None,
            });
        }
        self.groups.iter().find_map(|inner| inner.place_of(selection))
    }
}

impl Scene {
    /// Where something stands, if it is shown.
    pub fn place_of(&self, selection: &Selection) -> Option<Rect> {
        self.groups.iter().find_map(|group| group.place_of(selection))
    }

    /// Where the pods stand in the view of a camera, by their uids.
    pub fn places_of_pods(&self, camera: &Camera) -> PMap<Text, Rect> {
        fn add(groups: &[Rc<Group>], camera: &Camera, places: &mut PMap<Text, Rect>) {
            for group in groups {
                if let Some(uid) = group.key.strip_prefix("pod/")
                    && let Some(Mark::Cell { rect, .. }) = group.marks.first()
                {
                    places.insert(Text::new(uid), camera.rect_to_view(*rect));
                }
                add(&group.groups, camera, places);
            }
        }
        let mut places = PMap::new();
        add(&self.groups, camera, &mut places);
        if let Some(field) = &self.layout.field {
            field.places_of_pods(camera, &mut places);
        }
        places
    }
}

/// The standing picture of a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Where everything stands.
    pub layout: Layout,
    /// The groups, from the back to the front.
    pub groups: Vec<Rc<Group>>,
}
