#!/bin/sh
# Proves what the page promises, in real browsers and with real programs. Takes what is built:
# web-demo/build.sh, `cargo build` for the plugin and the sandbox (without them approval is left out).
#
# USERCERT_TEST_KUBECONFIG=FILE takes that cluster instead of the sandbox; CHROMIUM and FIREFOX name browsers,
# USERCERT_ENGINE=chromium or firefox takes one of them alone.
set -eu
cd "$(dirname -- "$0")"
[ "${USERCERT_ENGINE:-chromium}" = firefox ] || ../../docs/scripts/need chromium
[ "${USERCERT_ENGINE:-firefox}" = chromium ] || ../../docs/scripts/need firefox
[ -f ../dist/index.html ] || ../build.sh
npm ci --no-audit --no-fund --loglevel=error
run() { node --test --test-concurrency=1 --test-reporter=spec "$@"; }
if [ "${USERCERT_ENGINE:-chromium}" = chromium ]; then
  run ./*.test.js
fi
# What does not depend on the browser has run.
if [ "${USERCERT_ENGINE:-firefox}" = firefox ]; then
  USERCERT_ENGINE=firefox run journey.test.js promises.test.js hostile.test.js access.test.js
fi
