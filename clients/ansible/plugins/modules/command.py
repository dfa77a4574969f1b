# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: command
short_description: Runs a command without Python on the host
description: Like ansible.builtin.command, with what the connection itself offers.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  cmd: {description: The command line; divided at blanks, quotes group., type: str}
  argv: {description: Or the words., type: list, elements: str}
  chdir: {description: Folder to run it in., type: str}
  creates: {description: Not run when this exists., type: str}
  removes: {description: Not run when this does not exist., type: str}
  stdin: {description: Standard input., type: str}
'''
EXAMPLES = r'''
- reeve.core.command: {cmd: systemd-analyze time}
'''
RETURN = r'''
rc: {description: Exit status., type: int, returned: when run}
stdout: {description: Standard output., type: str, returned: when run}
stderr: {description: Standard error., type: str, returned: when run}
'''
