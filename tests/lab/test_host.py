#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host as a machine, beside hostnamectl, lscpu, /proc and the rest: ComputerSystem, Processor, MemorySummary and their views."""
import json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()


def singleton(a, name, *properties):
    return a.rows(name, **({'PropertyList': list(properties)} if properties else {}))[0]


def computer(m, a):
    lscpu = {f['field'].rstrip(':'): f['data'] for f in json.loads(m.run('lscpu -J').stdout)['lscpu']}
    c = singleton(a, 'ComputerSystem')
    want = {'Name': m.run('uname -n').stdout.strip(), 'SystemType': m.run('uname -m').stdout.strip(), 'Virtualization': m.run('systemd-detect-virt').stdout.strip(),
            'NumberOfLogicalProcessors': int(lscpu['CPU(s)']), 'NumberOfProcessors': int(lscpu.get('Socket(s)', 1)), 'HypervisorPresent': 'Hypervisor vendor' in lscpu,
            'RebootRequired': False, 'RebootReasons': [], 'ScheduledShutdown': None}
    check('ComputerSystem', not differ(c, want), differ(c, want))
    m.run('echo libc6 > /run/reboot-required.pkgs; touch /run/reboot-required; printf "search lab.example other\\n" > /etc/resolv.conf; printf "PRETTY_HOSTNAME=\\"My host\\"\\n" > /etc/machine-info')
    c = singleton(a, 'ComputerSystem')
    check('wants a restart, why; its domain', not differ(c, {'RebootRequired': True, 'RebootReasons': ['libc6'], 'Domain': 'lab.example', 'PrettyName': 'My host'}), c)
    processors(a, lscpu)
    do = lambda method, what_if=False, **kw: a.do('ComputerSystem', None, method, what_if, **kw)
    r = do('Rename', True, Name='web1.example.org')
    check('what-if of Rename', r['result']['Changed'] == [{'Property': 'Name', 'From': c['Name'], 'To': 'web1.example.org'}] and m.run('uname -n').stdout.strip() == c['Name'], r)
    check('Rename', good(do('Rename', Name='web1.example.org')) and m.run('uname -n; cat /etc/hostname').stdout.split() == ['web1.example.org'] * 2)
    check('the domain of the name', not differ(singleton(a, 'ComputerSystem'), {'Name': 'web1.example.org', 'Domain': 'example.org', 'StaticName': 'web1.example.org'}))
    for bad in ('a..b', '-a', 'a-', 'a b', '', 'x' * 65, 'y' * 64, 'a\nb', 'ü'):
        check(f'no host name: {bad!r}', status(do('Rename', Name=bad)) == 'INVALID_PARAMETER', do('Rename', Name=bad))
    check('what-if of Restart', good(do('Restart', True)) and not m.run('test -e /run/systemd/shutdown/scheduled').returncode == 0)
    check('Restart later', good(do('Restart', Delay=90, Message='soon')), do('Restart', Delay=90))
    check('it is told when', singleton(a, 'ComputerSystem')['ScheduledShutdown'] and 'MODE=reboot' in m.run('cat /run/systemd/shutdown/scheduled').stdout)
    check('CancelShutdown', good(do('CancelShutdown')) and singleton(a, 'ComputerSystem')['ScheduledShutdown'] is None)
    v = singleton(a, 'Win32_ComputerSystem')
    check('the view', not differ(v, {'Name': 'web1.example.org', 'Domain': 'example.org', 'NumberOfLogicalProcessors': c['NumberOfLogicalProcessors'], 'BootupState': 'Normal boot', 'DomainRole': 2}), v)


