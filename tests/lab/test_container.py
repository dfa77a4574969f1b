#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Containers on a real Docker Engine: each property beside `docker inspect`, each method by its effect as the docker client sees it and
by the errors it gives, an engine that is stopped, hangs, and comes back."""
import json, os, re, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


class Engine:
    def __init__(self, machine, peer):
        self.machine, self.peer = machine, peer

    def docker(self, command):
        return self.machine.run('docker ' + command).stdout.strip()

    def inspect(self, name):
        return (json.loads(self.docker(f'inspect {name}') or '[]') or [None])[0]

    def rows(self, name='Container', **more):
        reply = self.peer.call('EnumerateInstances', {'ClassName': name, **more})
        return reply['result']['Instances'] if 'result' in reply else reply

    def one(self, name, *properties):
        rows = self.rows(Filter=f"Name='{name}'", **({'PropertyList': list(properties)} if properties else {}))
        return rows[0] if rows else None

    def do(self, method, name=None, class_name='Container', what_if=False, key=None, **arguments):
        if name and not key:
            row = self.one(name, 'Id')
            key = {'Id': row['Id'] if row else '0' * 64}
        return self.peer.call('InvokeMethod', {'ClassName': class_name, 'MethodName': method, 'InParameters': arguments, **({'InstanceName': key} if key else {}),
                                               **({'WhatIf': True} if what_if else {})})


def prepare(machine):
    machine.run('''mkdir -p /tmp/b/bin /tmp/b/tmp && cp /bin/busybox /tmp/b/bin/ && for a in sh sleep echo cat ps true false id env head yes; do ln -sf busybox /tmp/b/bin/$a; done &&
        tar -C /tmp/b -cf /tmp/bb.tar . && docker import /tmp/bb.tar bb:1 && docker network create --subnet 10.77.0.0/24 inner && docker volume create data &&
        docker run -d --name web --label com.docker.compose.project=shop --label com.docker.compose.service=web -p 127.0.0.1:8080:80 -p 53:53/udp -v data:/data -v /tmp:/host:ro -e A=1 \\
            -e "B=two words" --hostname webhost --restart unless-stopped --network inner -w /tmp bb:1 sh -c 'echo out; echo err >&2; exec sleep 1000' &&
        docker run -d --name idle bb:1 sleep 1000 && docker create --name fresh bb:1 true && docker run --name ended bb:1 sh -c 'exit 7'; true''', timeout=120, check=True)


def properties(e):
    rows = {r['Name']: r for r in e.rows(PropertyList=[p['Name'] for p in e.peer.call('GetClass', {'ClassName': 'Container'})['result']['Properties']])}
    check('the same containers', sorted(rows) == sorted(e.docker("ps -a --format '{{.Names}}'").split()), sorted(rows))
    shown = {line.split('|')[0]: line.split('|') for line in e.docker("ps -a --no-trunc --format '{{.Names}}|{{.ID}}|{{.Image}}|{{.Ports}}|{{.State}}'").splitlines()}
    stamp = lambda t: None if t.startswith('0001') else t[:23]
    for name, r in rows.items():
        i = e.inspect(name)
        host, config, state = i['HostConfig'], i['Config'], i['State']
        want = {'Id': i['Id'], 'ShortId': i['Id'][:12], 'Image': config['Image'], 'ImageId': i['Image'], 'State': state['Status'], 'RestartCount': i['RestartCount'],
                'ProcessId': state['Pid'] or None, 'ExitCode': state['ExitCode'] if state['Status'] == 'exited' else None, 'OomKilled': state['OOMKilled'],
                'RestartPolicy': host['RestartPolicy']['Name'] or 'no', 'Privileged': host['Privileged'], 'HostName': config['Hostname'], 'User': config['User'] or None,
                'WorkingDirectory': config['WorkingDir'] or None, 'Environment': config['Env'], 'MemoryLimit': host['Memory'] or None, 'LogPath': i['LogPath'] or None,
                'Runtime': host['Runtime'], 'Isolation': 'process', 'Labels': config['Labels'] or {}, 'Networks': list(i['NetworkSettings']['Networks']),
                'IPAddress': next((n['IPAddress'] for n in i['NetworkSettings']['Networks'].values() if n['IPAddress']), None)}
        wrong = [(k, r.get(k), v) for k, v in want.items() if r.get(k) != v]
        check(f'properties of {name}', not wrong, wrong)
        check(f'times of {name}', (r['StartedAt'] or '')[:23] == (stamp(state['StartedAt']) or '') and (r['FinishedAt'] or '')[:23] == (stamp(state['FinishedAt']) or ''),
              (r['StartedAt'], state))
        check(f'ports of {name}', sorted(r['Ports']) == sorted(re.sub(r'^:::', '[::]:', p) for p in shown[name][3].split(', ') if p), (r['Ports'], shown[name][3]))
    web = rows['web']
    check('Compose labels', (web['Project'], web['Service']) == ('shop', 'web'))
    check('mounts', sorted(web['Mounts']) == ['/tmp:/host:ro', 'data:/data:rw'], web['Mounts'])
    check('its control group is where the process is', web['ControlGroup'].endswith(f"docker-{web['Id']}.scope"), web['ControlGroup'])
    check('a filter that the engine knows', [r['Name'] for r in e.rows(Filter="Project='shop'", PropertyList=['Name'])] == ['web'])
    check('by state', {r['Name'] for r in e.rows(Filter="State='running'", PropertyList=['Name'])} == {'web', 'idle'})
    check('a state that is none', e.rows(Filter="State='happy'") == [])
    pid = web['ProcessId']
    process = e.peer.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': pid}, 'PropertyList': ['ContainerId']})
    check('a process knows its container', process.get('result', {}).get('ContainerId') == web['Id'], process)


def methods(e):
    state = lambda name: e.inspect(name)['State']['Status']
    r = e.do('Stop', 'idle', what_if=True, Timeout=0)
    check('what-if tells', r['result']['Changed'] == [{'Property': 'State', 'From': 'running', 'To': 'exited'}] and state('idle') == 'running', r)
    check('Stop', 'result' in e.do('Stop', 'idle', Timeout=0) and state('idle') == 'exited')
    check('Stop again changes nothing', 'Changed' not in e.do('Stop', 'idle')['result'])
    check('Start', 'result' in e.do('Start', 'idle') and state('idle') == 'running')
    check('Start again changes nothing', 'Changed' not in e.do('Start', 'idle')['result'])
    r = e.do('Start', 'ended')
    check('one that ends at once is a failure', status(r) == 'FAILED' and 'status 7' in r['error']['message'], r)
    check('Pause', 'result' in e.do('Pause', 'idle') and state('idle') == 'paused')
    check('Unpause', 'result' in e.do('Unpause', 'idle') and state('idle') == 'running')
    before = e.inspect('idle')['State']['Pid']
    check('Restart', 'result' in e.do('Restart', 'idle', Timeout=0) and e.inspect('idle')['State']['Pid'] != before and state('idle') == 'running')
    check('Rename', 'result' in e.do('Rename', 'idle', NewName='lazy') and state('lazy') == 'running')
    r = e.do('Rename', 'lazy', NewName='web')
    check('a name that is taken', status(r) == 'ALREADY_EXISTS', r)
    check('no name', status(e.do('Rename', 'lazy', NewName='a b/c')) in ('INVALID_PARAMETER', 'FAILED'))
    check('Update', 'result' in e.do('Update', 'lazy', RestartPolicy='always') and e.inspect('lazy')['HostConfig']['RestartPolicy']['Name'] == 'always')
    check('Update of nothing', status(e.do('Update', 'lazy')) == 'INVALID_PARAMETER')
    r = e.do('GetLogs', 'web')
    check('GetLogs', r['result']['Output'] == 'out\n' and r['result']['ErrorOutput'] == 'err\n', r)
    r = e.do('GetLogs', 'web', Tail=1, Timestamps=True)
    check('GetLogs: tail, times', re.match(r'^\d{4}-\d\d-\d\dT.* (err|out)\n$', r['result']['ErrorOutput'] + r['result']['Output']), r)
    r = e.do('Exec', 'web', Command=['sh', '-c', 'echo "$A $B $C"; id -u; echo bad >&2; exit 3'], Environment=['C=3'], User='1234')
    check('Exec', (r['result']['ExitCode'], r['result']['Output'], r['result']['ErrorOutput']) == (3, '1 two words 3\n1234\n', 'bad\n'), r)
    r = e.do('Exec', 'web', Command=['sh', '-c', 'yes | head -c 6000000'])
    check('much output is cut, not more', len(r.get('result', {}).get('Output', '')) == 4 << 20, str(r)[:300])
    check('Exec where nothing runs', status(e.do('Exec', 'fresh', Command=['true'])) == 'FAILED')
    check('Kill', 'result' in e.do('Kill', 'web', Signal='SIGUSR2'))
    check('a signal that is none', status(e.do('Kill', 'web', Signal='SIGNOPE')) in ('INVALID_PARAMETER', 'FAILED'))
    timer = threading.Timer(0.7, lambda: e.machine.run('docker kill lazy'))
    e.machine.run('docker update --restart no lazy')
    timer.start()
    check('Wait', e.do('Wait', 'lazy').get('result', {}).get('ExitCode') == 137)
    timer.join()
    r = e.do('Commit', 'lazy', Repository='kept', Tag='2')
    check('Commit', e.docker("images -q --no-trunc kept:2") == r.get('result', {}).get('ImageId'), r)
    r = e.do('Remove', 'web')
    check('one that runs is not removed', status(r) == 'FAILED' and 'Force' in r['error']['data']['Hint'], r)
    check('Remove', 'result' in e.do('Remove', 'fresh') and e.inspect('fresh') is None)
    check('a container that is not there', status(e.do('Start', key={'Id': 'f' * 64})) == 'NOT_FOUND')


def create(e):
    want = dict(Image='bb:1', Name='made', Command=['sh', '-c', 'sleep 1000'], Environment=['X=y'], Port=['127.0.0.1:9090:90', '91/udp'], Mount=['data:/d:ro'], Label=['a=b', 'c'],
                RestartPolicy='on-failure', MemoryLimit=33554432, HostName='mh', WorkingDirectory='/tmp', Network='inner', HealthCommand='true')
    r = e.do('Create', what_if=True, **want)
    check('what-if makes nothing', 'result' in r and e.inspect('made') is None, r)
    r = e.do('Create', Start=True, **want)
    i = e.inspect('made') or {}
    check('Create', r.get('result', {}).get('Id') == i.get('Id') and i.get('State', {}).get('Status') == 'running', r)
    if i:
        h, c = i['HostConfig'], i['Config']
        got = (c['Cmd'], c['Env'], h['PortBindings'], [(v['Source'], v['Target'], v['ReadOnly']) for v in h['Mounts']], c['Labels'], h['RestartPolicy']['Name'], c['Hostname'], c['WorkingDir'], h['NetworkMode'], c['Healthcheck']['Test'])
        check('as asked', got == (want['Command'], ['X=y'], {'90/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '9090'}], '91/udp': [{'HostIp': '', 'HostPort': ''}]}, [('data', '/d', True)],
                                  {'a': 'b', 'c': ''}, 'on-failure', 'mh', '/tmp', 'inner', ['CMD-SHELL', 'true']), got)
    r = e.do('Create', **want)
    check('the name is taken', status(r) == 'ALREADY_EXISTS', r)
    r = e.do('Create', Image='nope:1')
    check('no such image, and the hint tells how to get one', status(r) == 'NOT_FOUND' and 'Request-ContainerImage' in r['error']['data']['Hint'], r)
    r = e.do('Create', Image='bb:1', Name='boxed', Isolation='hyperv')
    check('isolation without a runtime is refused, never downgraded', status(r) == 'NOT_SUPPORTED' and e.inspect('boxed') is None, r)
    check('no port', status(e.do('Create', Image='bb:1', Port=['http'])) == 'INVALID_PARAMETER')
    r = e.do('Create', Image='bb:1', Name='half', Command=['/no/such/program'], Start=True)
    check('what cannot be started is not left behind', 'error' in r and e.inspect('half') is None, r)


def others(e):
    images = e.rows('ContainerImage', PropertyList=['Id', 'Name', 'RepoTags', 'Size', 'Architecture', 'Layers'])
    for i in images:
        real = json.loads(e.docker(f"image inspect {i['Id']}"))[0]
        check(f"image {i['Name']}", (i['Size'], i['Architecture'], i['Layers'], i['RepoTags']) == (real['Size'], real['Architecture'], real['RootFS']['Layers'], real['RepoTags']), (i, real))
    bb = next(i for i in images if i['Name'] == 'bb:1')
    check('Tag', 'result' in e.do('Tag', key={'Id': bb['Id']}, class_name='ContainerImage', Repository='other', Tag='3') and e.docker('images -q --no-trunc other:3') == bb['Id'])
    check('an image in use stays', status(e.do('Remove', key={'Id': bb['Id']}, class_name='ContainerImage')) == 'FAILED')
    r = e.do('Import', class_name='ContainerImage', Path='/tmp/bb.tar', Repository='again')
    check('Import', r.get('result', {}).get('ImageId') == e.docker('images -q --no-trunc again:latest') != '', r)
    r = e.do('Pull', class_name='ContainerImage', Repository='127.0.0.1:1/nothing')
    check('a pull that fails says why', status(r) == 'FAILED' and 'refused' in r['error']['message'], r)
    nets = {n['Name']: n for n in e.rows('ContainerNetwork', PropertyList=['Id', 'Name', 'Driver', 'Subnets', 'Containers'])}
    check('networks', nets['inner']['Subnets'] == ['10.77.0.0/24'] and sorted(nets) == sorted(e.docker("network ls --format '{{.Name}}'").split()) and 'web' in nets['inner']['Containers'], nets)
    r = e.do('Create', class_name='ContainerNetwork', Name='second', Internal=True)
    check('a network', r.get('result', {}).get('Id') == e.docker("network inspect -f '{{.Id}}' second"), r)
    check('its name is taken', status(e.do('Create', class_name='ContainerNetwork', Name='second')) == 'ALREADY_EXISTS')
    key = {'Id': r['result']['Id']}
    check('Connect', 'result' in e.do('Connect', key=key, class_name='ContainerNetwork', Container='web') and 'second' in e.inspect('web')['NetworkSettings']['Networks'])
    check('Disconnect', 'result' in e.do('Disconnect', key=key, class_name='ContainerNetwork', Container='web') and 'second' not in e.inspect('web')['NetworkSettings']['Networks'])
    check('Remove', 'result' in e.do('Remove', key=key, class_name='ContainerNetwork') and 'second' not in e.docker('network ls'))
    r = e.do('Create', class_name='ContainerVolume', Name='v2')
    check('a volume', r.get('result', {}).get('VolumeName') == 'v2' and 'v2' in e.docker('volume ls -q').split(), r)
    check('volumes', sorted(v['Name'] for v in e.rows('ContainerVolume')) == sorted(e.docker('volume ls -q').split()))
    check('a volume in use stays', status(e.do('Remove', key={'Name': 'data'}, class_name='ContainerVolume')) == 'FAILED')
    check('and goes', 'result' in e.do('Remove', key={'Name': 'v2'}, class_name='ContainerVolume') and 'v2' not in e.docker('volume ls -q').split())
    engine, info = e.rows('ContainerEngine')[0], json.loads(e.docker("info -f '{{json .}}'"))
    check('the engine', (engine['Version'], engine['Containers'], engine['Images'], sorted(engine['Runtimes']), engine['StorageDriver']) ==
          (info['ServerVersion'], info['Containers'], info['Images'], sorted(info['Runtimes']), info['Driver']), engine)


def trouble(e):
    m = e.machine
    pid = m.run('pidof dockerd').stdout.strip()
    m.run(f'kill -STOP {pid}')
    time.sleep(1.1)  # one that answered within the last second is taken to be alive
    begin = time.monotonic()
    r = e.peer.call('EnumerateInstances', {'ClassName': 'Container', 'Timeout': 1})
    took = time.monotonic() - begin
    check('a hung engine: in time', status(r) == 'TIMED_OUT' and took < 3, (took, r))
    begin = time.monotonic()
    check('and nobody else notices', 'result' in e.peer.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': 1}}) and time.monotonic() - begin < 0.5)
    m.run(f'kill -CONT {pid}')
    check('it goes on', e.one('web', 'State')['State'] == 'running')
    m.run('systemctl stop docker.socket docker.service', timeout=60)
    r = e.peer.call('EnumerateInstances', {'ClassName': 'Container'})
    check('no engine: said, with what to do', status(r) == 'UNAVAILABLE' and 'systemctl' in r['error']['data']['Hint'] and r['error']['data']['Retryable'], r)
    m.run('systemctl start docker', timeout=60)
    check('and it is back', any(r['Name'] == 'web' for r in e.rows(PropertyList=['Name'])))


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('dock', 'docker')
        prepare(machine)
        e = Engine(machine, agentlib.Peer(machine.agent()))
        for part in (properties, methods, create, others, trouble):
            part(e)
    check.end()


main()
