//! Which events are new, which repeat or resemble earlier ones, and which are too many, after client-go's `tools/record/events_cache.go`.

use crate::core::collections::PSet;

use super::recent::Recent;
use crate::core::{Duration, Time};
use crate::value::{Text, Value};

/// From so many similar events (all fields alike but the message) within [`SIMILAR_WITHIN`] on they are combined into one.
const MAX_SIMILAR: usize = 10;
const SIMILAR_WITHIN: Duration = Duration::s(600);
/// Each of its memories holds so many entries.
const MEMORY: usize = 4096;
/// A source may send so many events about one object at once, and then one more every [`SPAM_REFILL`].
const SPAM_BURST: u64 = 25;
const SPAM_REFILL: Duration = Duration::s(300);

/// What to do with an event.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It was not seen before: POST.
    Create(Value),
    /// It was: PATCH of the count; when the earlier one is gone, POST of the event itself.
    Count {
        /// The event as it is now; its name is the earlier one's.
        event: Value,
        /// What changed.
        patch: Value,
    },
    /// Its source has sent too many about this object.
    Drop,
}

#[derive(Clone, Debug)]
struct Similar {
    messages: PSet<Text>,
    last: Time,
}

#[derive(Clone, Debug)]
struct Seen {
    name: Text,
    first: Text,
    count: i64,
}

#[derive(Clone, Debug)]
struct Bucket {
    tokens: u64,
    refilled: Time,
}

/// What a source has sent before.
#[derive(Clone, Debug)]
pub(super) struct Correlator {
    similar: Recent<Similar>,
    seen: Recent<Seen>,
    buckets: Recent<Bucket>,
}

impl Default for Correlator {
    fn default() -> Self {
        Self { similar: Recent::new(MEMORY), seen: Recent::new(MEMORY), buckets: Recent::new(MEMORY) }
    }
}

impl Correlator {
    /// Decides about an event made at `now`; `fresh_name` is the name of a combined one, should it come to that.
    pub(super) fn correlate(&mut self, event: Value, fresh_name: Text, now: Time) -> Verdict {
        let object = object_key(&event);
        let (event, key) = self.combine(event, &object, fresh_name, now);
        let verdict = self.observe(event, key);
        if self.take_token(&object, now) { verdict } else { Verdict::Drop }
    }

    fn combine(&mut self, event: Value, object: &str, fresh_name: Text, now: Time) -> (Value, Text) {
        let key = Text::from([object, "/", event["type"].str(), "/", event["reason"].str()].concat());
        let none = || Similar { messages: PSet::new(), last: now };
        let combined = self.similar.change(key.clone(), none, |similar| {
            if now.since(similar.last) > SIMILAR_WITHIN {
                similar.messages.clear();
            }
            similar.last = now;
            similar.messages.insert(event["message"].text());
            let combined = similar.messages.len() >= MAX_SIMILAR;
            if combined {
                // Any of them will do: only their number counts.
                similar.messages.pop_first();
            }
            combined
        });
        if !combined {
            let own = [&key, "/", event["involvedObject"]["fieldPath"].str(), "/", event["message"].str()].concat();
            return (event, Text::from(own));
        }
        let mut event = event;
        let message = format!("(combined from similar events): {}", event["message"].str());
        event["metadata"]["name"] = fresh_name.into();
        event["message"] = message.into();
        // A combined one is made anew (`EventAggregate`), without saying who reports it.
        event["reportingComponent"] = "".into();
        event["reportingInstance"] = "".into();
        (event, key)
    }

    fn observe(&mut self, mut event: Value, key: Text) -> Verdict {
        let (name, first) = (event["metadata"]["name"].text(), event["firstTimestamp"].text());
        let seen = self.seen.change(
            key,
            || Seen { name, first, count: 0 },
            |seen| {
                seen.count += 1;
                (seen.count > 1).then(|| seen.clone())
            },
        );
        let Some(seen) = seen else { return Verdict::Create(event) };
        event["metadata"]["name"] = (&seen.name).into();
        event["firstTimestamp"] = (&seen.first).into();
        event["count"] = seen.count.into();
        let mut patch = Value::map();
        for field in ["count", "lastTimestamp", "message"] {
            patch[field] = event[field].clone();
        }
        Verdict::Count { event, patch }
    }

    fn take_token(&mut self, object: &str, now: Time) -> bool {
        let full = || Bucket { tokens: SPAM_BURST, refilled: now };
        self.buckets.change(Text::new(object), full, |bucket| {
            let earned = now.since(bucket.refilled).0 / SPAM_REFILL.0;
            bucket.tokens += earned;
            bucket.refilled += Duration(earned * SPAM_REFILL.0);
            if bucket.tokens >= SPAM_BURST {
                // A full bucket earns nothing.
                (bucket.tokens, bucket.refilled) = (SPAM_BURST, now);
            }
            let allowed = bucket.tokens > 0;
            bucket.tokens -= u64::from(allowed);
            allowed
        })
    }
}

fn object_key(event: &Value) -> String {
    let object = &event["involvedObject"];
    ["kind", "namespace", "name", "uid", "apiVersion"].map(|field| object[field].str()).join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn event(message: String) -> Value {
        value!({
            "metadata": {"name": "web.1"}, "involvedObject": {"kind": "ReplicaSet", "name": "web"}, "type": "Normal",
            "reason": "SuccessfulCreate", "message": message, "count": 1, "firstTimestamp": "a", "lastTimestamp": "b",
        })
    }

    #[test]
    fn the_same_event_again_is_counted() {
        let mut correlator = Correlator::default();
        let mut correlate = |second| correlator.correlate(event("x".into()), "web.2".into(), Time::ZERO + Duration::s(second));
        assert!(matches!(correlate(0), Verdict::Create(_)));
        let Verdict::Count { patch, .. } = correlate(1) else { panic!("a repetition is counted") };
        assert_eq!(patch.to_json(), r#"{"count":2,"lastTimestamp":"b","message":"x"}"#);
    }

    #[test]
    fn the_tenth_similar_event_is_combined_and_the_26th_dropped() {
        let mut correlator = Correlator::default();
        let verdicts: Vec<Verdict> =
            (0..26).map(|n| correlator.correlate(event(format!("Created pod: {n}")), "web.2".into(), Time::ZERO)).collect();
        assert!(verdicts[..9].iter().all(|verdict| matches!(verdict, Verdict::Create(event) if event.name() == "web.1")));
        let Verdict::Create(combined) = &verdicts[9] else { panic!("the first combined event is new") };
        assert_eq!(combined["message"].str(), "(combined from similar events): Created pod: 9");
        assert!(matches!(&verdicts[10], Verdict::Count { event, .. } if event.name() == "web.2" && event["count"].int() == 2));
        assert!(matches!(&verdicts[24], Verdict::Count { .. }));
        assert_eq!(verdicts[25], Verdict::Drop);
        let later = Time::ZERO + SPAM_REFILL;
        assert!(matches!(correlator.correlate(event("Created pod: 26".into()), "web.3".into(), later), Verdict::Count { .. }));
    }
}
