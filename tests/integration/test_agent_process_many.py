#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""10,000 processes at once: each class of them with all that it has, in bounded time and memory, while others are answered."""
import os, re, resource, sys, threading, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib
from proclib import Crowd, text

check = agentlib.Cases()


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


many()
check.end()
