#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Budgets in instructions (callgrind): what is the same on every machine and under any load. Each figure is the
difference between two runs of the agent that differ only in how often it is asked."""
import json, os, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'integration'))
from agentlib import BUILD, Cases, Peer

case = Cases()
TWELVE = ['Id', 'Name', 'ParentId', 'Size', 'Minus', 'Ratio', 'Odd', 'When', 'Letter', 'Text', 'Pair', 'Costly']


def run(program, requests, only=()):
    """User instructions of an agent that answers these requests, one after the other, and ends; or those of a function."""
    with tempfile.TemporaryDirectory(prefix='reeve-instr.') as d:
        path, out, conf = os.path.join(d, 's'), os.path.join(d, 'out'), os.path.join(d, 'conf')
        with open(conf, 'w') as f:   # history reads what it keeps some time after the start: not what is counted here
            f.write('[history]\nkeep = none\n')
        proc = subprocess.Popen(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', *(f'--toggle-collect={f}' for f in only), program, '--socket', path, '--state', d, '--config', conf],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                peer = Peer(path)
                break
            except OSError:
                if proc.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit('the agent did not start under valgrind')
                time.sleep(0.05)
        peer.sock.settimeout(120)
        with peer:
            for request in requests:
                answer = peer.call(*request)
                if 'error' in answer:
                    raise SystemExit(f'{request}: {answer}')
        proc.send_signal(signal.SIGTERM)
        proc.wait(60)
        return int(re.search(r'^(?:summary|totals): (\d+)', open(out).read(), re.M).group(1))


if not shutil.which('valgrind'):
    print('SKIP: valgrind is not installed')
    sys.exit(77)
agent, modes = f'{BUILD}/bin/reeve-agent', f'{BUILD}/tests/bin/reeve-agent-modes'


def each(program, request, few, many, only=()):
    return (run(program, [request] * many, only) - run(program, [request] * few, only)) / (many - few)


ping = each(agent, ('Ping',), 100, 1100)
print(f'ping: {ping:.0f} instructions')
case('ping: at most 4,000 instructions', 0 < ping <= 4000, ping)
many = ('EnumerateInstances', {'ClassName': 'T_Many', 'PropertyList': TWELVE})
encoded = run(modes, [many], ['rv_json_row']) / 120000
print(f'a property of 10,000 objects with 12, encoded: {encoded:.0f} instructions')
case('a property encoded: at most 400 instructions', 0 < encoded <= 400, encoded)
whole = each(modes, many, 1, 3) / 120000
print(f'the same, made by the provider, passed on, encoded and sent: {whole:.0f} instructions')
case('a property in all: at most 600 instructions', encoded < whole <= 600, whole)
one = ('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': os.getpid()}, 'PropertyList': [
    'ProcessId', 'ParentProcessId', 'Name', 'CommandLine', 'WorkingSetSize', 'VirtualSize', 'UserModeTime', 'KernelModeTime', 'CreationDate',
    'ThreadCount', 'Priority', 'State']})
get = each(agent, one, 20, 220)
print(f'one process by id, 12 properties: {get:.0f} instructions')
case('one process by id: at most 125,000 instructions', 0 < get <= 125000, get)
case.end()
