# SPDX-License-Identifier: MIT
# The work is done by the action plugin of this name.
DOCUMENTATION = r'''
module: container
short_description: Brings a container to be as it is described
description:
  - A container of the host's engine (Docker, Podman) through reeve's class Container.
  - Limits, restart policy, networks and state are changed while it is there. For anything else one of that name is made anew, which changes tells as
    another Id; it keeps what is not described here, and its volumes.
  - Of environment and labels those that are given count; ports and mounts are exactly those that are given.
author: The reeve authors
extends_documentation_fragment: [reeve.core.attributes]
options:
  name: {description: Its name., type: str, required: true}
  state: {description: What it should be; present is made but not started., type: str, choices: [started, stopped, paused, present, absent], default: started}
  image: {description: Its image, which must be on the host; what the name means now counts., type: str}
  command: {description: Command and arguments; the image's when absent., type: list, elements: str}
  entrypoint: {description: What runs before the command., type: list, elements: str}
  env: {description: Its environment., type: dict}
  labels: {description: Its labels., type: dict}
  ports: {description: "Ports to publish, such as 8080:80.", type: list, elements: str}
  mounts: {description: "Folders and volumes in it, SOURCE:DESTINATION with :ro behind for reading only.", type: list, elements: str}
  network: {description: "Network that it is made in; host and none are such, too.", type: str}
  networks: {description: Networks that it is in., type: list, elements: str}
  hostname: {description: Host name inside., type: str}
  user: {description: User it runs as., type: str}
  working_directory: {description: Folder it begins in., type: str}
  restart_policy: {description: "no, always, unless-stopped, on-failure or on-failure:TIMES.", type: str}
  memory_limit: {description: Most memory in bytes., type: int}
  cpu_limit: {description: How many CPUs' time it may use., type: float}
  pids_limit: {description: Most processes and threads., type: int}
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
