#!/usr/bin/env bash
# Whole programs: four processes of one on one bound mutex, killed ones too;
# others give under @all what they give without. Also behind a slow network, with
# a quorum of servers, and through TLS.
#
# usage: programs.sh INTERPOSER PROGRAMS STEP
. "$(dirname "$0")/../interpose/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
ulimit -c 0

# same COMMAND...: says and does the same, bound, and locks were really taken
same() {
	total=$((total + 1))
	"$@" >"$work/plain" 2>&1 </dev/null
	echo "status $?" >>"$work/plain"
	RL_INTERPOSE_STATS=$work/stats bound @all "$@" \
		>"$work/bound" 2>&1 </dev/null
	echo "status $?" >>"$work/bound"
	if diff "$work/plain" "$work/bound" &&
		grep -q '^status 0' "$work/plain" &&
		grep -q '^sent [1-9]' "$work/stats"; then
		echo "same: $*"
	else
		wrong=$((wrong + 1))
		echo "differs: $*"
		cat "$work/plain" "$work/stats"
	fi
}

# What process $1 has added, itself.
added() {
	od -An -td8 "$work/mine$1" | tr -d ' '
}

# sums [KILL...]: those processes would go on for ever, and are killed
sums() {
	local pids=() sum=0 i off rounds
	rm -f "$work/sum" "$work"/mine*
	for i in 0 1 2 3; do
		case " $* " in
		*" $i "*) rounds=1000000000 ;;
		*) rounds=150 ;;
		esac
		# Those that are killed are waited for.
		RL_LEASE_MS=4000 LD_PRELOAD=$so RL_BIND=sum_lock=sums \
			"$programs/sums" \
			"$work/sum" "$work/mine$i" 4 $rounds &
		pids[i]=$!
	done
	for i; do
		until [ -s "$work/mine$i" ] && [ "$(added "$i")" -gt 5 ]; do
			sleep 0.01
		done
		killed "${pids[i]}"
	done
	for i in 0 1 2 3; do
		case " $* " in
		*" $i "*) ;;
		*) wait "${pids[i]}" || wrong=$((wrong + 1)) ;;
		esac
		sum=$((sum + $(added "$i")))
	done
	# One that was killed may have added without counting it.
	off=$(($(cat "$work/sum") - sum))
	echo "the sum is $(cat "$work/sum"), $sum were counted, killed: $*"
	total=$((total + 1))
	[ "$off" -ge 0 ] && [ "$off" -le $# ] || wrong=$((wrong + 1))
}

# Between programs and the server: each request is 0.2 ms late.
behind_a_network() {
	coproc between { exec "$programs/slow" "$work/sock" "$work/slow" 200; }
	# It listens when it has closed its output.
	cat <&"${between[0]}"
	RL_SERVERS=unix://$work/slow "$@"
}

# on KIND COMMAND...: with servers of that kind
on() {
	local kind=$1 servers
	shift
	coproc between { exec "$programs/serve" "$kind"; }
	IFS= read -r servers <&"${between[0]}"
	echo "servers: $servers"
	RL_SERVERS=$servers "$@"
}

few_programs() {
	same "$programs/standard"
	same /usr/bin/python3 "$here/threads.py"
	sums 1 2
}

programs() {
	seq 20000 | sort -R >"$work/lines"
	same "$programs/standard"
	same /usr/bin/python3 "$here/threads.py"
	same sort --parallel=4 -S 200k -n "$work/lines"
}

case $1 in
sums)
	sums
	sums 1 2
	;;
slow) behind_a_network few_programs ;;
quorum | tls) on "$1" few_programs ;;
*) programs ;;
esac
[ -z "${between_PID:-}" ] || {
	eval "exec ${between[1]}>&-"
	wait "$between_PID"
}
synthesis
