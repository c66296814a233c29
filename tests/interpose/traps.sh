#!/usr/bin/env bash
# What goes wrong in interposers, each as a test.
#
# usage: traps.sh INTERPOSER PROGRAMS [t_NAME...]
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/talk.sh"
ulimit -c 0

counter=$programs/traps/counter

# --- what is bound ---------------------------------------------------------

t_static_symbol_is_one_lock_for_all() {
	start a jobs_lock=nightly
	start b jobs_lock=nightly
	ask a "lock jobs" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:nightly)" "key"
	ask b "trylock jobs" EBUSY
	ask b "timedlock jobs 50" ETIMEDOUT
	tell b "lock jobs"
	ask a "unlock jobs" 0
	hear b
	want 0 "$answer" "b: lock"
	ask b "unlock jobs" 0
	ask a "trylock jobs" 0
	ask a "unlock jobs" 0
}

t_what_is_not_bound_is_left_alone() {
	start a jobs_lock
	start b jobs_lock
	ask a "lock other" 0
	ask b "lock other" 0
	want "" "$(redis-cli -s "$work/sock" keys '*')" "keys"
}

t_two_namespaces_are_two_locks() {
	local long
	long=$(repeat n 200)
	start a jobs_lock RL_NAMESPACE="${long}a"
	start b jobs_lock RL_NAMESPACE="${long}b"
	ask a "lock jobs" 0
	ask b "trylock jobs" 0
	want "rl:${long}a:jobs_lock" \
		"$(redis-cli -s "$work/sock" keys '*a:jobs_lock')" "key"
}

t_exported_symbol() {
	start a exported_lock=e
	start b exported_lock=e
	ask a "lock exported" 0
	ask b "trylock exported" EBUSY
}

t_member_of_a_struct_and_of_a_table() {
	local bind="box+8=member; table+0x50=third"
	start a "$bind"
	start b "$bind"
	ask a "lock box" 0
	ask b "trylock box" EBUSY
	ask b "lock table" 0
	ask a "trylock table" EBUSY
}

t_a_mutex_of_c11() {
	start a c11_lock=n
	start b c11_lock=n
	ask a "c11lock" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
	ask a "c11unlock" 0
	want 0 "$(redis-cli -s "$work/sock" exists rl:n)" "key, unlocked"
	ask b "c11lock" 0
}

t_pattern_of_symbols() {
	start a 'queue_*=q/*'
	ask a "lock in" 0
	ask a "lock out" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:q/queue_in)" "in"
	want 1 "$(redis-cli -s "$work/sock" exists rl:q/queue_out)" "out"
	start b 'queue_*'
	ask b "lock in" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:queue_in)" "as it is"
	start c 'queue_*=*'
	ask c "lock out" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:queue_out)" "nothing else"
}

t_module_and_offset_of_a_stripped_program() {
	local at stripped=$work/stripped
	at=$(nm "$programs/traps/session" | awk '$3 == "jobs_lock" { print $1 }')
	cp "$programs/traps/session" "$stripped"
	strip "$stripped"
	RL_BIND=jobs_lock LD_PRELOAD=$so "$stripped" </dev/null 2>"$work/x.err"
	want 125 $? "status"
	want_text "$work/x.err" "RL_BIND, entry 1" jobs_lock \
		"stripped is stripped" "stripped+0xOFFSET"
	session=$stripped start a "stripped+0x$at=n"
	ask a "lock jobs" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
}

t_namespace_and_options() {
	start a "jobs_lock=n,lease=4000,prefix=p:; other_lock" RL_NAMESPACE=app
	ask a "lock jobs" 0
	ask a "lock other" 0
	want 1 "$(redis-cli -s "$work/sock" exists p:app:n)" "key"
	want 1 "$(redis-cli -s "$work/sock" exists rl:app:other_lock)" "other"
	[ "$(redis-cli -s "$work/sock" pttl p:app:n)" -le 4000 ] || echo "lease"
}

