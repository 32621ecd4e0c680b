#!/usr/bin/env bash
# gate.sh FIRSTBYTE: the action's main step. Runs the gate as the environment
# asks (POLICY, DATASET, DURATION, REQUESTS, ARGS; empty ones are left to the
# command), tells GitHub of the decision, and fails on those that FAIL_ON names.
set -euo pipefail

firstbyte=$1
fail_on=${FAIL_ON:-rollback,no-data}

# A list with a word that we do not know could only be obeyed by guessing.
names=()
IFS=', ' read -r -a names <<<"$fail_on"
for name in "${names[@]}"; do
	case $name in
	rollback | no-data | hold) ;;
	never)
		if ((${#names[@]} > 1)); then
			echo "fail-on: 'never' stands alone, got '$fail_on'" >&2
			exit 1
		fi
		;;
	*)
		echo "fail-on: want rollback, no-data, hold or never, got '$name'" >&2
		exit 1
		;;
	esac
done

args=()
[[ -z ${POLICY:-} ]] || args+=(--policy "$POLICY")
[[ -z ${DATASET:-} ]] || args+=(--dataset "$DATASET")
[[ -z ${DURATION:-} ]] || args+=(--duration "$DURATION")
[[ -z ${REQUESTS:-} ]] || args+=(--requests "$REQUESTS")
read -r -d '' -a more <<<"${ARGS:-}" || true
args+=(${more[@]+"${more[@]}"})

# What an earlier step left behind must not pass for this one's outcome.
rm -f out/verdict.json out/report.md out/junit.xml

code=0
"$firstbyte" gate ${args[@]+"${args[@]}"} || code=$?

case $code in
0) decision=promote ;;
2) decision=rollback ;;
3) decision=hold ;;
4) decision=no-data ;;
*) decision=error ;;
esac
if [[ $decision != error && ! -s out/verdict.json ]]; then
	echo "firstbyte ended with $code, but left no out/verdict.json" >&2
	decision=error
fi

{
	echo "decision=$decision"
	echo "exit-code=$code"
} >>"${GITHUB_OUTPUT:-/dev/null}"
if [[ -s out/report.md ]]; then
	# GitHub takes 1 MiB a step, and drops the whole of a longer summary. The
	# verdict stands on top.
	head -c 1000000 out/report.md >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
fi

# On a change's pages, beside the checks. The decision is made: a report that cannot
# be rendered alters nothing.
if [[ ${GITHUB_ACTIONS:-} == true && -s out/verdict.json ]]; then
	"$firstbyte" report out/verdict.json --annotations || echo "no annotations: exit $?" >&2
fi

if [[ $decision == error ]]; then
	exit 1
fi
for name in "${names[@]}"; do
	if [[ $decision == "$name" ]]; then
		exit "$code"
	fi
done
