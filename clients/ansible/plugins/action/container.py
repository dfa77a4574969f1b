# SPDX-License-Identifier: MIT
from __future__ import annotations

import re

from ansible.errors import AnsibleActionFail
from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction, RpcError

# Arguments for making it, by the names of Container.Create.
CREATE = {'image': 'Image', 'command': 'Command', 'entrypoint': 'Entrypoint', 'ports': 'Port', 'mounts': 'Mount', 'network': 'Network', 'user': 'User',
          'working_directory': 'WorkingDirectory', 'restart_policy': 'RestartPolicy', 'memory_limit': 'MemoryLimit', 'cpu_limit': 'CpuLimit',
          'privileged': 'Privileged', 'engine': 'Engine'}
READ = ['Id', 'Name', 'State', 'Image', 'RestartPolicy', 'MemoryLimit', 'CpuLimit']
UPDATE = {'restart_policy': 'RestartPolicy', 'memory_limit': 'MemoryLimit', 'cpu_limit': 'CpuLimit'}
RUNNING = ('running', 'restarting')


class ActionModule(ReeveAction):
    """A container by its name: made, started, stopped, removed; made anew for another image."""
    ARGUMENTS = {'name': {'type': 'str', 'required': True}, 'state': {'type': 'str', 'choices': ['started', 'stopped', 'present', 'absent'], 'default': 'started'},
                 'image': {'type': 'str'}, 'command': {'type': 'list', 'elements': 'str'}, 'entrypoint': {'type': 'list', 'elements': 'str'},
                 'env': {'type': 'dict'}, 'labels': {'type': 'dict'}, 'ports': {'type': 'list', 'elements': 'str'},
                 'mounts': {'type': 'list', 'elements': 'str'}, 'network': {'type': 'str'}, 'user': {'type': 'str'}, 'working_directory': {'type': 'str'},
                 'restart_policy': {'type': 'str'}, 'memory_limit': {'type': 'int'}, 'cpu_limit': {'type': 'float'}, 'privileged': {'type': 'bool'},
                 'engine': {'type': 'str'}, 'recreate': {'type': 'bool', 'default': False}}

    def invoke(self, method, arguments=None, key=None):
        """The same call in check mode: the agent looks whether it could be done, and does nothing."""
        params = {'ClassName': 'Container', 'MethodName': method, 'InParameters': arguments or {}, 'WhatIf': bool(self._task.check_mode)}
        if key:
            params['InstanceName'] = {'Id': key}
        return self.call('InvokeMethod', params)

    def find(self, name):
        if not re.fullmatch(r'[a-zA-Z0-9][a-zA-Z0-9_.-]*', name):
            raise AnsibleActionFail(f'{name!r} cannot be the name of a container')
        rows = self.call('EnumerateInstances', {'ClassName': 'Container', 'Filter': f"Name = '{name}'", 'PropertyList': READ})['Instances']
        return rows[0] if rows else None

    def create(self, args, changes):
        given = {p: args[a] for a, p in CREATE.items() if a in args}
        pairs = lambda a: [f'{k}={v}' for k, v in args.get(a, {}).items()]
        given.update({p: pairs(a) for a, p in (('env', 'Environment'), ('labels', 'Label')) if a in args})
        self.invoke('Create', dict(given, Name=args['name'], Start=args['state'] == 'started'))
        changes.append({'Property': 'State', 'From': None, 'To': 'running' if args['state'] == 'started' else 'created'})

    def work(self, args):
        now, changes, state = self.find(args['name']), [], args['state']
        if now and (state == 'absent' or args['recreate'] or ('image' in args and now['Image'] != args['image'])):
            self.invoke('Remove', {'Force': True}, now['Id'])
            changes.append({'Property': 'State', 'From': now['State'], 'To': None})
            if state != 'absent' and 'image' in args and now['Image'] != args['image']:
                changes.append({'Property': 'Image', 'From': now['Image'], 'To': args['image']})
            now = None
        if not now and state != 'absent':
            if 'image' not in args:
                return {'failed': True, 'msg': f"there is no container {args['name']}, and without an image it cannot be made"}
            self.create_in(args, changes)
        elif now:
            self.bring(now, args, changes)
        return dict(self.changed(changes), name=args['name'])

    def create_in(self, args, changes):
        """In check mode the name of one that would be removed first is still taken, which is no reason to fail."""
        try:
            self.create(args, changes)
        except RpcError as e:
            if not (self._task.check_mode and changes and e.status == 'ALREADY_EXISTS'):
                raise
            changes.append({'Property': 'State', 'From': None, 'To': 'created'})

    def bring(self, now, args, changes):
        different = {p: args[a] for a, p in UPDATE.items() if a in args and args[a] != now.get(p)}
        if different:
            self.invoke('Update', different, now['Id'])
            changes += [{'Property': p, 'From': str(now.get(p)), 'To': str(v)} for p, v in different.items()]
        runs = now['State'] in RUNNING
        if args['state'] == 'started' and not runs:
            self.invoke('Unpause' if now['State'] == 'paused' else 'Start', key=now['Id'])
            changes.append({'Property': 'State', 'From': now['State'], 'To': 'running'})
        elif args['state'] == 'stopped' and (runs or now['State'] == 'paused'):
            self.invoke('Stop', key=now['Id'])
            changes.append({'Property': 'State', 'From': now['State'], 'To': 'exited'})
