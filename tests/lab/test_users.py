#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LocalUser, LocalGroup, LocalGroupMember on a booted machine: each account beside getent, passwd -S, chage and id; each
change by its effect there, and its refusals."""
import ctypes, datetime, os, struct, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check, until = agentlib.Cases(), agentlib.until
target = lambda p: (p or {}).get('Indication', {}).get('TargetInstance', {})
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
day = lambda text: None if text is None else (datetime.datetime.fromisoformat(text.replace('Z', '+00:00')) - EPOCH).days
STATES = {'P': 'Set', 'L': None, 'NP': 'Empty'}


def shadow(m):
    return {l.split(':')[0]: l.split(':') for l in m.run('getent shadow').stdout.splitlines()}


def users(m, a):
    real = {l.split(':')[0]: l.split(':') for l in m.run('getent passwd').stdout.splitlines()}
    rows = a.rows('LocalUser', PropertyList=['Name', 'Uid', 'SID', 'FullName', 'Description', 'Enabled', 'PasswordState', 'GroupId', 'PrimaryGroup', 'Groups',
                                             'HomeDirectory', 'Shell', 'PasswordLastSet', 'PasswordExpires', 'PasswordChangeableDate', 'AccountExpires', 'SystemAccount', 'PrincipalSource'])
    mine = {r['Name']: r for r in rows}
    check('the same users', sorted(real) == sorted(mine), set(real) ^ set(mine))
    sp = shadow(m)
    for name, f in real.items():
        s, r = sp[name], mine[name]
        number = lambda x: int(x) if x else None
        changed, least, most, end = number(s[2]), number(s[3]), number(s[4]), number(s[7])
        want = {'Uid': int(f[2]), 'GroupId': int(f[3]), 'Description': f[4] or None, 'FullName': f[4].split(',')[0] or None, 'HomeDirectory': f[5], 'Shell': f[6] or None,
                'SID': 'S-1-22-1-' + f[2], 'SystemAccount': not 1000 <= int(f[2]) <= 60000, 'PrincipalSource': 'Local'}
        check(f'user {name}', not differ(r, want), differ(r, want))
        dates = {'PasswordLastSet': changed, 'PasswordExpires': changed + most if most is not None and most < 10000 else None,
                 'PasswordChangeableDate': changed + least if least else None, 'AccountExpires': end}
        wrong = [(k, r[k], v) for k, v in dates.items() if day(r[k]) != v]
        check(f'dates of {name}', not wrong, wrong)
        groups = m.run(f'id -Gn {name}').stdout.split()
        check(f'groups of {name}', sorted(set([r['PrimaryGroup']] + r['Groups'])) == sorted(set(groups)), (r['PrimaryGroup'], r['Groups'], groups))
        letter = m.run(f'passwd -S {name}').stdout.split()[1]
        check(f'password of {name}', {'Set': 'P', 'Empty': 'NP', 'Locked': 'L', 'None': 'L'}[r['PasswordState']] == letter, (r['PasswordState'], letter))


def groups(m, a):
    real = {l.split(':')[0]: l.split(':') for l in m.run('getent group').stdout.splitlines()}
    mine = {r['Name']: r for r in a.rows('LocalGroup')}
    check('the same groups', sorted(real) == sorted(mine), set(real) ^ set(mine))
    for name, f in real.items():
        want = {'Gid': int(f[2]), 'Members': f[3].split(',') if f[3] else [], 'SID': 'S-1-22-2-' + f[2], 'SystemGroup': not 1000 <= int(f[2]) <= 60000, 'PrincipalSource': 'Local'}
        check(f'group {name}', not differ(mine[name], want), differ(mine[name], want))
    rows, uids = a.rows('LocalGroupMember'), {l.split(':')[0]: int(l.split(':')[2]) for l in m.run('getent passwd').stdout.splitlines()}
    members = {(r['GroupName'], r['Name']) for r in rows}
    wrong = [r for r in rows if differ(r, {'ObjectClass': 'User', 'Gid': int(real[r['GroupName']][2]), 'Uid': uids[r['Name']], 'Kind': 'Supplementary' if r['Name'] in real[r['GroupName']][3].split(',') else 'Primary'})]
    check('each membership', not wrong, wrong)
    want = {(g, u) for u in m.run('getent passwd | cut -d: -f1').stdout.split() for g in m.run(f'id -Gn {u}').stdout.split()}
    check('who is in which', members == want, members ^ want)


def changes(m, a):
    passwd = lambda name: m.run(f'getent passwd {name}').stdout.strip().split(':')
    key = {'Name': 'carol'}
    new = lambda what_if=False, **kw: a.do('LocalUser', None, 'Create', what_if, **kw)
    r = new(True, Name='carol')
    check('what-if creates nobody', r.get('result', {}).get('Changed') and passwd('carol') == [''], r)
    r = new(Name='carol', FullName='Carol C', Password='correct horse 9', Groups=['adm', 'sudo'] if 'sudo' in m.run('getent group').stdout else ['adm'], Shell='/bin/sh')
    check('created', good(r) and passwd('carol')[4:] == ['Carol C', '/home/carol', '/bin/sh'], (r, passwd('carol')))
    check('its folder', m.run('stat -c %U /home/carol').stdout.strip() == 'carol')
    check('its group', 'adm' in m.run('id -Gn carol').stdout.split())
    check('its password fits', m.run("perl -e '($n,$h)=@ARGV; exit(crypt($n,$h) eq $h ? 0 : 1)' 'correct horse 9' \"$(getent shadow carol | cut -d: -f2)\"").returncode == 0
          or m.run('command -v perl').returncode != 0)
    check('the password is in no process list or log', 'correct horse' not in open(os.path.join(m.share, 'agent.log')).read())
    check('created again', status(new(Name='carol')) == 'ALREADY_EXISTS')
    for wrong in ('-x', 'a:b', 'a b', '', 'x\ny', 'a/b', 'a' * 40):
        r = new(Name=wrong)
        check(f'no name: {wrong!r}', status(r) == 'INVALID_PARAMETER', r)
    check('a user id that is taken', status(new(Name='dora', Uid=0)) == 'ALREADY_EXISTS', new(Name='dora', Uid=0))
    r = new(Name='dora', PrimaryGroup='no-such-group')
    check('a group that is not there', status(r) == 'NOT_FOUND' and passwd('dora') == [''], r)
    check('a line end in the password', status(new(Name='dora', Password='a\nroot:x')) == 'INVALID_PARAMETER' and passwd('dora') == [''])
    # modify
    r = a.call('ModifyInstance', 'LocalUser', key, {'FullName': 'Carol D', 'Shell': '/bin/bash', 'AccountExpires': '2031-02-03T00:00:00Z'})
    check('modified', good(r) and passwd('carol')[4:] == ['Carol D', '/home/carol', '/bin/bash'], (r, passwd('carol')))
    check('expires', shadow(m)['carol'][7] == str((datetime.date(2031, 2, 3) - datetime.date(1970, 1, 1)).days), shadow(m)['carol'])
    r = a.call('ModifyInstance', 'LocalUser', key, {'Shell': '/bin/false'}, WhatIf=True)
    check('what-if of modify', r['result']['Changed'][0]['From'] == '/bin/bash' and passwd('carol')[6] == '/bin/bash', r)
    r = a.call('SetInstance', 'LocalUser', key, {'Shell': '/bin/bash', 'FullName': 'Carol D'})
    check('set to what it is changes nothing', good(r) and not r['result'].get('Changed'), r)
    r = a.call('ModifyInstance', 'LocalUser', key, {'Description': 'a:b'})
    check('a colon is refused', status(r) == 'INVALID_PARAMETER', r)
    r = a.call('ModifyInstance', 'LocalUser', key, {'AccountExpires': None})
    check('no end any more', good(r) and shadow(m)['carol'][7] == '', r)
    before = shadow(m)['carol'][1]
    r = a.call('ModifyInstance', 'LocalUser', key, {'Password': 'another one 12'})
    check('a new password', good(r) and shadow(m)['carol'][1] not in (before, ''), r)
    check('SetPassword', good(a.do('LocalUser', key, 'SetPassword', Password='third time 7')))
    r = a.call('SetInstance', 'LocalUser', key, {'Groups': ['tty', 'audio']})
    check('groups set', good(r) and sorted(m.run('id -Gn carol').stdout.split()) == ['audio', 'carol', 'tty'], r)
    check('set again changes nothing', not a.call('SetInstance', 'LocalUser', key, {'Groups': ['tty', 'audio']})['result'].get('Changed'))
    check('a group that is not there', status(a.call('ModifyInstance', 'LocalUser', key, {'Groups': ['nope']})) == 'NOT_FOUND')
    check('no name of a group', status(a.call('ModifyInstance', 'LocalUser', key, {'Groups': ['a,b']})) == 'INVALID_PARAMETER')
    # disable, enable
    r = a.do('LocalUser', key, 'Disable', True)
    check('what-if of Disable', {c['Property'] for c in r['result']['Changed']} == {'Enabled', 'PasswordState'} and not shadow(m)['carol'][1].startswith('!'), r)
    check('Disable', good(a.do('LocalUser', key, 'Disable')) and shadow(m)['carol'][1].startswith('!') and shadow(m)['carol'][7] == '1', shadow(m)['carol'])
    check('Enabled says so', a.one('LocalUser', key, 'Enabled', 'PasswordState') | {'Name': 0} == {'Enabled': False, 'PasswordState': 'Locked', 'Name': 0}, a.one('LocalUser', key))
    check('Disable again changes nothing', not a.do('LocalUser', key, 'Disable')['result'].get('Changed'))
    check('Enable', good(a.do('LocalUser', key, 'Enable')) and not shadow(m)['carol'][1].startswith('!') and shadow(m)['carol'][7] == '', shadow(m)['carol'])
    members(m, a)
    check('Rename', good(a.do('LocalUser', key, 'Rename', Name='karola')) and passwd('karola')[0] == 'karola' and passwd('carol') == [''])
    check('to a name that is taken', status(a.do('LocalUser', {'Name': 'karola'}, 'Rename', Name='alice')) == 'ALREADY_EXISTS')
    check('nobody of that name', status(a.do('LocalUser', key, 'Enable')) == 'NOT_FOUND')
    check('root stays', status(a.do('LocalUser', {'Name': 'root'}, 'Delete')) == 'NOT_SUPPORTED')
    busy = m.popen('su', '-s', '/bin/sh', 'karola', '-c', 'sleep 100')
    m.run('for i in $(seq 100); do pgrep -u karola sleep >/dev/null && break; sleep 0.02; done')
    r = a.do('LocalUser', {'Name': 'karola'}, 'Delete')
    check('one whose processes run', status(r) == 'FAILED' and 'Force' in r['error']['data']['Hint'] and passwd('karola')[0], r)
    m.run('pkill -KILL -u karola')
    busy.wait(10)
    check('Delete with the folder', good(a.do('LocalUser', {'Name': 'karola'}, 'Delete', RemoveHome=True)) and passwd('karola') == [''] and m.run('test -e /home/carol').returncode == 1)
    check('deleted again', status(a.do('LocalUser', {'Name': 'karola'}, 'Delete')) == 'NOT_FOUND')
    held = m.popen('flock', '/etc/.pwd.lock', 'sleep', '1')
    check('CreateInstance', good(a.call('CreateInstance', 'LocalUser', None, {'Name': 'erin', 'Shell': '/bin/sh'})) and passwd('erin')[6] == '/bin/sh')
    held.wait(10)
    check('DeleteInstance', good(a.call('DeleteInstance', 'LocalUser', {'Name': 'erin'})) and passwd('erin') == [''])


def members(m, a):
    of = lambda group: m.run(f'getent group {group}').stdout.strip().split(':')[-1].split(',')
    new = lambda what_if=False, **kw: a.do('LocalGroup', None, 'Create', what_if, **kw)
    check('what-if of a group', good(new(True, Name='crew')) and of('crew') == [''])
    check('a group', good(new(Name='crew', Gid=7777)) and m.run('getent group crew').stdout.split(':')[2] == '7777')
    check('again', status(new(Name='crew')) == 'ALREADY_EXISTS')
    check('an id that is taken', status(new(Name='crew2', Gid=7777)) == 'ALREADY_EXISTS')
    add = lambda method, *names, group='crew', **kw: a.do('LocalGroupMember', None, method, kw.get('what_if', False), GroupName=group, Name=list(names))
    check('what-if of Add', add('Add', 'carol', what_if=True)['result']['Changed'] and of('crew') == [''])
    check('Add', good(add('Add', 'carol', 'alice')) and of('crew') == ['carol', 'alice'], of('crew'))
    check('Add again changes nothing', not add('Add', 'carol')['result'].get('Changed'))
    check('nobody', status(add('Add', 'nobody-here')) == 'NOT_FOUND')
    check('one of two is nobody: neither is added', status(add('Add', 'bob', 'nobody-here')) == 'NOT_FOUND' and of('crew') == ['carol', 'alice'])
    check('no group', status(add('Add', 'carol', group='nope')) == 'NOT_FOUND')
    check('listed', {(r['Name'], r['Kind']) for r in a.rows('LocalGroupMember', Filter="GroupName = 'crew'")} == {('carol', 'Supplementary'), ('alice', 'Supplementary')})
    check('Remove', good(add('Remove', 'alice')) and of('crew') == ['carol'])
    check('Remove again', status(add('Remove', 'alice')) == 'NOT_FOUND')
    r = a.call('SetInstance', 'LocalGroup', {'Name': 'crew'}, {'Members': ['alice', 'bob']})
    check('members set', good(r) and of('crew') == ['alice', 'bob'], r)
    check('a member that is nobody', status(a.call('SetInstance', 'LocalGroup', {'Name': 'crew'}, {'Members': ['nobody-here']})) == 'INVALID_PARAMETER' and of('crew') == ['alice', 'bob'],
          a.call('SetInstance', 'LocalGroup', {'Name': 'crew'}, {'Members': ['nobody-here']}))
    check('and back', good(a.call('ModifyInstance', 'LocalGroup', {'Name': 'crew'}, {'Members': ['carol']})) and of('crew') == ['carol'])
    r = a.do('LocalGroup', {'Name': 'carol'}, 'Delete')
    check('a first group stays', status(r) == 'FAILED' and 'first group' in r['error']['data']['Hint'], r)
    check('Rename', good(a.do('LocalGroup', {'Name': 'crew'}, 'Rename', Name='team')) and of('team') == ['carol'])
    check('Delete', good(a.do('LocalGroup', {'Name': 'team'}, 'Delete')) and of('team') == [''])
    check('deleted again', status(a.do('LocalGroup', {'Name': 'team'}, 'Delete')) == 'NOT_FOUND')


def aging(m, a):
    """The rules of passwords beside chage -l, of every account; set, and taken away again."""
    say = lambda name: dict((k.strip(), v.strip()) for k, v in (l.split(':', 1) for l in m.run(f'LC_ALL=C chage -l {name}').stdout.splitlines()))
    number = lambda text, never=None: None if int(text) in (-1, never) else int(text)
    sub = lambda name, file: [':'.join(l.split(':')[1:]) for l in m.run(f'cat {file}').stdout.splitlines() if l.split(':')[0] == name] or None
    m.run('chage -m 3 -M 60 -W 5 -I 10 bob; chage -d 0 games', check=True)
    rows = a.rows('LocalUser', PropertyList=['Name', 'PasswordMinDays', 'PasswordMaxDays', 'PasswordWarnDays', 'PasswordInactiveDays', 'PasswordMustChange', 'SubUids', 'SubGids'])
    for r in rows:
        c = say(r['Name'])
        inactive = shadow(m)[r['Name']][6]
        want = {'PasswordMinDays': number(c['Minimum number of days between password change'], 0), 'PasswordMaxDays': number(c['Maximum number of days between password change'], 99999),
                'PasswordWarnDays': number(c['Number of days of warning before password expires']), 'PasswordInactiveDays': int(inactive) if inactive else None,
                'PasswordMustChange': c['Last password change'] == 'password must be changed',
                'SubUids': sub(r['Name'], '/etc/subuid'), 'SubGids': sub(r['Name'], '/etc/subgid')}
        check(f'chage of {r["Name"]}', not differ(r, want), differ(r, want))
    m.run('chage -d 2024-01-02 games', check=True)
    key = {'Name': 'alice'}
    r = a.call('SetInstance', 'LocalUser', key, {'PasswordMaxDays': 90, 'PasswordWarnDays': 14, 'PasswordMinDays': 1}, WhatIf=True)
    check('what-if of the days', len(r['result']['Changed']) == 3 and shadow(m)['alice'][4] == '99999', r)
    r = a.call('SetInstance', 'LocalUser', key, {'PasswordMaxDays': 90, 'PasswordWarnDays': 14, 'PasswordMinDays': 1, 'PasswordInactiveDays': 7})
    check('days set', good(r) and shadow(m)['alice'][3:7] == ['1', '90', '14', '7'], (r, shadow(m)['alice']))
    check('set again changes nothing', not a.call('SetInstance', 'LocalUser', key, {'PasswordMaxDays': 90, 'PasswordInactiveDays': 7})['result'].get('Changed'))
    check('no such days', status(a.call('SetInstance', 'LocalUser', key, {'PasswordMaxDays': 'many'})) == 'TYPE_MISMATCH', a.call('SetInstance', 'LocalUser', key, {'PasswordMaxDays': 'many'}))
    r = a.call('ModifyInstance', 'LocalUser', key, {'PasswordMaxDays': None, 'PasswordMinDays': None, 'PasswordWarnDays': None, 'PasswordInactiveDays': None})
    check('and taken away', good(r) and shadow(m)['alice'][3] in ('', '0') and shadow(m)['alice'][4:7] == ['', '', ''], (r, shadow(m)['alice']))
    check('it must be changed', good(a.call('SetInstance', 'LocalUser', key, {'PasswordMustChange': True})) and say('alice')['Last password change'] == 'password must be changed', say('alice'))
    check('and need not', good(a.call('SetInstance', 'LocalUser', key, {'PasswordMustChange': False})) and shadow(m)['alice'][2] not in ('', '0'), shadow(m)['alice'])


def odd(m, a):
    """Names that a shell, a pattern or a reader of lines would take for something else; last logins beside lastlog."""
    last = lambda name: a.one('LocalUser', {'Name': name}, 'LastLogon')['LastLogon']
    check('never logged in', last('bob') is None and 'Never' in m.run('lastlog -u bob').stdout, m.run('lastlog -u bob').stdout)
    with open(os.path.join(m.share, 'lastlog'), 'wb') as f:
        f.write(struct.pack('<i32s256s', 1700000000, b'pts/0', b'10.0.0.7'))
    uid = int(m.run('id -u bob').stdout)
    m.run(f'dd if=/lab/lastlog of=/var/log/lastlog bs=292 seek={uid} conv=notrunc', check=True)
    check('last login', last('bob') == '2023-11-14T22:13:20Z' and 'Nov 14 22:13:20' in m.run('TZ=UTC LC_ALL=C lastlog -u bob').stdout, (last('bob'), m.run('lastlog -u bob').stdout))
    for name in ("o'neil", 'a*', 'semi;colon', '$HOME', 'back`tick', 'new"quote', 'per%cent', 'dot.ted', 'tail$', 'grüße', 'UPPER', '1234', 'a=b', '{x}', '[b]', '!x'):
        m.run(f"printf '%s\\n' \"$ODD\" >> /etc/passwd", env={**os.environ, 'ODD': f'{name}:x:4{abs(hash(name)) % 900 + 100}:65534:Odd {name}:/nonexistent:/bin/sh'}, check=True)
        r = a.one('LocalUser', {'Name': name}, 'Name', 'FullName', 'AuthorizedKeys', 'Groups', 'FailedLogons', 'SubUids')
        check(f'listed: {name}', r and r['Name'] == name and r['FullName'] == f'Odd {name}' and r['AuthorizedKeys'] is None, r)
        r = a.do('LocalUser', {'Name': name}, 'Delete')
        check(f'removed by its name alone: {name}', good(r) and name not in [l.split(':')[0] for l in m.run('cat /etc/passwd').stdout.splitlines()] and 'alice' in m.run('cat /etc/passwd').stdout, r)


def lockout(m, a):
    """Failed logins as faillock counts them."""
    if m.run('test -x /usr/sbin/faillock').returncode:
        check.skip('failed logins', 'the machine has no faillock')
        return
    row = lambda: a.one('LocalUser', {'Name': 'bob'}, 'FailedLogons', 'LastFailedLogon')
    check('nobody counts', row()['FailedLogons'] is None, row())
    m.run('mkdir -p /run/faillock', check=True)
    record = lambda when, state: b'10.0.0.9'.ljust(52, b'\0') + struct.pack('<HHQ', 0, state, when)
    with open(os.path.join(m.share, 'tally'), 'wb') as f:
        f.write(record(1700000000, 3) + record(1700000060, 3) + record(1600000000, 0))
    m.run('install -m 0600 -o bob /lab/tally /run/faillock/bob', check=True)
    listed = lambda: [l for l in m.run('faillock --user bob').stdout.splitlines() if l.rstrip().endswith(' V')]
    valid = listed()
    check('failed logins', row()['FailedLogons'] == 2 == len(valid) and row()['LastFailedLogon'].startswith('2023-11-14T22:14:20'), (row(), valid))
    check('of another', a.one('LocalUser', {'Name': 'alice'}, 'FailedLogons')['FailedLogons'] == 0)
    check('what-if of Unlock', good(a.do('LocalUser', {'Name': 'bob'}, 'Unlock', True)) and row()['FailedLogons'] == 2)
    check('Unlock', good(a.do('LocalUser', {'Name': 'bob'}, 'Unlock')) and row()['FailedLogons'] == 0 and not listed(), row())
    check('nobody of that name', status(a.do('LocalUser', {'Name': 'none'}, 'Unlock')) == 'NOT_FOUND')


def keys(m, a):
    m.run('mkdir -p /home/alice/.ssh; printf "# mine\\nssh-ed25519 AAAA one\\n\\n  ssh-rsa BBBB two\\n" > /home/alice/.ssh/authorized_keys; chown -R alice /home/alice/.ssh;'
          'mkdir -p /home/bob/.ssh; ln -s /etc/shadow /home/bob/.ssh/authorized_keys', check=True)
    of = lambda name: a.one('LocalUser', {'Name': name}, 'AuthorizedKeys')['AuthorizedKeys']
    check('keys', of('alice') == ['ssh-ed25519 AAAA one', 'ssh-rsa BBBB two'], of('alice'))
    check('a link is not followed', of('bob') is None)
    made = {t: m.run(f'rm -f /tmp/k /tmp/k.pub; ssh-keygen -q -t {t} {"-b 2048" if t == "rsa" else ""} -N "" -C "{t} key" -f /tmp/k && cat /tmp/k.pub && ssh-keygen -l -f /tmp/k.pub', check=True).stdout.splitlines()
            for t in ('ed25519', 'rsa', 'ecdsa')}
    text = lambda name: m.run(f'cat /home/{name}/.ssh/authorized_keys').stdout
    add = lambda name, line, what_if=False: a.do('LocalUser', {'Name': name}, 'AddAuthorizedKey', what_if, Key=line)
    remove = lambda name, which: a.do('LocalUser', {'Name': name}, 'RemoveAuthorizedKey', Key=which)
    before, (ed, ed_print) = text('alice'), made['ed25519']
    check('what-if of a key', good(add('alice', ed, True)) and text('alice') == before)
    check('a key', good(add('alice', ed)) and text('alice') == before + ed + '\n', text('alice'))
    check('its owner and mode', m.run('stat -c "%U %a" /home/alice/.ssh/authorized_keys').stdout.strip() == 'alice 644', m.run('stat -c "%U %a" /home/alice/.ssh/authorized_keys').stdout)
    check('ssh-keygen reads it', ed_print.split()[1] in m.run('ssh-keygen -l -f /home/alice/.ssh/authorized_keys').stdout)
    check('again changes nothing', not add('alice', ed)['result'].get('Changed') and text('alice') == before + ed + '\n')
    limited = 'command="echo \\"hi there\\"",no-pty ' + ed
    check('other options, the same key: its line', good(add('alice', limited)) and text('alice') == before + limited + '\n', text('alice'))
    check('the others stay beside it', good(add('alice', made['rsa'][0])) and text('alice') == before + limited + '\n' + made['rsa'][0] + '\n', text('alice'))
    check('removed by its fingerprint', good(remove('alice', ed_print.split()[1])) and text('alice') == before + made['rsa'][0] + '\n', text('alice'))
    check('removed by its line', good(remove('alice', made['rsa'][0])) and text('alice') == before, text('alice'))
    check('removed again', status(remove('alice', made['rsa'][0])) == 'NOT_FOUND')
    for wrong in ('', '# no', 'ssh-ed25519', 'ssh-ed25519 AAAA', ed[:40], 'ssh-rsa ' + ed.split()[1], ed + '\nssh-rsa x', 'hello ' * 5, '\x1b[2J' + ed, ed.replace('ssh-ed25519', 'ssh-none')):
        r = add('alice', wrong)
        check(f'no key: {wrong[:20]!r}', status(r) == 'INVALID_PARAMETER' and text('alice') == before, r)
    # set as a whole: comments stay
    r = a.call('SetInstance', 'LocalUser', {'Name': 'alice'}, {'AuthorizedKeys': [ed, made['ecdsa'][0]]})
    check('keys set', good(r) and text('alice') == '# mine\n\n' + ed + '\n' + made['ecdsa'][0] + '\n' and of('alice') == [ed, made['ecdsa'][0]], (r, text('alice')))
    check('set again changes nothing', not a.call('SetInstance', 'LocalUser', {'Name': 'alice'}, {'AuthorizedKeys': [ed, made['ecdsa'][0]]})['result'].get('Changed'))
    # one that has no folder yet; one that plants links
    r = a.call('CreateInstance', 'LocalUser', None, {'Name': 'keyed', 'AuthorizedKeys': [ed], 'PasswordMaxDays': 30})
    check('a new user with a key', good(r) and text('keyed') == ed + '\n' and m.run('stat -c "%U:%G %a" /home/keyed/.ssh /home/keyed/.ssh/authorized_keys').stdout.split() ==
          ['keyed:keyed', '700', 'keyed:keyed', '600'] and shadow(m)['keyed'][4] == '30', (r, text('keyed')))
    r = add('bob', ed)
    check('a link is not written through', status(r) == 'ACCESS_DENIED' and 'symbolic link' in r['error']['message'] and ed not in m.run('cat /etc/shadow').stdout, r)
    m.run('cp /etc/hostname /tmp/hn; rm /home/bob/.ssh/authorized_keys; rmdir /home/bob/.ssh; mkdir /root/keys; ln -s /root/keys /home/bob/.ssh', check=True)
    r = add('bob', ed)
    check('nor a folder that is one', status(r) == 'ACCESS_DENIED' and m.run('ls /root/keys').stdout == '', r)
    m.run('rm /home/bob/.ssh; mkdir -m 700 /home/bob/.ssh; touch /home/bob/.ssh/authorized_keys; chown bob /home/bob/.ssh', check=True)
    r = add('bob', ed)
    check("a file of root's stays root's", status(r) == 'ACCESS_DENIED' and m.run('stat -c %U /home/bob/.ssh/authorized_keys').stdout.strip() == 'root', r)
    m.run('rm -r /home/bob/.ssh; ln /etc/machine-id /home/bob/machine-id; chown root /home/bob; chmod 755 /home/bob', check=True)
    r = add('bob', ed)
    check('a home that is not its own', status(r) == 'ACCESS_DENIED' and r['error']['data'].get('Hint'), r)
    m.run('chown bob /home/bob; rm /home/bob/machine-id', check=True)
    check('no home', status(add('nobody', ed)) in ('NOT_FOUND', 'ACCESS_DENIED'), add('nobody', ed))
    check('nobody of that name', status(add('none', ed)) == 'NOT_FOUND')
    m.run('userdel -r keyed')


def hung_home(m, a):
    """A home on a file system that never answers: its keys are told to be missing in bounded time, the others are there."""
    if not os.path.exists('/dev/fuse'):
        check.skip('a home that hangs', 'no /dev/fuse here')
        return
    fuse, libc = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC), ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        ns = os.open(f'/proc/{m.leader}/ns/mnt', os.O_RDONLY)
        options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'
        os._exit(libc.setns(ns, 0) != 0 or libc.mount(b'hung:/home', b'/home/bob', b'fuse.hung', 0, options.encode()) != 0)
    if os.waitpid(child, 0)[1]:
        os.close(fuse)
        check.skip('a home that hangs', 'FUSE cannot be mounted in the machine')
        return
    try:
        begun = time.monotonic()
        r = a.peer.call('EnumerateInstances', {'ClassName': 'LocalUser', 'PropertyList': ['Name', 'AuthorizedKeys']})['result']
        took, keys = time.monotonic() - begun, {x['Name']: x['AuthorizedKeys'] for x in r['Instances']}
        check('the keys of the others', keys['bob'] is None and len(keys['alice']) == 2 and took < 20, (keys, took))
        check('who does not answer', '/home/bob' in str(r.get('Partial', r)), {k: v for k, v in r.items() if k != 'Instances'})
        check('no key is asked for: nothing hangs', good(a.call('GetInstance', 'LocalUser', {'Name': 'bob'}, PropertyList=['Uid', 'Groups', 'HomeDirectory'])))
        r = a.do('LocalUser', {'Name': 'bob'}, 'AddAuthorizedKey', Key=keys['alice'][0])
        check('a key for it', status(r) == 'TIMED_OUT' and 'hangs' in r['error']['message'], r)
    finally:
        os.close(fuse)
        m.run('umount -l /home/bob')
    check('and it is well again', status(a.do('LocalUser', {'Name': 'bob'}, 'AddAuthorizedKey', Key=keys['alice'][0])) is None)


def logins(m, a):
    m.run('systemd-run --no-block -q -p PAMName=login -p User=alice sleep 600; systemd-run --no-block -q -p PAMName=login -p User=bob sleep 600;'
          'for i in $(seq 200); do [ $(for s in $(loginctl --no-legend | cut -c1-7); do loginctl show-session -p State $s; done | grep -c active) = 2 ] && break; sleep 0.05; done',
          check=True)
    real = {}
    for line in m.run('loginctl --no-legend').stdout.splitlines():
        i = line.split()[0]
        real[i] = dict(l.split('=', 1) for l in m.run(f'loginctl show-session {i}').stdout.splitlines() if '=' in l)
    mine = {r['LogonId']: r for r in a.rows('LogonSession')}
    check('the same sessions', sorted(real) == sorted(mine) and len(real) == 2, (sorted(real), sorted(mine)))
    for i, p in real.items():
        want = {'UserName': p['Name'], 'Uid': int(p['User']), 'Service': p['Service'], 'Class': p['Class'], 'Type': p['Type'], 'State': p['State'], 'Scope': p['Scope'],
                'Leader': int(p['Leader']), 'Remote': p['Remote'] == 'yes', 'Locked': p['LockedHint'] == 'yes', 'Tty': p.get('TTY') or None, 'Seat': p.get('Seat') or None,
                'RemoteUser': p.get('RemoteUser') or None, 'LogonType': 10 if p['Remote'] == 'yes' and p.get('TTY') else 3 if p['Remote'] == 'yes' else 4 if p['Class'] == 'background' else 2 if p.get('TTY') or p.get('Seat') else 5}
        check(f'session {i}: idle', (mine[i]['IdleSince'] is None) == (p['IdleHint'] == 'no' or p['IdleSinceHint'] == '0'), (mine[i], p))
        check(f'session {i}', not differ(mine.get(i), want), differ(mine.get(i), want))
    messages(m, a)
    failures(m, a)
    i = next(i for i, p in real.items() if p['Name'] == 'bob')
    check('what-if of Terminate', good(a.do('LogonSession', {'LogonId': i}, 'Terminate', True)) and a.one('LogonSession', {'LogonId': i})['State'] != 'closing')
    check('Lock', good(a.do('LogonSession', {'LogonId': i}, 'Lock')))
    check('Terminate', good(a.do('LogonSession', {'LogonId': i}, 'Terminate')))
    m.run(f'for i in $(seq 100); do loginctl show-session {i} >/dev/null 2>&1 || break; sleep 0.05; done')
    check('it has ended', until(lambda: [r['UserName'] for r in a.rows('LogonSession')] == ['alice']), a.rows('LogonSession'))
    check('no such session', status(a.do('LogonSession', {'LogonId': 'none'}, 'Terminate')) == 'NOT_FOUND', a.do('LogonSession', {'LogonId': 'none'}, 'Terminate'))
    m.run('systemctl stop systemd-logind; systemctl mask --runtime systemd-logind dbus-org.freedesktop.login1')
    check('without logind: utmp, at once', a.rows('LogonSession') == [], a.rows('LogonSession'))


def messages(m, a):
    """A session with a terminal: what is sent to it is read there, and what could command a terminal is not."""
    m.popen('script', '-qfc', 'tty > /tmp/its-tty; exec sleep 600', '/tmp/typescript', stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check('a terminal', until(lambda: m.run('cat /tmp/its-tty').stdout.startswith('/dev/pts/')))
    tty = m.run('cat /tmp/its-tty').stdout.strip()
    come = agentlib.Reader(agentlib.Peer(a.path), Query="SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'LogonSession'")
    come.until(lambda p: p['Kind'] == 'Sync', 30)
    check('told at once', come.result.get('Push'), come.result)
    m.run(f'systemd-run --no-block -q -p PAMName=login -p User=bob -p TTYPath={tty} -p StandardInput=tty-force -p StandardOutput=tty sleep 600', check=True)
    seen = come.until(lambda p: target(p).get('Tty') == tty[5:], 30)[-1]
    check('a login is told', target(seen).get('UserName') == 'bob', seen)
    if not seen:
        return
    key = {'LogonId': target(seen)['LogonId']}
    send = lambda text, what_if=False, k=key: a.do('LogonSession', k, 'SendMessage', what_if, Message=text)
    said = lambda: m.run('cat /tmp/typescript').stdout
    check('what-if of a message', good(send('not yet', True)) and 'not yet' not in said())
    check('a message', good(send('going down\nsoon \x1b[2Jnow')) and until(lambda: 'now' in said()) and 'going down soon [2Jnow' in ' '.join(said().split()) and '\x1b[2J' not in said(), said())
    alice = next(r['LogonId'] for r in a.rows('LogonSession') if r['UserName'] == 'alice' and not r['Tty'])
    check('one without a terminal', status(send('x', k={'LogonId': alice})) == 'NOT_SUPPORTED')
    check('no such session', status(send('x', k={'LogonId': 'none'})) == 'NOT_FOUND')
    check('no way out of /dev', status(send('x', k={'LogonId': 'utmp:../etc/passwd'})) == 'NOT_SUPPORTED')
    check('Terminate', good(a.do('LogonSession', key, 'Terminate')))


def failures(m, a):
    """What login programs add to btmp, beside what last(1) reads there."""
    m.run('touch /var/log/btmp; chmod 660 /var/log/btmp')
    come = agentlib.Reader(agentlib.Peer(a.path), Query='SELECT * FROM LogonFailure')
    record = lambda user, host, when: struct.pack('<hhi32s4s32s256shhiii16s20x', 6, 0, 4711, b'ssh:notty', b'', user, host, 0, 0, 0, when, 5, b'')
    write = lambda *records: (open(os.path.join(m.share, 'btmp'), 'wb').write(b''.join(records)), m.run('cat /lab/btmp >> /var/log/btmp', check=True))
    check('a watch', come.result is not None, come.error)
    write(record(b'mallory', b'10.0.0.66', 1700000000), record(b'ev\x1b[2Jil', b'', 1700000001))
    got = [p['Indication'] for p in come.until(lambda p: p.get('Indication', {}).get('UserName') == 'ev[2Jil', 30) if p.get('Indication')]
    check('both are told', [(g['UserName'], g['RemoteHost'], g['Tty'], g['ProcessId'], g['Time'][:19]) for g in got] ==
          [('mallory', '10.0.0.66', 'ssh:notty', 4711, '2023-11-14T22:13:20'), ('ev[2Jil', None, 'ssh:notty', 4711, '2023-11-14T22:13:21')], got)
    check('as last reads them', m.run('last -w -f /var/log/btmp | grep -c 10.0.0.66').stdout.strip() == '1', m.run('last -w -f /var/log/btmp').stdout)
    m.run('mv /var/log/btmp /var/log/btmp.1; install -m 660 /lab/btmp /var/log/btmp')
    got = come.until(lambda p: p.get('Indication', {}).get('UserName') == 'ev[2Jil', 30)
    check('after a rotation as well', got[-1], got)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('users')
        a = Asked(m.agent())
        for part in (users, groups, changes, aging, odd, lockout, keys, hung_home, users, groups, logins):
            part(m, a)
    check.end()


main()
