#!/bin/sh
# Proves what the page promises, in real browsers and with real programs. Takes what is built:
# web-demo/build.sh, `cargo build` for the plugin and the sandbox (without them approval is left out).
#
# USERCERT_TEST_KUBECONFIG=FILE takes that cluster instead of the sandbox; CHROMIUM names a browser.
set -eu
cd "$(dirname -- "$0")"
if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium
fi
[ -f ../dist/index.html ] || ../build.sh
npm ci --no-audit --no-fund --loglevel=error
exec node --test --test-concurrency=1 --test-reporter=spec ./*.test.js
