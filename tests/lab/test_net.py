#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The network classes on a booted machine, each property beside `ip -j`, each change by its effect and its refusals."""
import json, os, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, netmade

check = agentlib.Cases()


class Asked:
    def __init__(self, machine, peer):
        self.machine, self.peer = machine, peer

    def ip(self, what):
        return json.loads(self.machine.run('ip -j -d -s ' + what).stdout or '[]')

    def rows(self, name, **more):
        reply = self.peer.call('EnumerateInstances', {'ClassName': name, **more})
        return reply['result']['Instances'] if 'result' in reply else reply

    def do(self, name, key, method, what_if=False, **arguments):
        return self.peer.call('InvokeMethod', {'ClassName': name, **({'InstanceName': key} if key else {}), 'MethodName': method,
                                               'InParameters': arguments, **({'WhatIf': True} if what_if else {})})


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


def prepare(machine):
    machine.run('''ip link add br7 type bridge; ip link add d1 type veth peer name d2; ip link set d1 master br7 up; ip link set br7 up; ip link set d2 up
        ip link add v1 type veth peer name v2; ip link add link d1 name d1.42 type vlan id 42; ip link set d1.42 up
        ip link set d1 alias "a port"; ip link property add dev d1 altname quite-a-long-name-for-a-port
        ip addr add 192.0.2.1/25 dev br7; ip addr add 192.0.2.2/25 dev br7; ip -6 addr add 2001:db8::7/64 dev br7 nodad
        ip addr add 198.51.100.1/24 dev br7 valid_lft 300 preferred_lft 200
        ip route add 203.0.113.0/24 via 192.0.2.3 metric 77; ip route add blackhole 203.0.114.0/24
        ip route add 203.0.115.0/24 nexthop via 192.0.2.4 dev br7 nexthop via 192.0.2.5 dev br7
        ip -6 route add 2001:db8:1::/48 via 2001:db8::9 dev br7; ip route add 10.9.0.0/16 dev br7 table 700
        ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev br7''', check=True)
    time.sleep(3)  # the links' states and the kernel's own routes settle


def adapters(a):
    real, mine = {l['ifname']: l for l in a.ip('link')}, {r['Name']: r for r in a.rows('NetAdapter')}
    check('the same interfaces', sorted(real) == sorted(mine), (sorted(real), sorted(mine)))
    for name, l in real.items():
        r = mine.get(name, {})
        want = {'InterfaceIndex': l['ifindex'], 'MtuSize': l['mtu'], 'OperState': l['operstate'].lower(), 'Qdisc': l.get('qdisc'),
                'AdminStatus': 'UP' in l['flags'], 'MacAddress': l.get('address'), 'TransmitQueueLength': l.get('txqlen'),
                'Kind': l.get('linkinfo', {}).get('info_kind'), 'InterfaceType': l['link_type'], 'PromiscuousMode': 'PROMISC' in l['flags'],
                'AlternativeNames': l.get('altnames', []) if 'altnames' in l else None,
                'VlanID': l.get('linkinfo', {}).get('info_data', {}).get('id') if l.get('linkinfo', {}).get('info_kind') == 'vlan' else None,
                'MasterIndex': real[l['master']]['ifindex'] if 'master' in l else None}
        wrong = [(k, r.get(k), v) for k, v in want.items() if r.get(k) != v and not (k == 'TransmitQueueLength' and v is None)]
        check(f'properties of {name}', not wrong, wrong)
    counters = a.rows('NetAdapter', Filter="Name='lo'", PropertyList=['ReceivedBytes', 'SentPackets'])[0]
    lo = a.ip('link show lo')[0]['stats64']
    check('counters', lo['rx']['bytes'] == counters['ReceivedBytes'] and lo['tx']['packets'] == counters['SentPackets'], (lo, counters))
    check('a description may be set', mine['d1']['InterfaceDescription'] == 'a port', mine['d1'])
    check('Status', mine['br7']['Status'] == 'Up' and mine['v1']['Status'] == 'Disabled', (mine['br7']['Status'], mine['v1']['Status']))


