#!/bin/sh
# held-busy.sh VERDICT: succeeds if the verdict file says HOLD for what the machine
# did to the run: it was too busy, the measurement was invalid, or the run did not
# see its own plant. Only these say nothing of the candidate, and only for them may
# a gate be repeated. The top-level fields stand first, in this order: those of a
# metric further down cannot match.
set -eu
tr -d '\n' <"$1" |
	grep -Eq '^\{[[:space:]]*"schema":[[:space:]]*"firstbyte\.verdict/1",[[:space:]]*"decision":[[:space:]]*"HOLD",[[:space:]]*"exit_code":[[:space:]]*3,[[:space:]]*"reason":[[:space:]]*"(machine too busy|run invalid|this run could not have seen it)"'
