#!/bin/sh
# demo.sh BUILD_DIR [file or folder ...]
#
# Counts the words of some files by several processes of several threads at
# once, without a lock and with one, and shows what comes out. Needs a server
# (RL_SERVERS). Exit status 0: every run with rl was exact.

set -u

if [ $# -lt 1 ] || [ ! -x "$1/examples/wordcount" ]; then
	echo "usage: demo.sh BUILD_DIR [file or folder ...]" >&2
	exit 2
fi
wordcount=$1/examples/wordcount
shift

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0

# run LABEL OPTIONS -- FILES: one run, its line goes to the table
run() {
	label=$1
	shift
	"$wordcount" -l "$label" -o "$dir/result" "$@" >"$dir/line"
	status=$?
	cat "$dir/line" >>"$dir/table"
	if [ $status -gt 1 ]; then
		echo "demo: the run \"$label\" failed" >&2
		exit 2
	fi
	return $status
}

must_be_exact() {
	run "$@" || failed=1
}

# Updates are only lost when two overlap; one round might have been lucky.
lose_counts() {
	for round in 1 2 3 4 5; do
		run "no lock" -n "$@" || return 0
	done
	return 1
}

must_be_exact "one thread alone" -n -w 1 -t 1 -- "$@"
lose_counts -- "$@"
lost=$?
for granularity in thread process host; do
	export RL_GRANULARITY=$granularity
	must_be_exact "rl, $granularity granularity" -- "$@"
done
# The lease of whoever is killed has to run out first, 10 s by default.
for granularity in thread process; do
	export RL_GRANULARITY=$granularity RL_LEASE_MS=2000
	must_be_exact "rl, $granularity, one killed" -k -- "$@"
done

echo
echo "4 processes of 4 threads each add to one file 20000 times:"
echo
printf '%-26s %9s %9s  %-5s %9s\n' "" words lost "" "locks/s"
cat "$dir/table"
echo
if [ $lost -ne 0 ]; then
	echo "Without a lock nothing was lost in 5 rounds: luck, not safety."
fi
if [ $failed -ne 0 ]; then
	echo "A run that had to be exact was not."
	exit 1
fi
echo "Every run with rl is exact, also those in which a worker was killed"
echo "by SIGKILL in the middle of a write: the next owner was told so by"
echo "EOWNERDEAD, undid the half, and another worker counted the rest. (The"
echo "rates of these runs include the wait for the dead one's lease, 2 s.)"
