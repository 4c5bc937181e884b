#!/bin/sh
# Builds the npm package (wasm/pkg) and the page (web-demo/dist/index.html), and prints the page's
# SHA-256 and sizes. The same sources and compiler give the same bytes, in whatever folder.
#
# Takes rustup's wasm32 target where there is one, else Debian's compiler
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

if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
  build_wasm cargo build
elif [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
  # Debian ships the standard library as source. Building it is marked unstable, hence the variable;
  # so are the two switches that make a quarter less of it: no text for panics, small instead of fast.
  library=$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust
  flags="$flags${separator}--remap-path-prefix=$(readlink -f "$library")=/rust${separator}--remap-path-prefix=$library=/rust"
  flags="$flags${separator}-Zunstable-options${separator}-Cpanic=immediate-abort"
  linker=$(find /usr/bin -name 'wasm-ld*' | sort | tail -n 1)
  (
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="${linker:?there is no wasm-ld: apt-get install lld}"
    export PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    build_wasm /usr/bin/cargo build -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
  )
else
  echo "no compiler for $target: rustup target add $target" >&2
  exit 1
fi

CARGO_TARGET_DIR="$page_target" cargo run --quiet --release --locked \
  --manifest-path "$root/web-demo/build/Cargo.toml" -- \
  "$wasm_target/$target/web/usercert_wasm.wasm" "$root"
