//! The field: where boxes stand, what is drawn of them at which size, and that what is drawn can be pointed at.

use std::rc::Rc;

use super::*;
use orrery_sim::core::Addr;

use crate::i18n::EN;
use crate::scene::MessageKind;
use crate::scene::marks::Scene;
use crate::scene::tests::model;
use crate::scene::{Layout, svg};

const SIZES: [(f64, f64); 4] = [(1500.0, 760.0), (980.0, 470.0), (800.0, 450.0), (390.0, 460.0)];

/// The field of so many workers with so many pods each.
fn field(workers: u16, pods: usize, size: (f64, f64), look: Look) -> (Rc<Field>, ViewModel) {
    let mut model = model(workers, pods);
    for (index, machine) in model.machines.iter_mut().enumerate() {
        let machine = Rc::make_mut(machine);
        if let Some(node) = machine.node.as_mut().filter(|_| index % 4 > 0) {
            node.zone = Text::new(&format!("zone-{}", ["a", "b", "c"][index % 4 - 1]));
        }
    }
    let layout = Layout::new(&model, size.0, size.1, Some(Detail::Cells), look);
    (layout.field.expect("it was asked for"), model)
}

fn drawn(field: &Field, model: &ViewModel, plot: &Plot, rect: Rect) -> Vec<Mark> {
    let mut marks = Vec::new();
    field.draw(plot, rect, model, &EN, &mut |mark| marks.push(mark));
    marks
}

fn extent(mark: &Mark) -> Option<Rect> {
    match mark {
        Mark::Box { rect, .. } | Mark::Cell { rect, .. } | Mark::Tile { rect, .. } | Mark::Gauge { rect, .. } => Some(*rect),
        _ => None,
    }
}

#[test]
fn boxes_stay_in_their_area_and_apart() {
    for size in SIZES {
        for workers in [1, 3, 20, 100, 1_000, 5_000] {
            for grouping in Grouping::ALL {
                // Owners are as many as workers here.
                let pods = if workers > 1_000 { 1 } else { 5 };
                let (field, _) = field(workers, pods, size, Look { grouping, ..Look::default() });
                let what = format!("{size:?}, {workers} workers, {grouping:?}");
                let least = if grouping == Grouping::Namespace { 2 } else { usize::from(workers) };
                assert!(field.plots.len() >= least, "{what}: {}", field.plots.len());
                let mut rects: Vec<Rect> = field.plots.iter().map(|plot| plot.rect).collect();
                for rect in &rects {
                    assert!(field.area.contains(rect) && rect.w > 0.4 && rect.h > 0.4, "{what}: {rect:?} in {:?}", field.area);
                }
                rects.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
                for (index, a) in rects.iter().enumerate() {
                    let near = rects[index + 1..].iter().take_while(|b| b.y < a.bottom()).take(120);
                    near.for_each(|b| assert!(!a.inset(0.01).overlaps(&b.inset(0.01)), "{what}: {a:?} overlaps {b:?}"));
                }
            }
        }
    }
}

#[test]
fn what_is_drawn_of_a_box_stays_in_it_and_grows_with_it() {
    let (field, model) = field(100, 30, (1500.0, 760.0), Look::default());
    let plot = &field.plots[7];
    let mut seen = Vec::new();
    for width in [3.0, 8.0, 20.0, 40.0, 80.0, 160.0, 320.0, 900.0] {
        let rect = Rect::new(50.0, 20.0, width, width * 0.8);
        let marks = drawn(&field, &model, plot, rect);
        for inner in marks.iter().filter_map(extent) {
            assert!(rect.contains(&inner), "{width}: {inner:?} outside of {rect:?}");
        }
        let cells = marks.iter().filter(|mark| matches!(mark, Mark::Cell { .. })).count();
        let words = marks.iter().filter(|mark| matches!(mark, Mark::Label { text, .. } if !text.is_empty())).count();
        assert!(cells == 0 || cells == 30, "all pods or none");
        for mark in &marks {
            if let Mark::Label { size, text, .. } = mark
                && !text.is_empty()
            {
                assert!(*size >= 8.7, "{width}: {text} at {size}");
            }
        }
        seen.push((cells > 0, words));
    }
    assert!(!seen[0].0 && seen[0].1 == 0, "a small one is a tile without words");
    assert!(seen[4].0 && seen[4].1 >= 2, "a larger one has its pods, its name and its state");
    let texts: Vec<String> = drawn(&field, &model, plot, Rect::new(0.0, 0.0, 900.0, 700.0))
        .into_iter()
        .filter_map(|mark| if let Mark::Label { text, .. } = mark { Some(text) } else { None })
        .collect();
    for word in ["kubelet", "containerd", "kind-worker8", "2.1 / 4"] {
        assert!(texts.iter().any(|text| text == word), "{word} in {texts:?}");
    }
}

