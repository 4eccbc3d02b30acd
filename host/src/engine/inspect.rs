//! What can be told of a module before anything is compiled: whether it is WebAssembly, which version
//! of the interface it was built for, and what it imports.
//!
//! The bytes are a stranger's. Only the headers and the import and export sections are read, in one
//! pass whose time is bounded by the file's size.

use std::collections::HashSet;

use wasmparser::{Encoding, Parser, Payload};

use super::error::CompileErrorKind;
use super::wasi;

/// The package whose interfaces the host offers.
const PACKAGE: &str = "hookbox:rule/";

/// The interface that a rule exports.
const EVALUATOR: &str = "evaluator";

/// The interfaces of version 0.1: those with functions, and those that hold types alone.
const KNOWN_0_1: [&str; 8] = [
    "payload", "settings", "log", "state", "event", "action", "manifest", "failure",
];

/// How a module is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A core module, which becomes a component before it is compiled.
    Core,
    /// A component.
    Component,
}

/// A version of the interface that the host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// `hookbox:rule@0.1.x`.
    V0_1,
}

impl Interface {
    /// The version in words, such as `0.1`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1",
        }
    }

    /// The versions served, for messages.
    pub const SERVED: &'static str = "0.1";
}

/// What a look at a module shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// How it is encoded.
    pub form: Form,
    /// The version of the interface it was built for.
    pub interface: Interface,
    /// What it imports, each name once, in the order of the file: what it can reach.
    pub imports: Vec<String>,
}

impl Inspection {
    /// Whether it imports the interface of this name, such as `state`.
    #[must_use]
    pub fn imports_interface(&self, name: &str) -> bool {
        self.imports
            .iter()
            .any(|import| interface_of(import).is_some_and(|(found, _)| found == name))
    }

    /// Whether it imports WASI, of which it is given one that holds nothing.
    #[must_use]
    pub fn imports_wasi(&self) -> bool {
        self.imports.iter().any(|import| wasi::offers(import))
    }
}

/// Looks at a module.
///
/// # Errors
/// When it is not WebAssembly, is cut off, exports no rule, was built for a version of the interface
/// that this host does not serve, or imports what no host offers.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, CompileErrorKind> {
    if !bytes.starts_with(b"\0asm") {
        return Err(CompileErrorKind::NotWasm);
    }
    let Names {
        form,
        imports,
        exports,
    } = read_names(bytes)?;
    if let Some(name) = imports.iter().find(|import| is_preview(import)) {
        return Err(CompileErrorKind::WasiPreview { name: name.clone() });
    }
    let exported = exports
        .iter()
        .find_map(|export| interface_of(export).filter(|(name, _)| *name == EVALUATOR));
    let Some((_, version)) = exported else {
        return Err(CompileErrorKind::NotARule);
    };
    let interface = served(version)?;
    for import in &imports {
        match interface_of(import) {
            Some((name, version)) => {
                served(version)?;
                if !KNOWN_0_1.contains(&name) {
                    return Err(CompileErrorKind::UnknownImport {
                        name: import.clone(),
                    });
                }
            }
            None if wasi::offers(import) => {}
            None => {
                return Err(CompileErrorKind::UnknownImport {
                    name: import.clone(),
                });
            }
        }
    }
    Ok(Inspection {
        form,
        interface,
        imports,
    })
}

struct Names {
    form: Form,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Reads the names of what the outermost module or component imports and exports.
fn read_names(bytes: &[u8]) -> Result<Names, CompileErrorKind> {
    let mut names = Names {
        form: Form::Core,
        imports: Vec::new(),
        exports: Vec::new(),
    };
    // A stranger's module may import from hundreds of thousands of names.
    let mut known = HashSet::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| broken(&error))? {
            Payload::Version { encoding, .. } if depth == 0 && encoding == Encoding::Component => {
                names.form = Form::Component;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ImportSection(section) if depth == 0 => {
                for import in section.into_imports() {
                    let import = import.map_err(|error| broken(&error))?;
                    if known.insert(import.module) {
                        names.imports.push(import.module.to_owned());
                    }
                }
            }
            Payload::ExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|error| broken(&error))?;
                    // A core module's export of an interface's function is `interface#function`.
                    if let Some((interface, _)) = export.name.split_once('#') {
                        names.exports.push(interface.to_owned());
                    }
                }
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| broken(&error))?;
                    names.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|error| broken(&error))?;
                    names.exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn broken(error: &wasmparser::BinaryReaderError) -> CompileErrorKind {
    CompileErrorKind::Broken {
        reason: error.to_string(),
    }
}

/// Splits `hookbox:rule/log@0.1.0` into `log` and `0.1.0`; none for what is not of the package.
fn interface_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

/// Whether an import is of WASI as it was before components: functions of a module, without interfaces.
fn is_preview(import: &str) -> bool {
    import == "wasi_unstable" || import == "wasi_snapshot_preview1"
}

fn served(version: &str) -> Result<Interface, CompileErrorKind> {
    let mut parts = version.split('.').map(str::parse::<u64>);
    match (parts.next(), parts.next()) {
        (Some(Ok(0)), Some(Ok(1))) => Ok(Interface::V0_1),
        _ => Err(CompileErrorKind::NewerInterface {
            version: version.to_owned(),
        }),
    }
}
