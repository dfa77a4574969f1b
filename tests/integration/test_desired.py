#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Desired-state documents: order, dependencies, checks before changes, what became of each, the way back, the shell."""
import json, os, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, Reader, BUILD

case = Cases()
agent = Agent('tests/bin/reeve-agent-modes')


def call(op, **params):
    return agent.call(op, params)


def item(name):
    return call('GetInstance', ClassName='T_Item', InstanceName={'Name': name}, PropertyList=['Colour', 'Amount']).get('result')


def resource(name, ensure=None, depends=None, cls='T_Item', **properties):
    r = {'Name': name, 'ClassName': cls, 'InstanceName': {'Name': name}}
    if properties:
        r['Properties'] = properties
    if ensure:
        r['Ensure'] = ensure
    if depends:
        r['DependsOn'] = depends
    return r


def statuses(r):
    return [(x['Name'], x['Status']) for x in r['result']['Resources']]


def doc(*resources):
    return {'Resources': list(resources)}


# ---- test, what-if, set, again ----
fruit = doc(resource('pie', depends=['apple', 'pear'], Colour='red'), resource('apple', Colour='green', Amount=3), resource('pear', Amount=2))
r = call('TestDesiredState', Document=fruit)
case('test: all is missing', statuses(r) == [('apple', 'Drifted'), ('pear', 'Drifted'), ('pie', 'Drifted')] and r['result']['InDesiredState'] is False, r)
r = call('SetDesiredState', Document=fruit, WhatIf=True)
case('what-if', statuses(r) == [('apple', 'WouldChange'), ('pear', 'WouldChange'), ('pie', 'WouldChange')] and r['result']['WhatIf'] and item('apple') is None, r)
r = call('SetDesiredState', Document=fruit)
case('set, in the order of needs', statuses(r) == [('apple', 'Changed'), ('pear', 'Changed'), ('pie', 'Changed')] and r['result']['InDesiredState']
     and r['result']['Complete'] and item('apple') == {'Colour': 'green', 'Amount': 3}, r)
back = r['result']['RollbackDocument']
case('the way back, the last first', [(x['Name'], x['Ensure']) for x in back['Resources']] == [('pie', 'Absent'), ('pear', 'Absent'), ('apple', 'Absent')], back)
r = call('SetDesiredState', Document=fruit)
case('idempotent', statuses(r) == [('apple', 'InDesiredState'), ('pear', 'InDesiredState'), ('pie', 'InDesiredState')] and 'RollbackDocument' not in r['result'], r)
r = call('TestDesiredState', Document=fruit)
case('no drift', r['result']['InDesiredState'] and r['result']['Complete'])
call('ModifyInstance', ClassName='T_Item', InstanceName={'Name': 'pear', 'Generation': 1}, Properties={'Amount': 9})
r = call('TestDesiredState', Document=fruit)
case('drift', statuses(r)[1] == ('pear', 'Drifted') and r['result']['Resources'][1]['Changed'] == [{'Property': 'Amount', 'From': '9', 'To': '2'}], r)
r = call('GetDesiredState', Document=fruit)
case('get: that it is there', [x.get('Ensure') for x in r['result']['Resources']] == ['Present'] * 3 and not any('Status' in x for x in r['result']['Resources']), r)
case('get', [x.get('Properties') for x in r['result']['Resources']] == [{'Colour': 'green', 'Amount': 3}, {'Amount': 9}, {'Colour': 'red'}], r)
r = call('SetDesiredState', Document=fruit)
case('only the drift is mended', statuses(r) == [('apple', 'InDesiredState'), ('pear', 'Changed'), ('pie', 'InDesiredState')], r)
again = call('SetDesiredState', Document=r['result']['RollbackDocument'])
case('back to the drift', item('pear')['Amount'] == 9, again)
r = call('SetDesiredState', Document=back)
case('back to nothing', statuses(r) == [('pie', 'Changed'), ('pear', 'Changed'), ('apple', 'Changed')] and item('apple') is None, r)
r = call('SetDesiredState', Document=r['result']['RollbackDocument'])
case('and forth again', item('apple') == {'Colour': 'green', 'Amount': 3} and item('pear')['Amount'] == 9, r)
r = call('SetDesiredState', Document=back)

