#!/bin/sh
# Builds the npm package (wasm/pkg) and the page (web-demo/dist/index.html), and prints the page's
# SHA-256 and sizes. The same sources and compiler give the same bytes, in whatever folder.
#
# The standard library is built as well, as a small one. So this takes rustup's compiler with its source
# (rustup component add rust-src), else Debian's
# (apt-get install --no-install-recommends rustc-web rust-web-src cargo-web lld).
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
# No text for panics, which end in a trap, and none for developers.
flag -Zunstable-options
flag -Cpanic=immediate-abort
flag -Zlocation-detail=none
flag -Zfmt-debug=none
# No path of this machine gets into the wasm.
flag "--remap-path-prefix=$root=/usercert"
for sources in "$cargo_home"/registry/src/*; do
  flag "--remap-path-prefix=$sources=/crates"
done

# build_wasm SOURCE CARGO: SOURCE is that of the standard library. What is asked for is marked unstable,
# hence the variable.
build_wasm() {
  flag "--remap-path-prefix=$(readlink -f "$1")=/rust"
  flag "--remap-path-prefix=$1=/rust"
  RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS="$flags" CARGO_TARGET_DIR="$wasm_target" \
    "$2" build --manifest-path "$root/Cargo.toml" --package usercert-wasm --lib \
    --locked --profile web --target "$target" \
    -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
}

rustup=$(rustc --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust
debian=$(/usr/bin/rustc --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust
if [ "$rustup" != "$debian" ] && [ -f "$rustup/library/Cargo.lock" ]; then
  build_wasm "$rustup" cargo
elif [ -d "$debian/library" ]; then
  linker=$(find /usr/bin -name 'wasm-ld*' | sort | tail -n 1)
  (
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="${linker:?there is no wasm-ld: apt-get install lld}"
    export PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc
    build_wasm "$debian" /usr/bin/cargo
  )
else
  echo "there is no source of the standard library: rustup component add rust-src" >&2
  exit 1
fi

CARGO_TARGET_DIR="$page_target" cargo run --quiet --release --locked \
  --manifest-path "$root/web-demo/build/Cargo.toml" -- \
  "$wasm_target/$target/web/usercert_wasm.wasm" "$root"