t_a_file_of_bindings() {
	cat >"$work/bind" <<-'END'
		# two of them
		jobs_lock=n	# the first

		other_lock,lease=5000
	END
	start a "" RL_BIND_FILE="$work/bind"
	ask a "lock jobs" 0
	ask a "lock other" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
	want 1 "$(redis-cli -s "$work/sock" exists rl:other_lock)" "other"
}

t_a_file_of_bindings_that_is_a_pipe() {
	mkfifo "$work/fifo"
	echo jobs_lock=n >"$work/fifo" &
	start a "" RL_BIND_FILE="$work/fifo"
	ask a "lock jobs" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
}

t_a_pattern_binds_what_no_entry_before_it_does() {
	start a 'jobs_lock=n; *_lock=rest/*'
	ask a "lock jobs" 0
	ask a "lock other" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
	want 1 "$(redis-cli -s "$work/sock" exists rl:rest/other_lock)" "other"
}

# A bound program starts one that is bound in the same way.
t_an_entry_may_be_said_twice() {
	start a $'jobs_lock=n,lease=5000\n jobs_lock=n,lease=5000'
	ask a "lock jobs" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
}

repeat() {	# CHARACTER COUNT
	printf "%0$2d" 0 | tr 0 "$1"
}

# mistake BINDINGS WORDS...
mistake() {
	local bind=$1
	shift
	RL_BIND=$bind LD_PRELOAD=$so "$programs/traps/session" \
		</dev/null >"$work/x.err" 2>&1
	want 125 $? "status of $bind"
	want_text "$work/x.err" "session[" "$@"
}

t_mistakes_end_the_program() {
	mistake "jobs_lock,lease=abc" "RL_BIND, entry 1" "lease=abc" number
	mistake "jobs_lock;other_lock,leese=1" "entry 2" "'leese' is no option"
	mistake "jobs_lock,lease" "option=value"
	mistake "jobs_lock,lease=1" "lease is 1"
	mistake "jobs_lock,granularity=x" "thread, process or host"
	mistake "jobs_lock,servers=ftp://x" "entry 1" servers
	mistake "jobs_lock=" "a name is expected"
	mistake "jobs_lock+x" "no offset"
	mistake "@some" "only @pshared and @all"
	mistake "queue_*=q" "'*'"
	mistake "jobs_lock=a;jobs_lock=b" "entry 2" "bound already" "entry 1"
	mistake "@all;@all,lease=5000" "entry 2" "bound already" "entry 1"
	mistake "jobs_lock;session:jobs_lock=b" "entry 2" "'jobs_lock' of" \
		"entry 1"
	mistake "jobs_*=a_*;jobs_lock=b" "entry 2" "'jobs_*' of" "entry 1"
	mistake "no_such_lock" "no symbol 'no_such_lock' in session"
	mistake "box+64" "is no mutex"
	mistake "in_background" "is no mutex"
	mistake ":x" "module:symbol"
	mistake "other_lock;jobs_lock=a{b" "RL_BIND, entry 2" "a{b"
	mistake "@pshared=a{b" "RL_BIND, entry 1" "a{b"
	mistake "jobs_lock=$(repeat x 1025)" "RL_BIND, entry 1" "1024"
	RL_NAMESPACE=a{ mistake "jobs_lock" "RL_BIND, entry 1" "a{:jobs_lock"
	RL_NAMESPACE=$(repeat x 1020) mistake "jobs_lock" "entry 1" "1024"
	RL_NAMESPACE=$(repeat x 300) mistake "@all" "entry 1" "1024"
	printf 'jobs_lock\n\nother_lock,lease=x\n' >"$work/bind"
	export RL_BIND_FILE=$work/bind
	mistake "" "$work/bind, line 3" "lease=x"
	rm "$work/bind"
	mistake "" "No such file"
	RL_BIND_FILE=$work mistake "" "Is a directory"
	unset RL_BIND_FILE
	export RL_ON_LOST=perhaps
	mistake "" "RL_ON_LOST='perhaps'"
	unset RL_ON_LOST
	export RL_LEASE_MS=x
	mistake "jobs_lock" RL_LEASE_MS
}

t_a_password_is_not_shown() {
	mistake "jobs_lock,servers=redis://:secret@[x" servers
	! grep -q secret "$work/x.err" || echo "shown"
}

t_what_a_bound_program_starts_needs_no_such_symbol() {
	start a jobs_lock
	ask a "lock jobs" 0
	ask a "run /bin/true" 0
	ask a "unlock jobs" 0
	want "" "$(cat "$work/a.err")" "messages"
}

t_statistics() {
	start a jobs_lock RL_INTERPOSE_STATS="$work/stats"
	for i in 1 2 3; do
		ask a "lock jobs" 0
		ask a "unlock jobs" 0
		ask a "lock other" 0
		ask a "unlock other" 0
	done
	finish a
	want_text "$work/stats" "program session" "bound 3" "sent 6" \
		"mutex jobs_lock calls 3 sent 6"
	[ "$(awk '/^intercepted/ { print $2 }' "$work/stats")" -ge 12 ] ||
		cat "$work/stats"
}

# --- libraries ---------------------------------------------------------------

plugin=$programs/lib/plugin.so

t_a_library_that_is_loaded_later() {
	start a plugin.so:plugin_lock=p RL_INTERPOSE_STATS="$work/stats"
	ask a "load $plugin" 0
	ask a "lock plugin" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:p)" "key"
	ask a "unlock plugin" 0
	ask a "unload" 0
	ask a "load $plugin" 0
	ask a "lock plugin" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:p)" "key, again"
	ask a "unlock plugin" 0
	finish a
	# The constructor's, twice, and the two of main.
	want 4 "$(awk '/calls/ { n += $4 } END { print n }' "$work/stats")" \
		"calls"
}

