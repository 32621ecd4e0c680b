#!/bin/sh
# Everything that is said of the code without running it. Each check runs, even
# after one has failed, so that one call shows all there is to mend.
set -u
cd "$(dirname "$0")/.."
export CGO_ENABLED=0

root=$(pwd)
modules=$(find . -name go.mod -not -path './out/*' -exec dirname {} \;)
failed=0

tool() { go tool -modfile="$root/tools.mod" "$@"; }

# check NAME HINT COMMAND...: fails on a non-zero exit and on any output, since
# some of these tools report with exit 0.
check() {
	name=$1 hint=$2
	shift 2
	if out=$("$@" 2>&1) && [ -z "$out" ]; then
		echo "lint: $name: ok"
		return
	fi
	failed=1
	printf 'lint: %s: %s\n%s\n' "$name" "$hint" "$out"
}

# A first use of each tool builds it, and says on standard error what it
# downloads: neither is a finding.
for name in gofumpt staticcheck deadcode actionlint; do
	tool -n "$name" >/dev/null || exit 1
done
for mod in $modules; do
	(cd "$mod" && go mod download) || exit 1
done

check gofumpt "these files want 'make fmt'" tool gofumpt -l .
for mod in $modules; do
	cd "$root/$mod" || exit 1
	check "vet $mod" "see 'go doc cmd/vet'" go vet ./...
	check "fix $mod" "'make fmt' applies this" go fix -diff ./...
	check "staticcheck $mod" "see staticcheck.dev/docs/checks" tool staticcheck ./...
done
cd "$root" || exit 1
check deadcode "nothing calls these, not even a test" tool deadcode -test ./...
# shellcheck and pyflakes are off so that every machine finds the same.
check actionlint "see github.com/rhysd/actionlint" \
	tool actionlint -shellcheck= -pyflakes= .github/workflows/*.yml ci/examples/*.yml

exit "$failed"
