//! Modules that are loaded, so that rules of one module share its code: a module that many teams have at work, each
//! under a name and settings of its own, is in memory once.
//!
//! Invariants:
//! - Of loads of one module at once, one links, and the others wait for it.
//! - What no rule has any more is freed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::config::SetUp;
use super::error::CompileErrorKind;
use crate::domain::names::Digest;

/// A module's code, in one set-up.
type Key = (Digest, SetUp);

/// Where what is linked of a module is found, while somebody has it.
type Place<T> = Arc<tokio::sync::Mutex<Weak<T>>>;

/// What is linked.
pub(super) struct Links<T>(Mutex<HashMap<Key, Place<T>>>);

impl<T> Links<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// What is linked of this module, or else what comes of this.
    pub(super) async fn find_or(
        &self,
        digest: &Digest,
        set_up: SetUp,
        link: impl Future<Output = Result<T, CompileErrorKind>> + Send,
    ) -> Result<Arc<T>, CompileErrorKind> {
        let place = self.place((digest.clone(), set_up));
        let mut found = place.lock().await;
        if let Some(linked) = found.upgrade() {
            return Ok(linked);
        }
        let linked = Arc::new(link.await?);
        *found = Arc::downgrade(&linked);
        Ok(linked)
    }

    /// The place of a module; those of modules that nobody has or waits for are forgotten.
    fn place(&self, key: Key) -> Place<T> {
        // Nothing is done under the lock that could leave it half done.
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, place| {
            let waited_for = Arc::strong_count(place) > 1;
            waited_for || place.try_lock().is_ok_and(|link| link.strong_count() > 0)
        });
        Arc::clone(
            places
                .entry(key)
                .or_insert_with(|| Arc::new(tokio::sync::Mutex::new(Weak::new()))),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn digest(bytes: &[u8]) -> Digest {
        Digest::of(bytes)
    }

    /// Counts how often something is linked.
    #[derive(Default)]
    struct Linked(AtomicU32);

    impl Linked {
        async fn link(&self) -> Result<u32, CompileErrorKind> {
            tokio::task::yield_now().await;
            Ok(self.0.fetch_add(1, Ordering::SeqCst))
        }

        fn times(&self) -> u32 {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn loads_of_one_module_at_once_link_it_once() {
        let (links, linked) = (Links::new(), Linked::default());
        let one = digest(b"one");
        let (first, second) = tokio::join!(
            links.find_or(&one, SetUp::Pooled, linked.link()),
            links.find_or(&one, SetUp::Pooled, linked.link()),
        );
        let (first, second) = (first.expect("it links"), second.expect("it links"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(linked.times(), 1);
    }

    #[tokio::test]
    async fn another_module_or_set_up_is_linked_by_itself() {
        let (links, linked) = (Links::new(), Linked::default());
        let (one, two) = (digest(b"one"), digest(b"two"));
        let mut all = Vec::new();
        for (digest, set_up) in [
            (&one, SetUp::Pooled),
            (&one, SetUp::OnDemand),
            (&two, SetUp::Pooled),
        ] {
            all.push(links.find_or(digest, set_up, linked.link()).await);
        }
        assert_eq!(linked.times(), 3);
    }

    #[tokio::test]
    async fn what_nobody_has_any_more_is_forgotten_and_linked_again() {
        let (links, linked) = (Links::new(), Linked::default());
        let (one, two) = (digest(b"one"), digest(b"two"));
        let kept = links.find_or(&one, SetUp::Pooled, linked.link()).await;
        drop(kept.expect("it links"));
        let other = links.find_or(&two, SetUp::Pooled, linked.link()).await;
        assert_eq!(links.0.lock().expect("nobody panics").len(), 1);
        let again = links.find_or(&one, SetUp::Pooled, linked.link()).await;
        assert_eq!(linked.times(), 3);
        drop((other, again));
    }

    #[tokio::test]
    async fn what_fails_is_tried_again_by_the_next() {
        let (links, linked) = (Links::new(), Linked::default());
        let one = digest(b"one");
        let failed = links
            .find_or(&one, SetUp::Pooled, async {
                Err(CompileErrorKind::NotWasm)
            })
            .await;
        assert!(failed.is_err());
        let linking = links.find_or(&one, SetUp::Pooled, linked.link());
        assert!(linking.await.is_ok());
    }
}
