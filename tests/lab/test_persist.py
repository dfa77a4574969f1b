#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Settings of interfaces that outlive a boot, for whoever manages them: systemd-networkd, ifupdown and NetworkManager on one booted
machine. Each setting is made, the interface is taken away and made anew as a boot would, and `ip` and `resolvectl` tell what is there."""
import json, os, re, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from agentlib import until
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
# The interface, its manager, reeve's file, a network of its own, and how its file is made to be read anew.
KINDS = [('n0', 'systemd-networkd', '/etc/systemd/network/20-lan.network.d/90-reeve.conf', 1, 'networkctl reload'),
         ('u0', 'ifupdown', '/etc/network/reeve.d/u0', 2, 'ifdown --force u0; ifup u0'),
         ('m0', 'NetworkManager', None, 3, 'nmcli connection up lan')]


def prepare(m):
    m.run('''systemctl stop NetworkManager; mkdir -p /etc/systemd/network
        printf '[keyfile]\\nunmanaged-devices=*,except:interface-name:m0\\n' > /etc/NetworkManager/conf.d/lab.conf
        printf '[Match]\\nName=n0\\n[Network]\\nAddress=192.0.1.1/24\\nLinkLocalAddressing=no\\nDNS=192.0.1.254\\nIPv6AcceptRA=no\\n' > /etc/systemd/network/20-lan.network
        printf '[Match]\\nName=s0 s1\\n[Network]\\nAddress=192.0.9.1/24\\n' > /etc/systemd/network/30-shared.network
        printf '[Match]\\nName=eth0 u* m* n1\\n[Link]\\nUnmanaged=yes\\n' > /etc/systemd/network/10-not.network
        printf 'auto u0\\niface u0 inet static\\n address 192.0.2.1/24\\n' >> /etc/network/interfaces
        for i in n u m s; do ip link add ${i}0 type veth peer name ${i}1; ip link set ${i}1 up; done
        systemctl restart systemd-networkd; systemctl start NetworkManager; ifup u0
        nmcli connection add type ethernet ifname m0 con-name lan ipv4.method manual ipv4.addresses 192.0.3.1/24 ipv6.method manual ipv6.addresses 2001:db8:3::1/64
        nmcli connection up lan''', check=True)
    check('all three manage', until(lambda: all(f'192.0.{i}.1/24' in addresses(m, n) for n, _, _, i, _ in KINDS) and 'NETWORK_FILE' in m.run('cat /run/systemd/netif/links/*').stdout), m.run('ip addr; networkctl; nmcli device').stdout)


def addresses(m, name):
    return [f"{i['local']}/{i['prefixlen']}" for l in json.loads(m.run(f'ip -j addr show dev {name}').stdout or '[]') for i in l.get('addr_info', [])]


def routes(m, name):
    return {(r['dst'], r.get('gateway'), r.get('metric')) for f in '46' for r in json.loads(m.run(f'ip -{f} -j route show dev {name}').stdout or '[]')}


def mtu(m, name):
    return json.loads(m.run(f'ip -j link show dev {name}').stdout or '[{}]')[0].get('mtu')


def is_up(m, name):
    return 'UP' in json.loads(m.run(f'ip -j link show dev {name}').stdout)[0]['flags']


def boot(m, name):
    """The interface as a boot would have it: gone, and there again."""
    peer = name[0] + '1'
    if name == 'u0':
        m.run(f'ifdown --force u0; ip link delete u0; ip link add u0 type veth peer name u1; ip link set u1 up; ifup u0')
    else:
        m.run('systemctl stop systemd-networkd') if name == 'n0' else None
        m.run(f'ip link delete {name}; ip link add {name} type veth peer name {peer}; ip link set {peer} up')
        m.run('systemctl start systemd-networkd') if name == 'n0' else None


def index(a, name):
    return {'InterfaceIndex': a.rows('NetAdapter', Filter=f"Name='{name}'")[0]['InterfaceIndex']}


def each(m, a, name, manager, path, i, anew):
    new, route = (lambda **kw: a.do('NetIPAddress', None, 'Create', **kw)), (lambda **kw: a.do('NetRoute', None, 'Create', **kw))
    link, file = index(a, name), lambda: m.run(f'cat {path}').stdout if path else m.run('nmcli -e no -t -f ipv4.addresses,ipv4.routes,ipv4.dns,ipv6.addresses,ipv6.routes,ipv6.dns connection show lan').stdout
    v4, v6, hop, to = f'192.0.{i}.77', f'2001:db8:{i}::77', f'192.0.{i}.9', f'198.18.{i}.0'
    before = file()
    r = a.do('NetIPAddress', None, 'Create', True, IPAddress=v4, PrefixLength=24, InterfaceAlias=name)
    check(f'{manager}: what-if tells both', {c['Property'] for c in r['result']['Changed']} == {'IPAddress', 'Persisted'} and file() == before and f'{v4}/24' not in addresses(m, name), r)
    r = new(IPAddress=v4, PrefixLength=24, InterfaceAlias=name)
    check(f'{manager}: an address', good(r) and not r['result']['Warning'] and f'{v4}/24' in addresses(m, name) and v4 in file(), (r, file()))
    check(f'{manager}: of IPv6', good(new(IPAddress=v6, PrefixLength=64, InterfaceAlias=name)) and v6 in file())
    check(f'{manager}: ActiveStore is not kept', good(new(IPAddress=f'192.0.{i}.78', PrefixLength=24, InterfaceAlias=name, PolicyStore='ActiveStore')) and f'192.0.{i}.78' not in file())
    check(f'{manager}: PersistentStore is for later', good(new(IPAddress=f'192.0.{i}.79', PrefixLength=24, InterfaceAlias=name, PolicyStore='PersistentStore')) and f'192.0.{i}.79/24' not in addresses(m, name) and f'192.0.{i}.79' in file())
    r = route(DestinationPrefix=to + '/24', NextHop=hop, RouteMetric=77)
    check(f'{manager}: a route, by its gateway\'s interface', good(r) and not r['result']['Warning'] and (to + '/24', hop, 77) in routes(m, name) and to in file(), (r, file()))
    check(f'{manager}: of IPv6', good(route(DestinationPrefix=f'2001:db8:9{i}::/48', NextHop=f'2001:db8:{i}::9', InterfaceAlias=name)))
    check(f'{manager}: the MTU', good(a.do('NetAdapter', link, 'Set', MtuSize=1400)) and mtu(m, name) == 1400)
    if True:
        r = a.do('DnsClient', link, 'SetServers', ServerAddresses=[f'192.0.{i}.53', f'2001:db8:{i}::53'], SearchDomains=['a.example', '~b.example'])
        check(f'{manager}: servers for names', good(r) and not r['result']['Warning'] and until(lambda: f'192.0.{i}.53' in m.run(f'resolvectl dns {name}').stdout), (r, m.run(f'resolvectl dns {name}').stdout))
    if path:
        stored = {(r['IPAddress'], r['PrefixLength'], r['InterfaceAlias']) for r in a.rows('NetIPAddress', Filter="PolicyStore='PersistentStore'")}
        check(f'{manager}: the PersistentStore', {(v4, 24, name), (v6, 64, name), (f'192.0.{i}.79', 24, name)} <= stored, stored)
        kept = {r['IPAddress']: r['Persisted'] for r in a.rows('NetIPAddress', PropertyList=['IPAddress', 'Persisted'])}
        check(f'{manager}: Persisted', (kept[v4], kept[v6], kept[f'192.0.{i}.1']) == (True, True, False), kept)
        kept = {(r['DestinationPrefix'], r['NextHop']): r['Persisted'] for r in a.rows('NetRoute', PropertyList=['DestinationPrefix', 'NextHop', 'Persisted'])}
        check(f'{manager}: Persisted of routes', kept[to + '/24', hop] is True and kept[f'2001:db8:9{i}::/48', f'2001:db8:{i}::9'] is True, kept)
        row = [r for r in a.rows('NetPersistentFile') if r['Path'] == path][0]
        check(f'{manager}: the file as an object', row['InterfaceAlias'] == name and row['Manager'] == manager and row['Content'] == file() and f'address {v4}/24' in row['Settings'] and 'mtu 1400' in row['Settings'], row)
    boot(m, name)
    there = lambda: {f'192.0.{i}.1/24', f'{v4}/24', f'{v6}/64', f'192.0.{i}.79/24'} <= set(addresses(m, name)) and (to + '/24', hop, 77) in routes(m, name) and any(r[0] == f'2001:db8:9{i}::/48' for r in routes(m, name))
    check(f'{manager}: all of it is there after a boot', until(there) and f'192.0.{i}.78/24' not in addresses(m, name), (addresses(m, name), routes(m, name), file()))
    check(f'{manager}: the MTU as well', mtu(m, name) == 1400)
    if True:
        dns = lambda: m.run(f'resolvectl dns {name}; resolvectl domain {name}').stdout
        check(f'{manager}: and the servers', until(lambda: all(w in dns() for w in (f'192.0.{i}.53', 'a.example', '~b.example'))) and f'192.0.{i}.254' not in dns(), dns())


def away(m, a, name, manager, path, i, anew):
    v4, link = f'192.0.{i}.77', index(a, name)
    key = {'InterfaceIndex': link['InterfaceIndex'], 'IPAddress': v4}
    file = lambda: m.run(f'cat {path}').stdout if path else m.run('nmcli -e no -t -f ipv4.addresses,ipv4.routes,ipv4.dns,ipv6.addresses,ipv6.routes,ipv6.dns connection show lan').stdout
    check(f'{manager}: away, here and there', good(a.do('NetIPAddress', key, 'Delete')) and f'{v4}/24' not in addresses(m, name) and v4 not in file(), file())
    check(f'{manager}: again', status(a.do('NetIPAddress', key, 'Delete')) == 'NOT_FOUND')
    check(f'{manager}: only there', good(a.do('NetIPAddress', dict(key, IPAddress=f'192.0.{i}.79'), 'Delete', PolicyStore='PersistentStore')) and f'192.0.{i}.79' not in file() and f'192.0.{i}.79/24' in addresses(m, name), file())
    r = a.do('NetRoute', {'DestinationPrefix': f'198.18.{i}.0/24'}, 'Delete')
    check(f'{manager}: a route', good(r) and f'198.18.{i}.0' not in file() and not any(t[0] == f'198.18.{i}.0/24' for t in routes(m, name)), (r, file()))
    if path:
        r = a.do('NetIPAddress', dict(key, IPAddress=f'192.0.{i}.1'), 'Delete')
        check(f'{manager}: what is not reeve\'s comes back, and that is said', good(r) and 'brings it back' in r['result']['Warning'], r)
    if True:
        check(f'{manager}: Reset', good(a.do('DnsClient', link, 'Reset')) and f'192.0.{i}.53' not in file(), file())
    check(f'{manager}: down', good(a.do('NetAdapter', link, 'Disable')) and good(a.do('NetAdapter', link, 'Enable')))
    if manager == 'ifupdown':
        r = a.do('NetAdapter', link, 'Disable', PolicyStore='PersistentStore')
        check('ifupdown: down for the next boots', good(r) and '"$IFACE" down' in file() and is_up(m, name), (r, file()))
        boot(m, name)
        check('ifupdown: it is down after one', until(lambda: not is_up(m, name)), file())
        check('ifupdown: up again', good(a.do('NetAdapter', index(a, name), 'Enable')) and is_up(m, name) and 'down' not in file(), file())
    for r in a.rows('NetPersistentFile'):
        if r['Path'] == path:
            check(f'{manager}: the file goes', good(a.do('NetPersistentFile', {'Path': path}, 'Delete')) and not a.rows('NetPersistentFile', Filter=f"Path='{path}'"))


def by_dhcp(m, a):
    """EnableDHCP, RenewDHCPLease, EnableStatic, with networkd on both sides of a wire, one of them a server."""
    m.run('''printf '[Match]\\nName=h1\\n[Network]\\nAddress=10.44.0.1/24\\nDHCPServer=yes\\n' > /etc/systemd/network/05-server.network
        printf '[Match]\\nName=h0\\n[Network]\\nAddress=10.45.0.1/24\\nLinkLocalAddressing=no\\nIPv6AcceptRA=no\\n' > /etc/systemd/network/06-client.network
        networkctl reload; ip link add h0 type veth peer name h1; ip link set h1 up; ip link set h0 up''', check=True)
    check('both are configured', until(lambda: '10.44.0.1/24' in addresses(m, 'h1') and '10.45.0.1/24' in addresses(m, 'h0') and 'configured' in m.run('networkctl --no-legend list h0').stdout), m.run('networkctl').stdout)
    key, file = index(a, 'h0'), lambda: m.run('cat /etc/systemd/network/06-client.network.d/90-reeve.conf').stdout
    leased = lambda: [x for x in addresses(m, 'h0') if x.startswith('10.44.0.')]
    do = lambda method, within=None, **kw: a.peer.call('InvokeMethod', {'ClassName': 'NetIPConfiguration', 'InstanceName': key, 'MethodName': method, 'InParameters': kw, **({'ConfirmWithin': within} if within else {})})
    r = do('EnableDHCP', 600)
    check('EnableDHCP', good(r) and 'DHCP=ipv4' in file() and until(leased), (r, file(), m.run('networkctl status h0').stdout))
    check('for a try', good(a.do('Transaction', {'Id': r['result']['Transaction']}, 'Revert')) and until(lambda: not leased() and not file() and '10.45.0.1/24' in addresses(m, 'h0')), (addresses(m, 'h0'), file(), a.rows('Transaction')))
    r = do('EnableDHCP')
    row = lambda: a.rows('NetIPConfiguration', Filter="InterfaceAlias='h0'")[0]
    check('and for good', good(r) and until(lambda: leased() and row()['DHCPServer'] == '10.44.0.1') and row()['DHCPEnabled'] is True, (r, row()))
    check('RenewDHCPLease', good(do('RenewDHCPLease')) and leased())
    r = do('EnableStatic', IPAddress=['10.45.0.7'], SubnetMask=['255.255.255.0'])
    check('EnableStatic ends it', good(r) and 'DHCP=no' in file() and until(lambda: '10.45.0.7/24' in addresses(m, 'h0') and not leased()), (r, addresses(m, 'h0'), file()))
    ip = {**key, 'AddressFamily': 'IPv4'}
    told = lambda: a.one('NetIPInterface', ip, 'Dhcp')['Dhcp']
    r = a.do('NetIPInterface', ip, 'Set', Dhcp='Enabled')
    check('Set-NetIPInterface -Dhcp Enabled', told() in ('Enabled', 'Disabled') and good(r) and 'DHCP=ipv4' in file() and until(lambda: leased() and told() == 'Enabled'), (r, told()))
    check('and Disabled', good(a.do('NetIPInterface', ip, 'Set', Dhcp='Disabled')) and until(lambda: not leased() and told() == 'Disabled'), (file(), told()))
    r = a.do('NetIPInterface', {**key, 'AddressFamily': 'IPv6'}, 'Set', Dhcp='Enabled')
    check('not of IPv6', status(r) == 'INVALID_PARAMETER' and r['error']['data']['Property'] == 'Dhcp', r)
    r = a.do('NetIPConfiguration', index(a, 'u0'), 'EnableDHCP')
    check('ifupdown is not told', status(r) == 'NOT_SUPPORTED' and 'ifupdown' in r['error']['message'], r)


def refused(m, a):
    r = a.do('NetIPAddress', None, 'Create', IPAddress='192.0.8.1', PrefixLength=24, InterfaceAlias='m1')
    check('nobody manages it: done, and said', good(r) and 'does not persist' in r['result']['Warning'] and 'm1' in r['result']['Warning'], r)
    r = a.do('NetIPAddress', None, 'Create', IPAddress='192.0.8.2', PrefixLength=24, InterfaceAlias='m1', PolicyStore='PersistentStore')
    check('and refused where it was asked for', status(r) == 'NOT_SUPPORTED' and '192.0.8.2/24' not in addresses(m, 'm1'), r)
    check('both of a file', until(lambda: m.run('grep -l 30-shared /run/systemd/netif/links/*').stdout.count('\n') == 2))
    r = a.do('NetIPAddress', None, 'Create', IPAddress='192.0.9.77', PrefixLength=24, InterfaceAlias='s0')
    check('a file of two interfaces is not touched', good(r) and 'for both' in r['result']['Warning'] and not m.run('ls -d /etc/systemd/network/30-shared.network.d').stdout, r)
    m.run("ip link add 'u;$(id)' type bridge; echo 'u;$(id)=u' >> /run/network/ifstate")
    r = a.do('NetIPAddress', None, 'Create', IPAddress='192.0.8.3', PrefixLength=24, InterfaceAlias='u;$(id)')
    check('a name that ifupdown and its shell would read otherwise', good(r) and 'otherwise' in r['result']['Warning'] and '192.0.8.3/24' in m.run('ip addr').stdout and not m.run('ls /etc/network/reeve.d | grep ";"').stdout, r)
    r = a.do('DnsClient', index(a, 'u0'), 'SetServers', ServerAddresses=['192.0.2.53'], SearchDomains=["a.example'; id; '"])
    check('a domain that a shell would read otherwise', status(r) == 'INVALID_PARAMETER' and 'is no domain' in r['error']['message'], r)
    r = a.do('NetPersistentFile', None, 'Create', Path='/etc/systemd/network/../passwd.network.d/90-reeve.conf', Content='#: interface x\n')
    check('files elsewhere', status(r) == 'INVALID_PARAMETER', r)
    r = a.do('NetPersistentFile', None, 'Create', Path='/etc/network/reeve.d/x', Content='iface x inet manual\n')
    check('contents of others', status(r) == 'INVALID_PARAMETER', r)


def confirmed(m, a):
    """Put back: the interfaces and the files, exactly."""
    do = lambda name, key, method, **kw: a.peer.call('InvokeMethod', {'ClassName': name, **({'InstanceName': key} if key else {}), 'MethodName': method, 'InParameters': kw, 'ConfirmWithin': 1})
    settled = lambda: until(lambda: all(t['State'] == 'Reverted' for t in a.rows('Transaction'))) or a.rows('Transaction')
    for name, manager, path, i, _ in KINDS[:2]:
        a.do('NetIPAddress', None, 'Create', IPAddress=f'192.0.{i}.80', PrefixLength=24, InterfaceAlias=name)
        before = m.run(f'cat {path}').stdout
        r = do('NetIPAddress', None, 'Create', IPAddress=f'192.0.{i}.81', PrefixLength=24, InterfaceAlias=name)
        check(f'{manager}: made, with ConfirmWithin', good(r) and f'192.0.{i}.81' in m.run(f'cat {path}').stdout and '192.0.%d.81/24' % i in addresses(m, name), r)
        check(f'{manager}: put back, the file as well', until(lambda: m.run(f'cat {path}').stdout == before and f'192.0.{i}.81/24' not in addresses(m, name)) and settled() is True, (before, m.run(f'cat {path}').stdout, a.rows('Transaction')))
        r = do('NetIPAddress', {'IPAddress': f'192.0.{i}.80'}, 'Delete')
        check(f'{manager}: the last setting goes with the file', good(r) and m.run(f'cat {path}').returncode != 0, (r, m.run(f'cat {path}').stdout))
        check(f'{manager}: and comes back with it', until(lambda: m.run(f'cat {path}').stdout == before and f'192.0.{i}.80/24' in addresses(m, name)) and settled() is True, (m.run(f'cat {path}').stdout, a.rows('Transaction')))
        link = index(a, name)
        r = do('NetAdapter', link, 'Set', MtuSize=1300)
        check(f'{manager}: an MTU', good(r) and 'mtu 1300' in m.run(f'cat {path}').stdout and until(lambda: mtu(m, name) != 1300 and m.run(f'cat {path}').stdout == before) and settled() is True, (m.run(f'cat {path}').stdout, a.rows('Transaction')))
    profile = lambda: m.run('nmcli -e no -t -f connection.autoconnect,802-3-ethernet,ipv4,ipv6 connection show lan').stdout
    row = [r for r in a.rows('NetManagerProfile') if r['Name'] == 'lan'][0]
    check('NetworkManager\'s profile as an object', row['InterfaceAlias'] == 'm0' and all(l in profile().splitlines() for l in row['Content'].splitlines()) and len(row['Content'].splitlines()) == 15, (row, profile()))
    before, m0 = profile(), index(a, 'm0')
    for what, words, name, key, method, kw in (('an address', '192.0.3.81', 'NetIPAddress', None, 'Create', {'IPAddress': '192.0.3.81', 'PrefixLength': 24, 'InterfaceAlias': 'm0'}),
                                               ('a route', '198.18.7.0', 'NetRoute', None, 'Create', {'DestinationPrefix': '198.18.7.0/24', 'NextHop': '192.0.3.9', 'RouteMetric': 7}),
                                               ('an MTU', ':1300', 'NetAdapter', m0, 'Set', {'MtuSize': 1300}), ('a hardware address', '02:00:00:00:00:44', 'NetAdapter', m0, 'Set', {'MacAddress': '02:00:00:00:00:44'}),
                                               ('being down', 'autoconnect:no', 'NetAdapter', m0, 'Disable', {}), ('servers for names', '192.0.3.99', 'DnsClient', m0, 'SetServers', {'ServerAddresses': ['192.0.3.99'], 'SearchDomains': ['c.example']})):
        r = do(name, key, method, **kw)
        made = good(r) and not r['result']['Warning'] and (words in profile() or r['result'].get('Transaction') in [t['Id'] for t in a.rows('Transaction', Filter="State <> 'Pending'")])
        check(f'NetworkManager: {what} for a try', made, (r, profile()))
        check(f'NetworkManager: {what} put back, the profile as well', until(lambda: profile() == before) and settled() is True, (before, profile(), a.rows('Transaction')))
    r = a.do('NetManagerProfile', {'Uuid': row['Uuid']}, 'Write', Content='connection.permissions:user\n')
    check('only what is told can be written', status(r) == 'INVALID_PARAMETER' and profile() == before, r)
    r = do('DnsClient', index(a, 'n0'), 'SetServers', ServerAddresses=['192.0.1.99'])
    dns = lambda: m.run('resolvectl dns n0').stdout
    check('servers for names', good(r) and until(lambda: '192.0.1.99' not in dns() and '192.0.1.99' not in m.run('cat /etc/systemd/network/20-lan.network.d/*').stdout) and settled() is True, (r, dns(), a.rows('Transaction')))


def main():
    with lablib.Lab() as lab:
        m = lab.machine('persist', 'network')
        a = Asked(m.agent('--state', '/lab/state'))
        prepare(m)
        for kind in KINDS:
            each(m, a, *kind)
        refused(m, a)
        for kind in KINDS:
            away(m, a, *kind)
        confirmed(m, a)
        by_dhcp(m, a)
    check.end()


main()
