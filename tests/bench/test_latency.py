#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A ping beside clients that list 10,000 objects over and over: within 5 ms. The machine may be busy with other things, so the best
of several rounds counts; each round takes its 95th percentile of 200 pings."""
import os, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'integration'))
from agentlib import Agent, Cases

case = Cases()
agent = Agent('tests/bin/reeve-agent-modes')
stop = threading.Event()
lists = []


def lister():
    with agent.open() as p:
        n = 0
        while not stop.is_set():
            p.send(b'{"jsonrpc":"2.0","id":1,"method":"EnumerateInstances","params":{"ClassName":"T_Many"}}\n')
            while not p.sock.recv(1 << 22).endswith(b'\n'):
                pass
            n += 1
        lists.append(n)


try:
    thread = threading.Thread(target=lister)
    thread.start()
    best = 1e9
    for _ in range(8):
        took = []
        with agent.open() as p:
            for _ in range(200):
                start = time.perf_counter()
                p.call('Ping')
                took.append(time.perf_counter() - start)
        best = min(best, sorted(took)[190])
        if best < 0.005:
            break
    stop.set()
    thread.join()
    print(f'ping beside a list of 10,000: {best * 1e3:.2f} ms (95th percentile)')
    case('a ping beside a long list: within 5 ms', best <= 0.005, best)
    case('the list went on', lists and lists[0] >= 1, lists)
finally:
    stop.set()
    case('ends cleanly', agent.stop() == 0)
case.end()
