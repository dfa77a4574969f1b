#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Providers that hang, fail, flood, trickle, lie on the loop (tests/agent/modes.c): what the client is told, and that nobody
else notices."""
import json, os, re, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases

case = Cases()
agent = Agent('tests/bin/reeve-agent-modes')


def ask(name, timeout=5, **more):
    start = time.monotonic()
    r = agent.call('EnumerateInstances', dict({'ClassName': name, 'Timeout': timeout}, **more))
    return r.get('result', {}).get('Instances'), r.get('result', {}).get('Partial'), r.get('error'), time.monotonic() - start




try:
    rows, partial, error, took = ask('T_Hung', 0.3)
    case('a hung provider: its rows and its name', [r['Id'] for r in rows] == [1, 2, 3] and partial[0]['code'] == -32060 and partial[0]['data']['Class'] == 'T_Hung' and took < 2, (rows, partial))
    ask('T_Hung', 0.3)
    rows, partial, error, took = ask('T_Hung', 5)
    case('stuck: refused at once, by name', error['code'] == -32061 and 'T_Hung is stuck since' in error['message'] and took < 1, (error, took))
    rows, partial, error, took = ask('T_Fault')
    case('a fault of ours', error['code'] == -32001 and 'a fault in reeve' in error['message'], error)
    rows, partial, error, took = ask('T_Fails')
    case('an error after two rows', len(rows) == 2 and partial[0]['data']['Hint'] == 'Mend the thing.', (rows, partial))
    rows, partial, error, took = ask('T_Partial')
    case('one that could not be read', len(rows) == 2 and partial[0]['data']['Key'] == '3', (rows, partial))
    rows, partial, error, took = ask('T_Shape', OrderBy='Id')
    case('subclasses, one of them ill', sorted(r['Id'] for r in rows) == [1, 2, 4, 5] and [p['data']['Class'] for p in partial] == ['T_Blob'], (rows, partial))
    rows, partial, error, took = ask('T_Flood', Limit=3)
    case('a limit ends a flood', len(rows) == 3 and took < 2, took)
    rows, partial, error, took = ask('T_Flood', 20, PropertyList=['Id', 'Text'])
    case('64 MiB are enough', error and error['code'] in (-32027, -32060), (error, took))
    rows, partial, error, took = ask('T_Slow', 0.3)
    case('what came in time', 3 <= len(rows) <= 20 and partial[0]['code'] == -32060 and took < 1, (len(rows), took))
    rows, partial, error, took = ask('T_Loop')
    case('a provider on the loop', [r['Id'] for r in rows] == list(range(1, 10001)) and not partial, len(rows or []))
    rows, partial, error, took = ask('T_Loop', Limit=10)
    case('and its limit', len(rows) == 10)
    rows, partial, error, took = ask('T_Loop', Filter='Id = 9999')
    case('and its filter', rows == [{'Id': 9999}], rows)
    rows, partial, error, took = ask('T_LoopHung', 0.2)
    case('one that never ends', rows[0]['Id'] == 1 and partial[0]['code'] == -32060 and rows[0]['Cancelled'] == 0, (rows, partial))
    rows, partial, error, took = ask('T_LoopHung', 0.2)
    case('it was cancelled', rows[0]['Cancelled'] == 1, rows)
    with agent.open() as p:  # the reader goes away
        p.send('{"jsonrpc":"2.0","id":1,"method":"EnumerateInstances","params":{"ClassName":"T_LoopHung"}}\n')
        time.sleep(0.2)
    rows, partial, error, took = ask('T_LoopHung', 0.2)
    case('also when its reader goes', rows[0]['Cancelled'] == 3, rows)
    rows, partial, error, took = ask('T_Quick', Filter='Count = 40')
    case('a quick one', len(rows) == 40 and all(r['OnLoop'] for r in rows), rows[:2])
    with agent.open() as p:
        p.send('{"jsonrpc":"2.0","id":5,"method":"InvokeMethod","params":{"ClassName":"T_Slow","MethodName":"Wait","InParameters":{"Milliseconds":9000}}}\n')
        time.sleep(0.1)
        p.send('{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":5}}\n')
        r = p.line()
        case('cancelled', r['id'] == 5 and r['error']['code'] == -32800, r)
    r = agent.call('InvokeMethod', {'ClassName': 'T_Slow', 'MethodName': 'Wait', 'InParameters': {'Milliseconds': 9000}, 'Timeout': 0.2})
    case('a method that is late', r['error']['code'] == -32060 and 'outcome is unknown' in r['error']['message'], r)
    with agent.open() as p:  # a reader that stops in the middle of ten million rows costs a bounded amount
        p.send('{"jsonrpc":"2.0","id":1,"method":"EnumerateInstances","params":{"ClassName":"T_Flood","partialResultToken":1,"Timeout":600}}\n')
        time.sleep(1)
        rss = int(re.search(r'VmRSS:\s+(\d+)', open(f'/proc/{agent.proc.pid}/status').read()).group(1))
        asan = 'asan' in open(f'/proc/{agent.proc.pid}/maps').read()
        case('credit', rss < (400000 if asan else 100000), rss)
        case('meanwhile', agent.call('Ping')['result'] == {})
    case('alive', agent.call('Ping')['result'] == {})
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
case.end()
