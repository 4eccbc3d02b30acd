//! The versions of the interface that the engine serves, and how a module of each is linked and called.
//!
//! What one version says stands in that version's own file. Reading a module, offering what it imports, calling
//! it, and showing what it was built for all ask here, and name no version themselves.
//!
//! Invariants:
//! - A version has one name, from which all that is read, offered, and shown follows.
//! - A module may import from every version that is served, whichever it was built for.
//! - The version of the tests is in no program.

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::context::Context;
use super::error::Stage;
use super::v0_1;
#[cfg(test)]
use super::v0_2;
use crate::domain::decision::Decision;
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::manifest::Manifest;

/// The package whose interfaces the host offers.
const PACKAGE: &str = "hookbox:rule/";

/// The interface that a rule exports.
const EVALUATOR: &str = "evaluator";

/// A version of the interface that the host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interface {
    /// `hookbox:rule@0.1.x`.
    V0_1,
    /// 0.1 with one more field, for tests.
    #[cfg(test)]
    V0_2,
}

impl Interface {
    /// Those that are served, the oldest first.
    pub(super) const SERVED: &'static [Self] = &[
        Self::V0_1,
        #[cfg(test)]
        Self::V0_2,
    ];

    /// The version in words, such as `0.1`: what is compatible has one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1",
            #[cfg(test)]
            Self::V0_2 => "0.2",
        }
    }

    /// The versions served, for messages.
    pub(super) fn served() -> String {
        let versions: Vec<&str> = Self::SERVED.iter().map(|it| it.as_str()).collect();
        versions.join(", ")
    }

    /// The one that serves a version in full, such as `0.1.3`.
    pub(super) fn of(version: &str) -> Option<Self> {
        let serves = |it: &Self| {
            let patch = version.strip_prefix(it.as_str());
            patch.is_some_and(|patch| patch.starts_with('.'))
        };
        Self::SERVED.iter().copied().find(serves)
    }

    /// The name under which an interface of this version is offered, such as `hookbox:rule/log@0.1.0`.
    pub(super) fn name_of(self, interface: &str) -> String {
        format!("{PACKAGE}{interface}@{}.0", self.as_str())
    }

    /// Whether it has an interface of this name that a module may import: those with functions, and those that
    /// hold types alone.
    pub(super) fn offers(self, interface: &str) -> bool {
        match self {
            Self::V0_1 => v0_1::INTERFACES.contains(&interface),
            #[cfg(test)]
            Self::V0_2 => v0_2::INTERFACES.contains(&interface),
        }
    }

    fn add_to_linker(self, linker: &mut Linker<Context>) -> wasmtime::Result<()> {
        match self {
            Self::V0_1 => v0_1::add_to_linker(linker, self),
            #[cfg(test)]
            Self::V0_2 => v0_2::add_to_linker(linker, self),
        }
    }

    /// Checks a component that exports the `evaluator` of this version.
    pub(super) fn link(
        self,
        linker: &Linker<Context>,
        component: &Component,
    ) -> wasmtime::Result<Box<dyn Guest>> {
        Ok(match self {
            Self::V0_1 => Box::new(v0_1::Linked::new(linker, component)?),
            #[cfg(test)]
            Self::V0_2 => Box::new(v0_2::Linked::new(linker, component)?),
        })
    }
}

/// Splits `hookbox:rule/log@0.1.0` into `log` and `0.1.0`; none for what is not of the package.
pub(super) fn interface_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

/// The version of the `evaluator` of this name; none for what is no `evaluator`.
pub(super) fn evaluator_of(name: &str) -> Option<&str> {
    let (interface, version) = interface_of(name)?;
    (interface == EVALUATOR).then_some(version)
}

/// Offers the interfaces of every version that is served.
pub(super) fn add_to_linker(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    let mut versions = Interface::SERVED.iter();
    versions.try_for_each(|version| version.add_to_linker(linker))
}

/// What came of a call: the answer or the module's fault, or how far it came until the engine ended it.
pub(super) type Called<T> = Result<Result<T, Fault>, (wasmtime::Error, Stage)>;

/// A linked module, of whatever version. Each call is of a fresh instance.
pub(super) trait Guest: Send + Sync {
    /// Asks it who it is.
    fn describe(&self, store: &mut Store<Context>) -> Called<Manifest>;