def tables(a):
    real = {(l['ifname'], i['local'], i['prefixlen']): i for l in a.ip('addr') for i in l['addr_info']}
    mine = {(r['InterfaceAlias'], r['IPAddress'], r['PrefixLength']): r for r in a.rows('NetIPAddress')}
    check('the same addresses', sorted(real) == sorted(mine), (sorted(real), sorted(mine)))
    for k, i in real.items():
        r = mine[k]
        check(f'scope of {k[1]}', r['Scope'] == i['scope'], (r, i))
        check(f'broadcast and label of {k[1]}', (r['BroadcastAddress'], r['Label']) == (i.get('broadcast'), i.get('label')), (r, i))
        forever = i['valid_life_time'] == 4294967295
        check(f'lifetime of {k[1]}', r['ValidLifetime'] is None if forever else abs(r['ValidLifetime'] - i['valid_life_time']) < 5, (r, i))
        check(f'secondary {k[1]}', r['Secondary'] == bool(i.get('secondary')), (r, i))
    routes = [('IPv4', r) for r in a.ip('-4 route show table all')] + [('IPv6', r) for r in a.ip('-6 route show table all')]
    want = set()
    for family, r in routes:
        if r.get('table') == 'local' or r.get('type') in ('local', 'broadcast', 'anycast', 'multicast') and r.get('table') == 'local':
            continue
        zero = '0.0.0.0' if family == 'IPv4' else '::'
        dst = (zero + '/0') if r['dst'] == 'default' else r['dst'] if '/' in r['dst'] else r['dst'] + ('/32' if family == 'IPv4' else '/128')
        for hop in r.get('nexthops') or [r]:
            want.add((dst, hop.get('gateway', zero), r.get('metric', 0), hop.get('dev') or r.get('dev') or None))
    got = {(r['DestinationPrefix'], r['NextHop'], r['RouteMetric'], r['InterfaceAlias']) for r in a.rows('NetRoute')}
    check('the same routes', want == got, (want - got, got - want))
    neighbours = {(n['dst'], n['dev'], n.get('lladdr')) for n in a.ip('neigh') if n['state'] != ['NOARP']}
    check('the same neighbours', neighbours <= {(r['IPAddress'], r['InterfaceAlias'], r['LinkLayerAddress']) for r in a.rows('NetNeighbor')}, neighbours)


