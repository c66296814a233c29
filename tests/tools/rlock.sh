#!/bin/sh
# rlock.sh STEP RLOCK: the program as its users call it. CC is the compiler.
set -u
step=$1
rlock=$2
dir=$(mktemp -d) || exit 2
server=
failed=0
unset RL_SERVERS RL_BIND RL_BIND_FILE RL_PREFIX LD_PRELOAD
# Any library will do where the environment is all that is looked at.
library=$(ldd /bin/sh | awk '/libc\.so/ { print $3 }')

cleanup() {
	stop
	rm -rf "$dir"
}
trap cleanup EXIT

stop() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; }
	server=
}

# start [option of redis-server...]
start() {
	redis-server --port 0 --unixsocket "$dir/sock" --save "" \
		--dir "$dir" "$@" >"$dir/log" 2>&1 </dev/null &
	server=$!
	tries=0
	until redis-cli -s "$dir/sock" ping >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || { cat "$dir/log"; exit 1; }
		sleep 0.05
	done
	export RL_SERVERS="unix://$dir/sock"
}

# expect STATUS PATTERN COMMAND...: its status, and a line of what it says
expect() {
	want=$1
	pattern=$2
	shift 2
	"$@" >"$dir/out" 2>&1 </dev/null
	got=$?
	if [ "$got" = "$want" ] && grep -q -e "$pattern" "$dir/out"; then
		echo "ok: $*"
		return
	fi
	failed=1
	echo "FAILED: $*: status $got, expected $want and '$pattern':"
	cat "$dir/out"
}

# expect_not PATTERN: of the last command
expect_not() {
	! grep -q -e "$1" "$dir/out" || { failed=1; echo "FAILED: $1 said"; }
}

preload() {
	expect 0 "^RL_BIND=a=b\$" "$rlock" preload --library "$library" \
		-b a=b -b 'c,lease=5' env
	grep -q "^c,lease=5\$" "$dir/out" || failed=1
	expect 0 "^LD_PRELOAD=.*libc[^:]*:/other.so\$" env LD_PRELOAD=/other.so \
		"$rlock" preload --library "$library" --print -b a env
	expect 0 "^RL_BIND=x\$" env RL_BIND=x "$rlock" preload \
		--library "$library" -b y env
	for line in RL_SERVERS=unix:///nowhere RL_NAMESPACE=ns \
		RL_LEASE_MS=77 RL_GRANULARITY=host RL_ON_LOST=log \
		RL_ON_OUTAGE=wait "RL_BIND_FILE=/tmp/b" \
		"RL_INTERPOSE_STATS=$dir/stats"; do
		(cd "$dir" && expect 0 "^$line\$" "$rlock" preload \
			--library "$library" --servers unix:///nowhere \
			-n ns --lease 77 --granularity host --on-lost log \
			--on-outage wait --bind-file /tmp/b --stats stats env
			exit $failed) || failed=1
	done
	expect 5 . "$rlock" preload --library "$library" -b a -- \
		sh -c 'echo "$0"; exit 5' --bind
	expect 0 '^--bind$' "$rlock" preload --library "$library" -b a \
		sh -c 'echo "$0"' --bind
	expect 2 usage "$rlock" preload
	expect 2 usage "$rlock" preload --nonsense env
	expect 0 usage "$rlock" preload --help
	expect 125 'nothing to bind' "$rlock" preload --library "$library" env
	expect 125 'No such file' "$rlock" preload --library "$dir/none" \
		-b a env
	mkdir "$dir/with space"
	cp "$library" "$dir/with space/lib.so"
	expect 125 'space or a colon' "$rlock" preload -b a \
		--library "$dir/with space/lib.so" env
}

