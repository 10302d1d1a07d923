#!/bin/sh
# Make sure there is a Chromium for the tests that open a page: the system's; else Debian's, when
# root; else Playwright's own. Never fails: without one those tests are skipped, and named.
cd "$(dirname "$0")/.." || exit 0
log=.venv/browser.log

found() {
    .venv/bin/python -c 'import sys; from tests.browser import find; sys.exit(find() is None)'
}

found && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "browser: installing Debian's chromium (log: $log)" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y chromium; } >"$log" 2>&1
    found && exit 0
fi
echo "browser: downloading Playwright's Chromium (log: $log)" >&2
.venv/bin/playwright install chromium >>"$log" 2>&1
found || echo "browser: none to be had; the tests that need one will be skipped" >&2
exit 0
