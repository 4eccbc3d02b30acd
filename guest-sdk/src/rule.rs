//! The `rule!` macro: it makes a crate a rule.
//!
//! It reads its keys one by one, in any order, into six boxes (subjects, channels, commands, settings,
//! configure, evaluate), and makes from them the settings' struct, the rule's type, and, in a module,
//! its exports and allocator.

/// Makes a crate a rule. Name, version, summary, authors, license, and homepage are those of its
/// `Cargo.toml`.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// rule! {
///     subjects: [Push],
///     settings: Settings {
///         /// Where pushes are told.
///         channel: Channel,
///         /// The branches that are told.
///         branches: Vec<BranchPattern> = ["main", "release/*"],
///     },
///     evaluate: announce,
/// }
///
/// fn announce(event: &Event, settings: &Settings) -> Decision {
///     let Some(push) = event.push() else { return nothing("not a push") };
///     if !settings.branches.iter().any(|pattern| pattern.matches(&push.branch)) {
///         return nothing("another branch");
///     }
///     Notify::to(&settings.channel).title(format!("{} commits to {}", push.commit_count, push.branch)).into()
/// }
/// # fn main() {}
/// ```
///
/// | key | what |
/// |---|---|
/// | `evaluate: function` | required; `fn(&Event) -> A` or `fn(&Event, &Settings) -> A`, where `A` is a `Decision`, a `Notify`, a `Deploy`, or a `Result` of one and a `Failure` or a text |
/// | `subjects: [Push, Tag]` | the subjects it wants to see, by [`SubjectName`](crate::event::SubjectName); left out: all but `Schedule` |
/// | `channels: ["dev-*"]` | channels it may name beyond those its settings name, as patterns with `*` |
/// | `commands: ["deploy-*"]` | the same for commands |
/// | `settings: Name { … }` | a struct of settings: a doc comment, which the manifest shows; a name; a [`SettingType`](crate::settings::SettingType); and a default, written as JSON |
/// | `configure: function` | a further check at load: `fn(&Settings) -> Result<(), E>` or `fn() -> Result<(), E>`, where `E` is a text or a `Failure` |
///
/// A setting without a default must be given, unless its type is an `Option`.
#[macro_export]
macro_rules! rule {
    (@read $boxes:tt subjects: [$($subject:ident),* $(,)?] $(, $($rest:tt)*)?) => {
        $crate::rule!(@put subjects [$($subject)*] $boxes $($($rest)*)?);
    };
    (@read $boxes:tt channels: [$($channel:literal),* $(,)?] $(, $($rest:tt)*)?) => {
        $crate::rule!(@put channels [$($channel)*] $boxes $($($rest)*)?);
    };
    (@read $boxes:tt commands: [$($command:literal),* $(,)?] $(, $($rest:tt)*)?) => {
        $crate::rule!(@put commands [$($command)*] $boxes $($($rest)*)?);
    };
    (@read $boxes:tt settings: $name:ident { $($fields:tt)* } $(, $($rest:tt)*)?) => {
        $crate::rule!(@put settings [$name { $($fields)* }] $boxes $($($rest)*)?);
    };
    (@read $boxes:tt configure: $function:path $(, $($rest:tt)*)?) => {
        $crate::rule!(@put configure [$function] $boxes $($($rest)*)?);
    };
    (@read $boxes:tt evaluate: $function:path $(, $($rest:tt)*)?) => {
        $crate::rule!(@put evaluate [$function] $boxes $($($rest)*)?);
    };
    (@read $boxes:tt $(,)?) => {
        $crate::rule!(@make $boxes);
    };
    (@read $boxes:tt $key:tt $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($key), "` is not a key of `rule!`, or its value is not of its form: ",
            "the keys are `subjects: [Push]`, `channels: [\"dev\"]`, `commands: [\"deploy\"]`, ",
            "`settings: Settings { key: Type = default }`, `configure: function`, ",
            "and `evaluate: function`, with a comma after each"
        ));
    };

    (@put subjects $v:tt {$s:tt $c:tt $m:tt $t:tt $f:tt $e:tt} $($rest:tt)*) => {
        $crate::rule!(@read {$v $c $m $t $f $e} $($rest)*);
    };
    (@put channels $v:tt {$s:tt $c:tt $m:tt $t:tt $f:tt $e:tt} $($rest:tt)*) => {
        $crate::rule!(@read {$s $v $m $t $f $e} $($rest)*);
    };
    (@put commands $v:tt {$s:tt $c:tt $m:tt $t:tt $f:tt $e:tt} $($rest:tt)*) => {
        $crate::rule!(@read {$s $c $v $t $f $e} $($rest)*);
    };
    (@put settings $v:tt {$s:tt $c:tt $m:tt $t:tt $f:tt $e:tt} $($rest:tt)*) => {
        $crate::rule!(@read {$s $c $m $v $f $e} $($rest)*);
    };
    (@put configure $v:tt {$s:tt $c:tt $m:tt $t:tt $f:tt $e:tt} $($rest:tt)*) => {
        $crate::rule!(@read {$s $c $m $t $v $e} $($rest)*);
    };
    (@put evaluate $v:tt {$s:tt $c:tt $m:tt $t:tt $f:tt $e:tt} $($rest:tt)*) => {
        $crate::rule!(@read {$s $c $m $t $f $v} $($rest)*);
    };

    (@make {$s:tt $c:tt $m:tt $t:tt $f:tt []}) => {
        ::core::compile_error!("`rule!` needs `evaluate: function`");
    };
    (@make {[$($subject:ident)*] [$($channel:literal)*] [$($command:literal)*] $settings:tt $configure:tt [$evaluate:path]}) => {
        $crate::rule!(@settings $settings);

        /// This rule, as the server calls it.
        #[derive(Debug)]
        pub struct HookboxRule;

        impl $crate::guest::Guest for HookboxRule {
            fn describe() -> $crate::guest::Described {
                $crate::guest::start();
                $crate::guest::manifest(
                    &$crate::guest::Package {
                        name: ::core::env!("CARGO_PKG_NAME"),
                        version: ::core::env!("CARGO_PKG_VERSION"),
                        summary: ::core::env!("CARGO_PKG_DESCRIPTION"),
                        authors: ::core::env!("CARGO_PKG_AUTHORS"),
                        license: ::core::env!("CARGO_PKG_LICENSE"),
                        homepage: ::core::env!("CARGO_PKG_HOMEPAGE"),
                    },
                    &$crate::guest::Asks {
                        subjects: const { &[$($crate::event::SubjectName::$subject.as_str()),*] },
                        channels: &[$($channel),*],
                        commands: &[$($command),*],
                    },
                    $crate::rule!(@declare $settings),
                )
            }

            fn configure() -> ::core::result::Result<(), $crate::Failure> {
                $crate::guest::start();
                $crate::rule!(@configure $settings $configure)
            }

            fn evaluate(event: $crate::Event) -> ::core::result::Result<$crate::Decision, $crate::Failure> {
                $crate::guest::start();
                $crate::guest::Evaluate::evaluate(&$evaluate, &event)
            }
        }

        // Natively there is nobody to call the exports, and their names are no names to a linker there.
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::bindings::export!(HookboxRule with_types_in $crate::bindings);

            #[global_allocator]
            static ALLOCATOR: $crate::guest::Allocator = $crate::guest::allocator();
        };
    };

    (@settings []) => {};
    (@settings [$name:ident {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty $(= $default:expr)?),* $(,)?
    }]) => {
        /// What the operator set for this rule.
        #[derive(Debug, Clone)]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                pub $field: $type,
            )*
        }

        $($(
            const _: () = ::core::assert!(
                $crate::settings::is_json(::core::stringify!($default)),
                "a setting's default is written as JSON, such as \"en\", 5, true or [\"main\"]"
            );
        )?)*

        impl $crate::settings::Settings for $name {
            fn declare() -> ::std::vec::Vec<$crate::settings::Setting> {
                ::std::vec![$(
                    $crate::settings::declare::<$type>(
                        ::core::stringify!($field),
                        ::core::concat!($($doc),*),
                        $crate::rule!(@default $($default)?),
                    )
                ),*]
            }

            fn read(mut reader: $crate::settings::Reader<'_>) -> ::core::result::Result<Self, ::std::string::String> {
                $(let $field: ::core::option::Option<$type> = reader.take(::core::stringify!($field));)*
                reader.finish()?;
                ::core::result::Result::Ok(Self {
                    $($field: $field.ok_or_else(::std::string::String::new)?),*
                })
            }
        }
    };

    (@settings $other:tt) => {
        ::core::compile_error!(
            "settings are written `Name { key: Type = default, … }`, each with a doc comment above it, or none"
        );
    };

    (@default) => { ::core::option::Option::None };
    (@default $default:expr) => { ::core::option::Option::Some(::core::stringify!($default)) };

    (@declare []) => { ::std::vec::Vec::new() };
    (@declare [$name:ident $fields:tt]) => { <$name as $crate::settings::Settings>::declare() };

    (@configure [] []) => { $crate::settings::expect_none() };
    (@configure [] [$function:path]) => {
        $crate::settings::expect_none().and_then(|()| $crate::guest::Configure::configure(&$function))
    };
    (@configure [$name:ident $fields:tt] []) => {
        <$name as $crate::settings::Settings>::load().map(::core::mem::drop)
    };
    (@configure [$name:ident $fields:tt] [$function:path]) => {
        <$name as $crate::settings::Settings>::load()
            .and_then(|_settings| $crate::guest::Configure::configure(&$function))
    };

    (@$part:ident $($input:tt)*) => {
        ::core::compile_error!("`rule!` takes `key: value` pairs, such as `evaluate: function`");
    };
    ($($input:tt)*) => {
        $crate::rule!(@read {[] [] [] [] [] []} $($input)*);
    };
}
