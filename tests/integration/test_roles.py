#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Roles: what one way denies no other way gives. Every operation, class and entry point against what the role says."""
import json, os, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
import agentlib
from agentlib import Cases, rows_of
from rolelib import RoleAgent, need_root

need_root()
case = Cases()

GARDENER = '''# Looks after red things.
[Role]
Description = Looks after red things

[Who]
User = daemon

[Who]
Group = games

[Allow look]
Class = T_Item
Operation = Read
Property = Colour, Amount
Where = Colour = 'red'

[Allow add]
Class = T_Item
Operation = Invoke
Method = Add
Where = Colour = 'red' AND Amount < 100
Arguments = By > 0 AND By <= 10

[Allow paint]
Class = T_Item
Operation = Create, Modify
Property = Colour, Amount
Where = Colour = 'red' AND Name LIKE 'p%'
Arguments = Amount <= 50

[Allow squares]
Class = T_Square
Operation = Read

[Deny big]
Class = T_Square
Operation = Read
Where = Id > 3
'''
READER = '''[Role]
[Who]
User = bin
[Allow all]
Class = *
Operation = Read
[Deny serial]
Class = T_Item
Operation = Read
Property = Serial
[Deny many]
Class = T_Many
Operation = Read
'''

agent = RoleAgent('tests/bin/reeve-agent-modes', {'gardener': GARDENER, 'reader': READER})


def root(op, **p):
    return agent.call(op, p)


def daemon(op, **p):
    return agent.call_as('daemon', op, **p)


def denied(r, *words):
    e = r.get('error', {})
    return e.get('code') == -32002 and all(w in e['message'] for w in words)


def names(r):
    return sorted(i.get('Name') or i.get('Handle') for i in r['result']['Instances']) if 'result' in r else r


def code(r):
    return r.get('error', {}).get('code', 0)


def item(name):
    return {'Name': name, 'Generation': 1}


# What nobody but root may see, and what must never come out of any way in: serials, the green one, big squares.
SECRET = ('pear', 'hunter2', 'busy', 'idle')


def leaks(r):
    text = json.dumps(r)
    return [w for w in SECRET if w in text]


