# shellcheck shell=bash
# Common to the scripts; sourced by bash. Installs what is missing, shows
# progress, builds, and runs a private redis-server.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_root=${RL_BUILD_DIR:-$root/build}
jobs=$(nproc 2>/dev/null || echo 2)

# What a user's environment says must not change what is tested.
for name in $(compgen -v RL_); do
	case $name in
	RL_BUILD_DIR | RL_TEST_*) ;;
	*) unset "$name" ;;
	esac
done

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

# --- what is needed -------------------------------------------------------

# need PACKAGE COMMAND...: if the command fails, the package is missing.
missing=()
need() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 </dev/null || missing+=("$package")
}

need_to_build() {
	need gcc command -v gcc
	need libc6-dev test -e /usr/include/stdlib.h
	need g++ command -v g++
	need cmake command -v cmake
	need ninja-build command -v ninja
	need pkg-config command -v pkg-config
	need libhiredis-dev test -e /usr/include/hiredis/hiredis.h
	need libssl-dev test -e /usr/include/openssl/ssl.h
	need libelf-dev test -e /usr/include/gelf.h
	need redis-server command -v redis-server
	need redis-tools command -v redis-cli
}

need_to_test() {
	need_to_build
	need clang command -v clang
	need binutils command -v readelf
	need libcriterion-dev test -e /usr/include/criterion/criterion.h
	need python3-redis /usr/bin/python3 -c 'import redis'
	need nodejs command -v node
	need npm command -v npm
	need openssl command -v openssl
	need spin command -v spin
	need valgrind command -v valgrind
	need libc6-dbg test -e /usr/share/doc/libc6-dbg
	need procps command -v ps
	need util-linux command -v setarch
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Installing redis-server would start a service; only its program is wanted.
install_without_services() {
	local policy=/usr/sbin/policy-rc.d made=no status

	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		made=yes
	fi
	apt install -y --no-install-recommends "$@"
	status=$?
	[ $made = no ] || as_root rm -f $policy
	case " $* " in
	*" redis-server "*)
		[ ! -d /run/systemd/system ] ||
			as_root systemctl disable --now redis-server
		;;
	esac
	return $status
}

# Installs what `need` found missing, or says what it is and ends.
install_missing() {
	local log

	[ ${#missing[@]} -gt 0 ] || return 0
	say "missing: ${missing[*]}"
	command -v apt-get >/dev/null ||
		die "no apt-get here; please install by hand what these" \
			"Debian packages hold: ${missing[*]}"
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null ||
		die "neither root nor sudo without a password; please install:" \
			"apt-get install ${missing[*]}"
	log=$(mktemp)
	say "installing (apt-get) ..."
	if ! { apt update && install_without_services "${missing[@]}"; } \
		>"$log" 2>&1; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		die "apt-get could not install: ${missing[*]}"
	fi
	rm -f "$log"
	missing=()
}

# --- building -------------------------------------------------------------

# configure_and_build DIR [cmake option...]
configure_and_build() {
	local dir=$1
	shift
	cmake -S "$root" -B "$dir" -G Ninja "$@" &&
		cmake --build "$dir" -j "$jobs"
}

# --- a private server -----------------------------------------------------

server_pid=
server_dir=

# Starts one on a unix socket and exports RL_SERVERS.
start_server() {
	local try

	server_dir=$(mktemp -d "${TMPDIR:-/tmp}/rl-server-XXXXXX") || return 1
	redis-server --port 0 --unixsocket "$server_dir/sock" --save "" \
		--appendonly no --dir "$server_dir" \
		>"$server_dir/log" 2>&1 </dev/null &
	server_pid=$!
	for try in $(seq 200); do
		if redis-cli -s "$server_dir/sock" ping >/dev/null 2>&1; then
			export RL_SERVERS="unix://$server_dir/sock"
			return 0
		fi
		kill -0 "$server_pid" 2>/dev/null || break
		sleep 0.05
	done
	cat "$server_dir/log" >&2
	stop_server
	return 1
}

stop_server() {
	if [ -n "$server_pid" ]; then
		kill "$server_pid" 2>/dev/null
		wait "$server_pid" 2>/dev/null
		server_pid=
	fi
	[ -z "$server_dir" ] || rm -rf "$server_dir"
	server_dir=
	unset RL_SERVERS
}