#[test]
fn tiles_show_shares_by_height_as_well_as_by_colour() {
    for colouring in Colouring::ALL {
        let (field, model) = field(1_000, 14, (1500.0, 760.0), Look { colouring, ..Look::default() });
        let plot = &field.plots[10];
        let tiles: Vec<(f64, Family)> = drawn(&field, &model, plot, Rect::new(0.0, 0.0, 10.0, 10.0))
            .into_iter()
            .filter_map(|mark| if let Mark::Tile { rect, family } = mark { Some((rect.h, family)) } else { None })
            .collect();
        match colouring {
            // Two pods of each phase; there is room for twenty.
            Colouring::State => {
                assert_eq!(tiles.len(), 7);
                let failed =
                    tiles.iter().find(|(_, family)| *family == Family::State(PodPhase::Failed)).expect("some have failed");
                assert!(failed.0 >= 2.0);
            }
            Colouring::Cpu => assert_eq!(tiles, [(5.0, Family::Heat(2))]),
            Colouring::Memory => assert_eq!(tiles, [(2.0, Family::Heat(1))]),
            Colouring::Owner => assert!((tiles.iter().map(|(h, _)| h).sum::<f64>() - 7.0).abs() < 1e-9),
            Colouring::Zone => assert_eq!(tiles.len(), 1),
        }
    }
}

#[test]
fn what_is_pointed_at_is_what_is_drawn_there() {
    for scale in [1.0, 3.0, 14.0] {
        let (field, _) = field(100, 30, (1500.0, 760.0), Look::default());
        let plot = &field.plots[42];
        let size = (1500.0, 760.0);
        let camera = Camera::around(plot.rect.inset(-1.0), size, scale);
        let node = Selection::Node("kind-worker43".into());
        assert_eq!(field.place_of(&node, &camera), Some(plot.rect));
        let corner = camera.to_view(Point::new(plot.rect.x, plot.rect.y));
        assert_eq!(field.hit(Point::new(corner.x + 0.2, corner.y + 0.2), &camera), Some(node));
        let pod = Selection::Pod("default".into(), "web42-17".into());
        let place = camera.rect_to_view(field.place_of(&pod, &camera).expect("it is there"));
        assert_eq!(field.hit(Point::new(place.cx(), place.cy()), &camera), Some(pod), "at {scale}");
    }
}

#[test]
fn zones_begin_rows_of_their_own_under_their_names() {
    let (field, _) = field(20, 3, (1500.0, 760.0), Look { grouping: Grouping::Zone, ..Look::default() });
    let names: Vec<&str> = field.headings.iter().map(|(_, _, name)| name.as_str()).collect();
    assert_eq!(names, ["zone-a", "zone-b", "zone-c", "–"]);
    for (zone, (at, _, _)) in field.headings.iter().enumerate() {
        let first = field.plots.iter().find(|plot| usize::from(plot.zone) == zone).expect("it has nodes");
        assert!(first.rect.y >= at.y && first.rect.y < at.y + HEADING);
    }
}

