# SPDX-License-Identifier: MIT
from __future__ import annotations

import shlex

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction


def quoted(argv):
    """The words for whatever shell the host has: sh's and PowerShell's quotes agree as long as no quote is inside."""
    command = shlex.join(argv)
    if '"\'"' in command:
        octal = ''.join(f'\\0{b:03o}' for b in command.encode())
        command = f"""sh -c 'eval "$(printf %b "{octal}")"'"""
    return command


class ActionModule(ReeveAction):
    """A command without Python on the host: what the connection gives, with creates and removes."""
    ARGUMENTS = {'cmd': {'type': 'str'}, 'argv': {'type': 'list', 'elements': 'str'}, 'chdir': {'type': 'str'},
                 'creates': {'type': 'str'}, 'removes': {'type': 'str'}, 'stdin': {'type': 'str'}}

    def exists(self, path):
        return self.shell(quoted(['test', '-e', path]))[0] == 0

    def work(self, args):
        if bool(args.get('cmd')) == bool(args.get('argv')):
            return {'failed': True, 'msg': 'one of cmd and argv is needed'}
        argv = args.get('argv') or shlex.split(args['cmd'])
        if 'creates' in args and self.exists(args['creates']):
            return {'changed': False, 'rc': 0, 'stdout': '', 'stderr': '', 'cmd': argv, 'msg': f"{args['creates']} exists"}
        if 'removes' in args and not self.exists(args['removes']):
            return {'changed': False, 'rc': 0, 'stdout': '', 'stderr': '', 'cmd': argv, 'msg': f"{args['removes']} does not exist"}
        if self._task.check_mode:
            conditional = 'creates' in args or 'removes' in args
            return {'changed': conditional, 'skipped': not conditional, 'cmd': argv, 'msg': 'commands are not run in check mode'}
        if args.get('chdir'):
            argv = ['sh', '-c', f"cd {shlex.quote(args['chdir'])} && exec {shlex.join(argv)}"]
        command = quoted(argv)
        rc, out, err = self.shell(command, args['stdin'].encode() if 'stdin' in args else None)
        result = {'changed': True, 'rc': rc, 'stdout': out.rstrip('\n'), 'stderr': err.rstrip('\n'), 'cmd': argv,
                  'stdout_lines': out.splitlines(), 'stderr_lines': err.splitlines()}
        if rc:
            result.update(failed=True, msg=f'the command ended with status {rc}')
        return result
