#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/tutorial.md and docs/howto: what they have the reader type is typed, over real SSH on the demo's agent, and must print what they say."""
import glob, os, shutil, sys
sys.path.insert(0, os.path.dirname(__file__))
import doclib
from agentlib import Cases

if not shutil.which('ssh'):
    print('SKIP no ssh (Debian: openssh-client)')
    sys.exit(77)
case = Cases()
for page in ['docs/tutorial.md', *sorted(os.path.relpath(p, doclib.ROOT) for p in glob.glob(f'{doclib.ROOT}/docs/howto/*.md'))]:
    doclib.run(page, case)
case.end()
