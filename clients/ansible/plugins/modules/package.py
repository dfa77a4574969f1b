# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: package
short_description: Installs and removes packages
description: Packages of the host through reeve's class Package.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  name: {description: Names of the packages., type: list, elements: str, required: true}
  state: {description: Whether they should be installed., type: str, choices: [present, absent], default: present}
  held: {description: Whether upgrades leave them alone., type: bool}
'''
EXAMPLES = r'''
- reeve.core.package: {name: [nginx, curl]}
'''
RETURN = r'''
changes: {description: Property, From and To of what changed or would., type: list, elements: dict, returned: always}
'''
