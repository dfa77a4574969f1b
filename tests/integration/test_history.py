#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Change history: a class as it was, what changed and who did it, over restarts, within bounds and within roles."""
import datetime, json, os, shutil, sqlite3, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, BUILD, Cases
from rolelib import RoleAgent

case = Cases()
PATIENCE = 30   # seconds


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def wait(question):
    """What the question answers, once it is true."""
    end = time.monotonic() + PATIENCE
    while True:
        got = question()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.02)


def rows(r):
    return r.get('result', {}).get('Instances')


def read(agent, class_name, **p):
    return agent.call('EnumerateInstances', dict(ClassName=class_name, **p))


def begun(agent, *classes):
    return all(wait(lambda: rows(read(agent, c, At=now())) is not None) for c in classes)


def config(folder, *lines):
    path = os.path.join(folder, 'reeve.conf')
    with open(path, 'w') as f:
        f.write('[history]\n' + '\n'.join(lines) + '\n')
    return path


def bounds():
    """Many changes, few kept: what is left begins later and is still whole."""
    folder = tempfile.mkdtemp(prefix='reeve-history.')
    agent = Agent('tests/bin/reeve-agent-modes', folder, more=('--config', config(folder, 'keep = T_Told, T_Item', 'states = 400')))
    tell = lambda id, value, count=1: agent.call('InvokeMethod', {'ClassName': 'T_Told', 'MethodName': 'Set', 'InParameters': {'Id': id, 'Value': value, 'Count': count}})
    try:
        case('history begins', begun(agent, 'T_Told', 'T_Item'))
        first = now()
        for value in range(1, 41):
            tell(0, value, 50)
            case(f'change {value}', wait(lambda: (rows(read(agent, 'T_Told', At=now(), Filter='Id = 49')) or [{}])[0].get('Value') == value))
        db = sqlite3.connect(os.path.join(folder, 'state.db'))
        n = db.execute('SELECT count(*) FROM history').fetchone()[0]
        db.close()   # closing a file takes all locks of the process on it: none may be held when they are read below
        case('states are bounded', n <= 400 + 256 + 50, n)
        r = read(agent, 'T_Told', At=first)
        case('what has gone is told', 'begins at' in r.get('error', {}).get('message', ''), r)
        r = rows(read(agent, 'T_Told', At=now()))
        case('what is left is whole', len(r or ()) == 50 and {x['Value'] for x in r} == {40}, r)
        agent.call('CreateInstance', {'ClassName': 'T_Item', 'Properties': {'Name': 'abc', 'Colour': 'red', 'Password': 'geheim'}})
        case('what nobody pushes is read after a change by reeve', wait(lambda: [x['Name'] for x in rows(read(agent, 'T_Item', At=now())) or ()] == ['abc']))
        agent.call('ModifyInstance', {'ClassName': 'T_Item', 'InstanceName': {'Name': 'abc', 'Generation': 1}, 'Properties': {'Amount': 70}})
        case('a view', wait(lambda: [(x['Handle'], x['Tens']) for x in rows(read(agent, 'Win32_TestItem', At=now())) or ()] == [('abc', 7)]))
        agent.proc.kill()
        agent.proc.wait()
        case('no secret is kept', b'geheim' not in b''.join(open(os.path.join(folder, f), 'rb').read() for f in os.listdir(folder) if f.startswith('state.db')))
        gap = now()
        again = Agent('tests/bin/reeve-agent-modes', folder, more=('--config', os.path.join(folder, 'reeve.conf')))
        try:
            db = sqlite3.connect(os.path.join(folder, 'state.db'))   # after a kill -9, the object that is gone is found gone
            gone = wait(lambda: db.execute("SELECT count(*) FROM history WHERE class = 'T_Told' AND kind = 4 AND found > 0").fetchone()[0])
            case('what happened meanwhile is found', gone == 50, gone)
            r = read(again, 'T_Told', At=gap)
            case('a time nobody looked', len(rows(r) or ()) == 50 and 'not watched from' in r['result']['Partial'][0]['message'], r)
            case('after it', rows(read(again, 'T_Told', At=now())) == [])
        finally:
            case('ends cleanly', again.stop() == 0, again.said)
    finally:
        shutil.rmtree(folder)


