#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cmdlets of NetTCPIP, NetAdapter, NetSecurity and DnsClient, typed on a booted machine, beside what ip says."""
import json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()


SERVER = r"""
import socket, struct, threading
def name(s): return b''.join(bytes([len(p)]) + p.encode() for p in s.split('.') if p) + b'\0'
RR = {(1, 'a.example'): [('a.example', 1, 60, socket.inet_aton('192.0.2.80'))], (28, 'a.example'): [('a.example', 28, 61, socket.inet_pton(socket.AF_INET6, '2001:db8::80'))],
      (15, 'a.example'): [('a.example', 15, 62, struct.pack('>H', 10) + name('mx.a.example'))], (2, 'a.example'): [('a.example', 2, 63, name('ns.a.example'))],
      (16, 'a.example'): [('a.example', 16, 64, b'\x05v=one\x03two')], (33, '_x._tcp.a.example'): [('_x._tcp.a.example', 33, 65, struct.pack('>HHH', 1, 2, 443) + name('s.a.example'))],
      (6, 'a.example'): [('a.example', 6, 66, name('ns.a.example') + name('root.a.example') + struct.pack('>5I', 7, 8, 9, 10, 11))], (257, 'a.example'): [('a.example', 257, 67, b'\0\x05issueca')],
      (12, '80.2.0.192.in-addr.arpa'): [('80.2.0.192.in-addr.arpa', 12, 68, name('a.example'))], (16, 'big.example'): [('big.example', 16, 69, b'\xff' + b'x' * 255) for _ in range(9)]}
def answer(q, tcp):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode())
        at += 1 + q[at]
    end, n = at + 5, '.'.join(labels)
    rrs = RR.get((struct.unpack('>H', q[at + 1:at + 3])[0], n), [])
    known = any(k[1] == n for k in RR)
    auth = [] if rrs or not known else RR[6, 'a.example']
    out = lambda l: b''.join(name(r[0]) + struct.pack('>HHIH', r[1], 1, r[2], len(r[3])) + r[3] for r in l)
    whole = struct.pack('>HHHHHH', struct.unpack('>H', q[:2])[0], 0x8180 | (0 if known else 3), 1, len(rrs), len(auth), 0) + q[12:end] + out(rrs) + out(auth)
    return whole if tcp or len(whole) < 1232 else struct.pack('>HHHHHH', struct.unpack('>H', q[:2])[0], 0x8380, 1, 0, 0, 0) + q[12:end]
def tcp():
    s = socket.create_server(('10.1.2.3', 53))
    while True:
        c, _ = s.accept()
        q = c.recv(600)
        a = answer(q[2:], True)
        c.sendall(struct.pack('>H', len(a)) + a)
        c.close()
threading.Thread(target=tcp, daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(('10.1.2.3', 53))
print('ready', flush=True)
while True:
    q, who = u.recvfrom(600)
    u.sendto(b'\0\0' + answer(q, False)[2:], who)   # another one's answer comes first
    u.sendto(answer(q, False), who)
"""


def traced(m):
    """From one namespace through the machine to another."""
    m.run('''for i in 1 2; do ip netns add far$i; ip link add f$i type veth peer name g0 netns far$i; ip addr add 198.18.$i.1/24 dev f$i; ip -6 addr add fd00:$i::1/64 dev f$i nodad; ip link set f$i up
        ip -n far$i link set lo up; ip -n far$i addr add 198.18.$i.2/24 dev g0; ip -n far$i -6 addr add fd00:$i::2/64 dev g0 nodad; ip -n far$i link set g0 up; ip -n far$i route add default via 198.18.$i.1; ip -n far$i -6 route add default via fd00:$i::1; done
        sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1''', check=True)
    ask = lambda to, more='': json.loads(m.run(f"ip netns exec far1 /opt/reeve/bin/reeve -NoProfile -NonInteractive -Command 'Test-NetConnection {to} -TraceRoute {more} -WarningAction SilentlyContinue | ConvertTo-Json'").stdout or '{}').get('TraceRoute')
    check('the way of IPv4', agentlib.until(lambda: ask('198.18.2.2') == ['198.18.1.1', '198.18.2.2']), ask('198.18.2.2'))
    check('the way of IPv6', agentlib.until(lambda: ask('fd00:2::2') == ['fd00:1::1', 'fd00:2::2']), ask('fd00:2::2'))
    check('no further', ask('198.18.2.2', '-Hops 1') == ['198.18.1.1'], ask('198.18.2.2', '-Hops 1'))