t_a_library_that_lacks_the_symbol() {
	start a plugin.so:no_such=p
	tell a "load $plugin"
	hear a
	want "(none)" "$answer" "answer"
	finish a
	want 125 "$status" "status"
	want_text "$work/a.err" "no symbol 'no_such' in plugin.so"
}

# The linker may have moved a library's variable into the program.
t_a_variable_of_a_library_that_the_program_has_a_copy_of() {
	want "0 0 " "$(RL_INTERPOSE_STATS=$work/stats \
		bound copied.so:copied_lock=c "$programs/traps/copied" |
		tr '\n' ' ')" "results"
	want_text "$work/stats" "calls 1 sent 2"
}

# --- the start and the end ---------------------------------------------------

t_before_constructors_and_after_main() {
	want 3 "$(bound early_lock "$programs/traps/early")" "locked"
	want 3 "$(RL_INTERPOSE_STATS=$work/stats bound early_lock \
		"$programs/traps/early")" "locked"
	# preinit_array, constructor and main; the destructor may come later.
	want_text "$work/stats" "program early"
	[ "$(awk '/^bound/ { print $2 }' "$work/stats")" -ge 3 ] ||
		cat "$work/stats"
}

# Where it was built: the interposer has a hiredis of its own only there.
if [ -x "$programs/traps/own_hiredis" ]; then
t_a_program_with_a_hiredis_of_its_own() {
	want "0 0" "$(bound jobs_lock "$programs/traps/own_hiredis" |
		tr '\n' ' ' | sed 's/ $//')" "results"
}
fi

t_a_program_with_a_clock_of_its_own_that_locks() {
	want "0 0 " "$(RL_LEASE_MS=600 bound "jobs_lock;calls_lock" \
		"$programs/traps/own_calls" | tr '\n' ' ')" "results"
}

t_old_symbol_versions() {
	"$programs/traps/old" >"$work/plain"
	RL_INTERPOSE_STATS=$work/stats bound old_lock "$programs/traps/old" \
		>"$work/bound"
	want "$(cat "$work/plain")" "$(cat "$work/bound")" "output"
	want_text "$work/stats" "mutex old_lock"
	[ "$(awk '/^bound/ { print $2 }' "$work/stats")" -ge 4 ] ||
		cat "$work/stats"
}

