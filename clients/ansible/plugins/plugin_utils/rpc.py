# SPDX-License-Identifier: MIT
"""Calls of the reeve agent over whatever connection a host has: `reeve rpc` with the requests on its standard input."""
from __future__ import annotations

import json

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class RpcError(Exception):
    """What the agent answered instead of a result."""

    def __init__(self, error):
        self.code = error.get('code')
        self.data = error.get('data') or {}
        self.status = self.data.get('Name')
        super().__init__('; '.join(x for x in (error.get('message'), self.data.get('Hint')) if x))


class ReeveAction(ActionBase):
    """An action that needs nothing on the host but reeve. Subclasses have `work(args)`, which answers the result."""
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False
    ARGUMENTS = {}

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        try:
            _, args = self.validate_argument_spec(self.ARGUMENTS)
            result.update(self.work({k: v for k, v in args.items() if v is not None}))
        except RpcError as e:
            result.update(failed=True, msg=str(e), reeve={'status': e.status, 'code': e.code})
        return result

    # ---- the way to the agent ----
    def shell(self, command, data=None):
        """A command on the host, as the become user where one is wanted: (status, output, errors) as texts."""
        become = self._connection.become
        if become and self._connection.allow_executable:
            command = become.build_become_command(command, self._connection._shell)
        rc, out, err = self._connection.exec_command(command, in_data=data, sudoable=bool(become))
        text = lambda x: x.decode('utf-8', 'replace') if isinstance(x, bytes) else x
        return rc, text(out), text(err)

    def calls(self, calls):
        """[(method, params)]: results in the same order, RpcError where one failed. One round trip."""
        lines = [json.dumps({'jsonrpc': '2.0', 'id': i, 'method': m, 'params': p}) for i, (m, p) in enumerate(calls)]
        command = self._templar.template(self.task_vars.get('reeve_rpc_command', 'reeve rpc'))
        rc, out, err = self.shell(command, ('\n'.join(lines) + '\n').encode())
        answers = {}
        for line in out.splitlines():
            try:
                answer = json.loads(line)
                answers[answer.get('id')] = answer
            except (ValueError, AttributeError):
                pass
        if len(answers) < len(calls):
            if rc == 255:
                raise AnsibleConnectionFailure(err.strip() or 'the connection ended')
            if rc in (126, 127) or 'not found' in err or 'not recognized' in err:
                raise AnsibleActionFail(f'reeve is not installed on this host: {err.strip() or out.strip()}')
            raise AnsibleActionFail(f'the agent did not answer (status {rc}): {err.strip() or out.strip()[:300]}')
        return [answers[i]['result'] if 'result' in answers[i] else RpcError(answers[i]['error']) for i in range(len(calls))]

    def call(self, method, params):
        result = self.calls([(method, params)])[0]
        if isinstance(result, RpcError):
            raise result
        return result

    # ---- results ----
    def set(self, class_name, keys, properties=None, ensure=None):
        """SetInstance, or what it would do in check mode, as an Ansible result."""
        params = {'ClassName': class_name, 'InstanceName': keys}
        if properties:
            params['Properties'] = properties
        if ensure:
            params['Ensure'] = ensure
        if self._task.check_mode:
            params['WhatIf'] = True
        return self.changed(self.call('SetInstance', params).get('Changed', []))

    def changed(self, changes):
        side = lambda which: ''.join(f"{c['Property']}: {c[which]}\n" for c in changes if c[which] is not None)
        return {'changed': bool(changes), 'changes': changes, 'diff': {'before': side('From'), 'after': side('To')}}