def keeping():
    """A call says which classes are kept, also after a restart."""
    folder = tempfile.mkdtemp(prefix='reeve-history.')
    start = lambda: Agent('bin/reeve-agent', folder, more=('--config', config(folder, 'keep = none')))
    known = lambda: {h['ClassName']: h for h in rows(read(agent, 'ChangeHistory')) or ()}
    agent = start()
    try:
        case('nothing is kept', known() == {})
        for name, code in (('Win32_Process', -32004), ('ProcessStart', -32004), ('Nowhere', -32005)):
            r = agent.call('InvokeMethod', {'ClassName': 'ChangeHistory', 'MethodName': 'Keep', 'InParameters': {'ClassName': name}})
            case(f'{name} cannot be kept', r.get('error', {}).get('code') == code, r)
        r = agent.call('InvokeMethod', {'ClassName': 'ChangeHistory', 'MethodName': 'Keep', 'InParameters': {'ClassName': 'TimeZone'}, 'WhatIf': True})
        case('what if', r['result']['Changed'] and known() == {}, r)
        r = agent.call('InvokeMethod', {'ClassName': 'ChangeHistory', 'MethodName': 'Keep', 'InParameters': {'ClassName': 'localgroupmember', 'Interval': 3600}})
        case('a class is kept by a call', 'result' in r and wait(lambda: known().get('LocalGroupMember', {}).get('Live')), (r, known()))
        h = known()['LocalGroupMember']
        case('what is told of it', h['Kept'] and h['ByCall'] and not h['Pushed'] and h['Interval'] == 3600 and h['Began'] and not h['Ended'] and h['Changes'] == 0 and h['Spans'] == 1, h)
        agent.stop()
        agent = start()
        case('after a restart as well', wait(lambda: known().get('LocalGroupMember', {}).get('Live')) and known()['LocalGroupMember']['Spans'] == 2, known())
        agent.call('InvokeMethod', {'ClassName': 'ChangeHistory', 'MethodName': 'Keep', 'InParameters': {'ClassName': 'TimeZone'}})
        case('a class of one object', wait(lambda: known().get('TimeZone', {}).get('Live')) and len(rows(read(agent, 'TimeZone', At='now')) or ()) == 1, known())
        r = agent.call('InvokeMethod', {'ClassName': 'ChangeHistory', 'InstanceName': {'ClassName': 'LocalGroupMember'}, 'MethodName': 'Forget', 'InParameters': {'Purge': True}})
        case('not any more', 'result' in r and wait(lambda: not known()['LocalGroupMember']['Kept'] and known()['LocalGroupMember']['States'] == 0), (r, known()))
        r = read(agent, 'LocalGroupMember', At=now())
        case('and it is gone', r.get('error', {}).get('code') == -32007, r)
    finally:
        case('ends cleanly', agent.stop() == 0, agent.said)
        shutil.rmtree(folder)


ROLE = """[Role]
[Who]
User = daemon
[Allow mounts]
Class = Mount
Operation = Read
Property = FileSystem, Source
Where = FileSystem = 'tmpfs'
[Allow changes]
Class = ChangeRecord
Operation = Read
[Allow events]
Class = EventRecord
Operation = Read
"""


def shell(agent, before, there, dark, where):
    """The same by cmdlets."""
    def run(text):
        text = f"$before = [datetime]'{before}'; $there = [datetime]'{there}'; $dark = [datetime]'{dark}'; $where = '{where}'\n" + text
        r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', text], env=dict(os.environ, REEVE_SOCKET=agent.path), capture_output=True, text=True, timeout=60)
        return r.stdout.strip() + r.stderr.strip()

    for what, text, wanted in (
            ('Get-Mount -At', '(Get-Mount $where -At $there).ReadOnly; (Get-Mount $where -At $dark).ReadOnly', 'False\nTrue'),
            ('what is not kept is null, not what it is now', "$null -eq (Get-Mount / -At $there).FreeSpace -and (Get-Mount /).FreeSpace -ne $null", 'True'),
            ('Get-CimInstance -At', "(Get-CimInstance Mount -At $dark -Filter \"Name = '$where'\").ReadOnly", 'True'),
            ('Get-CimInstance -Query -At', "(Get-CimInstance -Query \"SELECT * FROM Mount WHERE Name = '$where'\" -At $there).ReadOnly", 'False'),
            ('Invoke-CimQuery -At', "(Invoke-CimQuery \"SELECT count(*) AS n FROM Mount WHERE Name = '$where'\" -At $there).n; (Invoke-CimQuery \"SELECT count(*) AS n FROM Mount WHERE Name = '$where'\" -At $before).n", '1\n0'),
            ('Get-ChangeRecord', "(Get-ChangeRecord -ClassName Mount | Where-Object Key -like \"*$where*\").Kind -join ' '", 'Create Modify Delete'),
            ('Compare-CimState', "Compare-CimState Mount $there $dark | Where-Object Key -like \"*$where*\" | ForEach-Object { $_.Change, $_.Property, ($_.ReferenceValue -join ','), ($_.DifferenceValue -join ','), $_.ChangedBy -join ' ' }",
             'Modify Options rw,relatime,size=1024k ro,relatime,size=1024k \nModify ReadOnly False True'),
            ('Compare-CimState: came', "(Compare-CimState Mount $before $there).ForEach{ $_.Change, $_.DifferenceValue.Name, $_.ChangedBy -join ' ' }", f'Create {where} root'),
            ('Compare-CimState: until now', "Compare-CimState Mount $dark -Property ReadOnly | ForEach-Object { $_.Change, $_.ReferenceValue.ReadOnly, $_.ChangedBy -join ' ' }", 'Delete True root')):
        got = run(text)
        case(what, got == wanted, got)
    for what, text, words in (('before the history', "Get-Mount / -At '2001-01-01'", 'begins at'), ('a class that is not kept', 'Get-Process -At $there', 'No history of Process is kept'),
                              ('nothing to compare with', 'Compare-CimState Mount', 'Say with what to compare')):
        got = run(text)
        case(f'error: {what}', words in ' '.join(got.replace('|', ' ').split()), got)


