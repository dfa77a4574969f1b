#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Abuse that goes on while others work: a thousand half-open connections, half packets of the greatest size, key exchanges begun and left, clients
that ask and never read, floods of refused requests. Others are answered within twice their usual time (and what a busy machine adds), they
log in, and afterwards reeved and the agent are as they were."""
import json, os, socket, statistics, sys, threading, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases, Peer, until
from sshhost import Host

case = Cases()
GRACE = 0.02   # seconds: what the two processors of a machine that also runs the abuse add
host = Host(config='[ssh]\npenalties = no\n')
stop = threading.Event()
open_ones, good = [], set()


def child(name):
    return int(host.service(name))


def size(pid):
    own = sum(int(line.split()[1]) for line in open(f'/proc/{pid}/status') if line.startswith(('RssAnon', 'RssShmem')))
    kept = 0   # files of /proc apart: of processes that were looked at some stay open for the next look
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            kept += not os.readlink(f'/proc/{pid}/fd/{fd}').startswith('/proc')
        except OSError:
            pass
    return kept, own


def pings(peer, n=40):
    times = []
    for _ in range(n):
        at = time.monotonic()
        good.add('result' in peer.call('GetInstance', {'ClassName': 'OperatingSystem'}))
        times.append(time.monotonic() - at)
    return statistics.median(times)


def usual(peer):
    """The best of several: a busy machine only adds."""
    return min(pings(peer) for _ in range(6))


def logs_in():
    at = time.monotonic()
    good = host.ssh('exit 3').returncode == 3
    return time.monotonic() - at if good else None


def connect(address):
    s = socket.socket()
    s.bind((address, 0))
    s.settimeout(5)
    s.connect(('127.0.0.1', host.port))
    return s


def half_open():
    """A thousand from sixty addresses: most are hung up on at once, a hundred are suffered for a while."""
    n = 0
    while not stop.is_set() and n < 1000:
        try:
            open_ones.append(connect(f'127.0.1.{1 + n % 60}'))
        except OSError:
            time.sleep(0.01)
        n += 1


def half_packets():
    while not stop.is_set():
        try:
            with connect('127.0.2.1') as s:
                s.sendall(b'SSH-2.0-giant\r\n' + (262144).to_bytes(4, 'big') + bytes(100000))
                s.recv(1)
        except OSError:
            pass
        time.sleep(0.01)


def left_exchanges():
    """The server's side of a key exchange, over and over."""
    while not stop.is_set():
        try:
            with connect('127.0.2.2') as s:
                s.sendall(b'SSH-2.0-hello\r\n')
                s.recv(4096)
        except OSError:
            pass
        time.sleep(0.01)


def never_reads():
    for _ in range(4):
        s = socket.socket(socket.AF_UNIX)
        s.connect(host.socket)
        s.setblocking(False)
        open_ones.append(s)
    text = b'\n'.join(json.dumps({'jsonrpc': '2.0', 'id': i, 'method': 'EnumerateInstances', 'params': {'ClassName': 'Process'}}).encode() for i in range(50)) + b'\n'
    while not stop.is_set():
        for s in open_ones[-4:]:
            try:
                s.send(text)
            except OSError:
                pass
        time.sleep(0.05)


def refused():
    text = b'{"jsonrpc":"2.0","id":1,"method":"Nothing"}\n[1,2\n{"jsonrpc":"2.0","id":2,"method":"GetInstance","params":{"ClassName":"X"}}\n'
    while not stop.is_set():
        try:
            p = Peer(host.socket)
            p.send(text * 20)
            p.sock.close()   # before the answers are there
        except OSError:
            pass
        time.sleep(0.005)


def suffer(name, what, peer, most):
    stop.clear()
    t = threading.Thread(target=what)
    t.start()
    time.sleep(0.3)
    now, login = usual(peer), logs_in()
    stop.set()
    t.join(30)
    for s in open_ones:
        s.close()
    open_ones.clear()
    case(f'{name}: others are answered as usual', now <= 2 * most + GRACE, (now, most))
    case(f'{name}: and log in', login is not None and login < 10, login)
    print(f'{name}: {now * 1000:.2f} ms, usually {most * 1000:.2f}; a login {login and round(login * 1000)} ms')


try:
    case('it is there', until(lambda: logs_in() is not None))
    peer = Peer(host.socket)
    most = usual(peer)
    agent, before = child('reeve-agent'), {}
    for name, pid in (('reeved', host.proc.pid), ('reeve-agent', agent)):
        before[name] = size(pid)
    for name, what in (('a thousand half-open connections', half_open), ('half packets', half_packets), ('key exchanges that are left', left_exchanges),
                       ('clients that never read', never_reads), ('refused requests and hang-ups', refused)):
        suffer(name, what, peer, most)
    case('each answer is one', good == {True}, good)
    case('the same agent', child('reeve-agent') == agent)
    # History's watches (mounts, interfaces, files) are open from the first question of its classes on: eight here.
    calm = lambda: all(size(p)[0] <= before[n][0] + 16 for n, p in (('reeved', host.proc.pid), ('reeve-agent', agent)))
    case('descriptors are what they were', until(calm), (before, size(host.proc.pid), size(agent)))
    after = {n: size(p) for n, p in (('reeved', host.proc.pid), ('reeve-agent', agent))}
    case('and memory', all(after[n][1] <= before[n][1] + 16384 for n in before), (before, after))
    print(f'before {before}, after {after}')
finally:
    stop.set()
    host.stop()
case.end()
