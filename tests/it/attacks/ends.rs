//! The attacks, and what each must come to.

/// A hostile rule.
pub(super) struct Attack {
    pub(super) rule: &'static str,
    pub(super) guest: &'static str,
    /// Its settings, as lines of TOML.
    settings: &'static str,
    /// How much text is added to them, in the setting `ballast`.
    ballast: usize,
    /// The code of its fault, or the reason of its decision.
    pub(super) end: &'static str,
}

impl Attack {
    /// Its settings file.
    pub(super) fn settings(&self) -> String {
        let ballast = match self.ballast {
            0 => String::new(),
            size => format!("ballast = '{}'", "x".repeat(size)),
        };
        format!("[settings]\n{}\n{ballast}\n", self.settings)
    }
}

const fn attack(
    rule: &'static str,
    guest: &'static str,
    settings: &'static str,
    end: &'static str,
) -> Attack {
    Attack {
        rule,
        guest,
        settings,
        ballast: 0,
        end,
    }
}

/// One that is called like its guest and has no settings.
const fn plain(guest: &'static str, end: &'static str) -> Attack {
    attack(guest, guest, "", end)
}

/// One with nearly as large settings as a settings file may hold.
const fn laden(rule: &'static str, guest: &'static str, end: &'static str) -> Attack {
    Attack {
        ballast: 60_000,
        ..attack(rule, guest, "", end)
    }
}

const fn allocator(rule: &'static str, settings: &'static str, end: &'static str) -> Attack {
    attack(rule, "hostile-allocator", settings, end)
}

const fn wasi(rule: &'static str, settings: &'static str, end: &'static str) -> Attack {
    attack(rule, "wasi-calls", settings, end)
}

pub(super) const ATTACKS: &[Attack] = &[
    plain("deep-recursion", "rule/stack-overflow"),
    plain("endless-host-calls", "rule/out-of-fuel"),
    plain("endless-loop", "rule/out-of-fuel"),
    laden("endless-settings", "endless-settings", "rule/out-of-fuel"),
    plain("fails", "rule/failed"),
    plain("fat-log", "all is written"),
    plain("huge-keys", "all was refused"),
    plain("huge-result", "rule/copied-too-much"),
    plain("log-flood", "all is written"),
    plain("lying-manifest", "nothing of this was asked for"),
    plain("memory-growth", "rule/out-of-memory"),
    attack(
        "moody",
        "moody",
        "channel = 'console'\npanics = true",
        "rule/trapped",
    ),
    // The part of its stack that lies in its memory ends first, and the host is told to write below it.
    plain("nested-host-calls", "rule/bad-output"),
    laden("nested-laden", "nested-host-calls", "rule/out-of-memory"),
    attack("slow", "slow", "steps = 1_000_000_000", "rule/out-of-fuel"),
    plain("state-churn", "8000 came and went"),
    plain("state-flood", "full after 62"),
    plain("too-many-actions", "rule/bad-output"),
    plain("trap", "rule/trapped"),
    attack(
        "wants-everything",
        "wants-everything",
        "notify = 'others'\nrun = 'deploy'",
        "all that can be named for EVENT",
    ),
    // What happens while the host asks for room for what it hands over.
    allocator("room-beyond", "way = 'beyond'", "rule/bad-output"),
    allocator("room-calls", "way = 'calls'", "rule/trapped"),
    allocator("room-grows", "way = 'grows'", "rule/out-of-memory"),
    allocator("room-loops", "way = 'loops'", "rule/out-of-fuel"),
    allocator("room-recurses", "way = 'recurses'", "rule/stack-overflow"),
    // What a module can try with an empty WASI.
    wasi(
        "wasi-clocks",
        "call = 'clocks-without-end'",
        "rule/out-of-fuel",
    ),
    wasi(
        "wasi-handles",
        "call = 'handles-without-end'",
        "rule/bad-output",
    ),
    wasi(
        "wasi-output",
        "call = 'output-without-end'",
        "rule/out-of-fuel",
    ),
    wasi(
        "wasi-random",
        "call = 'random-without-end'",
        "rule/out-of-fuel",
    ),
    wasi("wasi-random-much", "call = 'random-much'", "rule/trapped"),
];

/// Those that are refused when they are loaded, and the code of it.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("huge-manifest", "rule/manifest"),
    ("mixed-interfaces", "rule/newer-interface"),
    ("newer-interface", "rule/newer-interface"),
    ("next-interface", "rule/newer-interface"),
    ("unknown-import", "rule/unknown-import"),
];

/// Those that behave, or do so where they are built as they are here.
pub(super) const BEHAVED: &[&str] = &["counter", "echo", "picks", "wasi-std", "witness"];