def events(agent, within):
    """Events that are kept for a subscription, as its user may read them."""
    with agent.open() as root, agent.as_user('daemon') as daemon:
        query = "SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'Mount'"
        mine = daemon.call('Subscribe', {'Query': query, 'Durable': True})
        other = root.call('Subscribe', {'Query': query.replace('Mount', 'NetIPAddress'), 'Durable': True})
        case('durable subscriptions', 'result' in mine and 'result' in other, (mine, other))
        while daemon.line()['params']['Kind'] != 'Sync' or root.line()['params']['Kind'] != 'Sync':
            pass
        folders = [tempfile.mkdtemp(prefix='reeve-event.') for _ in range(2)]
        try:
            within('mount', '-t', 'tmpfs', 'ev1', folders[0])
            within('mount', '-t', 'ramfs', 'ev2', folders[1])
            within('ip', 'addr', 'add', '10.99.8.1/24', 'dev', 'lo')
            got = wait(lambda: (lambda r: r if len(r) > 1 else None)(rows(read(agent, 'EventRecord')) or []))
            case('kept events', got and {(e['ClassName'], e['Kind']) for e in got} == {('Mount', 'Create'), ('NetIPAddress', 'Create')} and all(e['Time'] for e in got), got)
            r = agent.call_as('daemon', 'EnumerateInstances', ClassName='EventRecord')
            seen = [json.loads(e['Event'])['TargetInstance'] for e in rows(r) or ()]
            case('those of his own, as he may see them', [s['Name'] for s in seen] == [folders[0]] and 'ReadOnly' not in seen[0] and seen[0]['FileSystem'] == 'tmpfs', r)
            r = agent.call('ExecQuery', {'QueryLanguage': 'SQL', 'Query': f"SELECT ClassName, count(*) AS n FROM EventRecord WHERE Subscription = '{other['result']['Subscription']}' GROUP BY 1"})
            case('by SQL', rows(r) == [{'ClassName': 'NetIPAddress', 'n': 1}], r)
        finally:
            for f in folders:
                within('umount', f)
                os.rmdir(f)


