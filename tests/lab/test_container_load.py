#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many containers and an engine in trouble: 500 listed; the engine stopped, killed, hung and back while it is asked and followed. Nothing hangs beyond
its deadline, nothing grows, nothing is told that is not so."""
import json, os, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, good, status

check = agentlib.Cases()
MANY = 500


def prepare(m):
    m.run('for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done; mkdir -p /tmp/b/bin /tmp/b/tmp /tmp/b/proc; cp /bin/busybox /tmp/b/bin/; '
          'for a in sh sleep echo seq; do ln -sf busybox /tmp/b/bin/$a; done; tar -C /tmp/b -c . | docker import - bb:1', check=True)
    m.run('''docker run -d --name ticks --restart always bb:1 sh -c 'trap "exit 0" TERM; i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done' ''', check=True)
    m.run(f'seq {MANY} | xargs -P 8 -n 1 sh -c \'docker create --name c$0 --network none bb:1 sleep 1 >/dev/null\'', timeout=300, check=True)


def resident(m):
    return int(m.run("awk '/VmRSS/ {print $2}' /proc/$(pidof reeve-agent)/status").stdout.split()[0])


def rows(path, timeout=20):
    with agentlib.Peer(path) as p:
        return p.call('EnumerateInstances', {'ClassName': 'Container', 'PropertyList': ['Name', 'State'], 'Timeout': timeout})


def listed(m, path):
    rows(path)
    begin = time.monotonic()
    for _ in range(5):
        r = rows(path)
    took = (time.monotonic() - begin) / 5
    names = {i['Name'] for i in r.get('result', {}).get('Instances', [])}
    check('all are there', names == {f'c{i}' for i in range(1, MANY + 1)} | {'ticks'}, len(names))
    check('quickly', took < 2, took)
    whole = agentlib.Peer(path).call('EnumerateInstances', {'ClassName': 'Container'})
    check('with all their properties', len(whole.get('result', {}).get('Instances', [])) == MANY + 1)


class Load(threading.Thread):
    """Asks again and again; keeps what it was told that is neither rows nor a reason, and how long the longest took."""

    def __init__(self, path):
        super().__init__()
        self.path, self.stop, self.odd, self.longest, self.asked, self.errors, self.partial = path, False, [], 0, 0, 0, 0

    def run(self):
        while not self.stop:
            time.sleep(0.05)  # so that the engine has a processor, too
            begin = time.monotonic()
            r = rows(self.path, timeout=3)
            self.longest = max(self.longest, time.monotonic() - begin)
            self.asked += 1
            if good(r):
                n = len(r['result']['Instances'])
                self.partial += bool(r['result'].get('Partial'))  # said to be so: the deadline came in between
                if n != MANY + 1 and not r['result'].get('Partial'):
                    self.odd.append(n)
            elif status(r) in ('UNAVAILABLE', 'TIMED_OUT'):
                self.errors += 1
            else:
                self.odd.append(r)


def follow(path, key):
    p = agentlib.Peer(path)
    token = p.call('InvokeMethod', {'ClassName': 'Container', 'MethodName': 'FollowLogs', 'InstanceName': key, 'InParameters': {'Follow': True, 'Tail': 1}})['result']['Stream']
    s = agentlib.Peer(path)
    s.call('OpenStream', {'Token': token})
    s.sock.settimeout(60)
    s.send('\n')
    return s


def trouble(m, path):
    key = {'Id': m.run('docker inspect -f "{{.Id}}" ticks').stdout.strip()}
    before = resident(m)
    loads = [Load(path) for _ in range(4)]
    for t in loads:
        t.start()
    s = follow(path, key)
    first = s.rest   # it may have come with the answer, or in pieces
    while b'tick' not in first and (more := s.sock.recv(4096)):
        first += more
    check('it is followed', b'tick' in first, first)
    m.run('systemctl restart docker', timeout=300)
    data = b''
    while got := s.sock.recv(65536):
        data += got
    check('an engine that restarts ends what is followed, and says how', b'\x06\0\0\0' in data[-2000:] or b'\x05\0\0\0' in data[-2000:], data[-200:])
    m.run('for i in $(seq 200); do docker version >/dev/null 2>&1 && break; sleep 0.1; done')
    pid = m.run('pidof dockerd').stdout.strip()
    s = follow(path, key)
    check('followed again', s.sock.recv(4096))
    m.run(f'kill -STOP {pid}')
    end = time.monotonic() + 30  # until one of the four has asked an engine that hangs, and was told
    while not sum(t.errors for t in loads) and time.monotonic() < end:
        time.sleep(0.1)
    s.sock.close()
    m.run(f'kill -CONT {pid}')
    m.run('systemctl kill -s KILL docker; for i in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done', timeout=120)
    end = time.monotonic() + 60
    while not good(r := rows(path)) and time.monotonic() < end:
        time.sleep(0.2)
    for t in loads:
        t.stop = True
    for t in loads:
        t.join(60)
    check('all are there again', good(r) and len(r['result']['Instances']) == MANY + 1, str(r)[:300])
    check('each question was answered', all(not t.is_alive() for t in loads) and all(t.asked > 3 for t in loads), [t.asked for t in loads])
    check('some were told that the engine is away', sum(t.errors for t in loads) > 0, [(t.asked, t.errors) for t in loads])
    check('none waited beyond its deadline', max(t.longest for t in loads) < 10, [t.longest for t in loads])
    check('and nobody had half of them without being told', not any(t.odd for t in loads), [(t.odd[:3], t.partial) for t in loads])
    check('nothing grew', resident(m) - before < 64 << 10, (before, resident(m)))
    check('no stream is left', m.run("grep -l '^reeve-agent' /proc/$(pidof reeve-agent)/task/*/comm | wc -l").stdout.strip() == '1')


def main():
    with lablib.Lab() as lab:
        m = lab.machine('one', 'containers')
        prepare(m)
        path = m.agent()
        listed(m, path)
        trouble(m, path)
    check.end()


main()
