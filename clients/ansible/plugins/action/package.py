# SPDX-License-Identifier: MIT
from __future__ import annotations

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction


class ActionModule(ReeveAction):
    ARGUMENTS = {'name': {'type': 'list', 'elements': 'str', 'required': True}, 'state': {'type': 'str', 'choices': ['present', 'absent'], 'default': 'present'},
                 'held': {'type': 'bool'}}

    def work(self, args):
        results = []
        for name in args['name']:
            properties = {'Held': args['held']} if 'held' in args and args['state'] == 'present' else None
            results.append(self.set('Package', {'Name': name}, properties, args['state'].capitalize()))
        changes = [c for r in results for c in r['changes']]
        return dict(self.changed(changes), name=args['name'])