def real(under, holder):
    folder = tempfile.mkdtemp(prefix='reeve-history.')
    os.chmod(folder, 0o711)
    where = os.path.join(folder, 'mnt')
    os.mkdir(where)
    more = ('--config', config(folder, 'keep = Mount, NetIPAddress'))
    agent = RoleAgent('bin/reeve-agent', {'some': ROLE}, more=more, under=under)
    within = lambda *argv: subprocess.run([*under, *argv], check=True, capture_output=True)
    changes = lambda **p: rows(read(agent, 'ChangeRecord', **p)) or []
    mounts = lambda at, **p: [m for m in rows(read(agent, 'Mount', At=at, **p)) or () if m['Name'] == where]

    def invoke(method, key=None, **p):
        q = dict(ClassName='Mount', MethodName=method, InParameters=p)
        return agent.call('InvokeMethod', dict(q, InstanceName=key) if key else q)

    def change(kind, n=1):
        return wait(lambda: [c for c in changes(Filter="ClassName = 'Mount'") if c['Kind'] == kind and where in c['Key']][n - 1:])

    try:
        case('history begins', begun(agent, 'Mount', 'NetIPAddress'))
        before = now()
        r = invoke('Create', Source='none', Name=where, FileSystem='tmpfs', Options=['size=1m'])
        case('a mount by reeve', 'result' in r, r)
        made = change('Create')
        case('its change', made and made[0]['ChangedBy'] == 'root' and made[0]['Operation'] == 'Create' and made[0]['NotBefore'] is None, made)
        there = now()
        within('mount', '-o', 'remount,ro', where)
        change('Modify')
        dark = now()
        r = invoke('Unmount', key={'Name': where, 'MountId': json.loads(made[0]['Key'])['MountId']})
        case('unmounted by reeve', 'result' in r, r)
        gone = change('Delete')
        case('who did it', gone and gone[0]['ChangedBy'] == 'root' and gone[0]['Operation'] == 'Unmount', gone)
        audit = rows(read(agent, 'AuditRecord', Filter=f"Seq = {gone[0]['AuditSeq']}"))
        case('its audit record', audit and audit[0]['Method'] == 'Unmount', audit)
        case('then it was not there', mounts(before) == [] and mounts(now()) == [])
        case('then it was', [m['ReadOnly'] for m in mounts(there)] == [False], mounts(there))
        case('then it was read-only', [m['ReadOnly'] for m in mounts(dark)] == [True], mounts(dark))
        key = json.loads(made[0]['Key'])
        for what, got in {
                'GetInstance': agent.call('GetInstance', dict(ClassName='Mount', InstanceName=key, At=there)).get('result', {}),
                'WQL': (rows(agent.call('ExecQuery', dict(Query=f"SELECT * FROM Mount WHERE Name = '{where}'", At=there))) or [{}])[0],
                'SQL': (rows(agent.call('ExecQuery', dict(Query=f"SELECT m.Name, m.FileSystem FROM Mount m JOIN NetIPAddress a ON a.IPAddress = '127.0.0.1' WHERE m.Name = '{where}'",
                                                          QueryLanguage='SQL', At=there))) or [{}])[0],
                'names': (rows(read(agent, 'Mount', At=there, Filter=f"Name = '{where}'", PropertyList=['Name', 'FileSystem'])) or [{}])[0]}.items():
            case(f'by {what}', where in json.dumps(got), got)
        case('a property of then', json.loads(change('Modify')[0]['Changed']) != [] and 'ReadOnly' in change('Modify')[0]['Properties'], change('Modify'))
        case('nobody did that by reeve', change('Modify')[0]['ChangedBy'] is None, change('Modify'))
        for what, p, code in (('not kept', dict(ClassName='Process', At=there), -32007), ('too early', dict(ClassName='Mount', At='2001-01-01T00:00:00Z'), -32004),
                              ('not yet', dict(ClassName='Mount', At='2100-01-01T00:00:00Z'), -32004), ('no time', dict(ClassName='Mount', At='yesterday'), -32004),
                              ('with Since', dict(ClassName='Mount', At=there, Since=''), -32004)):
            r = agent.call('EnumerateInstances', p)
            case(f'refused: {what}', r.get('error', {}).get('code') == code, r)
        seen = agent.call_as('daemon', 'EnumerateInstances', ClassName='Mount', At=there)
        mine = [m for m in rows(seen) or () if m['Name'] == where]
        case('roles hold for then: rows', mine and {m['FileSystem'] for m in rows(seen)} == {'tmpfs'}, seen)
        case('roles hold for then: properties', mine and 'ReadOnly' not in mine[0] and mine[0]['Source'] == 'none', mine)
        r = agent.call_as('daemon', 'EnumerateInstances', ClassName='Mount', At=there, PropertyList=['ReadOnly'])
        case('roles hold for then: a name', r.get('error', {}).get('code') == -32002, r)
        r = agent.call_as('daemon', 'EnumerateInstances', ClassName='NetIPAddress', At=there)
        case('roles hold for then: a class', r.get('error', {}).get('code') == -32002, r)
        r = agent.call_as('daemon', 'EnumerateInstances', ClassName='ChangeRecord')
        mine = [c for c in rows(r) or () if where in c['Key']]
        case('roles hold for changes', [c['Kind'] for c in mine] == ['Create', 'Delete'] and 'ReadOnly' not in json.dumps(r) and 'root' not in json.dumps(mine), r)
        shell(agent, before, there, dark, where)
        events(agent, within)
        within('ip', 'addr', 'add', '10.99.7.1/24', 'dev', 'lo')
        case('an address', wait(lambda: [c for c in changes(Filter="ClassName = 'netipaddress'") if '10.99.7.1' in c['Key']]))
        r = agent.call_as('daemon', 'EnumerateInstances', ClassName='ChangeRecord')
        case('a hidden class has no changes', rows(r) and {c['ClassName'] for c in rows(r)} == {'Mount'}, r)
    finally:
        case('ends cleanly', agent.stop() == 0, agent.said)
        shutil.rmtree(folder)


bounds()
keeping()
try:
    if os.geteuid():
        raise OSError('only root can be somebody else')
    holder = subprocess.Popen(['unshare', '-mn', '--propagation', 'private', 'sh', '-c', 'ip link set lo up && echo ready && exec sleep 300'], stdout=subprocess.PIPE, text=True)
    if holder.stdout.readline() != 'ready\n':
        raise OSError('no namespaces here')
except OSError as e:
    case.skip('mounts and addresses, roles', e)
else:
    try:
        real(('nsenter', '-t', str(holder.pid), '-m', '-n'), holder)
    finally:
        holder.kill()
        holder.wait()
case.end()
