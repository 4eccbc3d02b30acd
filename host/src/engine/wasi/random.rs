//! `wasi:random`: bytes that follow from the event's identifier.
//!
//! The seed is `SHA-256("hookbox randomness" 0 id)`, with the event's identifier, or nothing where a module
//! describes itself or takes its settings. The bytes are the blocks `SHA-256(seed n)`, with n as eight
//! bytes, the lowest first. A call takes whole blocks from where the last one ended, beginning at 0;
//! `insecure-seed` is always the first half of the last block of all. So they are the same at every
//! evaluation of the event, also in a replay, and no secret.

use sha2::{Digest as _, Sha256};

use super::{Caller, Ended, Instance};
use crate::engine::context::charge;

/// What one call gives at most, in bytes: the host holds it until it is copied.
pub(super) const MOST: u64 = 1 << 20;

/// What a byte costs, as bytes that are passed: its hash is computed on the host, in some nanoseconds.
const PRICE: usize = 64;

/// How far the randomness of an evaluation has been used.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    seed: Option<[u8; 32]>,
    blocks: u64,
}

fn block(seed: [u8; 32], number: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed);
    hash.update(number.to_le_bytes());
    hash.finalize().into()
}

impl super::World {
    fn known_seed(&mut self) -> [u8; 32] {
        match self.randomness.seed {
            Some(seed) => seed,
            None => *self.randomness.seed.insert(self.seed()),
        }
    }

    fn next_block(&mut self) -> [u8; 32] {
        let seed = self.known_seed();
        let number = self.randomness.blocks;
        self.randomness.blocks += 1;
        block(seed, number)
    }

    pub(super) fn random_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let block = self.next_block();
            let rest = (count - bytes.len()).min(block.len());
            bytes.extend_from_slice(&block[..rest]);
        }
        bytes
    }

    fn random_number(&mut self) -> u64 {
        let [number, ..] = halves(self.next_block());
        number
    }

    fn hash_seed(&mut self) -> (u64, u64) {
        let seed = self.known_seed();
        let [first, second, ..] = halves(block(seed, u64::MAX));
        (first, second)
    }
}

/// The four numbers of a block, each with its lowest byte first.
fn halves(block: [u8; 32]) -> [u64; 4] {
    std::array::from_fn(|part| {
        let bytes = std::array::from_fn(|byte| block[part * 8 + byte]);
        u64::from_le_bytes(bytes)
    })
}

pub(super) fn offer(offered: &mut Instance<'_>, interface: &str) -> wasmtime::Result<()> {
    match interface {
        "random" => {
            bytes(offered, "get-random-bytes")?;
            number(offered, "get-random-u64")
        }
        "insecure" => {
            bytes(offered, "get-insecure-random-bytes")?;
            number(offered, "get-insecure-random-u64")
        }
        "insecure-seed" => offered.func_wrap("insecure-seed", |mut caller: Caller<'_>, (): ()| {
            charge(&mut caller, 16 * PRICE)?;
            Ok((caller.data_mut().world.hash_seed(),))
        }),
        _ => Ok(()),
    }
}

fn bytes(offered: &mut Instance<'_>, item: &str) -> wasmtime::Result<()> {
    offered.func_wrap(item, |mut caller: Caller<'_>, (asked,): (u64,)| {
        let count = usize::try_from(asked).unwrap_or(usize::MAX);
        if asked > MOST {
            return Err(Ended::TooMuch(asked).into());
        }
        charge(&mut caller, count * PRICE)?;
        Ok((caller.data_mut().world.random_bytes(count),))
    })
}

fn number(offered: &mut Instance<'_>, item: &str) -> wasmtime::Result<()> {
    offered.func_wrap(item, |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 8 * PRICE)?;
        Ok((caller.data_mut().world.random_number(),))
    })
}

#[cfg(test)]
mod tests {
    use super::super::World;

    /// What the first lines of this file promise, computed elsewhere.
    #[test]
    fn randomness_is_derived_as_it_is_written() {
        let mut world = World::default();

        let bytes = world.random_bytes(33);
        let number = world.random_number();
        let seed = world.hash_seed();

        assert_eq!(hex::encode(&bytes[..8]), "b466db21b59b9b41");
        assert_eq!(hex::encode(&bytes[32..]), "5b");
        assert_eq!(hex::encode(number.to_le_bytes()), "4a0c6b450bda004f");
        assert_eq!(hex::encode(seed.0.to_le_bytes()), "2ecb1c9e1fad5371");
        assert_eq!(world.hash_seed(), seed);
    }
}
