# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: service
short_description: Starts, stops, enables and disables a service
description: A systemd service through reeve's class Service.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  name: {description: Name of the service., type: str, required: true}
  state: {description: Started and stopped are reached once; restarted and reloaded are always done., type: str, choices: [started, stopped, restarted, reloaded]}
  enabled: {description: Whether it is started at boot., type: bool}
  masked: {description: Whether it cannot be started at all., type: bool}
'''
EXAMPLES = r'''
- reeve.core.service: {name: nginx, state: started, enabled: true}
'''
RETURN = r'''
changes: {description: Property, From and To of what changed or would., type: list, elements: dict, returned: always}
'''