def names(m, out, sh):
    server = subprocess.Popen(['nsenter', '-t', str(m.leader), '-n', sys.executable, '-c', SERVER], stdout=subprocess.PIPE)
    try:
        check('a server for names', server.stdout.readline() == b'ready\n')
        ask = lambda words: json.loads(out(f'ConvertTo-Json -Compress @(Resolve-DnsName {words} -Server 10.1.2.3)') or 'null')
        head = lambda name, kind, ttl: {'Name': name, 'Type': kind, 'TTL': ttl, 'Section': 'Answer'}
        for words, want in (('a.example', [{**head('a.example', 'A', 60), 'IPAddress': '192.0.2.80'}, {**head('a.example', 'AAAA', 61), 'IPAddress': '2001:db8::80'}]),
                            ('a.example A', [{**head('a.example', 'A', 60), 'IPAddress': '192.0.2.80'}]), ('a.example mx', [{**head('a.example', 'MX', 62), 'NameExchange': 'mx.a.example', 'Preference': 10}]),
                            ('a.example NS', [{**head('a.example', 'NS', 63), 'NameHost': 'ns.a.example'}]), ('a.example TXT', [{**head('a.example', 'TXT', 64), 'Strings': ['v=one', 'two']}]),
                            ('_x._tcp.a.example SRV', [{**head('_x._tcp.a.example', 'SRV', 65), 'NameTarget': 's.a.example', 'Priority': 1, 'Weight': 2, 'Port': 443}]),
                            ('a.example SOA', [{**head('a.example', 'SOA', 66), 'PrimaryServer': 'ns.a.example', 'NameAdministrator': 'root.a.example', 'SerialNumber': 7, 'TimeToZoneRefresh': 8, 'TimeToZoneFailureRetry': 9, 'TimeToExpiration': 10, 'DefaultTTL': 11}]),
                            ('a.example CAA', [{**head('a.example', 'CAA', 67), 'RecordData': '00056973737565' + '6361'}]), ('192.0.2.80', [{**head('80.2.0.192.in-addr.arpa', 'PTR', 68), 'NameHost': 'a.example'}]),
                            ('a.example A -TcpOnly', [{**head('a.example', 'A', 60), 'IPAddress': '192.0.2.80'}])):
            got = ask(words)
            check(f'Resolve-DnsName {words}', got == want, (got, sh(f'Resolve-DnsName {words} -Server 10.1.2.3').stderr))
        got = ask('big.example TXT')
        check('what does not fit comes by TCP', len(got) == 9 and got[0]['Strings'] == ['x' * 255], got)
        got = ask('a.example NAPTR')
        check('a name without such records: its zone', [(r['Type'], r['Section']) for r in got] == [('SOA', 'Authority')], got)
        r = sh('Resolve-DnsName no.example -Server 10.1.2.3')
        check('no such name', r.returncode != 0 and 'no.example : DNS name does not exist' in r.stderr, r)
        r = sh('Resolve-DnsName a.example -Server 10.1.2.77 -QuickTimeout')
        check('no answer', r.returncode != 0 and 'No server for names answered' in r.stderr, r)
        m.run('printf "192.0.2.77 seven.example\n2001:db8::77 seven.example\n" >> /etc/hosts; sed -i "s/^hosts:.*/hosts: files/" /etc/nsswitch.conf')
        check('as the host does', sorted(out('(Resolve-DnsName seven.example).IPAddress').split()) == ['192.0.2.77', '2001:db8::77'] and out('(Resolve-DnsName 192.0.2.77).NameHost') == 'seven.example', sh('Resolve-DnsName seven.example'))
        check('one family', out('"seven.example" | Resolve-DnsName -Type A | Select-Object -ExpandProperty IPAddress') == '192.0.2.77')
        check('the host\'s servers, where /etc/resolv.conf names them', m.run('echo nameserver 10.1.2.3 > /etc/resolv.conf').returncode == 0 and out('(Resolve-DnsName a.example -DnsOnly).IPAddress').split() == ['192.0.2.80', '2001:db8::80'], sh('Resolve-DnsName a.example -DnsOnly'))
    finally:
        server.kill()
        server.wait()