t_an_allocator_that_locks() {
	local case
	for case in many_threads_that_end destructors_of_threads_lock \
		fork_with_it_locked many_at_once; do
		RL_BIND=@all LD_PRELOAD="$programs/lib/allocator.so $so" \
			timeout 30 "$programs/posix/life" $case >"$work/x.err" \
			2>&1
		want 0 $? "$case"
		RL_BIND=@all LD_PRELOAD="$so $programs/lib/allocator.so" \
			timeout 30 "$programs/posix/life" $case >"$work/x.err" \
			2>&1
		want 0 $? "$case, the other way round"
	done
}

connections() {
	redis-cli -s "$work/sock" info stats |
		sed -n 's/^total_connections_received:\([0-9]*\).*/\1/p'
}

# It closes none of rl's, and what it opens then is its own.
t_a_program_that_closes_every_descriptor() {
	local how before after
	start a jobs_lock=n
	start b jobs_lock=n
	ask b "trylock jobs" 0
	ask b "unlock jobs" 0
	ask a "lock jobs" 0
	before=$(connections)
	for how in "" from range; do
		ask a "closeall $how" 0
		for _ in 1 2 3 4 5; do
			ask a "open /dev/null" 0
		done
		ask b "trylock jobs" EBUSY
		ask a "unlock jobs" 0
		ask a "lock jobs" 0
	done
	after=$(connections)
	want $((before + 1)) "$after" "connections, one of them to ask"
	want "/dev/null /dev/null /dev/null /dev/null /dev/null" \
		"$(readlink /proc/${pid_of[a]}/fd/{3,4,5,6,7} | paste -sd ' ')" \
		"files"
	want 0 "$(ls "/proc/${pid_of[a]}/fd" | awk '$1 > 7 && $1 < 256' |
		wc -l)" "descriptors in the way"
}

t_a_program_that_drops_its_privileges() {
	[ "$(id -u)" = 0 ] || return
	chmod 755 "$work"
	chmod 777 "$work/sock"
	start a jobs_lock=n
	ask a "lock jobs" 0
	ask a "unlock jobs" 0
	ask a "user 65534" 0
	ask a "in lock jobs" 0
	ask a "unlock jobs" 0
}

t_a_program_that_clears_its_environment() {
	start a jobs_lock=n
	ask a "clearenv" 0
	ask a "lock jobs" 0
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
}

# --- conditions --------------------------------------------------------------

t_a_wait_does_not_hold_the_lease() {
	start a jobs_lock=n
	start b jobs_lock=n
	ask a "lock jobs" 0
	tell a "timedwait jobs 2000"
	until_true key_is_gone rl:n
	ask b "lock jobs" 0
	# Its time is over soon, but it returns only with the lock.
	! read -r -t 2.5 <&"${from[a]}" || echo "returned without the lock"
	ask b "unlock jobs" 0
	hear a
	want ETIMEDOUT "$answer" "a: timedwait"
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
	ask a "unlock jobs" 0
}

t_a_wait_that_is_woken_takes_the_lock_again() {
	start a jobs_lock=n
	start b jobs_lock=n
	ask a "bg lockwait jobs" 0
	ask a "untilwaiting jobs" 0
	ask b "lock jobs" 0
	ask b "unlock jobs" 0
	ask a "lock jobs" 0
	ask a "signal" 0
	tell a "unlock jobs"
	hear a
	first=$answer
	hear a
	want "0 done: 0" "$(printf '%s\n' "$first" "$answer" | sort |
		paste -sd ' ')" "a: wait and unlock"
	want 1 "$(redis-cli -s "$work/sock" exists rl:n)" "key"
	ask a "trylock jobs" EBUSY
	ask a "unlock jobs" 0
	ask b "lock jobs" 0
}

