#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Containers, the deep part (test_container.py has the first): every property of six kinds of containers beside docker inspect,
usage beside the control groups, every method's refusals, archives of images; the model: events, what it costs the engine; the
engine hung, restarted and stopped. The images are made there from busybox; nothing is fetched from a network."""
import json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
APPLETS = 'sh sleep echo ps cat ls true false touch kill yes head seq wc id env pwd hostname trap'


class Docker:
    def __init__(self, m):
        self.m = m

    def __call__(self, command, timeout=60):
        done = self.m.run('docker ' + command, timeout=timeout)
        return done.stdout.strip() if done.returncode == 0 else None

    def inspect(self, what, kind='container'):
        text = self.m.run(f'docker inspect --type {kind} {what}').stdout
        found = json.loads(text) if text.strip() else []
        return found[0] if found else None


def prepare(m):
    m.run('for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done', check=True)
    m.run('mkdir -p /tmp/b/bin /tmp/b/tmp /tmp/b/proc; cp /bin/busybox /tmp/b/bin/; '
          f'for a in {APPLETS}; do ln -sf busybox /tmp/b/bin/$a; done; tar -C /tmp/b -c . | docker import - bb:1', check=True)


def at(doc, path):
    for part in path.split('/'):
        doc = doc.get(part) if isinstance(doc, dict) else None
    return doc


# Property -> its place in docker inspect, and whether what is empty or 0 there is null here.
PLACES = {'Id': 'Id', 'Image': 'Config/Image', 'ImageId': 'Image', 'State': 'State/Status', 'OomKilled': 'State/OOMKilled', 'RestartCount': 'RestartCount',
          'Runtime': 'HostConfig/Runtime', 'Privileged': 'HostConfig/Privileged', 'Path': 'Path', 'Args': 'Args', 'Entrypoint': 'Config/Entrypoint',
          'Cmd': 'Config/Cmd', 'WorkingDirectory': 'Config/WorkingDir', 'User': 'Config/User', 'HostName': 'Config/Hostname', 'Domainname': 'Config/Domainname',
          'Environment': 'Config/Env', 'Tty': 'Config/Tty', 'OpenStdin': 'Config/OpenStdin', 'Labels': 'Config/Labels', 'NetworkMode': 'HostConfig/NetworkMode',
          'MaximumRetryCount': 'HostConfig/RestartPolicy/MaximumRetryCount', 'AutoRemove': 'HostConfig/AutoRemove', 'ReadonlyRootfs': 'HostConfig/ReadonlyRootfs',
          'CapAdd': 'HostConfig/CapAdd', 'CapDrop': 'HostConfig/CapDrop', 'SecurityOpt': 'HostConfig/SecurityOpt', 'Dns': 'HostConfig/Dns',
          'ExtraHosts': 'HostConfig/ExtraHosts', 'PidMode': 'HostConfig/PidMode', 'IpcMode': 'HostConfig/IpcMode', 'Init': 'HostConfig/Init',
          'ShmSize': 'HostConfig/ShmSize', 'MemoryLimit': 'HostConfig/Memory', 'MemorySwap': 'HostConfig/MemorySwap', 'MemoryReservation': 'HostConfig/MemoryReservation',
          'CpuShares': 'HostConfig/CpuShares', 'CpusetCpus': 'HostConfig/CpusetCpus', 'PidsLimit': 'HostConfig/PidsLimit',
          'BlkioWeight': 'HostConfig/BlkioWeight', 'OomScoreAdj': 'HostConfig/OomScoreAdj', 'StopSignal': 'Config/StopSignal', 'StopTimeout': 'Config/StopTimeout',
          'HealthTest': 'Config/Healthcheck/Test', 'HealthInterval': 'Config/Healthcheck/Interval', 'HealthTimeout': 'Config/Healthcheck/Timeout',
          'HealthRetries': 'Config/Healthcheck/Retries', 'LogDriver': 'HostConfig/LogConfig/Type', 'LogOptions': 'HostConfig/LogConfig/Config',
          'LogPath': 'LogPath', 'StorageDriver': 'Driver', 'Platform': 'Platform', 'Error': 'State/Error', 'ProcessId': 'State/Pid',
          'HealthFailingStreak': 'State/Health/FailingStreak'}
KEPT_EMPTY = {'RestartCount', 'OomScoreAdj', 'StopTimeout', 'ShmSize', 'HealthFailingStreak'}
SIZES = ['SizeRw', 'SizeRootFs']


def expected(d):
    want = {}
    for name, path in PLACES.items():
        value = at(d, path)
        want[name] = value if value or isinstance(value, (bool, list, dict)) or (name in KEPT_EMPTY and value == 0) else None
    want['ShortId'], want['Name'], want['Engine'] = d['Id'][:12], d['Name'][1:], 'docker'
    want['Isolation'] = 'hyperv' if 'runsc' in d['HostConfig']['Runtime'] else 'process'
    want['Command'] = ' '.join([d['Path'], *d['Args']])
    want['RestartPolicy'] = d['HostConfig']['RestartPolicy']['Name'] or 'no'
    want['ExitCode'] = d['State']['ExitCode'] if d['State']['Status'] == 'exited' else None
    want['Health'] = at(d, 'State/Health/Status')
    want['ExposedPorts'] = sorted(d['Config']['ExposedPorts']) if 'ExposedPorts' in d['Config'] else None
    want['Networks'] = sorted(d['NetworkSettings']['Networks'])
    want['IPAddresses'] = {n: v['IPAddress'] for n, v in d['NetworkSettings']['Networks'].items() if v['IPAddress']} or None
    want['Mounts'] = [f"{x.get('Name') or x['Source']}:{x['Destination']}:{'rw' if x['RW'] else 'ro'}" for x in d['Mounts']]
    want['Volumes'] = [x['Name'] for x in d['Mounts'] if x.get('Name')]
    want['Devices'] = [f"{x['PathOnHost']}:{x['PathInContainer']}:{x['CgroupPermissions']}" for x in d['HostConfig']['Devices'] or []]
    want['PortBindings'] = [f"{p}={(b['HostIp'] + ':') if b['HostIp'] else ''}{b['HostPort']}" for p, l in (d['HostConfig']['PortBindings'] or {}).items() for b in l]
    labels = d['Config']['Labels'] or {}
    want['IPAddress'] = next((v['IPAddress'] for _, v in sorted(d['NetworkSettings']['Networks'].items()) if v['IPAddress']), None)
    want['CpuLimit'] = d['HostConfig']['NanoCpus'] / 1e9 or None
    want['Project'], want['Service'] = labels.get('com.docker.compose.project'), labels.get('com.docker.compose.service')
    return want


def seconds(text):
    import datetime
    if not text or text.startswith('0001'):
        return None
    return round(datetime.datetime.fromisoformat(text.replace('Z', '+00:00')[:26].rstrip('+') + ('' if '+' in text[:26] else '+00:00')).timestamp(), 2)


def steady_status(a, docker, name):
    """Container.Status and what `docker ps` says (status, ports) at one moment: Docker's words count seconds, so it is asked before and after."""
    ask = f"ps -a --no-trunc --filter name=^/{name}$ --format '{{{{.Status}}}}|{{{{.Ports}}}}'"
    for _ in range(10):
        shown = docker(ask)
        status = [r['Status'] for r in a.rows('Container', Filter=f"Name='{name}'", PropertyList=['Status'])]
        if docker(ask) == shown:
            break
    return (status + [None])[0], shown.split('|')


