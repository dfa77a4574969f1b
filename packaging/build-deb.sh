#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian packages of this tree: build-deb.sh FOLDER copies what git knows to FOLDER/reeve-VERSION, builds there and leaves the packages in
# FOLDER. Nothing outside of FOLDER is touched. Needs debhelper and the build's packages (tests/deps.sh build packaging).
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^VERSION := //p' "$top/Makefile")
mkdir -p "$1"
out=$(cd "$1" && pwd)
src=$out/reeve-$version
rm -rf "$src"
mkdir "$src"
cd "$top"
git ls-files -co --exclude-standard | grep -v '^\(tests\|clients\|\.ci\)/' | while IFS= read -r f; do [ -f "$f" ] && printf '%s\0' "$f"; done | tar -cf - --null -T - | tar -C "$src" -xf -
cp -r packaging/debian "$src/debian"
cd "$src"
# The time of the last change, not of the build, so that two builds are the same.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -STimestamp)
export SOURCE_DATE_EPOCH
dpkg-buildpackage -b -us -uc -ui -d >"$out/log" 2>&1 || { tail -40 "$out/log"; exit 1; }
ls "$out"/*.deb
