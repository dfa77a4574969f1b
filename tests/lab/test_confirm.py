#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ConfirmWithin: changes of the network of a booted machine that put themselves back, also when the agent is killed or cut off."""
import difflib, os, signal, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


class Net:
    def __init__(self, machine, path):
        self.machine, self.path = machine, path
        self.peer = agentlib.Peer(path)

    def do(self, name, key, method, within=None, peer=None, **arguments):
        return (peer or self.peer).call('InvokeMethod', {
            'ClassName': name, **({'InstanceName': key} if key else {}), 'MethodName': method, 'InParameters': arguments,
            **({'ConfirmWithin': within} if within else {})})

    def transaction(self, ident):
        with agentlib.Peer(self.path) as p:
            rows = p.call('EnumerateInstances', {'ClassName': 'Transaction', 'Filter': f"Id='{ident}'"})['result']['Instances']
        return rows[0] if rows else None

    def index(self, name):
        return {'InterfaceIndex': self.peer.call('EnumerateInstances', {'ClassName': 'NetAdapter', 'Filter': f"Name='{name}'"})['result']['Instances'][0]['InterfaceIndex']}

    def has(self, text):
        return text in self.machine.run('ip addr; ip route; ip -6 route; ip link').stdout

    def until(self, what, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.1)
        return False

    def new_address(self, address, within):
        return self.do('NetIPAddress', None, 'Create', within, IPAddress=address, PrefixLength=25, InterfaceAlias='t0')


def by_itself(n):
    r = n.new_address('192.0.2.40', 1)
    ident = r.get('result', {}).get('Transaction')
    check('the answer names the transaction', bool(ident) and 'RevertAt' in r['result'], r)
    check('the change is made', n.has('192.0.2.40/25'))
    t = n.transaction(ident)
    check('it is pending', t and t['State'] == 'Pending' and t['Operation'] == 'NetIPAddress.Create' and t['User'] == 'root' and t['RevertAt'] > t['Started'], t)
    check('and is put back', n.until(lambda: not n.has('192.0.2.40/25')))
    check('which is told', n.until(lambda: (n.transaction(ident) or {}).get('State') == 'Reverted') and 'Delete' in n.transaction(ident)['Message'], n.transaction(ident))
    rows = n.peer.call('EnumerateInstances', {'ClassName': 'AuditRecord', 'PropertyList': ['Method', 'ClassName']})['result']['Instances']
    check('and audited', rows[-1].get('Method') == 'Delete' and rows[-1].get('ClassName') == 'NetIPAddress', rows[-2:])


def confirmed(n):
    ident = n.new_address('192.0.2.41', 2)['result']['Transaction']
    r = n.do('Transaction', {'Id': ident}, 'Confirm')
    check('not over the same connection, and the hint tells', status(r) == 'ACCESS_DENIED' and 'anew' in r['error']['data']['Hint'], r)
    with agentlib.Peer(n.path) as other:
        check('over another one', n.do('Transaction', {'Id': ident}, 'Confirm', peer=other).get('result', {}).get('ReturnValue') == 0)
        check('once', status(n.do('Transaction', {'Id': ident}, 'Confirm', peer=other)) == 'NOT_FOUND')
    time.sleep(2.5)
    check('it stays', n.has('192.0.2.41/25') and n.transaction(ident) is None)
    ident = n.new_address('192.0.2.42', 600)['result']['Transaction']
    check('Revert at once', 'result' in n.do('Transaction', {'Id': ident}, 'Revert') and n.until(lambda: not n.has('192.0.2.42')))


def whole_link(n):
    before = n.machine.run('ip -o addr show dev t0; ip route show dev t0; ip -6 route show dev t0').stdout
    r = n.do('NetAdapter', n.index('t0'), 'Disable', 1)
    check('a link is down and its routes are gone', 'result' in r and not n.has('203.0.113.0/24 via'), r)
    check('all of it comes back', n.until(lambda: n.has('203.0.113.0/24 via 192.0.2.3') and n.has('2001:db8::7/64') and n.has('2001:db8:1::/48 via')),
          (before, n.machine.run('ip -o addr show dev t0; ip route show dev t0; ip -6 route show dev t0').stdout, n.transaction(r.get('result', {}).get('Transaction'))))
    r = n.do('NetAdapter', n.index('t0'), 'Rename', 1, NewName='other0')
    check('a name', n.has('other0') and n.until(lambda: n.has(' t0:') and not n.has('other0')), r)
    r = n.do('NetAdapter', n.index('t0'), 'Set', 1, MtuSize=1300)
    check('an MTU', n.has('mtu 1300') and n.until(lambda: not n.has('mtu 1300')), r)
    forwards = lambda: n.machine.run('cat /proc/sys/net/ipv4/conf/t0/forwarding').stdout.strip()
    r = n.do('NetIPInterface', {**n.index('t0'), 'AddressFamily': 'IPv4'}, 'Set', 1, Forwarding='Enabled')
    check('forwarding', 'result' in r and forwards() == '1' and n.until(lambda: forwards() == '0'), r)
    r = n.do('NetRoute', {'DestinationPrefix': '0.0.0.0/0'}, 'Delete', 1)
    check('the default route', not n.has('default via') and n.until(lambda: n.has('default via 10.99.0.1')), r)


