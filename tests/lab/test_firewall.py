#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The firewall's classes on a booted machine: every property beside `nft -j list ruleset`, each change by what nft says then, its
refusals, the next boot, and a confirmed change that puts itself back."""
import json, os, re, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
OTHERS = r'''
table inet filter {
    set bad { type ipv4_addr; elements = { 192.0.2.66 } }
    chain input {
        type filter hook input priority 10; policy accept;
        ct state established,related accept
        iifname "lo" accept
        tcp dport 22 counter accept comment "ssh: of the admin"
        ip saddr 10.0.0.0/8 tcp sport 1024-65535 tcp dport { 80, 443, 8000-8100 } counter packets 5 bytes 300 accept
        ip6 saddr { 2001:db8::1, 2001:db8:1::/48 } udp dport 53 drop
        ip saddr @bad reject
        ip saddr != 192.0.2.0/24 drop
        meta l4proto 47 accept
        icmp type echo-request limit rate 5/second accept
        jump deeper
        udp dport vmap { 53 : accept, 123 : jump twice }
    }
    chain deeper { ip daddr 198.51.100.1-198.51.100.9 return; goto twice; }
    chain twice { tcp flags syn counter; }
    chain both { counter; }
    chain nowhere { drop; }
    chain forward { type filter hook forward priority 0; iifname "eth0" oifname "eth1" accept; jump both; }
    chain output { type filter hook output priority 0; oifname { "eth0", "eth1" } ip daddr 10.0.0.1 tcp dport 25 reject with tcp reset; jump both; }
}
table ip nat {
    chain post { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 masquerade; }
    chain pre { type nat hook prerouting priority -100; tcp dport 8080 redirect to :80; }
}
'''
# What each of OTHERS' rules is in our words, by chain and place; Any where it does not matter, and not named where null.
WORDS = {
    ('input', 1): dict(Action='Allow', Protocol='Any', Complete=False, Direction='Inbound'),
    ('input', 2): dict(Action='Allow', InterfaceAlias=['lo'], Complete=True),
    ('input', 3): dict(Action='Allow', Protocol='TCP', LocalPort=['22'], Packets=0, DisplayName='ssh: of the admin', Comment='ssh: of the admin', Complete=True),
    ('input', 4): dict(Action='Allow', Protocol='TCP', LocalPort=['80', '443', '8000-8100'], RemotePort=['1024-65535'], RemoteAddress=['10.0.0.0/8'], Packets=5, Bytes=300, Complete=True),
    ('input', 5): dict(Action='Block', Protocol='UDP', LocalPort=['53'], RemoteAddress=['2001:db8::1', '2001:db8:1::/48'], Packets=None, Complete=True),
    ('input', 6): dict(Action='Reject', RemoteAddress=['@bad'], LocalAddress=['Any']),
    ('input', 7): dict(Action='Block', RemoteAddress=['!192.0.2.0/24'], Complete=False),
    ('input', 8): dict(Action='Allow', Protocol='47', Complete=True),
    ('input', 9): dict(Action='Allow', Protocol='ICMPv4', IcmpType=['echo-request'], Complete=False),
    ('input', 10): dict(Action='Jump', JumpTarget='deeper', Complete=False),
    ('input', 11): dict(Action='None', Complete=False),
    ('deeper', 1): dict(Action='Return', LocalAddress=['198.51.100.1-198.51.100.9'], Direction='Inbound'),
    ('deeper', 2): dict(Action='Goto', JumpTarget='twice', Direction='Inbound'),
    ('twice', 1): dict(Action='None', Direction='Inbound', Complete=False),
    ('both', 1): dict(Action='None', Direction=None),
    ('nowhere', 1): dict(Action='Block', Direction=None),
    ('forward', 1): dict(Action='Allow', Direction='Forward', InterfaceAlias=['eth0'], Complete=False),
    ('output', 1): dict(Action='Reject', Direction='Outbound', Protocol='TCP', RemotePort=['25'], LocalPort=['Any'], RemoteAddress=['10.0.0.1'], InterfaceAlias=['eth0', 'eth1']),
    ('forward', 2): dict(Action='Jump', JumpTarget='both', Direction='Forward'),
    ('output', 2): dict(Action='Jump', JumpTarget='both', Direction='Outbound'),
    ('post', 1): dict(Action='Translate', Direction='Outbound', LocalAddress=['10.0.0.0/8'], Complete=False),
    ('pre', 1): dict(Action='Translate', Direction='Inbound', LocalPort=['8080']),
}


def nft(m, what='ruleset'):
    return [o for o in json.loads(m.run(f'nft -j list {what}').stdout)['nftables'] if 'metainfo' not in o]


def of(m, kind):
    return [o[kind] for o in nft(m) if kind in o]


def listed(m, a):
    """All of nft's own words, for every rule there is."""
    tables = {(t['family'], t['name']): t for t in of(m, 'table')}
    for _ in range(20):   # packets may come in between: until both lists count the same
        rules, places = of(m, 'rule'), {}
        mine = {(r['Family'], r['Table'], r['Handle']): r for r in a.rows('NetFirewallRule')}
        if rules == of(m, 'rule'):
            break
    check('as many rules', len(mine) == len(rules), (len(mine), len(rules)))
    for r in rules:
        at = places[r['family'], r['table'], r['chain']] = places.get((r['family'], r['table'], r['chain']), 0) + 1
        counter = [e['counter'] for e in r['expr'] if isinstance(e.get('counter'), dict)]
        got = mine.get((r['family'], r['table'], r['handle']))
        want = {'Chain': r['chain'], 'Position': at, 'Comment': r.get('comment'), 'Packets': counter[0]['packets'] if counter else None, 'Bytes': counter[0]['bytes'] if counter else None}
        check(f"rule {r['table']} {r['handle']}", not differ(got, want), differ(got, want))
        check(f"expression of {r['table']} {r['handle']}", got and json.loads(got['Expression']) == r['expr'], got and got['Expression'])
        if not got['Owner']:
            name = f"{r['family']}:{r['table']}.{tables[r['family'], r['table']]['handle']}:{r['handle']}"
            check(f'name {name}', got['Name'] == name and got['PolicyStore'] is None and got['Enabled'] is True, got)
            words = WORDS[r['chain'], at]
            check(f"words of {r['chain']} {at}", not differ(got, words), differ(got, words))
    check('the same chains', {(c['family'], c['table'], c['name'], c['handle'], c.get('type'), c.get('hook'), c.get('prio'), c.get('policy')) for c in of(m, 'chain')} ==
          {tuple(c[k] for k in ('Family', 'Table', 'Name', 'Handle', 'Type', 'Hook', 'Priority', 'Policy')) for c in a.rows('NetFirewallChain')}, a.rows('NetFirewallChain'))
    check('rules of chains', {(c['Family'], c['Table'], c['Name']): c['Rules'] for c in a.rows('NetFirewallChain') if c['Rules']} == places, places)
    check('the same tables', {(t['Family'], t['Name'], t['Handle']) for t in a.rows('NetFirewallTable')} == {(f, n, t['handle']) for (f, n), t in tables.items()})
    check('definitions', all(t['Definition'] == m.run(f"nft -s list table {t['Family']} {t['Name']}").stdout for t in a.rows('NetFirewallTable')))


