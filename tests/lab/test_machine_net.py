#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Interfaces of software in a machine with a kernel of its own, which has all kinds."""
import io, os, shutil, subprocess, sys, tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, netmade, vmlib
from agentlib import until
from hostlib import good

check = agentlib.Cases()


def ethtool(m):
    """The host's own program, brought along with its library."""
    path = shutil.which('ethtool')
    if not path:
        return None
    files = [path] + [w for l in subprocess.run(['ldd', path], capture_output=True, text=True).stdout.splitlines() for w in l.split() if w.startswith('/') and 'libmnl' in w]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for f in files:
            tar.add(os.path.realpath(f), 'opt/ethtool/' + os.path.basename(f))
    m.run('tar -C / -xf -', input=out.getvalue(), check=True)
    return lambda words: m.run('LD_LIBRARY_PATH=/opt/ethtool /opt/ethtool/ethtool ' + words).stdout


def kinds(m, a, path):
    netmade.made(check, m.run, a, ethtool(m), ('eth0', 'k-br'), refusals=False)


def vlan(m, a, path):
    """Taken away for a try."""
    sight = lambda: m.run('ip -4 -o addr show dev t-b.9 | cut -d" " -f2- | sed "s/valid_lft.*//"; ip -o -d link show dev t-b.9').stdout
    m.run('echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add t-b type dummy; ip link add link t-b name t-b.9 type vlan id 9; ip link set t-b up; ip link set t-b.9 up; ip addr add 192.0.9.1/24 dev t-b.9', check=True)
    check('it is up', until(lambda: 'state UP' in sight()), sight())
    before = sight()
    key = {'InterfaceIndex': int(m.run('cat /sys/class/net/t-b.9/ifindex').stdout)}
    r = a.peer.call('InvokeMethod', {'ClassName': 'NetAdapter', 'InstanceName': key, 'MethodName': 'Delete', 'InParameters': {}, 'ConfirmWithin': 600})
    check('a vlan is gone', good(r) and not sight(), (r, sight()))
    check('and there again', good(a.do('Transaction', {'Id': r['result']['Transaction']}, 'Revert')) and until(lambda: sight() == before), (before, sight(), a.rows('Transaction')))


vmlib.lab(kinds, vlan)
check.end()