def properties(m, a, docker):
    m.run('docker network create --subnet 10.44.0.0/24 net1')
    made = [
        docker('run -d --name plain bb:1 /bin/sleep 1000'),
        docker('run -d --name full --hostname inside --domainname example.org -e A=1 -e "B=two words" -l color=red -l com.docker.compose.project=shop '
               '-l com.docker.compose.service=web -l com.docker.compose.container-number=3 -p 127.0.0.1:8081:80 -p 9000:90/udp --expose 70 -v vol1:/data -v /tmp:/host:ro '
               '--restart on-failure:5 --cap-add NET_ADMIN --cap-drop MKNOD --security-opt no-new-privileges --dns 10.1.2.3 --add-host a:10.0.0.1 --init --shm-size 32m '
               '--oom-score-adj 100 --stop-signal SIGINT --stop-timeout 3 --health-cmd true --health-interval 1s --health-retries 2 --health-timeout 3s '
               '--log-opt max-size=10m --user 1:1 -w /tmp --read-only --device /dev/null:/dev/nix:r --network net1 bb:1 /bin/sleep 1000'),
        docker('run -d --name tty -t -i --net none --pid host --ipc host bb:1 /bin/cat'),
        docker('create --name fresh --entrypoint /bin/echo bb:1 one two'),
        docker('run --name ended bb:1 /bin/sh -c "exit 3"') or docker('inspect -f {{.Id}} ended'),
        docker('run -d --name hostnet --net host bb:1 /bin/sleep 1000'),
        docker('create --name might --privileged bb:1 /bin/sleep 1000'),
    ]
    check('the containers are there', all(made), made)
    docker('pause hostnet')
    time.sleep(1.5)
    names = ['plain', 'full', 'tty', 'fresh', 'ended', 'hostnet', 'might']
    rows = {r['Name']: r for r in a.rows('Container', PropertyList=list(PLACES) + ['ShortId', 'Name', 'Engine', 'Isolation', 'Command', 'RestartPolicy', 'ExitCode', 'Health',
            'HealthOutput', 'ExposedPorts', 'Networks', 'IPAddresses', 'Mounts', 'Volumes', 'Devices', 'Ports', 'PortBindings', 'Project', 'Service', 'Number', 'Status',
            'Created', 'StartedAt', 'FinishedAt', 'ControlGroup', 'CpuLimit', 'IPAddress', 'CpuUsage', 'NetworkReceived', 'NetworkSent', 'PidsCurrent', 'MemoryUsage', 'BlockRead', 'BlockWritten', *SIZES])}
    check('the same containers', sorted(rows) == sorted(names), sorted(rows))
    for name in names:
        d, r = docker.inspect(name), rows.get(name)
        d['Mounts'].sort(key=lambda x: x['Destination'])  # the engine gives them in any order
        r['Mounts'].sort(key=lambda x: x.split(':')[1])
        check(f'properties of {name}', not differ(r, expected(d)), differ(r, expected(d)))
        times = [(k, r[k], at(d, v)) for k, v in {'Created': 'Created', 'StartedAt': 'State/StartedAt', 'FinishedAt': 'State/FinishedAt'}.items()
                 if seconds(r[k]) != seconds(at(d, v))]
        check(f'times of {name}', not times, times)
        said, shown = steady_status(a, docker, name)
        check(f'status of {name}', said == shown[0], (said, shown[0]))
        check(f'ports of {name}', sorted(r['Ports'] or []) == sorted(p.replace(':::', '[::]:') for p in shown[1].split(', ') if p), (r['Ports'], shown[1]))
        sized = json.loads(m.run(f'docker inspect --size {name}').stdout)[0]
        check(f'sizes of {name}', (r['SizeRw'] or 0, r['SizeRootFs']) == (sized.get('SizeRw', 0), sized['SizeRootFs']), (r['SizeRw'], r['SizeRootFs'], sized.get('SizeRw')))
        pid = d['State']['Pid']
        group = m.run(f'sed -n "s/^0:://p" /proc/{pid}/cgroup').stdout.strip() if pid else None
        check(f'control group of {name}', r['ControlGroup'] == group, (r['ControlGroup'], group))
        used = m.run(f'sed -n "s/^usage_usec //p" /sys/fs/cgroup{group}/cpu.stat').stdout.strip() if pid else None
        check(f'CPU time of {name}', (r['CpuUsage'] is None) == (pid == 0) and (not pid or abs(r['CpuUsage'] - int(used) * 1000) < 50e6), (r['CpuUsage'], used))
        net = m.run(f"awk '/eth0:/{{print $2, $10}}' /proc/{pid}/net/dev").stdout.split() if pid and name in ('plain', 'full') else None
        check(f'network bytes of {name}', (r['NetworkReceived'] is not None) == (pid != 0 and name != 'hostnet') and
              (not net or (abs(r['NetworkReceived'] - int(net[0])) < 2000 and abs(r['NetworkSent'] - int(net[1])) < 2000)), (r['NetworkReceived'], net))
        for p, file in (('PidsCurrent', 'pids.current'), ('MemoryUsage', 'memory.current')):
            there = pid and m.run(f'test -e /sys/fs/cgroup{group}/{file}').returncode == 0
            check(f'{p} of {name} is null exactly without its controller', (r[p] is not None) == bool(there), (r[p], there))
    check('number in the project', rows['full']['Number'] == 3 and rows['plain']['Number'] is None)
    pid = docker.inspect('plain')['State']['Pid']
    p = a.one('Process', {'ProcessId': pid}, 'ContainerId', 'Name')
    check('its process is known as its', p and p['ContainerId'] == made[0], p)
    one = a.one('Container', {'Id': made[0]}, 'Name')
    check('one by its id', one and one['Name'] == 'plain', one)
    check('one that is not there', status(a.call('GetInstance', 'Container', {'Id': 'f' * 64})) == 'NOT_FOUND')
    query = a.peer.call('ExecQuery', {'Query': "SELECT Name FROM Container WHERE State = 'running' AND Image LIKE 'bb%'", 'QueryLanguage': 'WQL'})
    check('WQL', sorted(r['Name'] for r in query['result']['Instances']) == ['full', 'plain', 'tty'], query)
    walk = lambda of, key, through: [x for x in a.peer.call('Associators', {'ClassName': of, 'InstanceName': key, 'AssocClass': through}).get('result', {}).get('Instances', [])]
    r = walk('Container', {'Id': made[0]}, 'ContainerProcess')
    check('associated: its processes', [x['ProcessId'] for x in r] == [pid], r)
    r = walk('Process', {'ProcessId': pid}, 'ContainerProcess')
    check('associated: the container of a process', [x['Name'] for x in r] == ['plain'], r)
    r = walk('ContainerImage', {'Id': docker.inspect('bb:1', 'image')['Id']}, 'ContainerOfImage')
    check('associated: the containers of an image', sorted(x['Name'] for x in r) == sorted(names), r)
    r = walk('ContainerNetwork', {'Id': docker('network inspect -f {{.Id}} net1')}, 'ContainerInNetwork')
    check('associated: the containers in a network', [x['Name'] for x in r] == ['full'], r)
    r = walk('ContainerVolume', {'Name': 'vol1'}, 'ContainerOfVolume')
    check('associated: the containers of a volume', [x['Name'] for x in r] == ['full'], r)
    for name in ('full', 'tty', 'hostnet', 'ended', 'fresh', 'might'):
        docker(f'rm -f {name}')
    left = lambda: [r['Name'] for r in a.rows('Container', PropertyList=['Name'])]
    check('events: those that went are gone from the list', any(left() == ['plain'] or time.sleep(0.01) for _ in range(50)), left())


