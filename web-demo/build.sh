#!/bin/sh
# Builds the npm package (wasm/pkg) and the page (web-demo/dist/index.html), and prints the page's
# SHA-256 and sizes. The same sources and compiler give the same bytes, in whatever folder.
#
# Takes rustup's compiler with the standard library's source (rustup component add rust-src), which is
# then built as well, as a small one; else Debian's with the same
# (apt-get install --no-install-recommends rustc-web rust-web-src cargo-web lld); else the compiled
# library of rustup target add wasm32-unknown-unknown, with which the page is a tenth larger.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
target=wasm32-unknown-unknown
# Folders of their own: other builds of the workspace go on undisturbed.
wasm_target=${USERCERT_WASM_TARGET_DIR:-$root/target/wasm}
page_target=${USERCERT_PAGE_TARGET_DIR:-$root/target/page}
cargo_home=${CARGO_HOME:-$HOME/.cargo}

flags=
flag() {
  flags="$flags${flags:+$(printf '\037')}$1"
}
# Hashes in a loop instead of written out: the page hashes little.
flag '--cfg=sha2_backend_soft="compact"'
# No text for panics and for developers.
flag -Zlocation-detail=none
flag -Zfmt-debug=none
# No path of this machine gets into the wasm.
flag "--remap-path-prefix=$root=/usercert"
for sources in "$cargo_home"/registry/src/*; do
  flag "--remap-path-prefix=$sources=/crates"
done

# What is asked for is marked unstable, hence the variable.
build_wasm() {
  RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS="$flags" CARGO_TARGET_DIR="$wasm_target" \
    "$@" --manifest-path "$root/Cargo.toml" --package usercert-wasm --lib \
    --locked --profile web --target "$target"
}

# build_with_library SOURCE CARGO: SOURCE is that of the standard library. A panic ends in a trap.
build_with_library() {
  flag -Zunstable-options
  flag -Cpanic=immediate-abort
  flag "--remap-path-prefix=$(readlink -f "$1")=/rust"
  flag "--remap-path-prefix=$1=/rust"
  build_wasm "$2" build -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
}

compiled=$(rustc --print sysroot 2>/dev/null || true)/lib/rustlib/$target
rustup=$(rustc --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust
debian=$(/usr/bin/rustc --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust
if [ "$rustup" != "$debian" ] && [ -f "$rustup/library/Cargo.lock" ]; then
  build_with_library "$rustup" cargo
elif [ -d "$debian/library" ]; then
  linker=$(find /usr/bin -name 'wasm-ld*' | sort | tail -n 1)
  (
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="${linker:?there is no wasm-ld: apt-get install lld}"
    export PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc
    build_with_library "$debian" /usr/bin/cargo
  )
elif [ -d "$compiled" ]; then
  build_wasm cargo build
else
  echo "no compiler for $target: rustup target add $target, and rustup component add rust-src" >&2
  exit 1
fi

CARGO_TARGET_DIR="$page_target" cargo run --quiet --release --locked \
  --manifest-path "$root/web-demo/build/Cargo.toml" -- \
  "$wasm_target/$target/web/usercert_wasm.wasm" "$root"
