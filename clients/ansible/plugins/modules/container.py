# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: container
short_description: Makes, starts, stops and removes a container
description:
  - A container of the host's engine (Docker, Podman) through reeve's class Container.
  - One of that name is made anew where its image is another one or recreate is given. Limits and restart policy are changed while it is there;
    everything else counts only when it is made.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  name: {description: Its name., type: str, required: true}
  state: {description: What it should be; present is made but not started., type: str, choices: [started, stopped, present, absent], default: started}
  image: {description: Its image, which must be on the host., type: str}
  command: {description: Command and arguments; the image's when absent., type: list, elements: str}
  entrypoint: {description: What runs before the command., type: list, elements: str}
  env: {description: Its environment., type: dict}
  labels: {description: Its labels., type: dict}
  ports: {description: "Ports to publish, such as 8080:80.", type: list, elements: str}
  mounts: {description: "Folders and volumes in it, SOURCE:DESTINATION with :ro behind for reading only.", type: list, elements: str}
  network: {description: Network by name., type: str}
  user: {description: User it runs as., type: str}
  working_directory: {description: Folder it begins in., type: str}
  restart_policy: {description: "no, always, unless-stopped or on-failure.", type: str}
  memory_limit: {description: Most memory in bytes., type: int}
  cpu_limit: {description: How many CPUs' time it may use., type: float}
  privileged: {description: All rights of the host., type: bool}
  engine: {description: The engine; the first that is there when absent., type: str}
  recreate: {description: Made anew in any case., type: bool, default: false}
'''
EXAMPLES = r'''
- reeve.core.container: {name: web, image: 'nginx:1.27', ports: ['8080:80'], restart_policy: always}
- reeve.core.container: {name: web, state: absent}
'''
RETURN = r'''
changes: {description: Property, From and To of what changed or would., type: list, elements: dict, returned: always}
'''