def changes(a):
    index = a.rows('NetAdapter', Filter="Name='v1'")[0]['InterfaceIndex']
    key, link = {'InterfaceIndex': index}, lambda name: (a.ip(f'link show {name}') or [{}])[0]
    check('what-if changes nothing', 'Changed' in a.do('NetAdapter', key, 'Enable', True).get('result', {}) and 'UP' not in link('v1')['flags'])
    check('Enable', 'result' in a.do('NetAdapter', key, 'Enable') and 'UP' in link('v1')['flags'])
    check('Enable again changes nothing', 'Changed' not in a.do('NetAdapter', key, 'Enable')['result'])
    check('Set MTU', 'result' in a.do('NetAdapter', key, 'Set', MtuSize=1400, MacAddress='02-00-5e-00-00-01') and link('v1')['mtu'] == 1400)
    check('Set address', link('v1')['address'] == '02:00:5e:00:00:01')
    check('no MTU', status(a.do('NetAdapter', key, 'Set', MtuSize=7)) == 'INVALID_PARAMETER')
    check('no address', status(a.do('NetAdapter', key, 'Set', MacAddress='zz')) == 'INVALID_PARAMETER')
    check('Disable', 'result' in a.do('NetAdapter', key, 'Disable') and 'UP' not in link('v1')['flags'])
    check('Rename', 'result' in a.do('NetAdapter', key, 'Rename', NewName='lan0') and link('lan0').get('ifindex') == index)
    check('a name that is taken', status(a.do('NetAdapter', key, 'Rename', NewName='br7')) == 'ALREADY_EXISTS', a.do('NetAdapter', key, 'Rename', NewName='br7'))
    check('no name', status(a.do('NetAdapter', key, 'Rename', NewName='a/b')) == 'INVALID_PARAMETER')
    check('no such interface', status(a.do('NetAdapter', {'InterfaceIndex': 9999}, 'Enable')) == 'NOT_FOUND')
    has = lambda text: text in a.machine.run('ip addr; ip route; ip -6 route; ip neigh; ip route show table 9').stdout
    check('new address', 'result' in a.do('NetIPAddress', None, 'Create', IPAddress='192.0.2.70', PrefixLength=25, InterfaceAlias='br7') and has('192.0.2.70/25'))
    again = a.do('NetIPAddress', None, 'Create', IPAddress='192.0.2.70', PrefixLength=25, InterfaceAlias='br7')
    check('new address again', status(again) == 'ALREADY_EXISTS', again)
    check('new v6 address', 'result' in a.do('NetIPAddress', None, 'Create', IPAddress='2001:db8::70', PrefixLength=64, InterfaceAlias='br7') and has('2001:db8::70/64'))
    for wrong in ({'IPAddress': '1.2.3', 'PrefixLength': 8}, {'IPAddress': '1.2.3.4', 'PrefixLength': 33}):
        check(f'refused: {wrong}', status(a.do('NetIPAddress', None, 'Create', InterfaceAlias='br7', **wrong)) == 'INVALID_PARAMETER')
    check('no interface', status(a.do('NetIPAddress', None, 'Create', IPAddress='1.2.3.4', PrefixLength=8, InterfaceAlias='nope')) == 'NOT_FOUND')
    check('address deleted', 'result' in a.do('NetIPAddress', {'IPAddress': '192.0.2.70'}, 'Delete') and not has('192.0.2.70/25'))
    check('deleted again', status(a.do('NetIPAddress', {'IPAddress': '192.0.2.70'}, 'Delete')) == 'NOT_FOUND')
    check('address with an end', 'result' in a.do('NetIPAddress', None, 'Create', IPAddress='192.0.2.71', PrefixLength=25, InterfaceAlias='br7', ValidLifetime=1) and has('192.0.2.71'))
    for _ in range(40):
        if not has('192.0.2.71'):
            break
        time.sleep(0.1)
    check('and the kernel took it away', not has('192.0.2.71'))
    new = lambda **kw: a.do('NetRoute', None, 'Create', **kw)
    check('new route', 'result' in new(DestinationPrefix='203.0.120.0/24', NextHop='192.0.2.3', RouteMetric=9) and has('203.0.120.0/24 via 192.0.2.3'))
    check('new route again', status(new(DestinationPrefix='203.0.120.0/24', NextHop='192.0.2.3', RouteMetric=9)) == 'ALREADY_EXISTS')
    check('to a device', 'result' in new(DestinationPrefix='203.0.121.0/24', InterfaceAlias='br7', Table=9) and has('203.0.121.0/24 dev br7'))
    check('v6', 'result' in new(DestinationPrefix='2001:db8:9::/48', NextHop='2001:db8::9', InterfaceAlias='br7') and has('2001:db8:9::/48 via 2001:db8::9'))
    reply = new(DestinationPrefix='203.0.122.0/24', NextHop='8.8.8.8')
    check('a gateway out of reach, in the kernel\'s words', status(reply) is not None and 'kernel' in reply['error']['data']['Hint'].lower(), reply)
    check('no network', status(new(DestinationPrefix='203.0.122.0/40', NextHop='192.0.2.3')) == 'INVALID_PARAMETER')
    check('route deleted', 'result' in a.do('NetRoute', {'DestinationPrefix': '203.0.120.0/24'}, 'Delete') and not has('203.0.120.0/24'))
    check('route deleted again', status(a.do('NetRoute', {'DestinationPrefix': '203.0.120.0/24'}, 'Delete')) == 'NOT_FOUND', a.do('NetRoute', {'DestinationPrefix': '203.0.120.0/24'}, 'Delete'))
    br7 = a.rows('NetAdapter', Filter="Name='br7'")[0]['InterfaceIndex']
    check('new neighbour', 'result' in a.do('NetNeighbor', None, 'Create', InterfaceIndex=br7, IPAddress='192.0.2.50', LinkLayerAddress='02:00:00:00:00:50') and has('02:00:00:00:00:50'))
    check('neighbour deleted', 'result' in a.do('NetNeighbor', {'InterfaceIndex': br7, 'IPAddress': '192.0.2.50'}, 'Delete'))


