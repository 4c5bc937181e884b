#!/bin/sh
# Builds the npm package (wasm/pkg) and the page (web-demo/dist/index.html), and prints the page's
# SHA-256 and sizes. The same sources and compiler give the same bytes, in whatever folder.
#
# Takes rustup's compiler, with the standard library's source where that is installed (rustup component
# add rust-src), else with the wasm32 target as it comes; else Debian's compiler
# (apt-get install --no-install-recommends rustc-web rust-web-src cargo-web lld).
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
target=wasm32-unknown-unknown
# Folders of their own: other builds of the workspace go on undisturbed.
wasm_target=${USERCERT_WASM_TARGET_DIR:-$root/target/wasm}
page_target=${USERCERT_PAGE_TARGET_DIR:-$root/target/page}
cargo_home=${CARGO_HOME:-$HOME/.cargo}

# No path of this machine gets into the wasm.
flags="--remap-path-prefix=$root=/usercert"
separator=$(printf '\037')
for sources in "$cargo_home"/registry/src/*; do
  flags="$flags${separator}--remap-path-prefix=$sources=/crates"
done

build_wasm() {
  CARGO_ENCODED_RUSTFLAGS="$flags" CARGO_TARGET_DIR="$wasm_target" \
    "$@" --manifest-path "$root/Cargo.toml" --package usercert-wasm --lib \
    --locked --profile web --target "$target"
}

# Builds the standard library as well, by which the page loses a tenth: no text for panics, small
# instead of fast. All of that is marked unstable, hence the variable.
build_with_library() {
  library=$1
  shift
  flags="$flags${separator}--remap-path-prefix=$(readlink -f "$library")=/rust${separator}--remap-path-prefix=$library=/rust"
  flags="$flags${separator}-Zunstable-options${separator}-Cpanic=immediate-abort"
  RUSTC_BOOTSTRAP=1 build_wasm "$@" -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
}

rustup=$(rustc --print sysroot 2>/dev/null || true)/lib/rustlib
debian=$(/usr/bin/rustc --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust
if [ -f "$rustup/src/rust/library/Cargo.lock" ]; then
  build_with_library "$rustup/src/rust" cargo build
elif [ -d "$rustup/$target" ]; then
  build_wasm cargo build
elif [ -d "$debian/library" ]; then
  linker=$(find /usr/bin -name 'wasm-ld*' | sort | tail -n 1)
  (
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="${linker:?there is no wasm-ld: apt-get install lld}"
    export PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc
    build_with_library "$debian" /usr/bin/cargo build
  )
else
  echo "no compiler for $target: rustup target add $target" >&2
  exit 1
fi

CARGO_TARGET_DIR="$page_target" cargo run --quiet --release --locked \
  --manifest-path "$root/web-demo/build/Cargo.toml" -- \
  "$wasm_target/$target/web/usercert_wasm.wasm" "$root"
