//! The event as it arrived, for what [`Event`](crate::Event) has no field for.
//!
//! Nothing is copied into the module until it is asked for, so a pointer to the one value that is needed
//! is cheaper than the whole body.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::host;

/// Returns the value at a JSON Pointer (RFC 6901), such as `/object_attributes/iid`.
#[must_use]
pub fn pointer(pointer: &str) -> Option<Value> {
    serde_json::from_str(&host::payload::pointer(pointer)?).ok()
}

/// Returns the text at a JSON Pointer; none when there is something else, or nothing.
#[must_use]
pub fn text(at: &str) -> Option<String> {
    match pointer(at)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Returns the whole number at a JSON Pointer; none when there is something else, or nothing.
#[must_use]
pub fn integer(at: &str) -> Option<i64> {
    pointer(at)?.as_i64()
}

/// Reads the value at a JSON Pointer into a type of the rule's; `""` is the whole body.
///
/// # Errors
/// When there is nothing at the pointer, or something of another shape.
pub fn read<T: DeserializeOwned>(pointer: &str) -> Result<T, Failure> {
    let Some(text) = host::payload::pointer(pointer) else {
        return Err(Failure::Event(format!(
            "the payload has nothing at `{pointer}`"
        )));
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::Event(format!(
            "the payload is not as expected at `{pointer}`: {error}"
        ))
    })
}

/// Returns the whole body, as stored.
#[must_use]
pub fn body() -> Vec<u8> {
    host::payload::body()
}

/// Returns a request header, by name in any case. Signatures and tokens are never shown.
#[must_use]
pub fn header(name: &str) -> Option<String> {
    host::payload::header(name)
}

/// Returns a parameter of the request's query, decoded.
#[must_use]
pub fn query(name: &str) -> Option<String> {
    host::payload::query(name)
}

/// Returns the sender's address, as seen behind the trusted proxies.
#[must_use]
pub fn remote_address() -> Option<String> {
    host::payload::remote_address()
}
