# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: user
short_description: Makes, changes and removes a local user
description: An account of the host through reeve's class LocalUser.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  name: {description: Name of the user., type: str, required: true}
  state: {description: Whether it should be there., type: str, choices: [present, absent], default: present}
  comment: {description: Full name., type: str}
  home: {description: Home directory., type: str}
  shell: {description: Login shell., type: str}
  group: {description: Primary group., type: str}
  password: {description: Password., type: str}
'''
EXAMPLES = r'''
- reeve.core.user: {name: deploy, shell: /bin/bash}
'''
RETURN = r'''
changes: {description: Property, From and To of what changed or would., type: list, elements: dict, returned: always}
'''