def changes(m, a, docker):
    state = lambda name: at(docker.inspect(name) or {}, 'State/Status')
    new = lambda what_if=False, **kw: a.do('Container', None, 'Create', what_if, **kw)
    do = lambda name, method, what_if=False, **kw: a.do('Container', {'Id': name if len(name) == 64 else docker.inspect(name)['Id']}, method, what_if, **kw)
    r = new(True, Image='bb:1', Name='web')
    check('what-if makes none', good(r) and r['result'].get('Changed') and state('web') is None, r)
    r = new(Image='bb:1', Name='web', Command=['/bin/sh', '-c', 'trap "exit 0" TERM; echo out; echo err >&2; while :; do sleep 0.1; done'], Environment=['A=b c'], Label=['k=v'], Port=['127.0.0.1:8085:80', '91/udp'],
            Mount=['/tmp:/host:ro', 'vol2:/data'], HostName='webhost', WorkingDirectory='/tmp', RestartPolicy='on-failure:2', HealthCommand='true', HealthInterval=1,
            HealthTimeout=2, HealthRetries=4, CapAdd=['NET_RAW'], CapDrop=['CHOWN'], Dns=['10.9.8.7'], ExtraHosts=['x:10.0.0.9'], Init=True, StopTimeout=4, OpenStdin=True,
            Devices=['/dev/null:/dev/nix:rw'], LogOptions=['max-size=5m'], NetworkAliases=[], Start=True)
    d = docker.inspect('web')
    check('made and started', good(r) and d and r['result']['Id' if 'Id' in r['result'] else 'OutParameters'] and d['State']['Status'] == 'running', r)
    if not d:
        return
    want = {'Config/Env': ['A=b c'], 'Config/Labels': {'k': 'v'}, 'Config/Hostname': 'webhost', 'Config/WorkingDir': '/tmp', 'Config/Image': 'bb:1',
            'HostConfig/RestartPolicy': {'Name': 'on-failure', 'MaximumRetryCount': 2}, 'HostConfig/CapAdd': ['NET_RAW'], 'HostConfig/CapDrop': ['CHOWN'],
            'HostConfig/Dns': ['10.9.8.7'], 'HostConfig/ExtraHosts': ['x:10.0.0.9'], 'HostConfig/Init': True, 'Config/StopTimeout': 4, 'Config/OpenStdin': True,
            'Config/Healthcheck': {'Test': ['CMD-SHELL', 'true'], 'Interval': 10**9, 'Timeout': 2 * 10**9, 'Retries': 4},
            'HostConfig/Devices': [{'PathOnHost': '/dev/null', 'PathInContainer': '/dev/nix', 'CgroupPermissions': 'rw'}],
            'HostConfig/LogConfig/Config': {'max-size': '5m'}}
    wrong = [(p, at(d, p), v) for p, v in want.items() if at(d, p) != v]
    check('as it was asked for', not wrong, wrong)
    env = at(d, 'HostConfig/PortBindings')
    check('its ports', env == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '8085'}], '91/udp': [{'HostIp': '', 'HostPort': ''}]}, env)
    mounts = sorted((x['Type'], x['Destination'], x['RW']) for x in d['Mounts'])
    check('its mounts', mounts == [('bind', '/host', False), ('volume', '/data', True)], mounts)
    # refusals
    check('a name that is taken', status(new(Image='bb:1', Name='web')) == 'ALREADY_EXISTS', new(Image='bb:1', Name='web'))
    r = new(Image='nothere:9', Name='w2')
    check('an image that is not here', status(r) == 'NOT_FOUND' and state('w2') is None, r)
    for bad in ({'Name': 'a b'}, {'Name': '-x'}, {'Name': ''}, {'Port': ['x']}, {'Port': ['80:99999']}, {'Port': ['80/ip']}, {'Mount': ['/a']}, {'Mount': ['/a:b']}, {'Mount': ['/a:/b:xx']},
                {'Environment': ['=x']}, {'RestartPolicy': 'sometimes'}, {'RestartPolicy': 'always:3'}, {'CpuLimit': -1.0}, {'Devices': ['null']}):
        r = new(**{'Image': 'bb:1', **({'Name': 'w2'} if 'Name' not in bad else {}), **bad})
        check(f'refused: {bad}', status(r) == 'INVALID_PARAMETER' and state('w2') is None, r)
    r = new(Image='bb:1', Name='w2', Mount=['/no/such/folder:/x'])
    check('a folder that is not there', status(r) == 'INVALID_PARAMETER' and state('w2') is None and 'hint' in str(r).lower(), r)
    r = new(Image='bb:1', Name='w2', Command=['/no/such/program'], Start=True)
    check('one that cannot be started does not stay', status(r) in ('FAILED', 'INVALID_PARAMETER', 'NOT_FOUND') and state('w2') is None, r)
    for isolation in ('hyperv', 'sandbox', 'vm'):
        before = docker('ps -aq')
        r = new(Image='bb:1', Name='w2', Isolation=isolation, Start=True)
        check(f'no runtime for {isolation}: refused, nothing made', status(r) == 'NOT_SUPPORTED' and docker('ps -aq') == before, r)
    check('a runtime that is not there', status(new(Image='bb:1', Name='w2', Runtime='runq')) == 'NOT_SUPPORTED' and state('w2') is None)
    r = new(Image='bb:1', Name='w3', Command=['/bin/true'], Isolation='process')
    check('isolation process', good(r) and docker.inspect('w3')['HostConfig']['Runtime'] == 'runc', r)
    # states
    r = do('web', 'Stop', True)
    check('what-if stops nothing', good(r) and r['result'].get('Changed') and state('web') == 'running', r)
    check('pause', good(do('web', 'Pause')) and state('web') == 'paused')
    check('the list knows it at once', a.one('Container', {'Id': d['Id']}, 'State')['State'] == 'paused')
    check('a command in one that is paused', status(do('web', 'Exec', Command=['/bin/true'])) == 'FAILED')
    check('unpause', good(do('web', 'Unpause')) and state('web') == 'running')
    check('unpause of one that runs: nothing to do', good(do('web', 'Unpause')))
    pid = at(docker.inspect('web'), 'State/Pid')
    check('restart', good(do('web', 'Restart', Timeout=1)) and state('web') == 'running' and at(docker.inspect('web'), 'State/Pid') != pid)
    check('stop', good(do('web', 'Stop', Timeout=5)) and state('web') == 'exited')
    check('stop again: nothing to do', good(do('web', 'Stop')))
    check('start', good(do('web', 'Start')) and state('web') == 'running')
    check('start again: nothing to do', good(do('web', 'Start')))
    check('pause of one that does not run', status(do('w3', 'Pause')) == 'FAILED', do('w3', 'Pause'))
    check('kill with a signal that is none', status(do('web', 'Kill', Signal='SIGNONE')) == 'INVALID_PARAMETER', do('web', 'Kill', Signal='SIGNONE'))
    r = do('web', 'Rename', NewName='shop')
    check('rename', good(r) and state('shop') == 'running' and state('web') is None, r)
    check('rename to a name that is taken', status(do('shop', 'Rename', NewName='w3')) == 'ALREADY_EXISTS', do('shop', 'Rename', NewName='w3'))
    r = do('shop', 'Update', RestartPolicy='unless-stopped')
    check('update', good(r) and at(docker.inspect('shop'), 'HostConfig/RestartPolicy/Name') == 'unless-stopped', r)
    check('update of nothing', status(do('shop', 'Update')) == 'INVALID_PARAMETER')
    # output
    out = lambda r: r.get('result', {}).get('OutParameters', r.get('result', {}))
    r = do('shop', 'Exec', Command=['/bin/sh', '-c', 'echo one; echo two >&2; exit 7'])
    check('exec', good(r) and (out(r)['Output'], out(r)['ErrorOutput'], out(r)['ExitCode']) == ('one\n', 'two\n', 7), r)
    r = do('shop', 'Exec', Command=['/bin/sh', '-c', 'cat; env; pwd; id -u'], InputText='hello\n', Environment=['X=y z'], WorkingDirectory='/data', User='3')
    check('exec with input, environment, folder, user', good(r) and out(r)['Output'].startswith('hello\n') and 'X=y z\n' in out(r)['Output'] and out(r)['Output'].endswith('/data\n3\n'), r)
    r = do('shop', 'Exec', Command=['/bin/sh', '-c', 'yes | head -c 9000000'])
    check('much output is cut', good(r) and out(r)['Truncated'] and len(out(r)['Output']) == 4 << 20, str(r)[:200])
    r = do('shop', 'Exec', Command=['/no/such'])
    check('exec of no program', good(r) and out(r)['ExitCode'] in (126, 127) or status(r) in ('FAILED', 'INVALID_PARAMETER'), r)
    r = do('shop', 'GetLogs')
    check('logs', good(r) and (out(r)['Output'].splitlines()[0], out(r)['ErrorOutput'].splitlines()[0]) == ('out', 'err'), r)
    r = do('shop', 'GetLogs', Tail=1, Timestamps=True)
    check('logs: the last, with its time', good(r) and sorted(map(len, (out(r)['Output'].splitlines(), out(r)['ErrorOutput'].splitlines()))) == [0, 1] and
          (out(r)['Output'] + out(r)['ErrorOutput']).split()[0].endswith('Z'), r)
    docker('run --name loud bb:1 /bin/seq 1 20000')
    r = do('loud', 'GetLogs')
    check('20,000 lines in order', good(r) and out(r)['Output'].splitlines() == [str(i) for i in range(1, 20001)] and not out(r)['Truncated'], str(r)[:200])
    docker('run -d --name flood bb:1 /bin/sh -c "while :; do seq 1 10000; done"')
    time.sleep(2)
    t = time.monotonic()
    r = do('flood', 'GetLogs')
    lines = out(r).get('Output', '').splitlines()
    check('a flood: its end, in time', good(r) and 50000 < len(lines) <= 100000 and all(int(y) == int(x) % 10000 + 1 for x, y in zip(lines[-9000:], lines[-8999:])) and
          time.monotonic() - t < 10, (len(lines), time.monotonic() - t, str(r)[:200]))
    docker('rm -f flood')
    r = do('shop', 'Top')
    host = [x.split()[0] for x in m.run('docker top shop -o pid,args').stdout.splitlines()[1:] if 'sleep 0.1' != ' '.join(x.split()[1:3])]
    check('top', good(r) and len(host) == 2 and set(host) <= set(map(str, out(r)['ProcessIds'])) and any('trap' in x for x in out(r)['Commands']), (r, host))
    check('top of one that does not run', status(do('w3', 'Top')) == 'FAILED')
    check('something is changed inside', docker('exec shop /bin/touch /tmp/new') is not None)
    r = do('shop', 'Changes')
    check('changes', good(r) and 'A /tmp/new' in out(r)['Paths'], r)
    r = do('shop', 'Commit', Repository='mine', Tag='2', Comment='a comment', Author='me')
    image = docker.inspect('mine:2', 'image')
    check('commit', good(r) and image and out(r)['ImageId'] == image['Id'] and image['Comment'] == 'a comment', r)
    # waiting
    docker('run -d --name brief bb:1 /bin/sh -c "sleep 0.5; exit 4"')
    r = do('brief', 'Wait')
    check('wait', good(r) and out(r)['ExitCode'] == 4, r)
    key = {'Id': docker.inspect('shop')['Id']}
    t = time.monotonic()
    r = a.peer.call('InvokeMethod', {'ClassName': 'Container', 'InstanceName': key, 'MethodName': 'Wait', 'InParameters': {}, 'Timeout': 1})
    check('a wait has a deadline', status(r) == 'TIMED_OUT' and time.monotonic() - t < 3 and state('shop') == 'running', r)
    # the end
    check('removing one that runs', status(do('shop', 'Remove')) == 'FAILED' and state('shop') == 'running')
    check('kill', good(do('shop', 'Kill')) and a.peer.call('InvokeMethod', {'ClassName': 'Container', 'InstanceName': key, 'MethodName': 'Wait', 'InParameters': {}}).get('result') is not None and state('shop') == 'exited')
    check('remove', good(do('w3', 'Remove')) and state('w3') is None)
    r = a.do('Container', None, 'Prune', True)
    check('what-if prunes nothing', good(r) and state('brief') == 'exited', r)
    r = a.do('Container', None, 'Prune')
    check('prune', good(r) and state('brief') is None and state('shop') is None and state('plain') == 'running' and len(out(r)['Removed']) == 3, r)
    check('a method of one that is not there', status(a.do('Container', {'Id': 'e' * 64}, 'Start')) == 'NOT_FOUND')