def made(m, a):
    new = lambda what_if=False, **kw: a.do('NetFirewallRule', None, 'Create', what_if, **kw)
    text = lambda chain='input': m.run(f'nft list chain inet reeve {chain}').stdout
    reply = new(True, Name='web', Protocol='TCP', LocalPort=['80'])
    check('what-if makes nothing', good(reply) and reply['result']['Changed'] == [{'Property': 'Name', 'From': None, 'To': 'web'}] and 'reeve' not in m.run('nft list tables').stdout, reply)
    reply = new(True, Name='web', InterfaceAlias=['eth0'], Protocol='ICMPv4', IcmpType=['no-such-type'])
    check('what-if asks nft', status(reply) == 'INVALID_PARAMETER', reply)
    reply = new(Name='web', DisplayName='Web server', Protocol='TCP', LocalPort=['80', '8000-8100'], RemoteAddress=['10.0.0.0/8', '192.0.2.1-192.0.2.9'], InterfaceAlias=['eth0'])
    check('New, and that it is not kept', good(reply) and 'nftables.service is not enabled' in reply['result']['Warning'], reply)
    check('nft says the same', 'iifname "eth0" ip saddr { 10.0.0.0/8, 192.0.2.1-192.0.2.9 } tcp dport { 80, 8000-8100 } counter packets 0 bytes 0 accept comment "web: Web server"' in text(), text())
    check('one of the name', status(new(Name='web')) == 'ALREADY_EXISTS')
    check('blocking', good(new(Name='blk', Action='Block', RemoteAddress=['2001:db8::/32'])) and text().index('"blk"') < text().index('"web'), text())
    check('outbound', good(new(Name='out', Action='Reject', Direction='Outbound', Protocol='udp', RemotePort=['53'], LocalAddress=['192.0.2.1'])) and
          'ip saddr 192.0.2.1 udp dport 53 counter packets 0 bytes 0 reject with icmp port-unreachable comment "out"' in text('output'), text('output'))
    check('forward', good(new(Name='fwd', Direction='Forward', Protocol='6', LocalPort=['443'], LocalAddress=['10.1.0.0/16'])) and 'ip daddr 10.1.0.0/16 tcp dport 443' in text('forward'), text('forward'))
    check('disabled', good(new(Name='off', Enabled='False', Protocol='ICMPv6', IcmpType=['echo-request'])) and '"off"' not in text() and 'icmpv6 type echo-request' in text('disabled_input'))
    reply = new(DisplayName='no name', Protocol='47', PolicyStore='ActiveStore')
    check('a name is made up; ActiveStore', good(reply) and not reply['result']['Warning'] and reply['result']['Name'] + ': no name' in m.run('nft list table inet reeve_active').stdout, reply)
    check('PersistentStore cannot be had', status(new(Name='no', PolicyStore='PersistentStore')) == 'NOT_SUPPORTED')
    for property, wrong in (('LocalPort', dict(Protocol='TCP', LocalPort=['70000'])), ('LocalPort', dict(LocalPort=['80'])), ('RemotePort', dict(Protocol='TCP', RemotePort=['9-1'])), ('RemoteAddress', dict(RemoteAddress=['1.2.3.300'])),
                            ('LocalAddress', dict(LocalAddress=['10.0.0.0/33'])), ('RemoteAddress', dict(RemoteAddress=['10.0.0.1', '::1'])), ('Protocol', dict(Protocol='nope')), ('IcmpType', dict(Protocol='TCP', IcmpType=['8'])),
                            ('InterfaceAlias', dict(InterfaceAlias=['a"; drop'])), ('Name', dict(Name='a b')), ('DisplayName', dict(DisplayName='a"b')), ('Direction', dict(Direction='Up'))):
        reply = new(**{'Name': 'no', **wrong})
        check(f'refused: {wrong}', status(reply) == 'INVALID_PARAMETER' and reply['error']['data']['Property'] == property, reply)
    check('nothing came of that', '"no' not in m.run('nft list ruleset').stdout.replace('no name', ''))
    listed(m, a)
    web = a.one('NetFirewallRule', {'Name': 'web'})
    check('and read again', not differ(web, {'DisplayName': 'Web server', 'Enabled': True, 'Direction': 'Inbound', 'Action': 'Allow', 'Protocol': 'TCP', 'LocalPort': ['80', '8000-8100'], 'RemoteAddress': ['10.0.0.0/8', '192.0.2.1-192.0.2.9'],
                                             'InterfaceAlias': ['eth0'], 'Owner': 'reeve', 'PolicyStore': 'ActiveStore', 'Complete': True, 'RemotePort': ['Any']}), web)