# The clean-up of the program then finds it locked, on the server too.
t_cancelled_in_a_wait_it_has_the_lock() {
	start a jobs_lock=n
	start b jobs_lock=n
	ask a "bg lockwait jobs" 0
	ask a "untilwaiting jobs" 0
	ask b "lock jobs" 0
	ask b "unlock jobs" 0
	ask a "cancel" 0
	ask b "trylock jobs" EBUSY
	ask a "unlock jobs" 0
	ask b "trylock jobs" 0
}

# Woken, it waits for the program's own mutex. Were it cancelled there, its
# clean-up would run without it.
t_not_cancelled_on_its_way_back_from_a_wait() {
	start a checked_lock=n
	ask a "asyncbg lockwaitclean checked" 0
	ask a "untilwaiting checked" 0
	ask a "lock checked" 0
	ask a "signal" 0
	ask a "untilcontended checked" 0
	ask a "cancelonly" 0
	ask a "unlock checked" 0
	ask a "join" 0
	ask a "cleaned" 0
	ask a "trylock checked" 0
	ask a "unlock checked" 0
}

# --- other processes ---------------------------------------------------------

t_four_processes_count() {
	local pids=() n
	for n in 1 2 3 4; do
		bound count_lock "$counter" "$work/n" 150 2 &
		pids+=($!)
	done
	wait "${pids[@]}"
	want 1200 "$(od -An -tu8 "$work/n" | tr -d ' ')" "sum"
}

t_processes_are_killed_while_they_count() {
	local n pids=() before
	for n in 1 2 3; do
		RL_LEASE_MS=1500 bound count_lock "$counter" "$work/n" 100 1 &
		pids+=($!)
	done
	# Not bound(): a shell would be killed, and the counter go on.
	RL_LEASE_MS=1500 LD_PRELOAD=$so RL_BIND=count_lock \
		"$counter" "$work/k" 100000 1 &
	n=$!
	until_true test -s "$work/k"
	killed $n
	wait "${pids[@]}"
	want 300 "$(od -An -tu8 "$work/n" | tr -d ' ')" "sum"
	want 1 "$([ -s "$work/k" ] && echo 1)" "killed one"
}

t_a_killed_holder_of_a_robust_one() {
	start a robust_lock=n,lease=1500
	start b robust_lock=n,lease=1500
	ask a "lock robust" 0
	killed "${pid_of[a]}"
	ask b "lock robust" EOWNERDEAD
	ask b "consistent robust" 0
	ask b "unlock robust" 0
	ask b "lock robust" 0
	ask b "unlock robust" 0
}

t_not_mended_is_not_recoverable() {
	start a robust_lock=n,lease=1500
	start b robust_lock=n,lease=1500
	start c robust_lock=n,lease=1500
	ask a "lock robust" 0
	killed "${pid_of[a]}"
	ask b "lock robust" EOWNERDEAD
	ask b "unlock robust" 0
	ask c "lock robust" ENOTRECOVERABLE
	ask b "lock robust" ENOTRECOVERABLE
}

t_a_killed_holder_of_one_that_is_not_robust() {
	start a jobs_lock=n,lease=1500
	start b jobs_lock=n,lease=1500
	ask a "lock jobs" 0
	killed "${pid_of[a]}"
	ask b "lock jobs" 0
}

t_a_robust_thread_that_ends() {
	start a robust_lock=n
	start b robust_lock=n
	ask a "in lock robust" 0
	ask b "lock robust" EOWNERDEAD
	ask b "consistent robust" 0
	ask b "unlock robust" 0
	ask a "lock robust" EOWNERDEAD
	ask a "consistent robust" 0
	ask a "unlock robust" 0
}

# The real mutex tells of a death to one who then does not get the lock: the
# next one is told.
t_a_death_is_not_forgotten() {
	start a robust_lock=n
	start b robust_lock=n
	ask a "in lock robust" 0
	ask b "lock robust" EOWNERDEAD
	ask b "consistent robust" 0
	ask a "trylock robust" EBUSY
	ask a "timedlock robust 50" ETIMEDOUT
	ask b "unlock robust" 0
	ask a "lock robust" EOWNERDEAD
	ask a "consistent robust" 0
	ask a "unlock robust" 0
	ask a "lock robust" 0
	ask a "unlock robust" 0
	ask b "lock robust" 0
}

