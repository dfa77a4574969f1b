#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The audit: conditions on it, its chain, segments and anchors, secrets, sessions as objects."""
import glob, hashlib, json, os, shutil, signal, sqlite3, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Agent, Cases, rows_of

case = Cases()
REAL = 'bin/reeve-agent'
folder = tempfile.mkdtemp(prefix='reeve-audit.')


def start(*more):
    return Agent(REAL, folder, more=more)


def database():
    return sqlite3.connect(os.path.join(folder, 'state.db'))


def change(peer, pid=2 ** 30, signal='SIGCONT'):
    """A change that is recorded and cannot succeed."""
    return peer.call('InvokeMethod', {'ClassName': 'Process', 'InstanceName': {'ProcessId': pid}, 'MethodName': 'SendSignal', 'InParameters': {'Signal': signal}})


def records(agent, where=None, **p):
    if where:
        p['Filter'] = where
    return agent.call('EnumerateInstances', dict(ClassName='AuditRecord', **p))['result']['Instances']


def verify(agent):
    return agent.call('InvokeMethod', {'ClassName': 'AuditRecord', 'MethodName': 'Verify'})['result']


try:
    agent = start()
    case('no audit yet', records(agent) == [] and verify(agent)['Valid'])
    with agent.open() as p:
        for i in range(10):
            change(p, 2 ** 30 + i)
    all_ = records(agent)
    case('records', len(all_) == 10 and all(r['Operation'] == 'InvokeMethod' and r['Method'] == 'SendSignal' and r['Result'] == 'Failed' for r in all_), all_[:1])
    case('roles in the record', all_[0]['Roles'] == ('root' if os.geteuid() == 0 else 'self'), all_[0])
    seqs = [r['Seq'] for r in all_]
    case('outcomes have numbers of their own', seqs == list(range(1, 21, 2)), seqs)
    for where, n in (('Seq = 3', 1), ('Seq > 9 AND Seq <= 13', 2), ('Seq < 4', 2), ("User = 'nobody-at-all'", 0), ("ClassName = 'process'", 10), ("Result = 'Failed' AND Seq >= 15", 3),
                     ("Result = 'Succeeded'", 0), (f"Time > '{all_[4]['Time']}'", 5), (f"Time >= '{all_[4]['Time']}' AND Time <= '{all_[5]['Time']}'", 2),
                     ("Time > '2100-01-01T00:00:00Z'", 0), ("Seq = 2", 0), ("NOT (Seq < 19)", 1), ("Seq = 1 OR Seq = 3", 2)):
        got = records(agent, where)
        case(f'where {where}', len(got) == n, got)
    case('limit', [r['Seq'] for r in records(agent, Limit=3)] == [1, 3, 5])
    r = agent.call('ExecQuery', {'QueryLanguage': 'SQL', 'Query': "SELECT Method, count(*) AS n FROM AuditRecord WHERE Result = 'Failed' GROUP BY Method"})
    case('SQL over the audit', r['result']['Instances'] == [{'Method': 'SendSignal', 'n': 10}], r)
    v = verify(agent)
    case('the chain fits', v['Valid'] and v['Records'] == 20 and v['FirstBad'] is None and v['Anchor'] is None, v)
    head = v['Head']
    case('the head is the last hash', rows_of(folder, 'SELECT hash FROM audit ORDER BY seq DESC LIMIT 1')[0][0] == head)

    # ---- tampering ----
    agent.stop()
    shutil.copytree(folder, folder + '.good')
    for what, sql, bad in (('a changed word', "UPDATE audit SET user = 'mallory' WHERE seq = 7", 7), ('a record less', 'DELETE FROM audit WHERE seq = 4', 4),
                           ('a changed hash', "UPDATE audit SET hash = 'x' WHERE seq = 12", 12), ('roles added', "UPDATE audit SET roles = NULL WHERE seq = 5", 5),
                           ('the first ones cut off', 'DELETE FROM audit WHERE seq < 5', 1),
                           ('the first ones cut off, with an anchor of their own making',
                            "INSERT INTO anchor SELECT seq, hash, 0, 'f', 'd' FROM audit WHERE seq = 4; DELETE FROM audit WHERE seq < 5", 5)):
        db = database()
        db.executescript(sql)
        db.commit()
        db.close()
        agent = start()
        v = verify(agent)
        case(f'found: {what}', not v['Valid'] and v['FirstBad'] == bad, v)
        agent.stop()
        shutil.rmtree(folder)
        shutil.copytree(folder + '.good', folder)
    db = database()
    db.execute('DELETE FROM audit WHERE seq > 18')
    db.commit()
    db.close()
    agent = start()
    v = verify(agent)
    case('cut off at the end: the head tells', v['Valid'] and v['Head'] != head, v)
    agent.stop()
    shutil.rmtree(folder)
    shutil.copytree(folder + '.good', folder)

    # ---- rotation ----
    conf = os.path.join(folder, 'reeve.conf')
    open(conf, 'w').write('[ssh]\nport = 0\n[audit]\nkeep_records = 100\nkeep_days = 0\n')
    agent = start('--config', conf)
    with agent.open() as p:
        for i in range(400):
            change(p, 2 ** 30 + i)
    v = verify(agent)
    left = rows_of(folder, 'SELECT count(*), min(seq), max(seq) FROM audit')[0]
    case('bounded', left[0] < 100 + 2 * 256 + 10 and v['Anchor'] and left[1] == v['Anchor'] + 1, (left, v))
    case('the chain goes on from the anchor', v['Valid'] and v['Records'] == left[0], v)
    segments = sorted(glob.glob(os.path.join(folder, 'audit', 'audit-*.jsonl')))
    lines = [json.loads(l) for s in segments for l in open(s)]
    case('segments hold what has gone', [int(l['seq']) for l in lines] == list(range(1, v['Anchor'] + 1)), (segments, len(lines)))
    names = ['seq', 'intent', 'time', 'session', 'user', 'uid', 'source', 'operation', 'class', 'key', 'method', 'arguments', 'request_key', 'result', 'status', 'message',
             'changed', 'duration', 'roles']
    before, fits = '', True
    for l in lines:   # the chain, computed here, independently
        h = hashlib.sha256(before.encode())
        for n in names:
            s = l.get(n)
            if s is None and n == 'roles':
                continue
            h.update(b'-' if s is None else f'{len(s.encode())}:'.encode() + s.encode())
        fits &= h.hexdigest() == l['hash']
        before = l['hash']
    anchor = rows_of(folder, 'SELECT hash, digest FROM anchor')[0]
    case('the chain in the segments ends at the anchor', fits and before == anchor[0], (before, anchor))
    case('the segment is the one recorded', hashlib.sha256(open(segments[-1], 'rb').read()).hexdigest() == anchor[1])
    rotations = records(agent, "Operation = 'Rotate'")
    case('rotations are recorded', rotations and json.loads(rotations[-1]['Arguments'])['LastSeq'] == v['Anchor'], rotations)
    # ---- export: what is in segments and what is not, in pieces, checked elsewhere ----
    exported, after, pieces = [], 0, 0
    while True:
        r = agent.call('InvokeMethod', {'ClassName': 'AuditRecord', 'MethodName': 'Export', 'InParameters': {'AfterSeq': after, 'Limit': 300}})['result']
        exported += r['Lines']
        pieces += 1
        if not r['More']:
            break
        after = r['LastSeq']
    last = rows_of(folder, 'SELECT max(seq), hash FROM audit')[0]
    case('all are exported', pieces > 2 and [int(json.loads(l)['seq']) for l in exported] == list(range(1, last[0] + 1)), (pieces, len(exported), last))
    out = os.path.join(folder, 'exported')

    def check(lines):
        open(out, 'w').write(''.join(l + '\n' for l in lines))
        return subprocess.run([f'{BUILD}/bin/reeve-agent', '--verify-audit', out], capture_output=True, text=True)
    r = check(exported)
    case('they fit, without an agent', r.returncode == 0 and f'{last[0]} records fit, from 1 to {last[0]}' in r.stdout and last[1] in r.stdout, r)
    r = check(exported[100:])
    case('from the middle on', r.returncode == 0 and 'taken as it is' in r.stdout, r)
    r = check([l.replace('"user":"', '"user":"x') if i == 50 else l for i, l in enumerate(exported)])
    case('a changed one is found', r.returncode == 1 and ':51: its hash does not fit' in r.stderr, r)
    case('one that is missing is found', ':51: records are missing' in check(exported[:50] + exported[51:]).stderr)
    case('what is no record is told', ':1: it is no record' in check(['{}']).stderr)
    r = subprocess.run([f'{BUILD}/bin/reeve-agent', '--verify-audit', *segments], capture_output=True, text=True)
    case('segments are checked likewise', r.returncode == 0 and f"from 1 to {v['Anchor']}" in r.stdout, r)
    case('segments are read-only and private', all(os.stat(s).st_mode & 0o377 == 0 for s in segments))
    agent.stop()
    db = database()
    db.execute("UPDATE anchor SET hash = ?", ('0' * 64,))
    db.commit()
    db.close()
    agent = start('--config', conf)
    case('a changed anchor is found', not verify(agent)['Valid'])
    agent.stop()
    open(conf, 'w').write('[audit]\nkeep_days = many\n')
    try:
        start('--config', conf).stop()
        case('a bad value ends the start', False)
    except SystemExit as e:
        case('a bad value ends the start', ':2:' in str(e) and 'keep_days' in str(e), e)

    # Not more segments than allowed.
    shutil.rmtree(folder)
    os.mkdir(folder)
    open(conf, 'w').write('[audit]\nkeep_records = 50\nkeep_segments = 2\n')
    agent = start('--config', conf)
    with agent.open() as p:
        for i in range(700):
            change(p)
    segments = sorted(os.listdir(os.path.join(folder, 'audit')))
    v = verify(agent)
    case('the oldest segments go', len(segments) == 2 and segments[-1].endswith(f"-{v['Anchor']:012}.jsonl") and v['Valid'], (segments, v))
    agent.stop()

    # Age.
    shutil.rmtree(folder)
    shutil.copytree(folder + '.good', folder)
    db = database()
    db.execute('UPDATE audit SET time = time - 86400 * 1000000000 * 11 WHERE seq <= 6')
    db.commit()
    db.close()
    open(conf, 'w').write('[audit]\nkeep_days = 10\n')
    agent = start('--config', conf)
    with agent.open() as p:
        change(p)
    case('old ones go', rows_of(folder, 'SELECT min(seq) FROM audit')[0][0] == 7 and [r['Seq'] for r in records(agent, 'Seq < 10')] == [7, 9])
    agent.stop()

    # A segment that cannot be written.
    open(os.path.join(folder, 'x'), 'w').close()
    shutil.rmtree(os.path.join(folder, 'audit'))
    os.rename(os.path.join(folder, 'x'), os.path.join(folder, 'audit'))
    db = database()
    db.execute('UPDATE audit SET time = time - 86400 * 1000000000 * 11 WHERE seq <= 8')
    db.commit()
    db.close()
    agent = start('--config', conf)
    with agent.open() as p:
        r = change(p)
    case('without a segment nothing goes, and changes go on', rows_of(folder, 'SELECT min(seq) FROM audit')[0][0] == 7 and r['error']['code'] == -32006, r)
    agent.stop()

    # ---- secrets ----
    shutil.rmtree(folder)
    os.mkdir(folder)
    agent = Agent('tests/bin/reeve-agent-modes', folder)
    for name in 'Password', 'password', 'PASSWORD':
        agent.call('CreateInstance', {'ClassName': 'T_Item', 'Properties': {'Name': 'apple', name: 'hunter2'}, 'RequestKey': name})
    agent.call('ModifyInstance', {'ClassName': 'T_Item', 'InstanceName': {'Name': 'apple', 'Generation': 1}, 'Properties': {'Password': 'hunter2'}})
    agent.stop()
    text = b''.join(open(os.path.join(folder, f), 'rb').read() for f in os.listdir(folder) if not f.endswith('.sock'))
    case('no secret on disk', b'hunter2' not in text and b'***' in text)

    # ---- sessions ----
    shutil.rmtree(folder)
    os.mkdir(folder)
    agent = start()
    victim, admin = agent.open(), agent.open()
    mine = victim.call('Hello')['result']['Session']
    listed = {s['Id']: s for s in agent.call('EnumerateInstances', {'ClassName': 'Session'})['result']['Instances']}
    s = listed.get(mine, {})
    case('a session is an object', s.get('User') and s['Source'] == 'local' and s['ProcessId'] == os.getpid() and s['Calls'] == 1 and s['Language'] == 'Full' and
         s['Roles'] in ('root', 'self') and s['Transport'] == 'Local' and s['State'] == 'Open', s)
    r = admin.call('GetInstance', {'ClassName': 'Session', 'InstanceName': {'Id': mine}})
    case('one session', r.get('result', {}).get('Id') == mine, r)
    end = {'ClassName': 'Session', 'InstanceName': {'Id': mine}, 'MethodName': 'Terminate'}
    r = admin.call('InvokeMethod', dict(end, WhatIf=True))
    case('end it, what if', r['result']['WhatIf'] and victim.call('Ping')['result'] == {}, r)
    r = admin.call('InvokeMethod', end)
    case('end it', r['result']['ReturnValue'] == 0 and victim.line() is None, r)
    r = admin.call('InvokeMethod', end)
    case('end it again', r['error']['code'] == -32006, r)
    r = admin.call('ExecQuery', {'QueryLanguage': 'SQL', 'Query': f"SELECT count(*) AS n FROM Session WHERE Id = '{mine}'"})
    case('it has gone', r['result']['Instances'] == [{'n': 0}], r)
    own = admin.call('Hello')['result']['Session']
    admin.send(json.dumps({'jsonrpc': '2.0', 'id': 9, 'method': 'InvokeMethod', 'params': dict(end, InstanceName={'Id': own})}) + '\n')
    case('end oneself', admin.line() is None)
    child = subprocess.Popen([sys.executable, '-c', f'import socket, time; s = socket.socket(socket.AF_UNIX); s.connect({agent.path!r}); print(1, flush=True); time.sleep(60)'],
                             stdout=subprocess.PIPE)
    child.stdout.readline()
    for n in range(100):
        found = [s['Id'] for s in agent.call('EnumerateInstances', {'ClassName': 'Session'})['result']['Instances'] if s['ProcessId'] == child.pid]
        if found:
            break
    r = agent.call('InvokeMethod', dict(end, InstanceName={'Id': found[0]}, InParameters={'Force': True}))
    case('end it with its process', r['result']['ReturnValue'] == 0 and child.wait(10) == -signal.SIGHUP, r)
    case('ends are recorded', [r['Result'] for r in records(agent, "Method = 'Terminate'")] == ['Succeeded', 'Failed', 'Succeeded', 'Succeeded'],
         [r['Result'] for r in records(agent, "Method = 'Terminate'")])
    agent.stop()
finally:
    for f in folder, folder + '.good':
        shutil.rmtree(f, ignore_errors=True)
case.end()
