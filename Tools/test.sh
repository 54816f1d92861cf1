#!/usr/bin/env bash
# Builds everything and runs all tests; the test runner's own lines come last.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --build-tests
swift test --skip-build
