# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: instance
short_description: Makes an object of any class of reeve as it should be
description: Any object that reeve can change, by its class, keys and properties. Nothing is done when it is so already.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  class_name: {description: The class., type: str, required: true}
  keys: {description: Its keys by name., type: dict, required: true}
  properties: {description: As they should be by name; others are left alone., type: dict}
  state: {description: Whether it should be there., type: str, choices: [present, absent], default: present}
'''
EXAMPLES = r'''
- reeve.core.instance:
    class_name: LocalUser
    keys: {Name: deploy}
    properties: {Shell: /bin/bash}
'''
RETURN = r'''
changes: {description: Property, From and To of what changed or would., type: list, elements: dict, returned: always}
'''
