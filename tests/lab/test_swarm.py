#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A swarm of three real Docker Engines: made and joined by the agent's methods; each property beside `docker inspect`; services made, changed, undone; what cannot work
refused while the old tasks still run."""
import json, os, sys, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, swarmlib
from hostlib import differ, good, status

check = agentlib.Cases()


def form(a, b, c):
    r = a.rows('SwarmNode')
    check('no swarm: said, with what to do', status(r) == 'UNAVAILABLE' and 'Initialize-Swarm' in r['error']['data']['Hint'], r)
    check('and the cluster says inactive', [(s['State'], s['IsManager'], s['Id']) for s in a.rows('SwarmCluster')] == [('inactive', False, None)])
    r = a.service('Create', Name='x', Image='bb:1')
    check('a service needs a swarm', status(r) == 'UNAVAILABLE', r)
    check('leaving none is nothing', a.do('SwarmCluster', None, 'Leave').get('result', {}).get('Changed') is None)
    r = a.do('SwarmCluster', None, 'Init', what_if=True, AdvertiseAddress=a.machine.ip)
    check('Init: what-if', good(r) and a.docker("info -f '{{.Swarm.LocalNodeState}}'") == 'inactive', r)
    r = a.do('SwarmCluster', None, 'Init', AdvertiseAddress=a.machine.ip)
    check('Init', good(r) and r['result']['NodeId'] == a.docker("info -f '{{.Swarm.NodeID}}'"), r)
    r = a.do('SwarmCluster', None, 'Init')
    check('Init again', status(r) == 'ALREADY_EXISTS', r)
    tokens = {role: a.do('SwarmCluster', None, 'GetJoinToken', Role=role)['result'] for role in ('manager', 'worker')}
    check('tokens', all(t['Token'] == a.docker(f'swarm join-token -q {role}') and t['RemoteAddress'] == f'{a.machine.ip}:2377' for role, t in tokens.items()), tokens)
    r = b.do('SwarmCluster', None, 'Join', RemoteAddress=[a.machine.ip], Token='nonsense')
    check('no token', status(r) == 'INVALID_PARAMETER', r)
    r = b.do('SwarmCluster', None, 'Join', RemoteAddress=[a.machine.ip], Token=tokens['manager']['Token'])
    check('Join as a manager', good(r) and r['result']['NodeId'] == b.docker("info -f '{{.Swarm.NodeID}}'"), r)
    r = c.do('SwarmCluster', None, 'Join', RemoteAddress=[f'{b.machine.ip}:2377'], Token=tokens['worker']['Token'])
    check('Join as a worker, through the other manager', good(r), r)
    r = c.rows('SwarmService')
    check('a worker does not know, and says who does', status(r) == 'UNAVAILABLE' and f'{a.machine.ip}:2377' in r['error']['data']['Hint'], r)
    audit = json.dumps(b.rows('AuditRecord'))
    check('the token is not in the audit', 'SwarmCluster' in audit and tokens['manager']['Token'] not in audit, audit[:300])


def nodes(a, b, c):
    rows = {r['HostName']: r for r in a.rows('SwarmNode')}
    check('the same nodes', sorted(rows) == ['a', 'b', 'c'], sorted(rows))
    for name, r in rows.items():
        i = a.inspect('node', name)
        d, m = i['Description'], i.get('ManagerStatus') or {}
        wrong = differ(r, {'Id': i['ID'], 'Role': i['Spec']['Role'], 'Availability': i['Spec']['Availability'], 'Labels': i['Spec'].get('Labels') or {}, 'State': i['Status']['State'],
                           'Address': i['Status']['Addr'], 'Leader': m.get('Leader', False) if m else None, 'Reachability': m.get('Reachability'), 'ManagerAddress': m.get('Addr'),
                           'EngineVersion': d['Engine']['EngineVersion'], 'OperatingSystem': d['Platform']['OS'], 'Architecture': d['Platform']['Architecture'],
                           'Cpus': d['Resources']['NanoCPUs'] / 1e9, 'Memory': d['Resources']['MemoryBytes'], 'Self': name == 'a'})
        check(f'properties of the node {name}', not wrong, wrong)
    update = lambda name, **more: a.node(name, 'Update', **more)
    r = update('c', Label=['disk=ssd', 'rack=1'])
    check('labels', good(r) and a.inspect('node', 'c')['Spec']['Labels'] == {'disk': 'ssd', 'rack': '1'}, r)
    r = update('c', Label=['disk=ssd'], RemoveLabel=['rack'])
    check('only what differs changes', good(r) and [x['Property'] for x in r['result']['Changed']] == ['Labels.rack'] and a.inspect('node', 'c')['Spec']['Labels'] == {'disk': 'ssd'}, r)
    check('nothing to do', 'Changed' not in update('c', Availability='active')['result'])
    r = update('c', Role='manager')
    check('promoted, and it is one when that is answered', good(r) and a.inspect('node', 'c')['ManagerStatus']['Reachability'] == 'reachable', r)
    key = {'Id': rows['c']['Id']}
    r = a.call('TestInstance', 'SwarmNode', key, {'Availability': 'pause', 'Labels': {'disk': 'ssd'}})
    check('TestInstance', r['result']['InDesiredState'] is False and [x['Property'] for x in r['result']['Changed']] == ['Availability'], r)
    r = a.call('SetInstance', 'SwarmNode', key, {'Availability': 'pause', 'Labels': {'disk': 'ssd'}})
    check('SetInstance', good(r) and a.inspect('node', 'c')['Spec']['Availability'] == 'pause', r)
    check('Resume', good(a.node('c', 'Resume')) and a.inspect('node', 'c')['Spec']['Availability'] == 'active')
    r = update('no-such-node', Availability='active')
    check('no such node', status(r) == 'NOT_FOUND', r)


def races(a):
    """Many change the same node at once: what was answered as done is there, what was overtaken twice is told as such."""
    key, answers = {'Id': a.rows('SwarmNode', Filter="HostName='b'")[0]['Id']}, {}

    def one(i):
        with agentlib.Peer(a.machine.share + '/agent.sock') as p:
            p.sock.settimeout(60)
            answers[i] = p.call('InvokeMethod', {'ClassName': 'SwarmNode', 'InstanceName': key, 'MethodName': 'Update', 'InParameters': {'Label': [f'r{i}=1']}})

    work = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for w in work:
        w.start()
    for w in work:
        w.join()
    done = sorted(f'r{i}' for i, r in answers.items() if good(r))
    check('only a revision that was overtaken is refused', all(good(r) or status(r) == 'STALE' for r in answers.values()), answers)
    check('what was done is there, once and all of it', done and sorted(a.inspect('node', 'b')['Spec']['Labels']) == done and
          all(len(r['result']['Changed']) == 1 for r in answers.values() if good(r)), (done, answers))


WEB = dict(Image='bb:1', Command=['sh', '-c', 'echo hello; echo bad >&2; exec sleep 1000'], Replicas=3, Environment=['A=1', 'B=two words'], Label=['x=y'], ContainerLabel=['in=side'],
           Port=['8080:80', '8081:81/udp/host'], Mount=['data:/data:ro', '/tmp:/host'], Constraint=['node.labels.none!=x'], MemoryReservation=8 << 20, CpuReservation=0.01,
           RestartDelay=0.2, UpdateMonitor=0.3, UpdateParallelism=3, RollbackMonitor=0.3, RollbackOrder='stop-first', RollbackParallelism=0, StopTimeout=0.2, WorkingDirectory='/tmp', User='0', HostName='h', Dns=['1.1.1.1'], ExtraHosts=['db:10.0.0.9'],
           HealthCommand='none', LogDriver='json-file', LogOption=['max-size=1m'], Init=False, MaxReplicasPerNode=2, Preferences=['node.labels.rack'], EndpointMode='vip', RestartCondition='any')


def create(a):
    arguments = {{'Port': 'Ports', 'Mount': 'Mounts', 'Constraint': 'Constraints'}.get(k, k): v for k, v in WEB.items()}
    r = a.service('Create', Name='web', what_if=True, **arguments)
    check('Create: what-if', good(r) and {'Property': 'Replicas', 'From': None, 'To': '3'} in r['result']['Changed'] and a.docker('service ls -q') == '', r)
    r = a.service('Create', Name='web', **arguments)
    i = a.inspect('service', 'web')
    check('Create, and all tasks run when that is answered', good(r) and r['result']['Id'] == i['ID'] and len(a.tasks('web')) == 3, r)
    check('that no registry vouches for the image is said', 'registry' in ''.join(r.get('result', {}).get('Warnings') or []), r)
    t = i['Spec']['TaskTemplate']
    c = t['ContainerSpec']
    got = (c['Image'], c['Args'], c['Env'], c['Labels'], c['Dir'], c['User'], c['Hostname'], c['Hosts'], c['DNSConfig']['Nameservers'], c['StopGracePeriod'], c['Healthcheck'],
           [(m['Type'], m['Source'], m['Target'], m.get('ReadOnly', False)) for m in c['Mounts']], t['Placement']['Constraints'], t['Placement']['MaxReplicas'], t['Resources']['Reservations'],
           t['RestartPolicy']['Delay'], t['LogDriver'], i['Spec']['Labels'], i['Spec']['Mode'], i['Spec']['UpdateConfig']['Parallelism'], i['Spec']['UpdateConfig']['Monitor'],
           [(p['TargetPort'], p['PublishedPort'], p['Protocol'], p['PublishMode']) for p in i['Spec']['EndpointSpec']['Ports']])
    want = ('bb:1', WEB['Command'], WEB['Environment'], {'in': 'side'}, '/tmp', '0', 'h', ['10.0.0.9 db'], ['1.1.1.1'], 200000000, {'Test': ['NONE']},
            [('volume', 'data', '/data', True), ('bind', '/tmp', '/host', False)], ['node.labels.none!=x'], 2, {'MemoryBytes': 8 << 20, 'NanoCPUs': 10000000},
            200000000, {'Name': 'json-file', 'Options': {'max-size': '1m'}}, {'x': 'y'}, {'Replicated': {'Replicas': 3}}, 3, 300000000, [(80, 8080, 'tcp', 'ingress'), (81, 8081, 'udp', 'host')])
    check('as asked', got == want, [(x, y) for x, y in zip(got, want) if x != y])
    row = a.one('SwarmService', {'Name': 'web'})
    wrong = differ(row, {'Id': i['ID'], 'Mode': 'replicated', 'Running': 3, 'Desired': 3, 'Converged': True, 'Revision': i['Version']['Index'], 'Labels': {'x': 'y'}, 'ContainerLabels': {'in': 'side'},
                         'LogOptions': {'max-size': '1m'}, 'ImageDigest': None, 'CanRollback': False, 'UpdateState': None, 'PublishedPorts': ['8080:80', '8081:81/udp/host'],
                         **{k: v for k, v in arguments.items() if k not in ('Label', 'ContainerLabel', 'LogOption', 'RollbackParallelism')}})
    check('read as it was given', not wrong, wrong)
    tasks = {t['Id']: t for t in a.rows('SwarmTask')}
    real = json.loads(a.docker('inspect ' + ' '.join(tasks)))
    names = {n['Id']: n['HostName'] for n in a.rows('SwarmNode')}
    for t in real:
        wrong = differ(tasks[t['ID']], {'ServiceId': t['ServiceID'], 'ServiceName': 'web', 'Name': f"web.{t['Slot']}", 'Slot': t['Slot'], 'NodeId': t['NodeID'], 'NodeName': names[t['NodeID']],
                                        'State': t['Status']['State'], 'DesiredState': t['DesiredState'], 'ContainerId': t['Status']['ContainerStatus']['ContainerID'],
                                        'ProcessId': t['Status']['ContainerStatus']['PID'], 'Image': 'bb:1', 'Error': None, 'Revision': t['Version']['Index'], 'Ports': ['8081:81/udp/host']})
        check(f"properties of the task {t['Slot']}", not wrong, wrong)
    r = a.service('Create', Name='web', Image='bb:1')
    check('the name is taken', status(r) == 'ALREADY_EXISTS', r)
    r = a.service('GetLogs', 'web')
    check('logs of all nodes', sorted(r['result']['Output'].split()) == ['hello'] * 3 and r['result']['ErrorOutput'].split() == ['bad'] * 3, r)


def refused(a):
    """What cannot work is refused, and the old tasks run on: the very same ones."""
    before = sorted(t['Id'] for t in a.tasks('web'))
    revision = a.inspect('service', 'web')['Version']['Index']
    for what, name, about, arguments in (
            ('an image that nobody has', 'NOT_FOUND', 'Image', {'Image': 'nope:1'}), ('an unknown network', 'NOT_FOUND', 'Networks', {'Networks': ['nonet']}),
            ("a host's own network", 'INVALID_PARAMETER', 'Networks', {'Networks': ['bridge']}), ('a port that is none', 'INVALID_PARAMETER', 'Ports', {'Ports': ['99999:80']}),
            ('a port twice', 'INVALID_PARAMETER', 'Ports', {'Ports': ['8080:80', '8080:81']}), ('no node fits', 'INVALID_PARAMETER', 'Constraints', {'Constraints': ['node.hostname==zzz']}),
            ('no node fits both', 'INVALID_PARAMETER', 'Constraints', {'Constraints': ['node.hostname==a', 'node.labels.disk==ssd']}),
            ('no constraint', 'INVALID_PARAMETER', 'Constraints', {'Constraints': ['node.host==a']}), ('more memory than there is', 'INVALID_PARAMETER', None, {'MemoryReservation': 1 << 50}),
            ('a port of the host on too few nodes', 'INVALID_PARAMETER', None, {'Constraints': ['node.hostname==a']}), ('no secret', 'NOT_FOUND', 'Secrets', {'Secrets': ['nosecret']}),
            ('no config', 'NOT_FOUND', 'Configs', {'Configs': ['noconfig']}), ('no pair', 'INVALID_PARAMETER', 'Environment', {'Environment': ['=x']}),
            ('a log driver that no node has', 'INVALID_PARAMETER', None, {'LogDriver': 'nolog'}), ('so little memory', 'INVALID_PARAMETER', 'MemoryLimit', {'MemoryLimit': 1000})):
        for what_if in (True, False):
            r = a.service('Update', 'web', what_if=what_if, **arguments)
            check(f'{what}: refused' + (', by what-if as well' if what_if else ''), status(r) == name and (r['error']['data'].get('Property') or None) == about, r)
    r = a.service('Scale', 'web', Replicas=7)
    check('more tasks than have room', status(r) == 'INVALID_PARAMETER' and '3 of 7' in r['error']['message'], r)
    r = a.service('Create', Name='second', Image='bb:1', Ports=['8080:80'])
    check("another service's port", status(r) == 'INVALID_PARAMETER' and 'web' in r['error']['message'], r)
    r = a.service('Create', Name='everywhere', Image='bb:1', Mode='global', Replicas=2)
    check('global has no number', status(r) == 'INVALID_PARAMETER', r)
    check('the same tasks run', sorted(t['Id'] for t in a.tasks('web')) == before and a.inspect('service', 'web')['Version']['Index'] == revision)


def update(a):
    image = lambda: a.inspect('service', 'web')['Spec']['TaskTemplate']['ContainerSpec']['Image']
    r = a.service('Update', 'web', Image='bb:2', StableFor=0.2)
    check('Update, and all new tasks run when that is answered', good(r) and image() == 'bb:2' and [t['Image'] for t in a.tasks('web')] == ['bb:2'] * 3 and
          a.one('SwarmService', {'Name': 'web'}, 'UpdateState')['UpdateState'] == 'completed', r)
    check('again changes nothing', 'Changed' not in a.service('Update', 'web', Image='bb:2')['result'])
    r = a.service('Rollback', 'web')
    check('Rollback', good(r) and image() == 'bb:1' and [t['Image'] for t in a.tasks('web')] == ['bb:1'] * 3, r)
    check('one more service', good(a.service('Create', Name='one', Image='bb:1', Command=['sleep', '1000'], StopTimeout=0.1, RestartDelay=0.1, UpdateMonitor=0.2, RollbackMonitor=0.2, StableFor=0.2)))
    r = a.service('Update', 'one', Command=['/no/such/program'])
    check('a broken one is told with its reason', status(r) == 'FAILED' and 'paused' in r['error']['message'] and '/no/such' in r['error']['message'] and 'Restore-SwarmService' in r['error']['data']['Hint'], r)
    check('and is seen', not differ(a.one('SwarmService', {'Name': 'one'}), {'Converged': False, 'UpdateState': 'paused'}), a.one('SwarmService', {'Name': 'one'}))
    r = a.service('Rollback', 'one')
    check('and undone', good(r) and len(a.tasks('one')) == 1, r)
    r = a.service('Update', 'one', Command=['/nor/such'], UpdateFailureAction='rollback')
    check('one that the swarm undoes itself is no success', status(r) == 'FAILED' and 'undone' in r['error']['message'], r)
    check('its tasks are back', a.until(lambda: len(a.tasks('one')) == 1))
    before = {t['Id'] for t in a.tasks('one')}
    r = a.service('Restart', 'one')
    check('Restart', good(r) and len(a.tasks('one')) == 1 and not before & {t['Id'] for t in a.tasks('one')}, r)
    r = a.service('Scale', 'one', Replicas=3)
    check('Scale', good(r) and r['result']['Changed'] == [{'Property': 'Replicas', 'From': '1', 'To': '3'}] and len(a.tasks('one')) == 3, r)
    check('Wait', good(a.service('Wait', 'one', StableFor=0)))
    r = a.service('Create', Name='broken', Image='bb:1', Command=['/no/such'], RestartDelay=0.1)
    check('one whose tasks never start is told', status(r) == 'FAILED' and '/no/such' in r['error']['message'], r)
    check('and removed', good(a.service('Remove', 'broken')) and a.inspect('service', 'broken') is None)
    r = a.service('Create', Name='everywhere', Image='bb:1', Mode='global', Command=['sleep', '1000'], StopTimeout=0.1, StableFor=0.2)
    check('a global one', good(r) and sorted(t['NodeName'] for t in a.tasks('everywhere')) == ['a', 'b', 'c'], r)
    check('has no number', status(a.service('Scale', 'everywhere', Replicas=2)) == 'INVALID_PARAMETER')
    a.service('Remove', 'everywhere')


with lablib.Lab() as lab:
    swarmlib.run(check, swarmlib.prepare(lab), (form, nodes, races, create, refused, update))
