#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""DnsClient and NetIPConfiguration on a booted machine, beside resolvectl, /etc/resolv.conf and `ip -j`."""
import ipaddress, json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()


def configuration(m, a):
    m.run('''rm -f /etc/resolv.conf; printf '# mine\\nnameserver 192.0.2.53\\nnameserver 2001:db8::53\\nsearch a.example b.example\\noptions edns0 timeout:1\\n' > /etc/resolv.conf
        ip link add d1 type veth peer name d2; ip addr add 198.51.100.7/26 dev d1; ip addr add 198.51.100.8/26 dev d1 valid_lft 300 preferred_lft 300; ip -6 addr add 2001:db8::7/64 dev d1 nodad; ip link set d1 up; ip link set d2 up
        ip route add default via 198.51.100.1 metric 300; ip -6 route add default via 2001:db8::1 dev d1; ip route add default table 77 via 198.51.100.2''', check=True)
    links = {l['ifname']: l for l in json.loads(m.run('ip -j addr').stdout)}
    mine = {r['InterfaceAlias']: r for r in a.rows('NetIPConfiguration')}
    check('the same interfaces', sorted(links) == sorted(mine))
    gateways = [(family, r['gateway'], r['dev'], r.get('metric', 0)) for family, option in ((4, '-4'), (6, '-6')) for r in json.loads(m.run(f'ip {option} -j route show default').stdout or '[]')]
    for name, l in links.items():
        of = lambda family: [i for i in l['addr_info'] if i['family'] == family]
        both = of('inet') + of('inet6')
        mask = lambda i: str(ipaddress.ip_network(f"0.0.0.0/{i['prefixlen']}").netmask) if i['family'] == 'inet' else str(i['prefixlen'])
        ways = sorted([g for g in gateways if g[2] == name], key=lambda g: (g[0], g[3]))
        want = {'InterfaceIndex': l['ifindex'], 'MACAddress': l['address'], 'MTU': l['mtu'], 'IPv4Address': [i['local'] for i in of('inet')], 'IPv6Address': [i['local'] for i in of('inet6')],
                'IPAddress': [i['local'] for i in both], 'IPSubnet': [mask(i) for i in both], 'IPEnabled': 'UP' in l['flags'] and bool(both), 'DefaultIPGateway': [g[1] for g in ways],
                'GatewayCostMetric': [g[3] for g in ways], 'IPv4DefaultGateway': [g[1] for g in ways if g[0] == 4], 'DNSServer': ['192.0.2.53', '2001:db8::53'], 'DNSDomainSuffixSearchOrder': ['a.example', 'b.example'],
                'DHCPEnabled': any(i['valid_life_time'] < 4294967295 for i in of('inet')), 'DNSHostName': m.run('uname -n').stdout.strip(), 'DNSDomain': 'a.example', 'DefaultTTL': 64}
        check(f'configuration of {name}', not differ(mine[name], want), differ(mine[name], want))
    check('a lease ends', mine['d1']['DHCPLeaseExpires'] and mine['lo']['DHCPLeaseExpires'] is None)
    v = [r for r in a.rows('Win32_NetworkAdapterConfiguration', Filter='IPEnabled = TRUE') if r['Description'] == 'd1'][0]
    check('the view', not differ(v, {'IPAddress': mine['d1']['IPAddress'], 'IPSubnet': mine['d1']['IPSubnet'], 'DNSServerSearchOrder': ['192.0.2.53', '2001:db8::53'], 'Index': mine['d1']['InterfaceIndex']}), v)