def archives(m, a, docker):
    do = lambda key, method, what_if=False, **kw: a.do('ContainerImage', key, method, what_if, **kw)
    m.run("mkdir -p /tmp/ctx && printf 'FROM bb:1\\nENV A=1\\nRUN [\"/bin/touch\", \"/built\"]\\nCMD [\"/bin/ls\", \"/built\"]\\n' > /tmp/ctx/Dockerfile && tar -C /tmp/ctx -cf /tmp/ctx.tar .", check=True)
    r = do(None, 'Build', True, Path='/tmp/ctx.tar', Name='built:1')
    check('what-if builds nothing', good(r) and r['result'].get('Changed') and docker.inspect('built:1', 'image') is None, r)
    r = do(None, 'Build', Path='/tmp/ctx.tar', Name='built:1')
    image = docker.inspect('built:1', 'image')
    check('build', good(r) and image and r['result']['ImageId'] == image['Id'] and 'Step 3/4' in r['result']['Output'], r)
    check('what was built runs', docker('run --rm built:1') == '/built')
    m.run("mkdir -p /tmp/bad && printf 'FROM bb:1\\nRUN [\"/bin/false\"]\\n' > /tmp/bad/Dockerfile && tar -C /tmp/bad -cf /tmp/bad.tar .", check=True)
    r = do(None, 'Build', Path='/tmp/bad.tar', Name='bad:1')
    check('a build that fails', status(r) == 'FAILED' and 'false' in r['error']['message'] and docker.inspect('bad:1', 'image') is None, r)
    check('no archive', status(do(None, 'Build', Path='/tmp/none.tar', Name='x:1')) == 'NOT_FOUND')
    check('a folder is none', status(do(None, 'Build', Path='/tmp', Name='x:1')) == 'INVALID_PARAMETER')
    key = {'Id': image['Id']}
    r = do(key, 'Save', Path='/tmp/saved.tar')
    check('save', good(r) and 'built:1' in m.run('tar -xOf /tmp/saved.tar manifest.json').stdout and m.run('stat -c %a /tmp/saved.tar').stdout.strip() == '600', r)
    check('a file that is there stays', status(do(key, 'Save', Path='/tmp/saved.tar')) == 'ALREADY_EXISTS')
    check('no folder for it', status(do(key, 'Save', Path='/no/such/x.tar')) == 'NOT_FOUND')
    docker('rmi -f built:1')
    r = do(None, 'Load', Path='/tmp/saved.tar')
    check('load', good(r) and 'built:1' in r['result']['Status'] and docker.inspect('built:1', 'image')['Id'] == image['Id'], r)
    m.run('head -c 1000000 /dev/urandom > /tmp/noise.tar')
    r = do(None, 'Load', Path='/tmp/noise.tar')
    check('noise is no archive', 'error' in r, r)
    r = do(None, 'Import', Path='/tmp/b.tar', Repository='big')
    check('import of nothing', status(r) == 'NOT_FOUND', r)
    m.run('head -c 60000000 /dev/urandom > /tmp/b/big; tar -C /tmp/b -cf /tmp/b.tar .; rm /tmp/b/big', check=True)
    r = do(None, 'Import', Path='/tmp/b.tar', Repository='big')
    check('import of 60 MB', good(r) and docker.inspect('big:latest', 'image')['Id'] == r['result']['ImageId'] and docker.inspect('big:latest', 'image')['Size'] > 60000000, r)
    rss = int(m.run("awk '/VmHWM/{print $2}' /proc/$(pidof reeve-agent)/status").stdout or 0)
    check('and the agent did not hold it', 0 < rss < 60000, rss)
    m.run('docker rmi -f big built:1; rm -f /tmp/*.tar')


