#!/usr/bin/env bash
# Each case of a program, as it is and under @all: what it prints and how it
# ends must be the same.
#
# usage: posix.sh INTERPOSER PROGRAMS NAME
. "$(dirname "$0")/lib.sh"

program=$programs/posix/$1
ulimit -c 0
# A word about a server that takes its time would be a difference.
RL_SERVERS="$RL_SERVERS?command_timeout=20000"

for case in $("$program"); do
	compare "$case" "the interposer" bound @all "$program"
done
synthesis