try:
    for name, colour, amount in ('apple', 'red', 3), ('pear', 'green', 5), ('plum', 'red', 200):
        root('CreateInstance', ClassName='T_Item', Properties={'Name': name, 'Colour': colour, 'Amount': amount, 'Password': 'hunter2'})

    # ---- who ----
    case('no role: nothing, not even Ping', denied(agent.call_as('man', 'Ping'), 'man', 'no role'))
    for op in 'rpc.discover', 'EnumerateClasses':
        case(f'no role: {op}', denied(agent.call_as('man', op)), op)
    r = agent.call_as('man', 'Hello')['result']
    case('no role: Hello says so', r['Roles'] == '' and r['Language'] == 'None' and not r['Unlimited'] and r['Shell']['Cmdlets'] == [], r)
    case('role by user', daemon('Ping').get('result') == {})
    case('role by supplementary group', agent.call_as('man', 'Ping', groups=['games']).get('result') == {})
    case('root needs no role', 'result' in root('EnumerateInstances', ClassName='T_Many', Limit=1))

    # ---- the schema ----
    r = daemon('EnumerateClasses', NamesOnly=True)
    case('classes', set(r['result']['Classes']) == {'T_Item', 'T_Square', 'Win32_TestItem', 'Win32_TestSum'}, r)
    r = daemon('GetClass', ClassName='T_Item')['result']
    case('properties of a class', [p['Name'] for p in r['Properties']] == ['Name', 'Generation', 'Colour', 'Amount'], r)
    case('methods of a class', [m['Name'] for m in r['Methods']] == ['Add'], r)
    r = daemon('GetClass', ClassName='Win32_TestItem')['result']
    case('properties of a view', [p['Name'] for p in r['Properties']] == ['Handle', 'Again', 'Tens', 'Color', 'Kind', 'Origin'], r)
    r = daemon('GetClass', ClassName='Win32_TestSum')['result']
    case('of one that is computed: not what hidden ones are in', [p['Name'] for p in r['Properties']] == ['Handle', 'Again', 'More', 'Nothing', 'Colours', 'Hue'], r)
    case('methods of a view: as those behind them', [m['Name'] for m in r['Methods']] == ['Grow', 'Spoil'], r)
    case('GetClass of another', denied(daemon('GetClass', ClassName='T_Many'), 'daemon', 'gardener'))
    r = daemon('rpc.discover')['result']['components']['schemas']
    case('discover', set(r) == {'T_Item', 'T_Square', 'Win32_TestItem', 'Win32_TestSum'} and 'Serial' not in json.dumps(r), list(r))
    for op, p in ('EnumerateInstances', {'ClassName': 'T_Mani'}), ('EnumerateInstances', {'ClassName': 'T_Item', 'PropertyList': ['Seriol']}), \
            ('InvokeMethod', {'ClassName': 'T_Item', 'MethodName': 'Fial', 'InstanceName': item('apple')}):
        r = daemon(op, **p)
        case(f'no hint at what is hidden: {p}', code(r) and not any(w in json.dumps(r) for w in ('T_Many', 'Serial', '"Fail')), r)

    # ---- reading: the same rows by every way ----
    red = ['apple', 'plum']
    ways = {
        'EnumerateInstances': lambda: daemon('EnumerateInstances', ClassName='T_Item'),
        'with names': lambda: daemon('EnumerateInstances', ClassName='T_Item', PropertyList=['Name', 'Amount']),
        'filter': lambda: daemon('EnumerateInstances', ClassName='T_Item', Filter="Amount > 0 OR Name = 'pear'"),
        'order': lambda: daemon('EnumerateInstances', ClassName='T_Item', OrderBy='Amount', Limit=10),
        'limit': lambda: daemon('EnumerateInstances', ClassName='T_Item', Limit=2),
        'view': lambda: daemon('EnumerateInstances', ClassName='Win32_TestItem'),
        'view in its namespace': lambda: daemon('EnumerateInstances', ClassName='Win32_TestItem', Namespace='root/cimv2'),
        'WQL': lambda: daemon('ExecQuery', Query='SELECT * FROM T_Item'),
        'WQL of the view': lambda: daemon('ExecQuery', Query="SELECT * FROM Win32_TestItem WHERE Color <> 'blue'"),
        'SQL': lambda: daemon('ExecQuery', QueryLanguage='SQL', Query='SELECT * FROM T_Item'),
        'SQL of the view': lambda: daemon('ExecQuery', QueryLanguage='SQL', Query='SELECT * FROM Win32_TestItem'),
        'SQL join with itself': lambda: daemon('ExecQuery', QueryLanguage='SQL',
                                               Query='SELECT a.Name FROM T_Item a JOIN T_Item b ON a.Generation = b.Generation GROUP BY a.Name'),
        'SQL in a subquery': lambda: daemon('ExecQuery', QueryLanguage='SQL', Query='WITH t AS (SELECT * FROM T_Item) SELECT Name FROM t'),
        'SQL by key': lambda: daemon('ExecQuery', QueryLanguage='SQL', Query="SELECT Name FROM T_Item WHERE Name IN ('apple', 'pear', 'plum')"),
    }
    for way, ask in ways.items():
        r = ask()
        case(f'rows by {way}', names(r) == red and not leaks(r), r)
    r = daemon('EnumerateInstanceNames', ClassName='T_Item')
    case('rows by EnumerateInstanceNames', sorted(n.get('Keys', n)['Name'] for n in r.get('result', {}).get('InstanceNames', [{'Name': '?'}])) == red, r)
    r = daemon('ExecQuery', QueryLanguage='SQL', Query='SELECT count(*) AS n, max(Amount) AS m FROM T_Item')
    case('counted as seen', r['result']['Instances'] == [{'n': 2, 'm': 200}], r)
    with agent.as_user('daemon') as p:
        p.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': {'ClassName': 'T_Item', 'partialResultToken': 't'}}) + '\n')
        got = []
        while True:
            got.append(p.line())
            if 'id' in got[-1]:
                break
    case('rows by partial results', [i['Name'] for m in got[:-1] for i in m['params']['value']] == red and not leaks(got), got)
    r = daemon('GetInstance', ClassName='T_Item', InstanceName=item('apple'))
    case('GetInstance', r.get('result') == {'Name': 'apple', 'Generation': 1, 'Colour': 'red', 'Amount': 3}, r)
    hidden, missing = [daemon('GetInstance', ClassName='T_Item', InstanceName=item(n)) for n in ('pear', 'none')]
    case('a hidden object is as one that is not there', hidden == missing and code(hidden) == -32006, hidden)

    # ---- what is hidden cannot be asked about either ----
    for way, p in {'PropertyList': {'PropertyList': ['Serial']}, 'Filter': {'Filter': "State = 'idle'"}, 'OrderBy': {'OrderBy': 'Serial'},
                   'Filter below': {'Filter': "Amount > 0 AND NOT (Serial > 2)"}}.items():
        case(f'denied property by {way}', denied(daemon('EnumerateInstances', ClassName='T_Item', **p), 'gardener', 'T_Item'), way)
        case(f'denied property by {way} of names', denied(daemon('EnumerateInstanceNames', ClassName='T_Item', **p)), way)
    case('denied property by WQL', denied(daemon('ExecQuery', Query="SELECT Name FROM T_Item WHERE Serial = 1")))
    case('denied: what is computed from a hidden property', denied(daemon('EnumerateInstances', ClassName='Win32_TestSum', Filter='Both > 1')) and
         denied(daemon('ExecQuery', Query='SELECT Both FROM Win32_TestSum')) and 'Both' not in daemon('EnumerateInstances', ClassName='Win32_TestSum')['result']['Instances'][0],
         daemon('EnumerateInstances', ClassName='Win32_TestSum'))
    for m in 'Break', 'Smash', 'Tally':
        case(f'denied: {m}, as what it calls', denied(daemon('InvokeMethod', ClassName='Win32_TestSum', MethodName=m, InstanceName={'Handle': 'apple', 'Again': '1'})))
    r = agent.call_as('bin', 'EnumerateInstances', ClassName='Win32_TestHue')
    case('an association of views, for who may read both', 'result' in r and len(r['result']['Instances']) == len(root('EnumerateInstances', ClassName='Win32_TestHue')['result']['Instances']) > 2, r)
    r = agent.call_as('bin', 'EnumerateInstances', ClassName='Win32_TestSame')
    case('not by what is hidden', not r.get('result', {}).get('Instances') and len(root('EnumerateInstances', ClassName='Win32_TestSame')['result']['Instances']) > 2, r)
    case('an association of views that no rule names is denied', denied(daemon('EnumerateInstances', ClassName='Win32_TestHue')))
    r = daemon('Associators', ClassName='Win32_TestSum', InstanceName={'Handle': 'apple', 'Again': '1'})
    case('nor is it walked', 'pear' not in json.dumps(r) and 'plum' not in json.dumps(r), r)
    case('denied property of the view', denied(daemon('EnumerateInstances', ClassName='Win32_TestItem', Filter='Status = 1')))
    case('denied property of TestInstance', denied(daemon('TestInstance', ClassName='T_Item', InstanceName=item('apple'), Properties={'Password': 'x'})))
    for q in ('SELECT Serial FROM T_Item', 'SELECT Name FROM T_Item WHERE Serial = 1', 'SELECT Name FROM T_Item ORDER BY State',
              'SELECT Status FROM Win32_TestItem', 'SELECT t.Serial FROM T_Square JOIN T_Item t'):
        r = daemon('ExecQuery', QueryLanguage='SQL', Query=q)
        case(f'denied column: {q}', code(r) == -32015 and 'no such column' in r['error']['message'], r)
    for q in ('SELECT * FROM T_Many', 'SELECT T_Item.Name FROM T_Item JOIN T_Many ON T_Many.Id = T_Item.Amount', 'SELECT (SELECT count(*) FROM T_Many)',
              'SELECT Name FROM T_Item WHERE EXISTS (SELECT 1 FROM T_Many)', 'SELECT Name FROM T_Item UNION SELECT Name FROM T_Many',
              'SELECT * FROM main.T_Many', 'SELECT * FROM "t_many"'):
        r = daemon('ExecQuery', QueryLanguage='SQL', Query=q)
        case(f'denied table: {q}', denied(r, 'T_Many', 'gardener'), r)
    for q in ('SELECT * FROM pragma_module_list', 'SELECT name FROM sqlite_master', 'PRAGMA table_list', 'SELECT * FROM pragma_table_list'):
        r = daemon('ExecQuery', QueryLanguage='SQL', Query=q)
        case(f'no catalogue: {q}', 'T_Many' not in json.dumps(r), r)
    for op, p in {'EnumerateInstances': {}, 'EnumerateInstanceNames': {}, 'GetInstance': {'InstanceName': {'Id': 1}}, 'GetClass': {},
                  'TestInstance': {'InstanceName': {'Id': 1}}, 'SetInstance': {'InstanceName': {'Id': 1}}, 'CreateInstance': {'Properties': {'Id': 1}},
                  'ModifyInstance': {'InstanceName': {'Id': 1}, 'Properties': {}}, 'DeleteInstance': {'InstanceName': {'Id': 1}}}.items():
        case(f'another class by {op}', denied(daemon(op, ClassName='T_Many', **p), 'daemon', 'T_Many', 'gardener'), op)

    # ---- subclasses ----
    r = daemon('EnumerateInstances', ClassName='T_Shape')
    case('a base shows the subclasses that may be seen', [i['Id'] for i in r['result']['Instances']] == [1] and 'Partial' not in r['result'], r)
    r = daemon('EnumerateInstances', ClassName='T_Square')
    case('deny beats allow', [i['Id'] for i in r['result']['Instances']] == [1], r)
    case('a sibling', denied(daemon('EnumerateInstances', ClassName='T_Triangle')))

    # ---- changes ----
    def add(name, by, cls='T_Item', **p):
        key = item(name) if cls == 'T_Item' else {'Handle': name, 'Again': '1'}
        return daemon('InvokeMethod', ClassName=cls, InstanceName=key, MethodName='Add', InParameters={'By': by}, **p)

    for cls in 'T_Item', 'Win32_TestItem':
        case(f'{cls}: a method', 'result' in add('apple', 1, cls), cls)
        case(f'{cls}: its arguments', denied(add('apple', 11, cls), '"add"', 'gardener', 'By > 0'), add('apple', 11, cls))
        case(f'{cls}: its objects', denied(add('plum', 1, cls), '"add"', 'Amount < 100'), add('plum', 1, cls))
        case(f'{cls}: hidden is missing', add('pear', 1, cls) == add('none', 1, cls) and code(add('none', 1, cls)) == -32006, add('pear', 1, cls))
        case(f'{cls}: what if asks the same', denied(add('plum', 1, cls, WhatIf=True)) and denied(add('apple', 11, cls, WhatIf=True)), cls)
    for m in 'Fail', 'Count', 'Missing':
        case(f'method {m}', denied(daemon('InvokeMethod', ClassName='T_Item', InstanceName=item('apple'), MethodName=m), m), m)
    r = daemon('InvokeMethod', ClassName='T_Item', InstanceName=item('apple'), MethodName='Add', InParameters={'By': 1, 'by': 99})
    case('an argument in two spellings', 'result' not in r, r)

    def modify(name, **values):
        return daemon('ModifyInstance', ClassName='T_Item', InstanceName=item(name), Properties=values)

    root('CreateInstance', ClassName='T_Item', Properties={'Name': 'peach', 'Colour': 'red', 'Amount': 1})
    r = modify('peach', Amount=7)
    case('modify', r.get('result') == {'Changed': [{'Property': 'Amount', 'From': '1', 'To': '7'}]}, r)
    case('modify: value', denied(modify('peach', Amount=51), '"paint"', 'Amount <= 50'))
    case('modify: value not given', denied(modify('peach', Colour='red'), '"paint"'))
    case('modify: object', denied(modify('apple', Amount=7), '"paint"', "Name LIKE 'p%'"), modify('apple', Amount=7))
    case('modify: hidden', code(modify('pear', Amount=7)) == -32006)
    case('modify: property', denied(modify('peach', Amount=7, Password='x')))
    for op in 'SetInstance', 'TestInstance':
        r = daemon(op, ClassName='T_Item', InstanceName=item('apple'), Properties={'Amount': 9})
        case(f'{op} of an object that may be read, not modified', denied(r) if op == 'SetInstance' else 'result' in r, r)
    r = daemon('SetInstance', ClassName='T_Item', InstanceName=item('peach'), Properties={'Amount': 8})
    case('set', r.get('result') == {'InDesiredState': True, 'Changed': [{'Property': 'Amount', 'From': '7', 'To': '8'}]}, r)
    case('delete', denied(daemon('DeleteInstance', ClassName='T_Item', InstanceName=item('peach'))))
    case('set absent', denied(daemon('SetInstance', ClassName='T_Item', InstanceName=item('peach'), Ensure='Absent')))
    create = lambda **v: daemon('CreateInstance', ClassName='T_Item', Properties=v)
    case('create', 'result' in create(Name='pine', Colour='red', Amount=1))
    case('create: name', denied(create(Name='xine', Colour='red', Amount=1), '"paint"'))
    case('create: colour', denied(create(Name='pink', Colour='green', Amount=1)))
    case('create: property', denied(create(Name='pink', Colour='red', Amount=1, Password='x')))
    case('create by set', denied(daemon('SetInstance', ClassName='T_Item', InstanceName=item('zebra'), Properties={'Amount': 1, 'Colour': 'red'})))
    r = root('EnumerateInstances', ClassName='T_Item', PropertyList=['Name', 'Colour', 'Amount'])
    case('nothing else has changed', {i['Name']: (i['Colour'], i['Amount']) for i in r['result']['Instances']} ==
         {'apple': ('red', 5), 'pear': ('green', 5), 'plum': ('red', 200), 'peach': ('red', 8), 'pine': ('red', 1)}, r)

    # ---- events ----
    def told(peer, until):
        got = []
        while not got or until not in json.dumps(got[-1]):
            got.append(peer.line())
        return got

    with agent.as_user('daemon') as p:
        r = p.call('Subscribe', {'ClassName': 'T_Item', 'Snapshot': True, 'Interval': 0.05})
        case('subscribe', 'result' in r, r)
        got = told(p, '"Sync"')
        seen_ = sorted(m['params']['Indication']['TargetInstance']['Name'] for m in got if 'TargetInstance' in json.dumps(m))
        case('events: the snapshot', seen_ == ['apple', 'peach', 'pine', 'plum'] and not leaks(got) and 'Serial' not in json.dumps(got), got)
        root('ModifyInstance', ClassName='T_Item', InstanceName=item('pear'), Properties={'Amount': 6})
        root('CreateInstance', ClassName='T_Item', Properties={'Name': 'pear', 'Colour': 'blue', 'Amount': 1})
        root('DeleteInstance', ClassName='T_Item', InstanceName={'Name': 'pear', 'Generation': 2})
        root('ModifyInstance', ClassName='T_Item', InstanceName=item('pine'), Properties={'Colour': 'green'})
        root('ModifyInstance', ClassName='T_Item', InstanceName=item('apple'), Properties={'Amount': 6})
        got = told(p, '"apple"')
        text = json.dumps(got)
        case('events: only what may be seen', not leaks(got) and 'green' not in text and 'blue' not in text and 'Serial' not in text, got)
        root('ModifyInstance', ClassName='T_Item', InstanceName=item('pine'), Properties={'Colour': 'red'})
    for way, params, word in (('class', {'ClassName': 'T_Many'}, 'T_Many'), ('query', {'Query': "SELECT * FROM __InstanceOperationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Many'"}, 'T_Many'),
                              ('filter', {'ClassName': 'T_Item', 'Filter': 'Serial > 1'}, 'Serial'), ('property', {'ClassName': 'T_Item', 'PropertyList': ['Serial']}, 'Serial'),
                              ('condition', {'Query': "SELECT * FROM __InstanceModificationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Item' AND PreviousInstance.Serial = 3"}, 'Serial'),
                              ('view', {'ClassName': 'Win32_TestItem'}, 'T_Item')):
        r = daemon('Subscribe', **params)
        case(f'no subscription by {way}', denied(r, word), r)

    # ---- documents ----
    def document(*resources):
        return {'Document': {'Resources': [dict({'Name': f'r{i}'}, **x) for i, x in enumerate(resources)]}}

    for op in 'GetDesiredState', 'TestDesiredState', 'SetDesiredState':
        r = daemon(op, **document({'ClassName': 'T_Item', 'InstanceName': item('pear'), 'Properties': {'Amount': 9}}, {'ClassName': 'T_Item', 'InstanceName': item('apple'), 'Properties': {'Amount': 9}},
                                  {'ClassName': 'T_Many', 'InstanceName': {'Id': 1}, 'Properties': {'Name': 'x'}}))
        case(f'{op}', 'green' not in json.dumps(r) and '"From": "5"' not in json.dumps(r), r)
    r = root('EnumerateInstances', ClassName='T_Item', PropertyList=['Name', 'Colour', 'Amount'])
    case('nothing else has changed by documents', {i['Name']: (i['Colour'], i['Amount']) for i in r['result']['Instances']} ==
         {'apple': ('red', 6), 'pear': ('green', 6), 'plum': ('red', 200), 'peach': ('red', 8), 'pine': ('red', 1)}, r)

    # ---- every operation there is, on a class that is denied ----
    given = {'ClassName': 'T_Many', 'InstanceName': {'Id': 1}, 'Query': 'SELECT * FROM T_Many', 'MethodName': 'X', 'Properties': {'Id': 1}, 'Document': document({'ClassName': 'T_Many', 'InstanceName': {'Id': 1}})['Document']}
    # The last three work by what the caller was given by an operation that was judged: a subscription, a stream's token.
    harmless = {'Ping', 'Hello', 'rpc.discover', 'EnumerateClasses', 'Unsubscribe', 'Acknowledge', 'OpenStream'}
    r = daemon('OpenStream', Token='0' * 32)
    case('a stream nobody was given is none', 'error' in r, r)
    for m in root('rpc.discover')['result']['methods']:
        names_ = [x['name'] for x in m['params']]
        params = {k: v for k, v in given.items() if k in names_ and not (m['name'] == 'Subscribe' and k == 'Query') and not (m['name'] == 'Metrics' and k == 'Query')}
        if m['name'] == 'Metrics':
            params['ClassName'] = ['T_Many']
        r = daemon(m['name'], **params)
        closed = code(r) == -32002 or m['name'].endswith('DesiredState') and 'ACCESS_DENIED' in json.dumps(r)
        case(f'every operation: {m["name"]}', m['name'] in harmless or closed, r)

    # ---- another role: everything may be read, but for what is denied ----
    bin_ = lambda op, **p: agent.call_as('bin', op, **p)
    r = bin_('EnumerateInstances', ClassName='T_Item')
    case('read all: rows without what is denied', len(r['result']['Instances']) == 5 and 'Serial' not in json.dumps(r) and 'State' in json.dumps(r), r)
    case('read all: denied class names the rule', denied(bin_('EnumerateInstances', ClassName='T_Many'), '"many"', 'reader'))
    case('read all: denied property names the rule', denied(bin_('EnumerateInstances', ClassName='T_Item', PropertyList=['Serial']), '"serial"'))
    case('read all is not change all', denied(bin_('DeleteInstance', ClassName='T_Item', InstanceName=item('apple'))))
    case('read all is not invoke all', denied(bin_('InvokeMethod', ClassName='T_Item', MethodName='Count')))

    # ---- HTTP, batches ----
    with agent.as_user('daemon') as p:
        body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': {'ClassName': 'T_Many'}})
        p.send(f'POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}')
        while b'ACCESS_DENIED' not in p.rest and len(p.rest) < 5000:
            got = p.sock.recv(65536)
            if not got:
                break
            p.rest += got
        case('HTTP', b'ACCESS_DENIED' in p.rest, p.rest)
    with agent.as_user('daemon') as p:
        p.send(json.dumps([{'jsonrpc': '2.0', 'id': i, 'method': 'GetClass', 'params': {'ClassName': c}} for i, c in enumerate(['T_Many', 'T_Item'])]) + '\n')
        r = p.line()
        case('batch', sorted('error' in x for x in r) == [False, True], r)

    # ---- audit ----
    rows = rows_of(agent.dir, "SELECT user, operation, class, message FROM audit WHERE result = 'Denied'")
    case('denials are in the audit with role and rule', any(u == 'daemon' and o == 'ModifyInstance' and 'role gardener' in m and '"paint"' in m for u, o, c, m in rows), rows[-3:])
    case('what is hidden is told to the audit', sum(o == 'InvokeMethod' and '"add"' in m and "Colour = 'red'" in m for u, o, c, m in rows) >= 2, rows)

    # ---- bounds ----
    with agent.as_user('man') as p:
        for batch in range(6):
            p.send(json.dumps([{'jsonrpc': '2.0', 'id': i, 'method': 'Ping'} for i in range(100)]) + '\n')
            case(f'600 denials {batch}', all('error' in x for x in p.line()))
        time.sleep(0.5)
        n = len(rows_of(agent.dir, "SELECT 1 FROM audit WHERE user = 'man' AND result = 'Denied'"))
        case('not all of them are on disk', 100 < n < 300, n)
        p.call('Ping')
        time.sleep(0.5)
    rows = rows_of(agent.dir, "SELECT message FROM audit WHERE user = 'man' AND message LIKE '(and%'")
    case('but how many', rows, rows)
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n, T_Item"
    with agent.as_user('daemon') as p:
        for i in range(8):
            p.send(json.dumps({'jsonrpc': '2.0', 'id': i, 'method': 'ExecQuery', 'params': {'QueryLanguage': 'SQL', 'Query': slow, 'Timeout': 2}}) + '\n')
        early = [p.line() for i in range(5)]
        case('queries of others leave a thread', all(r['error']['code'] == -32027 and r['error']['data']['Retryable'] for r in early), early)
        r = root('ExecQuery', QueryLanguage='SQL', Query='SELECT a.Name FROM T_Item a, T_Item b LIMIT 1')
        case('root has one beside them', 'result' in r, r)
        late = [p.line() for i in range(3)]
        case('the others end at their deadline', all(r['error']['code'] == -32060 for r in late), late)
    crowd = []
    for i in range(100):
        q = agent.as_user('man')
        crowd.append(q)
    answered = 0
    for q in crowd:
        try:
            answered += q.call('Ping') is not None
        except OSError:
            pass
    case('one user cannot take all places', answered == 64, answered)
    case('others still come in', daemon('Ping').get('result') == {} and root('Ping').get('result') == {})
    for q in crowd:
        q.sock.close()

    # ---- reload ----
    mark = len(agent.logged())
    agent.write('gardener', GARDENER.replace("Colour = 'red'\n\n[Allow add]", "Colour = 'green'\n\n[Allow add]"))
    case('a change is taken', agent.wait_log('roles: 2', mark) and names(daemon('EnumerateInstances', ClassName='T_Item')) == ['pear'], agent.logged()[mark:])
    for text, word in (('[Role]\nFoo = 1\n', ':2:'), ('[Role]\n[Allow x]\nClass = T_Item\nOperation = Raed\n', 'Raed'), ('[Allow x]\nClass = Nix\nOperation = Read\n', 'Nix'),
                       ('[Role]\n[Allow x]\nClass = T_Item\nOperation = Read\nWhere = Amount = red\n', 'Where'), ('[Role]\n[Who]\nSource = local\n', 'nobody'),
                       ('[Role]\n[Allow x]\nClass = Win32_TestItem\nOperation = Read\n', 'T_Item'), ('[Role]\n[Allow x]\nClass = *\nOperation = Invoke\nMethod = x\n', '*'),
                       ('[Role]\n[Who]\nUser = man\nTime = Mun-Fri\n', 'Mun'), ('nonsense\n', ':1:'), ('', '[Role]')):
        mark = len(agent.logged())
        agent.write('gardener', text)
        case(f'a broken file is refused and the roles stay: {text!r}', agent.wait_log('stay in force', mark) and word in agent.logged()[mark:] and
             names(daemon('EnumerateInstances', ClassName='T_Item')) == ['pear'], agent.logged()[mark:])
    mark = len(agent.logged())
    os.chmod(os.path.join(agent.roles, 'reader.role'), 0o666)
    agent.write('gardener', GARDENER)
    case('a file that others may write is refused', agent.wait_log('others may write', mark), agent.logged()[mark:])
    os.chmod(os.path.join(agent.roles, 'reader.role'), 0o644)
    os.remove(os.path.join(agent.roles, 'gardener.role'))
    case('a role that has gone', agent.wait_log('roles: 1', mark) and denied(daemon('Ping')), agent.logged()[mark:])
