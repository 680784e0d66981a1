//! What kubectl says when something went wrong: `k8s.io/kubectl/pkg/cmd/util/helpers.go`.

use super::resources::unmodelled;
use crate::core::message::FailureKind;
use crate::flow::RequestError;
use crate::value::Value;

/// An error of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// kubectl's own; `error: ` is put before it unless it begins so.
    Text(String),
    /// The api-server's, or of the way to it.
    Request(RequestError),
    /// The api-server's, with words put before its message: `error when creating "a.yaml": …`.
    At(String, RequestError),
    /// No resource type of this name.
    NoResource(String),
    /// Several (client-go's Aggregate): each is printed on a line of its own.
    Many(Vec<Error>),
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl Error {
    /// Whether the api-server says that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Request(error) | Self::At(_, error) if error.reason() == "NotFound")
    }

    /// One error for several: none, the only one, or [`Error::Many`].
    pub fn aggregate(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Many(errors)),
        }
    }

    /// What goes to stderr, with its line end (`checkErr`). `host` is the api-server's, such as `127.0.0.1:6443`.
    pub fn text(&self, host: &str) -> String {
        let text = match self {
            Self::Request(RequestError::Status(response)) | Self::At(_, RequestError::Status(response))
                if response.body["reason"].str() == "Invalid" =>
            {
                invalid(&response.body)
            }
            Self::NoResource(name) => match unmodelled(name) {
                Some(kind) => {
                    format!("error: the server doesn't have a resource type {name:?}\n({kind} is not modelled by kube-orrery)")
                }
                None => format!("error: the server doesn't have a resource type {name:?}"),
            },
            Self::Many(errors) => errors.iter().map(|error| error.message(host)).collect::<Vec<_>>().join("\n"),
            Self::Text(text) if !text.starts_with("error: ") => format!("error: {text}"),
            other => other.message(host),
        };
        if text.ends_with('\n') { text } else { text + "\n" }
    }

    /// The error as one of several (`messageForError`): without `error: ` before kubectl's own words.
    pub fn message(&self, host: &str) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::NoResource(name) => format!("the server doesn't have a resource type {name:?}"),
            Self::Request(error) => request(error, "", host),
            Self::At(before, error) => request(error, before, host),
            Self::Many(errors) => errors.iter().map(|error| error.message(host)).collect::<Vec<_>>().join("\n"),
        }
    }
}

fn request(error: &RequestError, before: &str, host: &str) -> String {
    match error {
        RequestError::Status(response) => {
            let (reason, message) = (response.body["reason"].str(), response.body["message"].str());
            let before = if before.is_empty() { String::new() } else { format!("{before}: ") };
            match reason {
                "" => format!("Error from server: {before}{message}"),
                "Unauthorized" => format!("error: You must be logged in to the server ({before}{message})"),
                reason => format!("Error from server ({reason}): {before}{message}"),
            }
        }
        RequestError::Connection(FailureKind::Refused) => {
            format!("The connection to the server {host} was refused - did you specify the right host or port?")
        }
        RequestError::Connection(FailureKind::Timeout) => {
            format!("Unable to connect to the server: dial tcp {host}: i/o timeout")
        }
        RequestError::Connection(FailureKind::Eof) => "Unable to connect to the server: EOF".to_string(),
        RequestError::Connection(FailureKind::Reset) => {
            format!("error: read tcp {host}: read: connection reset by peer")
        }
    }
}

/// A Status with reason Invalid is told by its causes.
fn invalid(status: &Value) -> String {
    let details = &status["details"];
    let head = if details.is_null() {
        return format!("The request is invalid: {}", status["message"].str());
    } else if details["kind"].is_empty() && details["name"].is_empty() {
        "The request is invalid".to_string()
    } else {
        format!("The {} {:?} is invalid", details["kind"].str(), details["name"].str())
    };
    let mut causes: Vec<String> = Vec::new();
    for cause in details["causes"].items() {
        let text = match cause["field"].str() {
            "" => cause["message"].str().to_string(),
            field => format!("{field}: {}", cause["message"].str()),
        };
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    match causes.as_slice() {
        [] => head,
        [one] => format!("{head}: {one}"),
        several => several.iter().fold(format!("{head}: \n"), |text, cause| text + "* " + cause + "\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::api::ApiError;
    use crate::core::{EnvelopeId, Response};
    use crate::value;

    fn status(body: Value) -> RequestError {
        RequestError::Status(Rc::new(Response { to: EnvelopeId(0), code: body["code"].int() as u16, body }))
    }

    #[test]
    fn words_are_kubectls() {
        let missing = status(ApiError::not_found("pods", "nope").to_value());
        let print = |error: Error| error.text("127.0.0.1:6443");
        assert_eq!(print(missing.clone().into()), "Error from server (NotFound): pods \"nope\" not found\n");
        assert_eq!(
            print(Error::At("error when replacing \"STDIN\"".into(), missing.clone())),
            "Error from server (NotFound): error when replacing \"STDIN\": pods \"nope\" not found\n"
        );
        assert_eq!(
            print(Error::Many(vec![missing.into(), "second".into()])),
            "Error from server (NotFound): pods \"nope\" not found\nsecond\n"
        );
        assert_eq!(
            print(RequestError::Connection(FailureKind::Refused).into()),
            "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n"
        );
    }

    #[test]
    fn invalid_objects_are_told_by_their_causes() {
        let cause =
            |field: &'static str| value!({"reason": "FieldValueInvalid", "message": "Invalid value: 1: bad", "field": field});
        let body = |causes: Vec<Value>| {
            value!({"kind": "Status", "reason": "Invalid", "code": 422, "message": "m",
                "details": {"kind": "Pod", "name": "x", "causes": causes}})
        };
        let print = |causes| Error::from(status(body(causes))).text("h");
        assert_eq!(print(vec![cause("a")]), "The Pod \"x\" is invalid: a: Invalid value: 1: bad\n");
        assert_eq!(
            print(vec![cause("a"), cause("b"), cause("a")]),
            "The Pod \"x\" is invalid: \n* a: Invalid value: 1: bad\n* b: Invalid value: 1: bad\n"
        );
    }
}
