#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SQL over all classes: the same answers as a plain loop over the instances; push-down; bounds; hostile queries."""
import json, os, random, sqlite3, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases

case = Cases()
agent = Agent('tests/bin/reeve-agent-modes')


def sql(text, timeout=20, to=None):
    r = (to or agent).call('ExecQuery', {'Query': text, 'QueryLanguage': 'SQL', 'Timeout': timeout})
    return r['result']['Instances'] if 'result' in r and 'Partial' not in r['result'] else r


try:
    many = agent.call('EnumerateInstances', {'ClassName': 'T_Many'})['result']['Instances']
    r = sql('SELECT * FROM T_Many WHERE Id <= 50 ORDER BY Id')
    case('select *', [{k: v for k, v in x.items() if k != 'Costly'} for x in r] == many[:50] and all(x['Costly'] for x in r), r)
    case('count', sql('SELECT count(*) AS n FROM T_Many') == [{'n': 10000}])
    case('by key', sql('SELECT Name, Odd, "When", Pair FROM t_many WHERE id = 77') == [{k: many[76][k] for k in ('Name', 'Odd', 'When', 'Pair')}], sql('SELECT Name, Odd, "When", Pair FROM t_many WHERE id = 77'))
    r = sql('SELECT Letter, count(*) AS n, sum(Size) AS s, max(Ratio) AS r FROM T_Many GROUP BY Letter ORDER BY 1')
    want = [{'Letter': l, 'n': len(g), 's': sum(m['Size'] for m in g), 'r': max(m['Ratio'] for m in g)} for l in 'abc' for g in [[m for m in many if m['Letter'] == l]]]
    case('group by', r == want, (r, want))
    r = sql('SELECT a.Id, b.Id FROM T_Many a JOIN T_Many b ON b.Id = a.ParentId WHERE a.Id IN (500, 777, 5) ORDER BY a.Id')
    case('a join by key', r == [{'Id': 500, 'Id:2': 50}, {'Id': 777, 'Id:2': 77}], r)
    r = sql('WITH RECURSIVE up(id) AS (SELECT 7777 UNION ALL SELECT m.ParentId FROM T_Many m, up WHERE m.Id = up.id) SELECT id FROM up')
    case('a recursive walk', [x['id'] for x in r] == [7777, 777, 77, 7, 0], r)
    before = agent.call('GetInstance', {'ClassName': 'T_Many', 'InstanceName': {'Id': 1}, 'PropertyList': ['Costly']})['result']['Costly']
    sql('SELECT Name FROM T_Many')
    after = agent.call('GetInstance', {'ClassName': 'T_Many', 'InstanceName': {'Id': 1}, 'PropertyList': ['Costly']})['result']['Costly']
    case('what is not used is not read', after == before + 1, (before, after))
    start = time.monotonic()
    r = sql('SELECT Id FROM T_Flood LIMIT 3')
    case('a limit ends the provider', r == [{'Id': 1}, {'Id': 2}, {'Id': 3}] and time.monotonic() - start < 3, r)
    case('a provider on the loop', sql('SELECT count(*) AS n, min(Id) AS a, max(Id) AS b FROM T_Loop') == [{'n': 10000, 'a': 1, 'b': 10000}])
    case('loop beside thread', sql('SELECT count(*) AS n FROM T_Loop l JOIN T_Many m ON m.Id = l.Id WHERE l.Id < 50') == [{'n': 49}])
    case('booleans', sql('SELECT Id, Odd FROM T_Many WHERE Odd AND Id < 4') == [{'Id': 1, 'Odd': True}, {'Id': 3, 'Odd': True}])
    case('null', sql('SELECT NULL AS x, 1.5 AS y, \'a"b\' AS z, 9007199254740993 AS big') == [{'x': None, 'y': 1.5, 'z': 'a"b', 'big': 9007199254740993}])
    case('a type that cannot match', sql("SELECT Id FROM T_Many WHERE Id = 'x'") == [] and sql('SELECT Id FROM T_Many WHERE Id = -1') == [] and sql('SELECT Id FROM T_Many WHERE Id = 1.5') == [])
    agent.call('CreateInstance', {'ClassName': 'T_Item', 'Properties': {'Name': 'apple', 'Amount': 40, 'Password': 'hunter2'}})
    case('secrets stay', sql("SELECT Name, Password FROM T_Item WHERE Name = 'apple'") == [{'Name': 'apple', 'Password': None}] and sql("SELECT 1 FROM T_Item WHERE Password = 'hunter2'") == [])
    case('a view', sql('SELECT Handle, Tens FROM Win32_TestItem') == [{'Handle': 'apple', 'Tens': 4}], sql('SELECT * FROM Win32_TestItem'))

    # The same random questions of a real table with the same rows.
    db = sqlite3.connect(':memory:')
    names = ['Id', 'Name', 'ParentId', 'Size', 'Minus', 'Ratio', 'Odd', 'Letter']
    db.execute('CREATE TABLE T_Many(Id INTEGER, Name TEXT, ParentId INTEGER, Size INTEGER, Minus INTEGER, Ratio REAL, Odd BOOLEAN, Letter TEXT)')
    db.executemany('INSERT INTO T_Many VALUES(?,?,?,?,?,?,?,?)', [[m[n] for n in names] for m in many])
    rnd = random.Random(11)
    bad = []
    for i in range(60):
        terms = [rnd.choice([f'Id = {rnd.randrange(12000)}', f'ParentId = {rnd.randrange(1100)}', f"Letter = '{rnd.choice('abcd')}'", f'Size > {rnd.randrange(50000000)}',
                             f'Minus < -{rnd.randrange(11000)}', f"Name LIKE 'thing {rnd.randrange(100)}%'", 'Odd = 1', 'NOT Odd', f'Id BETWEEN {rnd.randrange(9000)} AND {rnd.randrange(12000)}',
                             f"Name = 'thing {rnd.randrange(11000)}'", f'Ratio * 7 = {rnd.randrange(10000)}', f'Id IN ({rnd.randrange(9)}, {rnd.randrange(9999)})']) for _ in range(rnd.randrange(1, 4))]
        text = f"SELECT {rnd.choice(['Id, Letter', 'count(*) AS n', 'Letter, max(Size) AS m', 'DISTINCT ParentId / 100 AS p'])} FROM T_Many WHERE {rnd.choice([' AND ', ' OR ']).join(terms)}"
        text += ' GROUP BY Letter ORDER BY Letter' if 'max(' in text else ' ORDER BY 1' + rnd.choice(['', ' DESC LIMIT 7', ' LIMIT 5 OFFSET 3'])
        cur = db.execute(text)
        want = [dict(zip([d[0] for d in cur.description], row)) for row in cur]
        got = sql(text)
        if got != want:
            bad.append((text, got[:3] if isinstance(got, list) else got, want[:3]))
    case('60 random queries', not bad, bad[:2])

    # Trouble.
    r = sql('SELECT Id FROM T_Fails')
    case('a table that fails is named', len(r['result']['Instances']) == 2 and r['result']['Partial'][0]['data']['Class'] == 'T_Fails', r)
    start = time.monotonic()
    r = sql('SELECT count(*) FROM T_Hung', 0.5)
    case('a table that hangs', ('error' in r and r['error']['code'] == -32060) or 'Partial' in r['result'] and time.monotonic() - start < 3, r)
    for text, code, word in [
        ('SELECT * FROM Nowhere', -32015, 'Nowhere'), ('SELEC 1', -32015, 'position'), ('', -32015, 'empty'), ('SELECT 1; SELECT 2', -32015, 'one statement'), ('CREATE TABLE x(a)', -32015, 'SELECT'),
        ("ATTACH '/etc/passwd' AS p", -32015, 'SELECT'), ('PRAGMA database_list', -32015, 'SELECT'), ("SELECT load_extension('/tmp/x.so')", -32015, ''), ('DELETE FROM T_Many', -32015, ''),
        ("UPDATE T_Item SET Amount = 1", -32015, ''), ('BEGIN', -32015, ''), ("SELECT readfile('/etc/passwd')", -32015, 'readfile'), ('VACUUM INTO \'/tmp/reeve.vacuum\'', -32015, ''),
        ('SELECT ' + '(' * 200 + '1' + ')' * 200, -32015, ''), ('SELECT zeroblob(900000000)', -32027, ''), ('SELECT Id FROM T_Blob', 0, ''),
    ]:
        r = sql(text)
        case(f'refused: {text[:40]}', code == 0 or r.get('error', {}).get('code') == code and word in json.dumps(r), r)
    for text in ['WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c', 'SELECT count(*) FROM T_Many a, T_Many b, T_Many c WHERE a.Id + b.Id > c.Size']:
        start = time.monotonic()
        r = sql(text, 0.5)
        case(f'endless: {text[:30]}', (r.get('error', {}).get('code') == -32060 or r.get('result', {}).get('Partial')) and time.monotonic() - start < 2, r)
    r = sql("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT printf('%100000c', 'x') AS t FROM c")
    case('a huge result', r['result']['Partial'][0]['code'] == -32027 and 100 < len(r['result']['Instances']) < 1000, str(r)[:200])
    with agent.open() as p:
        p.send(json.dumps({'jsonrpc': '2.0', 'id': 3, 'method': 'ExecQuery', 'params': {'QueryLanguage': 'SQL', 'Query': 'SELECT count(*) FROM T_Many a, T_Many b, T_Many c'}}) + '\n')
        time.sleep(0.2)
        p.send('{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}}\n')
        case('cancelled', p.line()['error']['code'] == -32800)
        p.send(json.dumps({'jsonrpc': '2.0', 'id': 4, 'method': 'ExecQuery', 'params': {'QueryLanguage': 'SQL', 'Query': 'SELECT count(*) FROM T_Many a, T_Many b'}}) + '\n')
    deadline = time.monotonic() + 10   # the reader has gone: the query ends
    while len(os.listdir(f'/proc/{agent.proc.pid}/task')) > 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    case('alive', agent.call('Ping')['result'] == {})
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))

real = Agent()
try:
    r = sql('SELECT p.Name, q.ProcessId AS Parent FROM Process p JOIN Process q ON q.ProcessId = p.ParentProcessId WHERE p.ProcessId = %d' % os.getpid(), to=real)
    case('a process and its parent', r == [{'Name': open('/proc/self/comm').read().strip(), 'Parent': os.getppid()}], r)
    r = sql("SELECT Caption, TotalVisibleMemorySize FROM Win32_OperatingSystem", to=real)
    case('Win32_OperatingSystem', len(r) == 1 and r[0]['TotalVisibleMemorySize'] > 1000, r)
    r = sql("SELECT QuantumType, Caption FROM Win32_OperatingSystem WHERE Version IS NOT NULL", to=real)
    case('columns beyond the 63rd', len(r) == 1 and r[0]['QuantumType'] is None and r[0]['Caption'], r)
    r = sql("SELECT State, count(*) AS n FROM Process GROUP BY State ORDER BY n DESC", to=real)
    case('states', r and all(x['State'] in 'RSDZTtIX' for x in r), r)
finally:
    real.stop()
case.end()
