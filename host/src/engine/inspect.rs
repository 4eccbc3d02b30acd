//! What can be told of a module before anything is compiled: whether it is WebAssembly, which version
//! of the interface it was built for, and what it imports.
//!
//! The bytes are a stranger's. Only the headers and the import and export sections are read, in one
//! pass whose time is bounded by the file's size.

use std::collections::HashSet;

use wasmparser::{Encoding, Parser, Payload};

use super::error::CompileErrorKind;
use super::interface::{Interface, evaluator_of, interface_of};
use super::wasi;

/// How a module is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A core module, which becomes a component before it is compiled.
    Core,
    /// A component.
    Component,
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
    let interface = built_for(&exports)?;
    for import in &imports {
        match interface_of(import) {
            Some((name, version)) => {
                if !served(version)?.offers(name) {
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

/// The version that a module is called by: of those whose `evaluator` it exports, the newest that is served.
fn built_for(exports: &[String]) -> Result<Interface, CompileErrorKind> {
    let versions = || exports.iter().filter_map(|export| evaluator_of(export));
    if let Some(newest) = versions().filter_map(Interface::of).max() {
        return Ok(newest);
    }
    let unserved = versions().next().ok_or(CompileErrorKind::NotARule)?;
    served(unserved)
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

/// Whether an import is of WASI as it was before components: functions of a module, without interfaces.
fn is_preview(import: &str) -> bool {
    import == "wasi_unstable" || import == "wasi_snapshot_preview1"
}

fn served(version: &str) -> Result<Interface, CompileErrorKind> {
    Interface::of(version).ok_or_else(|| CompileErrorKind::NewerInterface {
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection,
    };

    use super::*;

    /// A core module that exports the `evaluator` of these versions.
    fn exporting(versions: &[&str]) -> Vec<u8> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        types.ty().function([], []);
        functions.function(0);
        let mut nothing = Function::new([]);
        nothing.instructions().end();
        code.function(&nothing);
        for version in versions {
            let name = format!("hookbox:rule/evaluator@{version}#evaluate");
            exports.export(&name, ExportKind::Func, 0);
        }
        let mut module = Module::new();
        let sections = module.section(&types).section(&functions);
        sections.section(&exports).section(&code);
        module.finish()
    }

    #[test]
    fn a_module_is_called_by_the_newest_version_that_it_exports_and_is_served() {
        for (versions, interface) in [
            (&["0.1.0"][..], Interface::V0_1),
            (&["0.2.0"], Interface::V0_2),
            (&["0.1.0", "0.2.0"], Interface::V0_2),
            (&["0.2.0", "0.1.0"], Interface::V0_2),
            (&["0.9.0", "0.1.0"], Interface::V0_1),
        ] {
            let looked = inspect(&exporting(versions)).expect("it is a rule");

            assert_eq!(looked.interface, interface, "{versions:?}");
        }
    }

    #[test]
    fn a_module_of_which_no_version_is_served_is_refused_with_the_first() {
        let refusal = inspect(&exporting(&["0.9.0", "0.8.0"])).expect_err("it is refused");

        let version = "0.9.0".to_owned();
        assert_eq!(refusal, CompileErrorKind::NewerInterface { version });
    }
}
