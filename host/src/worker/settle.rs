//! The last step of every attempt: its end, on record.

use super::messages::AFTER_FAILURE;
use crate::store::{ActionId, AttemptEnd, Consequences, Store, StoreError};

/// Commits the end of an attempt, with what follows from it; a store that fails is asked again.
pub(super) async fn settle(
    store: &dyn Store,
    owner: &str,
    action: ActionId,
    end: &AttemptEnd,
    consequences: &Consequences,
) {
    loop {
        let settled = store
            .settle_action(owner, action, end.clone(), consequences.clone())
            .await;
        match settled {
            Ok(()) | Err(StoreError::ClaimLost { .. } | StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(
                    action.id = action.0,
                    "how it ended could not be kept: {error}"
                );
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}