# Destroyed and made anew, as POSIX has it, it can be used again.
t_a_new_life_of_one_that_was_not_recoverable() {
	start a robust_lock=n
	ask a "in lock robust" 0
	ask a "lock robust" EOWNERDEAD
	ask a "unlock robust" 0
	ask a "lock robust" ENOTRECOVERABLE
	ask a "destroy robust" 0
	ask a "init robust" 0
	ask a "lock robust" 0
	ask a "unlock robust" 0
}

t_types_across_processes() {
	start a "checked_lock; deep_lock"
	start b "checked_lock; deep_lock"
	ask a "lock checked" 0
	ask a "lock checked" EDEADLK
	ask a "in unlock checked" EPERM
	ask b "unlock checked" EPERM
	ask b "trylock checked" EBUSY
	ask a "unlock checked" 0
	ask b "trylock checked" 0
	ask a "lock deep" 0
	hold=$(redis-cli -s "$work/sock" get rl:deep_lock)
	ask a "lock deep" 0
	want "$hold" "$(redis-cli -s "$work/sock" get rl:deep_lock)" "hold"
	ask a "unlock deep" 0
	want "$hold" "$(redis-cli -s "$work/sock" get rl:deep_lock)" "hold"
	ask b "trylock deep" EBUSY
	ask a "unlock deep" 0
	ask b "trylock deep" 0
}

t_unlocked_by_another_thread() {
	start a jobs_lock=n
	start b jobs_lock=n
	ask a "lock jobs" 0
	ask a "in unlock jobs" 0
	ask b "trylock jobs" 0
	ask b "unlock jobs" 0
	ask a "in lock jobs" 0
	ask b "trylock jobs" EBUSY
	ask a "unlock jobs" 0
	ask b "trylock jobs" 0
}

t_a_child_holds_nothing() {
	start a jobs_lock=n
	start b jobs_lock=n
	ask a "lock jobs" 0
	ask a "child trylock jobs" EBUSY
	ask a "child unlock jobs" 0
	ask b "trylock jobs" EBUSY
	ask a "unlock jobs" 0
	ask b "lock jobs" 0
	tell a "child timedlock jobs 50"
	hear a
	want ETIMEDOUT "$answer" "child"
}

t_cancelled_while_another_process_holds_it() {
	start a jobs_lock=n
	start b jobs_lock=n
	ask b "lock jobs" 0
	ask a "asyncbg lock jobs" 0
	# It is past the gate when the gate is locked.
	until_true a_is_locked
	ask a "cancel" 0
	ask a "trylock jobs" EBUSY	# the other process's
	ask b "unlock jobs" 0
	ask a "lock jobs" 0
}
a_is_locked() {
	tell a "trylock jobs"
	hear a
	[ "$answer" = EBUSY ]
}

t_process_shared_in_a_file() {
	start a @pshared
	start b @pshared
	ask a "map $work/shared new" 0
	ask b "map $work/shared old" 0
	ask a "lock file" 0
	want 1 "$(redis-cli -s "$work/sock" exists \
		"rl:@pshared:$work/shared+0x0")" "key"
	ask b "trylock file" EBUSY
	ask a "unlock file" 0
	ask b "lock file" 0
	ask b "unlock file" 0
	ask a "lock jobs" 0
	want 0 "$(redis-cli -s "$work/sock" keys '*' | grep -c '^rl:[^{]*jobs')" \
		"another"
}

t_another_file_at_the_same_address_is_another_lock() {
	start a @pshared
	ask a "map $work/one new" 0
	ask a "lock file" 0
	ask a "unlock file" 0
	ask a "map $work/two new" 0
	ask a "lock file" 0
	want 1 "$(redis-cli -s "$work/sock" exists \
		"rl:@pshared:$work/two+0x0")" "key"
	want 0 "$(redis-cli -s "$work/sock" exists \
		"rl:@pshared:$work/one+0x0")" "key of the other"
}