def methods(m, a):
    """WMI's: addresses, gateways, servers of an interface."""
    m.run('''ip link add w0 type veth peer name w1; ip link set w1 up; ip link set w0 up; ip addr add 198.18.5.1/24 dev w0; ip addr add 198.18.5.2/24 dev w0; ip -6 addr add 2001:db8:5::1/64 dev w0 nodad
        ip route add default via 198.18.5.254 dev w0 metric 500''', check=True)
    addresses = lambda: sorted(f"{i['local']}/{i['prefixlen']}" for l in json.loads(m.run('ip -j addr show dev w0').stdout) for i in l['addr_info'] if i['scope'] == 'global')
    gateways = lambda: sorted((r['gateway'], r.get('metric', 0)) for f in '46' for r in json.loads(m.run(f'ip -{f} -j route show default dev w0').stdout or '[]'))
    key = {'InterfaceIndex': int(m.run('cat /sys/class/net/w0/ifindex').stdout)}
    do = lambda method, what_if=False, **kw: a.do('NetIPConfiguration', key, method, what_if, **kw)
    wmi = lambda method, **kw: a.do('Win32_NetworkAdapterConfiguration', {'Index': key['InterfaceIndex']}, method, **kw).get('result', {}).get('ReturnValue')
    before = addresses(), gateways()
    r = do('EnableStatic', True, IPAddress=['198.18.5.2', '198.18.6.1'], SubnetMask=['255.255.255.0', '255.255.0.0'])
    check('EnableStatic what-if', good(r) and {(c['From'], c['To']) for c in r['result']['Changed']} == {('198.18.5.1', None), (None, '198.18.6.1/16')} and (addresses(), gateways()) == before, r)
    r = do('EnableStatic', IPAddress=['198.18.5.2', '198.18.6.1'], SubnetMask=['255.255.255.0', '16'])
    check('EnableStatic: the first goes, the second of its network stays, a gateway that is in reach as well, IPv6 is let be', good(r) and addresses() == ['198.18.5.2/24', '198.18.6.1/16', '2001:db8:5::1/64'] and gateways() == before[1], (r, addresses(), gateways()))
    check('again: nothing', 'Changed' not in do('EnableStatic', IPAddress=['198.18.5.2', '198.18.6.1'], SubnetMask=['255.255.255.0', '16'])['result'])
    r = do('SetGateways', DefaultIPGateway=['198.18.6.254', '198.18.5.254'], GatewayCostMetric=[20, 600])
    check('SetGateways', good(r) and gateways() == [('198.18.5.254', 600), ('198.18.6.254', 20)], (r, gateways()))
    r = do('SetGateways', DefaultIPGateway=['203.0.113.99'], GatewayCostMetric=[20])
    check('a gateway out of reach: as it was', not good(r) and gateways() == [('198.18.5.254', 600), ('198.18.6.254', 20)], (r, gateways()))
    check('none', good(do('SetGateways', DefaultIPGateway=[])) and gateways() == [])
    r = do('SetDNSServerSearchOrder', DNSServerSearchOrder=['192.0.2.66', '2001:db8::66'])
    check('SetDNSServerSearchOrder', good(r) and '192.0.2.66 2001:db8::66' in m.run('resolvectl dns w0').stdout, (r, m.run('resolvectl dns w0').stdout))
    check('SetDNSDomain', good(do('SetDNSDomain', DNSDomain='w.example')) and 'w.example' in m.run('resolvectl domain w0').stdout, m.run('resolvectl domain w0').stdout)
    for method, kw, want, about, number in (('EnableStatic', {'IPAddress': ['1.2.3'], 'SubnetMask': ['255.0.0.0']}, 'INVALID_PARAMETER', 'IPAddress', 70), ('EnableStatic', {'IPAddress': ['1.2.3.4'], 'SubnetMask': ['255.0.255.0']}, 'INVALID_PARAMETER', 'SubnetMask', 66),
                                            ('EnableStatic', {'IPAddress': ['1.2.3.4'], 'SubnetMask': []}, 'INVALID_PARAMETER', 'SubnetMask', 66), ('EnableStatic', {'IPAddress': [], 'SubnetMask': []}, 'INVALID_PARAMETER', 'IPAddress', 70),
                                            ('SetGateways', {'DefaultIPGateway': ['x']}, 'INVALID_PARAMETER', 'DefaultIPGateway', 71), ('SetDNSServerSearchOrder', {'DNSServerSearchOrder': ['x']}, 'INVALID_PARAMETER', 'DNSServerSearchOrder', 70),
                                            ('SetDNSDomain', {'DNSDomain': 'a b'}, 'INVALID_PARAMETER', 'SearchDomains', 73), ('EnableDHCP', {}, 'NOT_SUPPORTED', None, 64), ('RenewDHCPLease', {}, 'NOT_SUPPORTED', None, 100)):
        sight = addresses()
        r = do(method, **kw)
        check(f'refused: {method} {kw}', status(r) == want and r['error']['data'].get('Property') == about and addresses() == sight, r)
        check(f'WMI\'s number of it: {number}', wmi(method, **kw) == number, a.do('Win32_NetworkAdapterConfiguration', {'Index': key['InterfaceIndex']}, method, **kw))
    check('of no interface', status(a.do('NetIPConfiguration', {'InterfaceIndex': 9999}, 'SetGateways', DefaultIPGateway=[])) == 'NOT_FOUND')
    check('by WMI\'s name', wmi('EnableStatic', IPAddress=['198.18.7.1'], SubnetMask=['255.255.255.0']) == 0 and addresses() == ['198.18.7.1/24', '2001:db8:5::1/64'], addresses())
    m.run('ip link delete w0')