#[test]
fn messages_go_straight_to_the_first_row_also_where_zones_have_names() {
    for grouping in [Grouping::Node, Grouping::Zone] {
        let (field, model) = field(20, 3, (1500.0, 760.0), Look { grouping, ..Look::default() });
        let layout = Layout::new(&model, 1500.0, 760.0, Some(Detail::Cells), field.look);
        let top = field.plots.iter().map(|plot| plot.rect.y).fold(f64::MAX, f64::min);
        let server = layout.machines.iter().find(|machine| machine.bar.is_some()).expect("there is an api-server").id;
        let nodes: Vec<&MachineBox> = layout.machines.iter().filter(|machine| machine.bar.is_none()).collect();
        let first = nodes.iter().filter(|machine| machine.rect.y < top + 1.0).count();
        assert!(first > 1 && first < nodes.len(), "{first} of {}", nodes.len());
        for machine in nodes {
            let (from, to) = (Addr::new(machine.id, Part::Kubelet), Addr::new(server, Part::ApiServer));
            let way = layout.way(from, to, MessageKind::Request).expect("a way to the api-server");
            assert_eq!(way.points.len() == 2, machine.rect.y < top + 1.0, "{grouping:?}: {:?}", way.points);
        }
    }
}

#[test]
fn owners_are_boxes_of_their_replica_sets() {
    let (_, mut model) = field(2, 4, (1500.0, 760.0), Look::default());
    let pod = |controller: &'static str, name: &'static str, node: usize| {
        let pod = PodView {
            owner: "shop".into(),
            controller: controller.into(),
            ..crate::scene::tests::pod(name, "default", PodPhase::Running)
        };
        (node, Rc::new(pod))
    };
    for (node, pod) in [pod("shop-1", "shop-1-a", 1), pod("shop-1", "shop-1-b", 2), pod("shop-2", "shop-2-a", 1)] {
        let machine = Rc::make_mut(&mut model.machines[node]);
        machine.pods = Pods::new(machine.pods.list.iter().cloned().chain([pod]).collect());
    }
    let look = Look { grouping: Grouping::Owner, ..Look::default() };
    let field = Field::new(&model, Rect::new(0.0, 0.0, 1000.0, 500.0), look);
    let sets: Vec<(&str, usize)> =
        field.plots.iter().filter(|plot| plot.name == "shop").map(|plot| (plot.note.as_str(), plot.pods.len())).collect();
    assert_eq!(sets, [("shop-1", 2), ("shop-2", 1)]);
    let all: usize = field.plots.iter().map(|plot| plot.pods.len()).sum();
    assert_eq!(all, model.pod_count(), "every pod is in a box, those without a node, too");
}

#[test]
fn an_exported_picture_shows_the_field() {
    let (_, model) = field(100, 3, (1500.0, 760.0), Look::default());
    let layout = Layout::new(&model, 1500.0, 760.0, None, Look::default());
    assert_eq!(layout.detail, Detail::Cells);
    let scene = Scene::new(&model, layout, &EN);
    let field = scene.layout.field.as_ref().expect("there are many nodes");
    let group = field.group(&model, &Camera::FIT, scene.layout.size, &EN);
    let text = svg::svg(&scene, &[Rc::new(group)], &crate::scene::Flights::default(), 0.0, svg::Theme::Light);
    assert_eq!(text.matches("class=\"cell state-").count(), 100 * 3 + PodPhase::ALL.len());
}

#[test]
fn names_without_room_keep_what_tells_them_from_others() {
    let (field, _) = field(100, 3, (1500.0, 760.0), Look::default());
    let name = |room: f64| Field::name(&field.plots[41], room);
    assert_eq!([200.0, 70.0, 40.0, 25.0].map(name), ["kind-worker42", "worker42", "…r42", "…2"]);
}

#[test]
fn every_pod_has_a_place_in_every_view() {
    let size = (1500.0, 760.0);
    let (_, model) = field(3, 5, size, Look::default());
    let mut seen = Vec::new();
    for (detail, grouping) in [(None, Grouping::Node), (None, Grouping::Owner), (Some(Detail::Cells), Grouping::Node)] {
        let layout = Layout::new(&model, size.0, size.1, detail, Look { grouping, ..Look::default() });
        let places = Scene::new(&model, layout, &EN).places_of_pods(&Camera::FIT);
        assert_eq!(places.len(), model.pod_count(), "{detail:?} {grouping:?}");
        seen.push(places);
    }
    let moved = seen[0].iter().filter(|(uid, rect)| seen[1].get(*uid) != Some(rect)).count();
    assert!(moved > 15, "another order, other places: {moved}");
}
