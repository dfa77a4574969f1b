#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Docker client through the roles: the real docker over real ssh through reeved, `docker -H ssh://user@host`, for an administrator, who notices
nothing, and for a developer whose role lets him have containers named x-... of image bb: what he sees, what he may do, what is on record, and each way
out that is known: mounts, namespaces, capabilities, devices, drivers' options, other people's containers, commands, volumes, networks, and HTTP
that two parsers could read differently."""
import json, os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, sshlab

check = agentlib.Cases()
APPLETS = 'sh sleep echo ps cat ls true false touch kill head seq wc id env hostname tr test tail'
ROLE = '''[Role]
Description = Developers: their own containers
Language = None
Escalates = yes

[Who]
User = alice

[Allow dial]
Class = ContainerEngine
Operation = Invoke
Method = Dial

[Allow engine]
Class = ContainerEngine
Operation = Read

[Allow see]
Class = Container
Operation = Read
Where = Name LIKE 'x-%' OR Name = 'web'

[Allow handle]
Class = Container
Operation = Invoke
Method = Start, Stop, Restart, Kill, Wait, GetLogs, FollowLogs, Attach, Exec, Top, CopyTo, CopyFrom
Where = Name LIKE 'x-%' OR Name = 'web'

[Allow remove]
Class = Container
Operation = Invoke
Method = Remove
Where = Name LIKE 'x-%'

[Allow make]
Class = Container
Operation = Invoke
Method = Create
Arguments = Name LIKE 'x-%' AND Image LIKE 'bb:%'

[Allow images]
Class = ContainerImage
Operation = Read

[Allow build]
Class = ContainerImage
Operation = Invoke
Method = Build
Arguments = Name LIKE 'bb:%'

[Allow networks]
Class = ContainerNetwork
Operation = Read
Where = Name = 'bridge' OR Name LIKE 'x-%'

[Allow makenetwork]
Class = ContainerNetwork
Operation = Invoke
Method = Create
Arguments = Name LIKE 'x-%'

[Allow dropnetwork]
Class = ContainerNetwork
Operation = Invoke
Method = Remove, Connect, Disconnect
Where = Name LIKE 'x-%'

[Allow volumes]
Class = ContainerVolume
Operation = Read
Where = Name LIKE 'x-%'

[Allow makevolume]
Class = ContainerVolume
Operation = Invoke
Method = Create
Arguments = Name LIKE 'x-%'
'''
PATHS = '''[Role]
Language = None
Escalates = yes

[Who]
User = carol

[Allow dial]
Class = ContainerEngine
Operation = Invoke
Method = Dial

[Allow see]
Class = Container
Operation = Read

[Allow images]
Class = ContainerImage
Operation = Read

[Allow handle]
Class = Container
Operation = Invoke
Method = Start, Wait, Attach

[Allow make]
Class = Container
Operation = Invoke
Method = Create
Arguments = Image LIKE 'bb:%' AND Mount LIKE '/srv/dev/%'
'''
FEW = '''[Role]
Language = None

[Who]
User = bob

[Allow dial]
Class = ContainerEngine
Operation = Invoke
Method = Dial

[Allow see]
Class = Container
Operation = Read
Property = Name, State
Where = Name = 'web'
'''


class Docker:
    def __init__(self, m, user, client='docker'):
        self.m, self.user = m, user

    def __call__(self, *words, timeout=60, **kw):
        kw = {**({} if 'input' in kw else {'stdin': subprocess.DEVNULL}), **kw}
        return subprocess.run(self.m.nsenter() + ['env', 'HOME=/root', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DOCKER_BUILDKIT=0',
                                                  f'DOCKER_HOST=ssh://{self.user}@127.0.0.1:{sshlab.PORT}', 'docker', *words], capture_output=True, text=True, timeout=timeout, **kw)


def prepare(m):
    m.run('for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done', check=True)
    m.run('mkdir -p /tmp/b/bin /tmp/b/tmp /tmp/b/proc; cp /bin/busybox /tmp/b/bin/; '
          f'for a in {APPLETS}; do ln -sf busybox /tmp/b/bin/$a; done; tar -C /tmp/b -c . | docker import - bb:1 && docker tag bb:1 secret:1', check=True)
    m.run('useradd -m -s /bin/bash carol; mkdir -p /root/ctx; printf "FROM bb:1\\nCOPY file /file\\nRUN cat /file\\nCMD cat /file\\n" > /root/ctx/Dockerfile; echo built > /root/ctx/file')
    m.run('''docker run -d --name web -v /tmp/b:/b bb:1 sh -c 'echo served; exec sleep 100000' && docker run -d --name other -e PASSWORD=hunter2 bb:1 sleep 100000 &&
        docker network create theirs && docker volume create theirs && docker volume create -d local -o type=none -o o=bind -o device=/etc x-set''', check=True)


def administrator(m, ssh):
    d = Docker(m, 'root')
    r = d('ps', '-a', '--format', '{{.Names}}')
    check('everything is there', sorted(r.stdout.split()) == ['other', 'web'], r)
    r = d('run', '--rm', '-i', 'bb:1', 'sh', '-c', 'cat; exit 7', input='through\n')
    check('run, with input and status', (r.stdout, r.returncode) == ('through\n', 7), r)
    r = d('exec', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 3')
    check('exec', (r.stdout, r.stderr, r.returncode) == ('out\n', 'err\n', 3), r)
    check('logs', d('logs', 'web').stdout == 'served\n')
    r = d('build', '-t', 'built:1', '/root/ctx')
    check('build', r.returncode == 0 and d('run', '--rm', 'built:1').stdout == 'built\n', r)
    r = d('save', '-o', '/root/saved.tar', 'built:1')
    d('rmi', '-f', 'built:1')
    r2 = d('load', '-i', '/root/saved.tar')
    check('save and load', r.returncode == 0 and 'built:1' in r2.stdout, (r, r2))
    r = d('cp', '/root/ctx/file', 'web:/tmp/copied')
    r2 = d('cp', 'web:/tmp/copied', '/root/back')
    check('cp', m.run('cat /root/back').stdout == 'built\n', (r, r2))
    r = d('run', '--rm', '--pid', 'host', '-v', '/:/host', '--cap-add', 'NET_ADMIN', 'bb:1', 'true')
    check('and what no role gives', r.returncode == 0, r)
    r = d('system', 'df')
    check('requests that the bridge does not know', r.returncode == 0 and 'Images' in r.stdout, r)
    r = d('events', '--since', '5m', '--until', '0s', '--filter', 'type=container')
    check('events', 'exec_start' in r.stdout, r.stdout[-300:])
    r = d('inspect', 'nosuch')
    check('what is not there', r.returncode == 1 and 'No such' in r.stderr, r)
    t = ssh.terminal('root', 'docker -H unix:///var/run/docker.sock ps')
    check('another command than dial-stdio is the shell\'s', t.end() == 0)
    rows = records(m, 'root')
    made = [r for r in rows if r['ClassName'] == 'Container' and r['Method'] == 'Create' and r['Operation'].startswith('Docker')]
    check('his changes are on record, with their arguments and how they ended', made and made[0]['Result'] == 'Succeeded' and 'bb:1' in made[0]['Arguments'], rows[:3])


def records(m, user):
    r = m.run(f"""reeve rpc EnumerateInstances '{{"ClassName":"AuditRecord"}}'""")
    return [row for row in json.loads(r.stdout)['Instances'] if row['User'] == user]


def developer(m, ssh):
    d = Docker(m, 'alice')
    check('he sees his', d('ps', '-a', '--format', '{{.Names}}').stdout.split() == ['web'])
    r = d('run', '--rm', '-i', '--name', 'x-1', '-e', 'A=1', '-p', '8081:80', '-m', '64m', '--restart', 'no', 'bb:1', 'sh', '-c', 'cat; echo $A; exit 4', input='in\n')
    check('run', (r.stdout, r.returncode) == ('in\n1\n', 4), r)
    r = d('run', '-d', '--name', 'x-2', 'bb:1', 'sleep', '100000')
    check('run -d', r.returncode == 0, r)
    r = d('exec', '-i', 'x-2', 'sh', '-c', 'cat; exit 6', input='y')
    check('exec', (r.stdout, r.returncode) == ('y', 6), r)
    check('inspect', json.loads(d('inspect', 'x-2').stdout)[0]['Name'] == '/x-2')
    check('logs of what he may see', d('logs', 'web').stdout == 'served\n')
    for words in (['stop', '-t', '0', 'x-2'], ['start', 'x-2'], ['restart', '-t', '0', 'x-2'], ['top', 'x-2'], ['kill', 'x-2'], ['rm', 'x-2'], ['volume', 'create', 'x-v'],
                  ['run', '--rm', '--name', 'x-3', '-v', 'x-v:/d', '--tmpfs', '/t', '--security-opt', 'no-new-privileges', '--cap-drop', 'ALL', 'bb:1', 'true'],
                  ['network', 'create', 'x-n'], ['run', '--rm', '--name', 'x-3', '--network', 'x-n', 'bb:1', 'true'], ['network', 'rm', 'x-n'], ['images'], ['info'], ['version'],
                  ['build', '-t', 'bb:2', '/root/ctx'], ['run', '--rm', '--name', 'x-3', 'bb:2', 'true'], ['cp', '/root/ctx/file', 'web:/tmp/his'], ['cp', 'web:/tmp/his', '/root/his']):
        r = d(*words)
        check('may: docker ' + ' '.join(words), r.returncode == 0, r)
    check('volumes and networks are his', d('volume', 'ls', '-q').stdout.split() == ['x-set', 'x-v'] and d('network', 'ls', '--format', '{{.Name}}').stdout.split() == ['bridge'])
    t = sshlab.Terminal(m.nsenter() + ['env', 'HOME=/root', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', f'DOCKER_HOST=ssh://alice@127.0.0.1:{sshlab.PORT}', 'docker', 'run', '-it', '--rm',
                                       '--name', 'x-4', 'bb:1', 'sh'], 24, 80)
    t.until('/ # ')
    t.type('echo $((40+2)); exit 5\n')
    check('a terminal', t.until(r'\b42\b') and t.end() == 5, t.text)
    r = d('events', '--since', '10m', '--until', '0s', '--format', '{{.Type}} {{.Actor.Attributes.name}}')
    names = {line.split()[-1] for line in r.stdout.splitlines() if line.startswith('container')}
    check('events of his only', names <= {'web', 'x-2', 'x-1', 'x-3', 'x-4'} and 'web' in names and 'other' not in r.stdout, names)


RUN = ['run', '--rm', '--name', 'x-9']
BIND = 'type=volume,source=x-new,target=/h,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/'


def refused(m, ssh):
    d = Docker(m, 'alice')
    for what, words in (('another name', ['run', '--rm', '--name', 'y-1', 'bb:1', 'true']), ('no name', ['run', '--rm', 'bb:1', 'true']), ('another image', [*RUN, 'secret:1', 'true']),
                        ('a bind', [*RUN, '-v', '/:/h', 'bb:1', 'true']), ('a bind, read-only', [*RUN, '-v', '/etc/shadow:/s:ro', 'bb:1', 'true']),
                        ('a mount', [*RUN, '--mount', 'type=bind,source=/,target=/h', 'bb:1', 'true']), ('a driver\'s options', [*RUN, '--mount', BIND, 'bb:1', 'true']),
                        ('privileged', [*RUN, '--privileged', 'bb:1', 'true']), ('the host\'s processes', [*RUN, '--pid', 'host', 'bb:1', 'true']),
                        ('another container\'s processes', [*RUN, '--pid', 'container:other', 'bb:1', 'true']), ('the host\'s network', [*RUN, '--network', 'host', 'bb:1', 'true']),
                        ('another container\'s network', [*RUN, '--network', 'container:other', 'bb:1', 'true']), ('a network he does not see', [*RUN, '--network', 'theirs', 'bb:1', 'true']),
                        ('a volume he does not see', [*RUN, '-v', 'theirs:/d', 'bb:1', 'true']), ('the host\'s IPC', [*RUN, '--ipc', 'host', 'bb:1', 'true']),
                        ('the host\'s names', [*RUN, '--uts', 'host', 'bb:1', 'true']), ('the host\'s users', [*RUN, '--userns', 'host', 'bb:1', 'true']),
                        ('the host\'s control groups', [*RUN, '--cgroupns', 'host', 'bb:1', 'true']), ('a control group', [*RUN, '--cgroup-parent', '/x', 'bb:1', 'true']),
                        ('others\' volumes', [*RUN, '--volumes-from', 'other', 'bb:1', 'true']), ('a link', [*RUN, '--link', 'other', 'bb:1', 'true']),
                        ('a capability', [*RUN, '--cap-add', 'SYS_ADMIN', 'bb:1', 'true']), ('all of them', [*RUN, '--cap-add', 'ALL', 'bb:1', 'true']),
                        ('a device', [*RUN, '--device', '/dev/null', 'bb:1', 'true']), ('a device rule', [*RUN, '--device-cgroup-rule', 'b *:* rwm', 'bb:1', 'true']),
                        ('no seccomp', [*RUN, '--security-opt', 'seccomp=unconfined', 'bb:1', 'true']), ('no masks', [*RUN, '--security-opt', 'systempaths=unconfined', 'bb:1', 'true']),
                        ('a sysctl', [*RUN, '--sysctl', 'net.ipv4.ip_forward=1', 'bb:1', 'true']), ('a group', [*RUN, '--group-add', '0', 'bb:1', 'true']),
                        ('a log driver', [*RUN, '--log-driver', 'syslog', 'bb:1', 'true']), ('a runtime', [*RUN, '--runtime', 'other', 'bb:1', 'true']),
                        ('a volume with options', ['volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', 'device=/', 'x-w']), ('his name, another driver', ['volume', 'create', '-d', 'nfs', 'x-w']),
                        ('a network\'s driver', ['network', 'create', '-d', 'macvlan', 'x-m']), ('a network\'s options', ['network', 'create', '-o', 'parent=eth0', 'x-m']),
                        ('another\'s container', ['exec', 'other', 'id']), ('its logs', ['logs', 'other']), ('its files', ['cp', 'other:/bin/busybox', '/root/no']), ('its end', ['rm', '-f', 'other']),
                        ('its description', ['inspect', '--type', 'container', 'other']), ('its id', ['exec', m.run('docker inspect -f "{{.Id}}" other').stdout.strip()[:12], 'id']),
                        ('what he sees and may not remove', ['rm', '-f', 'web']), ('exec with all rights', ['exec', '--privileged', 'web', 'id']), ('a pull', ['pull', 'busybox']),
                        ('an image\'s end', ['rmi', 'bb:1']), ('a tag', ['tag', 'secret:1', 'bb:9']), ('a build by another name', ['build', '-t', 'secret:1', '/root/ctx']),
                        ('a build in the host\'s network', ['build', '--network', 'host', '-t', 'bb:3', '/root/ctx']), ('a swarm', ['swarm', 'init']), ('plugins', ['plugin', 'ls']),
                        ('what there is of all', ['system', 'df']), ('all that has ended', ['container', 'prune', '-f']), ('a commit', ['commit', 'web', 'bb:5']),
                        ('what changed', ['diff', 'other']), ('an export', ['export', '-o', '/root/no', 'other']), ('his container into their network', ['network', 'connect', 'theirs', 'web'])):
        r = d(*words)
        said = r.stdout + r.stderr
        check(f'refused: {what}', (r.returncode != 0 or words[0] == 'rm') and re.search(r'denied|No such|not find', said), r)
    left = m.run("docker ps -a --format '{{.Names}}'").stdout.split()
    check('nothing of it came to be', sorted(left) == ['other', 'web'], left)
    r = d('run', '--rm', '--name', 'x-9', '-v', 'x-set:/d', 'bb:1', 'ls', '/d')
    check('a volume that he sees is his, whatever an administrator made it of', r.returncode == 0, r)
    r = d('exec', 'web', 'ls', '/b/bin/busybox')
    check('a denial names role and rule', 'rule "remove" of role dev' in d('rm', '-f', 'web').stderr and r.returncode == 0)
    rows = [r for r in records(m, 'alice') if r['Result'] == 'Denied']
    check('each is on record', len(rows) > 30 and any('Mount' in (r['Message'] or '') for r in rows), len(rows))


def paths(m, ssh):
    d = Docker(m, 'carol')
    m.run('mkdir -p /srv/dev/own; echo mine > /srv/dev/own/file; ln -s /etc /srv/dev/link; ln -s / /srv/dev/own/root')
    r = d('run', '--rm', '-v', '/srv/dev/own:/d', 'bb:1', 'cat', '/d/file')
    check('a folder that a rule names', r.stdout == 'mine\n', r)
    for source in ('/etc', '/srv/dev/../../etc', '/srv/dev/./own', '/srv/dev//own', '/srv/dev/link', '/srv/dev/link/ssh', '/srv/dev/own/root', '/srv/dev/own/root/etc', '/srv/dev/nothing', '/srv/device'):
        body = json.dumps({'Image': 'bb:1', 'Cmd': ['true'], 'HostConfig': {'Binds': [source + ':/d']}})
        answer = raw(ssh, get('/v1.41/containers/create', f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n', 'POST', body), 'carol')
        check(f'another: {source}', statuses(answer) == [403], answer[-300:])
    r = d('run', '--rm', '-v', '/srv/dev/own:/d', '-v', '/etc:/e', 'bb:1', 'true')
    check('one good and one bad', r.returncode != 0 and 'denied' in r.stderr, r)


def few(m, ssh):
    d = Docker(m, 'bob')
    r = d('ps', '-a', '--format', '{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Mounts}}')
    check('some properties only', r.stdout.strip() == 'web|<no image>|""|running|', r)
    r = d('inspect', 'web')
    check('no description then', r.returncode != 0 and 'some of its properties only' in r.stderr, r)
    check('and nothing else', d('stop', 'web').returncode != 0 and d('run', '--rm', 'bb:1', 'true').returncode != 0 and d('images').returncode != 0)
    m.run('rm /lab/roles.d/few.role')
    end = time.monotonic() + 30
    while (r := d('ps')).returncode == 0 and time.monotonic() < end:
        time.sleep(0.2)
    check('without a role there is no connection', r.returncode != 0 and 'bob' in r.stderr, r)


def raw(ssh, text, user='alice'):
    r = ssh.run(user, 'docker system dial-stdio', input=text, timeout=60)
    return r.stdout


def get(path, more='', method='GET', body=''):
    return f'{method} {path} HTTP/1.1\r\nHost: docker\r\n{more}\r\n{body}'


def statuses(text):
    return [int(s) for s in re.findall(r'HTTP/1\.1 (\d\d\d) ', text)]


def parsers(m, ssh):
    other = m.run('docker inspect -f "{{.Id}}" other').stdout.strip()
    web = m.run('docker inspect -f "{{.Id}}" web').stdout.strip()
    check('a request', statuses(raw(ssh, get('/v1.41/containers/web/json'))) == [200])
    check('without a version', statuses(raw(ssh, get('/containers/web/json'))) == [200])
    answer = raw(ssh, get('/_ping') + get('/v1.41/containers/other/json') + get('/version'))
    check('several, one behind the other', statuses(answer) == [200, 404, 200], answer)
    for what, text in (('a double slash', get('//containers/other/json')), ('dots', get('/containers/web/../other/json')), ('encoded dots', get('/containers/web/%2e%2e/other/json')),
                       ('an encoded slash', get('/containers/web%2f..%2fother/json')), ('a backslash', get('/containers/..\\other/json')), ('a NUL', get('/containers/other%00web/json')),
                       ('half an escape', get('/containers/other%2')), ('two versions', get('/v1.41/v1.41/containers/other/json')), ('no version', get('/v1.x/containers/other/json')),
                       ('a whole URL', get(f'http://docker/containers/{other}/json')), ('CONNECT', get('/', method='CONNECT')), ('HTTP/1.0', 'GET /containers/json HTTP/1.0\r\n\r\n'),
                       ('a fragment', get('/containers/web#/other/json')), ('two lengths', get('/containers/web/start', 'Content-Length: 0\r\nContent-Length: 5\r\n', 'POST', 'GET /')),
                       ('length and chunks', get('/containers/web/start', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', 'POST', '0\r\n\r\n' + get(f'/containers/{other}/json'))),
                       ('chunks by another name', get('/containers/web/start', 'Transfer-Encoding: xchunked\r\n', 'POST', '0\r\n\r\n')),
                       ('a folded header', get('/containers/json', 'X: a\r\n b\r\n')), ('a bare line feed', 'GET /containers/json HTTP/1.1\nHost: x\n\n' + get('/_ping')),
                       ('a blank before the colon', get('/containers/json', 'Content-Length : 3\r\n')), ('a chunk that lies', get('/containers/create?name=x-8', 'Transfer-Encoding: chunked\r\n', 'POST', 'zz\r\n{}\r\n0\r\n\r\n')),
                       ('a name by id', get(f'/containers/{other}/json')), ('a parameter twice', get('/containers/json?all=0&all=1')), ('a parameter that is none', get('/containers/json?evil=1')),
                       ('another upgrade', get('/session', 'Connection: Upgrade\r\nUpgrade: h2c\r\n', 'POST')), ('gRPC', get('/grpc', 'Connection: Upgrade\r\nUpgrade: tcp\r\n', 'POST')),
                       ('the engine\'s own exec', get(f'/exec/{"a" * 64}/json')), ('a head without end', 'GET /' + 'a' * 70000)):
        answer = raw(ssh, text)
        got = statuses(answer)
        check(f'HTTP: {what}', got[:1] != [200] and got[:1] != [204] and 'hunter2' not in answer and all(s >= 400 for s in got[:1]), (got, answer[:200]))
    body = lambda j: get('/v1.41/containers/create?name=x-8', f'Content-Type: application/json\r\nContent-Length: {len(j)}\r\n', 'POST', j)
    for what, j in (('a member twice', '{"Image":"bb:1","HostConfig":{"Privileged":false,"Privileged":true}}'), ('another case', '{"Image":"bb:1","hostconfig":{"privileged":true}}'),
                    ('another case inside', '{"Image":"bb:1","HostConfig":{"privileged":true}}'), ('both cases', '{"Image":"bb:1","HostConfig":{},"HOSTCONFIG":{"Privileged":true}}'),
                    ('a list', '[{"Image":"bb:1"}]'), ('two texts', '{"Image":"bb:1"}{"HostConfig":{"Privileged":true}}'), ('no masks', '{"Image":"bb:1","HostConfig":{"MaskedPaths":[]}}'),
                    ('binds that are no list', '{"Image":"bb:1","HostConfig":{"Binds":"/:/h"}}'), ('a bind of a name with a path', '{"Image":"bb:1","HostConfig":{"Binds":["./x:/h"]}}'),
                    ('a volume that is a path', '{"Image":"bb:1","HostConfig":{"Mounts":[{"Type":"volume","Source":"/","Target":"/h"}]}}'),
                    ('a type that is none', '{"Image":"bb:1","HostConfig":{"Mounts":[{"Type":"BIND","Source":"/","Target":"/h"}]}}'),
                    ('a network in the other place', '{"Image":"bb:1","NetworkingConfig":{"EndpointsConfig":{"theirs":{}}}}'),
                    ('a member of the future', '{"Image":"bb:1","HostConfig":{"LetMeOut":true}}'), ('no object', 'null x'), ('deep', '{"Image":' + '[' * 200 + ']' * 200 + '}'),
                    ('a name in the body', '{"Image":"bb:1","Name":"x-1"}'), ('1 MiB', '{"Image":"bb:1","Labels":{"a":"' + 'x' * (1 << 20) + '"}}')):
        answer = raw(ssh, body(j))
        check(f'body: {what}', statuses(answer)[:1] and statuses(answer)[0] >= 400 and m.run('docker inspect x-8').returncode != 0, answer[:300])
    chunked = get('/v1.41/containers/create?name=x%2D8', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Registry-Auth: e30=\r\n', 'POST',
                  '9\r\n{"Image":\r\n14\r\n"bb:1","Cmd":["true"\r\n2\r\n]}\r\n0\r\n\r\n')
    answer = raw(ssh, chunked)
    check('in chunks, the name encoded, with credentials: well', statuses(answer) == [201], answer)
    check('and forgotten in the record', not any('e30=' in json.dumps(r) for r in records(m, 'alice')))
    m.run('docker rm x-8')
    made = json.loads(m.run(f'''curl -s --unix-socket /var/run/docker.sock -X POST -H 'Content-Type: application/json' -d '{{"Cmd":["id"],"AttachStdout":true}}' http://d/containers/{other}/exec''').stdout)['Id'] if m.run('command -v curl').returncode == 0 else None
    if made:
        answer = raw(ssh, get(f'/exec/{made}/start', 'Content-Type: application/json\r\nContent-Length: 2\r\n', 'POST', '{}'))
        check('a command that another made is not his to start', statuses(answer) == [404] and 'uid' not in answer, answer)
    his = '{"AttachStdout":true,"Cmd":["sleep","1"]}'
    answer = raw(ssh, get(f'/v1.41/containers/{web}/exec', f'Content-Type: application/json\r\nContent-Length: {len(his)}\r\n', 'POST', his))
    check('his is', statuses(answer) == [201], answer)
    exec_id = re.search(r'"Id":"([0-9a-f]{64})', answer).group(1)
    check('and of nobody else', statuses(raw(ssh, get(f'/exec/{exec_id}/json'), 'alice')) == [200] and statuses(raw(ssh, get(f'/exec/{exec_id}/json'), 'bob'))[:1] != [200])


def clients(m, ssh):
    host = shutil.which('docker')
    if not host:
        check.skip('a newer client', 'docker is not installed on this machine')
        return
    home = os.path.join(m.share, 'home')
    os.makedirs(os.path.join(home, 'bin'), exist_ok=True)
    m.run('cp /root/.ssh/id_ed25519 /lab/home/key; chmod 600 /lab/home/key')
    with open(os.path.join(home, 'bin', 'ssh'), 'w') as f:  # ssh reads the real home's configuration, which is not this test's
        f.write(f'#!/bin/sh\nexec /usr/bin/ssh -F /dev/null -i {home}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n')
    os.chmod(os.path.join(home, 'bin', 'ssh'), 0o755)
    run = lambda user, *words: subprocess.run(['nsenter', '-t', str(m.leader), '-n', 'env', f'HOME={home}', f'PATH={home}/bin:/usr/local/bin:/usr/bin:/bin', 'DOCKER_BUILDKIT=0',
                                               f'DOCKER_HOST=ssh://{user}@127.0.0.1:{sshlab.PORT}', host, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    version = run('alice', 'version', '--format', '{{.Client.Version}} {{.Server.Version}}').stdout.strip()
    r = run('alice', 'run', '--rm', '--name', 'x-7', 'bb:1', 'echo', 'new')
    check(f'client and engine {version}', r.stdout == 'new\n', r)
    r = run('alice', 'run', '--rm', '--name', 'x-7', '-v', '/:/h', 'bb:1', 'true')
    check('the same denial', 'denied' in r.stderr, r)
    r = run('alice', 'exec', 'web', 'sh', '-c', 'exit 9')
    check('the same status', r.returncode == 9, r)
    compose = shutil.which('docker-compose')
    if not compose:
        check.skip('docker-compose', 'it is not installed on this machine')
        return
    with open(os.path.join(home, 'docker-compose.yml'), 'w') as f:
        f.write('version: "3"\nservices:\n  web:\n    image: bb:1\n    container_name: x-shop-web\n    command: sleep 100000\n')
    for user in ('root', 'alice'):
        do = lambda *words: subprocess.run(['nsenter', '-t', str(m.leader), '-n', 'env', f'HOME={home}', f'PATH={home}/bin:/usr/local/bin:/usr/bin:/bin',
                                            f'DOCKER_HOST=ssh://{user}@127.0.0.1:{sshlab.PORT}', compose, '-p', 'x-shop', '-f', os.path.join(home, 'docker-compose.yml'), *words],
                                           capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        r = do('up', '-d')
        check(f'compose up as {user}', r.returncode == 0 and 'x-shop-web' in m.run("docker ps --format '{{.Names}}'").stdout, r)
        r = do('down', '-t', '0')
        check(f'compose down as {user}', r.returncode == 0 and 'x-shop-web' not in m.run("docker ps -a --format '{{.Names}}'").stdout, r)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('one', 'containers')
        prepare(m)
        ssh = sshlab.Ssh(m, users=('root', 'alice', 'bob', 'carol'), roles=[('dev', ROLE), ('few', FEW), ('paths', PATHS)])
        for part in (administrator, developer, refused, parsers, clients, paths, few):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(m, ssh)
    check.end()


main()
