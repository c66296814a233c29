#!/bin/sh
# compare.sh PLAIN WITH_RL: two builds of one program must print the same and
# end in the same way, and the second one must have taken locks on a server.
set -u
plain=$1
with_rl=$2
dir=$(mktemp -d) || exit 2
redis-server --port 0 --unixsocket "$dir/sock" --save "" --dir "$dir" \
	>"$dir/log" 2>&1 </dev/null &
server=$!
trap 'kill "$server"; wait "$server"; rm -rf "$dir"' EXIT
tries=0
until redis-cli -s "$dir/sock" ping >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || { cat "$dir/log"; exit 1; }
	sleep 0.05
done

# A lease that a program can wait for; else one that a busy machine renews.
case $plain in
*robust*) RL_LEASE_MS=2000 ;;
*) RL_LEASE_MS=10000 ;;
esac
export RL_SERVERS="unix://$dir/sock" RL_LEASE_MS
"$plain" >"$dir/plain" 2>&1 </dev/null
echo "status $?" >>"$dir/plain"
# shellcheck disable=SC2086
${RUN_UNDER:-} "$with_rl" >"$dir/with_rl" 2>&1 </dev/null
echo "status $?" >>"$dir/with_rl"
cat "$dir/plain"
diff "$dir/plain" "$dir/with_rl" || { echo "differ"; exit 1; }
grep -q '^status 0' "$dir/plain" || exit 1
locks=$(redis-cli -s "$dir/sock" --scan --pattern '*:rl:meta' | wc -l)
echo "$locks locks"
[ "$locks" -gt 0 ]
