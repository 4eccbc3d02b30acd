//! Asks for its settings again and again, each time into the same room: takes no memory, and never ends.
//!
//! For the test that the settings that are handed over are paid for, however large they are.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use hookbox_sdk::bindings::hookbox::rule::settings;
use hookbox_sdk::guest::{Asks, Described, Guest, Package, manifest};
use hookbox_sdk::settings::declare;
use hookbox_sdk::{Decision, Event, Failure};

struct Endless;

impl Guest for Endless {
    fn describe() -> Described {
        let package = Package {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            summary: env!("CARGO_PKG_DESCRIPTION"),
            authors: "",
            license: "",
            homepage: "",
        };
        let asks = Asks {
            subjects: &[],
            channels: &[],
            commands: &[],
        };
        let ballast = declare::<Option<String>>("ballast", "What is handed over.", None);
        manifest(&package, &asks, vec![ballast])
    }

    fn configure() -> Result<(), Failure> {
        Ok(())
    }

    fn evaluate(_event: Event) -> Result<Decision, Failure> {
        let began = ROOM.used.load(Ordering::Relaxed);
        loop {
            std::mem::forget(settings::all());
            ROOM.used.store(began, Ordering::Relaxed);
        }
    }
}

hookbox_sdk::bindings::export!(Endless with_types_in hookbox_sdk::bindings);

/// An allocator that takes the next bytes of a room, and can be set back.
#[repr(align(16))]
struct Room {
    bytes: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

const SIZE: usize = 1 << 20;

// Modules have one thread.
unsafe impl Sync for Room {}

unsafe impl GlobalAlloc for Room {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let begin = self
            .used
            .load(Ordering::Relaxed)
            .next_multiple_of(layout.align());
        if begin + layout.size() > SIZE {
            return std::ptr::null_mut();
        }
        self.used.store(begin + layout.size(), Ordering::Relaxed);
        unsafe { self.bytes.get().cast::<u8>().add(begin) }
    }

    unsafe fn dealloc(&self, _place: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ROOM: Room = Room {
    bytes: UnsafeCell::new([0; SIZE]),
    used: AtomicUsize::new(0),
};
