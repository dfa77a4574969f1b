#!/bin/sh
# SPDX-License-Identifier: MIT
# vm-image.sh ROOT OUT: from the unpacked image `kernel` what qemu boots: OUT/vmlinuz, OUT/initrd, OUT/root.img. Nothing of it runs here but busybox.
# Inside, two ports: 7001 takes a script and tells what became of it, 7002 is the agent's socket.
set -eu
root=$1 out=$2
release=$(ls "$root/usr/lib/modules")
top=$(mktemp -d "$out/tree.XXXXXX")
trap 'rm -rf "$top"' EXIT

# ---- the initrd: the modules that / needs, in their order, and a shell that loads them ----
mkdir -p "$top/i/bin" "$top/i/root" "$top/i/proc" "$top/i/sys" "$top/i/dev"
cp "$root/bin/busybox" "$top/i/bin/"
n=100
for file in $(chroot "$root" modprobe -S "$release" --show-depends -a virtio_pci virtio_blk ext4 | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'); do
        n=$((n + 1))
        cp "$root$file" "$top/i/$n.ko"
done
cat > "$top/i/init" <<'END'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
for m in /*.ko; do $b insmod "$m"; done
for i in $($b seq 200); do [ -b /dev/vda ] && break; $b usleep 50000; done
$b mount -t ext4 /dev/vda /root && $b mount --move /dev /root/dev && exec $b switch_root /root /sbin/init
echo "initrd: no root file system"
END
chmod 755 "$top/i/init"
(cd "$top/i" && find . | "$root/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) > "$out/initrd"
cp "$root"/boot/vmlinuz-* "$out/vmlinuz"

# ---- the root file system ----
r=$top/r
cp -a "$root" "$r"
rm -rf "$r/.complete" "$r"/boot/vmlinuz-* "$r/var/cache/apt" "$r/var/lib/apt/lists"
echo machine > "$r/etc/hostname"
echo '127.0.0.1 localhost machine' > "$r/etc/hosts"
echo '/dev/vda / ext4 rw 0 1' > "$r/etc/fstab"
mkdir -p "$r/var/lib/apt/lists/partial" "$r/etc/systemd/network" "$r/usr/local/sbin"
printf '[Match]\nName=en* eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=no\n' > "$r/etc/systemd/network/10-lab.network"
cat > "$r/usr/local/sbin/lab-exec" <<'END'
#!/usr/bin/perl
# "LENGTH LENGTH\n" SCRIPT INPUT  ->  "STATUS LENGTH LENGTH\n" OUTPUT ERRORS. One program that stays: a unit for each script would cost a second.
use strict;
use Socket;
$SIG{CHLD} = 'IGNORE';
socket(my $l, PF_INET, SOCK_STREAM, 0) or die $!;
setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1) && bind($l, sockaddr_in(7001, INADDR_ANY)) && listen($l, 64) or die $!;
while (1) {
        next unless accept(my $c, $l);
        if (fork() == 0) { close $l; $SIG{CHLD} = 'DEFAULT'; serve($c); exit 0 }
        close $c;
}
sub serve {
        my ($c) = @_;
        my ($n, $m) = split ' ', scalar(<$c>) // '';
        defined $m && (!$n || read($c, my $script, $n) == $n) or return;
        my @f = map { open(my $f, '+>', "/run/lab.$$.$_") or die $!; unlink "/run/lab.$$.$_"; $f } 0 .. 2;
        for (my $got = 0; $got < $m; ) { my $k = read($c, my $part, $m - $got > 65536 ? 65536 : $m - $got) or return; $got += $k; print { $f[0] } $part }
        $f[0]->flush; sysseek($f[0], 0, 0);
        my $pid = fork();
        if ($pid == 0) {
                open(STDIN, '<&', $f[0]); open(STDOUT, '>&', $f[1]); open(STDERR, '>&', $f[2]);
                close $c;
                exec('/bin/sh', '-c', $script);
        }
        waitpid($pid, 0);
        my @s = map { -s $f[$_] } 1, 2;
        print $c +($? & 127 ? 128 + ($? & 127) : $? >> 8), " $s[0] $s[1]\n";
        for my $f (@f[1, 2]) { sysseek($f, 0, 0); while (sysread($f, my $part, 65536)) { print $c $part } }
        close $c;
}
END
chmod 755 "$r/usr/local/sbin/lab-exec"
unit() { cat > "$r/etc/systemd/system/$1"; }
unit lab-exec.service <<'END'
[Service]
ExecStart=/usr/local/sbin/lab-exec
Environment=HOME=/root PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
KillMode=process
[Install]
WantedBy=multi-user.target
END
unit lab-agent.socket <<'END'
[Socket]
ListenStream=7002
[Install]
WantedBy=sockets.target
END
unit lab-agent.service <<'END'
[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd /run/reeve/agent.sock
END
# On: the two ports and the network. Off: what would wait for the network or a terminal that is not there, or begin work of its own.
wants() { mkdir -p "$r/etc/systemd/system/$2.wants"; ln -s "$1" "$r/etc/systemd/system/$2.wants/${1##*/}"; }
wants /etc/systemd/system/lab-agent.socket sockets.target
wants /etc/systemd/system/lab-exec.service multi-user.target
wants /lib/systemd/system/systemd-networkd.service multi-user.target
for u in ssh.service getty@tty1.service serial-getty@ttyS0.service systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
        e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-timesyncd.service systemd-random-seed.service systemd-update-utmp.service; do
        ln -sf /dev/null "$r/etc/systemd/system/$u"
done
mke2fs -q -t ext4 -L root -O ^has_journal -E lazy_itable_init=0 -d "$r" "$out/root.img" 1200M
