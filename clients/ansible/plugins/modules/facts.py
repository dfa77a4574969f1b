# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: facts
short_description: Gathers facts through reeve
description: The usual facts of system, network and mounts, in one round trip; and the objects of any class under C(ansible_facts.reeve).
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  classes: {description: Further classes whose objects are wanted., type: list, elements: str}
'''
EXAMPLES = r'''
- hosts: all
  gather_facts: false
  tasks:
    - reeve.core.facts: {classes: [Service]}
'''
RETURN = r'''
missing: {description: Classes that did not answer, and why., type: dict, returned: when there are some}
'''
