#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ScheduledTask on a booted machine: timers beside `systemctl list-timers` and show, crontabs beside their files; made, run,
disabled, removed."""
import datetime, json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
micro = lambda t: None if t is None else round((datetime.datetime.fromisoformat(t.replace('Z', '+00:00')) - EPOCH) / datetime.timedelta(microseconds=1))


def timers(m, a):
    real = {t['unit'][:-6]: t for t in json.loads(m.run('systemctl list-timers --all -o json').stdout)}
    mine = {r['TaskName']: r for r in a.rows('ScheduledTask', Filter="Kind = 'timer'")}
    check('every timer of list-timers', set(real) <= set(mine), set(real) - set(mine))
    for name, t in real.items():
        r = mine.get(name, {})
        show = dict(l.split('=', 1) for l in m.run(f'systemctl show {name}.timer').stdout.splitlines() if '=' in l)
        want = {'Unit': t['activates'], 'Actions': [t['activates']], 'Description': show['Description'], 'SourceFile': show['FragmentPath'] or None, 'Persistent': show['Persistent'] == 'yes',
                'State': {'waiting': 'Ready', 'running': 'Running', 'elapsed': 'Ready'}.get(show['SubState'], 'Disabled'), 'UnitFileState': show['UnitFileState']}
        check(f'timer {name}', not differ(r, want), differ(r, want))
        check(f'when {name} runs', (r['NextRunTime'] is None) == (not t['next']) and (not t['next'] or abs(micro(r['NextRunTime']) - t['next']) < 2_000_000), (r['NextRunTime'], t))
        check(f'when {name} ran', micro(r['LastRunTime']) == (t['last'] or None), (r['LastRunTime'], t['last']))


def crontabs(m, a):
    m.run(r'''printf 'SHELL=/bin/sh\n# a comment\n*/5 1-3 * * mon root /bin/echo a b  c\n@reboot bob /bin/true\n@daily root /bin/daily\nbad line here\n99 * * * * root x\n' > /etc/cron.d/mine
        printf 'MAILTO=x\n10 4 1 1 * /bin/mine%%x\n' | crontab -u alice -; touch /etc/cron.daily/not.this /etc/cron.daily/noexec; printf '#!/bin/sh\n' > /etc/cron.daily/mine; chmod +x /etc/cron.daily/mine''', check=True)
    rows = {(r['TaskPath'], r['TaskName']): r for r in a.rows('ScheduledTask', Filter="Kind <> 'timer'")}
    mine = {k[1]: r for k, r in rows.items() if k[0] == '/etc/cron.d/mine'}
    check('lines that cron runs', sorted(mine) == ['line:3', 'line:4', 'line:5'], mine)
    check('a line', not differ(mine['line:3'], {'Triggers': ['*/5 1-3 * * mon'], 'Actions': ['/bin/echo a b  c'], 'UserName': 'root', 'State': 'Ready', 'SourceFile': '/etc/cron.d/mine'}), mine['line:3'])
    check('@reboot has no time', not differ(mine['line:4'], {'Triggers': ['@reboot'], 'UserName': 'bob', 'NextRunTime': None}), mine['line:4'])
    tomorrow = m.run('env -u TZ date -d "tomorrow 00:00" +%s').stdout.strip()
    check('@daily is at midnight', micro(mine['line:5']['NextRunTime']) == int(tomorrow) * 1000000, (mine['line:5'], tomorrow))
    own = [r for k, r in rows.items() if k[0] == '/var/spool/cron/crontabs/alice']
    check('a user\'s own', len(own) == 1 and not differ(own[0], {'UserName': 'alice', 'Actions': ['/bin/mine%x'], 'Triggers': ['10 4 1 1 *']}), own)
    scripts = {k[1] for k in rows if k[0] == '/etc/cron.daily'}
    check('scripts', 'mine' in scripts and not scripts & {'not.this', 'noexec', '.placeholder'}, scripts)
    r = a.do('ScheduledTask', {'TaskPath': '/etc/cron.d/mine', 'TaskName': 'line:3'}, 'Start')
    check('cron\'s are not changed', status(r) == 'NOT_SUPPORTED', r)


def changes(m, a):
    key = {'TaskPath': '/systemd/', 'TaskName': 'nightly'}
    new = lambda what_if=False, **kw: a.do('ScheduledTask', None, 'Register', what_if, **{'TaskName': 'nightly', 'Command': '/bin/sh -c "echo ran >> /run/ran"', 'Calendar': '*-*-* 03:00', **kw})
    get = lambda *p: a.one('ScheduledTask', key, *p)
    check('what-if of Register', good(new(True)) and m.run('test -e /etc/systemd/system/nightly.timer').returncode == 1)
    r = new(Description='A test', UserName='root', Persistent=True, RandomDelay=5)
    check('Register', good(r) and m.run('systemctl is-active nightly.timer; systemctl is-enabled nightly.timer').stdout.split() == ['active', 'enabled'], r)
    t = get()
    check('as it was asked for', not differ(t, {'State': 'Ready', 'Triggers': ['OnCalendar=*-*-* 03:00:00'], 'Description': 'A test', 'Persistent': True, 'RandomizedDelay': 5_000_000_000, 'Unit': 'nightly.service'}), t)
    check('again', status(new()) == 'ALREADY_EXISTS')
    for bad in ({'Calendar': 'whenever'}, {'Calendar': ''}, {'Command': 'echo'}, {'Command': '/bin/x\nUser=root'}, {'TaskName': 'a/b'}, {'TaskName': '-x'}, {'TaskName': ''}, {'UserName': 'a b'}, {'Calendar': 'daily\nUnit=x.service'},
                {'Description': 'a\n[Service]'}):
        r = new(**{'TaskName': 'other', **bad})
        check(f'refused: {bad}', status(r) == 'INVALID_PARAMETER' and m.run('ls /etc/systemd/system | grep other').returncode == 1, r)
    check('a service of that name', status(new(TaskName='ssh')) == 'ALREADY_EXISTS')
    check('what-if of Start', good(a.do('ScheduledTask', key, 'Start', True)) and m.run('test -e /run/ran').returncode == 1)
    check('Start runs it', good(a.do('ScheduledTask', key, 'Start')) and m.run('cat /run/ran').stdout == 'ran\n')
    got = a.call('Associators', 'ScheduledTask', key, AssocClass='ScheduledTaskService')['result']['Instances']
    check('its service', [r['Name'] for r in got] == ['nightly'], got)
    check('how it ended', not differ(get('LastResult', 'LastTaskResult'), {'LastResult': 'success', 'LastTaskResult': 0}), get('LastResult', 'LastTaskResult'))
    check('Disable', good(a.do('ScheduledTask', key, 'Disable')) and get()['State'] == 'Disabled' and m.run('systemctl is-enabled nightly.timer').stdout.strip() == 'disabled')
    check('Disable again changes nothing', not a.do('ScheduledTask', key, 'Disable')['result'].get('Changed'))
    check('Enable', good(a.do('ScheduledTask', key, 'Enable')) and get()['State'] == 'Ready')
    failing = {'TaskPath': '/systemd/', 'TaskName': 'failing'}
    check('one that fails', good(new(TaskName='failing', Command='/bin/sh -c "exit 7"')))
    r = a.do('ScheduledTask', failing, 'Start')
    check('its Start says so', status(r) == 'FAILED' and 'Get-WinEvent' in r['error']['data']['Hint'], r)
    check('and its result', not differ(a.one('ScheduledTask', failing, 'LastResult', 'LastTaskResult'), {'LastResult': 'exit-code', 'LastTaskResult': 7}), a.one('ScheduledTask', failing))
    check('what-if of Unregister', good(a.do('ScheduledTask', key, 'Unregister', True)) and get()['State'] == 'Ready')
    check('Unregister', good(a.do('ScheduledTask', key, 'Unregister')) and m.run('ls /etc/systemd/system | grep nightly; systemctl is-active nightly.timer').stdout.strip() == 'inactive')
    check('gone', status(a.do('ScheduledTask', key, 'Unregister')) == 'NOT_FOUND')
    r = a.do('ScheduledTask', {'TaskPath': '/systemd/', 'TaskName': 'apt-daily'}, 'Unregister')
    check('what a package brought stays', status(r) == 'NOT_SUPPORTED', r)
    check('no such task', status(a.do('ScheduledTask', {'TaskPath': '/systemd/', 'TaskName': 'none'}, 'Start')) == 'NOT_FOUND')
    check('no name at all', status(a.do('ScheduledTask', {'TaskPath': '/systemd/', 'TaskName': '../x'}, 'Start')) == 'NOT_FOUND')


def main():
    with lablib.Lab() as lab:
        m = lab.machine('tasks')
        a = Asked(m.agent())
        for part in (timers, crontabs, changes):
            part(m, a)
    check.end()


main()