def found(a):
    find = lambda address: a.do('NetRoute', None, 'Find', RemoteIPAddress=address)
    for address, prefix, hop in (('203.0.113.9', '203.0.113.0/24', '192.0.2.3'), ('192.0.2.99', '192.0.2.0/25', '0.0.0.0'), ('8.8.8.8', '0.0.0.0/0', '10.99.0.1'), ('2001:db8:1::5', '2001:db8:1::/48', '2001:db8::9')):
        r, ip = find(address), a.ip(f'route get {address}')[0]
        check(f'Find {address}', 'result' in r and (r['result']['DestinationPrefix'], r['result']['NextHop']) == (prefix, hop) and ip.get('gateway', '::' if ':' in address else '0.0.0.0') == hop, (r, ip))
    check('Find what is no address', status(find('x')) == 'INVALID_PARAMETER')
    key = {'DestinationPrefix': '203.0.113.0/24'}
    check('Set what-if', a.do('NetRoute', key, 'Set', True, RouteMetric=5)['result']['Changed'] == [{'Property': 'RouteMetric', 'From': '77', 'To': '5'}])
    check('Set', 'result' in a.do('NetRoute', key, 'Set', RouteMetric=5) and [r.get('metric') for r in a.ip('route show 203.0.113.0/24')] == [5], a.ip('route show 203.0.113.0/24'))
    check('Set no such route', status(a.do('NetRoute', {'DestinationPrefix': '203.0.199.0/24'}, 'Set', RouteMetric=5)) == 'NOT_FOUND')
    br7 = a.rows('NetAdapter', Filter="Name='br7'")[0]['InterfaceIndex']
    a.do('NetNeighbor', None, 'Create', InterfaceIndex=br7, IPAddress='192.0.2.51', LinkLayerAddress='02:00:00:00:00:50')
    check('a neighbour set anew', 'result' in a.do('NetNeighbor', None, 'Create', InterfaceIndex=br7, IPAddress='192.0.2.51', LinkLayerAddress='02:00:00:00:00:51') and [n['lladdr'] for n in a.ip('neigh show 192.0.2.51')] == ['02:00:00:00:00:51'])


def ip_interfaces(a):
    """NetIPInterface beside /proc/sys/net."""
    rows = a.rows('NetIPInterface')
    text = a.machine.run("cd /proc/sys/net; for f in ipv4/conf/*/forwarding ipv4/conf/*/rp_filter ipv6/conf/*/forwarding ipv6/conf/*/mtu ipv6/conf/*/hop_limit ipv6/conf/*/dad_transmits ipv6/conf/*/accept_ra; do echo $f $(cat $f); done").stdout
    real = {tuple(l.split()[0].split('/')[i] for i in (0, 2, 3)): int(l.split()[1]) for l in text.splitlines()}
    links = {l['ifname']: l for l in a.ip('link')}
    want = {}
    for name, l in links.items():
        state = 'Connected' if 'UP' in l['flags'] and 'LOWER_UP' in l['flags'] else 'Disconnected'
        v4, v6 = (lambda f: real.get(('ipv4', name, f))), (lambda f: real.get(('ipv6', name, f)))
        onoff = lambda v: 'Enabled' if v else 'Disabled'
        want[name, 'IPv4'] = (l['ifindex'], state, l['mtu'], onoff(v4('forwarding')), 'Disabled', None, None, v4('rp_filter'))
        if v6('mtu'):
            want[name, 'IPv6'] = (l['ifindex'], state, v6('mtu'), onoff(v6('forwarding')), onoff(v6('accept_ra') == 2 or v6('accept_ra') and not v6('forwarding')), v6('hop_limit'), v6('dad_transmits'), None)
    got = {(r['InterfaceAlias'], r['AddressFamily']): tuple(r[k] for k in ('InterfaceIndex', 'ConnectionState', 'NlMtu', 'Forwarding', 'RouterDiscovery', 'CurrentHopLimit', 'DadTransmits', 'ReversePathFilter')) for r in rows}
    check('NetIPInterface', got == want, [(k, got.get(k), want.get(k)) for k in set(got) | set(want) if got.get(k) != want.get(k)])
    key = lambda family: {'InterfaceIndex': links['v2']['ifindex'], 'AddressFamily': family}
    value = lambda path: int(a.machine.run(f'cat /proc/sys/net/{path}').stdout)
    check('Set what-if', a.do('NetIPInterface', key('IPv4'), 'Set', True, Forwarding='Enabled')['result']['Changed'] == [{'Property': 'Forwarding', 'From': '0', 'To': '1'}] and value('ipv4/conf/v2/forwarding') == 0)
    check('Set of IPv4', 'result' in a.do('NetIPInterface', key('IPv4'), 'Set', Forwarding='Enabled', ReversePathFilter=2) and (value('ipv4/conf/v2/forwarding'), value('ipv4/conf/v2/rp_filter')) == (1, 2))
    check('Set of IPv6', 'result' in a.do('NetIPInterface', key('IPv6'), 'Set', RouterDiscovery='Disabled', CurrentHopLimit=9, DadTransmits=0) and
          (value('ipv6/conf/v2/accept_ra'), value('ipv6/conf/v2/hop_limit'), value('ipv6/conf/v2/dad_transmits')) == (0, 9, 0))
    check('again: nothing', 'Changed' not in a.do('NetIPInterface', key('IPv6'), 'Set', CurrentHopLimit=9)['result'])
    check('of the other family', status(a.do('NetIPInterface', key('IPv4'), 'Set', CurrentHopLimit=9)) == 'INVALID_PARAMETER')
    check('no such interface', status(a.do('NetIPInterface', {'InterfaceIndex': 9999, 'AddressFamily': 'IPv4'}, 'Set', Forwarding='Enabled')) == 'NOT_FOUND')


