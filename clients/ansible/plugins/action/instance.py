# SPDX-License-Identifier: MIT
from __future__ import annotations

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction


class ActionModule(ReeveAction):
    ARGUMENTS = {'class_name': {'type': 'str', 'required': True}, 'keys': {'type': 'dict', 'required': True},
                 'properties': {'type': 'dict'}, 'state': {'type': 'str', 'choices': ['present', 'absent'], 'default': 'present'}}

    def work(self, args):
        return self.set(args['class_name'], args['keys'], args.get('properties'), args['state'].capitalize())
