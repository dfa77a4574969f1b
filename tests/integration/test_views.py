#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Views under the names of WMI and of System Center, beside what the system's own tools say, in WMI's units and enums. What moves
while it is looked at is asked between two looks of the tool."""
import ipaddress, json, os, re, shutil, socket, subprocess, sys, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib

check = agentlib.Cases()
agent = agentlib.Agent()


class Notes(list):
    """Checks of one look, before they count."""
    def __call__(self, name, good, detail=''):
        self.append((name, good, detail))

    def skip(self, name, why):
        self.append((name, None, why))


def look(part):
    """Runs a part. The host is not ours alone: where an interface or a mount came or went between two looks, looks again."""
    global check
    real = check
    for _ in range(4):
        check = Notes()
        try:
            part()
        except (OSError, KeyError, IndexError, subprocess.CalledProcessError) as e:
            check(f'{part.__name__} ran', False, repr(e))
        if all(good or good is None for _, good, _ in check):
            break
    notes, check = check, real
    for name, good, detail in notes:
        real.skip(name, detail) if good is None else real(name, good, detail)


def rows(name, **more):
    r = agent.call('EnumerateInstances', {'ClassName': name, **more})
    return r['result']['Instances'] if 'result' in r else r


def tool(*argv):
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout or '[]')


def compare(what, got, want):
    """Every object that the tool has, every property that the table has."""
    for key, properties in want.items():
        mine = got.get(key)
        bad = {p: (mine.get(p), v) for p, v in properties.items() if mine.get(p) != v} if mine else 'not there'
        check(f'{what} {key}', not bad, bad)


def by(name, key, **more):
    return {r[key]: r for r in rows(name, **more)}


def storage():
    disks = {d['name']: d for d in tool('lsblk', '-J', '-b', '-o', 'NAME,TYPE,SIZE,LOG-SEC,PHY-SEC,RO,SERIAL,PATH')['blockdevices'] if d['type'] == 'disk'}
    mine = by('MSFT_Disk', 'ObjectId')
    compare('MSFT_Disk', mine, {n: {'Size': d['size'], 'LogicalSectorSize': d['log-sec'], 'PhysicalSectorSize': d['phy-sec'], 'IsReadOnly': d['ro'],
                                    **({'SerialNumber': d['serial']} if d['serial'] else {}), 'Path': d['path'], 'OperationalStatus': [53264], 'HealthStatus': 0}
                                for n, d in disks.items() if n in mine})
    check('MSFT_Disk: each is a disk of lsblk', set(mine) <= set(disks), set(mine) - set(disks))
    scx = by('SCX_DiskDrive', 'DeviceID')
    compare('SCX_DiskDrive', scx, {n: {'MaxMediaSize': disks[n]['size'] // 1024, 'TotalSectors': disks[n]['size'] // 512, 'IsOnline': True} for n in mine})
    turns = {n: open(f'/sys/class/block/{n}/queue/rotational').read().strip() for n in mine}
    compare('MSFT_PhysicalDisk', by('MSFT_PhysicalDisk', 'ObjectId'), {n: {'MediaType': 3 if turns[n] == '1' else 4, 'Size': disks[n]['size']} for n in mine})


def mounted():
    """File systems on devices; not what other tests mount and take away meanwhile."""
    all_of = tool('findmnt', '-J', '-l', '--real', '-o', 'TARGET,SOURCE,FSTYPE,OPTIONS')['filesystems']
    return {m['target']: m for m in all_of if m['source'].startswith('/dev/') and not m['fstype'].startswith('fuse') and not m['target'].startswith('/tmp/')}


def file_systems():
    kinds = mounted()
    fs, how_full, perf = by('SCX_FileSystem', 'Name'), by('SCX_FileSystemStatisticalInformation', 'Name'), by('Win32_PerfFormattedData_PerfDisk_LogicalDisk', 'Name')
    check('file systems: the root is there', '/' in fs and '/' in how_full and '/' in perf, list(fs))
    want, full = {}, {}
    for n, m in kinds.items():
        if n not in fs:
            continue
        s = os.statvfs(n)
        want[n] = {'FileSystemSize': s.f_frsize * s.f_blocks, 'TotalInodes': s.f_files or fs[n]['TotalInodes'], 'FileSystemType': m['fstype'], 'MaxFileNameLength': s.f_namemax,
                   'ReadOnly': 'ro' in m['options'].split(','), 'Root': n, 'IsOnline': True}
        if s.f_blocks:
            full[n] = (100 * s.f_bavail / s.f_blocks, 100 * s.f_ffree / s.f_files if s.f_files else None, s.f_frsize * s.f_bavail >> 20)
    compare('SCX_FileSystem', fs, want)
    for n, (space, inodes, mb) in full.items():
        r = how_full[n]
        check(f'how full {n} is', abs(r['PercentFreeSpace'] - space) <= 1.5 and r['PercentFreeSpace'] + r['PercentUsedSpace'] in (99, 100) and
              abs(r['FreeMegabytes'] - mb) <= max(2000, mb // 20) and (inodes is None or abs(r['PercentFreeInodes'] - inodes) <= 1.5), (r, space, inodes, mb))
        check(f'the same for Perfmon of {n}', abs(perf[n]['PercentFreeSpace'] - space) <= 1.5, perf[n])


def network():
    if not shutil.which('ip'):
        return check.skip('network', 'there is no ip')
    links = {l['ifname']: l for l in tool('ip', '-j', '-s', 'link')}
    ports = by('SCX_EthernetPortStatistics', 'InstanceID')
    again = {l['ifname']: l for l in tool('ip', '-j', '-s', 'link')}
    for n, r in ports.items():
        a, b = links[n]['stats64'], again[n]['stats64']
        between = [a['rx']['bytes'] <= r['BytesReceived'] <= b['rx']['bytes'], a['tx']['packets'] <= r['PacketsTransmitted'] <= b['tx']['packets'],
                   r['BytesTotal'] == r['BytesReceived'] + r['BytesTransmitted'], a['rx']['errors'] <= r['TotalRxErrors'] <= b['rx']['errors'],
                   a['tx']['collisions'] <= r['TotalCollisions'] <= b['tx']['collisions']]
        check(f'SCX_EthernetPortStatistics {n}', all(between), (between, r, a, b))
    check('no statistics of loopback', 'lo' not in ports and len(ports) == len([l for l in links.values() if l['link_type'] != 'loopback']), list(ports))
    compare('SCX_LANEndpoint', by('SCX_LANEndpoint', 'Name'), {n: {'MACAddress': l.get('address'), 'MaxDataSize': l['mtu'], 'EnabledState': 2 if 'UP' in l['flags'] else 3}
                                                              for n, l in links.items() if l['link_type'] == 'ether'})
    want = {}
    for l in tool('ip', '-j', '-4', 'addr'):
        for a in l['addr_info']:
            if l['ifname'] != 'lo' and not a.get('secondary'):
                net = ipaddress.ip_network(f'{a["local"]}/{a["prefixlen"]}', strict=False)
                want[a['local']] = {'Name': l['ifname'], 'SubnetMask': str(net.netmask), 'IPv4BroadcastAddress': a.get('broadcast'), 'PrefixLength': a['prefixlen']}
    compare('SCX_IPProtocolEndpoint', by('SCX_IPProtocolEndpoint', 'IPv4Address'), want)
    routes = {(r['Destination'], r['Mask'], r['InterfaceIndex'], r['NextHop'], r['Metric1']): r for r in rows('Win32_IP4RouteTable')}
    index = {n: int(open(f'/sys/class/net/{n}/ifindex').read()) for n in links}
    for r in tool('ip', '-j', '-4', 'route', 'show', 'table', 'main'):
        if 'dev' not in r or r.get('type', 'unicast') != 'unicast':
            continue
        net = ipaddress.ip_network('0.0.0.0/0' if r['dst'] == 'default' else r['dst'])
        key = (str(net.network_address), str(net.netmask), index[r['dev']], r.get('gateway', '0.0.0.0'), r.get('metric', 0))
        check(f'Win32_IP4RouteTable {r["dst"]}', key in routes and routes[key]['Type'] == (4 if 'gateway' in r else 3) and
              routes[key]['Protocol'] == {'kernel': 2}.get(r.get('protocol'), routes[key]['Protocol']), (key, list(routes)))
    forwarding = {n: open(f'/proc/sys/net/ipv4/conf/{n}/forwarding').read().strip() for n in links}
    mine = {r['InterfaceAlias']: r for r in rows('MSFT_NetIPInterface', Filter='AddressFamily = 2')}
    compare('MSFT_NetIPInterface', mine, {n: {'InterfaceIndex': index[n], 'AddressFamily': 2, 'Forwarding': int(forwarding[n]), 'NlMtu': links[n]['mtu']} for n in mine})
    check('MSFT_NetIPInterface: the loopback', 'lo' in mine, list(mine))


def meminfo():
    return {l.split(':')[0]: int(l.split()[1]) for l in open('/proc/meminfo')}


def system():
    a, boot = meminfo(), time.clock_gettime(time.CLOCK_BOOTTIME)
    r, m, b = rows('SCX_OperatingSystem')[0], rows('SCX_MemoryStatisticalInformation')[0], meminfo()
    mib = lambda k: (min(a[k], b[k]) // 1024 - 300, max(a[k], b[k]) // 1024 + 300)
    check('SCX_OperatingSystem', r['Version'] == os.uname().release and r['TotalVisibleMemorySize'] == a['MemTotal'] and r['CSName'] == os.uname().nodename and
          boot - 1 <= r['SystemUpTime'] <= boot + 30 and r['OSType'] == 36 and r['OperatingSystemCapability'] == '64 bit', r)
    check('SCX_MemoryStatisticalInformation', mib('MemAvailable')[0] <= m['AvailableMemory'] <= mib('MemAvailable')[1] and m['IsAggregate'] is True and
          m['PercentAvailableMemory'] + m['PercentUsedMemory'] in (99, 100) and m['PagesPerSec'] == m['PagesReadPerSec'] + m['PagesWrittenPerSec'], (m, a, b))
    swap = (m['PercentAvailableSwap'], m['PercentUsedSwap'])
    check('no swap: no share of it', (swap == (None, None)) if a['SwapTotal'] == 0 else sum(swap) in (99, 100), m)
    cpu = rows('SCX_ProcessorStatisticalInformation')
    check('SCX_ProcessorStatisticalInformation', len(cpu) == os.cpu_count() + 1 and [r['Name'] for r in cpu if r['IsAggregate']] == ['_Total'], cpu)
    for r in cpu:
        parts = sum(r[p] for p in ('PercentProcessorTime', 'PercentIdleTime', 'PercentIOWaitTime'))
        check(f'the shares of {r["Name"]}', 97 <= parts <= 101, r)


def processes():
    mine = rows('SCX_UnixProcess', Filter=f"Handle = '{os.getpid()}'")
    stat = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
    check('SCX_UnixProcess', len(mine) == 1 and {k: mine[0][k] for k in ('ParentProcessID', 'RealUserID', 'ProcessGroupID', 'ProcessSessionID', 'ProcessNiceValue')} ==
          {'ParentProcessID': str(os.getppid()), 'RealUserID': os.getuid(), 'ProcessGroupID': os.getpgrp(), 'ProcessSessionID': os.getsid(0), 'ProcessNiceValue': 20 + int(stat[16])}, mine)
    check('its arguments, its memory in KiB', mine[0]['Parameters'][1:] == sys.argv and mine[0]['UsedMemory'] == mine[0]['WorkingSetSize'] // 1024, mine)
    path = rows('SCX_UnixProcess', Filter=f"Handle = '{os.getpid()}'", PropertyList=['Handle', 'ModulePath'])
    check('its program', path[0]['ModulePath'] == os.readlink('/proc/self/exe'), path)


def tasks():
    mine, info = rows('MSFT_ScheduledTask'), {(r['TaskPath'], r['TaskName']): r for r in rows('MSFT_TaskDynamicInfo')}
    base = {(r['TaskPath'], r['TaskName']): r for r in rows('ScheduledTask')}
    check('MSFT_ScheduledTask: as many as there are', len(mine) == len(base) == len(info), (len(mine), len(base), len(info)))
    states = {'Disabled': 1, 'Ready': 3, 'Running': 4}
    bad = [r for r in mine if r['State'] != states.get(base[r['TaskPath'], r['TaskName']]['State'], 0)]
    check('their states are WMI\'s numbers', not bad, bad)


def methods():
    """WMI's numbers for what became of it, with the error beside them; where a view has none, the error alone."""
    def invoke(agent, cls, method, key=None, **arguments):
        return agent.call('InvokeMethod', {'ClassName': cls, 'MethodName': method, **({'InstanceName': key} if key else {}), 'InParameters': arguments})
    modes = agentlib.Agent('tests/bin/reeve-agent-modes')
    try:
        modes.call('CreateInstance', {'ClassName': 'T_Item', 'Properties': {'Name': 'apple', 'Colour': 'red', 'Amount': 3}})
        def call(method, **arguments):
            return invoke(modes, 'Win32_TestSum', method, {'Handle': 'apple', 'Again': '1'}, **arguments)
        watcher = modes.open()
        watcher.call('Subscribe', {'Query': "SELECT * FROM __InstanceModificationEvent WITHIN 0.05 WHERE TargetInstance ISA 'Win32_TestSum' AND TargetInstance.More > 20"})
        row = modes.call('EnumerateInstances', {'ClassName': 'Win32_TestSum'})['result']['Instances'][0]
        check('computed, and a list of one', (row['More'], row['Nothing'], row['Colours']) == (7, None, ['red']), row)
        r = call('Grow', Much='five')
        check('an argument under another name and value', 'result' in r and (r['result']['ReturnValue'], r['result']['Now']) == (0, 8), r)
        r = call('Grow', Much='7')
        check('and one that is handed on', r['result']['Now'] == 15 and 'Error' not in r['result'], r)
        event = next(m['params']['Indication'] for m in iter(watcher.line, None) if 'Indication' in m.get('params', {}))
        check('an event on what is computed', (event['PreviousInstance']['More'], event['TargetInstance']['More']) in ((17, 31), (7, 31)), event)
        r = call('Grow', Much='x')
        check('one that is no number', r.get('error', {}).get('data', {}).get('Name') in ('TYPE_MISMATCH', 'INVALID_PARAMETER'), r)
        r = call('Spoil', By=1)
        check('an error as its number', r['result']['ReturnValue'] == 21 and r['result']['Error']['data']['Name'] == 'INVALID_PARAMETER', r)
        r = call('Break')
        check('any error', r['result']['ReturnValue'] == 8 and r['result']['Error']['message'] == 'it failed half way', r)
        check('an error where the view has no number', call('Smash').get('error', {}).get('data', {}).get('Name') == 'FAILED')
        r = invoke(modes, 'Win32_TestSum', 'Grow', {'Handle': 'none', 'Again': '1'}, Much='1')
        check('no such object is an error', r.get('error', {}).get('data', {}).get('Name') == 'NOT_FOUND', r)
        r = invoke(modes, 'Win32_TestSum', 'Tally')
        check('nothing was changed', (r['result']['ReturnValue'], r['result']['Items']) == (10, 1), r)
        many = [{'ClassName': 'Win32_TestSum', 'MethodName': 'Break', 'InstanceName': {'Handle': 'apple', 'Again': '1'}, 'RequestKey': 'one'}] * 2
        a, b = (modes.call('InvokeMethod', p) for p in many)
        check('told again the same way', a['result'] == b['result'], (a, b))
        audit = agentlib.rows_of(modes.dir, "SELECT status, message FROM audit WHERE intent IS NOT NULL AND message LIKE '%half way'")
        check('the audit knows that it failed', len(audit) >= 3 and all(status == 1 for status, _ in audit), audit)
    finally:
        modes.stop()
    r = invoke(agent, 'Win32_Process', 'Create', CommandLine='/no/such/program')
    check('Win32_Process.Create: no such path', r.get('result', {}).get('ReturnValue') == 9, r)
    r = invoke(agent, 'Win32_Process', 'Create', CommandLine='/bin/sleep 1000')
    pid = r['result']['ProcessId']
    check('Win32_Process.Create', r['result']['ReturnValue'] == 0 and open(f'/proc/{pid}/comm').read() == 'sleep\n', r)
    for wmi, nice in (32, 0), (16384, 10), (64, 19):
        r = invoke(agent, 'Win32_Process', 'SetPriority', {'Handle': str(pid)}, Priority=wmi)
        check(f'Win32_Process.SetPriority {wmi}', r.get('result', {}).get('ReturnValue') == 0 and os.getpriority(os.PRIO_PROCESS, pid) == nice, r)
    check('Win32_Process.GetOwner', invoke(agent, 'Win32_Process', 'GetOwner', {'Handle': str(pid)})['result'].get('User') == 'root' or os.getuid())
    r = invoke(agent, 'Win32_Process', 'GetOwnerSid', {'Handle': str(pid)})
    check('Win32_Process.GetOwnerSid', (r['result']['ReturnValue'], r['result']['Sid']) == (0, f'S-1-22-1-{os.getuid()}'), r)
    r = invoke(agent, 'Win32_Process', 'Terminate', {'Handle': str(pid)}, Reason=0)
    check('Win32_Process.Terminate', r['result']['ReturnValue'] == 0 and agentlib.until(lambda: not os.path.exists(f'/proc/{pid}')), r)
    for method, arguments in ('Reboot', {}), ('Win32Shutdown', {'Flags': 6}), ('Win32ShutdownTracker', {'Flags': 1, 'Timeout': 90, 'Comment': 'soon', 'ReasonCode': 0}):
        r = agent.call('InvokeMethod', {'ClassName': 'Win32_OperatingSystem', 'MethodName': method, 'InParameters': arguments, 'WhatIf': True})
        when = '+2' if 'Timeout' in arguments else 'now'
        check(f'Win32_OperatingSystem.{method}, what if', r.get('result', {}).get('Changed', [{}])[0].get('To') == when, r)
    r = invoke(agent, 'Win32_OperatingSystem', 'Win32Shutdown', Flags=0)
    check('Win32Shutdown: logging off is refused', r.get('result', {}).get('ReturnValue') == 87 and 'Flags' in r['result']['Error']['message'], r)


