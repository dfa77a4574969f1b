#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reeve.core.container on a real Docker Engine, beside what the docker client says."""
import json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
if not shutil.which('ansible-playbook'):
    lablib.skip('no ansible-playbook (Debian: ansible-core)')
IMAGES = '''mkdir -p /tmp/b/bin && cp /bin/busybox /tmp/b/bin/ && for a in sh sleep true; do ln -sf busybox /tmp/b/bin/$a; done && tar -C /tmp/b -cf /tmp/bb.tar . &&
    docker import /tmp/bb.tar bb:1 && docker import -c 'ENV V=2' /tmp/bb.tar bb:2'''


def main():
    with lablib.Lab() as lab, tempfile.TemporaryDirectory() as work:
        machine = lab.machine('ansc', 'docker')
        machine.run(IMAGES, timeout=120, check=True)
        os.makedirs(f'{work}/ansible_collections/reeve')
        os.symlink(f'{lablib.ROOT}/clients/ansible', f'{work}/ansible_collections/reeve/core')
        env = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=work, ANSIBLE_LOCAL_TEMP=f'{work}/tmp', HOME=work, REEVE_SOCKET=machine.agent(), ANSIBLE_NOCOLOR='1')
        rpc = json.dumps({'reeve_rpc_command': os.path.abspath(f'{lablib.BUILD}/bin/reeve') + ' rpc'})

        def task(*args, **arguments):
            r = subprocess.run(['ansible', '-i', 'm,', 'm', '-c', 'local', '-e', rpc, '-o', '-m', 'reeve.core.container', '-a', json.dumps(arguments), *args],
                               env=env, capture_output=True, text=True, timeout=60)
            try:
                return dict(json.loads(r.stdout[r.stdout.index('=> ') + 3:]), failed='FAILED' in r.stdout.split('=> ')[0])
            except ValueError:
                return {'failed': True, 'msg': r.stdout + r.stderr}

        def inspect():
            return (json.loads(machine.run('docker inspect web').stdout or '[]') or [{}])[0]

        state = lambda: inspect().get('State', {}).get('Status')
        web = {'name': 'web', 'image': 'bb:1', 'command': ['sleep', '1000'], 'env': {'A': 'two words'}, 'labels': {'x': 'y'}, 'restart_policy': 'always'}
        r = task('--check', **web)
        check('check mode', r.get('changed') and state() is None, r)
        r = task(**web)
        got = inspect()
        check('made and started', r.get('changed') and state() == 'running' and 'A=two words' in got['Config']['Env'] and got['Config']['Labels'] == {'x': 'y'}
              and got['HostConfig']['RestartPolicy']['Name'] == 'always', r)
        r = task(**web)
        check('again: nothing', r.get('changed') is False and not r.get('failed') and inspect()['Id'] == got['Id'], r)
        first = got['Created']
        r = task(**dict(web, restart_policy='no'))
        got = inspect()
        r2 = task(**dict(web, env={'A': 'two words', 'B': 1}, ports=['8088:80'], restart_policy='no'))
        now = inspect()
        check('another environment makes it anew, and says so', r2.get('changed') and now['Id'] != got['Id'] and [c['Property'] for c in r2['changes']] == ['Environment', 'PortBindings', 'Id']
              and {'A=two words', 'B=1'} <= set(now['Config']['Env']) and now['HostConfig']['PortBindings']['80/tcp'][0]['HostPort'] == '8088', r2)
        r2 = task(**dict(web, env={'B': 1}, ports=['0.0.0.0:8088:80'], restart_policy='no'))
        check('in other words: nothing', r2.get('changed') is False and inspect()['Id'] == now['Id'], r2)
        check('an update keeps it', r.get('changed') and got['Created'] == first and got['HostConfig']['RestartPolicy']['Name'] == 'no'
              and r['changes'] == [{'Property': 'RestartPolicy', 'From': 'always', 'To': 'no'}], r)
        got = inspect()
        r = task(name='web', state='stopped')
        check('stopped', r.get('changed') and state() == 'exited' and task(name='web', state='stopped').get('changed') is False, r)
        r = task(name='web', state='started')
        check('started', r.get('changed') and state() == 'running', r)
        r = task('--check', **dict(web, image='bb:2', restart_policy='no'))
        check('another image, check mode', r.get('changed') and not r.get('failed') and inspect()['Id'] == got['Id'], r)
        r = task(**dict(web, image='bb:2', restart_policy='no'))
        check('another image', r.get('changed') and inspect()['Id'] != got['Id'] and inspect()['Config']['Image'] == 'bb:2' and state() == 'running', r)
        r = task(**dict(web, name='other', image='no-such-image:1'))
        check('an image that is not there', r.get('failed') and 'no-such-image' in r.get('msg', '') and r.get('reeve', {}).get('status'), r)
        r = task(name="x' OR Name <> '", state='absent')
        check('a name that is none', r.get('failed') and 'cannot be the name' in r.get('msg', '') and state() == 'running', r)
        r = task(name='none')
        check('without an image', r.get('failed') and 'image' in r.get('msg', ''), r)
        r = task(name='web', state='absent')
        check('gone', r.get('changed') and state() is None and task(name='web', state='absent').get('changed') is False, r)
    check.end()


main()
