# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: file
short_description: Files, folders and links with their content, owner and permissions
description:
  - A file, folder or link of the host through reeve's class File. A file that is written is replaced at once.
  - Of ansible.builtin's file and copy what needs no Python on the host; content is text of at most 512 KiB.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  path: {description: Absolute path., type: str, required: true, aliases: [dest, name]}
  state:
    description: What it should be; a link where target is given and a file else. What is there does not become something else.
    type: str
    choices: [file, directory, link, absent]
  content: {description: Its text., type: str}
  src: {description: A file of the controller whose text it gets; looked for in files as for ansible.builtin.copy., type: str}
  target: {description: Where a link leads., type: str}
  mode: {description: "Permissions in octal digits and quotes, such as '0644'.", type: str}
  owner: {description: User it belongs to; name or number., type: str}
  group: {description: Group it belongs to; name or number., type: str}
  recurse: {description: With state absent a folder goes with all that is in it., type: bool, default: false}
'''
EXAMPLES = r'''
- reeve.core.file: {path: /srv/www, state: directory, owner: www-data, mode: '0755'}
- reeve.core.file: {path: /srv/www/index.html, content: "{{ lookup('template', 'index.j2') }}"}
- reeve.core.file: {path: /etc/nginx/sites-enabled/site, target: ../sites-available/site}
'''
RETURN = r'''
changes: {description: Property, From and To of what changed or would., type: list, elements: dict, returned: always}
'''