FILLABLE = {
    'Win32_Process': """CreationClassName Caption CommandLine CreationDate CSCreationClassName CSName Description ExecutablePath ExecutionState Handle HandleCount KernelModeTime Name
        OSCreationClassName OSName PageFaults PageFileUsage ParentProcessId PeakVirtualSize PeakWorkingSetSize Priority PrivatePageCount ProcessId ReadOperationCount ReadTransferCount SessionId Status
        ThreadCount UserModeTime VirtualSize WindowsVersion WorkingSetSize WriteOperationCount WriteTransferCount""",
    'Win32_Service': """AcceptStop Caption CreationClassName Description DisplayName ExitCode InstallDate Name PathName ProcessId ServiceSpecificExitCode ServiceType Started StartMode StartName State Status
        SystemCreationClassName SystemName""",
    'Win32_OperatingSystem': """BootDevice BuildNumber Caption CodeSet CreationClassName CSCreationClassName CSName CurrentTimeZone Debug Description Distributed FreePhysicalMemory FreeSpaceInPagingFiles
        FreeVirtualMemory InstallDate LastBootUpTime LocalDateTime Locale Manufacturer MaxNumberOfProcesses MaxProcessMemorySize MUILanguages Name NumberOfProcesses NumberOfUsers OSArchitecture OSType
        OtherTypeDescription PortableOperatingSystem Primary ProductType SerialNumber SizeStoredInPagingFiles Status SystemDevice SystemDirectory SystemDrive TotalSwapSpaceSize TotalVirtualMemorySize
        TotalVisibleMemorySize Version""",
    'Win32_ComputerSystem': """BootupState Caption CreationClassName CurrentTimeZone DaylightInEffect Description DNSHostName Domain DomainRole EnableDaylightSavingsTime HypervisorPresent Manufacturer Model
        Name NumberOfLogicalProcessors NumberOfProcessors PartOfDomain PCSystemType PrimaryOwnerName Roles Status SystemFamily SystemSKUNumber SystemType TotalPhysicalMemory UserName Workgroup""",
    'Win32_NetworkAdapterConfiguration': """Caption Description SettingID DefaultIPGateway DHCPEnabled DHCPLeaseExpires DHCPLeaseObtained DHCPServer DNSDomain DNSDomainSuffixSearchOrder DNSHostName
        DNSServerSearchOrder GatewayCostMetric Index InterfaceIndex IPAddress IPConnectionMetric IPEnabled IPSubnet KeepAliveInterval KeepAliveTime MACAddress MTU PMTUDiscoveryEnabled TcpWindowSize
        DefaultTTL IGMPLevel""",
    'Win32_LogicalDisk': """BlockSize Caption CreationClassName Description DeviceID DriveType FileSystem FreeSpace MaximumComponentLength Name NumberOfBlocks ProviderName Purpose QuotasDisabled Size Status
        SupportsDiskQuotas SystemCreationClassName SystemName VolumeDirty VolumeName VolumeSerialNumber""",
    'Win32_UserAccount': 'AccountType Caption Description Disabled Domain FullName LocalAccount Lockout Name PasswordChangeable PasswordExpires PasswordRequired SID SIDType Status',
    'MSFT_NetAdapter': """Name InterfaceName InterfaceDescription InterfaceIndex DeviceID DeviceName Virtual Hidden HardwareInterface InterfaceType State InterfaceOperationalStatus InterfaceAdminStatus
        MediaConnectState MtuSize VlanID Speed TransmitLinkSpeed ReceiveLinkSpeed FullDuplex MediaDuplexState PermanentAddress NetworkAddresses PromiscuousMode ConnectorPresent DriverName
        ActiveMaximumTransmissionUnit LowerLayerInterfaceIndices HigherLayerInterfaceIndices AdminLocked""",
}


