# SPDX-License-Identifier: MIT
from __future__ import annotations

import re

from ansible.errors import AnsibleActionFail
from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction, RpcError

TYPES = {'file': 'File', 'directory': 'Directory', 'link': 'Link'}


class ActionModule(ReeveAction):
    """Files, folders and links; a text of the controller as a file's content."""
    ARGUMENTS = {'path': {'type': 'str', 'required': True, 'aliases': ['dest', 'name']},
                 'state': {'type': 'str', 'choices': ['file', 'directory', 'link', 'absent']},
                 'content': {'type': 'str'}, 'src': {'type': 'str'}, 'target': {'type': 'str'},
                 'mode': {'type': 'str'}, 'owner': {'type': 'str'}, 'group': {'type': 'str'}, 'recurse': {'type': 'bool', 'default': False}}

    def work(self, args):
        keys, state = {'Name': args['path']}, args.get('state') or ('link' if 'target' in args else 'file')
        if state == 'absent':
            return self.remove(keys, args['recurse'])
        properties = {'Type': TYPES[state], **{p: args[a] for a, p in (('owner', 'Owner'), ('group', 'Group'), ('target', 'Target')) if a in args}}
        if 'mode' in args:
            if not re.fullmatch('[0-7]{3,4}', args['mode']):
                raise AnsibleActionFail(f"mode is octal digits in quotes, such as '0644', not {args['mode']}")
            properties['Mode'] = args['mode'].zfill(4)
        content = self.content(args)
        if content is not None:
            properties['Content'] = content
        return dict(self.set('File', keys, properties, 'Present'), path=args['path'])

    def content(self, args):
        if 'src' not in args:
            return args.get('content')
        if 'content' in args:
            raise AnsibleActionFail('one of content and src')
        try:
            with open(self._find_needle('files', args['src']), encoding='utf-8', newline='') as f:
                return f.read()
        except UnicodeDecodeError:
            raise AnsibleActionFail(f"{args['src']} is no text: ansible.builtin.copy takes it, which needs Python on the host") from None

    def remove(self, keys, recurse):
        """A folder with all that is in it by the method, which is not asked for what is not there."""
        if not recurse:
            return dict(self.set('File', keys, None, 'Absent'), path=keys['Name'])
        try:
            self.call('GetInstance', {'ClassName': 'File', 'InstanceName': keys, 'PropertyList': ['Type']})
        except RpcError as e:
            if e.status != 'NOT_FOUND':
                raise
            return dict(self.changed([]), path=keys['Name'])
        r = self.call('InvokeMethod', {'ClassName': 'File', 'InstanceName': keys, 'MethodName': 'Delete', 'InParameters': {'Recurse': True},
                                       'WhatIf': bool(self._task.check_mode)})
        return dict(self.changed(r.get('Changed') or [{'Property': 'Type', 'From': 'Directory', 'To': None}]), path=keys['Name'])
