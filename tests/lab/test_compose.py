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
          'for a in sh sleep echo cat false true id; do ln -sf busybox /tmp/b/bin/$a; done; ln -sf busybox /tmp/b/bin/test; tar -C /tmp/b -cf /lab/bb.tar . && docker import - bb:1 < /lab/bb.tar', check=True, timeout=120)


def changed(reply):
    return {(c['Property'], c.get('From'), c.get('To')) for c in reply.get('result', {}).get('Changed', [])}


def settle(a, docker, project):
    """Waits until the agent has heard of what others did: events come some milliseconds later."""
    shown = lambda: sorted(docker(f"ps -a --filter label={LABEL}project={project} --format '{{{{.Names}}}} {{{{.State}}}}'").splitlines())
    for _ in range(300):
        if sorted(f"{r['Name']} {r['State']}" for r in a.rows('Container', Filter=f"Project='{project}'", PropertyList=['Name', 'State'])) == shown():
            return
        time.sleep(0.1)


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
    settle(a, docker, 'plan')
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
    settle(a, docker, 'plan')
    row = (a.one('ComposeService', {'Project': 'plan', 'Name': 'db', 'Engine': 'docker'}, 'Drift') or {}).get('Drift')
    check('drift: configurations and numbers', row and set(row) == {'plan-db-1: bb:1 is another image now', 'plan-db-1: made by another configuration than plan-db-3',
                                                                  'db: number 2 is missing'}, row)
    for n in range(1, 5):
        run(f'plan-deaf-{n}', 'deaf', n, f'-l {LABEL}depends_on=db:service_started:false', what='sh -c "trap : TERM; while :; do sleep 0.1; done"')
    settle(a, docker, 'plan')
    a.do('ComposeProject', key, 'Start', Service=['deaf'])
    check('four that do not heed the signal run', len([n for n in docker.running('plan') if 'deaf' in n]) == 4)
    since = m.run('date +%s.%N').stdout.strip()
    r = a.do('ComposeProject', key, 'Stop', Service=['deaf', 'app'], Timeout=2)
    told = docker(f"events --since {since} --until $(date +%s.%N) --filter label={LABEL}service=deaf --filter event=kill --filter event=die "
                  "--format '{{.Action}} {{.Actor.Attributes.signal}}'").splitlines()
    check('and are stopped side by side: each has its signal before the first one dies', good(r) and told[:4] == 4 * ['kill 15'] and len(told) == 12, (r, told))
    m.run('docker rm -f $(docker ps -aq --filter name=plan-deaf)')
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
    settle(a, docker, 'shop')
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


UP = '''name: up
x-common: &common
  image: ${IMAGE:-bb}:1
  restart: unless-stopped
  command: sh -c "trap 'exit 0' TERM; while :; do sleep 0.1; done"
services:
  web:
    <<: *common
    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
    environment: [PLAIN=1, "PRICE=$$5", "FROM=${FROM}", PASSED]
    env_file: web.env
    ports: ["127.0.0.1:18090:80", {target: 53, published: 18053, host_ip: 127.0.0.1, protocol: udp}]
    volumes: [data:/data, ./site:/site:ro, /scratch, {type: bind, source: /tmp, target: /host, read_only: true}]
    networks: {front: {aliases: [www]}, default: {}}
    labels: {colour: blue}
    user: "0:0"
    working_dir: /tmp
    hostname: webhost
    deploy: {resources: {limits: {pids: 200}}}
    stop_grace_period: 3s
  db:
    <<: *common
    healthcheck: {test: "test -e /tmp", interval: 500ms, timeout: 5s, retries: 20}
    scale: 2
  job:
    image: bb:1
    entrypoint: [sh, -c]
    command: ["exit 0"]
networks: {front: {internal: true}}
volumes: {data: {labels: [kind=x]}}
'''

WRONG = {'an unknown key': ('services: {a: {image: bb:1,\n imagee: x}}', 'line 2', "'imagee'"), 'build': ('services:\n  a:\n    build: .', 'line 3', "'build'"),
         'a bomb of aliases': ('\n'.join(['x-0: &a0 [a,a,a,a,a,a,a,a,a]'] + [f'x-{n}: &a{n} [{",".join(9 * [f"*a{n - 1}"])}]' for n in range(1, 9)]), 'line 5', '20000'),
         'an alias in itself': ('x-a: &a [*a]', 'line 1', 'within its own anchor'), 'a key twice': ('services: {}\nservices: {}', 'line 2', 'twice'),
         'depth': ('x-a: ' + 40 * '[' + 40 * ']', 'line 1', 'levels'), 'no YAML': ('services: [', 'line', ''), 'no services': ('name: up', 'line 1', 'no services'),
         'a variable that is not set': ('services:\n  a: {image: "${NOPE}"}', 'line 2', 'NOPE'), 'one that is wanted': ('services:\n  a: {image: "${NOPE:?give it}"}', 'line 2', 'give it'),
         'a circle': ('services: {a: {image: bb:1, depends_on: [b]}, b: {image: bb:1, depends_on: [a]}}', 'line 1', 'circle'),
         'a network that is not there': ('services: {a: {image: bb:1, networks: [n]}}', 'line 1', "'n'"), 'a size': ('services: {a: {image: bb:1, mem_limit: much}}', 'line 1', 'much')}


