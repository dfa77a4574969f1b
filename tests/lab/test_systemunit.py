#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SystemUnit on a booted systemd: every property of every unit of every kind beside `systemctl show`, methods by their effect and by
the error they give, events, associations."""
import datetime, os, shlex, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good

check = agentlib.Cases()


def shown(machine, names):
    """systemctl show of many at once: unit -> property -> texts (sockets have several Listen=)."""
    out = {}
    for i in range(0, len(names), 100):
        text = machine.run("systemctl show --all --timestamp=us+utc --no-pager -- " + ' '.join(f"'{n}'" for n in names[i:i + 100])).stdout
        for name, block in zip(names[i:i + 100], text.split('\n\n')):
            for line in block.splitlines():
                if '=' in line:
                    key, value = line.split('=', 1)
                    out.setdefault(name, {}).setdefault(key, []).append(value)
    return out


def stamp(v):
    return datetime.datetime.fromisoformat(v.replace('Z', '+00:00')).strftime('%a %Y-%m-%d %H:%M:%S.%f UTC') if v else ''


text = lambda v: [v or '']
yes = lambda v: ['yes' if v else 'no']
words = lambda v: sorted(v or [])
number = lambda v: ['' if v is None else str(v)]
PLAIN = ('Description', 'LoadState', 'ActiveState', 'SubState', 'InvocationID', 'FragmentPath', 'SourcePath', 'Result', 'ControlGroup', 'Slice', 'Where', 'What', 'Options')
LISTS = ('DropInPaths', 'Names', 'Requires', 'Requisite', 'Wants', 'BindsTo', 'PartOf', 'Conflicts', 'After', 'Before', 'RequiredBy', 'WantedBy', 'BoundBy', 'Triggers', 'TriggeredBy', 'OnFailure', 'Documentation')
BOOLS = ('CanStart', 'CanStop', 'CanReload', 'NeedDaemonReload', 'Transient', 'Accept')
TIMES = ('StateChangeTimestamp', 'ActiveEnterTimestamp', 'InactiveEnterTimestamp')
NUMBERS = ('NConnections', 'NAccepted', 'NRefused')
TABLE = {**{p: text for p in PLAIN}, **{p: words for p in LISTS}, **{p: yes for p in BOOLS}, **{p: stamp for p in TIMES}, **{p: number for p in NUMBERS}}


def wrong(r, real):
    """Where a row is not what systemctl shows."""
    bad = []
    for p, how in TABLE.items():
        if p not in real:   # a property that this kind has not
            if r[p] not in (None, []) and p not in LISTS:
                bad.append((p, r[p], 'not shown'))
            continue
        want = sorted(shlex.split(' '.join(real[p]))) if how is words else real[p]
        got = how(r[p]) if how is not stamp else [stamp(r[p])]
        if got != want:
            bad.append((p, r[p], real[p]))
    if r['Type'] == 'socket' and sorted(r['Listen'] or []) != sorted(real.get('Listen', [])):
        bad.append(('Listen', r['Listen'], real.get('Listen')))
    if r['Type'] == 'path' and sorted(r['Paths'] or []) != sorted(real.get('Paths', [])):
        bad.append(('Paths', r['Paths'], real.get('Paths')))
    if real.get('UnitFileState', [''])[0] and r['UnitFileState'] and r['UnitFileState'] != real['UnitFileState'][0]:
        bad.append(('UnitFileState', r['UnitFileState'], real['UnitFileState']))
    tried = real.get('ConditionTimestamp', [''])[0]
    if r['ConditionResult'] != ((real['ConditionResult'] == ['yes']) if tried else None):
        bad.append(('ConditionResult', r['ConditionResult'], real['ConditionResult']))
    return bad


def properties(m, a):
    m.run("""cd /etc/systemd/system
        printf '[Unit]\\nDescription=Looks\\n[Path]\\nPathExists=/run/never\\nPathChanged=/run/other\\nUnit=lab-p.service\\n' > lab-p.path
        printf '[Service]\\nExecStart=/bin/true\\n' > lab-p.service
        printf '[Socket]\\nListenStream=/run/lab.sock\\nListenDatagram=127.0.0.1:9999\\nListenFIFO=/run/lab.fifo\\nAccept=no\\n' > lab-s.socket
        printf '[Service]\\nExecStart=/bin/sleep 100\\n[Unit]\\nOnFailure=lab-p.service\\nRequisite=lab-s.socket\\n' > lab-s.service
        printf '[Service]\\nType=simple\\n' > lab-bad.service
        mkdir -p /usr/local/lib/systemd/system; printf '[Unit]\\nDescription=To be masked\\n' > /usr/local/lib/systemd/system/lab-k.target
        printf '[Mount]\\nWhat=tmpfs\\nWhere=/lab-m\\nType=tmpfs\\nOptions=size=1M,nodev\\n' > lab\\\\x2dm.mount
        mkdir lab-s.socket.d; printf '[Unit]\\nDescription=Dropped in\\n' > lab-s.socket.d/one.conf
        systemctl daemon-reload; systemctl start lab-p.path lab-s.socket 'lab\\x2dm.mount'; systemctl start lab-bad.service""")
    rows = {r['Name']: r for r in a.rows('SystemUnit')}
    listed = [l.split()[:3] for l in m.run("systemctl list-units --all --plain --no-legend --no-pager").stdout.splitlines()]
    missing = [n for n, load, _ in listed if load != 'not-found' and n not in rows]
    check('no loaded unit is missing', not missing, missing)
    files = [l.split()[0] for l in m.run('systemctl list-unit-files --no-legend --no-pager').stdout.splitlines() if ' alias ' not in l and '@.' not in l.split()[0]]
    missing = [n for n in files if n not in rows]
    check('no installed unit is missing', not missing, missing)
    kinds = {r['Type'] for r in rows.values()}
    check('all kinds', {'service', 'socket', 'target', 'mount', 'timer', 'path', 'slice', 'scope'} <= kinds, kinds)
    real, bad, compared = shown(m, list(rows)), [], 0
    for n, r in rows.items():
        w = wrong(r, real[n])
        if w:   # what moves meanwhile is looked at again
            r, again = a.one('SystemUnit', {'Name': n}), shown(m, [n])
            w = wrong(r, again[n]) if r else [('gone', n, again[n].get('LoadState'))]
        check(f'{n} beside systemctl show', not w, w[:3])
        compared += 1
    print(f'{compared} units of {len(kinds)} kinds, {len(TABLE) + 4} properties each')
    s = rows['lab-s.socket']
    check('where a socket listens', set(s['Listen']) == {'/run/lab.sock (Stream)', '127.0.0.1:9999 (Datagram)', '/run/lab.fifo (FIFO)'} and s['SubState'] == 'listening' and s['Triggers'] == ['lab-s.service'], s)
    check('what a path watches', set(rows['lab-p.path']['Paths']) == {'/run/never (PathExists)', '/run/other (PathChanged)'}, rows['lab-p.path']['Paths'])
    check('a bad file', rows['lab-bad.service']['LoadState'] == 'bad-setting' and rows['lab-bad.service']['LoadError'], rows['lab-bad.service'])
    check('a drop-in', s['Description'] == 'Dropped in' and s['DropInPaths'] == ['/etc/systemd/system/lab-s.socket.d/one.conf'], s)
    m.run("printf '[Unit]\\nDescription=Dropped in again\\n' > /etc/systemd/system/lab-s.socket.d/two.conf")
    check('a drop-in that PID 1 has not read', a.one('SystemUnit', {'Name': 'lab-s.socket'}, 'NeedDaemonReload') == {'NeedDaemonReload': True} and m.run('systemctl show -P NeedDaemonReload lab-s.socket').stdout == 'yes\n',
          a.one('SystemUnit', {'Name': 'lab-s.socket'}, 'NeedDaemonReload'))
    m.run('systemctl daemon-reload')
    check('and has', a.one('SystemUnit', {'Name': 'lab-s.socket'}, 'NeedDaemonReload', 'Description') == {'NeedDaemonReload': False, 'Description': 'Dropped in again'})


def methods(m, a):
    key, active = {'Name': 'lab-s.socket'}, lambda u: m.run(f"systemctl is-active '{u}'").stdout.strip()
    do = lambda method, name='lab-s.socket', what_if=False, **kw: a.do('SystemUnit', {'Name': name}, method, what_if, **kw)
    r = do('Stop', what_if=True)
    check('what-if', good(r) and r['result']['Changed'] == [{'Property': 'ActiveState', 'From': 'active', 'To': 'inactive'}] and active('lab-s.socket') == 'active', r)
    check('Stop', good(do('Stop')) and active('lab-s.socket') == 'inactive' and a.one('SystemUnit', key, 'SubState') == {'SubState': 'dead'})
    check('Stop again changes nothing', not do('Stop')['result'].get('Changed'))
    check('Start', good(do('Start')) and active('lab-s.socket') == 'active' and a.one('SystemUnit', key, 'SubState') == {'SubState': 'listening'})
    check('a mount', good(do('Stop', r'lab\x2dm.mount')) and m.run('findmnt /lab-m').returncode == 1 and good(do('Start', r'lab\x2dm.mount')) and m.run('findmnt /lab-m').returncode == 0)
    check('Restart', good(do('Restart')) and active('lab-s.socket') == 'active')
    check('Reload of what cannot', status(do('Reload')) == 'NOT_SUPPORTED', do('Reload'))
    check('no such unit', status(do('Start', 'nope.socket')) == 'NOT_FOUND' and 'Get-SystemUnit' in do('Start', 'nope.socket')['error']['data']['Hint'])
    for name in ('nope', '', '../x.socket', 'a b.socket', 'x' * 400 + '.socket', '-x.target', 'x.nokind'):
        check(f'no name of a unit: {name[:20]!r}', status(do('Start', name)) == 'NOT_FOUND' and a.one('SystemUnit', {'Name': name}) is None, do('Start', name))
    r = do('Enable')
    check('what has no [Install] is not enabled', status(r) == 'NOT_SUPPORTED', r)
    m.run("cd /etc/systemd/system; printf '[Install]\\nWantedBy=sockets.target\\n' >> lab-s.socket; systemctl daemon-reload")
    check('Enable', good(do('Enable')) and m.run('systemctl is-enabled lab-s.socket').stdout == 'enabled\n' and a.one('SystemUnit', key, 'UnitFileState', 'WantedBy') == {'UnitFileState': 'enabled', 'WantedBy': ['sockets.target']},
          a.one('SystemUnit', key, 'UnitFileState', 'WantedBy'))
    check('Disable', good(do('Disable')) and m.run('systemctl is-enabled lab-s.socket').stdout == 'disabled\n' and a.one('SystemUnit', key, 'UnitFileState') == {'UnitFileState': 'disabled'})
    for more, word in (({}, 'masked'), ({'Runtime': True}, 'masked-runtime')):
        check(f'Mask {more}', good(do('Mask', 'lab-k.target', **more)) and a.one('SystemUnit', {'Name': 'lab-k.target'}, 'UnitFileState', 'LoadState') == {'UnitFileState': word, 'LoadState': 'masked'},
              a.one('SystemUnit', {'Name': 'lab-k.target'}, 'UnitFileState', 'LoadState'))
        r = do('Start', 'lab-k.target')
        check('a masked one does not start', status(r) == 'FAILED' and 'masked' in r['error']['message'] and active('lab-k.target') == 'inactive', r)
        r = do('Enable', 'lab-k.target')
        check('nor is it enabled', status(r) == 'FAILED' and 'Unmask' in r['error']['data']['Hint'], r)
        check(f'Unmask {more}', good(do('Unmask', 'lab-k.target', **more)) and good(do('Start', 'lab-k.target')) and active('lab-k.target') == 'active')
        do('Stop', 'lab-k.target')
    for more in ({}, {'Runtime': True}):
        r = do('Mask', **more)
        check(f'no mask where the unit file itself is {more}', status(r) == 'NOT_SUPPORTED' and 'Manual' in r['error']['data']['Hint'], r)
    r = do('Start', 'lab-bad.service')
    check('a bad file is told', status(r) == 'FAILED', r)
    m.run("printf '[Mount]\\nWhat=/dev/nope\\nWhere=/lab-n\\nType=ext4\\n' > '/etc/systemd/system/lab\\x2dn.mount'; systemctl daemon-reload")
    r = do('Start', r'lab\x2dn.mount')
    check('a mount that cannot be is told', status(r) == 'FAILED' and a.one('SystemUnit', {'Name': r'lab\x2dn.mount'}, 'ActiveState') == {'ActiveState': 'failed'}, r)
    r = do('ResetFailed', r'lab\x2dn.mount')
    check('ResetFailed', good(r) and a.one('SystemUnit', {'Name': r'lab\x2dn.mount'}, 'ActiveState') == {'ActiveState': 'inactive'}, (r, a.one('SystemUnit', {'Name': r'lab\x2dn.mount'}, 'ActiveState')))


def related(m, a, path):
    got = a.call('Associators', 'Service', {'Name': 'lab-s'}, AssocClass='ServiceTrigger')['result']['Instances']
    check('the socket of a service', [r['Name'] for r in got] == ['lab-s.socket'], got)
    got = a.call('Associators', 'SystemUnit', {'Name': 'lab-s.socket'}, AssocClass='ServiceTrigger')['result']['Instances']
    check('and back', [r['Name'] for r in got] == ['lab-s'], got)
    agentlib.Reader.patience = 60
    r = agentlib.Reader(agentlib.Peer(path), Query="SELECT TargetInstance.Name, TargetInstance.ActiveState FROM __InstanceModificationEvent WHERE TargetInstance ISA 'SystemUnit' AND TargetInstance.Name = 'lab-s.socket'")
    check('the baseline', r.until(lambda p: p['Kind'] == 'Sync')[-1])
    m.run('systemctl stop lab-s.socket')
    got = r.until(lambda p: p.get('Indication', {}).get('TargetInstance', {}).get('ActiveState') == 'inactive')
    check('a socket that closes is told', got[-1], got)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('units')
        path = m.agent()
        a = Asked(path)
        a.peer.sock.settimeout(60)
        properties(m, a)
        methods(m, a)
        related(m, a, path)
    check.end()


main()
