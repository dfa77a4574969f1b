# SPDX-License-Identifier: MIT
from __future__ import annotations

import re

from ansible.errors import AnsibleActionFail
from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction, RpcError

PROPERTIES = {'image': 'Image', 'command': 'Cmd', 'entrypoint': 'Entrypoint', 'labels': 'Labels', 'ports': 'PortBindings', 'mounts': 'Mounts',
              'network': 'NetworkMode', 'networks': 'Networks', 'user': 'User', 'working_directory': 'WorkingDirectory', 'hostname': 'HostName',
              'memory_limit': 'MemoryLimit', 'cpu_limit': 'CpuLimit', 'pids_limit': 'PidsLimit', 'privileged': 'Privileged'}
STATES = {'started': 'running', 'stopped': 'stopped', 'paused': 'paused'}


class ActionModule(ReeveAction):
    """A container by its name, brought to be as it is described; made anew only where the engine cannot change it."""
    ARGUMENTS = {'name': {'type': 'str', 'required': True}, 'state': {'type': 'str', 'choices': [*STATES, 'present', 'absent'], 'default': 'started'},
                 'image': {'type': 'str'}, 'command': {'type': 'list', 'elements': 'str'}, 'entrypoint': {'type': 'list', 'elements': 'str'},
                 'env': {'type': 'dict'}, 'labels': {'type': 'dict'}, 'ports': {'type': 'list', 'elements': 'str'},
                 'mounts': {'type': 'list', 'elements': 'str'}, 'network': {'type': 'str'}, 'networks': {'type': 'list', 'elements': 'str'},
                 'user': {'type': 'str'}, 'working_directory': {'type': 'str'}, 'hostname': {'type': 'str'},
                 'restart_policy': {'type': 'str'}, 'memory_limit': {'type': 'int'}, 'cpu_limit': {'type': 'float'}, 'pids_limit': {'type': 'int'},
                 'privileged': {'type': 'bool'}, 'engine': {'type': 'str'}, 'recreate': {'type': 'bool', 'default': False}}

    def properties(self, args):
        given = {p: args[a] for a, p in PROPERTIES.items() if a in args}
        if 'labels' in args:
            given['Labels'] = {k: str(v) for k, v in args['labels'].items()}
        if 'env' in args:
            given['Environment'] = [f'{k}={v}' for k, v in args['env'].items()]
        if 'restart_policy' in args:   # on-failure:3
            given['RestartPolicy'], _, times = args['restart_policy'].partition(':')
            if times:
                given['MaximumRetryCount'] = int(times) if times.isdigit() else times
        if args['state'] in STATES:
            given['State'] = STATES[args['state']]
        return given

    def work(self, args):
        if not re.fullmatch(r'[a-zA-Z0-9][a-zA-Z0-9_.-]*', args['name']):
            raise AnsibleActionFail(f"{args['name']!r} cannot be the name of a container")
        keys = {'Name': args['name'], **({'Engine': args['engine']} if 'engine' in args else {})}
        if args['state'] == 'absent':
            return dict(self.set('Container', keys, None, 'Absent'), name=args['name'])
        before = self.set('Container', keys, None, 'Absent')['changes'] if args['recreate'] else []
        try:
            changes = self.set('Container', keys, self.properties(args), 'Present')['changes']
        except RpcError as e:
            if e.status == 'INVALID_PARAMETER' and 'needs an Image' in str(e):
                raise AnsibleActionFail(f"there is no container {args['name']}, and without an image it cannot be made") from None
            raise
        return dict(self.changed(before + changes), name=args['name'])