def changed(m, a):
    do = lambda name, method, what_if=False, **kw: a.do('NetFirewallRule', {'Name': name}, method, what_if, **kw)
    text = lambda chain='input': m.run(f'nft list chain inet reeve {chain}').stdout
    handle, place = (lambda name: a.one('NetFirewallRule', {'Name': name})['Handle']), (lambda name: a.one('NetFirewallRule', {'Name': name})['Position'])
    a.do('NetFirewallRule', None, 'Create', Name='last')
    before = m.run('nft list ruleset').stdout
    reply = do('web', 'Set', True, LocalPort=['81'])
    check('what-if', good(reply) and reply['result']['Changed'] == [{'Property': 'LocalPort', 'From': '["80","8000-8100"]', 'To': '["81"]'}] and m.run('nft list ruleset').stdout == before, reply)
    at = place('web')
    check('Set in place', good(do('web', 'Set', LocalPort=['81'], DisplayName='new')) and (at, place('web'), place('last')) == (2, 2, 3) and 'tcp dport 81 counter' in text() and '"web: new"' in text(), text())
    h = handle('web')
    check('Set to what it is', 'Changed' not in do('web', 'Set', LocalPort=['81'], Action='allow')['result'] and handle('web') == h)
    check('Any takes a condition away', good(do('web', 'Set', RemoteAddress=['Any'], InterfaceAlias=[])) and 'ip saddr' not in text().split('"web')[0].splitlines()[-1], text())
    check('Disable', good(do('web', 'Disable')) and '"web' not in text() and '"web' in text('disabled_input'))
    check('Disable again', 'Changed' not in do('web', 'Disable')['result'])
    check('Enable', good(do('web', 'Enable')) and '"web' in text())
    check('Action and Direction', good(do('blk', 'Set', Action='Allow', Direction='Outbound')) and 'ip6 daddr 2001:db8::/32' in text('output') and '"blk"' not in text(), text('output'))
    check('Rename', good(do('blk', 'Rename', NewName='blk2')) and 'accept comment "blk2"' in text('output'))
    check('a name that is taken', status(do('blk2', 'Rename', NewName='web')) == 'ALREADY_EXISTS')
    check('no such rule', status(do('none', 'Enable')) == 'NOT_FOUND')
    check('ports need their protocol', status(do('web', 'Set', Protocol='Any')) == 'INVALID_PARAMETER')
    other = [r for r in a.rows('NetFirewallRule') if r['Chain'] == 'input' and r['Position'] == 4 and r['Table'] == 'filter'][0]
    for method in ('Enable', 'Disable', 'Set', 'Rename'):
        check(f'{method} of others', status(do(other['Name'], method, **({'NewName': 'x'} if method == 'Rename' else {}))) == 'NOT_SUPPORTED')
    check('what-if of Delete', good(do(other['Name'], 'Delete', True)) and other['Name'] in [r['Name'] for r in a.rows('NetFirewallRule')])
    table = lambda: re.sub(r'packets \d+ bytes \d+', '', m.run('nft -a list table inet filter').stdout).splitlines()   # a packet may pass meanwhile
    before = table()
    check('a rule of others goes by its handle, and only it', good(do(other['Name'], 'Delete')) and [l for l in before if not l.endswith(f"# handle {other['Handle']}")] == table(), before)
    check('it has gone', status(do(other['Name'], 'Delete')) == 'NOT_FOUND')
    check('Delete', good(do('fwd', 'Delete')) and '443' not in text('forward'))
    m.run('nft add rule inet reeve input ip saddr 1.1.1.1 ct state new drop comment \\"byhand\\"; nft add rule inet reeve input drop comment \\"web\\"')
    rows = a.rows('NetFirewallRule', Filter="Table='reeve'")
    check('two of one name: the first has it', [r['Owner'] for r in rows if r['Comment'] in ('web: new', 'web')] == ['reeve', None], rows)
    check('changed by hand: not overwritten', status(do('byhand', 'Set', Protocol='TCP')) == 'NOT_SUPPORTED')
    m.run('nft flush table inet reeve')
    wish = lambda op, **kw: a.call(op, 'NetFirewallRule', {'Name': 'dsc'}, **kw)
    values = {'Direction': 'Inbound', 'Action': 'Block', 'Protocol': 'TCP', 'LocalPort': ['23'], 'Enabled': True}
    check('SetInstance makes', good(wish('SetInstance', properties=values)) and 'tcp dport 23 counter packets 0 bytes 0 drop comment "dsc"' in text(), text())
    check('again: nothing', not wish('SetInstance', properties=values)['result'].get('Changed'))
    check('SetInstance changes', good(wish('SetInstance', properties={**values, 'LocalPort': ['24'], 'Enabled': False})) and 'tcp dport 24' in text('disabled_input'))
    check('TestInstance', wish('TestInstance', properties={'LocalPort': ['25']})['result'].get('Changed'))
    check('DeleteInstance', good(wish('DeleteInstance')) and '"dsc"' not in m.run('nft list ruleset').stdout)