def interfaces(n):
    """Made or taken away for a try, with all that hangs on them."""
    run, index = (lambda text: n.machine.run(text).stdout), n.index
    do = lambda key, method, **kw: n.do('NetAdapter', key, method, 600, **kw)
    back = lambda r: 'result' in n.do('Transaction', {'Id': r['result']['Transaction']}, 'Revert')
    sight = lambda: run('ip -4 -o addr show | grep " t-" | cut -d" " -f2- | sed "s/valid_lft.*//" | sort; ip -4 route show | grep t-; ip -o link show | grep " t-" | cut -d" " -f2- | sort')
    differs = lambda: ([l for l in difflib.ndiff(before.splitlines(), sight().splitlines()) if l[0] in '+-'], [t['Message'] for t in n.peer.call('EnumerateInstances', {'ClassName': 'Transaction'})['result']['Instances']][-1:])
    n.machine.run('''echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add t-br type bridge; ip link add t-a type veth peer name t-aa; ip link add t-b type veth peer name t-bb; ip link add link t-b name t-m type macvlan mode bridge
        ip link set t-a master t-br; for i in t-a t-aa t-b t-bb t-br t-m; do ip link set $i up; done; ip addr add 198.18.0.1/24 dev t-br; ip route add 198.51.100.0/24 via 198.18.0.9 metric 7; ip addr add 198.18.9.1/24 dev t-m''', check=True)
    check('all is up', n.until(lambda: '198.51.100.0/24' in sight() and sight().count('state UP') == 6, 30), sight())
    before = sight()
    r = do(None, 'Create', Name='t-new', Kind='macvlan', Link='t-b')
    check('one that is made', 'result' in r and 't-new' in sight() and back(r) and n.until(lambda: sight() == before), (r, differs()))
    n.machine.run('ip link add t-other type bridge')
    r = do(None, 'Create', Name='t-new', Kind='veth', PeerName='t-new2')
    n.machine.run('ip link add t-third type bridge')
    check('those that others made meanwhile stay', 'result' in r and back(r) and n.until(lambda: 't-new' not in sight()) and all(w in sight() for w in ('t-other', 't-third')), (r, differs()))
    n.machine.run('ip link delete t-other; ip link delete t-third')
    for what, name in (('a bridge with its port, address and route', 't-br'), ('a macvlan', 't-m')):
        r = do(index(name), 'Delete')
        check(f'{what}: gone', 'result' in r and f'{name}:' not in sight() and f'{name}@' not in sight(), (r, sight()))
        check(f'{what}: there again', back(r) and n.until(lambda: sight() == before), differs())
    for what, key, method, more, words in (('a description', 't-a', 'Set', {'InterfaceDescription': 'for a try'}, 'alias for a try'), ('a port that came', 't-bb', 'Set', {'MasterIndex': index('t-br')['InterfaceIndex']}, 't-bb@t-b: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master t-br')):
        r = do(index(key), method, **more)
        check(what, 'result' in r and words in sight() and back(r) and n.until(lambda: sight() == before), (r, differs()))
    r = do(index('t-a'), 'Leave')
    check('a port that left', 'result' in r and 'master t-br' not in sight() and back(r) and n.until(lambda: sight() == before), (r, differs()))
    for what, name in (('what carries another one', 't-b'), ('what would come back otherwise', 't-a')):
        r = do(index(name), 'Delete')
        check(what, status(r) == 'NOT_SUPPORTED' and sight() == before, r)


def refused(n):
    r = n.do('Process', {'ProcessId': 1}, 'SendSignal', 5, Signal='0')
    check('a class that cannot', status(r) == 'NOT_SUPPORTED', r)
    check('no time', status(n.new_address('192.0.2.43', 100000)) == 'INVALID_PARAMETER' and not n.has('192.0.2.43'))
    r = n.do('NetIPAddress', None, 'Create', 60, IPAddress='192.0.2.41', PrefixLength=25, InterfaceAlias='t0')
    rows = n.peer.call('EnumerateInstances', {'ClassName': 'Transaction', 'Filter': "State='Pending'"})['result']['Instances']
    check('a change that failed leaves nothing', status(r) == 'ALREADY_EXISTS' and not rows, (r, rows))
    check('nothing waits for it', n.until(lambda: '--guard' not in n.machine.run('ps -eo args').stdout), n.machine.run('ps -eo args').stdout)


def killed(n):
    r = n.do('NetAdapter', n.index('eth0'), 'Disable', 2)
    n.machine.agent_proc  # nsenter's child is the agent
    n.machine.run('pkill -9 -f "reeve-agent --socket"')
    check('the agent is dead and the host cut off', 'result' in r and not n.has('default via'), r)
    check('the host is reachable again', n.until(lambda: n.has('default via 10.99.0.1') and n.has('10.99.0.')), n.machine.run('ip addr; ip route').stdout)


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('confirm')
        machine.run('''ip link add t0 type veth peer name t1; ip link set t1 up; ip link set t0 up; ip addr add 192.0.2.1/25 dev t0; ip -6 addr add 2001:db8::7/64 dev t0 nodad
            ip route add 203.0.113.0/24 via 192.0.2.3 metric 77; ip -6 route add 2001:db8:1::/48 via 2001:db8::9 dev t0''', check=True)
        n = Net(machine, machine.agent('--state', '/lab/state'))
        for part in (by_itself, confirmed, whole_link, interfaces, refused, killed):
            part(n)
    check.end()


main()