# As on two hosts that share the file: two copies of it, one name.
t_process_shared_on_two_hosts() {
	unshare -m true 2>/dev/null || return 0
	mkdir -p "$work/here" "$work/there"
	mkdir -p "$work/mnt"
	start a @pshared RL_HOST_ID=here
	ask a "map $work/mnt/shared new" 0
	ask a "lock file" 0
	cp "$work/mnt/shared" "$work/there/shared"
	cat >"$work/elsewhere" <<-END
		#!/bin/sh
		mount --bind "$work/there" "$work/mnt" || exit 9
		exec "$programs/traps/session"
	END
	chmod +x "$work/elsewhere"
	: >"$work/there/shared"
	session="$work/elsewhere" start_apart b
	ask b "map $work/mnt/shared new" 0
	ask b "trylock file" EBUSY
	ask a "unlock file" 0
	ask b "lock file" 0
	ask a "trylock file" EBUSY
}
start_apart() {
	local name=$1
	mkfifo "$work/$name.in" "$work/$name.out"
	env LD_PRELOAD="$so" RL_BIND=@pshared RL_HOST_ID=there \
		RL_INTERPOSE_STARTED=1 unshare -m "$session" \
		<"$work/$name.in" >"$work/$name.out" 2>"$work/$name.err" &
	pid_of[$name]=$!
	exec {to[$name]}>"$work/$name.in" {from[$name]}<"$work/$name.out"
}

# --- servers -----------------------------------------------------------------

with_timeout() {
	echo "unix://$work/$1/sock?outage_timeout=$2&command_timeout=200"
}

# A server of the test's own, in $own.
own_server() {
	local main=$server
	start_server "$work/$1"
	own=$server
	server=$main
}

has_line() { grep -qsF -- "$2" "$work/$1.err"; }
has_ended() { ! kill -0 "${pid_of[$1]}" 2>/dev/null; }

t_no_server_ends_the_program() {
	start a jobs_lock RL_SERVERS="$(with_timeout none 300)"
	tell a "lock jobs"
	ended a 134
	want_text "$work/a.err" "waiting for the lock server, since 0 s" \
		"the program cannot go on without it" "RL_ON_OUTAGE=wait"
}

# It fails each try only after a while.
t_a_server_that_hangs_ends_the_program() {
	own_server hang
	kill -STOP $own
	start a jobs_lock RL_SERVERS="$(with_timeout hang 1000)"
	tell a "lock jobs"
	ended a 134
	killed $own
	want_text "$work/a.err" "the program cannot go on without it"
	want 1 "$(grep -c 'waiting for the lock server' "$work/a.err")" "lines"
}

# Who may be cancelled at any time waits a little at a time.
t_no_server_ends_one_that_may_be_cancelled() {
	start a jobs_lock RL_SERVERS="$(with_timeout none 300)"
	tell a "asyncbg lock jobs"
	ended a 134
	want_text "$work/a.err" "the program cannot go on without it"
}

t_a_server_that_hangs_is_waited_for() {
	own_server hang
	kill -STOP $own
	start a jobs_lock RL_ON_OUTAGE=wait \
		RL_SERVERS="$(with_timeout hang 300)"
	tell a "lock jobs"
	until_true has_line a "since 2 s"
	want 2 "$(grep -c 'waiting for the lock server' "$work/a.err")" "lines"
	kill -CONT $own
	hear a
	want 0 "$answer" "lock"
	killed $own
}

# Not only when it is over.
t_an_outage_is_told_at_once() {
	start a jobs_lock RL_SERVERS="$(with_timeout none 60000)"
	tell a "lock jobs"
	until_true has_line a "waiting for the lock server"
}

