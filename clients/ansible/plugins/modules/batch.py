# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: batch
short_description: Makes many objects as they should be, in one round trip
description: A desired-state document. Everything is checked before anything is changed; what fails takes along only what depends on it.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  resources:
    description: Each has class_name, keys, properties, state, name and depends_on.
    type: list
    elements: dict
    required: true
  on_failure: {description: Go on with the others, or bring back what was before., type: str, choices: [continue, roll_back], default: continue}
  timeout: {description: Seconds for all of it., type: float}
'''
EXAMPLES = r'''
- reeve.core.batch:
    on_failure: roll_back
    resources:
      - {name: user, class_name: LocalUser, keys: {Name: deploy}}
      - {class_name: Service, keys: {Name: app}, properties: {State: Running}, depends_on: [user]}
'''
RETURN = r'''
resources: {description: What became of each., type: list, elements: dict, returned: always}
rollback: {description: A document that brings back what was before., type: dict, returned: when something changed}
'''