def from_file(m, a, docker):
    """A Compose file brought up, changed, and refused."""
    m.run('docker import - bb:1 < /lab/bb.tar; mkdir -p /srv/up/site; printf "FILE=x\\nPLAIN=0\\n" > /srv/up/web.env; printf "FROM=dotenv\\nIMAGE=none\\n" > /srv/up/.env', check=True)
    write = lambda text, name='compose.yaml': m.run(f'cat > /srv/up/{name}', input=text, check=True)
    up = lambda what_if=False, path='/srv/up/compose.yaml', **more: a.do('ComposeProject', None, 'Up', what_if, Path=path, **more)
    write(UP)
    found = [l.split()[-1] for l in subprocess.run(['/sbin/ldconfig', '-p'], capture_output=True, text=True).stdout.splitlines() if 'libyaml-0.so.2' in l]
    if m.run('ls /usr/lib/libyaml-0.so.2 /usr/lib/*/libyaml-0.so.2 2>/dev/null | grep .').returncode:
        r = up()
        check('without libyaml: said, with what to do', status(r) == 'NOT_SUPPORTED' and 'libyaml-0-2' in r['error']['data']['Hint'], r)
        if not found:
            check.skip('Compose files', 'libyaml-0-2 is not installed on this machine')
            return
        shutil.copy(found[0], os.path.join(m.share, 'libyaml-0.so.2'))
        m.run('cp /lab/libyaml-0.so.2 /usr/lib/', check=True)
    for name, (text, line, word) in WRONG.items():
        write(text, 'wrong.yaml')
        r = up(path='/srv/up/wrong.yaml')
        check(f'refused: {name}', status(r) == 'INVALID_PARAMETER' and line in r['error']['message'] and word in r['error']['message'], r)
    r = up()
    check('an image that is not here is refused first', status(r) == 'NOT_FOUND' and 'none:1' in r['error']['message'] and not docker.names('up'), r)
    r = up(True, Variable=['IMAGE=bb'])
    want = {('network up_default', None, 'present'), ('network up_front', None, 'present'), ('volume up_data', None, 'present'),
            *((f'up-{s}', None, 'running') for s in ('web-1', 'db-1', 'db-2', 'job-1'))}
    check('what-if of Up tells all and makes nothing', changed(r) == want and not docker.names('up') and 'up_' not in docker('network ls'), r)
    r = up(Variable=['IMAGE=bb'])
    check('Up', good(r) and r['result'].get('Project') == 'up' and docker.running('up') == ['up-db-1', 'up-db-2', 'up-web-1'], r)
    i = docker.inspect('up-web-1')
    if not i:
        return
    config, host = i['Config'], i['HostConfig']
    check('environment', {'PLAIN=1', 'PRICE=$5', 'FROM=dotenv', 'FILE=x'} <= set(config['Env']) and not any(e.startswith('PASSED') for e in config['Env']), config['Env'])
    check('command, user, folder, name', (config['Cmd'], config['User'], config['WorkingDir'], config['Hostname'], config['StopTimeout']) ==
          (['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.1; done"], '0:0', '/tmp', 'webhost', 3), config)
    check('ports', host['PortBindings'] == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '18090'}], '53/udp': [{'HostIp': '127.0.0.1', 'HostPort': '18053'}]}, host['PortBindings'])
    mounts = sorted((x['Type'], x.get('Name') if x['Destination'] == '/data' else x['Source'] if x['Type'] == 'bind' else '', x['Destination'], x['RW']) for x in i['Mounts'])
    check('volumes', mounts == [('bind', '/srv/up/site', '/site', False), ('bind', '/tmp', '/host', False), ('volume', '', '/scratch', True), ('volume', 'up_data', '/data', True)], mounts)
    nets = i['NetworkSettings']['Networks']
    check('networks', sorted(nets) == ['up_default', 'up_front'] and {'www', 'web'} <= set(nets['up_front']['Aliases']) and 'web' in nets['up_default']['Aliases'], nets)
    limited = docker('info -f "{{.PidsLimit}}"') == 'true'
    check('restart, limit', (host['RestartPolicy']['Name'], host['PidsLimit']) == ('unless-stopped', 200 if limited else None), host)
    check('a limit that the engine cannot keep is told', limited or any('limit' in w for w in r['result'].get('Warnings', [])), r)
    started = lambda n: docker.inspect(n)['State']['StartedAt']
    check('after what it depends on', max(started('up-db-1'), started('up-db-2'), docker.inspect('up-job-1')['State']['FinishedAt']) < started('up-web-1'))
    row = a.one('ComposeService', {'Project': 'up', 'Name': 'db', 'Engine': 'docker'})
    check('its service', row and (row['Replicas'], row['Healthy'], row['Containers']) == (2, 2, ['up-db-1', 'up-db-2']), row)
    ids = lambda: {n: docker.inspect(n)['Id'] for n in docker.names('up')}
    before = ids()
    r = up(Variable=['IMAGE=bb'])
    check('Up again changes nothing', good(r) and 'Changed' not in r['result'] and ids() == before, r)

    write(UP.replace('colour: blue', 'colour: green').replace('scale: 2', 'scale: 1'))
    r = up(True, Variable=['IMAGE=bb'])
    check('what-if of a change', changed(r) == {('up-web-1', 'running', 'running, made anew'), ('up-db-2', 'running', None)} and ids() == before, r)
    r = up(Variable=['IMAGE=bb'])
    now = ids()
    check('only what changed is made anew', good(r) and now.get('up-web-1') not in (None, before['up-web-1']) and now.get('up-db-1') == before['up-db-1'] and
          sorted(now) == ['up-db-1', 'up-job-1', 'up-web-1'] and docker.inspect('up-web-1')['Config']['Labels']['colour'] == 'green', (r, now))
    write(UP.replace('scale: 2', 'scale: 1').replace("    labels: {colour: blue}", "    command: [sh, -c, 'echo no luck >&2; exit 4']").replace('restart: unless-stopped', 'restart: "no"'))
    db = docker.inspect('up-db-1')['Id']
    r = up(Variable=['IMAGE=bb'])
    check('one that cannot be started is put back', status(r) == 'FAILED' and 'no luck' in r['error']['data']['Hint'] and 'up-web-1' in docker.running('up') and
          docker.inspect('up-web-1')['Id'] == now['up-web-1'] and len(docker.names('up')) == 3, (r, docker.names('up')))
    write('services: {db: {image: bb:1, command: sleep 1000, stop_grace_period: 1s}}')
    r = up(True, ProjectName='up', RemoveOrphans=True)
    check('what-if of orphans', {n for n, _, to in changed(r) if to is None} == {'up-web-1', 'up-job-1'}, r)
    r = a.do('ComposeProject', {'Name': 'up', 'Engine': 'docker'}, 'Down', Volumes=True, Timeout=1)
    check('Down of it', good(r) and not docker.names('up') and 'up_' not in docker('network ls') + docker('volume ls'), r)