t_an_outage_is_waited_for() {
	start a jobs_lock RL_ON_OUTAGE=wait \
		RL_SERVERS="$(with_timeout late 300)"
	tell a "lock jobs"
	until_true has_line a "waiting for the lock server"
	until_true has_line a "since 2 s"
	own_server late
	hear a
	want 0 "$answer" "lock"
	ask a "unlock jobs" 0
	killed $own
	tell a "lock jobs"
	until_true has_line a "since 0 s"
	want 0 "$(grep -c 'cannot go on' "$work/a.err")" "aborted"
	killed "${pid_of[a]}"
}

t_an_outage_in_the_middle_of_a_trylock() {
	own_server mid
	start a jobs_lock RL_ON_OUTAGE=wait \
		RL_SERVERS="$(with_timeout mid 300)"
	ask a "trylock jobs" 0
	ask a "unlock jobs" 0
	kill -STOP $own
	tell a "trylock jobs"
	until_true has_line a "waiting for the lock server"
	kill -CONT $own
	hear a
	want 0 "$answer" "trylock"
	killed $own
}

t_an_outage_at_the_unlock() {
	own_server end
	start a jobs_lock,lease=2000 RL_SERVERS="$(with_timeout end 300)"
	ask a "lock jobs" 0
	killed $own
	ask a "unlock jobs" 0
	want_text "$work/a.err" "could not be given back"
}

t_an_outage_at_the_unlock_of_one_that_no_symbol_names() {
	own_server end
	start a @all,lease=2000 RL_SERVERS="$(with_timeout end 300)"
	ask a "lock jobs" 0
	killed $own
	ask a "unlock jobs" 0
	want_text "$work/a.err" "lock '@all' could not be given back"
}

t_a_wrong_password_ends_the_program() {
	start a jobs_lock \
		RL_SERVERS="unix://:wrong@$work/sock?outage_timeout=200"
	tell a "lock jobs"
	ended a 134
	want_text "$work/a.err" "lock 'rl:jobs_lock'"
	! grep -q wrong@ "$work/a.err" || echo "password shown"
}

t_a_lost_hold_ends_the_program() {
	start a jobs_lock=n,lease=1500
	ask a "lock jobs" 0
	redis-cli -s "$work/sock" del rl:n >/dev/null
	ended a 134
	want_text "$work/a.err" "lock 'rl:n': the hold was lost"
}

t_a_lost_hold_is_logged() {
	start a jobs_lock=n,lease=1500 RL_ON_LOST=log
	ask a "lock jobs" 0
	redis-cli -s "$work/sock" del rl:n >/dev/null
	until_true has_line a "going on (RL_ON_LOST=log)"
	ask a "unlock jobs" 0
	ask a "lock jobs" 0
	ask a "unlock jobs" 0
	want 1 "$(wc -l <"$work/a.err")" "lines"
}

t_a_stopped_process_finds_its_hold_lost() {
	start a jobs_lock=n,lease=1500
	start b jobs_lock=n,lease=1500
	ask a "lock jobs" 0
	kill -STOP "${pid_of[a]}"
	ask b "lock jobs" 0
	kill -CONT "${pid_of[a]}"
	ended a 134
	ask b "unlock jobs" 0
}

t_renewed_for_longer_than_its_lease() {
	start a jobs_lock=n,lease=1000
	start b jobs_lock=n,lease=1000
	ask a "lock jobs" 0
	ask b "timedlock jobs 2500" ETIMEDOUT
	ask a "unlock jobs" 0
	ask b "lock jobs" 0
}

# --- rights ------------------------------------------------------------------

t_inert_in_a_set_uid_program() {
	[ "$(id -u)" = 0 ] || return
	command -v setpriv >/dev/null || return
	chmod 755 "$work"
	cp "$programs/traps/early" "$work/suid"
	chmod 4755 "$work/suid"
	want 3 "$(setpriv --reuid 65534 --clear-groups \
		env RL_BIND=no_such_lock LD_PRELOAD="$so" "$work/suid" \
		2>/dev/null)" "locked"
}

run_all "$@"
