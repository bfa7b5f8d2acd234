#!/usr/bin/env bash
# Installs what is missing and builds. Safe to run again: it then takes a second or two.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "tardigrade: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || die "Linux is needed (this is $(uname -s))"
[ "$(id -u)" = 0 ] || die "root is needed: network namespaces, taps and /dev/kvm; try: sudo npm run ..."
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 18) ? 0 : 1)' \
  || die "Node.js 20.18 or newer is needed (this is $(node --version))"

# Runs a command quietly and tells, every few seconds, that it still runs; shows its output when it fails.
step() {
  local what=$1 log pid started=$SECONDS
  shift
  log=$(mktemp)
  echo "· $what"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    if (( (SECONDS - started) % 10 == 9 )) && kill -0 "$pid" 2>/dev/null; then echo "  … $((SECONDS - started)) s"; sleep 1; fi
  done
  if ! wait "$pid"; then cat "$log" >&2; rm -f "$log"; die "$what failed"; fi
  rm -f "$log"
}

. scripts/host-packages.sh
missing=""
for package in $packages $build_packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
# The kernel's package is looked up too, so apt's lists must be there.
if [ -n "$missing" ] || ! apt-cache show $kernel >/dev/null 2>&1; then
  command -v apt-get >/dev/null || die "a Debian system is needed; these packages are missing:$missing"
  step "apt: update the package lists" apt-get update -q
fi
if [ -n "$missing" ]; then
  step "apt: install$missing" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi

lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.tardigrade-lock 2>/dev/null)" != "$lock" ]; then
  step "npm: install dependencies" npm ci --no-audit --no-fund
  if ! node -e 'new (require("better-sqlite3"))(":memory:")' 2>/dev/null; then
    # No prebuilt SQLite for this machine: build it.
    step "apt: install a compiler for SQLite" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3 make g++
    step "npm: build SQLite" npm rebuild better-sqlite3
  fi
  echo "$lock" >node_modules/.tardigrade-lock
fi

sources=$(find src console tsconfig*.json package.json -type f -newer dist/.built 2>/dev/null | head -n 1 || true)
if [ ! -f dist/.built ] || [ -n "$sources" ]; then
  step "build" npm run --silent build
  touch dist/.built
fi
