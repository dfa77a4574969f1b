#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Views under WMI's names on a booted machine: methods answer with WMI's numbers and do what they say."""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()

# What is called in turn on cron's Win32_Service: method, arguments, WMI's number, what systemctl says then.
SERVICE = [
    ('StartService', {}, 10, 'active'), ('StopService', {}, 0, 'inactive'), ('StopService', {}, 5, 'inactive'), ('PauseService', {}, 6, 'inactive'),
    ('ResumeService', {}, 6, 'inactive'), ('StartService', {}, 0, 'active'), ('ResumeService', {}, 10, 'active'), ('PauseService', {}, 0, 'active'),
    ('PauseService', {}, 24, 'active'), ('ResumeService', {}, 0, 'active'), 
    ('ChangeStartMode', {'StartMode': 'Disabled'}, 0, 'active'), ('StopService', {}, 0, 'inactive'), ('StartService', {}, 14, 'inactive'),
    ('Change', {'StartMode': 'Automatic'}, 0, 'inactive'), ('StartService', {}, 0, 'active'), ('Delete', {}, 1, 'active'),
]


def service(m, a):
    view = lambda: a.rows('Win32_Service', Filter="Name = 'cron'")[0]
    for i, (method, arguments, number, state) in enumerate(SERVICE):
        r = a.do('Win32_Service', {'Name': 'cron'}, method, **arguments)
        now = m.run('systemctl is-active cron').stdout.strip()
        check(f'{i} {method}: {number}', r.get('result', {}).get('ReturnValue') == number and now == state, (r, now))
        check(f'{i} the error is beside the number', ('Error' in r.get('result', {})) == (number in (1, 6, 14)), r)
    check('cron is as it was', not differ(view(), {'State': 'Running', 'StartMode': 'Auto', 'Started': True, 'Status': 'OK'}), view())
    r = a.do('Win32_Service', {'Name': 'cron'}, 'ChangeStartMode', StartMode='Often')
    check('an argument that none can be is an error', status(r) == 'INVALID_PARAMETER', r)
    r = a.do('Win32_Service', {'Name': 'no-such'}, 'StartService')
    check('a service that is not there is an error', status(r) == 'NOT_FOUND', r)
    make = dict(Name='made', DisplayName='Made by WMI', PathName='/bin/sleep 1000', StartMode='Manual', StartName='alice')
    r = a.do('Win32_Service', None, 'Create', **make)
    check('Create', r.get('result', {}).get('ReturnValue') == 0 and 'User=alice' in m.run('systemctl cat made').stdout, (r, m.run('systemctl cat made').stdout))
    r = a.do('Win32_Service', None, 'Create', **make)
    check('Create again: 23', r.get('result', {}).get('ReturnValue') == 23, r)
    check('Delete', a.do('Win32_Service', {'Name': 'made'}, 'Delete').get('result', {}).get('ReturnValue') == 0 and m.run('systemctl cat made').returncode)
    m.run("printf '[Service]\\nExecStart=/bin/false\\n' > /etc/systemd/system/dies.service; systemctl daemon-reload")
    r = a.do('Win32_Service', {'Name': 'dies'}, 'StartService')
    check('one that dies at once: 8', r.get('result', {}).get('ReturnValue') == 8 and r['result']['Error']['data']['Name'] == 'FAILED', r)
    check('and its Status is Error', a.rows('Win32_Service', Filter="Name = 'dies'")[0]['Status'] == 'Error')


STATES = {'active': 'Running', 'reloading': 'Running', 'inactive': 'Stopped', 'failed': 'Stopped', 'activating': 'Start Pending', 'deactivating': 'Stop Pending'}


