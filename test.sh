#!/usr/bin/env bash
# Every check of the project: format, lints, documentation, the main job without a window, all tests.
# Installs nothing. Each heading shows the minutes and seconds since the start; the test summary comes last.
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n== %d:%02d %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

step "tools"
if ! command -v cc >/dev/null || ! command -v ld >/dev/null; then
    echo "There is no C compiler and linker. On Debian or Ubuntu: sudo apt-get install build-essential" >&2
    exit 1
fi
if ! cargo --version || ! cargo fmt --version || ! cargo clippy --version; then
    echo "Rust with rustfmt and clippy is needed: https://rustup.rs" >&2
    exit 1
fi
missing=$(.ci/missing | paste -sd ' ')
if [ -n "$missing" ]; then
    echo "The window or its tests lack: $missing. Tests that need them are skipped."
    echo "On Debian or Ubuntu: sudo apt-get install $(cat .ci/packages)"
fi

step "format"
cargo fmt --check

step "lints"
cargo clippy --all-targets --locked -- -D warnings

# After the lints: it shares all that does not depend on the feature with them.
step "CUDA, type-checked without the toolkit"
.ci/cuda-check

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

# One profile and one feature set from here on: everything is compiled once.
step "build"
cargo test --tests --no-run --locked

step "main job without a window: explain photographs with a real model"
cargo test --test real_photos --quiet --locked -- --nocapture

step "examples in the documentation"
cargo test --doc --quiet --locked

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --tests --locked
else
    cargo test --tests --locked
fi