def host_servers(m, a):
    key = {'InterfaceIndex': 0}
    row = lambda: a.one('DnsClient', key)
    check('/etc/resolv.conf', not differ(row(), {'ServerAddresses': ['192.0.2.53', '2001:db8::53'], 'SearchDomains': ['a.example', 'b.example'], 'Options': ['edns0', 'timeout:1'], 'Source': 'resolv.conf', 'Manager': None}), row())
    do = lambda what_if=False, key=key, **kw: a.do('DnsClient', key, 'SetServers', what_if, **kw)
    text = lambda: m.run('cat /etc/resolv.conf').stdout
    before = text()
    r = do(True, ServerAddresses=['192.0.2.99'])
    check('what-if', r['result']['Changed'] == [{'Property': 'ServerAddresses', 'From': '192.0.2.53 2001:db8::53', 'To': '192.0.2.99'}] and text() == before, r)
    check('SetServers', good(do(ServerAddresses=['192.0.2.99', '::1'])) and text() == '# mine\nsearch a.example b.example\noptions edns0 timeout:1\nnameserver 192.0.2.99\nnameserver ::1\n', text())
    check('with domains', good(do(ServerAddresses=['192.0.2.1'], SearchDomains=['c.example'])) and text() == '# mine\noptions edns0 timeout:1\nsearch c.example\nnameserver 192.0.2.1\n', text())
    for bad in ({'ServerAddresses': ['1.2.3']}, {'ServerAddresses': ['1.2.3.4\nsearch x']}, {'ServerAddresses': ['1.2.3.4'], 'SearchDomains': ['a b']}, {'ServerAddresses': ['1.2.3.4'], 'SearchDomains': ['']}):
        check(f'refused: {bad}', status(do(**bad)) == 'INVALID_PARAMETER', do(**bad))
    check('no such interface', status(do(key={'InterfaceIndex': 9999}, ServerAddresses=['1.2.3.4'])) == 'NOT_FOUND')
    m.run('cp /etc/resolv.conf /etc/resolv.saved; printf "# Generated by NetworkManager\\nnameserver 192.0.2.7\\n" > /etc/resolv.conf')
    r = do(ServerAddresses=['192.0.2.8'])
    check('one that a program writes', row()['Manager'] == 'NetworkManager' and status(r) == 'NOT_SUPPORTED' and '192.0.2.7' in text(), r)
    m.run('ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf')
    check('and resolved\'s link', status(do(ServerAddresses=['192.0.2.8'])) == 'NOT_SUPPORTED' and m.run('readlink /etc/resolv.conf').stdout.startswith('/run/systemd'))
    m.run('rm /etc/resolv.conf; mv /etc/resolv.saved /etc/resolv.conf')


