#!/bin/sh
# Proves that check.sh can fail: each of these includes must be found, and the
# tree without them must pass.
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

tree() {
	rm -rf "$tmp/include" "$tmp/lib" "$tmp/examples"
	mkdir -p "$tmp/include/rl" "$tmp/examples" "$tmp/lib/base" \
		"$tmp/lib/redis" "$tmp/lib/lock" "$tmp/lib/sync"
	echo '#include <rl/api.h>' >"$tmp/include/rl/mutex.h"
	echo '#include <rl/rl.h>' >"$tmp/examples/one.c"
	echo '#include <rl/error.h>' >"$tmp/lib/base/error.h"
	printf '%s\n' '#include <hiredis/hiredis.h>' \
		'#include "base/error.h"' >"$tmp/lib/redis/session.c"
	printf '%s\n' '#include "lock/lease.h"' \
		'#include "base/error.h"' >"$tmp/lib/lock/lease.c"
	printf '%s\n' '#include <rl/mutex.h>' '#include "lock/lease.h"' \
		'#include "base/error.h"' >"$tmp/lib/sync/mutex.c"
}

expect_found() {	# file, line
	tree
	echo "$2" >>"$tmp/$1"
	if sh "$here/check.sh" "$tmp" >/dev/null; then
		echo "not found: $2 in $1"
		failed=1
	else
		echo "found: $2 in $1"
	fi
}

tree
sh "$here/check.sh" "$tmp" || failed=1
expect_found lib/base/error.h '#include "redis/session.h"'
expect_found lib/base/error.h '#include "lock/lease.h"'
expect_found lib/base/error.h '  #  include "sync/mutex.h"'
expect_found lib/base/error.h '#include <rl/mutex.h>'
expect_found lib/base/error.h '#include <hiredis/hiredis.h>'
expect_found lib/base/error.h '#include <openssl/ssl.h>'
expect_found lib/redis/session.c '#include "lock/lease.h"'
expect_found lib/redis/session.c '#include <sync/mutex.h>'
expect_found lib/lock/lease.c '#include "redis/session.h"'
expect_found lib/lock/lease.c '#include "../redis/session.h"'
expect_found lib/lock/lease.c '#include "session.h"'
expect_found lib/sync/mutex.c '#include "redis/scripts_lua.h"'
expect_found lib/sync/mutex.c '#include <hiredis/read.h>'
expect_found include/rl/mutex.h '#include "base/error.h"'
expect_found examples/one.c '#include "sync/mutex.h"'
exit $failed
