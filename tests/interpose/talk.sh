# shellcheck shell=bash
# Talking to traps/session, several of them at a time; sourced after lib.sh.

declare -A to from pid_of

# start NAME BINDINGS [VARIABLE=VALUE...]: a session; its messages are in
# $work/NAME.err
start() {
	local name=$1 bind=$2
	shift 2
	rm -f "$work/$name.in" "$work/$name.out"
	mkfifo "$work/$name.in" "$work/$name.out"
	env LD_PRELOAD="$so" RL_BIND="$bind" "$@" "${session:-$programs/traps/session}" \
		<"$work/$name.in" >"$work/$name.out" 2>"$work/$name.err" &
	pid_of[$name]=$!
	exec {to[$name]}>"$work/$name.in" {from[$name]}<"$work/$name.out"
}

tell() {	# NAME COMMAND
	echo "$2" >&"${to[$1]}"
}

hear() {	# NAME: its next answer, in $answer
	answer=
	IFS= read -r -t 20 answer <&"${from[$1]}" || answer="(none)"
}

# ask NAME COMMAND ANSWER
ask() {
	tell "$1" "$2"
	hear "$1"
	want "$3" "$answer" "$1: $2"
}

finish() {	# NAME: ends it, in $status
	eval "exec ${to[$1]}>&-"
	wait "${pid_of[$1]}"
	status=$?
	eval "exec ${from[$1]}<&-"
}

# ended NAME STATUS: by itself, with that status
ended() {
	local status
	wait "${pid_of[$1]}" 2>/dev/null
	status=$?
	want "$2" $status "$1: status"
}

want() {	# EXPECTED ACTUAL WHAT
	[ "$1" = "$2" ] && return
	echo "$3: '$2' instead of '$1'"
	cat "$work"/*.err 2>/dev/null
	exit 1
}

want_text() {	# FILE WORDS...: all of them are in it
	local file=$1 word
	shift
	for word; do
		grep -qF -- "$word" "$file" && continue
		echo "'$word' is not in:"
		cat "$file"
		exit 1
	done
}

# until_true COMMAND...: within 20 s
until_true() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 1000 ] || { echo "never: $*"; exit 1; }
		sleep 0.02
	done
}

key_is_there() { [ "$(redis-cli -s "$work/sock" exists "$1")" = 1 ]; }
key_is_gone() { ! key_is_there "$1"; }

tidy() {
	local pid
	# bash shows the jobs of the shell above too.
	for pid in $(jobs -p); do
		[ "$pid" = "$server" ] || killed "$pid"
	done
	true
}

# Runs each function of this script whose name begins with t_, by itself.
run_all() {
	local name
	for name in $(compgen -A function t_); do
		[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
		total=$((total + 1))
		[ -z "${RL_TEST_SLOW:-}" ] || echo "$SECONDS $name"
		redis-cli -s "$work/sock" flushall >/dev/null
		find "$work" -mindepth 1 -maxdepth 1 ! -name sock ! -name log \
			! -name said -exec rm -rf {} +
		if ! ("$name"; tidy) >"$work/said" 2>&1 ||
			[ -s "$work/said" ]; then
			wrong=$((wrong + 1))
			echo "$name failed:"
			cat "$work/said"
		fi
	done
	synthesis
}
