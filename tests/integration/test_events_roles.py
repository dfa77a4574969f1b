#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events under roles: rows and properties that a reader may not see are not told either; roles may change meanwhile."""
import json, os, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases
from rolelib import RoleAgent, need_root

need_root()
case = Cases()
RED = """[Role]
[Who]
User = daemon
[Allow look]
Class = T_Item
Operation = Read
Property = Colour, Amount
Where = Colour = 'red'
[Allow ticks]
Class = T_Tick
Operation = Read
Where = Number < 3
"""
agent = RoleAgent('tests/bin/reeve-agent-modes', {'red': RED})


def root(op, **p):
    return agent.call(op, p)


def subscribe(**params):
    p = agent.as_user('daemon')
    r = p.call('Subscribe', params)
    p.sock.settimeout(5)
    return p, r


def read(p, n):
    got = []
    while len(got) < n:
        try:
            m = p.line()
        except OSError:
            break
        got.append(m['params'])
    return got


try:
    for name, colour in ('apple', 'red'), ('pear', 'green'):
        root('CreateInstance', ClassName='T_Item', Properties={'Name': name, 'Colour': colour, 'Amount': 1})
    p, r = subscribe(ClassName='T_Item', Snapshot=True, Interval=0.05)
    got = read(p, 2)
    case('a snapshot of what may be seen', [g['Kind'] for g in got] == ['Snapshot', 'Sync'] and got[0]['Indication']['TargetInstance'] == {'Name': 'apple', 'Generation': 1, 'Colour': 'red', 'Amount': 1}, (r, got))
    key = lambda n: {'Name': n, 'Generation': 1}
    root('ModifyInstance', ClassName='T_Item', InstanceName=key('pear'), Properties={'Amount': 2})
    root('ModifyInstance', ClassName='T_Item', InstanceName=key('pear'), Properties={'Colour': 'red'})
    got = read(p, 1)
    case('what comes into sight is new', [(g['Kind'], g['Indication']['TargetInstance']['Name']) for g in got] == [('Create', 'pear')] and 'green' not in json.dumps(got), got)
    root('ModifyInstance', ClassName='T_Item', InstanceName=key('apple'), Properties={'Colour': 'blue'})
    got = read(p, 1)
    case('what leaves it is gone', [(g['Kind'], g['Indication']['TargetInstance']['Name']) for g in got] == [('Delete', 'apple')] and 'blue' not in json.dumps(got), got)
    root('InvokeMethod', ClassName='T_Item', MethodName='Add', InstanceName=key('pear'), InParameters={'By': 1})
    got = read(p, 1)
    case('a change is told', [g['Kind'] for g in got] == ['Modify'] and set(got[0]['Indication']['TargetInstance']) == {'Name', 'Generation', 'Colour', 'Amount'}, got)
    for what, params in {'a hidden property': dict(ClassName='T_Item', PropertyList=['Serial']), 'a condition on one': dict(ClassName='T_Item', Filter='Serial > 1'),
                         'another class': dict(ClassName='T_Many'), 'a view of some rows': dict(ClassName='Win32_TestItem'),
                         'a query': dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Item' AND TargetInstance.State = 'idle'")}.items():
        r = subscribe(**params)[1]
        case(f'refused: {what}', r.get('error', {}).get('code') in (-32002, -32005), r)
    t, r = subscribe(Query='SELECT * FROM T_Tick')
    read(t, 1)
    root('InvokeMethod', ClassName='T_Tick', MethodName='Fire', InParameters={'First': 1, 'Count': 9})
    got = read(t, 3)
    case('indications by row', [g['Indication']['Number'] for g in got] == [1, 2], got)
    mark = len(agent.logged())
    agent.write('red', RED.replace("Class = T_Item\nOperation = Read\nProperty = Colour, Amount", "Class = T_Square\nOperation = Read").replace("Where = Colour = 'red'", 'Where = Id > 0'))
    case('the roles change', agent.wait_log('roles: 1', mark), agent.logged())
    root('ModifyInstance', ClassName='T_Item', InstanceName=key('pear'), Properties={'Amount': 77})
    got = read(p, 2)
    case('a right that was taken away ends it', [g['Kind'] for g in got] == ['Error'] and got[0]['Error']['code'] == -32002 and 'TargetInstance' not in json.dumps(got), got)
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
case.end()
