#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes in numbers, and ids given again: 10,000 at once; an id that changes hands while it is read; more events than the kernel keeps."""
import os, re, resource, signal, subprocess, sys, tempfile, threading, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib
from agentlib import Reader
from proclib import text

check = agentlib.Cases()
ROOT = os.geteuid() == 0


class Crowd:
    def __init__(self, n):
        self.proc = subprocess.Popen([f'{agentlib.BUILD}/tests/bench/sleepers', str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.proc.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.proc.wait()


def memory(pid):
    return int(re.search(r'^VmHWM:\s+(\d+) kB', text(pid, 'status'), re.M)[1]) >> 10


def many():
    most = int(open('/proc/sys/kernel/pid_max').read())
    n = min(10000, most // 3, resource.getrlimit(resource.RLIMIT_NPROC)[1] // 2 if resource.getrlimit(resource.RLIMIT_NPROC)[1] > 0 else 10000)
    agent = agentlib.Agent()
    try:
        peer = agent.open()
        peer.sock.settimeout(120)
        with Crowd(n) as crowd:
            there = sum(p.isdigit() for p in os.listdir('/proc'))
            if there < n:
                check.skip('10,000 processes', f'only {there} can be made here')
                return
            # Each class with all that it has, at most a minute and 64 MiB, and others are answered meanwhile.
            for name, names in (('Process', None), ('Process', ['ProcessId', 'RealUid', 'CapabilitiesEffective', 'ReadTransferCount', 'NetNamespace', 'Cgroup', 'WorkingDirectory', 'Limits']),
                                ('Thread', None), ('OpenFile', None), ('ProcessUsage', None)):
                done, slow, other = threading.Event(), [], agent.open()
                def ping():
                    while not done.is_set():
                        at = time.monotonic()
                        other.call('Ping')
                        slow.append(time.monotonic() - at)
                        time.sleep(0.01)
                t = threading.Thread(target=ping)
                t.start()
                begun = time.monotonic()
                try:
                    r = peer.call('EnumerateInstances', {'ClassName': name, 'Timeout': 60, **({'PropertyList': names} if names else {})})
                finally:
                    done.set()
                    t.join()
                    other.sock.close()
                took = time.monotonic() - begun
                rows = r.get('result', {}).get('Instances', [])
                slow.sort()
                print(f'{name}{" with more" if names else ""}: {len(rows)} rows in {took:.2f} s, a ping meanwhile {slow[len(slow) // 2] * 1000:.1f} ms, at most {slow[-1] * 1000:.0f}; peak {memory(agent.proc.pid)} MiB')
                check(f'{n} processes: {name}{" with more" if names else ""}', len(rows) >= n and took < 60 and slow[len(slow) // 2] < 1, (len(rows), took, slow[-3:], str(r)[:300]))
            check(f'{n} processes: memory', memory(agent.proc.pid) < 256, memory(agent.proc.pid))
            first = peer.call('EnumerateInstances', {'ClassName': 'Thread', 'Limit': 3})['result']['Instances']
            check('the first of many', len(first) == 3)
    finally:
        check('ends cleanly after many', agent.stop() == 0, agent.said)


# ---- an id that changes hands ----

SCRIPT = r'''
import os, sys
a, b, pid, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
import time
end, k = time.monotonic() + seconds, 0
while time.monotonic() < end and not os.path.exists(a + '/stop'):
    open('/proc/sys/kernel/ns_last_pid', 'w').write(str(pid - 1))
    r, w = os.pipe()
    k += 1
    child = os.fork()
    if not child:
        os.close(w)
        os.chdir(b if k % 2 else a)
        os.setgroups([2222 if k % 2 else 1111])
        open('/proc/self/comm', 'w').write('second' if k % 2 else 'first')
        os.read(r, 1)
        os._exit(0)
    os.close(r)
    time.sleep(0.0002)
    os.close(w)
    os.waitpid(child, 0)
'''


def reuse():
    """Two that have one id in turn; each has its own name, folder and groups. A row never has one's name and the other's folder."""
    if not ROOT or not os.path.exists('/proc/sys/kernel/ns_last_pid'):
        check.skip('an id given again', 'needs root and ns_last_pid')
        return
    agent = agentlib.Agent()
    with tempfile.TemporaryDirectory(prefix='reeve-reuse.') as d:
        a, b = d + '/a', d + '/b'
        os.mkdir(a)
        os.mkdir(b)
        probe = subprocess.Popen(['true'])
        probe.wait()
        taken = {int(p) for p in os.listdir('/proc') if p.isdigit()}
        pid = next(p for p in range(probe.pid + 3000, probe.pid + 6000) if p not in taken) % int(open('/proc/sys/kernel/pid_max').read()) or 4000
        turns = subprocess.Popen(['/usr/bin/python3', '-c', SCRIPT, a, b, str(pid), '60'])
        try:
            peer, seen, mixed, stale, dates = agent.open(), {'first': 0, 'second': 0}, [], 0, set()
            end, reads = time.monotonic() + 25, 0
            while time.monotonic() < end and (min(seen.values()) < 1000 or stale < 5):
                reads += 1
                row = peer.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': pid}, 'PropertyList': ['Name', 'WorkingDirectory', 'Groups', 'Limits', 'CreationDate']}).get('result')
                if not row or row['Name'] not in seen:
                    continue
                seen[row['Name']] += 1
                dates.add(row['CreationDate'])
                # It names itself when the rest is done; one that has just ended has lost its folder.
                where, group = (a, [1111]) if row['Name'] == 'first' else (b, [2222])
                if row.get('WorkingDirectory') not in (where, None) or row.get('Groups') not in (group, None):
                    mixed.append(row)
                if reads % 20:
                    continue
                time.sleep(0.003)
                for method in ('SendSignal', 'SetPriority'):
                    r = peer.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': method, 'InstanceName': {'ProcessId': pid, 'CreationDate': row['CreationDate']},
                                                   'InParameters': {'Signal': '0'} if method == 'SendSignal' else {'Priority': 0}})
                    stale += r.get('error', {}).get('data', {}).get('Name') in ('STALE', 'NOT_FOUND')
            check('one id, two processes in turn: each row is of one of them', min(seen.values()) >= 5 and stale and not mixed, (seen, mixed[:3]))
            print(f'{sum(seen.values())} rows of {len(dates)} times of start, {stale} calls refused')
        finally:
            open(a + '/stop', 'w').close()
            turns.wait(70)
            agent.stop()


# ---- more events than the kernel keeps ----

def overflow():
    agent = agentlib.Agent()
    before = subprocess.Popen(['sleep', '600'])
    try:
        started = Reader(agent.open(), Query='SELECT * FROM ProcessStart')
        if started.error:
            check.skip('more events than the kernel keeps', started.error['message'])
            return
        stopped = Reader(agent.open(), Query="SELECT * FROM ProcessStop WHERE ProcessName = 'nobody'")
        made = Reader(agent.open(), Query="SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'Process' AND TargetInstance.Name = 'sleep'")
        gone = Reader(agent.open(), Query=f"SELECT * FROM __InstanceDeletionEvent WHERE TargetInstance ISA 'Process' AND TargetInstance.ProcessId = {before.pid}")
        check('they are pushed', all(r.sync() for r in (started, stopped, made, gone)))
        agent.proc.send_signal(signal.SIGSTOP)
        for _ in range(4):
            with Crowd(4000):
                pass
        new = subprocess.Popen(['sleep', '601'])
        before.kill()
        before.wait()
        agent.proc.send_signal(signal.SIGCONT)
        try:
            got = started.until(lambda p: p['Kind'] == 'Gap', 60)
            check('a program that begins: the hole is told', got[-1] and got[-1]['Lost']['Reason'] == 'Overflow', got[-3:])
            got = stopped.until(lambda p: p['Kind'] == 'Gap', 60)
            check('also to who was told of nothing else', got[-1] and got[-1]['Lost']['From'] == got[-1]['Lost']['To'] == got[-1]['Sequence'], got[-3:])
            got = made.until(lambda p: p['Kind'] == 'Create' and p['Indication']['TargetInstance']['ProcessId'] == new.pid, 60)
            check('a process that began meanwhile is told', got[-1], got[-3:])
            got = gone.until(lambda p: p['Kind'] == 'Delete', 60)
            check('one that ended meanwhile is told', got[-1], got[-3:])
            later = subprocess.Popen(['sleep', '602'])
            got = started.until(lambda p: p['Kind'] == 'Event' and p['Indication']['ProcessID'] == later.pid, 60)
            numbers = [p['Sequence'] for p in got if p and p['Kind'] in ('Event', 'Gap')]
            check('and it goes on, without a hole in the numbers', got[-1] and numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers[:20])
            later.kill()
            later.wait()
        finally:
            new.kill()
            new.wait()
    finally:
        agent.proc.send_signal(signal.SIGCONT)
        before.kill()
        before.wait()
        check('ends cleanly after the flood', agent.stop() == 0, agent.said)


many()
reuse()
overflow()
check.end()
