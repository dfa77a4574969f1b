# SPDX-License-Identifier: MIT
"""Hosts from a list, grouped by what their agents say of them."""
from __future__ import annotations

DOCUMENTATION = r'''
name: hosts
short_description: A list of hosts, grouped by facts that reeve gives
description:
  - Asks each host's agent by C(ssh HOST reeve rpc), all at once. A host that does not answer is in the group C(reeve_unreachable).
author: The reeve authors
extends_documentation_fragment: [constructed]
options:
  plugin: {description: reeve.core.hosts, required: true, choices: [reeve.core.hosts]}
  hosts: {description: Names, as ssh knows them., type: list, elements: str, required: true}
  ssh: {description: The command that reaches a host; its name is put behind it., type: list, elements: str, default: [ssh, -oBatchMode=yes]}
  timeout: {description: Seconds for each host., type: float, default: 15}
'''
EXAMPLES = r'''
plugin: reeve.core.hosts
hosts: [web1, web2]
keyed_groups:
  - {key: reeve_os.Manufacturer, prefix: os}
'''

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = 'reeve.core.hosts'

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(('reeve.yml', 'reeve.yaml'))

    def ask(self, host):
        request = {'jsonrpc': '2.0', 'id': 1, 'method': 'GetInstance', 'params': {'ClassName': 'OperatingSystem'}}
        try:
            done = subprocess.run([*self.get_option('ssh'), host, 'reeve rpc'], input=json.dumps(request) + '\n', capture_output=True, text=True,
                                  timeout=self.get_option('timeout'))
            return json.loads(done.stdout)['result']
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            return None

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        hosts = self.get_option('hosts')
        if not hosts:
            raise AnsibleParserError('reeve.core.hosts needs hosts')
        with ThreadPoolExecutor(min(32, len(hosts))) as pool:
            answers = dict(zip(hosts, pool.map(self.ask, hosts)))
        for host, facts in answers.items():
            inventory.add_host(host)
            if facts is None:
                inventory.add_group('reeve_unreachable')
                inventory.add_child('reeve_unreachable', host)
                continue
            inventory.set_variable(host, 'reeve_os', facts)
            variables = inventory.get_host(host).get_vars()
            strict = self.get_option('strict')
            self._set_composite_vars(self.get_option('compose'), variables, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option('groups'), variables, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option('keyed_groups'), variables, host, strict=strict)
