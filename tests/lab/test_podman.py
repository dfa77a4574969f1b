#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Containers of Podman, by its compatible API socket on a real host of its own: what podman itself says beside what the agent says, and the methods by
their effect. Containers are made by podman: its API sets limits that a lab's kernel may not have; that is tried, and skipped by name."""
import json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, good, status

check = agentlib.Cases()
CONF = '[containers]\ndefault_ulimits=["nofile=1024:20000","nproc=4096:96365"]\npids_limit=0\n[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\n'


def prepare(m):
    with open(os.path.join(m.share, 'containers.conf'), 'w') as f:
        f.write(CONF)
    m.run('''cp /lab/containers.conf /etc/containers/containers.conf; mkdir -p /tmp/b/bin /tmp/b/tmp /tmp/b/proc; cp /bin/busybox /tmp/b/bin/
        for a in sh sleep echo cat ps id env; do ln -sf busybox /tmp/b/bin/$a; done; tar -C /tmp/b -c . | podman import - bb:1 && systemctl start podman.socket''', check=True)
    r = m.run('''podman run -d --name web --label a=b -e X=y localhost/bb:1 sh -c 'echo out; echo err >&2; exec sleep 100000' && podman create --name fresh localhost/bb:1 sleep 5 &&
        podman run --name ended localhost/bb:1 sh -c 'exit 7'; podman ps -a --format '{{.Names}}' ''')
    if 'web' not in r.stdout:
        lablib.skip('podman runs no container here: ' + r.stderr.strip()[-300:])


def reading(m, a):
    rows = {r['Name']: r for r in a.rows('Container', PropertyList=['Id', 'Name', 'State', 'Engine', 'ProcessId', 'Labels', 'Environment', 'ExitCode', 'Image'])}
    check('the same containers', sorted(rows) == sorted(m.run("podman ps -a --format '{{.Names}}'").stdout.split()), sorted(rows))
    for name, r in rows.items():
        i = json.loads(m.run(f'podman inspect {name}').stdout)[0]
        got = (r['Id'], r['State'], r['Engine'], r['ProcessId'] or 0, r['Labels'].get('a') if r['Labels'] else None, r['Environment'] and 'X=y' in r['Environment'])
        want = (i['Id'], 'created' if i['State']['Status'] == 'configured' else i['State']['Status'], 'podman', i['State']['Pid'], i['Config']['Labels'].get('a') if i['Config'].get('Labels') else None, 'X=y' in i['Config']['Env'])
        check(f'{name}, as podman has it', got == want, (got, want))
    check('its exit status', rows['ended']['ExitCode'] == 7, rows['ended'])
    check('the image, by podman\'s name', rows['web']['Image'] == 'localhost/bb:1', rows['web']['Image'])
    return {name: {'Id': r['Id']} for name, r in rows.items()}


def doing(m, a, key):
    state = lambda name: m.run(f"podman inspect -f '{{{{.State.Status}}}}' {name}").stdout.strip()
    do = lambda name, method, **more: a.do('Container', key[name], method, **more)
    r = do('web', 'GetLogs')
    check('logs', r.get('result', {}).get('Output') == 'out\n' and r['result']['ErrorOutput'] == 'err\n', r)
    r = do('web', 'Exec', Command=['sh', '-c', 'echo hi; echo bad >&2; exit 3'])
    check('a command', (r.get('result', {}).get('ExitCode'), r.get('result', {}).get('Output')) == (3, 'hi\n'), r)
    check('stop', good(do('web', 'Stop', Timeout=0)) and state('web') == 'exited', state('web'))
    check('start', good(do('web', 'Start')) and state('web') == 'running', state('web'))
    check('restart', good(do('web', 'Restart', Timeout=0)) and state('web') == 'running', state('web'))
    check('rename', good(do('fresh', 'Rename', NewName='renamed')) and state('renamed') != '')
    r = do('web', 'Top')
    check('its processes', any('sleep' in c for c in r.get('result', {}).get('Commands', [])), r)
    check('kill', good(do('web', 'Kill')) and any(state('web') == 'exited' or time.sleep(0.1) for _ in range(100)), state('web'))
    check('remove', good(do('web', 'Remove')) and m.run('podman inspect web').returncode != 0)
    check('what is not there', status(do('web', 'Start')) == 'NOT_FOUND')


def streams(m):
    m.run("podman run -d --name more localhost/bb:1 sh -c 'i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done'", check=True)
    shell = lambda text: m.run(f"REEVE_SOCKET=/lab/agent.sock HOME=/root timeout 50 /opt/reeve/bin/reeve -Command '{text}'")
    end = time.monotonic() + 30   # the engine's event of it comes some time later
    while 'more' not in shell('(Get-Container).Name').stdout.split() and time.monotonic() < end:
        time.sleep(0.1)
    r = shell('Get-ContainerLog more -Tail 2 -Follow | Select-Object -First 12')
    lines = [int(line.split()[1]) for line in r.stdout.splitlines()]
    check('a log, followed', len(lines) == 12 and lines == list(range(lines[0], lines[0] + 12)), r)
    r = shell('Start-ContainerProcess more sh,-c,"echo hi; exit 5"')
    check('a command, line by line', (r.stdout, r.returncode) == ('hi\n', 5), r)
    m.run('mkdir -p /root/src /root/out; echo one > /root/src/f')
    r = shell('Copy-ContainerFile more /root/src /tmp -ToContainer; Copy-ContainerFile more /tmp/src /root/out')
    check('files in and out', m.run('cat /root/out/src/f').stdout == 'one\n', r)


def images(m, a):
    names = [n for r in a.rows('ContainerImage') for n in r['RepoTags'] or []]
    check('images', 'localhost/bb:1' in names, names)
    r = a.do('Container', None, 'Create', Image='localhost/bb:1', Name='made', Command=['sleep', '1000'], Start=True)
    if not good(r) and 'cgroup' in json.dumps(r):
        check.skip('a container made by the API', 'its limits need control groups that are not here')
    else:
        check('a container made by the API', good(r) and m.run('podman inspect made').returncode == 0, r)


def main():
    with lablib.Lab() as lab:
        store = os.path.join(lab.dir, 'store')
        os.makedirs(store)
        m = lab.machine('one', 'podman', '--system-call-filter=@keyring bpf', f'--bind={store}:/var/lib/containers')
        prepare(m)
        a = Asked(m.agent())
        doing(m, a, reading(m, a))
        streams(m)
        images(m, a)
    check.end()


main()
