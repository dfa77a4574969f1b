# SPDX-License-Identifier: MIT
"""Interfaces of software: made, wired up, taken away. For the machine that shares this kernel and for the one with its own."""
import json, re

from hostlib import status


def made(check, run, a, ethtool, only=None, refusals=True):
    """Interfaces that are made, wired up and taken away, beside `ip -d` and `ethtool -i`."""
    link = lambda name: (json.loads(run(f'ip -j -d link show "{name}"').stdout or '[]') or [{}])[0]
    new = lambda name, kind, what_if=False, **kw: a.do('NetAdapter', None, 'Create', what_if, Name=name, Kind=kind, **kw)
    key = lambda name: {'InterfaceIndex': link(name)['ifindex']}
    has = {k for k in ('dummy', 'vlan', 'bond') if run('ip link add k-tb type bridge; ip link add link k-tb name k-try type vlan id 9; r=$?; ip link delete k-tb; exit $r' if k == 'vlan' else f'ip link add k-try type {k}').returncode == 0 and run('ip link delete k-try')}
    check('what-if makes nothing', 'result' in new('k-br', 'bridge', True) and not link('k-br'))
    r = new('k-br', 'bridge', MtuSize=1400, MacAddress='02:00:5e:10:00:01', InterfaceDescription='a bridge', AdminStatus=True)
    l = link('k-br')
    check('a bridge', 'result' in r and 'next boot' in r['result']['Warning'] and (l['linkinfo']['info_kind'], l['mtu'], l['address'], l['ifalias']) == ('bridge', 1400, '02:00:5e:10:00:01', 'a bridge') and 'UP' in l['flags'], (r, l))
    port, more = ('dummy', {}) if 'dummy' in has else ('veth', {'PeerName': 'k-e'})
    r = new('k-d', port, InterfaceIndex=7654, MasterIndex=l['ifindex'], **more)
    check('one of a chosen number, a port from the start', 'result' in r and (link('k-d')['ifindex'], link('k-d')['master']) == (7654, 'k-br'), (r, link('k-d')))
    r = new('k;v`$(x)"', 'veth', PeerName="k'&|w", AdminStatus=True)
    check('a veth, with names as one hopes not to meet', 'result' in r and {'k;v`$(x)"', "k'&|w"} <= {r['Name'] for r in a.rows('NetAdapter')}, (r, a.rows('NetAdapter', PropertyList=['Name'])))
    r = new('k-macvlan', 'macvlan', Link='k-br')
    check('a macvlan', 'result' in r and link('k-macvlan')['linkinfo']['info_kind'] == 'macvlan', r)
    if 'vlan' in has:
        r = new('k.7', 'vlan', Link='k-br', VlanID=7)
        check('a vlan', 'result' in r and (link('k.7')['link'], link('k.7')['linkinfo']['info_data']['id']) == ('k-br', 7) and a.rows('NetAdapter', Filter="Name='k.7'")[0]['VlanID'] == 7, (r, link('k.7')))
    if 'bond' in has:
        r = new('k-bond', 'bond', BondMode='active-backup')
        rows = a.rows('NetAdapter', Filter="Name='k-bond'")
        check('a bond and its mode', 'result' in r and link('k-bond')['linkinfo']['info_data']['mode'] == rows[0]['BondMode'] == 'active-backup', (r, rows, link('k-bond')))
        new('k-port', 'dummy', AdminStatus=True)
        r = a.do('NetAdapter', key('k-port'), 'Set', MasterIndex=link('k-bond')['ifindex'])
        check('a port of it, which was up', 'result' in r and link('k-port').get('master') == 'k-bond', (r, link('k-port')))
    for kind in {'dummy', 'vlan', 'bond'} - has:
        r = new('k9', kind, **({'Link': 'k-br', 'VlanID': 9} if kind == 'vlan' else {}))
        check(f'a {kind}, which this kernel has not: said so', status(r) == 'NOT_SUPPORTED' and 'kernel' in r['error']['data']['Hint'], r)
    r = a.do('NetAdapter', key('k-d'), 'Set', MasterIndex=0)
    check('no port any more', 'result' in r and 'master' not in link('k-d') and {'Property': 'MasterIndex', 'From': str(l['ifindex']), 'To': None} in r['result']['Changed'], r)
    check('and again one, and not', 'result' in a.do('NetAdapter', key('k-d'), 'Set', MasterIndex=l['ifindex']) and link('k-d')['master'] == 'k-br' and 'result' in a.do('NetAdapter', key('k-d'), 'Leave') and 'master' not in link('k-d'))
    for name, kind, more, want, about in not refusals and () or (('k-br', 'dummy', {}, 'ALREADY_EXISTS', ''), ('a/b', 'dummy', {}, 'INVALID_PARAMETER', 'Name'), ('k%d', 'dummy', {}, 'INVALID_PARAMETER', 'Name'), ('x' * 16, 'dummy', {}, 'INVALID_PARAMETER', 'Name'),
                                          ('k9', 'tunnel', {}, 'INVALID_PARAMETER', 'Kind'), ('k9', 'vlan', {'Link': 'k-br'}, 'INVALID_PARAMETER', 'VlanID'), ('k9', 'vlan', {'VlanID': 7}, 'INVALID_PARAMETER', 'LinkIndex'),
                                          ('k9', 'vlan', {'Link': 'nosuch', 'VlanID': 7}, 'NOT_FOUND', 'Link'), ('k9', 'vlan', {'Link': 'k-br', 'VlanID': 5000}, 'INVALID_PARAMETER', 'VlanID'), ('k9', 'veth', {}, 'INVALID_PARAMETER', 'PeerName'), ('k9', 'bridge', {'InterfaceIndex': 1}, 'ALREADY_EXISTS', None),
                                          ('k9', 'dummy', {'VlanID': 7}, 'INVALID_PARAMETER', 'VlanID'), ('k9', 'dummy', {'MacAddress': 'zz'}, 'INVALID_PARAMETER', 'MacAddress')):
        r = new(name, kind, **more)
        check(f'refused: {kind} {name} {more}', status(r) == want and not link('k9') and about in (None, '', r['error']['data'].get('Property')), r)
    check('no such master', status(a.do('NetAdapter', key('k-d'), 'Set', MasterIndex=99999)) == 'NOT_FOUND')
    mine = {r['Name']: r for r in a.rows('NetAdapter', PropertyList=['Name', 'DriverName', 'DriverVersion', 'FirmwareVersion', 'BusInfo', 'Speed', 'FullDuplex', 'PermanentAddress', 'CarrierChanges'])}
    wrong = []
    for name in [n for n in mine if not set(n) & set(';$"`\'&|') and (not only or n in only)]:
        said = dict(x.partition(':')[::2] for x in ethtool(f'-i {name}').splitlines())
        more = ethtool(name)
        speed = [int(x.split()[1][:-4]) * 1000000 for x in more.splitlines() if 'Speed:' in x and 'Unknown' not in x] or [None]
        duplex = [x.split()[1] == 'Full' for x in more.splitlines() if 'Duplex:' in x and 'Unknown' not in x] or [None]
        permanent = (re.findall('([0-9a-f]{2}(?::[0-9a-f]{2})+)', ethtool(f'-P {name}')) or [None])[0]
        text = lambda k: said.get(k, '').strip() or None
        carrier = (link(name).get('carrier_changes') if 'carrier_changes' in link(name) else mine[name]['CarrierChanges'])
        want = (text('driver'), text('version'), text('firmware-version') if text('firmware-version') != 'N/A' else None, text('bus-info') if text('bus-info') != 'N/A' else None, speed[0], duplex[0], permanent, carrier)
        got = tuple(mine[name][k] for k in ('DriverName', 'DriverVersion', 'FirmwareVersion', 'BusInfo', 'Speed', 'FullDuplex', 'PermanentAddress', 'CarrierChanges'))
        wrong += [(name, got, want)] if got != want else []
    if not ethtool:
        print('SKIP drivers as ethtool has them: ethtool is not installed')
    else:
        check('drivers, speed, duplex and addresses as ethtool has them', not wrong and mine['k-br']['DriverName'] == 'bridge', wrong)
    check('taken away', 'result' in a.do('NetAdapter', key('k-d'), 'Delete') and not link('k-d'))
    check('once', status(a.do('NetAdapter', {'InterfaceIndex': 7654}, 'Delete')) == 'NOT_FOUND')
    r = a.do('NetAdapter', key('lo'), 'Delete')
    check('not what software did not make', status(r) in ('NOT_SUPPORTED', 'INVALID_PARAMETER') and link('lo'), r)
    check('what is stacked on it goes, too', 'result' in a.do('NetAdapter', key('k-br'), 'Delete') and not link('k-br') and not link('k-macvlan'))
