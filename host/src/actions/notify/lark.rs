//! Lark, which is Feishu outside China: the same service at another address, with the same settings.

#[cfg(test)]
pub(super) use super::feishu::CONTRACT;
pub(super) use super::feishu::Config;
