# SPDX-License-Identifier: MIT
from __future__ import annotations

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction


class ActionModule(ReeveAction):
    ARGUMENTS = {'name': {'type': 'str', 'required': True},
                 'state': {'type': 'str', 'choices': ['started', 'stopped', 'restarted', 'reloaded']},
                 'enabled': {'type': 'bool'}, 'masked': {'type': 'bool'}}

    def work(self, args):
        keys, properties, state = {'Name': args['name']}, {}, args.get('state')
        if args.get('masked'):
            properties['StartMode'] = 'Disabled'
        elif 'enabled' in args:
            properties['StartMode'] = 'Auto' if args['enabled'] else 'Manual'
        if state in ('started', 'stopped'):
            properties['State'] = 'Running' if state == 'started' else 'Stopped'
        if not properties and not state:
            return {'failed': True, 'msg': 'one of state, enabled and masked is needed'}
        result = self.set('Service', keys, properties) if properties else {'changed': False, 'changes': []}
        if state in ('restarted', 'reloaded'):
            self.call('InvokeMethod', {'ClassName': 'Service', 'InstanceName': keys, 'WhatIf': bool(self._task.check_mode),
                                       'MethodName': 'Restart' if state == 'restarted' else 'Reload'})
            result['changed'] = True
        return dict(result, name=args['name'])
