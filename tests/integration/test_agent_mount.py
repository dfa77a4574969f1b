#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mount, Win32_LogicalDisk, Win32_OperatingSystem beside what the system says; file systems that never answer."""
import ctypes, os, platform, re, shutil, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases
from fuselib import Hanging, LIBC

case = Cases()
agent = Agent()
tmp = tempfile.mkdtemp(prefix='reeve-mount.')
mounted = []


def mounts(**more):
    return agent.call('EnumerateInstances', dict({'ClassName': 'Mount'}, **more))['result']['Instances']


def named(name, **more):
    return [m for m in mounts(**more) if m['Name'] == name]


def make(name, fstype, source=b'none', options=b'', flags=0):
    path = os.path.join(tmp, name)
    os.makedirs(path, exist_ok=True)
    if LIBC.mount(source, path.encode(), fstype, flags, options) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    mounted.append(path)
    return path


def timed(f, *args, **kw):
    start = time.monotonic()
    return f(*args, **kw), time.monotonic() - start


try:
    decode = lambda s: re.sub(r'\\([0-7]{3})', lambda m: chr(int(m[1], 8)), s)
    table = {}
    for line in open('/proc/self/mountinfo'):
        a, b = line.rstrip('\n').split(' - ')
        f, g = a.split(' '), b.split(' ')
        table[int(f[0])] = (decode(f[4]), g[0], decode(g[1]), f[2])
    rows = mounts()
    case('every mount is a row', {m['MountId']: (m['Name'], m['FileSystem'], m['Source'], m['DeviceNumber']) for m in rows} == table, rows)
    root = next(m for m in rows if m['Name'] == '/' and not m['Hidden'])
    s = os.statvfs('/')
    case('sizes', root['Size'] == s.f_frsize * s.f_blocks and abs(root['FreeSpace'] - s.f_frsize * s.f_bavail) < 1 << 30 and
         root['BlockSize'] == s.f_frsize and root['TotalInodes'] == (s.f_files or None) and root['MaximumComponentLength'] == s.f_namemax and
         root['Status'] == 'OK' and root['StatusText'] is None, root)
    case('kernel interfaces are told apart', all(m['Pseudo'] for m in rows if m['FileSystem'] in ('proc', 'sysfs', 'devpts', 'cgroup2')))
    r = agent.call('GetInstance', {'ClassName': 'Mount', 'InstanceName': {'Name': '/', 'MountId': root['MountId']}, 'PropertyList': ['FileSystem', 'Options']})['result']
    case('by key', r['FileSystem'] == root['FileSystem'] and ('rw' in r['Options']) == (not root['ReadOnly']), r)
    case('a name in other case is another mount', mounts(Filter="Name = '/PROC' AND FileSystem = 'PROC'", PropertyList=['Name']) ==
         [{'Name': m['Name']} for m in rows if m['Name'].lower() == '/proc' and m['FileSystem'] == 'proc'])

    r = agent.call('ExecQuery', {'Query': 'SELECT * FROM Win32_LogicalDisk WHERE DeviceID = "/"'})['result']['Instances']
    wmi = ('Access Availability BlockSize Caption Compressed ConfigManagerErrorCode ConfigManagerUserConfig CreationClassName Description DeviceID DriveType '
           'ErrorCleared ErrorDescription ErrorMethodology FileSystem FreeSpace InstallDate LastErrorCode MaximumComponentLength MediaType Name NumberOfBlocks '
           'PNPDeviceID PowerManagementCapabilities PowerManagementSupported ProviderName Purpose QuotasDisabled QuotasIncomplete QuotasRebuilding Size Status '
           'StatusInfo SupportsDiskQuotas SupportsFileBasedCompression SystemCreationClassName SystemName VolumeDirty VolumeName VolumeSerialNumber').split()
    case('Win32_LogicalDisk', len(r) == 1 and list(r[0]) == wmi[:-2] and r[0]['Size'] == s.f_frsize * s.f_blocks and r[0]['Caption'] == '/' and
         r[0]['SystemName'] == platform.node() and r[0]['Access'] in (1, 3), r)
    c = agent.call('GetClass', {'ClassName': 'Win32_LogicalDisk'})['result']
    case("WMI's properties in WMI's order", [p['Name'] for p in c['Properties']] == wmi, c)
    r = agent.call('ExecQuery', {'Query': 'SELECT DeviceID, FileSystem FROM Win32_LogicalDisk'})['result']['Instances']
    case('disks store something', r and not {'proc', 'sysfs', 'cgroup2'} & {d['FileSystem'] for d in r}, r)
    # The query of a million monitoring scripts.
    r = agent.call('ExecQuery', {'Query': 'Select Size,FreeSpace from Win32_LogicalDisk where DriveType=3'})['result']['Instances']
    want = {m['Name'] for m in rows if m['DriveType'] == 3 and not m['Hidden']}
    case('DriveType=3', len(r) == len(want) and all(set(d) == {'Size', 'FreeSpace'} for d in r), (r, want))

    o = agent.call('GetInstance', {'ClassName': 'Win32_OperatingSystem'})['result']
    mem = dict(l.split(':') for l in open('/proc/meminfo').read().splitlines())
    case('Win32_OperatingSystem', len(o) == 66 and o['TotalVisibleMemorySize'] == int(mem['MemTotal'].split()[0]) and o['OSType'] == 36 and
         o['BuildNumber'] == os.uname().release and re.fullmatch(r'\d{14}\.\d{6}\+000', o['LastBootUpTime']) and 10 < o['NumberOfProcesses'] < 1 << 22 and
         o['MaxNumberOfProcesses'] == int(open('/proc/sys/kernel/pid_max').read()) and list(o)[:5] == ['BootDevice', 'BuildNumber', 'BuildType', 'Caption', 'CodeSet'] and
         list(o)[-3:] == ['WindowsDirectory', 'QuantumLength', 'QuantumType'], o)
    r = agent.call('GetInstance', {'ClassName': 'Win32_OperatingSystem', 'PropertyList': ['QuantumType', 'Version', 'BootDevice']})['result']
    case('the 66th property of a class can be asked for', list(r) == ['BootDevice', 'Version', 'QuantumType'] and r['Version'], r)
    r = agent.call('ExecQuery', {'Query': "SELECT Caption FROM Win32_OperatingSystem WHERE WindowsDirectory IS NULL AND Primary = TRUE"})['result']['Instances']
    case('the 64th in a condition', r == [{'Caption': o['Caption']}], r)

    if os.getuid() == 0:
        try:
            path = make('odd \n\t\\ name', b'tmpfs', options=b'size=1m', flags=1)
            row = named(path)
            case('an odd name', len(row) == 1 and row[0]['ReadOnly'] and row[0]['Size'] == 1 << 20 and row[0]['DriveType'] == 6, row)
            under = make('a/b', b'tmpfs', options=b'size=2m')
            over = make('a', b'tmpfs', options=b'size=4m')
            twice = make('a', b'tmpfs', options=b'size=8m')
            r = {(m['Name'], m['Size'], m['Hidden']) for m in mounts() if m['Name'].startswith(tmp + '/a')}
            case('hidden mounts', r == {(under, None, True), (over, None, True), (twice, 8 << 20, False)}, r)
            r = agent.call('GetInstance', {'ClassName': 'Win32_LogicalDisk', 'InstanceName': {'DeviceID': over}, 'PropertyList': ['Size']})
            case('the topmost is the disk', r.get('result') == {'Size': 8 << 20}, r)
        except PermissionError as e:
            case.skip('mounts of our own', f'mount(2): {e}')
    else:
        case.skip('mounts of our own', 'needs root')

    hung = []
    try:
        for i in range(3):
            path = os.path.join(tmp, f'hung{i}')
            os.mkdir(path)
            hung.append(Hanging(path))
    except (OSError, PermissionError) as e:
        case.skip('a hung file system', f'needs root and /dev/fuse: {e}')
    if len(hung) == 3:
        pings, stop = [], threading.Event()

        def ping():
            with agent.open() as p:
                while not stop.is_set():
                    pings.append(timed(p.call, 'Ping')[1])
                    time.sleep(0.002)
        beside = threading.Thread(target=ping)
        beside.start()
        r, took = timed(mounts)
        stop.set()
        beside.join()
        rows = [m for m in r if m['Name'].startswith(tmp + '/hung')]
        case('three hung file systems cost one patience', len(rows) == 3 and took < 1.6, took)
        case('their rows say so', all(m['Status'] == 'No Contact' and m['Size'] is None and m['FreeSpace'] is None and m['StalledSince'] and 'hung-server' in m['StatusText'] and
             m['FileSystem'] == 'fuse.reevetest' for m in rows), rows)
        case('the others have sizes', any(m['Size'] and m['Status'] == 'OK' for m in r))
        case('nobody else waits', len(pings) > 50 and sorted(pings)[int(len(pings) * .99)] < 0.05, (len(pings), max(pings)))
        r, took = timed(mounts)
        case('afterwards they cost nothing', took < 0.3 and sum(m['Status'] == 'No Contact' for m in r) == 3, took)
        r, took = timed(agent.call, 'GetInstance', {'ClassName': 'Mount', 'InstanceName': {'Name': hung[0].path}})
        case('one by key', r['result']['Status'] == 'No Contact' and took < 0.3, r)
        r, took = timed(mounts, PropertyList=['Name', 'FileSystem'])
        case('who asks no sizes asks no server', took < 0.3 and len(r) > 3)
        r = agent.call('GetInstance', {'ClassName': 'Win32_LogicalDisk', 'InstanceName': {'DeviceID': hung[1].path}})['result']
        case('Win32_LogicalDisk', r['Status'] == 'No Contact' and r['Size'] is None and r['ErrorDescription'], r)
        r = {p['Name']: p for p in agent.call('EnumerateInstances', {'ClassName': 'Provider'})['result']['Instances']}['Mount']
        case('no thread of the agent is caught', r['StuckThreads'] == 0 and r['State'] != 'Stuck', r)

        def helpers():
            out = subprocess.run(['ps', '--ppid', str(agent.proc.pid), '-o', 'pid=,stat=,comm='], capture_output=True, text=True).stdout
            return out.strip().splitlines()
        case('one helper each', len(helpers()) == 3, helpers())
        fds = [[os.readlink(f'/proc/{h.split()[0]}/fd/{d}') for d in os.listdir(f'/proc/{h.split()[0]}/fd')] for h in helpers()]
        case('a helper holds nothing of the agent', all(len(f) == 2 and sum(d.startswith('pipe:') for d in f) == 1 and
             sum(d.startswith(tmp + '/hung') for d in f) == 1 for f in fds), fds)
        for h in hung:
            h.wake()
        deadline = time.monotonic() + 5
        while any(m['Status'] != 'OK' for m in mounts() if m['Name'].startswith(tmp + '/hung')) and time.monotonic() < deadline:
            time.sleep(0.05)
        r = named(hung[0].path)[0]
        case('they answer again', (r['Status'], r['Size'], r['FreeSpace'], r['UsedSpace'], r['TotalInodes'], r['StalledSince']) ==
             ('OK', 4096 * 1000, 4096 * 300, 4096 * 600, 50, None), r)
        case('and no helper is left', helpers() == [], helpers())
        hung[2].answering = False
        r, took = timed(mounts, Timeout=0.4)
        case('the caller\'s deadline is kept', took < 0.6 and sum(m['Status'] == 'No Contact' for m in r) == 1, (took, r))
        start = time.monotonic()
        rc = agent.stop()
        case('the agent ends beside a hung one', rc == 0 and time.monotonic() - start < 3, rc)
        agent = None
finally:
    if agent:
        agent.stop()
    for h in hung if 'hung' in dir() else []:
        h.close()
    for path in reversed(mounted):
        LIBC.umount2(path.encode(), 2)
    shutil.rmtree(tmp, ignore_errors=True)
case.end()