# What cannot be preloaded into is refused, with the reason.
refusals() {
	set -- "$rlock" preload --library "$library" -b a
	expect 127 'not found in PATH' "$@" no-such-program
	expect 127 'No such file' "$@" "$dir/none"
	expect 126 'not a program' "$@" "$dir"
	echo text >"$dir/text"
	expect 126 'not executable' "$@" "$dir/text"
	echo 'int main(void) { return 0; }' >"$dir/main.c"
	$CC "$dir/main.c" -o "$dir/dynamic" || exit 1
	expect 0 '^LD_PRELOAD' "$@" --print "$dir/dynamic"
	$CC -static "$dir/main.c" -o "$dir/static" || exit 1
	expect 126 'linked statically' "$@" "$dir/static"
	$CC -static-pie "$dir/main.c" -o "$dir/static-pie" || exit 1
	expect 126 'linked statically' "$@" "$dir/static-pie"
	chmod u+s "$dir/dynamic"
	expect 126 'set-uid' "$@" "$dir/dynamic"
	printf '#!%s\n' "$dir/static" >"$dir/script"
	chmod +x "$dir/script"
	expect 126 'linked statically' "$@" "$dir/script"
	printf '#!/usr/bin/env static\n' >"$dir/script"
	expect 126 'linked statically' env PATH="$dir:$PATH" "$@" script
	printf '#!/bin/sh\nexit 9\n' >"$dir/script"
	expect 9 '^$\|.*' sh -c '"$@"; s=$?; echo; exit $s' - "$@" \
		"$dir/script"
	printf '\177ELF\001\001\001' >"$dir/small"
	chmod +x "$dir/small"
	expect 126 'another machine' "$@" "$dir/small"
}

doctor() {
	expect 3 'BAD.*cannot connect' "$rlock" doctor -s "unix://$dir/sock"
	start --appendonly yes --appendfsync always
	expect 0 'a lock was taken' "$rlock" doctor
	expect_not 'warn\|BAD'
	redis-cli -s "$dir/sock" config set appendfsync no >/dev/null
	expect 1 'warn.*appendfsync no' "$rlock" doctor
	redis-cli -s "$dir/sock" config set appendfsync everysec \
		maxmemory 1gb maxmemory-policy volatile-lru >/dev/null
	expect 3 'BAD.*volatile-lru' "$rlock" doctor
	redis-cli -s "$dir/sock" config set maxmemory-policy noeviction \
		>/dev/null
	expect 0 'ok.*noeviction' "$rlock" doctor
	redis-cli -s "$dir/sock" config set appendonly no >/dev/null
	expect 1 'warn.*append-only' "$rlock" doctor
	expect 1 'warn  2 servers' sh -c '"$@"; exit 1' - "$rlock" doctor \
		-s "unix://$dir/sock unix://$dir/sock?db=1"
	redis-cli -s "$dir/sock" replicaof 127.0.0.1 1 >/dev/null
	expect 3 'BAD.*replica' "$rlock" doctor
	redis-cli -s "$dir/sock" replicaof no one >/dev/null
	redis-cli -s "$dir/sock" acl setuser small on '>p' '~*' +@all \
		-@scripting -info >/dev/null
	expect 3 'BAD.*no lock' "$rlock" doctor -s "unix://small:p@$dir/sock"
	expect 3 'warn.*does not tell' "$rlock" doctor \
		-s "unix://small:p@$dir/sock"
	expect_not ':p@'
	expect 2 'usage' "$rlock" doctor more
	expect 2 'rlock: ' "$rlock" doctor -s nonsense
}

locks() {
	start
	expect 1 '^free$' "$rlock" owner jobs
	redis-cli -s "$dir/sock" set rl:jobs 'proc:h/1.2#0123456789abcdef' px 60000 >/dev/null
	expect 0 '^proc:h/1\.2$' "$rlock" owner jobs
	expect 1 '^free$' "$rlock" owner --prefix other: jobs
	expect 0 '^$' sh -c '"$@" && echo' - "$rlock" reset jobs
	expect 1 '^free$' "$rlock" owner jobs
	expect 2 'usage' "$rlock" owner
	expect 2 'usage' "$rlock" reset a b
	expect 2 'no verb' "$rlock" frobnicate
	expect 0 'preload' "$rlock" --help
	expect 0 '^rlock [0-9]' "$rlock" --version
	stop
	expect 3 'ENOLCK\|could be asked' "$rlock" owner \
		-s "unix://$dir/sock?outage_timeout=50" jobs
}

"$step"
exit $failed
