#!/usr/bin/env bash
# Installs the native libraries that the build needs and this machine misses, from Debian.
#   install-native.sh            what the build needs
#   install-native.sh protoc     also the compilers of .proto files (make generate)
#   install-native.sh python     also Google's protobuf for Python (Tests/Protocol)
#   install-native.sh rdf        also RDF and JSON-LD for Python (Tests/ConsentFormats)
#   install-native.sh token      also SoftHSM, a PKCS #11 token in software (KeyManagementTests)
set -euo pipefail

needed=(libprotobuf-c-dev libssl-dev liblmdb-dev pkg-config)
if [[ "${1:-}" == protoc ]]; then
  needed+=(protobuf-c-compiler protobuf-compiler libprotobuf-dev)
elif [[ "${1:-}" == python ]]; then
  needed+=(protobuf-compiler libprotobuf-dev python3-protobuf)
elif [[ "${1:-}" == rdf ]]; then
  needed+=(python3-rdflib)
elif [[ "${1:-}" == token ]]; then
  needed+=(softhsm2)
fi

missing=()
for package in "${needed[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

echo "Installing from Debian: ${missing[*]}"
as_root=()
if [[ $EUID -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "This needs root. Run as root: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update --quiet=2
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install --yes --quiet=2 --no-install-recommends \
  "${missing[@]}" >/dev/null
echo "Installed."
