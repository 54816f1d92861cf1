#!/usr/bin/env bash
# Builds everything and runs all tests; the test runner's own lines come last.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== Tools"
if command -v python3 >/dev/null; then
  python3 -B -m unittest discover --start-directory Tests/Tools 2>&1
else
  echo "Skipped: there is no python3, which only Tools/fetch-online-retail.py needs."
fi

swift build --build-tests

echo "== Protocol"
# The Python that Debian's packages are for, whatever else is in the path.
if Tools/install-native.sh python; then
  TACIT_PROGRAMS=$(swift build --show-bin-path) \
    /usr/bin/python3 -B -m unittest discover --start-directory Tests/Protocol 2>&1
else
  echo "Skipped: the client in Python needs python3-protobuf and protobuf-compiler."
fi

echo "== Consent formats"
if Tools/install-native.sh rdf; then
  /usr/bin/python3 -B -m unittest discover --start-directory Tests/ConsentFormats 2>&1
else
  echo "Skipped: expanding JSON-LD needs python3-rdflib."
fi

echo "== Transparency log, second verifier"
if command -v python3 >/dev/null; then
  TACIT_PROGRAMS=$(swift build --show-bin-path) \
    python3 -B -m unittest discover --start-directory Tests/TransparencyLog 2>&1
else
  echo "Skipped: there is no python3."
fi

echo "== Key management services"
Tools/install-native.sh token || echo "Skipped: the pkcs11 provider needs softhsm2."
Tools/install-moto.sh || echo "Skipped: the aws-kms provider is not tested against moto."
if command -v python3 >/dev/null; then
  PYTHON=python3
  [[ -x .build/test-python/bin/python3 ]] && PYTHON=.build/test-python/bin/python3
  $PYTHON -B -m unittest discover --start-directory Tests/KeyManagement 2>&1
fi

# One module's tests at a time: some watch leases and time limits of real connections, and two
# cores that run all modules at once would make those late.
for folder in Tests/Shared/*Tests Tests/Services/*Tests Tests/Architecture Tests/Simulation \
  Tests/Integration
do
  module=$(basename "$folder")
  case $module in Architecture | Simulation | Integration) module+=Tests ;; esac
  echo "== $module"
  # A simulated history is the same each time only where dictionaries are in the same order.
  SWIFT_DETERMINISTIC_HASHING=1 swift test --skip-build --filter "^$module\\." 2>&1
done