def fillable():
    """What has a counterpart comes from somewhere."""
    for name, properties in FILLABLE.items():
        got = {p['Name']: p['Qualifiers'] for p in agent.call('GetClass', {'ClassName': name})['result']['Properties']}
        bare = [p for p in properties.split() if p not in got or not {'Source', 'Constant', 'Compute'} & set(got[p])]
        check(f'{name}: where its properties come from', not bare, bare)
    c = rows('Win32_NetworkAdapterConfiguration', Filter='Index = 1')[0]
    proc = lambda name: int(open(f'/proc/sys/net/ipv4/{name}').read().split()[-2 if name == 'tcp_rmem' else 0])
    check('Win32_NetworkAdapterConfiguration: what the kernel is set to', (c['KeepAliveTime'], c['KeepAliveInterval'], c['PMTUDiscoveryEnabled'], c['DefaultTTL']) ==
          (proc('tcp_keepalive_time') * 1000, proc('tcp_keepalive_intvl') * 1000, proc('ip_no_pmtu_disc') == 0, proc('ip_default_ttl')), c)
    check('a window that fits into WMI\'s type', c['TcpWindowSize'] == (lambda n: n if n < 65536 else None)(proc('tcp_rmem') // 2 - 1), c['TcpWindowSize'])
    p = rows('Win32_Process', Filter=f'ProcessId = {os.getpid()}')[0]
    check('Win32_Process: state, kernel', p['ExecutionState'] in (3, 4) and p['Status'] == 'OK' and p['WindowsVersion'] == os.uname().release, p)


def wmi_network():
    """Interfaces, addresses, routes, neighbours, listening sockets: beside ip and ss."""
    if not shutil.which('ip'):
        return check.skip('network under WMI\'s names', 'there is no ip')
    links = {l['ifname']: l for l in tool('ip', '-j', '-d', 'link')}
    real = {n: l for n, l in links.items() if l['link_type'] == 'ether'}
    compare('Win32_NetworkAdapter', by('Win32_NetworkAdapter', 'NetConnectionID'),
            {n: {'MACAddress': l['address'], 'InterfaceIndex': l['ifindex'], 'Index': l['ifindex'], 'DeviceID': str(l['ifindex']), 'NetEnabled': 'UP' in l['flags'],
                 'NetworkAddresses': [l['address']]} for n, l in real.items()})
    states = {'UP': 1, 'DOWN': 2, 'TESTING': 3, 'UNKNOWN': 4, 'DORMANT': 5, 'NOTPRESENT': 6, 'LOWERLAYERDOWN': 7}
    compare('MSFT_NetAdapter', by('MSFT_NetAdapter', 'Name'),
            {n: {'InterfaceIndex': l['ifindex'], 'LinkLayerAddress': l['address'], 'MtuSize': l['mtu'], 'InterfaceOperationalStatus': states[l['operstate']],
                 'InterfaceAdminStatus': 1 if 'UP' in l['flags'] else 2, 'State': 2 if 'UP' in l['flags'] else 3, 'InterfaceType': 6, 'PromiscuousMode': l['promiscuity'] > 0,
                 'HigherLayerInterfaceIndices': [links[l['master']]['ifindex']] if 'master' in l else None} for n, l in real.items()})
    want, config = {}, {}
    for l in tool('ip', '-j', 'addr'):
        for a in l['addr_info']:
            want[l['ifindex'], a['local']] = {'PrefixLength': a['prefixlen'], 'AddressFamily': 2 if a['family'] == 'inet' else 23, 'InterfaceAlias': l['ifname'],
                                              'AddressState': 1 if a.get('tentative') else 3 if a.get('deprecated') else 4, 'Type': 1, 'Store': 1}
        plain = [a for a in l['addr_info']]
        config[l['ifindex']] = {'IPAddress': [a['local'] for a in plain], 'MTU': l['mtu'], 'ServiceName': l['ifname'], 'IPEnabled': 'UP' in l['flags'] and bool(plain),
                                'IPSubnet': [str(ipaddress.ip_network(f'0.0.0.0/{a["prefixlen"]}').netmask) if a['family'] == 'inet' else str(a['prefixlen']) for a in plain]}
    compare('MSFT_NetIPAddress', {(r['InterfaceIndex'], r['IPAddress']): r for r in rows('MSFT_NetIPAddress')}, want)
    for i, c in config.items():
        if not c['IPAddress']:
            c['IPAddress'] = c['IPSubnet'] = rows('Win32_NetworkAdapterConfiguration', Filter=f'Index = {i}')[0]['IPAddress'] or []
            check(f'Win32_NetworkAdapterConfiguration {i} has no address', c['IPAddress'] == [], c)
            c.pop('IPAddress'), c.pop('IPSubnet')
    compare('Win32_NetworkAdapterConfiguration', by('Win32_NetworkAdapterConfiguration', 'Index'), config)
    protocols = {'kernel': 2, 'boot': 3, 'static': 3, 'dhcp': 3, 'ra': 4, 'redirect': 4}
    index = {n: l['ifindex'] for n, l in links.items()}
    want = {('0.0.0.0/0' if r['dst'] == 'default' else r['dst'] if '/' in r['dst'] else r['dst'] + '/32', index[r['dev']], r.get('gateway', '0.0.0.0')):
            {'RouteMetric': r.get('metric', 0), 'Protocol': protocols.get(r.get('protocol', 'boot'), 1), 'AddressFamily': 2, 'InterfaceAlias': r['dev'], 'Store': 1}
            for r in tool('ip', '-j', '-4', 'route', 'show', 'table', 'main') if 'dev' in r and r.get('type', 'unicast') == 'unicast'}
    compare('MSFT_NetRoute', {(r['DestinationPrefix'], r['InterfaceIndex'], r['NextHop']): r for r in rows('MSFT_NetRoute', Filter='AddressFamily = 2')}, want)
    states = {'PERMANENT': 6, 'REACHABLE': 5, 'STALE': 4, 'DELAY': 3, 'PROBE': 2, 'INCOMPLETE': 1, 'FAILED': 0}
    seen = {(r['InterfaceIndex'], r['IPAddress']): r for r in rows('MSFT_NetNeighbor')}
    for n in tool('ip', '-j', 'neigh'):
        if 'PERMANENT' in n['state']:
            r = seen.get((index[n['dev']], n['dst']))
            check(f'MSFT_NetNeighbor {n["dst"]}', r and r['State'] == states['PERMANENT'], r)
    s = socket.create_server(('127.0.0.1', 0))
    c = socket.create_connection(s.getsockname())
    port = s.getsockname()[1]
    r = {x['State']: x for x in rows('MSFT_NetTCPConnection', Filter=f"LocalPort = {port} AND LocalAddress = '127.0.0.1'", PropertyList=['LocalPort', 'RemotePort', 'State', 'OwningProcess'])}
    check('MSFT_NetTCPConnection: listening and established, whose', 2 in r and 5 in r and r[2]['OwningProcess'] == os.getpid() and r[5]['RemotePort'] == c.getsockname()[1], r)
    c.close(), s.close()


def wmi_machine():
    """Processors, memory, disks, file systems, accounts: beside lscpu, /proc, lsblk, findmnt, getent."""
    cpu = {f['field'].rstrip(':'): f['data'] for f in tool('lscpu', '-J')['lscpu']}
    p = rows('Win32_Processor')
    check('Win32_Processor', sum(r['NumberOfLogicalProcessors'] for r in p) == int(cpu['CPU(s)']) and p[0]['Name'] == cpu['Model name'] and p[0]['AddressWidth'] == 64 and
          p[0]['Architecture'] == {'x86_64': 9, 'aarch64': 12}.get(cpu['Architecture'], 0) and len(p) == int(cpu.get('Socket(s)', 1)), (p, cpu))
    mem = meminfo()
    o, c = rows('Win32_OperatingSystem')[0], rows('Win32_ComputerSystem')[0]
    check('Win32_OperatingSystem: sizes in KiB', (o['TotalVisibleMemorySize'], o['TotalSwapSpaceSize'], o['TotalVirtualMemorySize']) == (mem['MemTotal'], mem['SwapTotal'], mem['MemTotal'] + mem['SwapTotal']), o)
    check('Win32_OperatingSystem: names', (o['BuildNumber'], o['CSName'], o['OSType'], o['OSArchitecture']) == (os.uname().release, os.uname().nodename, 36, '64-bit'), o)
    check('DMTF\'s datetimes', re.fullmatch(r'\d{14}\.\d{6}[+-]\d{3}', o['LastBootUpTime']) and re.fullmatch(r'\d{14}\.\d{6}[+-]\d{3}', o['LocalDateTime']), o)
    check('Win32_ComputerSystem: memory in bytes', (c['TotalPhysicalMemory'], c['NumberOfLogicalProcessors']) == (mem['MemTotal'] * 1024, os.cpu_count()), c)
    compare('Win32_DiskDrive', by('Win32_DiskDrive', 'DeviceID'), {d['path']: {'Size': d['size'], 'BytesPerSector': d['log-sec'], 'TotalSectors': d['size'] // 512}
            for d in tool('lsblk', '-J', '-b', '-d', '-o', 'PATH,TYPE,SIZE,LOG-SEC')['blockdevices'] if d['type'] == 'disk' and d['size'] and d['path'] in by('Win32_DiskDrive', 'DeviceID')})
    disks = by('Win32_LogicalDisk', 'DeviceID')
    compare('Win32_LogicalDisk', disks, {m['target']: {'FileSystem': m['fstype'], 'Size': (lambda s: s.f_frsize * s.f_blocks)(os.statvfs(m['target'])), 'Access': 1 if 'ro' in m['options'].split(',') else 3,
            'DriveType': 3 if m['source'].startswith('/dev/') and 'loop' not in m['source'] else disks[m['target']]['DriveType']}
            for m in mounted().values() if m['target'] in disks})
    users = {}
    for l in open('/etc/passwd'):
        name, _, uid, _, gecos, _, _ = l.rstrip('\n').split(':')
        users[name] = {'SID': f'S-1-22-1-{uid}', 'SIDType': 1, 'AccountType': 512, 'LocalAccount': True, 'Domain': os.uname().nodename, 'FullName': gecos.split(',')[0] or None}
    compare('Win32_UserAccount', by('Win32_UserAccount', 'Name'), users)
    compare('Win32_Group', by('Win32_Group', 'Name'), {l.split(':')[0]: {'SID': f'S-1-22-2-{l.split(":")[2]}', 'SIDType': 4, 'LocalAccount': True} for l in open('/etc/group')})
    if shutil.which('dpkg-query'):
        listed = subprocess.run(['dpkg-query', '-W', '-f', '${Package}\t${Version}\t${db:Status-Status}\n'], capture_output=True, text=True, check=True).stdout
        want = {tuple(l.split('\t')[:2]) for l in listed.splitlines() if l.endswith('\tinstalled')}
        got = {(r['Name'], r['Version']) for r in rows('Win32_Product')}
        check('Win32_Product: what dpkg has installed', want == got, (sorted(want - got)[:5], sorted(got - want)[:5]))
    t = rows('Win32_LocalTime')[0]
    now = time.localtime()
    check('Win32_LocalTime', (t['Year'], t['Month']) == (now.tm_year, now.tm_mon) or now.tm_hour == 0, t)
    z = rows('Win32_TimeZone')[0]
    check('Win32_TimeZone: minutes', z['Bias'] == -time.timezone // 60, z)
    swaps = {l.split()[0]: {'AllocatedBaseSize': int(l.split()[2]) // 1024} for l in open('/proc/swaps').read().splitlines()[1:]}
    compare('Win32_PageFileUsage', by('Win32_PageFileUsage', 'Name'), swaps)


def associations():
    """WMI's, over its views: as a class, from one side and from the other, by WQL."""
    groups = {l.split(':')[0]: sorted(filter(None, l.strip().split(':')[3].split(','))) for l in open('/etc/group')}
    users = {l.split(':')[0] for l in open('/etc/passwd')}
    got = {}
    for r in rows('Win32_GroupUser'):
        got.setdefault(r['GroupComponent'].split('"')[1], []).append(r['PartComponent'].split('"')[1])
    check('Win32_GroupUser', {g: sorted(u) for g, u in got.items()} == {g: [u for u in m if u in users] for g, m in groups.items() if set(m) & users}, got)
    links = {int(open(f'/sys/class/net/{n}/ifindex').read()) for n in os.listdir('/sys/class/net') if os.path.exists(f'/sys/class/net/{n}/ifindex')}
    pairs = {(r['Element'], r['Setting']) for r in rows('Win32_NetworkAdapterSetting')}
    check('Win32_NetworkAdapterSetting', {(f'Win32_NetworkAdapter.DeviceID="{i}"', f'Win32_NetworkAdapterConfiguration.Index={i}') for i in links} == pairs, pairs)
    def wql(query):
        r = agent.call('ExecQuery', {'Query': query})
        return r['result']['Instances'] if 'result' in r else r
    near = wql("ASSOCIATORS OF {Win32_NetworkAdapter.DeviceID='1'} WHERE AssocClass = Win32_NetworkAdapterSetting")
    check('from the adapter', [r['IPAddress'][0] for r in near] == ['127.0.0.1'], near)
    near = wql("ASSOCIATORS OF {Win32_NetworkAdapterConfiguration.Index=1} WHERE ResultClass = Win32_NetworkAdapter")
    check('and back', [r['NetConnectionID'] for r in near] == ['lo'], near)
    near = wql("REFERENCES OF {Win32_NetworkAdapter.DeviceID='1'} WHERE ResultClass = Win32_NetworkAdapterSetting")
    check('references', near == [{'Element': 'Win32_NetworkAdapter.DeviceID="1"', 'Setting': 'Win32_NetworkAdapterConfiguration.Index=1'}], near)
    names = [r['__CLASS'] for r in wql('ASSOCIATORS OF {Win32_NetworkAdapter} WHERE SchemaOnly')]
    check('of the schema', 'Win32_NetworkAdapterConfiguration' in names and 'NetIPAddress' in names, names)
    near = wql(f"ASSOCIATORS OF {{Win32_Process.Handle='{os.getpid()}'}} WHERE AssocClass = Win32_SystemProcesses")
    check('the host of a process', [r['Name'] for r in near] == [os.uname().nodename], near)
    near = wql("ASSOCIATORS OF {NetAdapter.InterfaceIndex=1} WHERE ClassDefsOnly")
    check('the class behind it keeps its own', {r['__CLASS'] for r in near} <= {'NetIPAddress', 'NetRoute', 'NetNeighbor', 'NetAdapter'}, near)


def measured():
    """Rates lie between what the kernel's counters grew by around them; raw counters between two looks."""
    def stat():
        lines = {l.split()[0]: l.split()[1:] for l in open('/proc/stat')}
        return {'ctxt': int(lines['ctxt'][0]), 'cpu': [int(x) for x in lines['cpu'][:8]], 'at': time.monotonic()}
    def snmp():
        names, numbers = [l.split()[1:] for l in open('/proc/net/snmp') if l.startswith('Tcp:')]
        return dict(zip(names, map(int, numbers)))
    a = stat()
    r = rows('Win32_PerfFormattedData_PerfOS_System')[0]
    b = stat()
    check('context switches: no more than there were', 0 < r['ContextSwitchesPersec'] * 0.2 <= b['ctxt'] - a['ctxt'], (r, a, b))
    check('the system', r['Threads'] >= r['Processes'] // 2 > 0 and abs(r['SystemUpTime'] - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60, r)
    a = stat()
    raw = rows('Win32_PerfRawData_PerfOS_System')[0]
    b = stat()
    check('raw: a counter', a['ctxt'] <= raw['ContextSwitchesPersec'] <= b['ctxt'], (a, raw, b))
    up = (raw['Timestamp_Object'] - raw['SystemUpTime']) / raw['Frequency_Object']
    check('raw: the time since the start, by its object\'s clock', abs(up - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60, (up, raw))
    check('raw: time since 1601', abs(raw['Timestamp_Sys100NS'] / 1e7 - 11644473600 - time.time()) < 60, raw)
    tick = 10 ** 7 // os.sysconf('SC_CLK_TCK')
    a = stat()
    cpu = by('Win32_PerfRawData_PerfOS_Processor', 'Name')['_Total']
    b = stat()
    check('raw: a processor\'s', all((lambda x, y: x <= y)(*p) for p in ((tick * (a['cpu'][0] + a['cpu'][1]), cpu['PercentUserTime']), (cpu['PercentUserTime'], tick * (b['cpu'][0] + b['cpu'][1])))) and
          cpu['PercentProcessorTime'] == cpu['PercentIdleTime'], (a, cpu, b))
    a, tcp, b = snmp(), rows('Win32_PerfRawData_Tcpip_TCPv4')[0], snmp()
    for p, name in ('ConnectionsActive', 'ActiveOpens'), ('ConnectionsPassive', 'PassiveOpens'), ('SegmentsReceivedPersec', 'InSegs'), ('SegmentsRetransmittedPersec', 'RetransSegs'), ('ConnectionsReset', 'EstabResets'):
        check(f'raw: TCP {p}', a[name] <= tcp[p] <= b[name], (a[name], tcp[p], b[name]))
    check('TCP: rates', all(v is not None for v in rows('Win32_PerfFormattedData_Tcpip_TCPv4')[0].values()))
    a = {l.split()[2]: [int(x) for x in l.split()[3:]] for l in open('/proc/diskstats')}
    disks = by('Win32_PerfRawData_PerfDisk_PhysicalDisk', 'Name')
    b = {l.split()[2]: [int(x) for x in l.split()[3:]] for l in open('/proc/diskstats')}
    bad = [r for n, r in disks.items() if n in a and not (a[n][2] * 512 <= r['DiskReadBytesPersec'] <= b[n][2] * 512 and a[n][4] <= r['DiskWritesPersec'] <= b[n][4])]
    check('raw: disks', disks and not bad, bad)
    mine = by('Win32_PerfFormattedData_PerfProc_Process', 'IDProcess')
    check('processes: whole numbers', os.getpid() in mine and all(isinstance(r['PercentProcessorTime'], int) for r in mine.values()), mine.get(os.getpid()))
    scx = rows('SCX_UnixProcessStatisticalInformation', Filter=f"Handle = '{os.getpid()}'")
    check('System Center: processes', len(scx) == 1 and scx[0]['UsedMemory'] > 1000 and isinstance(scx[0]['PercentUserTime'], int), scx)
    i = rows('SCX_Agent')[0]
    release = dict(l.strip().split('=', 1) for l in open('/etc/os-release') if '=' in l)
    check('SCX_Agent', (i['OSType'], i['UnameArchitecture'], i['LogicalProcessors'], i['OSAlias'], i['Name']) == ('Linux', os.uname().machine, os.cpu_count(), release['ID'].strip('"'), 'scx') and
          i['VersionString'].startswith(f'{i["MajorVersion"]}.{i["MinorVersion"]}.'), i)
    info = rows('AgentInfo')[0]
    check('AgentInfo', info['ProcessId'] == agent.proc.pid and info['StartTime'] and 0 < info['HandleCount'] < 1000 and info['WorkingSetSize'] > 1 << 20 and info['Classes'] > 150, info)
    points = {(r['Directory'], r['Volume']) for r in rows('Win32_MountPoint')}
    check('Win32_MountPoint', any(d == '/' for d, _ in points), points)


def cim():
    """CIM's names, for queries that were written for any maker's system."""
    for name, of in ('CIM_Process', 'Win32_Process'), ('CIM_UnixProcess', 'SCX_UnixProcess'):
        key = f"Handle = '{os.getpid()}'"
        mine, theirs = rows(name, Filter=key), rows(of, Filter=key)
        differs = {p for p, v in mine[0].items() if theirs[0][p] != v} - {'KernelModeTime', 'UserModeTime', 'WorkingSetSize', 'ExecutionState', 'Status'}
        check(f'{name} is what {of} shows', len(mine) == len(theirs) == 1 and not differs and len(mine[0]) > 15, differs)
    o = rows('CIM_OperatingSystem')[0]
    check('CIM_OperatingSystem', o['TotalVisibleMemorySize'] == meminfo()['MemTotal'] and o['MaxProcessMemorySize'], o)
    disks = {r['DeviceID'] for r in rows('CIM_LogicalDisk')}
    check('CIM_LogicalDisk', '/' in disks, disks)
    f = rows('CIM_DataFile', Filter="Name = '/etc/hosts'")
    check('CIM_DataFile', len(f) == 1 and f[0]['FileSize'] == os.stat('/etc/hosts').st_size and f[0]['Path'] == '/etc', f)
    f = rows('Win32_Directory', Filter="Name = '/etc'")
    check('Win32_Directory', len(f) == 1 and f[0]['Name'] == '/etc' and not rows('CIM_DataFile', Filter="Name = '/etc'"), f)
    inside = {r['Name'] for r in rows('CIM_DataFile', Filter="Path = '/etc/default'")}
    check('the files of a folder', inside == {e.path for e in os.scandir('/etc/default') if not e.is_dir(follow_symlinks=False)}, inside)


def every_view():
    """Each of them can be asked."""
    views = [c['ClassName'] for c in agent.call('EnumerateClasses')['result']['Classes'] if re.match(r'(Win32|MSFT|SCX|CIM)_', c['ClassName'])]
    check('views are there', len(views) > 60, views)
    for n in views:
        r = agent.call('EnumerateInstances', {'ClassName': n, 'Limit': 3})
        fine = 'result' in r or r['error']['data']['Name'] in ('NOT_SUPPORTED', 'UNAVAILABLE') or (n in ('CIM_DataFile', 'Win32_Directory') and 'all files' in r['error']['message'])
        check(f'{n} can be asked', fine, r)


try:
    for part in (storage, file_systems, network, system, processes, tasks, wmi_network, wmi_machine, methods, fillable, associations, measured, cim, every_view):
        look(part)
finally:
    agent.stop()
check.end()