def cost(m, docker):
    """CPU time of the engine, in ms."""
    return sum(int(x) for x in m.run("awk '{print $14 + $15}' /proc/$(pidof dockerd)/stat").stdout.split()) * 10


def events(m, a, docker):
    names = lambda: sorted(r['Name'] for r in a.rows('Container', PropertyList=['Name']))
    names()
    for i in range(20):
        docker(f'create --name n{i} bb:1 /bin/true')
    soon = lambda f: any(f() or time.sleep(0.01) for _ in range(50))  # another client's change: some ms
    check('events: new ones are in the list', soon(lambda: names() == sorted(['plain'] + [f'n{i}' for i in range(20)])), names())
    docker('rename n0 other')
    check('events: a new name', soon(lambda: 'other' in names() and 'n0' not in names()))
    docker('network connect net1 plain')
    networks = lambda: a.one('Container', {'Id': plain}, 'Networks', 'IPAddresses')
    plain = docker.inspect('plain')['Id']
    check('events: a network', soon(lambda: networks()['Networks'] == ['bridge', 'net1'] and networks()['IPAddresses']['net1'].startswith('10.44.0.')), networks())
    docker('network disconnect net1 plain')
    check('events: a network less', soon(lambda: networks()['Networks'] == ['bridge']), networks())
    start = cost(m, docker)
    for _ in range(100):
        a.rows('Container')
    spent = cost(m, docker) - start
    check('100 lists cost the engine nothing', spent <= 20, f'{spent} ms')
    m.run('docker rm -f $(docker ps -aq --filter name=n --filter name=other)')