def link_servers(m, a):
    if m.run('systemctl start systemd-resolved; systemctl is-active systemd-resolved').stdout.strip() != 'active':
        check.skip('systemd-resolved', 'it does not start here')
        return
    d1 = a.one('NetAdapter', {'InterfaceIndex': json.loads(m.run('ip -j link show d1').stdout)[0]['ifindex']})['InterfaceIndex']
    key = {'InterfaceIndex': d1}
    do = lambda what_if=False, **kw: a.do('DnsClient', key, 'SetServers', what_if, **kw)
    dns = lambda: m.run('resolvectl dns d1; resolvectl domain d1').stdout
    check('what-if', good(do(True, ServerAddresses=['192.0.2.11'])) and '192.0.2.11' not in dns())
    check('servers of an interface', good(do(ServerAddresses=['192.0.2.11', '2001:db8::11'], SearchDomains=['x.example', '~y.example'])) and all(w in dns() for w in ('192.0.2.11', '2001:db8::11', 'x.example', '~y.example')), dns())
    row = a.one('DnsClient', key)
    check('and they are told', not differ(row, {'ServerAddresses': ['192.0.2.11', '2001:db8::11'], 'SearchDomains': ['x.example', '~y.example'], 'InterfaceAlias': 'd1', 'Source': 'systemd-resolved'}), row)
    check('Reset', good(a.do('DnsClient', key, 'Reset')) and '192.0.2.11' not in dns())
    check('ClearCache', good(a.do('DnsClient', None, 'ClearCache')))
    m.run('systemctl stop systemd-resolved; systemctl mask --runtime systemd-resolved')
    check('without it: said, at once', status(do(ServerAddresses=['192.0.2.1'])) == 'NOT_SUPPORTED', do(ServerAddresses=['192.0.2.1']))


def frozen_bus(m, a):
    """A bus that has stopped answering costs two seconds, and nobody else anything."""
    m.run('systemctl unmask --runtime systemd-resolved; systemctl start systemd-resolved; pkill -STOP dbus-daemon')
    try:
        begin = time.monotonic()
        reply = a.peer.call('EnumerateInstances', {'ClassName': 'DnsClient'})
        took = time.monotonic() - begin
        check('the host\'s servers are told all the same', took < 6 and any(r['InterfaceIndex'] == 0 for r in reply.get('result', {}).get('Instances', [])), (took, reply))
        check('what is missing is said', 'systemd-resolved does not answer' in json.dumps(reply), reply)
        begin = time.monotonic()
        reply = a.peer.call('EnumerateInstances', {'ClassName': 'LogonSession'})
        check('sessions: an error, in time', time.monotonic() - begin < 12 and status(reply) in ('TIMED_OUT', 'UNAVAILABLE', 'FAILED'), reply)
        begin = time.monotonic()
        a.rows('NetIPConfiguration')
        check('others do not notice', time.monotonic() - begin < 1)
    finally:
        m.run('pkill -CONT dbus-daemon')


def lookups(m, a):
    m.run('printf "192.0.2.77 seven.example seven\\n2001:db8::77 seven.example\\n" >> /etc/hosts; sed -i "s/^hosts:.*/hosts: files/" /etc/nsswitch.conf')
    do = lambda name: a.do('DnsClient', None, 'Resolve', Name=name)
    r = do('seven.example')
    check('Resolve', good(r) and sorted(r['result']['Addresses']) == ['192.0.2.77', '2001:db8::77'] and r['result']['CanonicalName'] == 'seven.example', r)
    check('an address', do('192.0.2.77').get('result', {}).get('CanonicalName') == 'seven.example', do('192.0.2.77'))
    check('no such name', status(do('nowhere.example')) == 'NOT_FOUND', do('nowhere.example'))


def main():
    with lablib.Lab() as lab:
        m = lab.machine('netconfig')
        a = Asked(m.agent())
        for part in (configuration, host_servers, methods, link_servers, frozen_bus, lookups):
            part(m, a)
    check.end()


main()