# ---- documents that cannot be: nothing is changed ----
good = resource('plum', Colour='blue')
for name, document, word in [
        ('unknown class', doc(good, resource('x', cls='T_Nix', A=1)), 'T_Nix'),
        ('unknown property', doc(good, resource('x', Color='red')), 'Colour'),
        ('bad value', doc(good, resource('x', Colour='pink')), 'pink'),
        ('read-only property', doc(good, resource('x', Serial=1)), 'read-only'),
        ('out of range', doc(good, resource('x', Amount=1001)), '1000'),
        ('a key that does not exist', doc(good, {'Name': 'x', 'ClassName': 'T_Item', 'InstanceName': {'Nix': 1}}), 'Nix'),
        ('unknown need', doc(good, resource('x', depends=['y'], Amount=1)), "'y'"),
        ('needs itself', doc(good, resource('x', depends=['x'], Amount=1)), 'itself'),
        ('a circle', doc(good, resource('x', depends=['y'], Amount=1), resource('y', depends=['x'], Amount=1)), 'itself'),
        ('a name twice', doc(good, good), 'plum'),
        ('unknown member', doc(good, dict(resource('x', Amount=1), Nix=1)), 'Nix'),
        ('a wrong type', doc(good, dict(resource('x'), Properties=[])), 'Properties'),
        ('bad Ensure', doc(good, resource('x', 'Perhaps', Amount=1)), 'Perhaps'),
        ('no class', doc(good, {'Name': 'x'}), 'ClassName'),
        ('no object', doc(good, 7), '#2'),
        ('no resources', {}, 'Resources')]:
    r = call('SetDesiredState', Document=document)
    case(f'refused: {name}', word in json.dumps(r.get('error', {})) and item('plum') is None, r)
r = call('SetDesiredState', Document=doc(good), OnFailure='Nix')
case('refused: OnFailure', 'RollBack' in r.get('error', {}).get('message', ''), r)
case('an empty document', call('SetDesiredState', Document=doc())['result'] == {'InDesiredState': True, 'Complete': True, 'Resources': []})

# ---- half-applied: told exactly ----
bad = {'Name': 'broken', 'ClassName': 'T_Item', 'InstanceName': {'Name': 'broken'}, 'Properties': {'Amount': 666}}
half = doc(resource('apple', Amount=1), bad, resource('pie', depends=['broken'], Amount=1), resource('cake', depends=['pie'], Amount=1), resource('pear', Amount=1))
r = call('SetDesiredState', Document=half)
case('what failed, what was left out, what went on', statuses(r) == [('apple', 'Changed'), ('broken', 'Failed'), ('pie', 'Skipped'), ('cake', 'Skipped'), ('pear', 'Changed')]
     and not r['result']['InDesiredState'] and not r['result']['Complete'], r)
by = {x['Name']: x for x in r['result']['Resources']}
case('with the reason', by['broken']['Error']['code'] < -32000 and by['pie']['Because'] == 'broken' and by['cake']['Because'] == 'pie', by)
case('the objects', item('apple') and item('pear') and not item('broken') and not item('pie'))
case('the way back is of what was done', [x['Name'] for x in r['result']['RollbackDocument']['Resources']] == ['pear', 'apple'], r)
call('SetDesiredState', Document=r['result']['RollbackDocument'])
r = call('SetDesiredState', Document=half, OnFailure='RollBack')
case('rolled back', statuses(r) == [('apple', 'RolledBack'), ('broken', 'Failed'), ('pie', 'Skipped'), ('cake', 'Skipped'), ('pear', 'RolledBack')]
     and not item('apple') and not item('pear'), r)

# ---- time ----
slow = doc(resource('apple', Amount=1), dict(resource('wait', Amount=2), Properties={'Amount': 777}), resource('pear', Amount=1))
r = call('SetDesiredState', Document=slow, Timeout=1)
case('the deadline: unknown and not reached', statuses(r) == [('apple', 'Changed'), ('wait', 'Unknown'), ('pear', 'NotReached')], r)
case('the agent goes on', call('Ping')['result'] == {})

# ---- a retry ----
call('SetDesiredState', Document=doc(resource('apple', 'Absent')))
once = call('SetDesiredState', Document=doc(resource('apple', Amount=1)), RequestKey='k1')
call('DeleteInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1})
twice = call('SetDesiredState', Document=doc(resource('apple', Amount=1)), RequestKey='k1')
case('the same RequestKey does nothing again', statuses(twice) == [('apple', 'Changed')] and item('apple') is None, twice)

# ---- many; and a peer that vanishes ----
many = doc(*[resource(f'n{i}', Amount=i % 10, **({} if i == 0 else {'depends': [f'n{i - 1}']})) for i in range(300)])
r = call('SetDesiredState', Document=many)
case('300 in a row', [s for _, s in statuses(r)] == ['Changed'] * 300, str(r)[:300])
r = call('SetDesiredState', Document=r['result']['RollbackDocument'])
case('and back', item('n5') is None and r['result']['Complete'])
with agent.open() as p:
    p.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'SetDesiredState', 'params': {'Document': many}}) + '\n')
case('a peer that vanishes', call('Ping')['result'] == {})
with agent.open() as p:
    p.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'SetDesiredState', 'params': {'Document': slow}}) + '\n')
    p.send('{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}\n')
    r = p.line()
