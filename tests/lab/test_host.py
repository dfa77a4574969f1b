#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host as a machine, beside hostnamectl, lscpu, /proc and the rest: ComputerSystem, Processor, MemorySummary and their views."""
import calendar, json, os, re, sys, time

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
                                             'Architecture', 'AddressWidth', 'Vulnerabilities', 'LoadPercentage', 'L2CacheSize', 'VMMonitorModeExtensions', 'NumaNodes', 'Governor', 'AvailableGovernors', 'L3CacheSize', 'Microcode'])
    check('sockets', len(rows) == int(lscpu['Socket(s)']), rows)
    p = rows[0]
    want = {'Name': lscpu['Model name'], 'Manufacturer': lscpu['Vendor ID'], 'Family': int(lscpu['CPU family']), 'Model': int(lscpu['Model']), 'Stepping': int(lscpu['Stepping']),
            'NumberOfCores': int(lscpu['Core(s) per socket']), 'Architecture': lscpu['Architecture'], 'Flags': lscpu['Flags'].split(), 'VMMonitorModeExtensions': 'Virtualization' in lscpu}
    check('Processor beside lscpu', not differ(p, want), differ(p, want))
    check('counts', sum(r['NumberOfLogicalProcessors'] for r in rows) == int(lscpu['CPU(s)']) == sum(len(r['LogicalProcessors']) for r in rows), rows)
    check('load', 0 <= p['LoadPercentage'] <= 100, p['LoadPercentage'])
    weak = {k.split(' ', 1)[1].lower().replace(' ', '_'): re.sub('[:;]', '', v) for k, v in lscpu.items() if k.startswith('Vulnerability ')}
    check('vulnerabilities', {k: re.sub('[:;]', '', v) for k, v in p['Vulnerabilities'].items() if k in weak} == weak and len(p['Vulnerabilities']) >= len(weak), (p['Vulnerabilities'], weak))
    sysfs = lambda file: open('/sys/devices/system/cpu/cpu0/' + file).read().split() if os.path.exists('/sys/devices/system/cpu/cpu0/' + file) else None
    check('nodes', sorted({n for r in rows for n in r['NumaNodes']}) == sorted(int(k[9:-7]) for k in lscpu if re.fullmatch('NUMA node[0-9]+ CPU.s.', k)), ([r['NumaNodes'] for r in rows], lscpu))
    check('who governs the clock', p['Governor'] == (sysfs('cpufreq/scaling_governor') or [None])[0] and p['AvailableGovernors'] == sysfs('cpufreq/scaling_available_governors'), p)
    microcode = re.search(r'^microcode\s*: (\S+)', open('/proc/cpuinfo').read(), re.M)
    info = open('/proc/cpuinfo').read()
    mhz = [float(x) for x in re.findall(r'^cpu MHz\s*: (\S+)', info, re.M)]
    most = sysfs('cpufreq/cpuinfo_max_freq')
    clock = a.rows('Processor', PropertyList=['DeviceID', 'CurrentClockSpeed', 'MaxClockSpeed'])[0]
    check('clocks', (clock['CurrentClockSpeed'] is None) == (not mhz) and (clock['MaxClockSpeed'] == int(most[0]) // 1000 if most else not mhz or clock['MaxClockSpeed'] == clock['CurrentClockSpeed']) and
          (not mhz or most or min(mhz) * 0.5 <= clock['CurrentClockSpeed'] <= max(mhz) * 2), (clock, mhz, most))
    check('microcode', p['Microcode'] == (microcode and microcode[1]), p)
    govern = lambda name, key='CPU0': a.do('Processor', {'DeviceID': key}, 'SetGovernor', True, Governor=name)
    check('a governor that is not there', status(govern('nonsense')) == ('INVALID_PARAMETER' if p['Governor'] else 'NOT_SUPPORTED'), govern('nonsense'))
    check('the one that is', not p['Governor'] or good(govern(p['Governor'])))
    check('no such processor', status(govern('performance', 'CPU99')) == 'NOT_FOUND')
    online = lambda n, on: a.do('Processor', None, 'SetOnline', True, LogicalProcessor=n, Online=on)
    check('out of use', status(online(8000, False)) == 'NOT_FOUND' and good(online(0, True)) and status(online(8192, True)) == 'INVALID_PARAMETER', (online(8000, False), online(0, True)))
    last = p['LogicalProcessors'][-1]
    switch = sysfs(f'../cpu{last}/online')
    r = online(last, False)
    check('what-if of out of use', good(r) and r['result']['Changed'][0]['To'] == 'False' if switch else status(r) == 'NOT_SUPPORTED', r)
    v = a.rows('Win32_Processor')[0]
    check('the view', v['Name'] == p['Name'] and v['L2CacheSize'] == (p['L2CacheSize'] or 0) // 1024, v)


def memory(m, a):
    NAMES = {'Total': 'MemTotal', 'Available': 'MemAvailable', 'Free': 'MemFree', 'Cached': 'Cached', 'Buffers': 'Buffers', 'AnonPages': 'AnonPages', 'Shared': 'Shmem', 'Slab': 'Slab',
             'SlabReclaimable': 'SReclaimable', 'PageTables': 'PageTables', 'Locked': 'Mlocked', 'Committed': 'Committed_AS', 'CommitLimit': 'CommitLimit', 'SwapTotal': 'SwapTotal',
             'SwapFree': 'SwapFree', 'HugePageSize': 'Hugepagesize', 'Dirty': 'Dirty', 'Writeback': 'Writeback', 'HardwareCorrupted': 'HardwareCorrupted',
             'HugePagesTotal': 'HugePages_Total', 'HugePagesFree': 'HugePages_Free'}
    real = {l.split(':')[0]: int(l.split()[1]) * (1 if l.startswith('HugePages_') else 1024) for l in m.run('cat /proc/meminfo').stdout.splitlines()}
    mine = singleton(a, 'MemorySummary')
    wrong = [(k, mine[k], real.get(v)) for k, v in NAMES.items() if mine[k] is not real.get(v) and (v not in real or abs(mine[k] - real[v]) > max(64 << 20, real[v] // 20))]
    check('MemorySummary beside /proc/meminfo', not wrong and mine['Total'] == real['MemTotal'] and mine['InUse'] == mine['Total'] - mine['Available'], wrong)
    check('its pressure', (mine['Pressure10'] is None) != os.path.exists('/proc/pressure/memory') and 0 <= (mine['Pressure10'] or 0) <= 100, mine)
    pressure(a)
    check('what-if of DropCaches', good(a.do('MemorySummary', None, 'DropCaches', True)))
    check('modules, where the firmware tells of none', a.rows('PhysicalMemory') == [] or all(r['Capacity'] for r in a.rows('PhysicalMemory')))
    check('Bios answers', len(a.rows('Bios')) == 1)


def pressure(a):
    """Each number of /proc/pressure lies between a reading before and one after: averages are told to two digits and move by a little, totals only grow."""
    def read():
        out = {}
        for name in ('cpu', 'io', 'irq', 'memory'):
            if os.path.exists(f'/proc/pressure/{name}'):
                out[name] = {l.split()[0]: {k: float(v) for k, v in (w.split('=') for w in l.split()[1:])} for l in open(f'/proc/pressure/{name}')}
        return out
    before, rows, after = read(), {r['Name']: r for r in a.rows('Pressure')}, read()
    check('what there is pressure of', sorted(rows) == sorted(before), (sorted(rows), sorted(before)))
    for name, lines in before.items():
        for kind, numbers in lines.items():
            word, late = kind.capitalize(), after[name][kind]
            wrong = [k for k in ('avg10', 'avg60', 'avg300') if not min(numbers[k], late[k]) - 25 <= rows[name][word + k.capitalize()] <= max(numbers[k], late[k]) + 25]
            check(f'{name}, {kind}', not wrong and numbers['total'] * 1000 <= rows[name][word + 'TotalNSec'] <= late['total'] * 1000, (rows[name], numbers, late))
        check(f'{name}: what the kernel does not tell', all((rows[name][w + 'Avg10'] is None) == (w.lower() not in lines) for w in ('Some', 'Full')), rows[name])


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


def zone(m, a):
    do = lambda what_if=False, **kw: a.do('TimeZone', None, 'Set', what_if, **kw)
    now = singleton(a, 'TimeZone')
    check('the zone as the machine has it', not differ(now, {'Bias': 0, 'SupportsDaylightSavingTime': False}), now)
    if m.run('test -e /usr/share/zoneinfo/Europe/Berlin').returncode:
        check('without tzdata', status(do(Id='Europe/Berlin')) == 'INVALID_PARAMETER')
        m.run('mkdir -p /usr/share/zoneinfo/Europe', check=True)
        open(os.path.join(m.share, 'Berlin'), 'wb').write(open('/usr/share/zoneinfo/Europe/Berlin', 'rb').read())
        m.run('cp /lab/Berlin /usr/share/zoneinfo/Europe/; cp /lab/Berlin /usr/share/zoneinfo/UTC2; printf "#c\nDE\t+5230+01322\tEurope/Berlin\tmost of it\n" > /usr/share/zoneinfo/zone.tab', check=True)
    check('what-if of Set', good(do(True, Id='Europe/Berlin')) and 'Berlin' not in m.run('readlink /etc/localtime').stdout)
    m.run('echo Etc/UTC > /etc/timezone')
    check('Set', good(do(Id='Europe/Berlin')) and m.run('readlink /etc/localtime; cat /etc/timezone').stdout.split() == ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'])
    now = singleton(a, 'TimeZone')
    check('and it is', not differ(now, {'Id': 'Europe/Berlin', 'Bias': 60, 'StandardName': 'CET', 'DaylightName': 'CEST', 'SupportsDaylightSavingTime': True, 'DisplayName': '(UTC+01:00) Europe/Berlin'}), now)
    check('as date has it', now['CurrentOffset'] == int(m.run('env -u TZ date +%z').stdout[:3]) * 60, now)
    for bad in ('Nope', '../../../etc/passwd', '/etc/passwd', '', 'Europe', 'zone.tab', 'Europe/../Europe/Berlin', 'a\nb'):
        check(f'no zone: {bad!r}', status(do(Id=bad)) == 'INVALID_PARAMETER', do(Id=bad))
    check('List', 'Europe/Berlin' in a.do('TimeZone', None, 'List')['result']['Zones'])


def settings(m, a):
    real = {}
    for line in m.run('sysctl -a 2>/dev/null').stdout.splitlines():
        name, _, value = line.partition(' =')
        real.setdefault(name, []).append(value.strip())
    mine = {r['Name']: r for r in a.rows('Sysctl')}
    changing = ('random', 'nr', 'state', 'stat', 'count', 'entropy', 'pid', 'ns_last')
    both = [n for n in real if n in mine and not any(c in n for c in changing)]
    wrong = [(n, mine[n]['Value'], real[n]) for n in both if (mine[n]['Value'] or '').split('\n')[0].strip() != real[n][0]]
    check('settings beside sysctl -a', len(both) > 300 and len(set(real) - set(mine)) == 0 and len(wrong) < 5, (len(both), sorted(set(real) - set(mine))[:5], wrong[:5]))
    m.run('mkdir -p /etc/sysctl.d; echo "net.ipv4.ip_forward=1" > /etc/sysctl.d/50-x.conf; echo "net/ipv4/ip_forward = 0" > /etc/sysctl.d/60-y.conf')
    key = {'Name': 'net.ipv4.ip_forward'}
    r = a.one('Sysctl', key, 'Value', 'Persisted', 'Source', 'ReadOnly')
    check('what the next boot sets', not differ(r, {'Value': '0', 'Persisted': '0', 'Source': '/etc/sysctl.d/60-y.conf', 'ReadOnly': False}), r)
    do = lambda value, what_if=False, key=key, **kw: a.do('Sysctl', key, 'Set', what_if, Value=value, **kw)
    get = lambda: m.run('cat /proc/sys/net/ipv4/ip_forward').stdout.strip()
    check('what-if of Set', do('1', True)['result']['Changed'][0]['To'] == '1' and get() == '0')
    check('Set', good(do('1')) and get() == '1')
    check('Set to last', good(do('1', Persist=True)) and a.one('Sysctl', key, 'Persisted', 'Source')['Source'] == '/etc/sysctl.d/99-reeve.conf')
    check('another, then the first again: one line each', good(do('0', key={'Name': 'net.ipv4.conf.all.forwarding'}, Persist=True)) and good(do('0', Persist=True))
          and sorted(l for l in m.run('cat /etc/sysctl.d/99-reeve.conf').stdout.splitlines() if not l.startswith('#')) == ['net.ipv4.conf.all.forwarding = 0', 'net.ipv4.ip_forward = 0'])
    check('modify', good(a.call('SetInstance', 'Sysctl', key, {'Value': '1'})) and get() == '1')
    check('a value that the kernel does not take', status(do('many')) == 'INVALID_PARAMETER', do('many'))
    for name in ('no.such', '../../etc/hostname', 'net', '', 'net.ipv4..ip_forward', 'net/ipv4/ip_forward'):
        check(f'no setting: {name!r}', status(do('1', key={'Name': name})) == 'NOT_FOUND', do('1', key={'Name': name}))
    check('one that cannot be set', status(do('x', key={'Name': 'kernel.version'})) == 'NOT_SUPPORTED')
    check('two lines', status(do('1\n2')) == 'INVALID_PARAMETER')
    m.run('ip link add v.7 type veth peer name v.8')
    r = a.one('Sysctl', {'Name': 'net.ipv4.conf.v/7.forwarding'}, 'Value')
    check('an interface with a dot in its name', r and r['Value'] == m.run('cat /proc/sys/net/ipv4/conf/v.7/forwarding').stdout.strip(), r)


def table(m, a):
    """Every mount beside findmnt, and how full it is beside stat -f."""
    todo, real = json.loads(m.run('findmnt -J -o ID,PARENT,TARGET,SOURCE,FSROOT,FSTYPE,VFS-OPTIONS,FS-OPTIONS,PROPAGATION,MAJ:MIN').stdout)['filesystems'], {}
    while todo:
        d = todo.pop()
        real[int(d['id'])] = d
        todo += d.get('children', [])
    rows = {r['MountId']: r for r in a.rows('Mount')}
    check('the same mounts', sorted(rows) == sorted(real), set(rows) ^ set(real))
    words = {'private,slave': 'slave', 'slave': 'slave', 'shared,slave': 'shared,slave', 'shared': 'shared', 'private': 'private', 'unbindable': 'unbindable', 'private,unbindable': 'unbindable'}
    for i, d in real.items():
        r = rows.get(i)
        if not r:
            continue
        vfs, fs = (d[k].split(',') for k in ('vfs-options', 'fs-options'))
        want = {'Name': d['target'], 'FileSystem': d['fstype'], 'DeviceNumber': d['maj:min'], 'Propagation': words.get(d['propagation'], d['propagation']), 'RootDirectory': d['fsroot'],
                'Options': vfs + [o for o in fs if o not in vfs], 'ReadOnly': 'ro' in vfs or 'ro' in fs, 'Source': d['source'].split('[')[0]}
        if int(d['parent']) in real:  # that of the root lies outside
            want['ParentMountId'] = int(d['parent'])
        check(f'mount on {d["target"]}', not differ(r, want), differ(r, want))
    m.run('mkdir -p /mnt/still && mount -t tmpfs -o size=2m,nr_inodes=100 still /mnt/still && dd if=/dev/zero of=/mnt/still/x bs=4096 count=10 && touch /mnt/still/y', check=True)
    b, f, free, size, i, ifree, name = (int(x) for x in m.run('stat -f -c "%b %f %a %S %c %d %l" /mnt/still').stdout.split())
    r = a.rows('Mount', Filter="Name = '/mnt/still'")[0]
    want = {'Size': b * size, 'FreeSpace': free * size, 'UsedSpace': (b - f) * size, 'BlockSize': size, 'NumberOfBlocks': b, 'TotalInodes': i, 'FreeInodes': ifree, 'MaximumComponentLength': name, 'Status': 'OK', 'DriveType': 6, 'Pseudo': False}
    check('how full it is', not differ(r, want) and ifree < i, differ(r, want))
    m.run('umount /mnt/still')


def mounts(m, a):
    find = lambda where: json.loads(m.run(f'findmnt -J -o TARGET,SOURCE,FSTYPE,OPTIONS {where}').stdout or '{"filesystems":[]}')['filesystems']
    new = lambda what_if=False, **kw: a.do('Mount', None, 'Create', what_if, **kw)
    m.run('mkdir -p "/mnt/a b" /mnt/c')
    args = {'Source': 'tmpfs', 'Name': '/mnt/a b', 'FileSystem': 'tmpfs', 'Options': ['size=1m', 'mode=700']}
    check('what-if of Create', good(new(True, **args)) and not find("'/mnt/a b'"))
    check('Create', good(new(**args)) and 'size=1024k' in find("'/mnt/a b'")[0]['options'])
    row = a.rows('Mount', Filter="Name = '/mnt/a b'")[0]
    key = {'Name': row['Name'], 'MountId': row['MountId']}
    check('seen', not differ(row, {'FileSystem': 'tmpfs', 'Size': 1 << 20, 'ReadOnly': False}), row)
    check('Remount', good(a.do('Mount', key, 'Remount', Options=['ro'])) and 'ro' in find("'/mnt/a b'")[0]['options'].split(','))
    check('bind', good(new(Source='/etc', Name='/mnt/c', FileSystem='bind')) and m.run('test -e /mnt/c/passwd').returncode == 0)
    check('Unmount of the bind', good(a.do('Mount', {'Name': '/mnt/c'}, 'Unmount')) and m.run('test -e /mnt/c/passwd').returncode == 1)
    busy = m.popen('sh', '-c', 'cd "/mnt/a b"; exec sleep 60')
    m.run('for i in $(seq 50); do pgrep -x sleep >/dev/null && break; sleep 0.02; done')
    r = a.do('Mount', key, 'Unmount')
    check('one that is used', status(r) == 'UNAVAILABLE' and r['error']['data']['Retryable'] in (True, False) and 'Lazy' in r['error']['data']['Hint'], r)
    check('what-if of Unmount', good(a.do('Mount', key, 'Unmount', True, Lazy=True)) and find("'/mnt/a b'"))
    check('Lazy', good(a.do('Mount', key, 'Unmount', Lazy=True)) and not find("'/mnt/a b'"))
    busy.kill()
    busy.wait()
    check('again', status(a.do('Mount', key, 'Unmount')) == 'NOT_FOUND')
    for bad, want in (({'Source': '/no/dev', 'Name': '/mnt/c'}, 'NOT_FOUND'), ({'Source': 'x', 'Name': '/no/folder', 'FileSystem': 'tmpfs'}, 'NOT_FOUND'), ({'Source': 'x', 'Name': 'mnt', 'FileSystem': 'tmpfs'}, 'INVALID_PARAMETER'),
                      ({'Source': '/dev/null', 'Name': '/mnt/c', 'FileSystem': 'nosuchfs'}, 'INVALID_PARAMETER'), ({'Source': 'x', 'Name': '/mnt/c', 'FileSystem': 'tmpfs', 'Options': ['-x']}, 'INVALID_PARAMETER'),
                      ({'Source': 'x', 'Name': '/mnt/c', 'FileSystem': 'tmpfs', 'Options': ['size=zz']}, 'INVALID_PARAMETER')):
        r = new(**bad)
        check(f'refused: {bad}', status(r) == want, r)


def lasting(m, a):
    """Mounts of the next boots: /etc/fstab, which findmnt and systemd read as well."""
    m.run('mkdir -p "/mnt/a b" /mnt/bound; printf "# a comment\\nproc /proc proc defaults 0 0" > /etc/fstab')
    fstab = lambda: m.run('cat /etc/fstab').stdout
    entry = lambda where: json.loads(m.run(f'findmnt --fstab -J -o TARGET,SOURCE,FSTYPE,OPTIONS {where}').stdout or '{"filesystems":[None]}'.replace('None', 'null'))['filesystems'][0]
    new = lambda what_if=False, **kw: a.do('Mount', None, 'Create', what_if, **kw)
    args, before = {'Source': 'tmpfs', 'Name': '/mnt/a b', 'FileSystem': 'tmpfs', 'Options': ['size=1m', 'mode=700'], 'Persist': True}, fstab()
    r = new(True, **args)
    check('what-if of a lasting mount', good(r) and {c['Property'] for c in r['result']['Changed']} == {'Name', 'Persisted'} and fstab() == before, r)
    r = new(**args)
    check('a lasting mount', good(r) and entry("'/mnt/a b'") == {'target': '/mnt/a b', 'source': 'tmpfs', 'fstype': 'tmpfs', 'options': 'size=1m,mode=700'} and
          fstab() == before + '\ntmpfs /mnt/a\\040b tmpfs size=1m,mode=700 0 0\n', (r, fstab()))
    check('systemd has it', 'tmpfs' in m.run("systemctl show -P Type \"$(systemd-escape -p --suffix=mount '/mnt/a b')\"").stdout and
          'fstab' in m.run("systemctl show -P SourcePath \"$(systemd-escape -p --suffix=mount '/mnt/a b')\"").stdout)
    row = lambda where: [x for x in a.rows('Mount', Filter=f"Name = '{where}'", PropertyList=['Name', 'MountId', 'Persisted'])]
    check('told as lasting', row('/mnt/a b')[0]['Persisted'] is True and row('/')[0]['Persisted'] is False, (row('/mnt/a b'), row('/')))
    check('a bind', good(new(Source='/etc', Name='/mnt/bound', FileSystem='bind', Options=['ro'], Persist=True)) and
          entry('/mnt/bound') == {'target': '/mnt/bound', 'source': '/etc', 'fstype': 'none', 'options': 'bind,ro'}, fstab())
    key = {'Name': '/mnt/a b'}
    check('Remount, for good', good(a.do('Mount', key, 'Remount', Options=['ro', 'size=2m'], Persist=True)) and entry("'/mnt/a b'")['options'] == 'ro,size=2m', fstab())
    check('Remount, for now', good(a.do('Mount', key, 'Remount', Options=['rw'])) and entry("'/mnt/a b'")['options'] == 'ro,size=2m')
    was = fstab()
    check('a mount that fails leaves no line', not good(new(Source='/dev/null', Name='/mnt/bound', FileSystem='ext4', Persist=True)) and fstab() == was)
    check('Unmount, for now', good(a.do('Mount', key, 'Unmount')) and fstab() == was)
    check('mount(8) takes the line', m.run("mount '/mnt/a b'").returncode == 0)
    check('Unmount, for good', good(a.do('Mount', key, 'Unmount', Persist=True)) and 'a\\040b' not in fstab() and 'bound' in fstab())
    check('and the bind', good(a.do('Mount', {'Name': '/mnt/bound'}, 'Unmount', Persist=True)) and fstab() == before + '\n', fstab())
    check('no line for it: nothing for good', status(a.do('Mount', {'Name': '/'}, 'Remount', True, Options=['rw'], Persist=True)) == 'NOT_FOUND')


def woken(m, a):
    """The queries of docs/host.md: each is taken, and what can be brought about here is told."""
    text = open(os.path.join(lablib.ROOT, 'docs/host.md')).read()
    queries = dict(re.findall(r'^\| ([a-z][^|]*) \| `(SELECT [^`]*)` \|$', text, re.M))
    check('the queries of the document', len(queries) > 12, queries)
    m.run('mkdir -p /mnt/small && mount -t tmpfs -o size=1200m small /mnt/small && touch /var/log/btmp', check=True)
    quick = {k: re.sub('WITHIN [0-9]+', 'WITHIN 1', q) for k, q in queries.items()}
    quick['a setting of the kernel drifts'] = quick['a setting of the kernel drifts'].replace("LIKE 'net.ipv4.%'", "= 'net.ipv4.ip_default_ttl'")
    watch = {k: agentlib.Reader(agentlib.Peer(a.path), Query=q) for k, q in quick.items() if k in
             ('a file system runs full', 'a setting of the kernel drifts', 'the host is renamed', 'an account comes, goes or changes', 'somebody gets into a group', 'a restart is wanted')}
    for k, q in queries.items():
        r = watch.get(k) or agentlib.Reader(agentlib.Peer(a.path), Query=q)
        check(f'taken: {k}', r.result is not None, (q, r.error))
        if k not in watch:
            r.peer.sock.close()
    for k, r in watch.items():
        check(f'begun: {k}', r.until(lambda p: p['Kind'] == 'Sync', 30)[-1])
    m.run('rm -f /run/reboot-required; groupadd -f sudo')
    here = lambda p, name, value: (p or {}).get('Indication', {}).get('TargetInstance', {}).get(name) == value
    for k, command, name, value in (('a file system runs full', 'fallocate -l 500m /mnt/small/x', 'Name', '/mnt/small'), ('a setting of the kernel drifts', 'echo 61 > /proc/sys/net/ipv4/ip_default_ttl', 'Value', '61'),
                                    ('the host is renamed', 'hostname woken', 'Name', 'woken'), ('an account comes, goes or changes', 'useradd -M woken', 'Name', 'woken'),
                                    ('somebody gets into a group', 'gpasswd -a alice sudo', 'Name', 'alice')):
        m.run(command)
        got = watch[k].until(lambda p: here(p, name, value), 30)
        check(f'told: {k}', got[-1], got)
    m.run('umount /mnt/small; userdel woken')


def environment(m, a):
    m.run("""printf 'PATH="/usr/bin:/bin"\\n# a comment\\nexport LANG=C.UTF-8\\nA=1\\nA=two words\\nbroken\\n' > /etc/environment""")
    text = lambda: m.run('cat /etc/environment').stdout
    rows = lambda: {r['Name']: r['VariableValue'] for r in a.rows('Environment')}
    check('/etc/environment', rows() == {'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', 'A': 'two words'}, rows())
    key = {'Name': 'A'}
    before = text()
    check('what-if', a.call('ModifyInstance', 'Environment', key, {'VariableValue': 'x'}, WhatIf=True)['result']['Changed'] == [{'Property': 'VariableValue', 'From': 'two words', 'To': 'x'}] and text() == before)
    check('modify: the other lines stay', good(a.call('ModifyInstance', 'Environment', key, {'VariableValue': "it's"})) and text() == 'PATH="/usr/bin:/bin"\n# a comment\nexport LANG=C.UTF-8\nbroken\nA="it\'s"\n', text())
    check('Create', good(a.do('Environment', None, 'Create', Name='HTTP_PROXY', VariableValue='http://p:3128')) and rows()['HTTP_PROXY'] == 'http://p:3128')
    check('pam_env reads it', m.run('su - alice -c env').stdout.find('HTTP_PROXY=http://p:3128') >= 0, m.run('su - alice -c env').stdout)
    check('Delete', good(a.do('Environment', {'Name': 'HTTP_PROXY'}, 'Delete')) and 'HTTP_PROXY' not in text())
    check('Delete again', status(a.do('Environment', {'Name': 'HTTP_PROXY'}, 'Delete')) == 'NOT_FOUND')
    for name, value in (('1A', 'x'), ('A B', 'x'), ('', 'x'), ('A', 'x\ny'), ('A', 'say "x"'), ('A\nB', 'x')):
        check(f'refused: {name!r} {value!r}', status(a.do('Environment', None, 'Create', Name=name, VariableValue=value)) == 'INVALID_PARAMETER')
    check('the view', [r['VariableValue'] for r in a.rows('Win32_Environment', Filter="Name = 'A'")] == ["it's"])


def system(m, a):
    """Each property of OperatingSystem beside the tool or the file that has it."""
    names = [p['Name'] for p in a.peer.call('GetClass', {'ClassName': 'OperatingSystem'})['result']['Properties']]
    o = singleton(a, 'OperatingSystem', *names)
    check('all that is asked for', sorted(o) == sorted(names), set(names) ^ set(o))
    say = lambda command: m.run(command).stdout.strip()
    release = dict(l.split('=', 1) for l in say('cat /etc/os-release').splitlines())
    lsm, zone = say('cat /sys/kernel/security/lsm'), say('date +%z')
    meminfo = {l.split(':')[0]: int(l.split()[1]) * 1024 for l in say('cat /proc/meminfo').splitlines()}
    groups = {t for t in say('findmnt -n -o FSTYPE').split() if t.startswith('cgroup')}
    want = {'Caption': release['PRETTY_NAME'].strip('"'), 'Version': release['VERSION_ID'].strip('"'), 'Manufacturer': release['ID'], 'KernelRelease': say('uname -r'),
            'OSArchitecture': say('uname -m'), 'CSName': say('uname -n'), 'BootId': say('cat /proc/sys/kernel/random/boot_id'), 'SerialNumber': say('cat /etc/machine-id'),
            'KernelCommandLine': say('cat /proc/cmdline'), 'MaxNumberOfProcesses': int(say('cat /proc/sys/kernel/pid_max')), 'Tainted': int(say('cat /proc/sys/kernel/tainted')),
            'Lsm': lsm.split(',') if lsm else None, 'CgroupVersion': {('cgroup',): 1, ('cgroup2',): 2}.get(tuple(sorted(groups)), 12),
            'CurrentTimeZone': int(zone[0] + '1') * (int(zone[1:3]) * 60 + int(zone[3:])),
            'SystemDevice': say('findmnt -n -o SOURCE -T /').split('[')[0], 'TotalVisibleMemorySize': meminfo['MemTotal'], 'SizeStoredInPagingFiles': meminfo['SwapTotal'],
            'TotalVirtualMemorySize': meminfo['MemTotal'] + meminfo['SwapTotal'], 'NumberOfUsers': int(say('loginctl --no-legend | wc -l')),
            'Description': say('hostnamectl --pretty') or None}
    check('OperatingSystem', not differ(o, want), differ(o, want))
    kept, flag, clock = say('timedatectl show -P NTPSynchronized') == 'yes', '/run/systemd/timesync', a.rows('TimeSynchronization')[0]
    told = clock['Synchronized'], o['TimeSynchronized']
    check('whether the clock is kept, in the sandbox of the unit: null where nobody says', told == ((None, None) if say(f'test -e {flag} || echo no') else (kept, kept)) and clock['MaxError'] is None, (kept, clock))
    m.run(f'mkdir -p {flag}')
    without = a.rows('TimeSynchronization')[0]['Synchronized']
    m.run(f'touch {flag}/synchronized')
    check('as timesyncd says', (without, a.rows('TimeSynchronization')[0]['Synchronized'], a.rows('OperatingSystem')[0]['TimeSynchronized']) == (False, True, True), without)
    m.run(f'rm -r {flag}')
    check('taint in words', len(o['TaintReasons']) == bin(o['Tainted']).count('1'), o['TaintReasons'])
    pressure = os.path.exists('/proc/pressure/cpu')
    check('pressure', all((o['Pressure' + k] is not None and 0 <= o['Pressure' + k] <= 100) == pressure for k in ('Cpu', 'Memory', 'Io')), o)
    born = say('stat -c %W /')
    told = lambda p: calendar.timegm(time.strptime(o[p][:19], '%Y-%m-%dT%H:%M:%S'))
    check('times', abs(told('LastBootUpTime') - int(say('grep btime /proc/stat').split()[1])) <= 1 and (o['InstallDate'] is None if born in ('0', '-') else told('InstallDate') == int(born)) and
          abs(o['UpTime'] / 1e9 - float(say('cat /proc/uptime').split()[0])) < 60, (o, born))
    load = [float(x) for x in say('cat /proc/loadavg').split()[:3]]
    check('load', all(abs(o['LoadAverage' + n] - x) < 5 for n, x in zip(('1', '5', '15'), load)) and o['NumberOfThreads'] >= o['NumberOfProcesses'] > 3, (o, load))
    do = lambda what_if=False, **kw: a.do('OperatingSystem', None, 'SetDateTime', what_if, **kw)
    r = do(True, LocalDateTime='2031-02-03T04:05:06Z')
    check('what-if of SetDateTime', good(r) and r['result']['Changed'][0]['Property'] == 'LocalDateTime' and not say('date').endswith('2031'), r)
    r = do(LocalDateTime='1960-01-01T00:00:00Z')
    check('no such time', status(r) == 'INVALID_PARAMETER', r)
    if m.run('date -s "$(date)"').returncode:
        r = do(LocalDateTime='2031-02-03T04:05:06Z')
        check('a machine that may not set its clock', status(r) in ('FAILED', 'UNAVAILABLE', 'NOT_SUPPORTED') and r['error']['message'].startswith('cannot set the clock: '), r)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('host')
        a = Asked(m.agent())
        for part in (computer, system, memory, services, zone, settings, table, mounts, lasting, environment, woken):
            part(m, a)
    check.end()


main()
