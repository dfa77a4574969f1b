#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the Debian packages twice, in folders of different names and at different times, and compares them byte by byte.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
top=$(cd "$(dirname "$0")/.." && pwd)
sh "$top/packaging/build-deb.sh" "$dir/one" >/dev/null
sh "$top/packaging/build-deb.sh" "$dir/a-second/folder" >/dev/null
bad=0
for f in "$dir"/one/*.deb; do
        if cmp -s "$f" "$dir/a-second/folder/$(basename "$f")"; then
                echo "the same: $(basename "$f")"
        else
                echo "DIFFERENT: $(basename "$f")"
                bad=1
        fi
done
exit $bad