def processors(a, lscpu):
    rows = a.rows('Processor', PropertyList=['DeviceID', 'Name', 'Manufacturer', 'Family', 'Model', 'Stepping', 'NumberOfCores', 'NumberOfLogicalProcessors', 'LogicalProcessors', 'Flags',
                                             'Architecture', 'AddressWidth', 'Vulnerabilities', 'LoadPercentage', 'L2CacheSize', 'VMMonitorModeExtensions'])
    check('sockets', len(rows) == int(lscpu['Socket(s)']), rows)
    p = rows[0]
    want = {'Name': lscpu['Model name'], 'Manufacturer': lscpu['Vendor ID'], 'Family': int(lscpu['CPU family']), 'Model': int(lscpu['Model']), 'Stepping': int(lscpu['Stepping']),
            'NumberOfCores': int(lscpu['Core(s) per socket']), 'Architecture': lscpu['Architecture'], 'Flags': lscpu['Flags'].split(), 'VMMonitorModeExtensions': 'Virtualization' in lscpu}
    check('Processor beside lscpu', not differ(p, want), differ(p, want))
    check('counts', sum(r['NumberOfLogicalProcessors'] for r in rows) == int(lscpu['CPU(s)']) == sum(len(r['LogicalProcessors']) for r in rows), rows)
    check('load', 0 <= p['LoadPercentage'] <= 100, p['LoadPercentage'])
    weak = {k.split(' ', 1)[1].lower().replace(' ', '_'): re.sub('[:;]', '', v) for k, v in lscpu.items() if k.startswith('Vulnerability ')}
    check('vulnerabilities', {k: re.sub('[:;]', '', v) for k, v in p['Vulnerabilities'].items() if k in weak} == weak and len(p['Vulnerabilities']) >= len(weak), (p['Vulnerabilities'], weak))
    v = a.rows('Win32_Processor')[0]
    check('the view', v['Name'] == p['Name'] and v['L2CacheSize'] == (p['L2CacheSize'] or 0) // 1024, v)


def memory(m, a):
    NAMES = {'Total': 'MemTotal', 'Available': 'MemAvailable', 'Free': 'MemFree', 'Cached': 'Cached', 'Buffers': 'Buffers', 'AnonPages': 'AnonPages', 'Shared': 'Shmem', 'Slab': 'Slab',
             'SlabReclaimable': 'SReclaimable', 'PageTables': 'PageTables', 'Locked': 'Mlocked', 'Committed': 'Committed_AS', 'CommitLimit': 'CommitLimit', 'SwapTotal': 'SwapTotal',
             'SwapFree': 'SwapFree', 'HugePageSize': 'Hugepagesize'}
    real = {l.split(':')[0]: int(l.split()[1]) * 1024 for l in m.run('cat /proc/meminfo').stdout.splitlines()}
    mine = singleton(a, 'MemorySummary')
    wrong = [(k, mine[k], real[v]) for k, v in NAMES.items() if abs(mine[k] - real[v]) > max(64 << 20, real[v] // 20)]
    check('MemorySummary beside /proc/meminfo', not wrong and mine['Total'] == real['MemTotal'] and mine['InUse'] == mine['Total'] - mine['Available'], wrong)
    check('what-if of DropCaches', good(a.do('MemorySummary', None, 'DropCaches', True)))
    check('modules, where the firmware tells of none', a.rows('PhysicalMemory') == [] or all(r['Capacity'] for r in a.rows('PhysicalMemory')))
    check('Bios answers', len(a.rows('Bios')) == 1)


def services(m, a):
    real = {r['Name']: r for r in a.rows('Service')}
    mine = {r['Name']: r for r in a.rows('Win32_Service')}
    check('Win32_Service: the same', sorted(real) == sorted(mine))
    s, v = real['ssh'], mine['ssh']
    check('a service', not differ(v, {'State': 'Running', 'Started': True, 'StartMode': 'Auto', 'ProcessId': s['MainPID'], 'Status': 'OK', 'CreationClassName': 'Win32_Service', 'PathName': s['ExecStart']}), v)
    wql = a.peer.call('ExecQuery', {'Query': "SELECT Name, State FROM Win32_Service WHERE State = 'Running' AND Name LIKE 'ss%'", 'QueryLanguage': 'WQL'})
    check('WQL as an admin types it', 'ssh' in json.dumps(wql), wql)
    r = a.do('Win32_Service', {'Name': 'ssh'}, 'StopService')
    check('StopService of the view', good(r) and m.run('systemctl is-active ssh').stdout.strip() == 'inactive', r)
    r = a.do('Win32_Service', {'Name': 'ssh'}, 'StartService')
    check('StartService of the view', good(r) and m.run('systemctl is-active ssh').stdout.strip() == 'active', r)
    r = a.do('Win32_Service', {'Name': 'cron'}, 'ChangeStartMode', StartMode='Manual')
    check('ChangeStartMode of the view', good(r) and m.run('systemctl is-enabled cron').stdout.strip() == 'disabled', r)
    lo = [r for r in a.rows('Win32_NetworkAdapter') if r['NetConnectionID'] == 'eth0']
    check('Win32_NetworkAdapter', lo and not differ(lo[0], {'NetConnectionStatus': 2, 'AdapterTypeID': 0, 'NetEnabled': True}), lo)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('host')
        a = Asked(m.agent())
        for part in (computer, memory, services):
            part(m, a)
    check.end()


main()
