//! Modules that no compiler makes: built by hand, to break what reads or compiles them.

use std::ops::Range;

use wasm_encoder::{
    BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction, Module, RawSection, TypeSection, ValType,
};
use wasmparser::{Parser, Payload};

/// A valid module that has nothing to do with rules.
pub(crate) fn not_a_rule() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.function(&body(&[]));
    let mut module = Module::new();
    module.section(&types).section(&functions);
    module.section(&exports).section(&code);
    module.finish()
}

/// A module that imports from so many other modules, each by a name of its own, and looks like a rule.
pub(crate) fn many_imports(count: u32) -> Vec<u8> {
    importing((0..count).map(|number| format!("{number:x}")))
}

/// A module that imports from this other module, and looks like a rule.
pub(crate) fn import_of(name: &str) -> Vec<u8> {
    importing([name.to_owned()])
}

fn importing(names: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    for name in names {
        imports.import(&name, "", EntityType::Function(0));
    }
    let mut exports = ExportSection::new();
    exports.export("hookbox:rule/evaluator@0.1.0#describe", ExportKind::Func, 0);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&exports);
    module.finish()
}

/// A rule with one more function, which nothing calls: some ten kilobytes, and of the kind that takes
/// the compiler gigabytes. In a nest of loops that each change every local, a value has to be followed
/// for each pair of both.
pub(crate) fn costly_to_compile(rule: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    let mut code: Option<CodeSection> = None;
    for payload in Parser::new(0).parse_all(rule) {
        match payload.expect("the rule is valid") {
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                for kind in section {
                    functions.function(kind.expect("the rule is valid"));
                }
                // Its body ends with a trap, so that any type will do.
                functions.function(0);
                module.section(&functions);
            }
            Payload::CodeSectionStart { .. } => code = Some(CodeSection::new()),
            Payload::CodeSectionEntry(function) => {
                let code = code.as_mut().expect("the section has begun");
                code.raw(part(rule, function.range()));
            }
            other => {
                if let Some(mut code) = code.take() {
                    code.function(&nest_of_loops());
                    module.section(&code);
                }
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection {
                        id,
                        data: part(rule, range),
                    });
                }
            }
        }
    }
    module.finish()
}

fn part(bytes: &[u8], range: Range<u64>) -> &[u8] {
    let place = |offset: u64| usize::try_from(offset).expect("the module fits into memory");
    &bytes[place(range.start)..place(range.end)]
}

const LOCALS: u32 = 2_000;

const LOOPS: usize = 2_000;

fn nest_of_loops() -> Function {
    let mut instructions = vec![Instruction::Loop(BlockType::Empty); LOOPS];
    for local in 0..LOCALS {
        instructions.push(Instruction::LocalGet((local + 1) % LOCALS + PARAMETERS));
        instructions.push(Instruction::LocalSet(local + PARAMETERS));
    }
    for _ in 0..LOOPS {
        instructions.push(Instruction::LocalGet(PARAMETERS));
        instructions.push(Instruction::BrIf(0));
        instructions.push(Instruction::End);
    }
    body(&instructions)
}

fn body(instructions: &[Instruction<'_>]) -> Function {
    let mut function = Function::new([(LOCALS + PARAMETERS, ValType::I32)]);
    for instruction in instructions {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::Unreachable);
    function.instruction(&Instruction::End);
    function
}

/// More than a function has: locals from here on are surely not parameters, whose types are unknown.
const PARAMETERS: u32 = 32;
