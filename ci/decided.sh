#!/bin/sh
# decided.sh VERDICT CODE: succeeds if the verdict file is whole and carries the
# exit code. A program that crashes may end with any code, but leaves no verdict.
set -eu
tr -d '\n' <"$1" |
	grep -Eq '^\{[[:space:]]*"schema":[[:space:]]*"firstbyte\.verdict/1",[[:space:]]*"decision":[[:space:]]*"[A-Z ]+",[[:space:]]*"exit_code":[[:space:]]*'"$2"'[,}]'