def copied(m, a):
    """CloneObject: all that a rule says, under another name."""
    new = a.do('NetFirewallRule', None, 'Create', Name='first', DisplayName='The first', Action='Block', Protocol='TCP', LocalPort=['4000-4010', '80'], RemoteAddress=['192.0.2.0/24'], InterfaceAlias=['lo'], Enabled='False')
    r = a.do('NetFirewallRule', {'Name': 'first'}, 'CloneObject', NewName='second')
    one, two = (a.one('NetFirewallRule', {'Name': n}) for n in ('first', 'second'))
    but = ('Name', 'Handle', 'Position', 'Expression', 'Comment')
    check('a copy', good(new) and good(r) and r['result']['NewName'] == 'second' and {k: v for k, v in one.items() if k not in but} == {k: v for k, v in two.items() if k not in but}, (r, one, two))
    r = a.do('NetFirewallRule', {'Name': 'first'}, 'CloneObject', NewPolicyStore='ActiveStore')
    check('with a name that is made up, for now', good(r) and a.one('NetFirewallRule', {'Name': r['result']['NewName']})['PolicyStore'] == 'ActiveStore', r)
    made = r['result']['NewName']
    check('a name that is taken', status(a.do('NetFirewallRule', {'Name': 'first'}, 'CloneObject', NewName='second')) == 'ALREADY_EXISTS')
    check('of no rule', status(a.do('NetFirewallRule', {'Name': 'nosuch'}, 'CloneObject', NewName='x')) == 'NOT_FOUND')
    r = a.do('NetFirewallRule', {'Name': 'first'}, 'CloneObject', True, NewName='third')
    check('what-if', good(r) and not a.one('NetFirewallRule', {'Name': 'third'}), r)
    for n in ('first', 'second', made):
        check(f'{n} goes', good(a.do('NetFirewallRule', {'Name': n}, 'Delete')))


