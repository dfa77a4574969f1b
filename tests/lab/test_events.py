#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events of services on a booted systemd: told as systemd tells them, also after it has been executed anew."""
import os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from agentlib import Reader

Reader.patience = 10

check = agentlib.Cases()


def target(p):
    return (p or {}).get('Indication', {}).get('TargetInstance', {})


with lablib.Lab() as lab:
    m = lab.machine('events')
    path = m.agent()
    agent = agentlib.Peer(path)
    m.run("printf '[Service]\\nExecStart=/bin/sleep 1000\\n' > /etc/systemd/system/evented.service && systemctl daemon-reload")
    states = Reader(agentlib.Peer(path), Query="SELECT * FROM __InstanceModificationEvent WHERE TargetInstance ISA 'Service' AND TargetInstance.State <> PreviousInstance.State")
    names = Reader(agentlib.Peer(path), Query="SELECT TargetInstance.Name FROM __InstanceOperationEvent WHERE TargetInstance ISA 'Service' AND TargetInstance.Name LIKE 'evented%'")
    check('pushed', states.result.get('Push') and names.result.get('Push'), (states.result, states.error))
    got = states.until(lambda p: p['Kind'] == 'Sync', 20)
    check('the baseline', got[-1], got)
    names.until(lambda p: p['Kind'] == 'Sync')
    took = []
    for i in range(5):
        begun = time.monotonic()
        m.run('systemctl start evented')
        got = states.until(lambda p: p['Kind'] == 'Modify' and target(p)['Name'] == 'evented' and target(p)['State'] == 'Running')
        took.append(time.monotonic() - begun)
        check('it starts', got[-1] and got[-1]['Indication']['PreviousInstance']['State'] != 'Running' and target(got[-1])['MainPID'], got[-2:])
        m.run('systemctl stop evented')
        got = states.until(lambda p: p['Kind'] == 'Modify' and target(p)['Name'] == 'evented' and target(p)['State'] == 'Stopped')
        check('it stops', got[-1], got[-2:])
    print(f'systemctl start to the reader: {min(took) * 1000:.0f} ms with systemctl itself')
    m.run('systemctl start evented')
    states.until(lambda p: target(p).get('Name') == 'evented' and target(p).get('State') == 'Running')
    m.run('systemctl kill -s KILL evented')
    got = states.until(lambda p: target(p).get('Name') == 'evented' and target(p).get('ActiveState') == 'failed')
    check('it is killed', got[-1] and target(got[-1])['Result'] == 'signal', got[-2:])
    m.run('systemctl daemon-reexec')
    time.sleep(1)
    m.run('systemctl reset-failed evented; systemctl start evented')
    got = states.until(lambda p: target(p).get('Name') == 'evented' and target(p).get('State') == 'Running', 20)
    check('after daemon-reexec', got[-1], got[-2:])
    m.run('systemctl stop evented; cp /etc/systemd/system/evented.service /etc/systemd/system/evented2.service; systemctl daemon-reload')
    got = names.until(lambda p: p['Kind'] == 'Create' and target(p).get('Name') == 'evented2', 20)
    check('a new unit file', got[-1], got[-2:])
    m.run('rm /etc/systemd/system/evented2.service; systemctl daemon-reload')
    got = names.until(lambda p: p['Kind'] == 'Delete' and target(p).get('Name') == 'evented2', 20)
    check('it is removed', got[-1], got[-2:])
    # Looking at all of them does not make events of its own.
    states.until(lambda p: False, 1)
    agent.call('EnumerateInstances', {'ClassName': 'Service'})
    got = states.until(lambda p: p['Kind'] == 'Modify', 2)
    check('asking is no event', got == [None], got[:2])
    # Associations of real services.
    r = agent.call('EnumerateInstances', {'ClassName': 'Service', 'PropertyList': ['Name', 'MainPID'], 'Filter': 'MainPID IS NOT NULL'})['result']['Instances']
    one = r[0]
    a = agent.call('Associators', {'ClassName': 'Service', 'InstanceName': {'Name': one['Name']}, 'AssocClass': 'ServiceProcess', 'PropertyList': ['ProcessId']})
    check('processes of a service', one['MainPID'] in [x['ProcessId'] for x in a.get('result', {}).get('Instances', [])], (one, a))
    a = agent.call('Associators', {'ClassName': 'Process', 'InstanceName': {'ProcessId': one['MainPID']}, 'AssocClass': 'ServiceProcess', 'PropertyList': ['Name']})
    check('service of a process', [x['Name'] for x in a.get('result', {}).get('Instances', [])] == [one['Name']], (one, a))
    a = agent.call('EnumerateInstances', {'ClassName': 'ServiceProcess'})
    check('the whole association', len(a.get('result', {}).get('Instances', [])) >= len(r), a)
check.end()
