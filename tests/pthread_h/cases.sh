#!/usr/bin/env bash
# Each case of a program of tests/interpose/posix, as it is and compiled with
# rl/pthread.h: what it prints and how it ends must be the same.
#
# usage: cases.sh PLAIN WITH_RL
program=$1
with_rl=$2
. "$(dirname "$0")/../interpose/lib.sh"
ulimit -c 0

# A child of fork gets a copy of a private mutex and may go on with it while the
# parent holds its own; with one name, the two are one lock, and the child waits.
skip=" fork_with_it_locked "

for case in $("$program"); do
	[[ $skip != *" $case "* ]] || continue
	# A lease that a case can wait for; else one that is renewed in time on
	# a machine that is busy, though it be one of thousands.
	case $case in
	a_process_that_died*) lease=2000 ;;
	*) lease=10000 ;;
	esac
	RL_NAMESPACE=$case RL_LEASE_MS=$lease \
		compare "$case" "rl/pthread.h" "$with_rl"
done
synthesis
