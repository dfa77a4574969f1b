#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A swarm of three managers, real Docker Engines: the leader hangs and another leads; too few are left, and that is told."""
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, swarmlib
from hostlib import good, status

check = agentlib.Cases()


def failover(a, b, c):
    a.machine.run('kill -STOP $(pidof dockerd)')
    nodes = lambda: [n for n in b.rows('SwarmNode') if isinstance(n, dict)]
    check('another leads', b.until(lambda: any(n['Leader'] and n['HostName'] in 'bc' for n in nodes()), 60), b.rows('SwarmNode'))
    check('and the lost one is seen', b.until(lambda: any(n['HostName'] == 'a' and n['Reachability'] == 'unreachable' for n in nodes()), 60), b.rows('SwarmNode'))
    r = b.service('Update', 'web', Label=['led=anew'], Detach=True)
    check('the swarm is managed on', good(r) and b.inspect('service', 'web')['Spec']['Labels'] == {'led': 'anew'}, r)
    a.machine.run('kill -CONT $(pidof dockerd)')
    check('it is back', a.until(lambda: isinstance(a.rows('SwarmNode'), list) and all(n['Reachability'] == 'reachable' and n['State'] == 'ready' for n in a.rows('SwarmNode')), 60), a.rows('SwarmNode'))


def no_quorum(a, b, c):
    peer = agentlib.Peer(a.machine.share + '/agent.sock')
    reader = agentlib.Reader(peer, Query='SELECT * FROM SwarmQuorumChanged')
    for other in (b, c):
        other.machine.run('kill -STOP $(pidof dockerd)')
    got = swarmlib.wait_events(reader, peer, lambda e: e.get('Lost') is True, 60)
    check('a lost quorum is told', got and got[-1].get('Lost') is True, got)
    r = a.service('Update', 'web', Label=['x=y'])
    check('and nothing can be changed: said, with what to do', status(r) == 'UNAVAILABLE' and 'leader' in r['error']['message'] and 'ForceNewCluster' in r['error']['data']['Hint'], r)
    check('its own place is known', a.rows('SwarmCluster')[0]['State'] == 'active')
    for other in (b, c):
        other.machine.run('kill -CONT $(pidof dockerd)')
    got = swarmlib.wait_events(reader, peer, lambda e: e.get('Lost') is False, 60)
    check('and one that is back', got and got[-1].get('Lost') is False, got)
    peer.sock.close()


with lablib.Lab() as lab:
    a, b, c = swarmlib.prepare(lab)
    swarmlib.join(a, b, c)
    assert good(a.service('Create', Name='web', Image='bb:1', Command=['sleep', '1000']))
    swarmlib.run(check, (a, b, c), (failover, no_quorum))