def faults(m, a, docker):
    names = lambda: sorted(r['Name'] for r in a.rows('Container', PropertyList=['Name']))
    dockerd = m.run('pidof dockerd').stdout.strip()
    m.run('docker rm -f $(docker ps -aq)')
    docker('run -d --name stays --restart always --stop-timeout 1 bb:1 /bin/sleep 1000')
    check('before', names() == ['stays'], names())
    # hung
    m.run(f'kill -STOP {dockerd}')
    time.sleep(1.2)
    t = time.monotonic()
    r = a.rows('Container', PropertyList=['Name'])
    check('hung: said, in bounded time', status(r) == 'TIMED_OUT' and time.monotonic() - t < 4, (r, time.monotonic() - t))
    t = time.monotonic()
    check('hung: other classes answer at once', len(a.rows('Process', PropertyList=['Name'])) > 5 and time.monotonic() - t < 1)
    t = time.monotonic()
    r = a.peer.call('InvokeMethod', {'ClassName': 'Container', 'InstanceName': {'Id': 'stays'}, 'MethodName': 'Stop', 'InParameters': {}, 'Timeout': 1})
    check('hung: a method has its deadline', status(r) == 'TIMED_OUT' and time.monotonic() - t < 3, (r, time.monotonic() - t))
    m.run(f'kill -CONT {dockerd}')
    check('it goes on', names() == ['stays'], names())
    # restarted
    m.run('systemctl restart docker')
    docker('create --name later bb:1 /bin/true')
    check('restarted: the list is right again', names() == ['later', 'stays'], names())
    docker('rm later')
    check('restarted: events come again', any(names() == ['stays'] or time.sleep(0.01) for _ in range(50)), names())
    # stopped
    m.run('systemctl stop docker.socket docker.service')
    r = a.rows('Container')
    check('stopped: said', status(r) == 'UNAVAILABLE' and r['error']['data'].get('Hint') and r['error']['data'].get('Retryable'), r)
    r = a.do('Container', None, 'Create', Image='bb:1')
    check('stopped: nothing is made', status(r) == 'UNAVAILABLE', r)
    m.run('systemctl start docker.socket docker.service')
    check('started again', names() == ['stays'], names())


