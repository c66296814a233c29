#!/bin/sh
# The library without TLS: without_tls.sh SOURCE_DIR WORK_DIR. It needs nothing
# of OpenSSL, and says so when it is asked for rediss://.
set -eu
source=$1
work=$2/without_tls
rm -rf "$work"
cmake -S "$source" -B "$work/build" -DRL_TLS=OFF -DRL_BUILD_TESTS=OFF \
	-DRL_BUILD_EXAMPLES=OFF -DRL_WERROR=ON -DCMAKE_BUILD_TYPE=Debug \
	-DCMAKE_C_COMPILER="$CC" >"$work.log"
cmake --build "$work/build" >>"$work.log" || { cat "$work.log"; exit 1; }
cmake --install "$work/build" --prefix "$work/prefix" >>"$work.log"

so=$(find "$work/prefix" -name librl.so)
if readelf -d "$so" | grep 'libssl\|libcrypto'; then
	echo "needs OpenSSL"
	exit 1
fi
PKG_CONFIG_PATH=$(dirname "$so")/pkgconfig
export PKG_CONFIG_PATH
if pkg-config --static --libs rl | grep 'ssl\|crypto'; then
	echo "rl.pc wants OpenSSL"
	exit 1
fi
$CC -std=c11 "$source/tests/build/consumer/consumer.c" -o "$work/consumer" \
	$(pkg-config --cflags --libs rl)
said=$(RL_SERVERS=rediss://127.0.0.1 LD_LIBRARY_PATH=$(dirname "$so") \
	"$work/consumer" 2>&1) && { echo "took a lock: $said"; exit 1; }
echo "$said"
case $said in
*"not supported (rediss://127.0.0.1:6379/0: this rl was built without TLS)") ;;
*) exit 1 ;;
esac
