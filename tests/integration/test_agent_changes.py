#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Create, modify, delete, test, set; RequestKey; audit: intent before, outcome after, denials, the chain, refusal without it."""
import json, os, shutil, signal, sqlite3, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, rows_of

case = Cases()
folder = tempfile.mkdtemp(prefix='reeve-changes.')
MODES = 'tests/bin/reeve-agent-modes'
REAL = 'bin/reeve-agent'
agent = Agent(MODES, folder)


def call(op, **params):
    return agent.call(op, params)


def item(name, *properties):
    r = call('GetInstance', ClassName='T_Item', InstanceName={'Name': name}, PropertyList=list(properties) or ['Colour', 'Amount'])
    return r.get('result')


def database():
    return sqlite3.connect(os.path.join(folder, 'state.db'))


try:
    r = call('CreateInstance', ClassName='T_Item', Properties={'Name': 'apple', 'Colour': 'red', 'Amount': 3, 'Password': 'hunter2'})
    case('create', r.get('result', {}).get('InstanceName') == {'Name': 'apple', 'Generation': 1} and r['result']['Changed'] and item('apple') == {'Colour': 'red', 'Amount': 3}, r)
    r = call('CreateInstance', ClassName='T_Item', Properties={'Name': 'apple'})
    case('create twice', r['error']['code'] == -32011, r)
    r = call('CreateInstance', ClassName='T_Item', Properties={'Name': 'pear'}, WhatIf=True)
    case('create, what if', r['result']['WhatIf'] and item('pear') is None, r)
    r = call('ModifyInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': 'green'})
    case('modify', r['result'] == {'Changed': [{'Property': 'Colour', 'From': 'red', 'To': 'green'}]} and item('apple')['Colour'] == 'green', r)
    r = call('ModifyInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': 'blue'}, WhatIf=True)
    case('modify, what if', r['result']['WhatIf'] and r['result']['Changed'][0]['To'] == 'blue' and item('apple')['Colour'] == 'green', r)
    for properties, code, word in [({'Serial': 4}, -32004, 'read-only'), ({'Name': 'x'}, -32004, 'key'), ({'Colour': 'pink'}, -32004, 'pink'),
                                   ({'Amount': 1001}, -32004, '1000'), ({'Amuont': 1}, -32012, 'Amount'), ({'Amount': 'x'}, -32013, '')]:
        r = call('ModifyInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties=properties)
        case(f'modify {properties}', r.get('error', {}).get('code') == code and word in json.dumps(r), r)
    r = call('ModifyInstance', ClassName='T_Item', Properties={'Amount': 1})
    case('modify of nothing', r['error']['code'] == -32004 and 'InstanceName' in r['error']['message'], r)
    r = call('ModifyInstance', ClassName='T_Item', InstanceName={'Name': 'none', 'Generation': 1}, Properties={'Amount': 1})
    case('modify what is not there', r['error']['code'] == -32006, r)

    # Desired state.
    r = call('TestInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': 'green', 'Amount': 5})
    case('test', r['result'] == {'InDesiredState': False, 'Changed': [{'Property': 'Amount', 'From': '3', 'To': '5'}]}, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': 'green', 'Amount': 5}, WhatIf=True)
    case('set, what if', r['result']['WhatIf'] and not r['result']['InDesiredState'] and item('apple')['Amount'] == 3, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': 'green', 'Amount': 5})
    case('set', r['result'] == {'InDesiredState': True, 'Changed': [{'Property': 'Amount', 'From': '3', 'To': '5'}]} and item('apple')['Amount'] == 5, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': 'green', 'Amount': 5})
    case('set again changes nothing', r['result'] == {'InDesiredState': True, 'Changed': []}, r)
    r = call('TestInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, Properties={'Colour': None})
    case('null is a value', r['result']['Changed'] == [{'Property': 'Colour', 'From': 'green', 'To': None}], r)
    r = call('TestInstance', ClassName='T_Item', InstanceName={'Name': 'plum'}, Properties={'Amount': 1})
    case('test of what is not there', r['result'] == {'InDesiredState': False, 'Changed': [{'Property': 'Ensure', 'From': 'Absent', 'To': 'Present'}]}, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'plum'}, Properties={'Amount': 1})
    case('set creates', r['result']['InDesiredState'] and r['result']['Changed'] and item('plum')['Amount'] == 1, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'plum'}, Ensure='Absent')
    case('set removes', r['result']['InDesiredState'] and item('plum') is None, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'plum'}, Ensure='absent')
    case('absent already', r['result'] == {'InDesiredState': True, 'Changed': []}, r)
    r = call('SetInstance', ClassName='T_Item', InstanceName={'Name': 'plum'}, Ensure='Gone')
    case('Ensure', r['error']['code'] == -32004, r)
    r = call('SetInstance', ClassName='T_One', Properties={})
    case('a class that cannot be changed', r.get('result', {}).get('InDesiredState') is True or r['error']['code'] == -32007, r)
    r = call('DeleteInstance', ClassName='T_Many', InstanceName={'Id': 1})
    case('not offered', r['error']['code'] == -32007, r)
    r = call('ModifyInstance', ClassName='Win32_TestItem', InstanceName={'Handle': 'apple'}, Properties={})
    case('a view', r['error']['code'] == -32007 and 'T_Item' in r['error']['message'], r)

    # The same request again.
    add = dict(ClassName='T_Item', MethodName='Add', InstanceName={'Name': 'apple', 'Generation': 1}, InParameters={'By': 10})
    a = call('InvokeMethod', **add, RequestKey='k1')
    b = call('InvokeMethod', **add, RequestKey='k1', Timeout=7)
    case('RequestKey', a['result']['Now'] == 15 and b['result'] == a['result'] and item('apple')['Amount'] == 15, (a, b))
    r = call('InvokeMethod', **dict(add, InParameters={'By': 11}), RequestKey='k1')
    case('RequestKey for something else', r['error']['code'] == -32004 and r['error']['data']['Property'] == 'RequestKey', r)
    a = call('InvokeMethod', **dict(add, InParameters={'By': 1, 'Reason': 'x'}), RequestKey='k2')
    b = call('InvokeMethod', **dict(add, InParameters={'By': 1, 'Reason': 'x'}), RequestKey='k2')
    case('errors are repeated, too', a['error'] == b['error'] and a['error']['code'] == -32004, (a, b))
    r = call('InvokeMethod', **add, RequestKey='')
    case('an empty RequestKey', r['error']['code'] == -32004, r)
    agent.stop()
    agent = Agent(MODES, folder)
    r = call('InvokeMethod', **add, RequestKey='k1')
    case('RequestKey outlives the agent', r['result']['Now'] == 15, r)
    call('CreateInstance', ClassName='T_Item', Properties={'Name': 'apple', 'Amount': 1})
    with agent.open() as p:  # many at once, some repeated
        for i in range(60):
            p.send(json.dumps({'jsonrpc': '2.0', 'id': i, 'method': 'InvokeMethod', 'params': dict(add, InParameters={'By': 1}, RequestKey=f'm{i % 30}')}) + '\n')
        answers = [p.line() for _ in range(60)]
    good = [x for x in answers if 'result' in x]
    case('30 of 60 are done once each', item('apple')['Amount'] == 31 and len(good) >= 30 and all(x['error']['code'] == -32061 for x in answers if 'error' in x),
         (item('apple'), len(good)))

    # What was recorded.
    rows = rows_of(folder, 'SELECT intent, operation, class, key, method, arguments, result, status, message, changed, user, uid FROM audit ORDER BY seq')
    text = json.dumps(rows)
    case('secrets are not recorded', 'hunter2' not in text and '***' in text)
    case('reads and what-ifs are not', not any(x[1] in ('GetInstance', 'TestInstance') for x in rows) and 'pear' not in text)
    intents = {i + 1: x for i, x in enumerate(rows) if x[0] is None}
    outcomes = {x[0]: x for x in rows if x[0] is not None}
    case('each intent has its outcome', intents.keys() == outcomes.keys() and len(intents) > 40, (len(intents), len(outcomes)))
    case('with arguments and changes', any(x[1] == 'SetInstance' and json.loads(x[5] or '0') == {'Colour': 'green', 'Amount': 5} and
         json.loads(outcomes[n][9]) == [{'Property': 'Amount', 'From': '3', 'To': '5'}] and outcomes[n][6] == 'Succeeded' for n, x in intents.items() if outcomes[n][9]), rows[:6])
    case('and who', all(x[11] == os.getuid() for x in rows))
    mode = os.stat(os.path.join(folder, 'state.db')).st_mode & 0o777
    case('nobody else reads it', mode == 0o600, oct(mode))

    # Killed in the middle of a change: its outcome is unknown, never "not done".
    with agent.open() as p:
        p.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'InvokeMethod', 'params': {
            'ClassName': 'T_Slow', 'MethodName': 'Wait', 'InParameters': {'Milliseconds': 20000}, 'RequestKey': 'slow'}}) + '\n')
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not rows_of(folder, "SELECT 1 FROM audit WHERE method='Wait'"):
            time.sleep(0.02)
        agent.proc.send_signal(signal.SIGKILL)
        agent.proc.wait()
        os.unlink(agent.path)
    agent = Agent(REAL, folder)
    r = call('EnumerateInstances', ClassName='AuditRecord', Filter="Method = 'Wait'")['result']['Instances']
    case('outcome unknown', len(r) == 1 and r[0]['Result'] == 'Unknown' and r[0]['Status'] is None and json.loads(r[0]['Arguments']) == {'Milliseconds': 20000}, r)
    r = call('EnumerateInstances', ClassName='AuditRecord', OrderBy='Seq')['result']['Instances']
    case('AuditRecord', len(r) == len(intents) + 1 and r[0]['Operation'] == 'CreateInstance' and r[0]['Result'] == 'Succeeded' and r[0]['Duration'] > 0 and
         r[0]['Time'] > '2025' and r[0]['Key'] is None, r[:2])
    one = call('GetInstance', ClassName='AuditRecord', InstanceName={'Seq': r[1]['Seq']})['result']
    case('one by its number', one == r[1] and one['Result'] == 'Failed' and one['Status'] == 11, one)
    verify = dict(ClassName='AuditRecord', MethodName='Verify')
    r = call('InvokeMethod', **verify)['result']
    case('the chain holds', r['Valid'] and r['Records'] == len(rows) + 1 and r['FirstBad'] is None, r)
    db = database()
    db.execute("UPDATE audit SET arguments = '{}' WHERE seq = 5")
    db.commit()
    r = call('InvokeMethod', **verify)['result']
    case('a record that was edited', not r['Valid'] and r['FirstBad'] == 5, r)
    db.execute("DELETE FROM audit WHERE seq = 3")
    db.commit()
    r = call('InvokeMethod', **verify)['result']
    case('a record that was removed', not r['Valid'] and r['FirstBad'] == 3, r)
    db.close()

    # A change through the real agent.
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    r = call('InvokeMethod', ClassName='Process', MethodName='Terminate', InstanceName={'ProcessId': child})
    os.waitpid(child, 0)
    r = call('EnumerateInstances', ClassName='AuditRecord', Filter="Method = 'Terminate'")['result']['Instances']
    case('Terminate is recorded', len(r) == 1 and r[0]['Result'] == 'Succeeded' and json.loads(r[0]['Key']) == {'ProcessId': child} and r[0]['Source'] == 'local', r)
    agent.stop()
    agent = None

    # No audit, no change.
    bad = tempfile.mkdtemp(prefix='reeve-changes.')
    open(os.path.join(bad, 'state.db'), 'w').write('this is no database, and long enough to be seen as something else' * 20)
    agent = Agent(MODES, bad)
    r = call('CreateInstance', ClassName='T_Item', Properties={'Name': 'x'})
    case('no audit, no change', r['error']['code'] == -32061 and r['error']['data']['Retryable'] and 'recorded' in r['error']['message'] and item('x') is None, r)
    case('reading goes on', agent.call('EnumerateInstances', {'ClassName': 'T_Item'}).get('result') == {'Instances': []})
    os.unlink(os.path.join(bad, 'state.db'))
    r = call('CreateInstance', ClassName='T_Item', Properties={'Name': 'x'})
    case('and changes once it can be written again', 'result' in r, r)
    agent.stop()
    shutil.rmtree(bad)
    agent = None

    # Somebody who may not.
    if os.getuid() == 0:
        os.chmod(folder, 0o755)
        agent = Agent(REAL, folder)
        os.chmod(agent.path, 0o666)
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'Create', 'InParameters': {'CommandLine': 'true'}})
            os._exit(0 if r.get('error', {}).get('code') == -32002 else 1)
        case('denied', os.waitpid(pid, 0)[1] == 0)
        deadline = time.monotonic() + 5
        r = []
        while not r and time.monotonic() < deadline:
            r = call('EnumerateInstances', ClassName='AuditRecord', Filter="Result = 'Denied'")['result']['Instances']
        case('a denial is recorded', len(r) == 1 and r[0]['Uid'] == 65534 and r[0]['Operation'] == 'InvokeMethod' and r[0]['Status'] == 2 and r[0]['Message'], r)
    else:
        case.skip('denied', 'needs root to become somebody else')
finally:
    if agent:
        agent.stop()
    shutil.rmtree(folder, ignore_errors=True)
case.end()
