# SPDX-License-Identifier: MIT
from __future__ import annotations

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction

PROPERTIES = {'comment': 'FullName', 'home': 'HomeDirectory', 'shell': 'Shell', 'group': 'PrimaryGroup', 'password': 'Password'}


class ActionModule(ReeveAction):
    ARGUMENTS = {'name': {'type': 'str', 'required': True}, 'state': {'type': 'str', 'choices': ['present', 'absent'], 'default': 'present'},
                 'comment': {'type': 'str'}, 'home': {'type': 'str'}, 'shell': {'type': 'str'}, 'group': {'type': 'str'},
                 'password': {'type': 'str', 'no_log': True}}

    def work(self, args):
        properties = {PROPERTIES[k]: v for k, v in args.items() if k in PROPERTIES}
        return dict(self.set('LocalUser', {'Name': args['name']}, properties, args['state'].capitalize()), name=args['name'])
