//! One evaluation of a push with three commits, beside parsing its payload.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::Criterion;
use hookbox::domain::event::Event;
use hookbox::domain::limits::Limits;
use hookbox::engine::{Input, Payload};
use serde_json::Value;

use super::site;

pub(crate) fn bench(criterion: &mut Criterion) {
    let sample = site::sample("push");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let engine = site::engine(folder.path());
    let limits = Limits::DEFAULT;
    let bytes = site::rule("deploy-on-main");
    let module = runtime
        .block_on(engine.load(&bytes, &limits))
        .expect("the rule loads");
    let settings: Arc<str> = r#"{"command":"deploy-site","branch":"main"}"#.into();
    let event: Event = serde_json::from_str(sample.event).expect("the sample is an event");
    let event = Arc::new(event);
    let payload = Payload::new(Bytes::from_static(sample.body.as_bytes()), Arc::from([]));

    let mut group = criterion.benchmark_group("evaluation");
    group.bench_function("parse-payload", |bencher| {
        bencher.iter(|| {
            serde_json::from_str::<Value>(black_box(sample.body)).expect("the payload is JSON")
        });
    });
    group.bench_function("fresh-instance", |bencher| {
        bencher.iter(|| {
            // The conversion to the interface's words is part of it: a lone rule pays for it.
            let input = Input::new(Arc::clone(&event), payload.clone());
            let answer = module.evaluate(&input, Arc::clone(&settings), &limits);
            assert!(answer.result.is_ok(), "{:?}", answer.result);
            answer
        });
    });
    group.finish();
}
