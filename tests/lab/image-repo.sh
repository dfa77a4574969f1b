#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts packages, with what they depend on and the root file system lacks, as a repository for apt into it: image-repo.sh ROOT PACKAGE...
# Called by mmdebstrap, whose apt it uses.
set -eu
root=$1
shift
mkdir -p "$root/srv/repo/partial"
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get --yes -qq -o Dir::Cache::Archives="$root/srv/repo" --no-install-recommends --download-only install "$@" >&2
cd "$root/srv/repo"
rm -rf partial lock
for f in *.deb; do
        dpkg-deb -f "$f"
        echo "Filename: ./$f"
        echo "Size: $(stat -c %s "$f")"
        echo "SHA256: $(sha256sum "$f" | cut -d ' ' -f 1)"
        echo
done > Packages