def views(a):
    """The classes that PowerShell's own modules read, with their numbers."""
    links = {l['ifname']: l for l in a.ip('addr')}
    oper = {'UP': 1, 'DOWN': 2, 'TESTING': 3, 'UNKNOWN': 4, 'DORMANT': 5, 'NOTPRESENT': 6, 'LOWERLAYERDOWN': 7}
    rows = {r['Name']: r for r in a.rows('MSFT_NetAdapter')}
    wrong = [(n, r) for n, l in links.items() for r in [rows.get(n, {})] if (r.get('DeviceID'), r.get('InterfaceOperationalStatus'), r.get('InterfaceAdminStatus'), r.get('MtuSize'), r.get('InterfaceType')) !=
             (str(l['ifindex']), oper[l['operstate']], 1 if 'UP' in l['flags'] else 2, l['mtu'], {'ether': 6, 'loopback': 24}[l['link_type']])]
    check('MSFT_NetAdapter', len(rows) == len(links) and not wrong, wrong)
    got = {(r['InterfaceAlias'], r['IPAddress'], r['PrefixLength'], r['AddressFamily'], r['Store'], r['Type']) for r in a.rows('MSFT_NetIPAddress')}
    check('MSFT_NetIPAddress', got == {(n, i['local'], i['prefixlen'], 2 if i['family'] == 'inet' else 23, 1, 1) for n, l in links.items() for i in l['addr_info']}, got)
    got = {(r['DestinationPrefix'], r['NextHop'], r['RouteMetric'], r['InterfaceAlias']) for r in a.rows('MSFT_NetRoute')}
    check('MSFT_NetRoute', ('203.0.113.0/24', '192.0.2.3', 5, 'br7') in got and not any(g[0] == '10.9.0.0/16' for g in got), got)
    got = {(r['IPAddress'], r['LinkLayerAddress'], r['State']) for r in a.rows('MSFT_NetNeighbor')}
    check('MSFT_NetNeighbor', ('192.0.2.9', '02:00:00:00:00:09', 6) in got, got)
    listen = {int(l.split()[3].rsplit(':', 1)[1]) for l in a.machine.run('ss -Htln').stdout.splitlines()}
    check('MSFT_NetTCPConnection', {r['LocalPort'] for r in a.rows('MSFT_NetTCPConnection') if r['State'] == 2} == listen, listen)
    a.machine.run('nft add table inet filter; nft "add chain inet filter input { type filter hook input priority 0; }"; nft add rule inet filter input ip saddr 10.0.0.0/8 tcp dport 22 drop')
    rule, address, port = (a.rows(f'MSFT_{n}') for n in ('NetFirewallRule', 'NetAddressFilter', 'NetProtocolPortFilter'))
    check('MSFT_NetFirewallRule and its filters', (rule[0]['Enabled'], rule[0]['Direction'], rule[0]['Action']) == (1, 1, 4) and address[0]['RemoteAddress'] == ['10.0.0.0/8'] and (port[0]['Protocol'], port[0]['LocalPort']) == ('TCP', ['22']) and
          rule[0]['InstanceID'] == address[0]['InstanceID'] == port[0]['InstanceID'], (rule, address, port))
    stats = {r['Name']: r for r in a.rows('MSFT_NetAdapterStatisticsSettingData')}
    lo = a.ip('link show v2')[0]['stats64']
    check('MSFT_NetAdapterStatisticsSettingData', (stats['v2']['ReceivedBytes'], stats['v2']['SentUnicastPackets']) == (lo['rx']['bytes'], lo['tx']['packets']), (stats['v2'], lo))


