#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes (once) the root file system of the lab's machines and unpacks it: image.sh KIND DIR
# KIND: systemd | network (all who manage interfaces) | docker | containers | podman | rpm | openrc | runit | sysv | kernel (a kernel of Debian
# and its modules, for the machine that qemu runs: vm-image.sh) | bare (sshd and nothing that reeve needs; that, and Docker's engine, are
# packages in /srv/repo). The tar is kept in $REEVE_LAB_CACHE (/var/cache/reeve-lab).
set -eu
kind=$1 dir=$2
here=$(cd "$(dirname "$0")" && pwd)
cache=${REEVE_LAB_CACHE:-/var/cache/reeve-lab}
common="dbus openssh-server iproute2 procps libuv1 libjansson4 libsqlite3-0 libssh-4 libseccomp2 libpcre2-8-0 libutf8proc2 libcap2 passwd adduser kmod nftables util-linux"
repo=
case $kind in
bare)
        repo="docker.io $common libssl3 libpam0g libsystemd0 libcrypt1"
        common="dbus openssh-server iproute2 procps passwd util-linux" more="systemd systemd-sysv"
        ;;
systemd) more="systemd systemd-sysv libpam-systemd systemd-resolved libnss-resolve cron" ;;
network) more="systemd systemd-sysv systemd-resolved ifupdown network-manager" ;;
docker) more="systemd systemd-sysv docker.io busybox-static iptables ca-certificates runsc" ;;
containers) more="systemd systemd-sysv docker.io docker-registry busybox-static iptables ca-certificates libarchive13 openssh-client" ;;
podman) more="systemd systemd-sysv podman runc catatonit busybox-static iptables ca-certificates libarchive13" ;;
rpm) more="systemd systemd-sysv rpm dnf dnf-plugins-core createrepo-c" ;;
openrc) more="sysvinit-core openrc cron" ;;
runit) more="runit-init runit runit-services" ;;
sysv) more="sysvinit-core sysv-rc cron" ;;
kernel) more="systemd systemd-sysv libpam-systemd udev busybox-static dmidecode fdisk e2fsprogs cron" ;;
*) echo "no such kind of machine: $kind" >&2; exit 2 ;;
esac
# The recipe's name changes with its contents, so that an old image is never taken for the new one.
# The kernel itself is unpacked, not installed: that would make an initrd for half a minute, and no boot loader is to be told of it.
kernel='d=$(mktemp -d) && cd "$d" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
        p=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/.*Depends: \(linux-image-[0-9]\)/\1/p") && apt-get download -qq "$p" && dpkg-deb -x *.deb . &&
        cp -a lib/modules "$1/usr/lib/" && cp -a boot/vmlinuz-* "$1/boot/" && rm -rf "$d" && chroot "$1" depmod "$(ls "$1/usr/lib/modules")"'
[ "$kind" = kernel ] || kernel=true
name=$kind-$(printf '%s' "$common $more${kernel#true}${repo:+ $repo}" | cksum | cut -d' ' -f1)
tar=$cache/$name.tar.zst
if [ ! -s "$tar" ]; then
        mkdir -p "$cache"
        list=$(printf '%s %s' "$common" "$more" | tr ' ' ',')
        mmdebstrap --quiet --variant=minbase --include="$list" \
                --customize-hook='rm -f "$1/etc/hostname"; : > "$1/etc/machine-id"; rm -f "$1/var/lib/dbus/machine-id"' \
                --customize-hook='chroot "$1" useradd -m -s /bin/bash alice; chroot "$1" useradd -m -s /bin/bash bob' \
                --customize-hook='sed -i "s/^\([0-9]*:.*getty.*\)/#\1/" "$1/etc/inittab" 2>/dev/null || true' \
                --customize-hook="$kernel" \
                --customize-hook='[ -z "'"$repo"'" ] || sh "'"$here"'/image-repo.sh" "$1" '"$repo" \
                --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
                bookworm "$cache/new-$name.tar.zst" >&2
        mv "$cache/new-$name.tar.zst" "$tar"
        rm -f $(ls "$cache/$kind"-*.tar.zst 2>/dev/null | grep -v "^$tar\$") || true
fi
[ -e "$dir/.complete" ] && [ "$(cat "$dir/.complete")" = "$name" ] && exit 0
rm -rf "$dir"
mkdir -p "$dir"
tar --zstd -C "$dir" -xpf "$tar"
echo "$name" > "$dir/.complete"