def policies(m, a):
    row = lambda: a.rows('NetFirewallProfile')[0]
    do = lambda what_if=False, **kw: a.do('NetFirewallProfile', None, 'Set', what_if, **kw)
    text = lambda chain='input': m.run(f'nft list chain inet reeve {chain}').stdout
    check('all is let pass', [row()[f'Default{d}Action'] for d in ('Inbound', 'Outbound', 'Forward')] == ['Allow'] * 3, row())
    before = m.run('nft list ruleset').stdout
    r = do(True, DefaultInboundAction='Block')
    check('what-if of policies', good(r) and r['result']['Changed'] == [{'Property': 'DefaultInboundAction', 'From': 'Allow', 'To': 'Block'}] and m.run('nft list ruleset').stdout == before, r)
    a.do('NetFirewallRule', None, 'Create', Name='letin', Protocol='TCP', LocalPort=['22'])
    a.do('NetFirewallRule', None, 'Create', Name='keepout', Protocol='TCP', LocalPort=['23'], Action='Block')
    r = do(DefaultInboundAction='Block', DefaultForwardAction='Block')
    check('blocked, but for what a host needs', good(r) and 'policy drop' in text() and 'policy drop' in text('forward') and 'policy accept' in text('output') and all(w in text() for w in
          ('ct state established,related accept', 'iifname "lo" accept', 'nd-neighbor-solicit')) and 'established' in text('forward') and '"lo"' not in text('forward'), (r, text(), text('forward')))
    check('and told', not differ(row(), {'DefaultInboundAction': 'Block', 'DefaultOutboundAction': 'Allow', 'DefaultForwardAction': 'Block'}), row())
    check('the host still speaks with itself', 'ssh' in m.run("timeout 5 perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0); connect(S,pack_sockaddr_in(22,inet_aton(\"127.0.0.1\"))) or die; sysread(S,$b,40); print lc $b'").stdout)
    ruleset = m.run('nft -s list ruleset').stdout
    check('again: nothing', 'Changed' not in do(DefaultInboundAction='Block')['result'] and m.run('nft -s list ruleset').stdout == ruleset)
    check('what blocks comes first', [r['Name'] for r in a.rows('NetFirewallRule', Filter="Table='reeve' AND Chain='input'")][0] == 'keepout')
    check('back', good(do(DefaultInboundAction='Allow', DefaultForwardAction='Allow')) and 'policy accept' in text() and 'base-' not in m.run('nft list ruleset').stdout and 'letin' in text(), text())
    for name in ('letin', 'keepout'):
        a.do('NetFirewallRule', {'Name': name}, 'Delete')


