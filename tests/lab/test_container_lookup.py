#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A container that another client has just made is found at once, by name and by id, although its event is still on its way; what is not
there is still not there, and costs the engine one question."""
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status

check = agentlib.Cases()
IMAGE = '''mkdir -p /tmp/b/bin && cp /bin/busybox /tmp/b/bin/ && ln -sf busybox /tmp/b/bin/sleep && tar -C /tmp/b -c . | docker import - bb:1'''


def ways(a, name, id):
    """The ways to look it up."""
    return [lambda: (a.one('Container', {'Name': name}, 'Id') or {}).get('Id') == id,
            lambda: (a.one('Container', {'Id': id}, 'Id') or {}).get('Id') == id,
            lambda: [r['Id'] for r in a.rows('Container', Filter=f"Name = '{name}'", PropertyList=['Id'])] == [id]]


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('look', 'docker')
        machine.run(IMAGE, timeout=120, check=True)
        a = Asked(machine.agent())
        a.rows('Container')   # the model is there, and fed by events
        missed = []
        for i in range(50):
            id = machine.run(f'docker create --name c{i} bb:1 /bin/sleep 1000', check=True).stdout.strip()
            if not ways(a, f'c{i}', id)[i % 3]():
                missed.append((i, i % 3))
        check('fifty that docker has just made are found at once', not missed, missed)
        check('and are listed', len(a.rows('Container', PropertyList=['Id'])) == 50)
        made = machine.run('docker create --name late bb:1 /bin/sleep 1; /opt/reeve/bin/reeve -Command "(Get-Container late).Name"',
                           env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'REEVE_SOCKET': '/lab/agent.sock', 'HOME': '/root'})
        check('by the cmdlet', made.stdout.split()[-1:] == ['late'], made.stdout + made.stderr)
        gone = a.peer.call('GetInstance', {'ClassName': 'Container', 'InstanceName': {'Id': 'ab' * 32}})
        r = a.peer.call('InvokeMethod', {'ClassName': 'Container', 'InstanceName': {'Name': 'c3'}, 'MethodName': 'Rename', 'InParameters': {'NewName': 'c3b'}})
        check('a method is called by the name', 'result' in r and a.one('Container', {'Name': 'c3b'}, 'Id') is not None, r)
        r = a.peer.call('DeleteInstance', {'ClassName': 'Container', 'InstanceName': {'Name': 'c3b'}})
        check('and deleted by it', 'result' in r and a.one('Container', {'Name': 'c3b'}, 'Id') is None, r)
        r = a.peer.call('GetInstance', {'ClassName': 'Container', 'InstanceName': {'Image': 'bb:1'}})
        check('what identifies nothing is no name', status(r) == 'INVALID_PARAMETER', r)
        check('what is not there is not there', status(gone) == 'NOT_FOUND', gone)
        check('and no row', a.rows('Container', Filter="Name = 'none-of-that'") == [])
        id = a.rows('Container', Filter="Name = 'c7'", PropertyList=['Id'])[0]['Id']
        machine.run('docker rm c7', check=True)
        check('what was removed is soon gone', agentlib.until(lambda: a.one('Container', {'Id': id}, 'Id') is None))
    check.end()


main()
