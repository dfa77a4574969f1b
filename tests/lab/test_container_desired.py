#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Containers, images, networks and volumes as desired state on a real Docker Engine, beside `docker inspect`: what is so already is left
alone (made by us, by docker run, by docker-compose), limits change in place, the rest makes a new one that keeps what was not wished."""
import json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good

check = agentlib.Cases()
IMAGES = '''mkdir -p /tmp/b/bin /tmp/b/data && cp /bin/busybox /tmp/b/bin/ && for a in sh sleep true cat touch ls test; do ln -sf busybox /tmp/b/bin/$a; done
    tar -C /tmp/b -c . | docker import -c 'ENV PATH=/bin FROM=image' -c 'LABEL made=here' -c 'VOLUME /data' -c 'CMD ["/bin/sleep","1000"]' - bb:1
    touch /tmp/b/second; tar -C /tmp/b -c . | docker import -c 'ENV PATH=/bin FROM=second' -c 'VOLUME /data' -c 'CMD ["/bin/sleep","2000"]' - bb:2'''


# Limits that this kernel gives the engine: first value, second, where inspect has it and in which unit.
LIMITS = {'CpuLimit': (0.5, 0.25, 'NanoCpus', 1e9, 'CpuCfsQuota'), 'MemoryLimit': (64 << 20, 128 << 20, 'Memory', 1, 'MemoryLimit'),
          'PidsLimit': (50, 60, 'PidsLimit', 1, 'PidsLimit'), 'CpuShares': (512, 256, 'CpuShares', 1, 'CPUShares'), 'CpusetCpus': ('0', '0-1', 'CpusetCpus', None, 'CPUSet')}


class Wishes:
    def __init__(self, machine):
        self.m, self.a = machine, Asked(machine.agent())
        info = json.loads(machine.run("docker info -f '{{json .}}'", check=True).stdout)
        self.limits = {k: v for k, v in LIMITS.items() if info[v[4]]}
        for name in LIMITS:
            if name not in self.limits:
                check.skip(name, 'the kernel gives the lab no such controller')

    def limit(self, which):
        return {k: v[which] for k, v in self.limits.items()}

    def limited(self, doc, which):
        return all(doc['HostConfig'][v[2]] == (v[which] * v[3] if v[3] else v[which]) for v in self.limits.values())

    def do(self, operation, name, properties=None, cls='Container', **more):
        key = name if isinstance(name, dict) else {'Name': name}
        return self.a.call(operation, cls, key, properties, **more)

    def set(self, name, properties=None, cls='Container', **more):
        return self.do('SetInstance', name, properties, cls, **more)

    def test(self, name, properties=None, cls='Container', **more):
        return self.do('TestInstance', name, properties, cls, **more)

    def inspect(self, name, kind='container'):
        return (json.loads(self.m.run(f'docker inspect --type {kind} {name}').stdout or '[]') or [None])[0]

    def sh(self, command):
        return self.m.run(command, check=True, timeout=60).stdout.strip()


def changed(reply):
    return [c['Property'] for c in reply.get('result', {}).get('Changed', [])] if good(reply) else reply


def so(reply):
    return good(reply) and reply['result'].get('InDesiredState') is True and reply['result']['Changed'] == []


WEB = {'Image': 'bb:1', 'State': 'running', 'Cmd': ['/bin/sleep', '1234'], 'Environment': ['A=two words', 'B=2'], 'Labels': {'team': 'x'},
       'PortBindings': ['8080:80', '127.0.0.1:9000:90/udp'], 'Mounts': ['/srv:/srv:ro', 'vol1:/vol'], 'RestartPolicy': 'on-failure', 'MaximumRetryCount': 3,
       'User': '0', 'WorkingDirectory': '/tmp', 'HostName': 'inside', 'Networks': ['net1'],
       'CapAdd': ['NET_ADMIN'], 'Init': True, 'StopTimeout': 1, 'HealthTest': ['CMD-SHELL', 'true'], 'HealthInterval': 30_000_000_000}


def made(w):
    WEB.update(w.limit(0))
    r = w.test('web', WEB)
    check('absent: tested', good(r) and r['result']['InDesiredState'] is False and changed(r) == ['Ensure'], r)
    r = w.set('web', WEB, WhatIf=True)
    check('what-if makes nothing', good(r) and 'Image' in changed(r) and w.inspect('web') is None, r)
    r = w.set('web', WEB)
    d = w.inspect('web')
    check('made', good(r) and d and d['State']['Status'] == 'running', r)
    if not d:
        return
    h = d['HostConfig']
    check('as it was wished', d['Config']['Cmd'] == ['/bin/sleep', '1234'] and {'A=two words', 'B=2', 'FROM=image'} <= set(d['Config']['Env']) and
          d['Config']['Labels'] == {'team': 'x', 'made': 'here'} and h['PortBindings']['80/tcp'] == [{'HostIp': '', 'HostPort': '8080'}] and
          h['PortBindings']['90/udp'] == [{'HostIp': '127.0.0.1', 'HostPort': '9000'}] and h['RestartPolicy'] == {'Name': 'on-failure', 'MaximumRetryCount': 3} and
          w.limited(d, 0) and h['Init'] is True and list(d['NetworkSettings']['Networks']) == ['net1'] and
          d['Config']['Hostname'] == 'inside' and sorted(x['Destination'] for x in d['Mounts']) == ['/data', '/srv', '/vol'], d)
    check('again: nothing', so(w.set('web', WEB)) and w.inspect('web')['Id'] == d['Id'], w.set('web', WEB, WhatIf=True))
    check('tested: so', so(w.test('web', WEB)))
    check('the same by its id', so(w.test({'Id': d['Id']}, {k: v for k, v in WEB.items()})))
    check('the same wish in other words', so(w.test('web', {'PortBindings': ['90/udp=127.0.0.1:9000', '80/tcp=8080'], 'CapAdd': ['CAP_NET_ADMIN'], 'Mounts': ['vol1:/vol:rw', '/srv:/srv:ro']})))
    check('a part of it', so(w.test('web', {'Environment': ['B=2'], 'Labels': {'made': 'here'}})))


def in_place(w):
    d = w.inspect('web')
    wish = {**w.limit(1), 'RestartPolicy': 'always', 'MaximumRetryCount': 0}
    what = w.set('web', wish, WhatIf=True)
    check('in place, what-if', good(what) and 'Id' not in changed(what) and {*w.limits, 'RestartPolicy'} <= set(changed(what))
          and w.limited(w.inspect('web'), 0), what)
    r = w.set('web', wish)
    n = w.inspect('web')
    check('in place', changed(r) == changed(what) and n['Id'] == d['Id'] and n['State']['StartedAt'] == d['State']['StartedAt'] and w.limited(n, 1)
          and n['HostConfig']['RestartPolicy']['Name'] == 'always' and so(w.set('web', wish)), (r, n['HostConfig']))
    r = w.set('web', {'Networks': ['net1', 'net2']})
    check('one more network', changed(r) == ['Networks'] and sorted(w.inspect('web')['NetworkSettings']['Networks']) == ['net1', 'net2'] and w.inspect('web')['Id'] == d['Id'], r)
    for state, is_now in (('paused', 'paused'), ('running', 'running'), ('stopped', 'exited')):
        r = w.set('web', {'State': state})
        check(f'{state}', changed(r) == ['State'] and w.inspect('web')['State']['Status'] == is_now and so(w.set('web', {'State': state})), r)
    w.set('web', {'State': 'running'})
    check('looked at afresh', w.sh('docker stop -t 0 web') == 'web' and changed(w.test('web', {'State': 'running'})) == ['State'] and changed(w.set('web', {'State': 'running'})) == ['State'])
    r = w.set({'Id': d['Id']}, {'Name': 'web2'})
    check('renamed', changed(r) == ['Name'] and w.inspect('web2')['Id'] == d['Id'] and changed(w.set({'Id': d['Id']}, {'Name': 'web'})) == ['Name'], r)


def anew(w):
    d = w.inspect('web')
    w.sh('docker exec web /bin/touch /data/kept /vol/kept')
    wish = {'Environment': ['B=3', 'C=new'], 'Labels': {'team': 'y'}}
    r = w.set('web', wish, WhatIf=True)
    check('anew, what-if', 'Id' in changed(r) and w.inspect('web')['Id'] == d['Id'], r)
    r = w.set('web', wish)
    n = w.inspect('web')
    check('anew', changed(r) == ['Environment', 'Labels', 'Id'] and n['Id'] != d['Id'] and r['result']['Changed'][-1]['To'] == n['Id'] and n['State']['Status'] == 'running', r)
    same = lambda a, b, *path: all(a[path[0]].get(k) == b[path[0]].get(k) for k in path[1:])
    check('what was not wished is kept', {'A=two words', 'B=3', 'C=new', 'FROM=image'} <= set(n['Config']['Env']) and n['Config']['Labels'] == {'team': 'y', 'made': 'here'} and
          same(n, d, 'Config', 'Cmd', 'User', 'WorkingDir', 'Hostname', 'Healthcheck', 'StopTimeout') and
          same(n, d, 'HostConfig', 'PortBindings', 'Memory', 'NanoCpus', 'PidsLimit', 'RestartPolicy', 'CapAdd', 'Init') and
          sorted(n['NetworkSettings']['Networks']) == ['net1', 'net2'], (n, d))
    check('data in volumes, without a name too', w.m.run('docker exec web /bin/ls /data/kept /vol/kept').returncode == 0, n['Mounts'])
    check('nothing is left over', w.sh('docker ps -aq | wc -l') == '1' and so(w.set('web', wish)))
    r = w.set('web', {'Image': 'bb:2'})
    n2 = w.inspect('web')
    check('another image', changed(r) == ['Image', 'Id'] and n2['Config']['Image'] == 'bb:2' and 'FROM=second' in n2['Config']['Env'] and 'FROM=image' not in n2['Config']['Env']
          and n2['Config']['Labels'] == {'team': 'y'} and w.m.run('docker exec web /bin/ls /data/kept').returncode == 0, (r, n2['Config']))
    w.sh('docker tag bb:1 bb:2old; docker tag bb:1 bb:moving; docker run -d --stop-timeout 1 --name mover bb:moving; docker tag bb:2 bb:moving')
    check('a name that means another image now', changed(w.test('mover', {'Image': 'bb:moving'})) == ['Image'] and so(w.test('mover', {'Image': 'bb:1'})))
    r = w.set('mover', {'Labels': {'x': 'y'}})
    check('and is no wish for it', 'Id' in changed(r) and w.inspect('mover')['Image'] == w.inspect('bb:1', 'image')['Id'], r)
    r = w.set('mover', {'MemoryLimit': None, 'PidsLimit': None, 'Environment': ['FROM']})
    check('a variable of the image is taken away', 'Environment' in changed(r) and not any(e.startswith('FROM=') for e in w.inspect('mover')['Config']['Env']) and
          so(w.set('mover', {'Environment': ['FROM']})), r)
    before = w.inspect('mover')
    r = w.set('mover', {'Cmd': ['/bin/no-such-program'], 'State': 'running'})
    after = w.inspect('mover')
    check('what cannot be started leaves the old one', status(r) is not None and after['Id'] == before['Id'] and after['State']['Status'] == 'running', (r, after['State']))
    r = w.set('mover', {'Image': 'none:1'})
    check('an image that is not here', status(r) == 'NOT_FOUND' and w.inspect('mover')['Id'] == before['Id'], r)
    w.sh('docker rm -f mover; docker rmi bb:2old bb:moving')
    w.sh('docker run -d --rm --stop-timeout 1 --name once bb:1')
    r = w.set('once', {'Labels': {'x': 'y'}})
    check('one that removes itself is not made anew', status(r) == 'NOT_SUPPORTED' and w.inspect('once')['State']['Status'] == 'running', r)
    w.sh('docker rm -f once')


def of_compose(w):
    """Debian's docker-compose, here, against the engine's socket in the machine."""
    if not shutil.which('docker-compose'):
        check.skip('of docker-compose', 'docker-compose is not installed')
        return
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'docker-compose.yml'), 'w') as f:
            f.write('version: "3"\nservices:\n  web:\n    image: bb:1\n    stop_grace_period: 1s\n    environment: {X: "1"}\n    ports: ["8095:80"]\n    volumes: ["data:/data"]\nvolumes: {data: {}}\n')
        env = dict(os.environ, DOCKER_HOST=f'unix:///proc/{w.m.leader}/root/run/docker.sock', COMPOSE_PROJECT_NAME='shop', HOME=folder)
        compose = lambda *words: subprocess.run(['docker-compose', *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        r = compose('up', '-d')
        name = w.sh("docker ps --filter label=com.docker.compose.project=shop --format '{{.Names}}'")
        check('docker-compose up', r.returncode == 0 and name, r.stderr)
        wish = {'Image': 'bb:1', 'State': 'running', 'Environment': ['X=1'], 'PortBindings': ['8095:80'], 'Mounts': ['shop_data:/data'], 'RestartPolicy': 'no',
                'Networks': ['shop_default']}
        check('of docker-compose: nothing', so(w.set(name, wish)), w.set(name, wish, WhatIf=True))
        before = w.inspect(name)
        r = w.set(name, {'Environment': ['Y=2']})
        n = w.inspect(name)
        check('and made anew it is still its own', 'Id' in changed(r) and n['Config']['Labels'] == before['Config']['Labels'] and 'web' in n['NetworkSettings']['Networks']['shop_default']['Aliases'], r)
        check('docker-compose sees it', name in compose('ps').stdout and 'Up' in compose('ps').stdout, compose('ps').stdout)
        compose('down', '-v')


def of_others(w):
    w.sh('docker run -d --stop-timeout 1 --name other -e X=1 -l a=b -p 8090:80 -v vol2:/v -v /srv:/s:ro --restart unless-stopped --network net1 --network-alias al bb:1 /bin/sleep 99')
    wish = {'Image': 'bb:1', 'State': 'running', 'Cmd': ['/bin/sleep', '99'], 'Environment': ['X=1'], 'Labels': {'a': 'b'}, 'PortBindings': ['8090:80'],
            'Mounts': ['vol2:/v', '/srv:/s:ro'], 'RestartPolicy': 'unless-stopped', 'Networks': ['net1'], 'NetworkMode': 'net1'}
    check('of docker run: nothing', so(w.set('other', wish)), w.set('other', wish, WhatIf=True))
    r = w.set('other', {'Labels': {'c': 'd'}})
    n = w.inspect('other')
    check('an alias is kept', 'Id' in changed(r) and 'al' in n['NetworkSettings']['Networks']['net1']['Aliases'] and n['Config']['Labels']['a'] == 'b', (r, n['NetworkSettings']['Networks']))
    of_compose(w)
    shell = lambda text: w.m.run(f"/opt/reeve/bin/reeve -Command '{text}'", env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'REEVE_SOCKET': '/lab/agent.sock', 'HOME': '/root'})
    r = shell('$d = Get-DesiredState -ClassName Container; ($d | Test-DesiredState).InDesiredState; $d.Resources[0].InstanceName.Name')
    check('an export of all is so', r.stdout.split()[:1] == ['True'] and len(r.stdout.split()) == 2, r.stdout + r.stderr)


def gone(w):
    r = w.set('web', Ensure='Absent', WhatIf=True)
    check('absent, what-if', good(r) and changed(r) and w.inspect('web'), r)
    r = w.set('web', Ensure='Absent')
    check('absent', good(r) and changed(r) and w.inspect('web') is None and so(w.set('web', Ensure='Absent')), r)
    check('volumes stay', w.inspect('vol1', 'volume') is not None)
    check('without a name or an image', status(w.set({'Id': 'ab' * 32}, {'Image': 'bb:1'})) == 'NOT_FOUND' and status(w.set('fresh', {'State': 'running'})) == 'INVALID_PARAMETER')
    for wish in ({'State': 'flying'}, {'PortBindings': ['x:y']}, {'Mounts': ['relative']}, {'Image': 'bb:1', 'ShortId': 'x'}):
        r = w.set('other', wish)
        check(f'refused: {wish}', status(r) == 'INVALID_PARAMETER', r)
    check('a name that cannot be', status(w.set('a b', {'Image': 'bb:1'})) == 'INVALID_PARAMETER')


def things(w):
    net = {'Driver': 'bridge', 'Subnets': ['10.55.0.0/24'], 'Gateways': ['10.55.0.1'], 'Internal': True, 'Labels': {'a': 'b'}}
    r = w.set('net3', net, 'ContainerNetwork')
    n = w.inspect('net3', 'network')
    check('a network', good(r) and n and n['Internal'] and n['IPAM']['Config'] == [{'Subnet': '10.55.0.0/24', 'Gateway': '10.55.0.1'}] and n['Labels'] == {'a': 'b'}, r)
    check('again: nothing', so(w.set('net3', net, 'ContainerNetwork')) and w.inspect('net3', 'network')['Id'] == n['Id'])
    r = w.set('net3', {'Internal': False}, 'ContainerNetwork')
    check('made anew, and told', changed(r) == ['Internal', 'Id'] and w.inspect('net3', 'network')['Internal'] is False and w.inspect('net3', 'network')['Labels'] == {'a': 'b'}, r)
    w.sh('docker run -d --stop-timeout 1 --name holder --network net3 bb:1')
    r = w.set('net3', {'Internal': True}, 'ContainerNetwork')
    check('not while somebody is in it', status(r) == 'FAILED' and 'holder' in r['error']['message'], r)
    w.sh('docker rm -f holder')
    check('gone', changed(w.set('net3', cls='ContainerNetwork', Ensure='Absent')) == ['Name'] and so(w.set('net3', cls='ContainerNetwork', Ensure='Absent')) and w.inspect('net3', 'network') is None)
    r = w.set('vol9', {'Labels': {'x': 'y'}}, 'ContainerVolume')
    check('a volume', good(r) and w.inspect('vol9', 'volume')['Labels'] == {'x': 'y'} and so(w.set('vol9', {'Labels': {'x': 'y'}}, 'ContainerVolume')), r)
    r = w.set('vol9', {'Labels': {'x': 'z'}}, 'ContainerVolume')
    check('is not made anew', status(r) == 'NOT_SUPPORTED' and w.inspect('vol9', 'volume')['Labels'] == {'x': 'y'}, r)
    check('gone, too', changed(w.set('vol9', cls='ContainerVolume', Ensure='Absent')) == ['Name'] and w.inspect('vol9', 'volume') is None)


def images(w):
    check('an image that is here', so(w.set('bb:1', cls='ContainerImage')) and so(w.test('bb:1', cls='ContainerImage')))
    if w.m.run('command -v docker-registry').returncode:
        check.skip('pulled', 'no docker-registry in this image')
        return
    w.sh('''systemctl stop docker-registry; mkdir -p /root/reg; printf "version: 0.1\\nstorage: {filesystem: {rootdirectory: /root/reg}}\\nhttp: {addr: 127.0.0.1:5000}\\n" > /root/reg.yml
        systemd-run -q --unit reg docker-registry serve /root/reg.yml''')
    name = '127.0.0.1:5000/team/bb:7'
    w.sh(f'for i in $(seq 100); do docker tag bb:1 {name} && docker push -q {name} >/dev/null && break; sleep 0.2; done; docker rmi {name}')
    r = w.set(name, cls='ContainerImage', WhatIf=True)
    check('would be pulled', changed(r) == ['Name'] and w.inspect(name, 'image') is None, r)
    document = {'Resources': [
        {'Name': 'runs', 'ClassName': 'Container', 'InstanceName': {'Name': 'app'}, 'Properties': {'Image': name, 'State': 'running', 'Networks': ['appnet'], 'StopTimeout': 1}, 'DependsOn': ['image', 'net']},
        {'Name': 'image', 'ClassName': 'ContainerImage', 'InstanceName': {'Name': name}}, {'Name': 'net', 'ClassName': 'ContainerNetwork', 'InstanceName': {'Name': 'appnet'}}]}
    ask = lambda operation, **more: w.a.peer.call(operation, {'Document': document, **more})
    states = lambda r: {x['Name']: x['Status'] for x in r.get('result', {}).get('Resources', [])} or r
    r = ask('SetDesiredState', WhatIf=True)
    check('a document, what-if', set(states(r).values()) == {'WouldChange'} and w.inspect('app') is None and w.inspect(name, 'image') is None, r)
    r = ask('SetDesiredState')
    check('a document', set(states(r).values()) == {'Changed'} and (w.inspect('app') or {}).get('State', {}).get('Status') == 'running', r)
    back = r.get('result', {}).get('RollbackDocument')
    r = ask('SetDesiredState')
    check('again: nothing', set(states(r).values()) == {'InDesiredState'}, r)
    r = w.a.peer.call('SetDesiredState', {'Document': back})
    check('and back', good(r) and w.inspect('app') is None and w.inspect(name, 'image') is None and w.inspect('appnet', 'network') is None, r)


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('wish', 'containers')
        machine.run('for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done;' + IMAGES + '; docker network create net1; docker network create net2', timeout=120, check=True)
        w = Wishes(machine)
        for part in (made, in_place, anew, of_others, gone, things, images):
            part(w)
    check.end()


main()
