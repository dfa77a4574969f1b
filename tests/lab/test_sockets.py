#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""NetTCPConnection and NetUDPEndpoint on a booted machine: each socket beside `ss`, owners, units, closing; and the unit of
each process beside `ps`."""
import os, re, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
STATES = {'LISTEN': 'Listen', 'ESTAB': 'Established', 'TIME-WAIT': 'TimeWait', 'CLOSE-WAIT': 'CloseWait', 'FIN-WAIT-1': 'FinWait1',
          'FIN-WAIT-2': 'FinWait2', 'SYN-SENT': 'SynSent', 'SYN-RECV': 'SynReceived', 'LAST-ACK': 'LastAck', 'CLOSING': 'Closing', 'UNCONN': None}
SERVER = r'''
import socket, sys, time
keep = []
def tcp(family, address, n):
    s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((address, 0)); s.listen(7); keep.append(s)
    for i in range(n):
        c = socket.create_connection(s.getsockname()[:2]); keep.append(c); a, _ = s.accept(); keep.append(a); a.sendall(b'x' * (100 * i + 1))
    return s
tcp(socket.AF_INET, '127.0.0.1', 5); tcp(socket.AF_INET6, '::1', 3); tcp(socket.AF_INET, '0.0.0.0', 2)
s = tcp(socket.AF_INET, '127.0.0.2', 1); keep[-1].close()
for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'), (socket.AF_INET, '0.0.0.0')):
    u = socket.socket(family, socket.SOCK_DGRAM); u.bind((address, 0)); keep.append(u)
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.connect(keep[-3].getsockname()); c.send(b'hello'); keep.append(c)
open('/run/sockets.ready', 'w').close()
time.sleep(600)
'''


def ss(machine, kind):
    """{(local, port, remote, port, inode): {...}} of ss."""
    out = {}
    for line in machine.run(f'ss -Hane{kind}p').stdout.splitlines():
        state, rq, sq, local, remote, *rest = line.split()
        rest = ' '.join(rest)
        split = lambda a: (re.sub(r'%.*', '', a.rsplit(':', 1)[0]).strip('[]'), a.rsplit(':', 1)[1])
        (la, lp), (ra, rp) = split(local), split(remote)
        any_of = '::' if local.startswith('[') or la == '*' else '0.0.0.0'
        number = lambda p: 0 if p == '*' else int(p)
        whole = lambda a: '::' if a == '*' else a
        ino = re.search(r'ino:(\d+)', rest)
        pids = [int(p) for p in re.findall(r'pid=(\d+)', rest)]
        uid = re.search(r'uid:(\d+)', rest)
        key = (whole(la), number(lp), any_of if ra == '*' else ra, number(rp), int(ino[1]) if ino else 0)
        out[key] = {'State': STATES[state], 'ReceiveQueue': int(rq), 'SendQueue': int(sq), 'OwningProcess': min(pids) if pids else None,
                    'Uid': int(uid[1]) if uid else 0}
    return out


def rows(peer, name, **more):
    reply = peer.call('EnumerateInstances', {'ClassName': name, **more})
    return reply['result']['Instances'] if 'result' in reply else reply


ALL = ['LocalAddress', 'LocalPort', 'RemoteAddress', 'RemotePort', 'Inode', 'State', 'AddressFamily', 'OwningProcess', 'Cgroup', 'Unit', 'Uid',
       'ReceiveQueue', 'SendQueue', 'RoundTripTime', 'CongestionControl', 'SentBytes', 'ReceivedBytes', 'TotalRetransmits']


def same(machine, peer, name, kind):
    udp = kind == 'u'
    real = ss(machine, kind)
    got = rows(peer, name, PropertyList=[p for p in ALL if not udp or p not in ('State', 'RoundTripTime', 'CongestionControl', 'SentBytes', 'ReceivedBytes', 'TotalRetransmits')])
    mine = {(r['LocalAddress'], r['LocalPort'], r.get('RemoteAddress') or ('::' if r['AddressFamily'] == 'IPv6' else '0.0.0.0'), r.get('RemotePort') or 0, r['Inode']): r for r in got}
    check(f'{name}: the same sockets', sorted(real) == sorted(mine), (sorted(set(real) ^ set(mine))))
    for k, want in real.items():
        r = mine.get(k, {})
        wrong = [(p, r.get(p), v) for p, v in want.items() if not (udp and p == 'State') and r.get(p) != v]
        check(f'{name} {k}', not wrong, wrong)
    return mine


def main():
    with lablib.Lab() as lab:
        m = lab.machine('sock')
        have_python = m.run('command -v python3').returncode == 0
        peer = agentlib.Peer(m.agent())
        if have_python:
            m.run(f"cat > /run/server.py <<'EOF'\n{SERVER}\nEOF\nsystemd-run --unit=sockets -q python3 /run/server.py; for i in $(seq 100); do [ -e /run/sockets.ready ] && break; sleep 0.05; done", check=True)
        else:
            # The host's interpreter, in the machine's network and process namespaces.
            open(os.path.join(m.share, 'server.py'), 'w').write(SERVER.replace('/run/sockets.ready', os.path.join(m.share, 'ready')))
            import subprocess
            server = subprocess.Popen(['nsenter', '-t', str(m.leader), '-n', '--', '/usr/bin/python3', os.path.join(m.share, 'server.py')])
            for _ in range(100):
                if os.path.exists(os.path.join(m.share, 'ready')):
                    break
                time.sleep(0.05)
        time.sleep(0.3)  # the last connection's end settles
        tcp = same(m, peer, 'NetTCPConnection', 't')
        same(m, peer, 'NetUDPEndpoint', 'u')
        units(m, peer, tcp)
        filters(peer, tcp)
        closing(m, peer)
        if not have_python:
            server.kill()
            server.wait()
    check.end()


def units(m, peer, tcp):
    ssh = [r for r in tcp.values() if r['LocalPort'] == 22 and r['State'] == 'Listen']
    check('sshd is found by its unit', ssh and all(r['Unit'] == 'ssh.service' for r in ssh), ssh)
    check('and its control group', all(r['Cgroup'] == '/system.slice/ssh.service' for r in ssh), ssh)
    want = {}
    for line in m.run('ps -eo pid,unit --no-headers').stdout.splitlines():
        pid, unit = line.split()
        want[int(pid)] = None if unit == '-' or unit.endswith('.slice') else unit
    got = {r['ProcessId']: r['Unit'] for r in rows(peer, 'Process', PropertyList=['ProcessId', 'Unit'])}
    both = set(want) & set(got)
    wrong = [(p, want[p], got[p]) for p in both if want[p] != got[p]]
    check('units of processes beside ps', len(both) >= 5 and not wrong, wrong)
    check('some have units', any(got.values()), got)


def filters(peer, tcp):
    listening = [k for k, r in tcp.items() if r['State'] == 'Listen']
    got = rows(peer, 'NetTCPConnection', Filter="State = 'Listen'", PropertyList=['LocalPort', 'Inode'])
    check('State is pushed down', sorted(r['Inode'] for r in got) == sorted(k[4] for k in listening), got)
    port = listening[0][1]
    got = rows(peer, 'NetTCPConnection', Filter=f'LocalPort = {port} AND RemotePort = 0')
    check('a port', got and all(r['LocalPort'] == port and r['RemotePort'] == 0 for r in got), got)
    got = rows(peer, 'NetTCPConnection', Filter="AddressFamily = 'IPv6'")
    check('a family', all(':' in r['LocalAddress'] for r in got) and len(got) == sum(':' in k[0] for k in tcp), got)
    check('no such state', rows(peer, 'NetTCPConnection', Filter="State = 'Bound'") == [])
    owned = [r for r in tcp.values() if r['OwningProcess']]
    pid = owned[0]['OwningProcess'] if owned else 1
    got = rows(peer, 'NetTCPConnection', Filter=f'OwningProcess = {pid}', PropertyList=['Inode', 'OwningProcess'])
    check('sockets of a process', sorted(r['Inode'] for r in got) == sorted(r['Inode'] for r in owned if r['OwningProcess'] == pid), got)
    established = [r for r in tcp.values() if r['State'] == 'Established']
    if established:
        check('tcp_info', all(r['RoundTripTime'] and r['CongestionControl'] for r in established) and any(r['ReceivedBytes'] for r in established), established[:2])


def closing(m, peer):
    do = lambda key, what_if=False, cls='NetTCPConnection': peer.call('InvokeMethod', {'ClassName': cls, 'InstanceName': key, 'MethodName': 'Close', **({'WhatIf': True} if what_if else {})})
    name = lambda reply: reply.get('error', {}).get('data', {}).get('Name')
    check('no such socket', name(do({'LocalAddress': '127.0.0.1', 'LocalPort': 1})) == 'NOT_FOUND')
    check('too little said', name(do({'LocalAddress': '127.0.0.1', 'LocalPort': 0})) in ('NOT_FOUND', 'INVALID_PARAMETER'))
    pairs = [k for k, r in ss(m, 't').items() if r['State'] == 'Established' and k[0] == '127.0.0.1']
    if not pairs:
        check.skip('closing a connection', 'none is established here')
        return
    la, lp, ra, rp, ino = pairs[0]
    key = {'LocalAddress': la, 'LocalPort': lp, 'RemoteAddress': ra, 'RemotePort': rp, 'Inode': ino}
    reply = do(key, True)
    check('what-if tells the state', reply.get('result', {}).get('Changed', [{}])[0].get('From') == 'Established', reply)
    check('and changes nothing', pairs[0] in ss(m, 't'))
    reply = do(key)
    if name(reply) == 'NOT_SUPPORTED':
        check.skip('closing a connection', 'this kernel has no SOCK_DESTROY')
        return
    check('closed', 'result' in reply, reply)
    check('and gone', pairs[0] not in ss(m, 't'))
    check('a second time', name(do(key)) == 'NOT_FOUND')


main()
