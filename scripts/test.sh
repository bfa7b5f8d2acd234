#!/usr/bin/env bash
# All tests, tier by tier: unit, conformance (SDKs against the wire, no VM), integration (real VMs).
# Ends with a line "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."
shopt -s globstar nullglob

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT
failed=0

# A file that hangs is ended and named; a tier that hangs fails, and the last lines are written all the same.
tier() {
  local name=$1
  shift
  echo "== $name"
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true timeout --kill-after=30 "${LIMIT:-15m}" node --import tsx --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$report/$name.tap" "$@" || failed=1
}

# Side by side; each one's output stays together.
checks=()
check() {
  "$@" >"$report/check-${#checks[@]}" 2>&1 &
  checks+=($!)
}
go_module() {
  cd "$1" && gofmt -l . | (! grep .) || return
  for arch in "" ${2:-}; do GOARCH=$arch CGO_ENABLED=0 go vet ./... || return; done
  CGO_ENABLED=0 go test ./...
}
check npm run --silent lint
check npm run --silent typecheck
check node --import tsx scripts/supply-chain/main.ts
check go_module guest/agent
check go_module guest/probe arm64
check go_module host/jail arm64
for i in "${!checks[@]}"; do
  wait "${checks[$i]}" || failed=1
  cat "$report/check-$i"
done
# For the tests with the AWS CLI of Debian 12; they say so and skip without it.
command -v aws >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends awscli >/dev/null 2>&1 || echo "no awscli package"
# The terminal of the tests of the shell.
command -v tmux >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tmux >/dev/null || exit 1
# For the endpoint's tests: curl, and a browser; the latter's test says so and skips without it.
command -v curl >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends curl >/dev/null 2>&1 || echo "no curl package"
command -v chromium >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 || echo "no chromium package"
# The documents' commands zip a folder.
command -v zip >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends zip >/dev/null || exit 1
# For the tests of the metrics: Prometheus' own checks. Its program alone, as the package would start a server.
if ! command -v promtool >/dev/null; then
  (cd "$report" && apt-get download -qq prometheus >/dev/null 2>&1 && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool) || echo "no prometheus package"
  PATH="$report/usr/bin:$PATH"
fi
node dist/cli/main.js setup || exit 1
# Node runs one file less at once than there are CPUs; most files wait now and then.
tier unit --test-timeout=240000 --test-concurrency="$(nproc)" test/unit/**/*.test.ts
tier conformance --test-timeout=240000 --test-concurrency="$(nproc)" test/conformance/**/*.test.ts
# One process: its suites share a service and a built image, and some count what is on the host.
LIMIT=60m tier integration test/integration/all.ts

passes=$(cat "$report"/*.tap | awk '/^# pass /{n+=$3} END{print n+0}')
failures=$(cat "$report"/*.tap | awk '/^# (fail|cancelled) /{n+=$3} END{print n+0}')
skips=$(cat "$report"/*.tap | awk '/^# (skipped|todo) /{n+=$3} END{print n+0}')
# Once more, where the end of a long output is read first.
grep -hE '^ *not ok ' "$report"/*.tap | sed -E 's/^ *not ok [0-9]+ - /failed: /'
# What failed outside a test runner (lint, types, Go) counts too.
if [ "$failed" = 1 ] && [ "$failures" = 0 ]; then failures=1; fi
echo "$passes passed, $failures failed, $skips skipped"
exit "$failed"
