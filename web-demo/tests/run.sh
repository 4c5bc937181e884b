#!/bin/sh
# Proves what the page promises, in real browsers and with real programs. Takes what is built:
# web-demo/build.sh, `cargo build` for the plugin and the sandbox (without them approval is left out).
#
# USERCERT_TEST_KUBECONFIG=FILE takes that cluster instead of the sandbox; CHROMIUM, FIREFOX and WEBKIT_DRIVER name
# programs, USERCERT_ENGINE=chromium, firefox or webkit takes one of them alone.
set -eu
cd "$(dirname -- "$0")"
engines=${USERCERT_ENGINE:-chromium firefox webkit}
# shellcheck disable=SC2086 # one word for each engine
../../docs/scripts/need $engines
[ -f ../dist/index.html ] || ../build.sh
npm ci --no-audit --no-fund --loglevel=error
run() { node --test --test-concurrency=1 --test-reporter=spec "$@"; }
for engine in $engines; do
  case $engine in
    chromium) tests=$(ls ./*.test.js | grep -v webkit) ;;
    # What does not depend on the browser runs with Chromium alone.
    firefox) tests="journey.test.js promises.test.js hostile.test.js access.test.js" ;;
    webkit) tests=webkit.test.js ;;
    *) echo "run.sh: unknown engine $engine: chromium, firefox or webkit" >&2; exit 2 ;;
  esac
  # shellcheck disable=SC2086 # several files
  USERCERT_ENGINE=$engine run $tests
done
