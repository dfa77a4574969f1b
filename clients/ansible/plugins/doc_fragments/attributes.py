# SPDX-License-Identifier: MIT
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
attributes:
  check_mode:
    support: full
    description: The agent checks everything and answers what would change.
  diff_mode:
    support: full
    description: The properties before and after.
notes:
  - Runs on the controller; the host needs reeve, and no Python.
  - The variable C(reeve_rpc_command) is the command that reaches the agent, C(reeve rpc) when absent.
'''
