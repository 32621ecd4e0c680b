#!/bin/sh
# fuzz.sh TIME [PACKAGES]: runs every fuzz target of the packages (all of the
# module) for TIME each, one after the other, found by listing so that a new one is
# never forgotten. TIME may be "SECONDS in all", which is dealt to the targets.
set -eu
cd "$(dirname "$0")/.."
time=${1:-10s}
packages=${2:-./...}

# `go test -list` prints the names of a package's targets, then the package.
list=$(go test -list '^Fuzz' "$packages")
targets=$(printf '%s\n' "$list" | awk '
	/^Fuzz/ { name[n++] = $1 }
	$1 == "ok" { for (i = 0; i < n; i++) print name[i], $2; n = 0 }')
if [ -z "$targets" ]; then
	echo "fuzz: found no target" >&2
	exit 1
fi
case $time in
*' in all') time=$((${time%% *} / $(printf '%s\n' "$targets" | wc -l)))s ;;
esac
if [ "$time" = 0s ]; then
	echo "fuzz: less than a second for each target" >&2
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# once NAME PACKAGE: fuzzes one target and shows what it printed.
once() {
	code=0
	go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" "$2" </dev/null >"$log" 2>&1 || code=$?
	cat "$log"
	return "$code"
}

# ended tells of a failure that it was only the end of the time, which Go reports
# as one on a busy machine (golang.org/issue/75804, mended in Go 1.27): nothing was
# found, for there is no input to show.
ended() {
	grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"
}

printf '%s\n' "$targets" | while read -r name pkg; do
	echo "fuzz: $name $pkg for $time"
	once "$name" "$pkg" || { ended && once "$name" "$pkg"; } || { ended && once "$name" "$pkg"; } || exit 1
done
