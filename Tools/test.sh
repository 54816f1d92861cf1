#!/usr/bin/env bash
# Builds everything and runs all tests; the test runner's own lines come last.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --build-tests

# One module's tests at a time: some watch leases and time limits of real connections, and two
# cores that run all modules at once would make those late.
for folder in Tests/Shared/*Tests Tests/Services/*Tests Tests/Architecture; do
  module=$(basename "$folder")
  [[ $module == Architecture ]] && module=ArchitectureTests
  echo "== $module"
  swift test --skip-build --filter "^$module\\." 2>&1
done
