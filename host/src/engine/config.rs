//! How Wasmtime is set up: for running rules from a pool, for the few with larger limits, and for
//! compiling in the child process.
//!
//! Invariant: whatever decides about the code is the same in all three, so that what the child
//! compiled is a hit in the server's cache.

use std::path::Path;

use wasmtime::{
    Cache, CacheConfig, Config, Enabled, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig,
};

use super::error::EngineError;
use crate::domain::limits::Limits;

/// The stack a rule's calls may use, in bytes: Wasmtime's default, which leaves the evaluation threads'
/// own stacks room.
pub(super) const STACK: usize = 512 << 10;

/// The elements a table may have; a table of Rust's holds one for each function whose address is taken.
pub(super) const TABLE_ELEMENTS: usize = 100_000;

/// The tables a component may have: one of the rule's, one of the adapter's, and one to spare for
/// languages with a runtime of their own.
pub(super) const TABLES: u32 = 4;

/// The core instances a component may have: the rule's, and those that the encoding adds around it.
pub(super) const CORE_INSTANCES: u32 = 24;

/// The handles a component may hold at once. They lie on the host, so that each takes memory beyond the
/// limit; a runtime of a language holds some ten.
pub(super) const HANDLES: usize = 1_000;

/// Instances that may exist at once: one for each evaluation thread, and those that are being loaded.
const POOL: u32 = 64;

/// Which set-up runs a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SetUp {
    /// From the pool.
    Pooled,
    /// Each instance with memory of its own.
    OnDemand,
}

impl SetUp {
    /// The one for these limits.
    pub(super) fn within(limits: &Limits) -> Self {
        if limits.memory <= Limits::DEFAULT.memory {
            Self::Pooled
        } else {
            Self::OnDemand
        }
    }
}

fn base(cache: Option<&Path>) -> Result<Config, EngineError> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .cranelift_opt_level(OptLevel::Speed)
        // The same event gives the same answer, on every processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        // Nobody looks at a guest's stack frames: a fifth of what a module takes in memory.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        // Bounds are checked in the code, not by pages that fault: then a pooled memory that grew in
        // one evaluation need not be closed again for the next, which saves two system calls of each,
        // a fifth of a small rule's time. What a rule computes for long is slower by it.
        .signals_based_traps(false)
        .memory_guard_size(0);
    if let Some(directory) = cache {
        let mut settings = CacheConfig::new();
        // Its own clean-up runs where something is written, which is in the folder of a child: what nobody needs is
        // removed by [`retain`](super::Engine::retain). What is used often is not compressed anew, as its size tells
        // whether it is whole.
        settings
            .with_directory(directory)
            .with_optimized_compression_usage_counter_threshold(u64::MAX);
        config.cache(Some(Cache::new(settings)?));
    }
    Ok(config)
}

/// For running rules within the default limit of memory.
pub(super) fn pooled(cache: Option<&Path>) -> Result<Config, EngineError> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL)
        .total_core_instances(POOL * 4)
        .total_memories(POOL)
        .total_tables(POOL * TABLES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(Limits::DEFAULT.memory.as_usize())
        // What a small rule touches is cleared by writing, which costs less than giving it back.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = base(cache)?;
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(config)
}

/// For running rules whose limit of memory is above the pool's.
pub(super) fn on_demand(cache: Option<&Path>) -> Result<Config, EngineError> {
    base(cache)
}

/// For compiling in the child process.
pub(super) fn compiling(cache: &Path) -> Result<Config, EngineError> {
    base(Some(cache))
}
