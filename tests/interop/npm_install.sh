#!/bin/sh
# Installs what package.json names: npm_install.sh DIR. What is there already
# is used again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1

mkdir -p "$dir"
if [ -e "$dir/installed" ] &&
	cmp -s "$here/package.json" "$dir/package.json"; then
	echo "there already"
	exit 0
fi
rm -f "$dir/installed"
cp "$here/package.json" "$dir/package.json"
cd "$dir"
echo "node $(node --version), npm $(npm --version)"
npm install --no-audit --no-fund --no-package-lock --loglevel=error \
	--prefer-offline --fetch-retry-mintimeout=1000 \
	--fetch-retry-maxtimeout=4000 || {
	echo "npm could not bring the packages: node-redlock is not tested"
	exit 1
}
touch installed
