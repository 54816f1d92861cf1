#!/usr/bin/env bash
# Installs moto's server, which plays AWS KMS in tests, into .build/test-python. Does nothing where a
# moto_server is in the path or already installed.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v moto_server >/dev/null && exit 0
directory=.build/test-python
[[ -x $directory/bin/moto_server ]] && exit 0
echo "Installing moto from the Python package index."
python3 -m venv "$directory"
# Not moto[server]: that brings container tools for services that are not tested here.
"$directory/bin/pip" install --quiet --disable-pip-version-check \
  'moto[kms]==5.2.1' 'flask>=2.2' 'flask-cors>=4'
echo "Installed."