case('cancelled', r.get('error', {}).get('code') == -32800, r)
case('the agent is well', call('Ping')['result'] == {})

# ---- the shell ----
def reeve(script, code=None):
    r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', script], capture_output=True, text=True, timeout=30,
                       env=dict(os.environ, REEVE_SOCKET=agent.path, NO_COLOR='1'))
    return r.returncode, r.stdout, r.stderr


with tempfile.TemporaryDirectory() as d:
    call('SetDesiredState', Document=doc(resource('apple', 'Absent'), resource('pear', 'Absent'), resource('pie', 'Absent')))
    path = os.path.join(d, 'fruit.json')
    json.dump(fruit, open(path, 'w'), indent=2)
    rc, out, err = reeve(f"(Test-DesiredState {path}).Resources | ForEach-Object {{ $_.Name + ' ' + $_.Status }}")
    case('Test-DesiredState', rc == 0 and out == 'apple Drifted\npear Drifted\npie Drifted\n', (out, err))
    rc, out, err = reeve(f"Test-DesiredState {path}; Test-DesiredState (Get-Content -Raw {path} | ConvertFrom-Json) | ForEach-Object InDesiredState")
    case('a line for each, and an object by position', rc == 0 and '\n  Drifted  apple  Ensure: Absent -> Present\n' in out and out.rstrip().endswith('\nFalse'), (out, err))
    rc, out, err = reeve(f"$r = Set-DesiredState {path} -WhatIf; $r.InDesiredState")
    case('Set-DesiredState -WhatIf', 'What if: Performing the operation "Set-DesiredState" on target "apple".' in out and out.endswith('False\n') and item('apple') is None, (out, err))
    rc, out, err = reeve(f"$r = Set-DesiredState {path}; $r.InDesiredState; $r.RollbackDocument | ConvertTo-Json -Depth 9 | Set-Content {d}/back.json")
    case('Set-DesiredState', rc == 0 and out == 'True\n' and item('apple') == {'Colour': 'green', 'Amount': 3}, (out, err))
    rc, out, err = reeve(f"(Get-DesiredState {path}).Resources[0].Properties.Colour; Get-DesiredState -ClassName T_Item -Filter \"Name LIKE 'p%'\" | ConvertTo-Json -Depth 9")
    first, _, rest = out.partition('\n')
    exported = json.loads(rest or 'null')
    case('Get-DesiredState', first == 'green', (out, err))
    case('export', {'ClassName': 'T_Item', 'InstanceName': {'Name': 'pear', 'Generation': 1}, 'Properties': {'Amount': 2}} in
         [{**x, 'Properties': {k: v for k, v in x['Properties'].items() if k == 'Amount'}} for x in exported['Resources']], exported)
    case('an export is in the desired state', call('TestDesiredState', Document=exported)['result']['InDesiredState'])
    rc, out, err = reeve(f"(Get-Content -Raw {d}/back.json | Set-DesiredState).InDesiredState")
    case('the way back by pipeline', rc == 0 and out == 'True\n' and item('apple') is None, (rc, out, err))
    rc, out, err = reeve("$d = @{Resources=@(@{Name='x'; ClassName='T_Item'; InstanceName=@{Name='x'}; Properties=@{Amount=666}})}; $d | Set-DesiredState | Out-Null")
    case('a failure is an error', rc == 1 and 'x: Failed: there are never 666' in err + out, (rc, out, err))
    rc, out, err = reeve("'{' | Set-DesiredState")
    case('no document', rc == 1 and 'not one JSON object' in err + out, (rc, out, err))
    rc, out, err = reeve(f"Set-DesiredState {d}/none.json")
    case('no such file', rc == 1 and 'none.json' in err + out, (rc, out, err))

# ---- on a schedule ----
def scheduled(*args):
    r = subprocess.run([f'{BUILD}/bin/reeve', 'desired', *args], capture_output=True, text=True, timeout=30, env=dict(os.environ, REEVE_SOCKET=agent.path))
    return r.returncode, r.stdout, r.stderr


