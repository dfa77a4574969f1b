#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Interfaces of software in a machine with a kernel of its own, which has all kinds; and such that are made or taken away for a try."""
import difflib, io, os, shutil, subprocess, sys, tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, netmade, vmlib
from agentlib import until
from hostlib import status, good

check = agentlib.Cases()


def differs(before, now):
    return [l for l in difflib.ndiff(before.splitlines(), now.splitlines()) if l[0] in '+-']


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
    netmade.made(check, m.run, a, ethtool(m), ('eth0', 'k-br'))


def tried(m, a, path):
    """With ConfirmWithin."""
    do = lambda key, method, within=1, **kw: a.peer.call('InvokeMethod', {'ClassName': 'NetAdapter', **({'InstanceName': key} if key else {}), 'MethodName': method, 'InParameters': kw, 'ConfirmWithin': within})
    sight = lambda: m.run('ip -4 -o addr show | grep " t-" | sed "s/valid_lft.*//" | sort; ip -4 route show | grep t-; ip -o link show | grep " t-" | cut -d" " -f2- | sort').stdout
    told = lambda: [t['Message'] for t in a.rows('Transaction')][-3:]
    index = lambda name: {'InterfaceIndex': int(m.run(f'cat /sys/class/net/{name}/ifindex').stdout)}
    m.run('''for i in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $i; done; ip link add t-br type bridge; ip link add t-a type dummy; ip link add t-b type dummy; ip link add link t-b name t-b.9 type vlan id 9
        ip link set t-a master t-br; for i in t-a t-b t-br t-b.9; do ip link set $i up; done; ip addr add 192.0.2.1/24 dev t-br; ip route add 198.51.100.0/24 via 192.0.2.9 metric 7; ip addr add 192.0.9.1/24 dev t-b.9''', check=True)
    check('all is up', until(lambda: '198.51.100.0/24' in sight() and sight().count('state UP') + sight().count('state UNKNOWN') == 4), sight())
    before = sight()
    r = do(None, 'Create', Name='t-new', Kind='vlan', Link='t-a', VlanID=3)
    check('one that is made goes', good(r) and 't-new' in sight() and until(lambda: sight() == before), (r, differs(before, sight()), told()))
    m.run('ip link add t-other type dummy')
    r = do(None, 'Create', 3, Name='t-new', Kind='dummy')
    m.run('ip link add t-third type dummy')
    check('those that others made meanwhile stay', good(r) and until(lambda: 't-new' not in sight()) and all(w in sight() for w in ('t-other', 't-third')), (r, sight()))
    m.run('ip link delete t-other; ip link delete t-third')
    check('as before', sight() == before, (differs(before, sight()), told()))
    for what, name in (('a bridge with its port, address and route', 't-br'), ('a vlan', 't-b.9')):
        r = do(index(name), 'Delete')
        check(f'{what}: gone', good(r) and f' {name}' not in sight().replace(f'{name}.', ''), (r, sight()))
        check(f'{what}: there again', until(lambda: sight() == before), (differs(before, sight()), told()))
    r = do(index('t-a'), 'Leave')
    check('a port that left', good(r) and 'master t-br' not in sight() and until(lambda: sight() == before), (r, differs(before, sight()), told()))
    r = do(index('t-b'), 'Set', MasterIndex=index('t-br')['InterfaceIndex'])
    check('one that came', good(r) and sight().count('master t-br') == 2 and until(lambda: sight() == before), (r, differs(before, sight()), told()))
    r = do(index('t-b'), 'Delete')
    check('what carries another one', status(r) == 'NOT_SUPPORTED' and sight() == before, r)
    m.run('ip link add t-v type veth peer name t-w')
    r = do(index('t-v'), 'Delete')
    check('what would come back otherwise', status(r) == 'NOT_SUPPORTED' and 't-v' in sight(), r)


vmlib.lab(kinds, tried)
check.end()
