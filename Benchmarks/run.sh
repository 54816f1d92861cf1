#!/usr/bin/env bash
# Everything that is measured: one script for each part, one file in var/bench for each.
set -euo pipefail
cd "$(dirname "$0")"
./rpc.sh "$@"
./store.sh "$@"
# A million histories, the default, take half an hour or more.
./consent.sh --histories 10000 "$@"
./vault.sh "$@"