    /// Lets it check its settings.
    fn configure(&self, store: &mut Store<Context>) -> Called<()>;

    /// Hands an event down in its version's words, and its answer up.
    fn evaluate(&self, store: &mut Store<Context>, event: &Event) -> Called<Decision>;
}

/// Makes `Linked`, a [`Guest`] of one version, from that version's bindings and conversions: `down::event`, and of
/// `up` `manifest`, `decision` and `failure`.
macro_rules! linked {
    ($bindings:ident, $down:ident, $up:ident) => {
        /// A component that exports this version's `evaluator`.
        pub(super) struct Linked($bindings::RulePre<$crate::engine::context::Context>);

        impl Linked {
            /// Checks a component's imports and exports against this version.
            pub(super) fn new(
                linker: &wasmtime::component::Linker<$crate::engine::context::Context>,
                component: &wasmtime::component::Component,
            ) -> wasmtime::Result<Self> {
                $bindings::RulePre::new(linker.instantiate_pre(component)?).map(Self)
            }

            fn instantiate(
                &self,
                store: &mut wasmtime::Store<$crate::engine::context::Context>,
            ) -> Result<$bindings::Rule, (wasmtime::Error, $crate::engine::error::Stage)> {
                let instance = self.0.instantiate(store);
                instance.map_err($crate::engine::instantiating)
            }
        }

        impl $crate::engine::interface::Guest for Linked {
            fn describe(
                &self,
                store: &mut wasmtime::Store<$crate::engine::context::Context>,
            ) -> $crate::engine::interface::Called<$crate::domain::manifest::Manifest> {
                let instance = self.instantiate(store)?;
                let answer = instance.hookbox_rule_evaluator().call_describe(store);
                answer
                    .map(|manifest| Ok($up::manifest(manifest)))
                    .map_err($crate::engine::running)
            }

            fn configure(
                &self,
                store: &mut wasmtime::Store<$crate::engine::context::Context>,
            ) -> $crate::engine::interface::Called<()> {
                let instance = self.instantiate(store)?;
                let answer = instance.hookbox_rule_evaluator().call_configure(store);
                answer
                    .map(|answer| answer.map_err($up::failure))
                    .map_err($crate::engine::running)
            }

            fn evaluate(
                &self,
                store: &mut wasmtime::Store<$crate::engine::context::Context>,
                event: &$crate::domain::event::Event,
            ) -> $crate::engine::interface::Called<$crate::domain::decision::Decision> {
                let instance = self.instantiate(store)?;
                let arena = bumpalo::Bump::new();
                let event = $down::event(event, &arena);
                let answer = instance
                    .hookbox_rule_evaluator()
                    .call_evaluate(store, event);
                answer
                    .map(|answer| answer.map($up::decision).map_err($up::failure))
                    .map_err($crate::engine::running)
            }
        }
    };
}
pub(super) use linked;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_read_back_as_the_version_that_offers_it() {
        for version in Interface::SERVED {
            let name = version.name_of("log");

            let (interface, full) = interface_of(&name).expect("it is of the package");

            assert_eq!(interface, "log");
            assert_eq!(Interface::of(full), Some(*version));
            assert!(version.offers(interface));
        }
    }

    #[test]
    fn the_name_of_a_version_is_that_of_the_package_it_is_generated_from() {
        let packages = [
            (Interface::V0_1, include_str!("../../../wit/world.wit")),
            (
                Interface::V0_2,
                include_str!("../../../tests/guests/next-interface/wit/world.wit"),
            ),
        ];
        assert_eq!(packages.map(|(version, _)| version), *Interface::SERVED);
        for (version, package) in packages {
            let name = format!("package hookbox:rule@{}.0;", version.as_str());
            assert!(package.starts_with(&name), "{name}");
        }
    }

    #[test]
    fn a_version_serves_its_patches_and_nothing_that_begins_like_it() {
        assert_eq!(Interface::of("0.1.0"), Some(Interface::V0_1));
        assert_eq!(Interface::of("0.1.17"), Some(Interface::V0_1));
        for version in [
            "0.10.0", "0.1", "0.01.0", "1.1.0", "00.1.0", "", ".", "0.3.0",
        ] {
            assert_eq!(Interface::of(version), None, "{version}");
        }
    }
}