def isolation(m, a, docker):
    """Microsoft's own proof: the workload's process is seen on the host under process, not under hyperv. gVisor stands for Hyper-V."""
    if m.run('command -v runsc').returncode:
        check.skip('isolation by runsc', 'the machine has no runsc')
        return
    m.run(r"""mkdir -p /etc/docker; printf '#!/bin/sh\nexec unshare -m --propagation slave sh -c "mount -t tmpfs tmpfs /proc/sys/net && exec /usr/bin/runsc \\"\\$@\\"" runsc "$@"\n' > /usr/local/bin/runsc-net
        chmod +x /usr/local/bin/runsc-net
        printf '{"runtimes": {"runsc": {"path": "/usr/local/bin/runsc-net", "runtimeArgs": ["--platform=ptrace", "--ignore-cgroups"]}}}' > /etc/docker/daemon.json""")
    m.run('systemctl reset-failed docker; systemctl restart docker', check=True)
    out = lambda r: r.get('result', {})
    new = lambda name, isolation: a.do('Container', None, 'Create', Image='bb:1', Name=name, Command=['/bin/sleep', '98765'], Isolation=isolation, Start=True)
    # Ends before the agent could look twice where the sandbox cannot run at all: then this machine is no place for the proof.
    r = new('walled', 'hyperv')
    if 'error' in r and 'runsc' not in docker('info -f "{{json .Runtimes}}"'):
        check('runsc is registered', False, r)
        return
    check('hyperv: made by the runtime that is registered', good(r) and docker.inspect('walled')['HostConfig']['Runtime'] == 'runsc', r)
    r = new('shared', 'process')
    check('process: made by the ordinary one', good(r) and docker.inspect('shared')['HostConfig']['Runtime'] == 'runc', r)
    check('vm is more than a sandbox: refused', status(new('none', 'vm')) == 'NOT_SUPPORTED' and docker.inspect('none') is None)
    rows = {r['Name']: r for r in a.rows('Container', PropertyList=['Id', 'Name', 'Isolation', 'State', 'ImageId'])}
    check('the same image, two isolations', (rows['walled']['Isolation'], rows['shared']['Isolation']) == ('hyperv', 'process') and rows['walled']['ImageId'] == rows['shared']['ImageId'], rows)
    key = lambda name: {'Id': rows[name]['Id']}
    kernel = lambda name: out(a.do('Container', key(name), 'Exec', Command=['/bin/cat', '/proc/version'])).get('Output', '')
    check('its kernel is its own', '4.4.0' in kernel('walled') and '4.4.0' not in kernel('shared'), (kernel('walled'), kernel('shared')))
    seen = [l for l in m.run('ps -eo args').stdout.splitlines() if l == '/bin/sleep 98765']
    check('the host sees the workload of one, not of the other', len(seen) == 1, seen)
    r = a.do('Container', key('walled'), 'Top')
    check('its processes are those of the inside', any('sleep 98765' in c for c in out(r).get('Commands', [])), r)
    r = a.do('Container', key('shared'), 'Top')
    check('and of the other those of the host', any('sleep 98765' in c for c in out(r).get('Commands', [])), r)
    for name in ('walled', 'shared'):
        check(f'remove {name}', good(a.do('Container', key(name), 'Remove', Force=True)) and docker.inspect(name) is None)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('one', 'docker')
        prepare(m)
        a = Asked(m.agent())
        docker = Docker(m)
        for part in (properties, changes, archives, events, faults, isolation):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(*((m, a, docker)))
    check.end()


main()
