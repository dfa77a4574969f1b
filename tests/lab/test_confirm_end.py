#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Changes that wait for their confirmation while the agent, their guard or the host ends: each kind of change of the network is put back when
the agent is killed, at once when the guard is told to end, before the host stops, and after a boot where it was written to a file."""
import glob, json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from agentlib import until
from hostlib import Asked, status, good

check = agentlib.Cases()


class Host:
    def __init__(self, machine):
        self.m = machine
        self.start()

    def start(self):
        self.path = self.m.agent('--state', '/lab/state')
        self.a = Asked(self.path)

    def change(self, within, name, key, method, **arguments):
        return self.a.peer.call('InvokeMethod', {'ClassName': name, **({'InstanceName': key} if key else {}), 'MethodName': method, 'InParameters': arguments,
                                                 'ConfirmWithin': within})

    def index(self, name):
        return {'InterfaceIndex': self.a.rows('NetAdapter', Filter=f"Name='{name}'")[0]['InterfaceIndex']}

    def kill_agent(self, how='-9'):
        """Only it: guards have other arguments."""
        self.m.run(f'pkill {how} -f "^/opt/reeve/bin/reeve-agent --socket"')
        self.m.agent_proc.wait(30)

    def guards(self):
        return self.m.run('pgrep -f "^/opt/reeve/bin/reeve-agent --guard"').stdout.split()

    def state(self, ident):
        """Of a transaction, as its file's name tells."""
        return [os.path.basename(p).split('.')[1] for p in glob.glob(f'{self.m.share}/state/confirm/{ident}.*') if not p.endswith(('.lock', '.new'))]

    def told(self, ident):
        return [(os.path.basename(p), json.load(open(p)).get('Message')) for p in glob.glob(f'{self.m.share}/state/confirm/{ident}.*') if not p.endswith('.lock')]

    def sight(self):
        """Of what may be changed: the tools' own words."""
        return self.m.run('ip -4 -o addr show dev t0 | sed "s/valid_lft.*//"; ip route show dev t0; ip -o link show dev t0; cat /etc/resolv.conf; hostname; cat /etc/hostname; nft -s list table inet reeve; '
                          'cat /etc/nftables.d/reeve.nft; cat /proc/sys/net/ipv4/conf/t0/forwarding; ip neigh show dev t0 nud permanent').stdout


def operations(h):
    """(what, its words in sight(), class, key, method, arguments)"""
    t0 = h.index('t0')
    return [('an address', '192.0.2.40/25', 'NetIPAddress', None, 'Create', {'IPAddress': '192.0.2.40', 'PrefixLength': 25, 'InterfaceAlias': 't0'}),
            ('a route', '198.51.100.0/24', 'NetRoute', None, 'Create', {'DestinationPrefix': '198.51.100.0/24', 'NextHop': '192.0.2.3', 'InterfaceAlias': 't0'}),
            ('a neighbour', '02:00:00:00:00:77', 'NetNeighbor', None, 'Create', {**t0, 'IPAddress': '192.0.2.77', 'LinkLayerAddress': '02:00:00:00:00:77'}),
            ('an MTU', 'mtu 1300', 'NetAdapter', t0, 'Set', {'MtuSize': 1300}),
            ('a link', 'state DOWN', 'NetAdapter', t0, 'Disable', {}),
            ('forwarding', '\n1\n', 'NetIPInterface', {**t0, 'AddressFamily': 'IPv4'}, 'Set', {'Forwarding': 'Enabled'}),
            ('servers for names', '192.0.2.99', 'DnsClient', {'InterfaceIndex': 0}, 'SetServers', {'ServerAddresses': ['192.0.2.99']}),
            ('the host\'s name', 'another-name', 'ComputerSystem', None, 'Rename', {'Name': 'another-name'}),
            ('a firewall rule', '"cut"', 'NetFirewallRule', None, 'Create', {'Name': 'cut', 'Action': 'Block', 'Protocol': 'TCP', 'LocalPort': ['22']}),
            ('the firewall\'s policy', 'policy drop', 'NetFirewallProfile', None, 'Set', {'DefaultInboundAction': 'Block'})]


def agent_killed(h):
    """The guard needs no agent: it starts one of its own."""
    for what, words, name, key, method, arguments in operations(h):
        before = h.sight()
        r = h.change(2, name, key, method, **arguments)
        made = good(r) and words in h.sight()
        h.kill_agent()
        check(f'{what}: made, then the agent is killed', made and words not in before, (r, h.sight()))
        check(f'{what}: put back', until(lambda: h.sight() == before), (before, h.sight(), h.state(r.get('result', {}).get('Transaction'))))
        check(f'{what}: well', until(lambda: h.state(r['result']['Transaction']) == ['reverted']), h.told(r['result']['Transaction']))
        h.start()


def agent_stopped(h):
    """In a scope of its own, a guard outlives the agent's unit, whatever is done to all its processes."""
    before = h.sight()
    ident = h.change(5, 'NetIPAddress', None, 'Create', IPAddress='192.0.2.41', PrefixLength=25, InterfaceAlias='t0')['result']['Transaction']
    unit = h.m.run('cat /proc/$(pgrep -f "^/opt/reeve/bin/reeve-agent --socket")/cgroup').stdout.strip().rsplit('/', 1)[1]
    scope = h.m.run('cat /proc/' + h.guards()[0] + '/cgroup').stdout
    check('a scope of its own', f'reeve-guard-{ident}.scope' in scope and unit.startswith('run-'), (scope, unit))
    h.m.run(f'systemctl kill --signal=KILL {unit}; systemctl stop {unit}')
    h.m.agent_proc.wait(30)
    check('the agent\'s unit is stopped: it is put back in time all the same', until(lambda: h.sight() == before and h.state(ident) == ['reverted']), (h.sight(), h.state(ident)))
    h.start()


