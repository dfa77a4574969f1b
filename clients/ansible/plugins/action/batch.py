# SPDX-License-Identifier: MIT
from __future__ import annotations

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction

NAMES = {'name': 'Name', 'class_name': 'ClassName', 'keys': 'InstanceName', 'properties': 'Properties', 'state': 'Ensure', 'depends_on': 'DependsOn'}


class ActionModule(ReeveAction):
    """Many objects in one round trip: a desired-state document."""
    ARGUMENTS = {'resources': {'type': 'list', 'elements': 'dict', 'required': True},
                 'on_failure': {'type': 'str', 'choices': ['continue', 'roll_back'], 'default': 'continue'}, 'timeout': {'type': 'float'}}

    def work(self, args):
        resources = [{NAMES.get(k, k): v.capitalize() if k == 'state' else v for k, v in r.items()} for r in args['resources']]
        params = {'Document': {'Resources': resources}, 'OnFailure': args['on_failure'].replace('roll_back', 'RollBack').replace('continue', 'Continue')}
        if 'timeout' in args:
            params['Timeout'] = args['timeout']
        if self._task.check_mode:
            params['WhatIf'] = True
        answer = self.call('SetDesiredState', params)
        changes = [dict(c, Property=f"{r['Name']}: {c['Property']}") for r in answer['Resources'] for c in r.get('Changed', [])]
        result = dict(self.changed(changes), resources=answer['Resources'], rollback=answer.get('RollbackDocument'))
        bad = [f"{r['Name']}: {r['Status']}{': ' + r['Error']['message'] if 'Error' in r else ''}" for r in answer['Resources']
               if r['Status'] not in ('InDesiredState', 'Changed', 'WouldChange')]
        if bad:
            result.update(failed=True, msg='; '.join(bad))
        return result
