//! Misbehaves where the host asks it for room for what it hands over: in `cabi_realloc`, which the host calls
//! while a call of the guest waits for it.
//!
//! For the tests that whatever happens there is the rule's own fault. The setting `way` says what does; `describe`
//! and `configure` behave.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, Ordering};

use hookbox_sdk::bindings::hookbox::rule::settings;
use hookbox_sdk::guest::{Allocator, Asks, Described, Guest, Package, allocator, manifest};
use hookbox_sdk::settings::declare;
use hookbox_sdk::{Decision, Event, Failure, nothing};

struct Hostile;

/// The ways, in the order of their numbers from 1 on.
const WAYS: [&str; 5] = ["loops", "recurses", "calls", "beyond", "grows"];

impl Guest for Hostile {
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
        let way = declare::<String>("way", "What happens.", None);
        manifest(&package, &asks, vec![way])
    }

    fn configure() -> Result<(), Failure> {
        Ok(())
    }

    fn evaluate(_event: Event) -> Result<Decision, Failure> {
        let text = settings::all();
        let way = WAYS.iter().position(|way| text.contains(way));
        let way = way.and_then(|way| u8::try_from(way + 1).ok());
        WAY.store(way.unwrap_or(0), Ordering::Relaxed);
        let text = settings::all();
        WAY.store(0, Ordering::Relaxed);
        Ok(nothing(format!("it got {} bytes", text.len())))
    }
}

hookbox_sdk::bindings::export!(Hostile with_types_in hookbox_sdk::bindings);

static WAY: AtomicU8 = AtomicU8::new(0);

const MEBIBYTE: Layout = Layout::new::<[u64; 1 << 17]>();

struct Room(Allocator);

unsafe impl GlobalAlloc for Room {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match WAY.load(Ordering::Relaxed) {
            1 => loop {
                black_box(());
            },
            2 => unsafe { black_box(self.alloc(black_box(layout))).wrapping_add(black_box(1)) },
            3 => std::ptr::without_provenance_mut(settings::all().len()),
            4 => std::ptr::without_provenance_mut(usize::MAX & !0xffff),
            5 => loop {
                let place = unsafe { self.0.alloc(black_box(MEBIBYTE)) };
                if place.is_null() {
                    return place;
                }
            },
            _ => unsafe { self.0.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { self.0.dealloc(place, layout) }
    }
}

#[global_allocator]
static ROOM: Room = Room(allocator());
