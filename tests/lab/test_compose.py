#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compose projects on a real Docker Engine: those that docker-compose made (Debian's, run here against the engine of the lab's machine) and
containers that bear the labels of Compose 2; every method by its effect as the docker client and docker-compose see it. The image is made there from busybox."""
import json, os, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
LABEL = 'com.docker.compose.'
YAML = '''version: "2.4"
services:
  web:
    image: bb:1
    command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']
    depends_on: [db]
    environment: {COLOR: red}
    expose: ["80"]
    networks: {front: {aliases: [www]}, back: {}}
    volumes: ["/data", "kept:/kept"]
  db:
    image: bb:1
    command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']
    ports: ["127.0.0.1:18080:80"]
    networks: [back]
networks: {front: {}, back: {}}
volumes: {kept: {}}
'''


class Docker:
    def __init__(self, m):
        self.m = m

    def __call__(self, command):
        return self.m.run('docker ' + command).stdout.strip()

    def inspect(self, name):
        return (json.loads(self(f'inspect {name}') or '[]') or [None])[0]

    def names(self, project):
        return sorted(self(f"ps -a --filter label={LABEL}project={project} --format '{{{{.Names}}}}'").split())

    def running(self, project):
        return sorted(self(f"ps --filter label={LABEL}project={project} --format '{{{{.Names}}}}'").split())


def prepare(m):
    m.run('for i in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done; mkdir -p /tmp/b/bin /tmp/b/tmp && cp /bin/busybox /tmp/b/bin/ && '
          'for a in sh sleep echo cat false true id; do ln -sf busybox /tmp/b/bin/$a; done; tar -C /tmp/b -c . | docker import - bb:1', check=True, timeout=120)


def changed(reply):
    return {(c['Property'], c.get('From'), c.get('To')) for c in reply.get('result', {}).get('Changed', [])}


def made_by_labels(m, a, docker):
    """As Compose 2 labels them: the order of starting is in the labels, against that of age."""
    m.run('mkdir -p /srv/plan; echo services: > /srv/plan/compose.yaml; touch -d "2020-01-01" /srv/plan/compose.yaml; '
          f'docker network create --label {LABEL}project=plan plan_default; docker volume create --label {LABEL}project=plan plan_v')
    common = (f'-l {LABEL}project=plan -l {LABEL}project.working_dir=/srv/plan -l {LABEL}project.config_files=/srv/plan/compose.yaml,/srv/plan/gone.yaml '
              f'-l {LABEL}version=2.26.1 --network plan_default')
    run = lambda name, service, number, more='', what='sh -c "trap \'exit 0\' TERM; while :; do sleep 0.1; done"', oneoff='False': docker(
        f'create --name {name} {common} -l {LABEL}service={service} -l {LABEL}container-number={number} -l {LABEL}oneoff={oneoff} -l {LABEL}config-hash=h-{service} '
        f'{more} bb:1 {what}')
    run('plan-app-1', 'app', 1, f'-l {LABEL}depends_on=cache:service_started:false,db:service_healthy:true -p 127.0.0.1:18081:81')
    run('plan-cache-1', 'cache', 1, f'-l {LABEL}depends_on=db:service_started:false')
    run('plan-db-1', 'db', 1, f'-l {LABEL}depends_on= -v plan_v:/v')
    run('plan-db-run-1', 'db', 1, what='true', oneoff='True')
    key = {'Name': 'plan', 'Engine': 'docker'}
    row = a.one('ComposeProject', key)
    want = {'Name': 'plan', 'Status': 'created(3)', 'ConfigFiles': ['/srv/plan/compose.yaml', '/srv/plan/gone.yaml'], 'WorkingDirectory': '/srv/plan',
            'ComposeVersion': '2.26.1', 'Services': ['app', 'cache', 'db'], 'Containers': 3, 'Running': 0, 'OneOff': 1}
    check('a project by its labels', not differ(row, want), (row, differ(row, want)))
    row = a.one('ComposeService', {'Project': 'plan', 'Name': 'app', 'Engine': 'docker'})
    check('what a service depends on', row and row['DependsOn'] == ['cache', 'db'] and row['Containers'] == ['plan-app-1'], row)

    r = a.do('ComposeProject', key, 'Start', True)
    check('what-if of Start tells each and starts none', changed(r) == {(f'plan-{s}-1', 'created', 'running') for s in ('app', 'cache', 'db')} and not docker.running('plan'), r)
    r = a.do('ComposeProject', key, 'Start', Service=['nobody'])
    check('a service that is not there', status(r) == 'NOT_FOUND' and 'nobody' in r['error']['message'], r)
    r = a.do('ComposeProject', key, 'Start')
    begun = {s: docker.inspect(f'plan-{s}-1')['State']['StartedAt'] for s in ('db', 'cache', 'app')}
    check('Start', good(r) and docker.running('plan') == ['plan-app-1', 'plan-cache-1', 'plan-db-1'], r)
    check('in the order of dependence', begun['db'] < begun['cache'] < begun['app'], begun)
    check('the one-off command is left alone', docker.inspect('plan-db-run-1')['State']['Status'] == 'created')
    check('Start again changes nothing', 'Changed' not in a.do('ComposeProject', key, 'Start').get('result', {'Changed': 1}))
    row = a.one('ComposeService', {'Project': 'plan', 'Name': 'app', 'Engine': 'docker'})
    check('its ports', row['Ports'] == ['127.0.0.1:18081->81/tcp'] and row['Running'] == 1, row)
    r = a.do('ComposeService', {'Project': 'plan', 'Name': 'app', 'Engine': 'docker'}, 'Scale', Replicas=2)
    check('a port of the host is for one: refused', status(r) == 'NOT_SUPPORTED' and '18081' in r['error']['message'] and len(docker.names('plan')) == 4, r)

    r = a.do('ComposeProject', key, 'Stop', Service=['app'])
    check('Stop of one service', good(r) and docker.running('plan') == ['plan-cache-1', 'plan-db-1'], r)
    row = a.one('ComposeProject', key)
    check('status of several states', row['Status'] == 'exited(1), running(2)', row)
    r = a.do('ComposeProject', key, 'Restart')
    ended = {s: docker.inspect(f'plan-{s}-1')['State'] for s in ('db', 'cache')}
    check('Restart starts that one, too', good(r) and len(docker.running('plan')) == 3, r)
    check('stopped against the order of dependence', ended['cache']['FinishedAt'] < ended['db']['FinishedAt'] and ended['db']['StartedAt'] < ended['cache']['StartedAt'], ended)

    drift = lambda: (a.one('ComposeProject', key, 'Drift') or {}).get('Drift')
    check('drift: a file that is gone', drift() == ['/srv/plan/gone.yaml: is gone'], drift())
    m.run('touch -d "2060-01-01" /srv/plan/compose.yaml; echo > /srv/plan/gone.yaml; touch -d "2020-01-01" /srv/plan/gone.yaml')
    row = drift()
    check('drift: a file that was changed', row and len(row) == 1 and row[0].startswith('/srv/plan/compose.yaml: was changed after plan-'), row)
    m.run('touch -d "2020-01-01" /srv/plan/compose.yaml; echo x > /tmp/b/new; tar -C /tmp/b -c . | docker import - bb:1')
    row = drift()
    check('drift: an image that is another now', row == [f'plan-{s}-1: bb:1 is another image now' for s in ('app', 'cache', 'db')], row)
    run('plan-db-3', 'db', 3, f'-l {LABEL}config-hash=other')
    row = (a.one('ComposeService', {'Project': 'plan', 'Name': 'db', 'Engine': 'docker'}, 'Drift') or {}).get('Drift')
    check('drift: configurations and numbers', row and set(row) == {'plan-db-1: bb:1 is another image now', 'plan-db-1: made by another configuration than plan-db-3',
                                                                  'db: number 2 is missing'}, row)
    run('plan-bad-1', 'bad', 1, what='sh -c "echo no luck >&2; exit 5"')
    r = a.do('ComposeProject', key, 'Start', Service=['bad'])
    check('one that ends at once is a failure with its words', status(r) == 'FAILED' and 'plan-bad-1' in r['error']['message'] and 'no luck' in r['error']['data']['Hint'], r)

    r = a.do('ComposeProject', key, 'Down', True)
    check('what-if of Down tells all', {n for n, _, to in changed(r) if to is None} == {*docker.names('plan'), 'network plan_default'} and len(docker.names('plan')) == 6, r)
    r = a.do('ComposeProject', key, 'Down', Timeout=1)
    check('Down: all gone but the volume', good(r) and not docker.names('plan') and 'plan_default' not in docker('network ls') and 'plan_v' in docker('volume ls -q').split(), r)
    r = a.do('ComposeProject', key, 'Down')
    check('a project that is not there', status(r) == 'NOT_FOUND', r)


def made_by_compose(m, a, docker):
    """Debian's docker-compose, here, against the engine's socket in the machine."""
    if not shutil.which('docker-compose'):
        check.skip('projects of docker-compose', 'docker-compose is not installed')
        return
    folder = tempfile.mkdtemp(prefix='rvcompose.')
    try:
        with open(os.path.join(folder, 'docker-compose.yml'), 'w') as f:
            f.write(YAML)
        env = {**os.environ, 'DOCKER_HOST': f'unix:///proc/{m.leader}/root/run/docker.sock', 'COMPOSE_PROJECT_NAME': 'shop'}
        compose = lambda *words: subprocess.run(['docker-compose', *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        r = compose('up', '-d')
        check('docker-compose up', r.returncode == 0, r.stderr)
        if r.returncode == 0:
            beside_compose(m, a, docker, folder, compose)
    finally:
        shutil.rmtree(folder)


def beside_compose(m, a, docker, folder, compose):
    key = {'Name': 'shop', 'Engine': 'docker'}
    rows = a.rows('ComposeProject')
    want = {'Name': 'shop', 'Status': 'running(2)', 'ConfigFiles': [f'{folder}/docker-compose.yml'], 'WorkingDirectory': folder, 'Services': ['db', 'web'], 'Containers': 2,
            'Running': 2, 'OneOff': 0, 'Engine': 'docker'}
    check('the project that docker-compose made', len(rows) == 1 and not differ(rows[0], want), (rows, differ(rows[0], want)))
    web = {'Project': 'shop', 'Name': 'web', 'Engine': 'docker'}
    row, i = a.one('ComposeService', web), docker.inspect('shop_web_1')
    want = {'Image': 'bb:1', 'ImageId': i['Image'], 'Replicas': 1, 'Running': 1, 'Containers': ['shop_web_1'], 'ConfigHash': i['Config']['Labels'][LABEL + 'config-hash']}
    check('its service', not differ(row, want), differ(row, want))
    shown = compose('config', '--hash=*').stdout.split()
    check('its hash is that of the file', shown and row['ConfigHash'] == dict(zip(shown[::2], shown[1::2])).get('web'), (shown, row['ConfigHash']))
    r = a.peer.call('Associators', {'ClassName': 'ComposeProject', 'InstanceName': key, 'AssocClass': 'ComposeProjectContainer'}).get('result', {}).get('Instances', [])
    check('associated: its containers', sorted(x['Name'] for x in r) == ['shop_db_1', 'shop_web_1'], r)
    r = a.peer.call('Associators', {'ClassName': 'ComposeProject', 'InstanceName': key, 'AssocClass': 'ComposeProjectService'}).get('result', {}).get('Instances', [])
    check('associated: its services', sorted(x['Name'] for x in r) == ['db', 'web'], r)

    r = a.do('ComposeService', web, 'Scale', True, Replicas=3)
    check('what-if of Scale', changed(r) == {(f'shop_web_{n}', None, 'running') for n in (2, 3)} and len(docker.names('shop')) == 2, r)
    r = a.do('ComposeService', web, 'Scale', Replicas=3)
    check('Scale to three', good(r) and docker.running('shop') == ['shop_db_1', 'shop_web_1', 'shop_web_2', 'shop_web_3'], r)
    second = docker.inspect('shop_web_2')
    if second:
        labels = {k: v for k, v in second['Config']['Labels'].items() if not k.endswith('container-number')}
        check('the new one has the labels of the old', labels == {k: v for k, v in i['Config']['Labels'].items() if not k.endswith('container-number')} and
              second['Config']['Labels'][LABEL + 'container-number'] == '2', second['Config']['Labels'])
        same = lambda d: (d['Config']['Env'], d['Config']['Cmd'], d['Config']['Image'], sorted(d['Config'].get('ExposedPorts') or []), sorted(d['NetworkSettings']['Networks']),
                          [x for x in d['HostConfig']['Binds'] or [] if x.startswith('shop_kept')])
        check('and is made alike', same(second) == same(i), (same(second), same(i)))
        nameless = lambda d: [x['Name'] for x in d['Mounts'] if x['Destination'] == '/data']
        check('with a nameless volume of its own', nameless(second) and nameless(second) != nameless(i), (second['Mounts'], i['Mounts']))
        aliases = second['NetworkSettings']['Networks']['shop_front']['Aliases']
        check('and the names of its service in the network', {'web', 'www'} <= set(aliases) and i['Id'][:12] not in aliases, aliases)
    shown = compose('ps', '-q').stdout.split()
    check('docker-compose ps sees all four', sorted(shown) == sorted(docker.inspect(n)['Id'] for n in docker.names('shop')), shown)
    r = compose('up', '-d', '--scale', 'web=3')
    check('docker-compose up finds nothing to do', r.returncode == 0 and 'Recreat' not in r.stderr and docker.inspect('shop_web_2')['Id'] == second['Id'], r.stderr)
    r = a.do('ComposeService', web, 'Scale', Replicas=1)
    check('Scale to one', good(r) and docker.names('shop') == ['shop_db_1', 'shop_web_1'], r)
    dangling = docker('volume ls -qf dangling=true').split()
    check('nameless volumes of those that went are kept, as docker-compose keeps them', len(dangling) == 2, dangling)
    check('Scale to what it is changes nothing', 'Changed' not in a.do('ComposeService', web, 'Scale', Replicas=1).get('result', {'Changed': 1}))
    check('to none: refused', status(a.do('ComposeService', web, 'Scale', Replicas=0)) == 'INVALID_PARAMETER')

    check('Stop', good(a.do('ComposeProject', key, 'Stop')) and not docker.running('shop') and a.one('ComposeProject', key)['Status'] == 'exited(2)')
    check('Start', good(a.do('ComposeProject', key, 'Start')) and docker.running('shop') == ['shop_db_1', 'shop_web_1'])
    shown = m.run('HOME=/root REEVE_SOCKET=/lab/agent.sock /opt/reeve/bin/reeve -Command "Get-ComposeProject; Remove-ComposeProject shop -Volumes -WhatIf; (Get-ComposeService -Project shop).Name"')
    check('cmdlets', 'running(2)' in shown.stdout and 'network shop_back' in shown.stdout + shown.stderr and 'volume shop_kept' in shown.stdout + shown.stderr and
          docker.running('shop') == ['shop_db_1', 'shop_web_1'], shown)
    r = a.do('ComposeProject', key, 'Down', Volumes=True)
    left = docker('network ls') + docker('volume ls')
    check('Down with volumes leaves nothing', good(r) and not docker.names('shop') and 'shop_' not in left and sorted(docker('volume ls -qf dangling=true').split()) == sorted(dangling), (r, left))
    check('and docker-compose sees the same', compose('ps', '-q').stdout.strip() == '')


def main():
    with lablib.Lab() as lab:
        m = lab.machine('comp', 'docker')
        prepare(m)
        a, docker = Asked(m.agent()), Docker(m)
        made_by_compose(m, a, docker)
        made_by_labels(m, a, docker)
    check.end()


main()