def events(m, a):
    """Changes of rules are told as the kernel tells them, those by others as well; that a rule counts is none."""
    reader = agentlib.Reader(agentlib.Peer(a.path), Query="SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA 'NetFirewallRule'")
    reader.patience = 30
    got = reader.until(lambda p: p['Kind'] == 'Sync')
    check('told by the kernel', got[-1] and reader.result.get('Push'), (reader.result, reader.error))
    about = lambda kind, name: reader.until(lambda p: p['Kind'] == kind and p['Indication']['TargetInstance']['Name'] == name)
    a.do('NetFirewallRule', None, 'Create', Name='told', Protocol='TCP', LocalPort=['9'])
    got = about('Create', 'told')
    check('a rule that is made', got[-1] and got[-1]['Indication']['TargetInstance']['LocalPort'] == ['9'], got)
    a.do('NetFirewallRule', {'Name': 'told'}, 'Disable')
    got = about('Modify', 'told')
    check('one that is changed', got[-1] and got[-1]['Indication']['TargetInstance']['Enabled'] is False and got[-1]['Indication']['PreviousInstance']['Enabled'] is True, got)
    m.run('nft add table inet theirs; nft add chain inet theirs c; nft add rule inet theirs c tcp dport 10 drop')
    got = reader.until(lambda p: p['Kind'] == 'Create' and p['Indication']['TargetInstance']['Table'] == 'theirs')
    check('one that others make', got[-1] and got[-1]['Indication']['TargetInstance']['Action'] == 'Block', got)
    m.run('nft delete table inet theirs')
    got = reader.until(lambda p: p['Kind'] == 'Delete' and p['Indication']['TargetInstance']['Table'] == 'theirs')
    check('and take away', got[-1], got)
    a.do('NetFirewallRule', {'Name': 'told'}, 'Delete')
    got = about('Delete', 'told')
    check('one that goes; nothing was told twice', got[-1] and len(got) == 1, got)
    reader.peer.sock.close()


def counted(m, a):
    """What a rule counts, and that it works."""
    a.do('NetFirewallRule', None, 'Create', Name='ping', Protocol='ICMPv4', IcmpType=['echo-request'], Action='Block', LocalAddress=['127.0.0.9'], InterfaceAlias=['lo'])
    send = '''python3 -c "1" 2>/dev/null; perl -e 'use Socket; socket(S,PF_INET,SOCK_RAW,1); $m=pack("C2 n3",8,0,0,1,1); $c=~(0x800+1+1)&0xffff; send(S,pack("C2 n3",8,0,$c,1,1),0,pack_sockaddr_in(0,inet_aton("127.0.0.9")))' '''
    m.run(send)
    row = a.one('NetFirewallRule', {'Name': 'ping'})
    check('it counts', row['Packets'] >= 1 and row['Bytes'] >= 28 * row['Packets'], row)
    check('a change keeps the count', good(a.do('NetFirewallRule', {'Name': 'ping'}, 'Set', DisplayName='x')) and a.one('NetFirewallRule', {'Name': 'ping'})['Packets'] == row['Packets'])


def kept(m, a):
    m.run('printf "#!/usr/sbin/nft -f\\nflush ruleset\\ntable inet mine {\\n}\\n" > /etc/nftables.conf; nft flush ruleset; systemctl enable --now nftables', check=True)
    new = lambda **kw: a.do('NetFirewallRule', None, 'Create', **kw)
    reply = new(Name='kept', Protocol='TCP', LocalPort=['22'], PolicyStore='PersistentStore')
    check('PersistentStore', good(reply) and not reply['result']['Warning'] and good(new(Name='passing', PolicyStore='ActiveStore')), reply)
    rows = {r['Name']: r['PolicyStore'] for r in a.rows('NetFirewallRule')}
    check('PolicyStore', rows == {'kept': 'PersistentStore', 'passing': 'ActiveStore'}, rows)
    conf = m.run('cat /etc/nftables.conf').stdout
    check('the host\'s file has one line more, once', conf.startswith('#!/usr/sbin/nft -f\nflush ruleset\ntable inet mine {\n}\n') and good(new(Name='kept2')) and m.run('cat /etc/nftables.conf').stdout == conf and conf.count('include') == 1, conf)
    a.do('NetFirewallRule', {'Name': 'kept2'}, 'Delete')
    m.run('systemctl restart nftables', check=True)
    rows = a.rows('NetFirewallRule')
    check('as after a boot', [(r['Name'], r['LocalPort'], r['PolicyStore']) for r in rows] == [('kept', ['22'], 'PersistentStore')], rows)
    check('all of it gone: nothing is in the way of the rest', good(a.do('NetFirewallTable', {'Family': 'inet', 'Name': 'reeve'}, 'Delete')) and m.run('rm /etc/nftables.d/reeve.nft; systemctl restart nftables; nft list tables').stdout == 'table inet mine\n')


