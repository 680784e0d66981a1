// stdin: JSON lines {"wait":ms,"line":"...","quiet":bool}; stdout: JSON lines {out,err,code,requests}
use orrery_sim::core::{Addr, Duration, Message, Part};
use orrery_sim::session::Session;
use std::io::BufRead;
fn main() {
    let mut s = Session::new(7);
    let mut seen = 0;
    for l in std::io::stdin().lock().lines() {
        let v: serde_json::Value = serde_json::from_str(&l.unwrap()).unwrap();
        let wait = v["wait"].as_u64().unwrap_or(0);
        let t = s.playhead() + Duration::ms(wait);
        s.seek(t);
        if v["settle"] == true {
            s.settle(Duration::s(120));
        }
        let t0 = s.playhead();
        let id = s.run(v["line"].as_str().unwrap());
        let r = s.finish(id, Duration::s(600));
        let mut reqs = vec![];
        for e in &s.trace().envelopes()[seen..] {
            if let Message::Request(q) = &e.message
                && e.from == Addr::USER
                && e.to.part == Part::ApiServer
            {
                reqs.push(serde_json::json!({"t": (e.sent_at.0 as i64 - t0.0 as i64)/1000, "verb": q.verb.name(), "path": q.path(), "body": q.body.to_json()}));
            }
        }
        seen = s.trace().envelopes().len();
        println!(
            "{}",
            serde_json::json!({"out": r.stdout, "err": r.stderr, "code": r.code, "requests": reqs, "took": (s.playhead().0-t0.0)/1000})
        );
    }
}
