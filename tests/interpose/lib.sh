# shellcheck shell=bash
# Common to the scripts here; sourced by bash. Arguments: the interposer, and
# the folder with the programs.

so=$1
programs=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/rl-interpose-XXXXXX") || exit 2
for name in $(compgen -v RL_); do
	case $name in RL_TEST_* | RL_CHECK_*) ;; *) unset "$name" ;; esac
done

# killed PID: at once, and without a word of bash about it
killed() {
	{ kill -9 "$1"; wait "$1"; } 2>/dev/null
}

server=
start_server() {	# DIR: socket, log
	local tries=0
	mkdir -p "$1"
	"${RL_TEST_SERVER:-redis-server}" --port 0 --unixsocket "$1/sock" \
		--save "" --dir "$1" >"$1/log" 2>&1 </dev/null &
	server=$!
	until redis-cli -s "$1/sock" ping >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || { cat "$1/log"; exit 2; }
		sleep 0.02
	done
}

cleanup() {
	[ -z "$server" ] || killed "$server"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

start_server "$work"
export RL_SERVERS=unix://$work/sock

# bound BINDINGS COMMAND...: with the interposer
bound() {
	local bind=$1
	shift
	LD_PRELOAD=$so RL_BIND=$bind "$@"
}

# What scripts/count-tests.awk reads.
total=0
wrong=0

# compare CASE HOW COMMAND...: what a case of $program prints and how it ends
# must be the same as it is and as COMMAND runs it.
compare() {
	local case=$1 how=$2

	shift 2
	total=$((total + 1))
	"$program" "$case" >"$work/plain" 2>&1
	echo "status $?" >>"$work/plain"
	"$@" "$case" >"$work/other" 2>&1
	echo "status $?" >>"$work/other"
	if ! diff "$work/plain" "$work/other" >"$work/diff"; then
		wrong=$((wrong + 1))
		echo "$case: differs (< as it is, > with $how)"
		cat "$work/diff"
	fi
}

synthesis() {
	echo "[====] Synthesis: Tested: $total | Passing: $((total - wrong))" \
		"| Failing: $wrong | Crashing: 0"
	[ $wrong = 0 ] && [ $total -gt 0 ]
}
