#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cmdlets of NetTCPIP, NetAdapter, NetSecurity and DnsClient, typed on a booted machine, beside what ip says."""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()


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
    check.end()


main()
