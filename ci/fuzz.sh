#!/bin/sh
# fuzz.sh TIME: runs every fuzz target of the module for TIME each, one after
# the other, found by listing so that a new one is never forgotten.
set -eu
cd "$(dirname "$0")/.."
time=${1:-10s}

# `go test -list` prints the names of a package's targets, then the package.
list=$(go test -list '^Fuzz' ./...)
targets=$(printf '%s\n' "$list" | awk '
	/^Fuzz/ { name[n++] = $1 }
	$1 == "ok" { for (i = 0; i < n; i++) print name[i], $2; n = 0 }')
if [ -z "$targets" ]; then
	echo "fuzz: found no target" >&2
	exit 1
fi
printf '%s\n' "$targets" | while read -r name pkg; do
	echo "fuzz: $name $pkg"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$pkg" </dev/null
done
