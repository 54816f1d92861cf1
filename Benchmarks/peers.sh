# Sourced by the benchmark scripts.

# Installs Debian packages that are missing; fails, and says so, where that needs another user.
#   install_debian NAME PACKAGE…    NAME says what would have to do without them
install_debian() {
  local name=$1 missing=()
  shift
  for package in "$@"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null |
      grep -qx installed || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  [[ $EUID -eq 0 ]] || { say "without $name; install: ${missing[*]}"; return 1; }
  say "installing ${missing[*]}"
  apt-get update --quiet=2 &&
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
      "${missing[@]}" >/dev/null
}