def confirmed(m, a):
    do = lambda name, key, method, within=1, **kw: a.peer.call('InvokeMethod', {'ClassName': name, **({'InstanceName': key} if key else {}), 'MethodName': method, 'InParameters': kw, 'ConfirmWithin': within})
    def until(what, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.1)
        return False
    rules = lambda: m.run('nft -s list ruleset').stdout
    settled = lambda: until(lambda: all(t['State'] == 'Reverted' for t in a.rows('Transaction'))) or a.rows('Transaction')
    m.run('nft add chain inet mine input "{ type filter hook input priority 0; }"; nft add rule inet mine input tcp dport 99 accept')
    before, file = rules(), m.run('cat /etc/nftables.d/reeve.nft').stdout
    reply = do('NetFirewallRule', None, 'Create', Name='cut', Action='Block', Protocol='TCP', LocalPort=['22'])
    check('made', good(reply) and reply['result'].get('Transaction') and '"cut"' in rules() and '"cut"' in m.run('cat /etc/nftables.d/reeve.nft').stdout, reply)
    check('and put back', until(lambda: rules() == before) and settled() is True, (rules(), a.rows('Transaction')))
    check('the file as well', '"cut"' not in m.run('cat /etc/nftables.d/reeve.nft').stdout)
    other = [r for r in a.rows('NetFirewallRule') if r['Table'] == 'mine'][0]
    check('a rule of others that was removed', good(do('NetFirewallRule', {'Name': other['Name']}, 'Delete')) and 'dport 99' not in rules() and until(lambda: rules() == before) and settled() is True, rules())
    check('a table that was removed', good(do('NetFirewallTable', {'Family': 'inet', 'Name': 'mine'}, 'Delete')) and 'mine' not in rules() and until(lambda: rules() == before) and settled() is True, rules())
    reply = do('NetFirewallTable', {'Family': 'inet', 'Name': 'mine'}, 'Load', Definition='table inet mine {\n}\nflush ruleset\n')
    check('a definition of more than the table', status(reply) == 'INVALID_PARAMETER' and rules() == before, reply)
    # Confirmed over another connection, it stays.
    ident = do('NetFirewallRule', None, 'Create', 600, Name='stays', Protocol='TCP', LocalPort=['22'])['result']['Transaction']
    with agentlib.Peer(a.path) as p:
        check('confirmed', good(p.call('InvokeMethod', {'ClassName': 'Transaction', 'InstanceName': {'Id': ident}, 'MethodName': 'Confirm', 'InParameters': {}})) and '"stays"' in rules())


def many(m, a):
    """Two thousand rules: in bounded time, while others are answered."""
    m.run('(echo "table inet big { chain c { "; for i in $(seq 2000); do echo "ip saddr 10.0.$((i / 250)).$((i % 250)) tcp dport $i counter accept"; done; echo "}"; echo "}") | nft -f -', check=True)
    begin = time.monotonic()
    rows = a.rows('NetFirewallRule', Filter="Table='big'")
    check('two thousand rules', len(rows) == 2000 and all(r['Complete'] for r in rows) and time.monotonic() - begin < 10, (len(rows), time.monotonic() - begin))
    m.run('nft delete table inet big')


def main():
    with lablib.Lab() as lab:
        m = lab.machine('firewall')
        if m.run('nft list ruleset').returncode:
            lablib.skip('this kernel has no nftables')
        path = m.agent('--state', '/lab/state')
        a = Asked(path)
        a.path = path
        m.run(f"cat > /tmp/others.nft <<'E'\n{OTHERS}\nE\nnft -f /tmp/others.nft", check=True)
        for part in (listed, made, changed, copied, policies, events, counted, kept, confirmed, many):
            part(m, a)
    check.end()


main()