def main():
    with lablib.Lab() as lab:
        m = lab.machine('net')
        m.agent('--state', '/lab/state')
        m.run('ip link add d0 type bridge; ip addr add 10.1.2.3/24 dev d0; ip addr add fd00::7/64 dev d0 nodad; ip link set d0 up', check=True)
        sh = lambda text: m.run(f"REEVE_SOCKET=/lab/agent.sock /opt/reeve/bin/reeve -NoProfile -NonInteractive -Command '{text}'")
        out = lambda text: sh(text).stdout.strip()
        ip = lambda a: [i for link in json.loads(m.run('ip -j addr show dev d0').stdout) for i in link['addr_info'] if i.get('local') == a]
        refused = lambda text, words: (lambda r: check(text, r.returncode != 0 and words in r.stderr.lower(), r))(sh(text))
        # Set-NetIPAddress
        r = sh('Set-NetIPAddress 10.1.2.3 -PrefixLength 16 -WhatIf')
        check('what-if', 'PrefixLength: 24 -> 16' in r.stdout and ip('10.1.2.3')[0]['prefixlen'] == 24, r)
        r = sh('Get-NetIPAddress 10.1.2.3 | Set-NetIPAddress -PrefixLength 16')
        check('another prefix', r.returncode == 0 and [i['prefixlen'] for i in ip('10.1.2.3')] == [16] and 'WARNING' in r.stderr + r.stdout, r)
        sh('Set-NetIPAddress fd00::7 -SkipAsSource')
        check('no source of new connections', ip('fd00::7')[0].get('deprecated') is True and out('(Get-NetIPAddress fd00::7).SkipAsSource') == 'True', ip('fd00::7'))
        sh('Set-NetIPAddress fd00::7 -SkipAsSource:$false')
        check('and one again', not ip('fd00::7')[0].get('deprecated'), ip('fd00::7'))
        sh('Set-NetIPAddress 10.1.2.3 -ValidLifetime 500 -PreferredLifetime 400')
        i = ip('10.1.2.3')[0]
        check('lifetimes', 300 < i['valid_life_time'] <= 500 and 200 < i['preferred_life_time'] <= 400, i)
        sh('Set-NetIPAddress 10.1.2.3 -ValidLifetime 4294967295 -PreferredLifetime 4294967295')
        check('for ever', ip('10.1.2.3')[0]['valid_life_time'] == 4294967295, ip('10.1.2.3'))
        refused('Set-NetIPAddress 10.1.2.3 -PrefixLength 33', 'is no prefix length of ipv4')
        refused('Set-NetIPAddress 10.1.2.3 -ValidLifetime 0', 'take the address away')
        refused('Set-NetIPAddress 10.1.2.3 -ValidLifetime 5 -PreferredLifetime 6', 'cannot be preferred')
        refused('Set-NetIPAddress 10.1.2.3 -ValidLifetime 5 -PolicyStore PersistentStore', 'not kept for the next boots')
        refused('Set-NetIPAddress 10.1.2.3 -ValidLifetime 50 -ConfirmWithin 30', 'cannot be put back')
        refused('Set-NetIPAddress 10.1.2.3', 'nothing is given')
        refused('Set-NetIPAddress 10.9.9.9 -PrefixLength 8', '10.9.9.9')
        check('it is as it was', [i['prefixlen'] for i in ip('10.1.2.3')] == [16])
        r = sh('Set-NetIPAddress 10.1.2.3 -PrefixLength 20 -ConfirmWithin 2')
        check('for a try', r.returncode == 0 and 'Confirm-Transaction' in r.stdout + r.stderr, r)
        check('put back', agentlib.until(lambda: [i['prefixlen'] for i in ip('10.1.2.3')] == [16]), ip('10.1.2.3'))
        # Get-NetAdapterStatistics
        counted = lambda: json.loads(m.run('ip -j -s link show dev lo').stdout)[0]['stats64']
        before, mine, after = counted(), json.loads(out('Get-NetAdapterStatistics lo | ConvertTo-Json')), counted()
        check('counters', before['rx']['bytes'] <= mine['ReceivedBytes'] <= after['rx']['bytes'] and before['tx']['packets'] <= mine['SentUnicastPackets'] <= after['tx']['packets'], (before, mine, after))
        check('of an adapter', out('Get-NetAdapter d0 | Get-NetAdapterStatistics | Select-Object -ExpandProperty Name') == 'd0')
        refused('Get-NetAdapterStatistics nosuch', 'nosuch')
        # firewall filters
        m.run("nft add table inet reeve_test; nft 'add chain inet reeve_test in { type filter hook input priority 0; }'; nft add rule inet reeve_test in ip saddr 192.0.2.7 tcp dport 4711 accept")
        check('ports of a rule', out('Get-NetFirewallRule | Get-NetFirewallPortFilter | Where-Object LocalPort -eq 4711 | Select-Object -ExpandProperty Protocol') == 'TCP',
              sh('Get-NetFirewallRule | Get-NetFirewallPortFilter | ConvertTo-Json'))
        check('addresses of a rule', '192.0.2.7' in out('(Get-NetFirewallRule | Get-NetFirewallAddressFilter).RemoteAddress'), sh('Get-NetFirewallRule | Get-NetFirewallAddressFilter'))
        # Get-DnsClient
        m.run('rm -f /etc/resolv.conf; printf "nameserver 192.0.2.53\\nsearch a.example b.example\\n" > /etc/resolv.conf')
        check('domains', out('(Get-DnsClient | Where-Object InterfaceIndex -eq 0).ConnectionSpecificSuffixSearchList') .split() == ['a.example', 'b.example'], sh('Get-DnsClient'))
        r = sh('Set-DnsClient -InterfaceIndex 0 -ConnectionSpecificSuffixSearchList c.example,d.example')
        check('Set-DnsClient', r.returncode == 0 and sorted(m.run('cat /etc/resolv.conf').stdout.split('\n')) == ['', 'nameserver 192.0.2.53', 'search c.example d.example'], (r, m.run('cat /etc/resolv.conf').stdout))
        refused('Set-DnsClient -InterfaceIndex 0 -SearchDomains "a b"', 'is no domain')
        r = sh('Set-DnsClientServerAddress -InterfaceIndex 0 -ServerAddresses 192.0.2.54')
        check('the other stays', r.returncode == 0 and sorted(m.run('cat /etc/resolv.conf').stdout.split('\n')) == ['', 'nameserver 192.0.2.54', 'search c.example d.example'], (r, m.run('cat /etc/resolv.conf').stdout))
        m.run('resolvectl dns d0 192.0.2.55')
        r = sh('Set-DnsClient -InterfaceAlias d0 -SearchDomains e.example -PolicyStore ActiveStore')
        check('of an interface', r.returncode == 0 and 'e.example' in m.run('resolvectl domain d0').stdout, (r, m.run('resolvectl domain d0').stdout))
        check('it is shown', out('(Get-DnsClient d0).ConnectionSpecificSuffixSearchList') == 'e.example', sh('Get-DnsClient'))
        # Test-NetConnection
        m.popen('perl', '-e', 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4711, inet_aton("10.1.2.3"))); listen(S, 9); accept(C, S) while 1')
        check('a port that answers', agentlib.until(lambda: out('Test-NetConnection 10.1.2.3 -Port 4711 -InformationLevel Quiet -WarningAction SilentlyContinue') == 'True'))
        r = json.loads(out('Test-NetConnection 10.1.2.3 -Port 4711 | ConvertTo-Json'))
        check('what it says', r == {'ComputerName': '10.1.2.3', 'RemoteAddress': '10.1.2.3', 'RemotePort': 4711, 'InterfaceAlias': 'd0', 'SourceAddress': '10.1.2.3', 'TcpTestSucceeded': True}, r)
        r = sh('(Test-NetConnection 10.1.2.3 -Port 4712).TcpTestSucceeded')
        check('one that does not', 'False' in r.stdout and 'TCP connect to (10.1.2.3 : 4712) failed' in r.stdout + r.stderr, r)
        check('a name that nobody knows', 'False' in out('Test-NetConnection no.such.host.invalid -InformationLevel Quiet'))
        traced(m)
        names(m, out, sh)
    check.end()


main()
