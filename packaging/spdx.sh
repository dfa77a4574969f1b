#!/bin/sh
# SPDX-License-Identifier: MIT
# What the programs are linked with, as SPDX 2.3 tag-value: spdx.sh BUILD. Read from the programs themselves (their dynamic sections, and
# the names in shell/library.c that are loaded on demand), versions from dpkg.
set -eu
build=$1
version=$(sed -n 's/^VERSION := //p' "$(dirname "$0")/../Makefile")
licence() {
        case $1 in
        libuv1 | libjansson4 | libutf8proc2 | libxml2) echo MIT ;;
        libsqlite3-0) echo blessing ;;
        libssh-4) echo 'LGPL-2.1-or-later' ;;
        libssl3) echo Apache-2.0 ;;
        libsystemd0 | libgcrypt20 | libc6) echo LGPL-2.1-or-later ;;
        libpcre2-8-0) echo BSD-3-Clause ;;
        zlib1g) echo Zlib ;;
        libseccomp2) echo LGPL-2.1-only ;;
        libcurl4) echo curl ;;
        libarchive13) echo BSD-2-Clause ;;
        libcap2 | libpam0g) echo BSD-3-Clause ;;
        libnftables1) echo GPL-2.0-only ;;
        *) echo NOASSERTION ;;
        esac
}
package_of() { dpkg-query -S "*/$1" 2>/dev/null | grep -v '/i386\|x32\|/lib32/' | head -1 | cut -d: -f1; }
cat <<END
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: reeve-$version
DocumentNamespace: https://reeve.example/spdx/reeve-$version
Creator: Tool: packaging/spdx.sh
Created: $(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)

PackageName: reeve
SPDXID: SPDXRef-reeve
PackageVersion: $version
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageLicenseConcluded: MIT
PackageLicenseDeclared: MIT
PackageCopyrightText: Copyright (c) 2026 The reeve developers
END
linked=$(for f in "$build"/bin/* "$build"/lib/*.so.1; do objdump -p "$f" 2>/dev/null | awk '/NEEDED/ { print $2 }'; done | sort -u | grep -v '^ld-linux\|^libreeve' || true)
loaded=$(grep -rhoE '"lib[a-z0-9-]+\.so\.[0-9]+"' "$(dirname "$0")/../shell" "$(dirname "$0")/../providers" 2>/dev/null | tr -d '"' | sort -u || true)
for how in DYNAMIC_LINK OPTIONAL_COMPONENT_OF; do
        [ $how = DYNAMIC_LINK ] && names=$linked || names=$loaded
        for so in $names; do
                p=$(package_of "$so")
                [ -n "$p" ] || continue
                printf '%s %s\n' "$how" "$p"
        done
done | sort -u -k2,2 | while read -r how p; do
        cat <<END

PackageName: $p
SPDXID: SPDXRef-$p
PackageVersion: $(dpkg-query -W -f '${Version}\n' "$p" | head -1)
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageLicenseConcluded: $(licence "$p")
PackageLicenseDeclared: $(licence "$p")
PackageCopyrightText: NOASSERTION
END
        [ "$how" = DYNAMIC_LINK ] && echo "Relationship: SPDXRef-reeve DYNAMIC_LINK SPDXRef-$p" || echo "Relationship: SPDXRef-$p OPTIONAL_DEPENDENCY_OF SPDXRef-reeve"
done
echo
echo 'Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-reeve'
