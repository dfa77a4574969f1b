#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SQL: the cases of sql.slt; EXPLAIN; what is answered when a budget is used up."""
import json, os, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases

case = Cases()
agent = Agent('tests/bin/reeve-agent-modes')


def ask(text, **p):
    return agent.call('ExecQuery', dict(Query=text, QueryLanguage='SQL', **p))


def shown(v):
    return 'NULL' if v is None else f"'{v}'" if isinstance(v, str) else str(int(v)) if isinstance(v, bool) else str(v)


def each_case(path):
    for block in open(path).read().split('\n\n'):
        lines = [l for l in block.split('\n') if l and not l.startswith('#')]
        if lines:
            yield lines


try:
    n = 0
    for kind, text, *want in each_case(os.path.join(os.path.dirname(__file__), 'sql.slt')):
        r, n = ask(text), n + 1
        if kind == 'query':
            got = [' '.join(shown(v) for v in row.values()) for row in r['result']['Instances']] if 'result' in r else r
            case(text, want[0] == '----' and got == want[1:], got)
        else:
            case(text, kind.removeprefix('statement error ') in r.get('error', {}).get('message', ''), r)
    case('all cases were read', n > 45, n)

    # ---- EXPLAIN: what was asked of whom, and what it took ----
    def explain(text, **p):
        r = ask(f'EXPLAIN {text}', **p)
        rows = r['result']['Instances']
        return rows[:-1], rows[-1]
    scans, whole = explain('SELECT Name FROM T_Many WHERE Id = 7')
    case('a scan by key', len(scans) == 1 and scans[0]['ClassName'] == 'T_Many' and scans[0]['Keys'] == ['Id'] and set(scans[0]['Properties']) == {'Id', 'Name'} and scans[0]['Rows'] == 1 and scans[0]['Scans'] == 1, scans)
    case('the whole', whole['ClassName'] is None and whole['Rows'] == 1 and whole['Duration'] > 0 and whole['Cpu'] > 0, whole)
    scans, whole = explain('SELECT count(*) FROM T_Many')
    case('time and CPU', scans[0]['Rows'] == 10000 and scans[0]['Cpu'] > 0 and scans[0]['Duration'] > 0 and whole['Duration'] >= scans[0]['Duration'] and whole['Rows'] == 1, (scans, whole))
    scans, whole = explain('SELECT a.Name, b.Name FROM T_Many a JOIN T_Many b ON b.Id = a.ParentId WHERE a.Id < 4000 AND a.Id > 3980')
    by = {bool(s['Keys']): s for s in scans}
    case('a join: one scan of all, one by key for each row', by[False]['Scans'] == 1 and by[False]['Rows'] == 10000 and by[True]['Scans'] == by[True]['Rows'] == whole['Rows'] == 19, scans)
    scans, whole = explain('SELECT Id FROM T_Flood LIMIT 3')
    case('a scan that was ended early', scans[0]['EndedEarly'] and whole['Rows'] == 3, (scans, whole))
    scans, whole = explain('SELECT count(*) FROM T_Loop')
    case('a provider on the loop has no CPU time of its own', scans[0]['Cpu'] is None and scans[0]['Rows'] == 10000, scans)
    agent.call('CreateInstance', {'ClassName': 'T_Item', 'Properties': {'Name': 'apple', 'Amount': 40}})
    scans, whole = explain('SELECT Tens FROM Win32_TestItem')
    case('a view names its provider', scans[0]['ClassName'] == 'Win32_TestItem' and scans[0]['Provider'] == 'T_Item', scans)
    scans, whole = explain('SELECT 1')
    case('no class', scans == [] and whole['Rows'] == 1, whole)
    r = ask('EXPLAIN QUERY PLAN SELECT Name FROM T_Many WHERE Id = 7')
    case("SQLite's plan", 'T_Many' in json.dumps(r['result']['Instances']), r)
    r = ask('EXPLAIN SELECT Nothing FROM T_Many')
    case('an error is one', 'Nothing' in r['error']['message'], r)

    # ---- budgets: what was found stands, and what is missing is named ----
    start = time.monotonic()
    r = ask('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 100 OR x % 1000000 = 0', Timeout=1)
    rows, partial = r.get('result', {}).get('Instances', []), r.get('result', {}).get('Partial', [{}])
    case('time: rows so far', [x['x'] for x in rows[:99]] == list(range(1, 100)) and time.monotonic() - start < 5, str(r)[:300])
    case('time: what is missing', partial[0].get('code') == -32060 and f'first {len(rows)} are missing' in partial[0]['message'], partial)
    r = ask('SELECT m.Id FROM T_Many m UNION ALL SELECT Id FROM T_Fails')
    case('a provider that failed is named', len(r['result']['Instances']) > 10000 and r['result']['Partial'][0]['data']['Class'] == 'T_Fails', r['result'].get('Partial'))
finally:
    case('ends cleanly', agent.stop() == 0, agent.said)
case.end()
