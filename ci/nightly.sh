#!/usr/bin/env bash
# nightly.sh [GATES] [SEEDS]: asks the gate often enough to know how often it
# errs. Of GATES runs with controls (20) at least 19 of 20 must promote, of as many
# whose plant is disabled none may, and each injury must be refused in all of
# SEEDS runs (5). Each flag alone and the headline are played once: a run that no
# verdict can be made of, or that rolls back, is a failure, and what it showed is
# printed. Every seed is printed, and every folder that a run left is kept
# under out/nightly/.
set -euo pipefail
cd "$(dirname "$0")/.."
gates=${1:-20}
seeds=${2:-5}

keep=$(mktemp -d)
trap 'mkdir -p out && rm -rf out/nightly && mv "$keep" out/nightly' EXIT

# run NAME ARGS...: one gate under a fresh seed; its exit code is left in $code.
# A machine that allowed no verdict is asked again, $tries times in all.
run() {
	local name=$1 seed try
	shift
	for ((try = 1; try <= tries; try++)); do
		seed=$((RANDOM * 32768 + RANDOM + 1))
		code=0
		timeout -k 10 "${limit:-180}" bin/firstbyte gate --quiet --seed "$seed" --out "$keep/$name" "$@" \
			>"$keep/$name.txt" 2>&1 || code=$?
		echo "$name: seed $seed, exit $code"
		if ! [ -s "$keep/$name/verdict.json" ] || ! sh ci/held-busy.sh "$keep/$name/verdict.json"; then
			return 0
		fi
		echo "$name: the machine allowed no verdict (try $try of $tries)"
	done
}

# promote NAME ARGS...: asks for GATES verdicts, each once, and counts in $promoted
# those that promote, which only a run with controls may.
promote() {
	local name=$1 i tries=1
	shift
	promoted=0
	for ((i = 1; i <= gates; i++)); do
		run "$name-$i" --controls on "$@"
		if ((code == 0)); then
			promoted=$((promoted + 1))
			if ! tr -d ' \n' <"$keep/$name-$i/verdict.json" | grep -q '"controls":{"mode":"on"'; then
				echo "$name-$i promoted without controls"
				failed=1
			fi
		fi
	done
}

failed=0

promote gate
echo "$promoted of $gates gates with controls promoted, want 19 of 20"
if ((promoted * 20 < gates * 19)); then
	failed=1
fi

promote disabled --plant-delay 0%
echo "$promoted of $gates gates with a disabled plant promoted, want none"
if ((promoted > 0)); then
	failed=1
fi

tries=3
for injury in ttft=+30% gap=+30% errors=5% tail=+50% quality=10% stall; do
	for ((i = 1; i <= seeds; i++)); do
		run "${injury%%=*}-$i" --inject "$injury"
		# Of a candidate that never answers there may be nothing to judge.
		if ! sh ci/decided.sh "$keep/${injury%%=*}-$i/verdict.json" "$code" ||
			{ ((code != 2)) && ! [[ $injury == stall && $code == 4 ]]; }; then
			echo "$injury: exit $code, want 2"
			failed=1
		fi
	done
done

# play NAME ARGS...: a run for a flag or for the claim. That there is no effect is an
# answer too.
play() {
	local name=$1
	shift
	limit=400 run "$name" "$@" # the headline takes 150 s on two idle cores
	grep -E 'Effect found|No effect found|changed is not told|^\|' "$keep/$name.txt" || true
	if ! sh ci/decided.sh "$keep/$name/verdict.json" "$code" || ((code != 0 && code != 3)); then
		echo "$name: exit $code, want 0 or 3"
		failed=1
	fi
}

for flag in ff_retry_policy_v2 ff_http2_pool_tuning ff_converter_fast_path ff_preview_credential_scheduler_v2; do
	play "$flag" --flag "$flag"
done
play headline --scenario headline
play headline-unlimited --scenario headline-unlimited
# Without limits retries and scheduler have nothing to do. Each of the two bounds
# leaves out the truth once in twenty runs: an effect counts when it is found twice.
idle=--candidate-flags=ff_retry_policy_v2,ff_preview_credential_scheduler_v2
play idle-1 --scenario headline-unlimited "$idle"
if grep -q 'Effect found' "$keep/idle-1.txt"; then
	play idle-2 --scenario headline-unlimited "$idle"
	if grep -q 'Effect found' "$keep/idle-2.txt"; then
		echo "idle: an effect, twice, where there is none to be had"
		failed=1
	fi
fi

exit "$failed"