def every_service(m, a):
    """Each Win32_Service beside systemctl show."""
    rows = {r['Name']: r for r in a.rows('Win32_Service')}
    units = [l.split()[0] for l in m.run('systemctl list-units --all --type=service --plain --no-legend --no-pager').stdout.splitlines()]
    shown = m.run('systemctl show -p Id,Description,MainPID,ActiveState,ExecMainStatus,User,CanStop,LoadState ' + ' '.join(f"'{u}'" for u in units)).stdout.split('\n\n')
    check('each is shown', len(shown) == len(units), (len(shown), len(units)))
    for unit, text in zip(units, shown):
        s = dict(l.split('=', 1) for l in text.splitlines() if '=' in l)
        r = rows.get(unit[:-8])
        if s['LoadState'] == 'not-found' or s['Id'] != unit:
            continue
        moving = s['ActiveState'] in ('activating', 'deactivating')
        want = {'Caption': s['Description'], 'DisplayName': s['Description'], 'ExitCode': int(s['ExecMainStatus']), 'AcceptStop': s['CanStop'] == 'yes', 'SystemCreationClassName': 'Win32_ComputerSystem',
                'StartName': s['User'] or None, **({} if moving else {'State': STATES[s['ActiveState']], 'Started': s['ActiveState'] == 'active', 'ProcessId': int(s['MainPID']),
                                                                      'Status': 'Error' if s['ActiveState'] == 'failed' else 'OK'})}
        check(f'Win32_Service {unit[:-8]}', r and not differ(r, want), differ(r, want) if r else 'not there')


def events(m, a):
    """The journal as event log."""
    m.run('logger -t wmitest -p user.err "a word to System Center"')
    rows = lambda: a.rows('Win32_NTLogEvent', Filter="SourceName = 'wmitest'", Limit=5)
    agentlib.until(rows)
    r = rows()[0]
    check('Win32_NTLogEvent', not differ(r, {'Message': 'a word to System Center', 'EventType': 1, 'Type': 'Error', 'Logfile': 'journal', 'User': '0'}), r)


def accounts(m, a):
    rename = lambda cls, old, new: a.do(cls, {'Name': old}, 'Rename', Name=new)
    m.run('useradd -m wmi; groupadd wmig')
    for cls, name, table in ('Win32_UserAccount', 'wmi', 'passwd'), ('Win32_Group', 'wmig', 'group'):
        r = rename(cls, name, 'a:b')
        check(f'{cls}.Rename to what is no name: 3', r.get('result', {}).get('ReturnValue') == 3, r)
        r = rename(cls, name, 'root')
        check(f'{cls}.Rename to one that is there: 9', r.get('result', {}).get('ReturnValue') == 9, r)
        r = rename(cls, name, name + '2')
        check(f'{cls}.Rename', r.get('result', {}).get('ReturnValue') == 0 and m.run(f'getent {table} {name}2').stdout, r)


def host(m, a):
    r = a.do('Win32_ComputerSystem', None, 'Rename', Name='a b')
    check('Win32_ComputerSystem.Rename to what is no name: 87', r.get('result', {}).get('ReturnValue') == 87, r)
    r = a.do('Win32_ComputerSystem', None, 'Rename', Name='wmihost')
    check('Win32_ComputerSystem.Rename', r.get('result', {}).get('ReturnValue') == 0 and m.run('uname -n').stdout.strip() == 'wmihost', r)
    r = a.do('Win32_OperatingSystem', None, 'Win32ShutdownTracker', Flags=2, Timeout=5400, Comment='soon', ReasonCode=0)
    check('Win32ShutdownTracker', r.get('result', {}).get('ReturnValue') == 0 and 'MODE=reboot' in m.run('cat /run/systemd/shutdown/scheduled').stdout, r)
    check('taken back', good(a.do('ComputerSystem', None, 'CancelShutdown')))