with tempfile.TemporaryDirectory() as d:
    call('SetDesiredState', Document=doc(resource('apple', 'Absent'), resource('pear', 'Absent')))
    json.dump(doc(resource('apple', Amount=3)), open(f'{d}/a.json', 'w'))
    json.dump(dict(doc(resource('pear', Amount=4)), Mode='Enforce'), open(f'{d}/b.json', 'w'), indent=1)
    rc, out, err = scheduled(d)
    case('audit tells, enforce mends', rc == 1 and f'{d}/a.json: apple: Drifted Ensure Absent -> Present\n' in out and 'pear: Changed' in out
         and item('apple') is None and item('pear')['Amount'] == 4, (rc, out, err))
    rc, out, err = scheduled('--enforce', f'{d}/a.json')
    case('--enforce', rc == 0 and item('apple')['Amount'] == 3, (rc, out, err))
    rc, out, err = scheduled(d)
    case('all is well', (rc, out, err) == (0, '', ''), (rc, out, err))
    call('ModifyInstance', ClassName='T_Item', InstanceName={'Name': 'pear', 'Generation': 1}, Properties={'Amount': 9})
    rc, out, err = scheduled('--audit', f'{d}/b.json')
    case('--audit', rc == 1 and 'pear: Drifted Amount 9 -> 4' in out and item('pear')['Amount'] == 9, (rc, out, err))
    rc, out, err = scheduled('--quiet', f'{d}/b.json')
    case('--quiet', (rc, out) == (0, '') and item('pear')['Amount'] == 4, (rc, out, err))
    json.dump(doc(resource('fig', Amount=666), resource('jam', depends=['fig'], Amount=1)), open(f'{d}/c.json', 'w'))
    rc, out, err = scheduled('--enforce', f'{d}/c.json')
    case('a failure', rc == 2 and 'fig: Failed (there are never 666' in out and 'jam: Skipped (fig)' in out, (rc, out, err))
    for name, text, word in (('broken', '{', 'expected'), ('twice', '{"Resources":[],"Resources":[]}', 'duplicate'), ('mode', '{"Resources":[],"Mode":"Odd"}', 'Audit or Enforce'),
                             ('class', json.dumps(doc(resource('x', cls='T_Nix'))), 'T_Nix')):
        open(f'{d}/{name}', 'w').write(text)
        rc, out, err = scheduled(f'{d}/{name}', f'{d}/a.json')
        case(f'unknown: {name}', rc in (2, 3) and word in out + err, (rc, out, err))
    rc, out, err = scheduled(f'{d}/none.json')
    case('no such file', rc == 3 and 'none.json' in err, (rc, out, err))
    rc, out, err = scheduled()
    case('no argument', rc == 3 and 'usage' in err, (rc, out, err))

# ---- drift as indications, by an agent with the class File ----
with tempfile.TemporaryDirectory() as d:
    host = Agent()
    one = lambda name, content, **more: {'Name': name, 'ClassName': 'File', 'InstanceName': {'Name': f'{d}/{name}'}, 'Properties': {'Content': content}, **more}
    ask = lambda op, *resources, **more: host.call(op, {'Document': doc(*resources) | {'Name': 'orchard'}, **more})
    with host.open() as peer:
        reader = Reader(peer, Query="SELECT * FROM DesiredStateDrift WHERE ClassName = 'File'")
        case('drift is watched by push', reader.sync(), reader.error)
        ask('TestDesiredState', one('a', 'x'))
        ask('SetDesiredState', one('a', 'x'), one('b', 'y', DependsOn=['a']), WhatIf=True)
        ask('SetDesiredState', one('a', 'x'), one('b', 'y', DependsOn=['a']), one('no/c', 'z'), one('e', 'z', DependsOn=['no/c']))
        ask('TestDesiredState', one('a', 'x'))
        open(f'{d}/a', 'w').close()
        open(f'{d}/doc.json', 'w').write(json.dumps(doc(one('a', 'x'))))
        r = subprocess.run([f'{BUILD}/bin/reeve', 'desired', f'{d}/doc.json'], capture_output=True, text=True, timeout=30, env=dict(os.environ, REEVE_SOCKET=host.path))
        got = [p and p['Indication'] for p in reader.until(lambda p: p['Kind'] == 'Event' and p['Indication']['Document'] == f'{d}/doc.json', 30)]
        case('found, mended, failed: each once; nothing of a what-if or of what is in order',
             [e and (e['Document'], e['Resource'], e['Status']) for e in got] ==
             [('orchard', 'a', 'Drifted'), ('orchard', 'a', 'Changed'), ('orchard', 'b', 'Changed'), ('orchard', 'no/c', 'Failed'), ('orchard', 'e', 'Skipped'), (f'{d}/doc.json', 'a', 'Drifted')]
             and r.returncode == 1, (got, r))
        case('with what differs and why', got[-1] and json.loads(got[-1]['Changed']) == [{'Property': 'Content', 'From': '', 'To': 'x'}] and json.loads(got[-1]['InstanceName']) == {'Name': f'{d}/a'}
             and 'no folder' in got[3]['Message'], got)
    ask('TestDesiredState', one('a', 'x'))      # nobody watches any more
    rc = host.stop()
    case('that agent ended well', rc == 0 and 'ERROR' not in host.said, (rc, host.said[-500:]))

rc = agent.stop()
case('the agent ended well', rc == 0 and 'ERROR' not in agent.said, (rc, agent.said[-500:]))
case.end()
