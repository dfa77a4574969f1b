#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A swarm of three real Docker Engines: secrets and configs and how they are replaced, events that the engine does not give, the cmdlets, services as desired state, an image of a
registry; a node drained, hosts that leave."""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, swarmlib
from hostlib import differ, good, status

check = agentlib.Cases()


def secrets(a):
    make = lambda kind, **more: a.do(f'Swarm{kind}', None, 'Create', **more)
    r = make('Secret', Name='pw', Data='first value', Label=['k=v'])
    i = a.inspect('secret', 'pw')
    check('a secret', good(r) and r['result']['Id'] == i['ID'] and i['Spec']['Labels'] == {'k': 'v'}, (r, i))
    row = a.rows('SwarmSecret')[0]
    check('its properties', not differ(row, {'Name': 'pw', 'Id': i['ID'], 'Labels': {'k': 'v'}, 'Revision': i['Version']['Index'], 'Driver': None}), row)
    check('the name is taken', status(make('Secret', Name='pw', Data='x')) == 'ALREADY_EXISTS')
    check('no value', status(make('Secret', Name='none')) == 'INVALID_PARAMETER')
    check('no name', status(make('Secret', Name='-x', Data='x')) == 'INVALID_PARAMETER')
    r = make('Config', Name='conf', Data='port = 1\n')
    check('a config', good(r) and make('Config', Name='bytes', Base64='AP8=')['result']['Id'] == a.inspect('config', 'bytes')['ID'], r)
    rows = {x['Name']: x for x in a.rows('SwarmConfig', PropertyList=['Name', 'Data', 'Base64', 'Size', 'Services'])}
    check('what configs hold', (rows['conf']['Data'], rows['conf']['Size'], rows['bytes']['Data'], rows['bytes']['Base64'], rows['bytes']['Size']) == ('port = 1\n', 9, None, 'AP8=', 2), rows)
    r = a.service('Create', Name='reads', Image='bb:1', Command=['sh', '-c', 'cat /run/secrets/password /conf; exec sleep 1000'], Secrets=['pw:password'], Configs=['conf'], StopTimeout=0.1,
                  UpdateMonitor=0.2)
    check('a service is given both', good(r) and a.one('SwarmService', {'Name': 'reads'})['Secrets'] == ['pw:password'] and a.one('SwarmService', {'Name': 'reads'})['Configs'] == ['conf'], r)
    check('and reads them', a.until(lambda: a.service('GetLogs', 'reads')['result']['Output'] == 'first valueport = 1\n'), a.service('GetLogs', 'reads'))
    check('who is given it is told', [x['Services'] for x in a.rows('SwarmSecret', PropertyList=['Services'])] == [['reads']])
    r = a.do('SwarmSecret', {'Name': 'pw'}, 'Remove')
    check('one that is given stays', status(r) == 'FAILED' and 'reads' in r['error']['message'], r)
    r = a.do('SwarmSecret', {'Name': 'pw'}, 'Rotate', what_if=True, Data='second value')
    check('Rotate: what-if', good(r) and {'Property': 'Name', 'From': 'pw', 'To': 'pw-2'} in r['result']['Changed'] and a.inspect('secret', 'pw-2') is None, r)
    r = a.do('SwarmSecret', {'Name': 'pw'}, 'Rotate', Data='second value')
    check('Rotate', good(r) and r['result']['Current'] == 'pw-2' and r['result']['Services'] == ['reads'] and a.docker("secret ls --format '{{.Name}}'") == 'pw-2', r)
    check('the service has the new one under the same file name', a.one('SwarmService', {'Name': 'reads'})['Secrets'] == ['pw-2:password'] and
          a.until(lambda: 'second value' in a.service('GetLogs', 'reads')['result']['Output']))
    r = a.call('SetInstance', 'SwarmConfig', {'Name': 'conf'}, {'Data': 'port = 2\n'})
    check('what a config holds stays', status(r) == 'NOT_SUPPORTED' and 'Update-SwarmConfig' in r['error']['data']['Hint'], r)
    check('a config that is so', a.call('TestInstance', 'SwarmConfig', {'Name': 'conf'}, {'Data': 'port = 1\n'})['result']['InDesiredState'] is True)
    check('all goes', good(a.service('Remove', 'reads')) and good(a.do('SwarmSecret', {'Name': 'pw-2'}, 'Remove')) and good(a.do('SwarmConfig', {'Name': 'conf'}, 'Remove')))
    audit = json.dumps(a.rows('AuditRecord'))
    check('no value is in the audit', 'SwarmSecret' in audit and 'first value' not in audit and 'second value' not in audit)


def events(a, b, c):
    peers = [agentlib.Peer(a.machine.share + '/agent.sock') for _ in range(4)]
    task, converged, stalled, services = (agentlib.Reader(p, Query=f'SELECT * FROM {name}') if name != 'SwarmService' else
                                          agentlib.Reader(p, ClassName=name, PropertyList=['Name', 'Running', 'Converged'])
                                          for p, name in zip(peers, ('SwarmTaskChanged', 'SwarmServiceConverged', 'SwarmServiceStalled', 'SwarmService')))
    check('subscribed', not any(r.error for r in (task, converged, stalled, services)), [r.error for r in (task, converged, stalled, services)])
    check('a service is pushed', services.sync(), services.result)
    r = a.service('Create', Name='seen', Image='bb:1', Command=['sleep', '1000'], Replicas=2, StopTimeout=0.1, RestartDelay=0.1, Constraints=['node.hostname!=a'])
    check('a service on other hosts', good(r), r)
    got = swarmlib.wait_events(task, peers[0], lambda e: e.get('State') == 'running')
    check('its tasks are told, though the engine tells nothing', got and got[-1].get('ServiceName') == 'seen' and got[-1]['NodeName'] in ('b', 'c') and got[-1]['TaskName'] in ('seen.1', 'seen.2'), got)
    got = swarmlib.wait_events(converged, peers[1], lambda e: e.get('ServiceName') == 'seen')
    check('converged', got and (got[-1].get('Running'), got[-1].get('Desired')) == (2, 2), got)
    got = swarmlib.wait_events(services, peers[3], lambda e: e.get('Name') == 'seen' and e.get('Converged') is True)
    check('and the service itself as modified', got and got[-1].get('Running') == 2, got)
    victim = next(h for h in (b, c) if h.docker('ps -q'))
    victim.docker('kill $(docker ps -q | head -1)')
    got = swarmlib.wait_events(task, peers[0], lambda e: e.get('State') == 'failed')
    check('a task that was killed on another host', got and got[-1].get('ServiceName') == 'seen' and got[-1]['ExitCode'] == 137 and '137' in got[-1]['Error'], got)
    r = a.service('Create', Name='stuck', Image='bb:1', Command=['/no/such'], RestartDelay=0.1, Detach=True)
    got = swarmlib.wait_events(stalled, peers[2], lambda e: e.get('ServiceName') == 'stuck')
    check('one that does not come about', got and '/no/such' in got[-1].get('Reason', ''), (r, got))
    for name in ('seen', 'stuck'):
        a.service('Remove', name)
    tasks = a.call('Associators', 'SwarmNode', {'Id': a.rows('SwarmNode')[0]['Id']}, AssocClass='SwarmNodeTask')
    check('associations', good(tasks), tasks)
    for p in peers:
        p.sock.close()


def shell(a):
    out = lambda command: (lambda r: (r.stdout + r.stderr).strip())(a.shell(command))
    check('Get-SwarmNode', out('Get-SwarmNode | Sort-Object HostName | ForEach-Object HostName').split() == ['a', 'b', 'c'], out('Get-SwarmNode'))
    text = out('New-SwarmService cmd bb:1 -Command sleep,1000 -Replicas 2 -StopTimeout 0.1 -Label a=b | Select-Object -ExpandProperty Id')
    check('New-SwarmService', text.split()[-1:] == [a.docker("service inspect -f '{{.ID}}' cmd")], text)
    check('Get-SwarmService', out('(Get-SwarmService cmd).Running') == '2', out('Get-SwarmService'))
    text = out('Set-SwarmService cmd 1 -WhatIf')
    check('Set-SwarmService -WhatIf', 'Replicas: 2 -> 1' in text, text)
    out('Set-SwarmService cmd 1')
    check('Set-SwarmService', a.inspect('service', 'cmd')['Spec']['Mode']['Replicated']['Replicas'] == 1)
    text = out('Update-SwarmService cmd -Constraint node.hostname==nowhere')
    check('an error in words', 'no node that takes tasks fits node.hostname==nowhere' in text, text)
    out('Set-SwarmNode c -Label tier=back')
    check('Set-SwarmNode by its host name', a.inspect('node', 'c')['Spec']['Labels'].get('tier') == 'back', out('Set-SwarmNode c -Label tier=back'))
    text = out('Get-SwarmTask | Where-Object ServiceName -eq cmd | Where-Object State -eq running | ForEach-Object Name')
    check('Get-SwarmTask', text.startswith('cmd.'), text)
    text = out('New-SwarmSecret s1 hush; (Get-SwarmSecret s1).Name; Remove-SwarmSecret s1; Get-SwarmCluster | ForEach-Object State')
    check('secrets, the cluster', 's1' in text and 'active' in text and a.docker('secret ls -q') == '', text)
    a.service('Create', Name='says', Image='bb:1', Command=['sh', '-c', 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done'], Replicas=2, StopTimeout=0.1)
    text = out('Get-SwarmServiceLog says -Follow | Select-Object -First 12')
    check('Get-SwarmServiceLog -Follow, of several hosts, until there is enough', len(text.splitlines()) == 12 and all(l.startswith('line ') for l in text.splitlines()), text)
    text = out('Get-SwarmService says | Get-SwarmServiceLog -Tail 1')
    check('Get-SwarmServiceLog', 1 <= len(text.splitlines()) <= 3 and text.startswith('line '), text)
    text = out('Get-SwarmServiceLog nothing')
    check('of none', 'no service' in text, text)
    out('Remove-SwarmService cmd; Remove-SwarmService says')
    check('Remove-SwarmService', a.inspect('service', 'cmd') is None)


def networks(a):
    check('a network of the swarm', good(a.do('ContainerNetwork', None, 'Create', Name='ov', Driver='overlay')))
    r = a.service('Create', Name='net', Image='bb:1', Command=['sleep', '1000'], Networks=['ov'], StopTimeout=0.1)
    if status(r) in ('FAILED', 'TIMED_OUT'):
        check.skip('a service in an overlay network', f"this kernel has none: {r['error']['message']}")
    else:
        i, row = a.inspect('service', 'net'), a.one('SwarmService', {'Name': 'net'})
        check('a service in it', good(r) and row['Networks'] == ['ov'] and row['VirtualAddresses'] == [v['Addr'] for v in i['Endpoint']['VirtualIPs']] and a.tasks('net')[0]['Addresses'], (r, row))
        check('read as it was given', a.call('TestInstance', 'SwarmService', {'Name': 'net'}, {'Networks': ['ov']})['result']['InDesiredState'] is True)
    r = a.service('Create', Name='hostnet', Image='bb:1', Command=['sleep', '1000'], Networks=['host'], StopTimeout=0.1)
    check("in the hosts' own network", good(r) and a.one('SwarmService', {'Name': 'hostnet'})['Networks'] == ['host'], r)
    check('read as it was given, too', a.call('TestInstance', 'SwarmService', {'Name': 'hostnet'}, {'Networks': ['host']})['result']['InDesiredState'] is True)
    for name in ('net', 'hostnet'):
        a.service('Remove', name)


def rights(a):
    """Roles hold for the swarm as for all else: what one sees, and what he may do."""
    a.machine.run("mkdir -p /etc/reeve/roles.d; printf '%s\\n' '[Role]' 'Description = sees' '[Who]' 'User = bob' '[Allow see]' 'Class = SwarmService' 'Operation = Read' > /etc/reeve/roles.d/viewer.role; "
                  'kill -HUP $(pidof reeve-agent)')
    def rpc(method, **params):
        r = a.machine.run("REEVE_SOCKET=/lab/agent.sock HOME=/home/bob setpriv --reuid=bob --regid=bob --clear-groups /opt/reeve/bin/reeve rpc " + f"{method} '{json.dumps(params)}'")
        return r.stdout + r.stderr

    see = lambda: rpc('EnumerateInstances', ClassName='SwarmService', PropertyList=['Name'])
    check('who may see services does', a.until(lambda: 'Instances' in see()), see())
    r = rpc('EnumerateInstances', ClassName='SwarmSecret')
    check('and not secrets', 'Instances' not in r and r, r)
    r = rpc('InvokeMethod', ClassName='SwarmService', InstanceName={'Name': 'x'}, MethodName='Remove')
    check('nor changes any', 'denied: bob may not invoke SwarmService.Remove' in r, r)


def registry(a):
    m = a.machine
    m.run("""printf 'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /tmp/reg\nhttp:\n  addr: 127.0.0.1:5001\n' > /tmp/reg.yml
        setsid docker-registry serve /tmp/reg.yml >/tmp/reg.log 2>&1 </dev/null &""")
    pushed = a.until(lambda: m.run('docker tag bb:1 127.0.0.1:5001/bb:1 && docker push 127.0.0.1:5001/bb:1').returncode == 0)
    if not pushed:
        check.skip('an image of a registry', 'no registry could be started: ' + m.run('tail -2 /tmp/reg.log').stdout)
        return
    digest = json.loads(m.run('docker inspect 127.0.0.1:5001/bb:1').stdout)[0]['RepoDigests'][0].split('@')[1]
    m.run('docker rmi 127.0.0.1:5001/bb:1')
    r = a.service('Create', Name='pinned', Image='127.0.0.1:5001/bb:1', Command=['sleep', '1000'], Constraints=['node.hostname==a'], StopTimeout=0.1)
    row = a.one('SwarmService', {'Name': 'pinned'})
    check('pinned to the digest that the registry tells', good(r) and not r['result']['Warnings'] and (row['Image'], row['ImageDigest']) == ('127.0.0.1:5001/bb:1', digest), (r, row))
    r = a.service('Update', 'pinned', Image='127.0.0.1:5001/bb:1')
    check('named again changes nothing', good(r) and 'Changed' not in r['result'], r)
    r = a.service('Update', 'pinned', Image='127.0.0.1:5001/bb:none')
    check('a tag that the registry does not have', status(r) == 'NOT_FOUND' and len(a.tasks('pinned')) == 1, r)
    a.service('Remove', 'pinned')


def desired(a):
    key, want = {'Name': 'held'}, {'Image': 'bb:1', 'Command': ['sleep', '1000'], 'Replicas': 1, 'Labels': {'k': 'v'}, 'StopTimeout': 0.1}
    r = a.call('SetInstance', 'SwarmService', key, want)
    check('SetInstance makes it', good(r) and len(a.tasks('held')) == 1, r)
    r = a.call('TestInstance', 'SwarmService', key, want)
    check('and it is so', r['result']['InDesiredState'] is True, r)
    r = a.call('SetInstance', 'SwarmService', key, {**want, 'Replicas': 2})
    check('SetInstance changes what differs', good(r) and [x['Property'] for x in r['result']['Changed']] == ['Replicas'] and len(a.tasks('held')) == 2, r)
    r = a.call('SetInstance', 'SwarmService', key, Ensure='Absent')
    check('and takes it away', good(r) and a.inspect('service', 'held') is None, r)


def drain(a, b, c):
    r = a.service('Create', Name='web', Image='bb:1', Command=['sleep', '1000'], Replicas=3, StopTimeout=0.2)
    check('a service', good(r) and sorted(t['NodeName'] for t in a.tasks('web')) == ['a', 'b', 'c'], r)
    r = a.node('c', 'Suspend', Drain=True)
    check('drained: nothing runs there when that is answered', good(r) and c.docker('ps -q') == '' and a.inspect('node', 'c')['Spec']['Availability'] == 'drain', r)
    check('its tasks are elsewhere', a.until(lambda: sorted({t['NodeName'] for t in a.tasks('web')}) == ['a', 'b']))
    check('Resume', good(a.node('c', 'Resume')))


def cluster(a):
    a.service('Remove', 'web')
    r = a.do('SwarmCluster', None, 'Update', TaskHistoryLimit=2, HeartbeatPeriod=4, CertificateExpiry=7200, Label=['site=lab'], AutoLock=True)
    check('Set-SwarmCluster', good(r) and sorted(x['Property'] for x in r['result']['Changed']) == ['AutoLock', 'CertificateExpiry', 'HeartbeatPeriod', 'Labels.site', 'TaskHistoryLimit'], r)
    row, i = a.rows('SwarmCluster')[0], json.loads(a.docker("info -f '{{json .Swarm}}'"))
    spec = i['Cluster']['Spec']
    check('its properties', not differ(row, {'State': i['LocalNodeState'], 'Id': i['Cluster']['ID'], 'NodeId': i['NodeID'], 'NodeAddress': i['NodeAddr'], 'IsManager': i['ControlAvailable'], 'Nodes': i['Nodes'],
                                             'Managers': i['Managers'], 'Labels': {'site': 'lab'}, 'TaskHistoryLimit': spec['Orchestration']['TaskHistoryRetentionLimit'],
                                             'HeartbeatPeriod': spec['Dispatcher']['HeartbeatPeriod'] / 1e9, 'CertificateExpiry': spec['CAConfig']['NodeCertExpiry'] / 1e9, 'AutoLock': True,
                                             'SubnetSize': i['Cluster']['SubnetSize'], 'DataPathPort': i['Cluster']['DataPathPort'], 'DefaultAddressPool': i['Cluster']['DefaultAddrPool'],
                                             'Revision': i['Cluster']['Version']['Index']}) and (row['TaskHistoryLimit'], row['HeartbeatPeriod'], row['CertificateExpiry']) == (2, 4, 7200), (row, i))
    check('again changes nothing', 'Changed' not in a.do('SwarmCluster', None, 'Update', TaskHistoryLimit=2)['result'])
    key = a.do('SwarmCluster', None, 'GetUnlockKey')
    check('the unlock key', good(key) and key['result']['Key'] == a.docker('swarm unlock-key -q'), key)
    check('a certificate that is good for too short', status(a.do('SwarmCluster', None, 'Update', CertificateExpiry=5)) == 'INVALID_PARAMETER')
    old = a.docker('swarm join-token -q worker')
    r = a.do('SwarmCluster', None, 'RotateJoinToken', Role='worker')
    check('another token', good(r) and r['result']['Token'] == a.docker('swarm join-token -q worker') != old, r)
    a.machine.run('systemctl reset-failed docker.service docker.socket; systemctl restart docker', timeout=90)  # a unit that was started often is refused
    row = a.until(lambda: next((x for x in a.rows('SwarmCluster') if isinstance(x, dict) and x['State'] == 'locked'), None))
    check('a manager that was restarted is locked', row, a.rows('SwarmCluster'))
    r = a.rows('SwarmService')
    check('and says so', status(r) == 'UNAVAILABLE' and 'Unlock-Swarm' in r['error']['data']['Hint'], r)
    r = a.do('SwarmCluster', None, 'Unlock', Key='SWMKEY-1-wrongwrongwrongwrongwrongwrongwrongwrongwr')
    check('a wrong key', 'error' in r, r)
    check('Unlock', good(a.do('SwarmCluster', None, 'Unlock', Key=key['result']['Key'])) and a.until(lambda: isinstance(a.rows('SwarmService'), list)), a.rows('SwarmCluster'))
    audit = json.dumps(a.rows('AuditRecord'))
    check('the key is not in the audit', key['result']['Key'] not in audit)


def leave(a, b, c):
    r = c.do('SwarmCluster', None, 'Leave')
    check('a manager does not just leave', status(r) == 'FAILED' and 'Force' in r['error']['data']['Hint'], r)
    r = a.node('c', 'Remove')
    check('nor is one that is there taken out', status(r) == 'FAILED' and 'Force' in r['error']['data']['Hint'], r)
    r = a.node('c', 'Demote')
    check('Demote', good(r) and a.inspect('node', 'c')['Spec']['Role'] == 'worker', r)
    check('it knows itself', c.until(lambda: not c.rows('SwarmCluster')[0]['IsManager'], 60))
    r = c.do('SwarmCluster', None, 'Leave')
    check('Leave', good(r) and c.docker("info -f '{{.Swarm.LocalNodeState}}'") == 'inactive', r)
    check('Remove', good(a.node('c', 'Remove', Force=True)) and len(a.docker('node ls -q').split()) == 2)
    check('Demote again', good(a.node('b', 'Demote')))
    r = a.node('a', 'Demote')
    check('the last manager stays one', status(r) == 'FAILED' and 'last manager' in r['error']['message'], r)
    check('the last one leaves', good(a.do('SwarmCluster', None, 'Leave', Force=True)) and a.rows('SwarmCluster')[0]['State'] == 'inactive')


with lablib.Lab() as lab:
    a, b, c = swarmlib.prepare(lab, 'containers')
    swarmlib.join(a, b, c)
    swarmlib.run(check, (a, b, c), (secrets, events, shell, desired, networks, rights, registry, drain, cluster, leave))