def both_ways(m, a, docker):
    """What Up made, docker-compose sees as its own and takes down; a project that docker-compose made, Up takes over."""
    if not shutil.which('docker-compose') or m.run('test -e /usr/lib/libyaml-0.so.2').returncode:
        check.skip('projects of Up and docker-compose', 'docker-compose or libyaml-0-2 is not installed')
        return
    folder = tempfile.mkdtemp(prefix='rvcompose.')
    try:
        with open(os.path.join(folder, 'docker-compose.yml'), 'w') as f:
            f.write(YAML)
        m.run('mkdir -p /srv/two; cat > /srv/two/docker-compose.yml', input=YAML, check=True)
        env = {**os.environ, 'DOCKER_HOST': f'unix:///proc/{m.leader}/root/run/docker.sock', 'COMPOSE_PROJECT_NAME': 'two'}
        compose = lambda *words: subprocess.run(['docker-compose', *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        ids = lambda: sorted(docker.inspect(n)['Id'] for n in docker.names('two'))
        r = a.do('ComposeProject', None, 'Up', Path='/srv/two/docker-compose.yml', ProjectName='two')
        check('Up of the same file', good(r) and docker.running('two') == ['two-db-1', 'two-web-1'], r)
        r = compose('ps', '-q')
        check('docker-compose ps sees them', sorted(r.stdout.split()) == ids() != [], r)
        r = compose('down', '-v', '-t', '1')
        check('docker-compose down takes all away', r.returncode == 0 and not docker.names('two') and 'two_' not in docker('network ls') + docker('volume ls'), r.stderr)
        r = compose('up', '-d')
        had = ids()
        r = a.do('ComposeProject', None, 'Up', Path='/srv/two/docker-compose.yml', ProjectName='two')
        check('Up makes anew what docker-compose made, under its names', good(r) and docker.running('two') == ['two_db_1', 'two_web_1'] and not set(had) & set(ids()), r)
        shown = m.run('HOME=/root REEVE_SOCKET=/lab/agent.sock /opt/reeve/bin/reeve -Command "Update-ComposeProject /srv/two/docker-compose.yml two; Remove-ComposeProject two -Volumes"')
        check('by cmdlets', shown.returncode == 0 and not docker.names('two') and 'two_' not in docker('network ls') + docker('volume ls'), shown)
    finally:
        shutil.rmtree(folder)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('comp', 'docker')
        prepare(m)
        a, docker = Asked(m.agent()), Docker(m)
        made_by_compose(m, a, docker)
        made_by_labels(m, a, docker)
        from_file(m, a, docker)
        both_ways(m, a, docker)
    check.end()


main()
