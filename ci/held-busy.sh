#!/bin/sh
# held-busy.sh VERDICT: succeeds if the verdict file says HOLD because the
# machine was too busy, the one outcome that a run of the gate may be repeated
# for. The top-level fields stand first, in this order: those of a metric further
# down cannot match.
set -eu
tr -d '\n' <"$1" |
	grep -Eq '^\{[[:space:]]*"schema":[[:space:]]*"firstbyte\.verdict/1",[[:space:]]*"decision":[[:space:]]*"HOLD",[[:space:]]*"exit_code":[[:space:]]*3,[[:space:]]*"reason":[[:space:]]*"machine too busy"'
