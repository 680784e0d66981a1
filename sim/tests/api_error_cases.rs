//! Manifests that a real v1.36 api-server was given, and what kubectl printed: `api_error_cases.jsonl`, one recorded case a line.
//! What no live cluster is needed for must come out word for word.

use orrery_sim::api::validation::{invalid, validate_create};
use orrery_sim::api::{Resource, apply_defaults, parse_documents, schema};
use orrery_sim::value::Value;

/// What `kubectl apply -f -` prints to stderr, as far as decoding, defaulting and validation decide it.
fn stderr(stdin: &str) -> String {
    match parse_documents(stdin) {
        Ok(documents) => documents.into_iter().map(refusal).collect(),
        Err(error) => format!("error: error parsing STDIN: {error}\n"),
    }
}

/// The line for one object; nothing when it is accepted.
fn refusal(mut object: Value) -> String {
    if let Err(why) = schema::decode_metadata(&object) {
        return format!("error: unable to decode \"STDIN\": {why}\n");
    }
    let resource = Resource::of_kind(object["apiVersion"].str(), object.kind()).expect("a kind that is served");
    if resource.namespaced {
        object["metadata"]["namespace"] = "default".into();
    }
    if let Err(error) = schema::decode(resource, &mut object, &Value::Null, "Strict") {
        return format!("Error from server ({}): error when creating \"STDIN\": {}\n", error.reason, error.message);
    }
    apply_defaults(resource, &mut object);
    let errors = validate_create(resource, &object);
    if errors.is_empty() {
        return String::new();
    }
    let answer = invalid(resource, object.name(), errors);
    let cause = |cause: &Value| format!("{}: {}", cause["field"].str(), cause["message"].str());
    let causes: Vec<String> = answer.details["causes"].items().iter().map(cause).collect();
    let list = if causes.len() == 1 { causes[0].clone() } else { format!("\n* {}", causes.join("\n* ")) };
    format!("The {} {:?} is invalid: {list}\n", answer.details["kind"].str(), answer.details["name"].str())
}

#[test]
fn recorded_cases() {
    let mut wrong = Vec::new();
    for line in include_str!("api_error_cases.jsonl").lines() {
        let case = Value::from_json(line).expect("a case is JSON");
        let (got, want) = (stderr(case["stdin"].str()), case["stderr"].str());
        if got != want {
            wrong.push(format!("{}\n got: {got}want: {want}", case["name"].str()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
