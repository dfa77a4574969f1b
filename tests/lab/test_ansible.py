#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reeve.core.service and .user of the Ansible collection on a booted systemd, beside systemctl and getent."""
import json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
if not shutil.which('ansible-playbook'):
    lablib.skip('no ansible-playbook (Debian: ansible-core)')


def main():
    with lablib.Lab() as lab, tempfile.TemporaryDirectory() as work:
        machine = lab.machine('ans')
        socket = machine.agent()
        os.makedirs(f'{work}/ansible_collections/reeve')
        os.symlink(f'{lablib.ROOT}/clients/ansible', f'{work}/ansible_collections/reeve/core')
        reeve = os.path.abspath(f'{lablib.BUILD}/bin/reeve')
        env = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=work, ANSIBLE_LOCAL_TEMP=f'{work}/tmp', HOME=work, REEVE_SOCKET=socket, ANSIBLE_NOCOLOR='1')

        def task(module, arguments, *args):
            r = subprocess.run(['ansible', '-i', 'm,', 'm', '-c', 'local', '-e', json.dumps({'reeve_rpc_command': f'{reeve} rpc'}), '-o', '-m',
                                'reeve.core.' + module, '-a', json.dumps(arguments), *args], env=env, capture_output=True, text=True, timeout=60)
            try:
                return json.loads(r.stdout[r.stdout.index('=> ') + 3:])
            except ValueError:
                return {'failed': True, 'msg': r.stdout + r.stderr}

        active = lambda: machine.run('systemctl is-active cron').stdout.strip()
        r = task('service', {'name': 'cron', 'state': 'stopped', 'enabled': False}, '--check')
        check('check mode', r.get('changed') and active() == 'active', r)
        r = task('service', {'name': 'cron', 'state': 'stopped', 'enabled': False})
        check('stopped and disabled', r.get('changed') and active() == 'inactive' and machine.run('systemctl is-enabled cron').stdout.strip() == 'disabled', r)
        r = task('service', {'name': 'cron', 'state': 'stopped', 'enabled': False})
        check('again: nothing', r.get('changed') is False and not r.get('failed'), r)
        r = task('service', {'name': 'cron', 'state': 'started', 'enabled': True})
        check('started and enabled', r.get('changed') and active() == 'active', r)
        pid = machine.run('systemctl show -P MainPID cron').stdout
        r = task('service', {'name': 'cron', 'state': 'restarted'})
        check('restarted', r.get('changed') and machine.run('systemctl show -P MainPID cron').stdout != pid, r)
        r = task('service', {'name': 'nope', 'state': 'started'})
        check('one that is not there', r.get('reeve', {}).get('status') == 'NOT_FOUND', r)
        r = task('user', {'name': 'deploy', 'shell': '/bin/sh', 'comment': 'Deployer'})
        check('a user', r.get('changed') and 'Deployer' in machine.run('getent passwd deploy').stdout, r)
        r = task('user', {'name': 'deploy', 'shell': '/bin/sh', 'comment': 'Deployer'})
        check('again: nothing', r.get('changed') is False and not r.get('failed'), r)
        r = task('user', {'name': 'deploy', 'state': 'absent'})
        check('gone', r.get('changed') and not machine.run('getent passwd deploy').stdout, r)
    check.end()


main()
