#!/bin/sh
# Uses the library as installed: installed.sh STEP BUILD_DIR WORK_DIR
# install comes first; the compilers are CC and CXX.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
step=$1
build=$2
work=$3
prefix=$work/prefix
warn="-Wall -Wextra -Wpedantic -Werror"

lib_dir() {
	dirname "$(find "$prefix" -name librl.so)"
}

# Runs its arguments with a server of their own.
with_server() {
	dir=$(mktemp -d)
	redis-server --port 0 --unixsocket "$dir/sock" --save "" --dir "$dir" \
		>"$dir/log" 2>&1 </dev/null &
	server=$!
	trap 'kill "$server" 2>/dev/null; wait "$server" || :; rm -rf "$dir"' \
		EXIT
	tries=0
	until redis-cli -s "$dir/sock" ping >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || { cat "$dir/log"; exit 1; }
		sleep 0.05
	done
	path=$(lib_dir)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	RL_SERVERS="unix://$dir/sock" LD_LIBRARY_PATH=$path "$@"
}

install_it() {
	rm -rf "$work"
	cmake --install "$build" --prefix "$prefix" >/dev/null
	for file in include/rl/rl.h include/rl/mutex.h include/rl/mutex.hpp \
		include/rl/error.h include/rl/version.h; do
		test -f "$prefix/$file" || { echo "no $file"; exit 1; }
	done
	names="librl.so librl.so.0 librl.a rl.pc rl-config.cmake"
	[ ! -d "$build/interpose" ] || names="$names librl_interpose.so"
	for name in $names; do
		find "$prefix" -name "$name" | grep -q . ||
			{ echo "no $name"; exit 1; }
	done
}

find_package() {
	cmake -S "$here/consumer" -B "$work/consumer" \
		-DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" \
		-DCMAKE_CXX_COMPILER="$CXX"
	cmake --build "$work/consumer"
	with_server sh -ec 'for p; do echo "$p"; "$p"; done' - \
		"$work/consumer/shared" "$work/consumer/static" \
		"$work/consumer/cxx"
}

pkg_config() {
	PKG_CONFIG_PATH=$(lib_dir)/pkgconfig
	export PKG_CONFIG_PATH
	$CC -std=c11 $warn "$here/consumer/consumer.c" -o "$work/pc-shared" \
		$(pkg-config --cflags --libs rl)
	$CXX -std=c++17 $warn "$here/consumer/consumer.cpp" \
		-o "$work/pc-cxx" $(pkg-config --cflags --libs rl)
	# The rest of what --static gives, with our archive named outright:
	# -lrl would choose the shared library that lies beside it.
	$CC -std=c11 $warn "$here/consumer/consumer.c" -o "$work/pc-static" \
		$(pkg-config --cflags rl) "$(lib_dir)/librl.a" \
		$(pkg-config --static --libs rl | sed 's/-lrl\>//')
	with_server sh -ec 'for p; do echo "$p"; "$p"; done' - \
		"$work/pc-shared" "$work/pc-static" "$work/pc-cxx"
}

# Each public header compiles alone, in C11 and in C++17, without warnings.
headers() {
	cd "$prefix/include"
	for header in rl/*.h rl/*.hpp; do
		echo "$header"
		echo "#include <$header>" >"$work/one.cpp"
		$CXX -std=c++17 $warn -Wshadow -I. -fsyntax-only "$work/one.cpp"
		case $header in *.hpp) continue ;; esac
		cp "$work/one.cpp" "$work/one.c"
		echo "typedef int not_empty;" >>"$work/one.c"
		$CC -std=c11 $warn -Wshadow -I. -fsyntax-only "$work/one.c"
	done
}

# The shared library exports rl_ and nothing else, all of it versioned; all
# that the headers declare is there.
symbols() {
	so=$(lib_dir)/librl.so
	nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }' \
		>"$work/exported"
	if grep -v '^rl_[a-z0-9_]*@@RL_[0-9.]*$' "$work/exported"; then
		echo "exported, and should not be"
		exit 1
	fi
	readelf -d "$so" | grep -q 'SONAME.*\[librl\.so\.0\]'
	readelf -d "$so" | grep -q NODELETE
	$CC -E -I"$prefix/include" "$prefix/include/rl/rl.h" "$prefix/include/rl/pthread.h" | grep -v '^#' |
		tr '\n' ' ' | grep -o '\<rl_[a-z0-9_]*[ ]*(' | tr -d ' (' |
		sort -u >"$work/declared"
	missing=0
	# Types and inline functions are declared, and are not symbols.
	while read -r name; do
		case $name in *_t | *_fn | *_) continue ;; esac
		grep -q "^$name@@" "$work/exported" || {
			echo "declared and not exported: $name"
			missing=1
		}
	done <"$work/declared"
	echo "$(wc -l <"$work/exported") symbols exported"
	exit $missing
}

case $step in
install) install_it ;;
find_package | pkg_config | headers | symbols) $step ;;
*) exit 2 ;;
esac
