#!/usr/bin/env bash
# Each case of a program, as it is and under @all: what it prints and how it
# ends must be the same.
#
# usage: posix.sh INTERPOSER PROGRAMS NAME
. "$(dirname "$0")/lib.sh"

program=$programs/posix/$1
ulimit -c 0

for case in $("$program"); do
	total=$((total + 1))
	"$program" "$case" >"$work/plain" 2>&1
	echo "status $?" >>"$work/plain"
	bound @all "$program" "$case" >"$work/bound" 2>&1
	echo "status $?" >>"$work/bound"
	if ! diff "$work/plain" "$work/bound" >"$work/diff"; then
		wrong=$((wrong + 1))
		echo "$case: differs (< as it is, > with the interposer)"
		cat "$work/diff"
	fi
done
synthesis