def guard_ended(h):
    for what, words, name, key, method, arguments in operations(h):
        before = h.sight()
        r = h.change(600, name, key, method, **arguments)
        made = good(r) and words in h.sight()
        for pid in h.guards():
            h.m.run(f'kill -TERM {pid}')
        check(f'{what}: the guard is told to end, so it is put back now', made and until(lambda: h.sight() == before and h.state(r['result']['Transaction']) == ['reverted']),
              (r, before, h.sight(), h.state(r.get('result', {}).get('Transaction'))))


def guard_killed(h):
    """The next agent sees to it."""
    before = h.sight()
    ident = h.change(4, 'NetIPAddress', None, 'Create', IPAddress='192.0.2.42', PrefixLength=25, InterfaceAlias='t0')['result']['Transaction']
    for pid in h.guards():
        h.m.run(f'kill -KILL {pid}')
    h.kill_agent()
    check('nobody guards it', until(lambda: not h.guards()) and h.state(ident) == ['pending'] and '192.0.2.42' in h.sight(), (h.guards(), h.state(ident)))
    h.start()
    check('a new guard does', until(lambda: h.sight() == before and h.state(ident) == ['reverted']), (h.sight(), h.state(ident)))


def refused(h):
    for method, arguments in (('Restart', {'Delay': 60}), ('CancelShutdown', {})):
        r = h.change(5, 'ComputerSystem', None, method, **arguments)
        check(f'{method} cannot be put back', status(r) == 'NOT_SUPPORTED' and f'ComputerSystem.{method}' in r['error']['message'], r)
    r = h.change(5, 'ComputerSystem', None, 'Rename', Name='-x')
    check('a change that is refused leaves nothing', status(r) == 'INVALID_PARAMETER' and until(lambda: not h.guards()) and not h.a.rows('Transaction', Filter="State='Pending'"), r)


def other_boot(h):
    """Power was cut: what the kernel had is gone anyway, what lies in files is put back by the next agent, and nothing else is touched."""
    before = h.sight()
    made = [h.change(600, *what[2:5], **what[5])['result']['Transaction'] for what in operations(h) if what[0] in ('the host\'s name', 'a firewall rule', 'an address')]
    check('three wait', len(h.guards()) == 3 and 'another-name' in h.sight() and '"cut"' in h.sight(), h.sight())
    h.kill_agent()
    for pid in h.guards():
        h.m.run(f'kill -KILL {pid}')
    check('nobody is left', until(lambda: not h.guards()), h.guards())
    for ident in made:
        path = f'{h.m.share}/state/confirm/{ident}.pending'
        j = json.load(open(path))
        j['Boot'], j['RevertAt'] = 'another', 1
        json.dump(j, open(path, 'w'))
    h.start()
    check('files are put back', until(lambda: 'another-name' not in h.sight() and '"cut"' not in h.sight()), h.sight())
    check('the kernel\'s are not looked at', '192.0.2.40/25' in h.sight() and h.told(made[0])[0][1] == 'nothing differed', (h.sight(), h.told(made[0])))
    check('well', until(lambda: [h.state(i) for i in made] == [['reverted']] * 3), [h.state(i) for i in made])
    h.m.run('ip addr del 192.0.2.40/25 dev t0')
    check('all as before', h.sight() == before, (before, h.sight()))


def host_stops(h):
    """A reboot while three changes wait that are written for the next boots: they are put back before, and it comes up without them."""
    h.m.run('systemctl enable nftables')
    before = h.m.run('cat /etc/hostname /etc/resolv.conf; ls /etc/nftables.d').stdout
    made = [h.change(600, *what[2:5], **what[5]) for what in operations(h) if what[0] in ('the host\'s name', 'servers for names', 'the firewall\'s policy')]
    idents = [r.get('result', {}).get('Transaction') for r in made]
    check('three changes wait', all(idents) and len(h.guards()) == 3 and 'policy drop' in h.m.run('cat /etc/nftables.d/reeve.nft').stdout, made)
    h.m.reboot()
    check('put back before it stopped', [h.state(i) for i in idents] == [['reverted']] * 3, [h.told(i) for i in idents])
    check('the files are as before', h.m.run('cat /etc/hostname /etc/resolv.conf; ls /etc/nftables.d').stdout == before, (before, h.m.run('cat /etc/hostname /etc/resolv.conf; ls /etc/nftables.d').stdout))
    check('it came up without them', 'policy drop' not in h.m.run('nft list ruleset').stdout and 'another-name' not in h.m.run('hostname').stdout)
    h.start()
    check('and they are told as such', {t['State'] for t in h.a.rows('Transaction') if t['Id'] in idents} == {'Reverted'}, h.a.rows('Transaction'))


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('end')
        machine.run('''ip link add t0 type veth peer name t1; ip link set t1 up; echo 1 > /proc/sys/net/ipv6/conf/t0/disable_ipv6; ip link set t0 up; ip addr add 192.0.2.1/25 dev t0
            ip route add 203.0.113.0/24 via 192.0.2.3 metric 77; rm -f /etc/resolv.conf; echo nameserver 192.0.2.53 > /etc/resolv.conf; echo end > /etc/hostname; hostname end
            printf "#!/usr/sbin/nft -f\\nflush ruleset\\n" > /etc/nftables.conf; systemctl enable --now nftables''', check=True)
        h = Host(machine)
        h.a.do('NetFirewallRule', None, 'Create', Name='there', Protocol='TCP', LocalPort=['22'])
        for part in (agent_killed, agent_stopped, guard_ended, guard_killed, refused, other_boot, host_stops):
            part(h)
    check.end()


main()
