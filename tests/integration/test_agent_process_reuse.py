#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A process id that changes hands while it is read, and more events of processes than the kernel keeps for the agent."""
import os, signal, subprocess, sys, tempfile, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib
from agentlib import Reader
from proclib import Crowd

check = agentlib.Cases()
OWN = ['unshare', '-p', '-f', '-m', '--mount-proc']


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


def reuse():   # in a process id namespace of its own, where nobody else takes the id
    """Two that have one id in turn; each has its own name, folder and groups. A row never has one's name and the other's folder."""
    agent = agentlib.Agent()
    with tempfile.TemporaryDirectory(prefix='reeve-reuse.') as d:
        a, b = d + '/a', d + '/b'
        os.mkdir(a)
        os.mkdir(b)
        pid = 20000
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


if sys.argv[1:] == ['reuse']:
    reuse()
    check.end()
if os.geteuid() != 0 or not os.path.exists('/proc/sys/kernel/ns_last_pid') or subprocess.run([*OWN, 'true'], capture_output=True).returncode:
    check.skip('an id given again', 'needs root, process id namespaces and ns_last_pid')
else:
    r = subprocess.run([*OWN, '/usr/bin/python3', os.path.abspath(__file__), 'reuse'], capture_output=True, text=True, timeout=100)
    print(r.stdout.splitlines()[0] if r.stdout else r.stderr)
    check('an id given again', r.returncode == 0, r.stdout + r.stderr)
overflow()
check.end()
