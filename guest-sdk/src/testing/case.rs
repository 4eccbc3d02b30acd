//! One evaluation to try: an event, and what the server would hold beside it.

use std::marker::PhantomData;

use serde_json::Value;

use super::context::{Context, within};
use super::outcome::Outcome;
use super::samples::{sample, sample_payload};
use super::toml_settings::completed;
use crate::event::Event;
use crate::guest::Evaluate;

/// Begins a case for a rule's `evaluate` function.
pub fn case<Signature, F: Evaluate<Signature>>(evaluate: F) -> Case<F, Signature> {
    Case {
        evaluate,
        event: None,
        settings: String::new(),
        context: Context::default(),
        signature: PhantomData,
    }
}

/// One evaluation to try. Begin with [`case`], end with [`run`](Self::run).
#[derive(Debug)]
#[must_use = "a case does nothing until it is `run`"]
pub struct Case<F, Signature> {
    evaluate: F,
    event: Option<Event>,
    settings: String,
    context: Context,
    signature: PhantomData<Signature>,
}

impl<Signature, F: Evaluate<Signature>> Case<F, Signature> {
    /// Takes an event, often a [`sample`] with a field changed.
    pub fn event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }

    /// Takes a sample's event and its payload.
    #[track_caller]
    pub fn sample(self, name: &str) -> Self {
        self.event(sample(name)).payload(&sample_payload(name))
    }

    /// Sets the body, as JSON.
    pub fn payload(self, payload: &Value) -> Self {
        self.body(payload.to_string())
    }

    /// Sets the body, as bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.context.body = body.into();
        self
    }

    /// Adds a request header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter of the request's query.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.query.push((name.into(), value.into()));
        self
    }

    /// Sets the sender's address.
    pub fn remote_address(mut self, address: impl Into<String>) -> Self {
        self.context.remote_address = Some(address.into());
        self
    }

    /// Sets the rule's settings, in the TOML of a settings file: `channel = 'dev'`. What is left out
    /// has its default.
    pub fn settings(mut self, toml: impl Into<String>) -> Self {
        self.settings = toml.into();
        self
    }

    /// Puts a value into the rule's state.
    pub fn state(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.state.values.insert(key.into(), value.into());
        self
    }

    /// Takes away the grant of `state`, which cases have otherwise.
    pub fn without_state(mut self) -> Self {
        self.context.state.granted = false;
        self
    }

    /// Evaluates the event.
    ///
    /// # Panics
    /// When the case has no event, or settings that are no TOML.
    #[track_caller]
    pub fn run(self) -> Outcome {
        let Some(event) = self.event else {
            panic!("the case has no event: add `.event(…)` or `.sample(…)`");
        };
        let mut context = self.context;
        context.settings = completed(&self.settings, &F::settings());
        let before = context.state.values.clone();
        let (answer, left) = within(context, || self.evaluate.evaluate(&event));
        let state = if answer.is_ok() {
            left.state.values
        } else {
            before
        };
        Outcome {
            answer,
            log: left.log,
            state,
        }
    }
}