def properties(m, a):
    """What is filled from files and tools that only a whole machine has."""
    one = lambda cls, **more: a.rows(cls, **more)[0]
    for lang, locale, names in ('LANG="de_DE.UTF-8"', '0407', ['de-DE']), ('LANG=C.UTF-8', None, None), ('LANG=xx_YY', None, ['xx-YY']), ('LC_ALL=x\nLANG=fr_CA', '0c0c', ['fr-CA']):
        m.run(f"rm -f /etc/locale.conf; cat > /etc/default/locale", input=lang + '\n')
        o = one('Win32_OperatingSystem')
        check(f'Locale of {lang!r}', (o['Locale'], o['MUILanguages']) == (locale, names), (o['Locale'], o['MUILanguages']))
    s = one('Win32_Service', Filter="Name = 'cron'")
    real = m.run('date -u -d @$(stat -c %Y $(systemctl show -P FragmentPath cron)) +%Y%m%d%H%M%S').stdout.strip()
    check('Win32_Service.InstallDate', s['InstallDate'] and s['InstallDate'].startswith(real + '.'), (s['InstallDate'], real))
    m.run('ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime')
    check('clocks are put forward in Berlin', agentlib.until(lambda: one('Win32_ComputerSystem')['EnableDaylightSavingsTime'] is True), one('Win32_ComputerSystem'))
    m.run('chage -M 90 alice')
    u = {r['Name']: r for r in a.rows('Win32_UserAccount')}
    check('PasswordExpires', u['alice']['PasswordExpires'] is True and u['daemon']['PasswordExpires'] is False, u['alice'])


def associations(m, a):
    """Services that need another, beside systemctl; a file system on a partition."""
    m.run("printf '[Unit]\nRequires=cron.service\n[Service]\nExecStart=/bin/sleep 1000\n' > /etc/systemd/system/needs.service; systemctl daemon-reload; systemctl start needs")
    q = lambda query: [r['Name'] for r in a.peer.call('ExecQuery', {'Query': query})['result']['Instances']]
    needs = q("ASSOCIATORS OF {Win32_Service.Name='needs'} WHERE AssocClass = Win32_DependentService ResultRole = Antecedent")
    check('what a service needs', needs == ['cron'], needs)
    real = {u[:-8] for u in m.run('systemctl show -P RequiredBy cron').stdout.split() if u.endswith('.service')}
    got = set(q("ASSOCIATORS OF {Win32_Service.Name='cron'} WHERE AssocClass = Win32_DependentService Role = Antecedent"))
    check('what needs a service', got == real and 'needs' in got, (got, real))
    all_of = a.rows('Win32_SystemServices')
    check('the services of the host', len(all_of) == len(a.rows('Win32_Service', PropertyList=['Name'])) > 20, len(all_of))
    m.run('gpasswd -a alice adm')
    members = {r['PartComponent'] for r in a.rows('Win32_GroupUser') if r['GroupComponent'] == 'Win32_Group.Name="adm"'}
    check('Win32_GroupUser', 'Win32_UserAccount.Name="alice"' in members, members)


def other_methods(m, a):
    """Methods of MSFT's, of the event log, of the clock."""
    m.run('ip link add wmi0 type veth peer name wmi2', check=True)
    key = {'DeviceID': str(json.loads(m.run('ip -j link show wmi0').stdout)[0]['ifindex'])}
    value = lambda r: r.get('result', {}).get('ReturnValue')
    flags = lambda name: m.run(f'ip -br link show {name}').stdout
    r = a.do('MSFT_NetAdapter', key, 'Enable')
    check('MSFT_NetAdapter.Enable', value(r) == 0 and 'UP' in flags('wmi0'), r)
    r = a.do('MSFT_NetAdapter', key, 'Disable')
    check('MSFT_NetAdapter.Disable', value(r) == 0 and 'UP' not in flags('wmi0').split('<')[1], (r, flags('wmi0')))
    r = a.do('MSFT_NetAdapter', key, 'Rename', NewName='wmi1')
    check('MSFT_NetAdapter.Rename', value(r) == 0 and flags('wmi1'), r)
    r = a.do('Win32_NTEventlogFile', {'Name': 'journal'}, 'ClearEventlog')
    check('Win32_NTEventlogFile.ClearEventlog', value(r) == 0, r)
    r = a.do('Win32_OperatingSystem', None, 'SetDateTime', True, LocalDateTime='20300102030405.000000+000')
    check('Win32_OperatingSystem.SetDateTime, what if', good(r) and r['result'].get('WhatIf') is True, r)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('views')
        a = Asked(m.agent())
        for part in (every_service, service, events, accounts, host, properties, associations, other_methods):
            part(m, a)
    check.end()


main()