finally:
    rc = agent.stop()
    case('the agent ends well', rc == 0, agent.said[-3000:])

# ---- roles as objects, tried out, learnt ----
OPS = '''[Role]
Description = Signals
[Who]
User = daemon
Source = local, 10.0.0.0/8
[Allow cont]
Class = Process
Operation = Invoke
Method = SendSignal
Where = Name = 'sleep' AND Uid = 1
Arguments = Signal = 'SIGCONT'
[Allow look]
Class = Process
Operation = Read
Property = Name, CommandLine
[Deny root]
Class = Process
Operation = Read
Property = CommandLine
Where = Uid = 0
'''
agent = RoleAgent('bin/reeve-agent', {'ops': OPS})
theirs, ours = subprocess.Popen(['sleep', '60'], user=1), subprocess.Popen(['sleep', '60'])
try:
    def signal(pid, name):
        return daemon('InvokeMethod', ClassName='Process', InstanceName={'ProcessId': pid}, MethodName='SendSignal', InParameters={'Signal': name})

    def test(**p):
        r = root('InvokeMethod', ClassName='Role', MethodName='Test', InParameters=p)
        return r.get('result') or r

    case('real: allowed', signal(theirs.pid, 'SIGCONT').get('result') == {'ReturnValue': 0})
    case('real: argument', denied(signal(theirs.pid, 'SIGKILL'), '"cont"', 'SIGCONT'))
    case('real: object', denied(signal(ours.pid, 'SIGCONT'), '"cont"', 'Uid = 1'), signal(ours.pid, 'SIGCONT'))
    for cls in 'Process', 'Win32_Process':
        r = daemon('EnumerateInstances', ClassName=cls, Filter=f'ProcessId = {theirs.pid} OR ProcessId = {ours.pid}')
        lines = {i.get('ProcessId'): i['CommandLine'] for i in r['result']['Instances']}
        case(f'real: a cell of {cls} is hidden', lines == {theirs.pid: 'sleep 60', ours.pid: None}, r)
        r = daemon('EnumerateInstances', ClassName=cls, Filter="CommandLine LIKE '%sleep%'")
        case(f'real: what is hidden in {cls} cannot be guessed', [i.get('ProcessId') for i in r['result']['Instances']] == [theirs.pid], r)
    r = daemon('ExecQuery', QueryLanguage='SQL', Query=f'SELECT ProcessId FROM Process WHERE CommandLine IS NOT NULL AND ProcessId IN ({theirs.pid}, {ours.pid})')
    case('real: nor by SQL', r['result']['Instances'] == [{'ProcessId': theirs.pid}], r)
    for q in ({'ClassName': 'AuditRecord'}, {'ClassName': 'Session'}, {'ClassName': 'Role'}, {'ClassName': 'Provider'}):
        case(f'real: {q} is not for all', denied(daemon('EnumerateInstances', **q)))
    with agent.as_user('daemon') as p:
        p.send('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        text = b''
        while True:
            got = p.sock.recv(65536)
            if not got:
                break
            text += got
    case('real: metrics show only what may be read', b'net_adapter' not in text and b'operating_system' not in text and b'mount' not in text, text[:3000])
    for op, p in {'Associators': {'ClassName': 'Process', 'InstanceName': {'ProcessId': theirs.pid}}, 'References': {'ClassName': 'Process', 'InstanceName': {'ProcessId': theirs.pid}}}.items():
        r = daemon(op, **p)
        case(f'real: {op} leads nowhere else', not r.get('result', {}).get('Instances'), r)

    r = root('EnumerateInstances', ClassName='Role')['result']['Instances']
    case('Role', len(r) == 1 and r[0]['Name'] == 'ops' and r[0]['Who'] == ['User daemon, Source local|10.0.0.0/8'] and len(r[0]['Rules']) == 3 and r[0]['Language'] == 'None', r)
    send = {'User': 'daemon', 'ClassName': 'Process', 'Method': 'SendSignal'}
    for name, ask, allowed, rule, word in (
            ('method', dict(send, Arguments='{"Signal":"SIGCONT"}'), True, 'cont', 'Uid = 1'),
            ('method and object', dict(send, Arguments='{"Signal":"SIGCONT"}', InstanceName='{"ProcessId":%d}' % theirs.pid), True, 'cont', 'allows it'),
            ('method and other object', dict(send, Arguments='{"Signal":"SIGCONT"}', InstanceName='{"ProcessId":%d}' % ours.pid), False, 'cont', 'Uid = 1'),
            ('argument', dict(send, Arguments='{"Signal":"SIGKILL"}'), False, 'cont', 'SIGCONT'),
            ('view', dict(send, ClassName='Win32_Process', Arguments='{"Signal":"SIGKILL"}'), False, 'cont', 'SIGCONT'),
            ('reading', {'User': 'daemon', 'ClassName': 'Process'}, True, 'look', ''),
            ('reading a property', {'User': 'daemon', 'ClassName': 'Process', 'Property': ['Uid']}, False, 'look', 'Uid'),
            ('another class', {'User': 'daemon', 'ClassName': 'Mount'}, False, None, 'Mount'),
            ('from elsewhere', dict(send, Source='192.168.1.1:22', Arguments='{"Signal":"SIGCONT"}'), False, None, 'no rule'),
            ('from there', dict(send, Source='10.2.3.4:22', Arguments='{"Signal":"SIGCONT"}'), True, 'cont', ''),
            ('somebody else', {'User': 'games', 'ClassName': 'Process'}, False, None, 'no role'),
            ('root', {'User': 'root', 'ClassName': 'Process'}, True, None, 'everything')):
        r = test(**ask)
        case(f'Test-Role: {name}', r.get('Allowed') is allowed and r['Rule'] == rule and word in r['Reason'], r)
    lists = '[Role]\nEscalates = yes\n[Who]\nUser = daemon\n[Allow x]\nClass = LocalGroupMember\nOperation = Invoke\nMethod = Add\nArguments = %s\n'
    for condition, members, allowed in (("Name = 'a' OR Name = 'b'", ['a', 'b'], True), ("Name = 'a' OR Name = 'b'", ['a', 'root'], False), ("NOT Name = 'root'", ['a', 'root'], False),
                                        ("NOT Name = 'root'", ['a', 'b'], True), ("Name <> 'root'", ['root', 'a'], False), ("Name LIKE 'w%'", ['web', 'www'], True),
                                        ("Name LIKE 'w%'", ['web', 'x'], False), ("GroupName = 'web' AND Name = 'a'", ['a'] * 3, True)):
        r = test(User='daemon', ClassName='LocalGroupMember', Method='Add', Name='ops', Text=lists % condition, Arguments=json.dumps({'GroupName': 'web', 'Name': members}))
        case(f'{condition} of {members}', r.get('Allowed') is allowed, r)
    r = test()
    case('replay as it is', r['Allowed'] and r['Records'] == 4 and not r['Differences'], r)
    other = OPS.replace("= 'SIGCONT'", "= 'SIGKILL'").replace("Where = Name = 'sleep' AND Uid = 1\n", '')
    r = test(Name='ops', Text=other)
    case('replay against another text', not r['Allowed'] and any('would be denied' in d for d in r['Differences']) and any('would be allowed' in d for d in r['Differences']), r)
    case('a broken text', 'Foo' in json.dumps(test(Name='ops', Text='[Role]\nFoo = 1\n')))
    case('the text was only tried', signal(theirs.pid, 'SIGCONT').get('result') == {'ReturnValue': 0})
    r = root('InvokeMethod', ClassName='Role', MethodName='New', InParameters={'Name': 'learnt', 'FromAudit': True, 'User': 'daemon'})['result']['Text']
    case('New-Role -FromAudit', 'Method = SendSignal' in r and "Arguments = Signal = 'SIGCONT'" in r and 'SIGKILL' not in r and f'Where = ProcessId = {theirs.pid}' in r, r)
    mark = len(agent.logged())
    agent.write('ops', r)
    case('it can be put in force', agent.wait_log('roles: 1', mark) and signal(theirs.pid, 'SIGCONT').get('result') == {'ReturnValue': 0} and
         denied(signal(ours.pid, 'SIGCONT')) and denied(signal(theirs.pid, 'SIGHUP')), agent.logged()[mark:])
    r = test(User='daemon')
    case('it allows what was done', r['Allowed'] and r['AllowedRecords'] >= 2, r)
finally:
    for child in theirs, ours:
        child.kill()
        child.wait()
    case('the real agent ends well', agent.stop() == 0, agent.said)

checked = lambda folder: subprocess.run([f'{agentlib.BUILD}/bin/reeve-agent', '--check', '--roles', folder], capture_output=True, text=True, timeout=20)
with tempfile.TemporaryDirectory() as folder:
    r = checked(folder)
    case('--check of nothing', r.returncode == 0 and '0 roles' in r.stdout, r)
    open(os.path.join(folder, 'ops.role'), 'w').write(OPS)
    r = checked(folder)
    case('--check of a good role', r.returncode == 0 and '1 role in' in r.stdout, r)
    open(os.path.join(folder, 'bad.role'), 'w').write('[Role]\n[Allow x]\nClass = Prozess\nOperation = Read\n')
    r = checked(folder)
    case('--check of a bad role', r.returncode == 1 and 'bad.role:2' in r.stderr and 'Prozess' in r.stderr, r)

broken = RoleAgent('tests/bin/reeve-agent-modes', {'gardener': '[Role]\nFoo = 1\n'})
try:
    case('a broken file at the start: nobody but root', broken.call('Ping').get('result') == {} and 'Foo' in broken.logged(), broken.logged())
    try:
        r = broken.call_as('daemon', 'Ping')
    except OSError as e:
        r = {'error': {'code': -32002, 'message': str(e)}}
    case('a broken file at the start: others are not let in', denied(r), r)
finally:
    broken.stop()
case.end()