def cmdlets(a):
    """The names of NetTCPIP, NetAdapter, DnsClient and NetSecurity that there are."""
    want = sorted(("Get-NetAdapter Set-NetAdapter Enable-NetAdapter Disable-NetAdapter Restart-NetAdapter Rename-NetAdapter Get-NetIPAddress New-NetIPAddress "
                   "Remove-NetIPAddress Get-NetRoute New-NetRoute Set-NetRoute Remove-NetRoute Find-NetRoute Get-NetNeighbor New-NetNeighbor Set-NetNeighbor "
                   "Remove-NetNeighbor Get-NetIPConfiguration Get-NetTCPConnection Get-NetUDPEndpoint Get-DnsClientServerAddress Set-DnsClientServerAddress "
                   "Clear-DnsClientCache Resolve-DnsName Get-NetFirewallRule New-NetFirewallRule Set-NetFirewallRule Remove-NetFirewallRule Enable-NetFirewallRule "
                   "Disable-NetFirewallRule Rename-NetFirewallRule Get-NetFirewallProfile Set-NetFirewallProfile Get-NetIPInterface Set-NetIPInterface New-NetAdapter Remove-NetAdapter ").split())
    done = a.machine.run("REEVE_SOCKET=/lab/agent.sock /opt/reeve/bin/reeve -NoProfile -Command '" + '; '.join(f'(Get-Command {n}).Name' for n in want) + "'")
    check('every name is a command', done.stdout.split() == want, (set(want) - set(done.stdout.split()), done.stderr[-500:]))


def ethtool(a):
    """The host's own program in the machine's network."""
    return (lambda words: subprocess.run(['nsenter', '-t', str(a.machine.leader), '-n', 'ethtool', *words.split()], capture_output=True, text=True).stdout) if shutil.which('ethtool') else None


def vanishing(a):
    """Interfaces that go while they are changed: NOT_FOUND, or it was done; never another answer."""
    import threading
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            a.machine.run('for i in 1 2 3 4 5 6 7 8; do ip link add g0 index 7700 type bridge; ip link delete g0; done')
    t = threading.Thread(target=churn)
    t.start()
    seen = set()
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end and not {'NOT_FOUND', None} <= seen:
            for cls, k, method, kw in (('NetAdapter', {'InterfaceIndex': 7700}, 'Set', {'MtuSize': 1400}), ('NetAdapter', {'InterfaceIndex': 7700}, 'Enable', {}),
                                       ('NetIPAddress', None, 'Create', {'InterfaceIndex': 7700, 'IPAddress': '192.0.2.200', 'PrefixLength': 32}),
                                       ('NetNeighbor', None, 'Create', {'InterfaceIndex': 7700, 'IPAddress': '192.0.2.201', 'LinkLayerAddress': '02:00:00:00:00:01'}),
                                       ('NetIPInterface', {'InterfaceIndex': 7700, 'AddressFamily': 'IPv4'}, 'Set', {'Forwarding': 'Enabled'})):
                r = a.do(cls, k, method, **kw)
                seen.add(status(r))
                if status(r) not in (None, 'NOT_FOUND', 'ALREADY_EXISTS'):
                    check('an interface that goes', False, (cls, method, r))
    finally:
        stop.set()
        t.join()
    check('gone and there were both seen', {'NOT_FOUND', None} <= seen, seen)


def many(a):
    """1,000 interfaces: all there, quickly, also while they come and go."""
    a.machine.run('for i in $(seq 500); do echo "link add m$i type veth peer name mm$i"; done | ip -batch -', timeout=120, check=True)
    begin = time.monotonic()
    rows = a.rows('NetAdapter', PropertyList=['Name'])
    check('a thousand interfaces', sum(r['Name'].startswith('m') for r in rows) == 1000, len(rows))
    check('in half a second', time.monotonic() - begin < 0.5)


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('net')
        a = Asked(machine, agentlib.Peer(machine.agent()))
        prepare(machine)
        for part in (adapters, tables, changes, found, ip_interfaces, views, lambda a: netmade.made(check, a.machine.run, a, ethtool(a)), vanishing, cmdlets, many):
            part(a)
    check.end()


main()
