# SPDX-License-Identifier: MIT
"""A swarm of three real Docker Engines in namespaces of their own, for tests: machines a, b, c with an agent each."""
import json, os, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
from hostlib import Asked, good

# No name server answers here: a registry that cannot be found is told at once, not after ten seconds.
PREPARE = '''echo "127.0.0.1 registry-1.docker.io auth.docker.io
::1 registry-1.docker.io auth.docker.io" >> /etc/hosts; echo nameserver 127.0.0.1 > /etc/resolv.conf; systemctl reset-failed docker; systemctl restart docker
for i in $(seq 600); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
mkdir -p /tmp/b/bin /tmp/b/tmp && cp /bin/busybox /tmp/b/bin/ && for a in sh sleep echo cat; do ln -sf busybox /tmp/b/bin/$a; done
tar -C /tmp/b -cf /tmp/bb.tar . && docker import /tmp/bb.tar bb:1 && docker import /tmp/bb.tar bb:2'''


class Host(Asked):
    """One of the three: its machine, and its agent."""

    def __init__(self, machine):
        self.machine = machine
        super().__init__(machine.agent())
        self.peer.sock.settimeout(90)

    def docker(self, command):
        return self.machine.run('docker ' + command).stdout.strip()

    def inspect(self, kind, name):
        return (json.loads(self.docker(f'{kind} inspect {name}') or '[]') or [None])[0]

    def service(self, method, name=None, **more):
        return self.do('SwarmService', {'Name': name} if name else None, method, **more)

    def node(self, name, method, **more):
        return self.do('SwarmNode', {'Id': self.docker(f"node inspect -f '{{{{.ID}}}}' {name}") or name}, method, **more)

    def tasks(self, name, state='running'):
        return self.rows('SwarmTask', Filter=f"ServiceName='{name}' AND State='{state}' AND DesiredState='{state}'")

    def until(self, test, patience=30):
        """What a test says, when it is true or the time is over."""
        end = time.monotonic() + patience
        while not (got := test()) and time.monotonic() < end:
            time.sleep(0.1)
        return got

    def shell(self, command, timeout=90):
        return self.machine.run(f"REEVE_SOCKET=/lab/agent.sock HOME=/root /opt/reeve/bin/reeve -Command '{command}'", timeout=timeout)


def prepare(lab, kind='docker'):
    machines = [lab.start(name, kind if name == 'a' else 'docker') for name in 'abc']
    for m in machines:
        m.wait()
    work = [threading.Thread(target=m.run, args=(PREPARE,), kwargs={'timeout': 120, 'check': True}) for m in machines]
    for w in work:
        w.start()
    for w in work:
        w.join()
    return [Host(m) for m in machines]


def join(a, *others):
    """All in one swarm, as managers; not what is tested."""
    assert good(a.do('SwarmCluster', None, 'Init', AdvertiseAddress=a.machine.ip))
    token = a.do('SwarmCluster', None, 'GetJoinToken', Role='manager')['result']['Token']
    for other in others:
        r = other.do('SwarmCluster', None, 'Join', RemoteAddress=[a.machine.ip], Token=token)
        assert good(r), r


def wait_events(reader, peer, want, patience=30):
    """The instances that a subscription is told until one fits (or none for that long)."""
    reader.patience = patience
    shown = lambda p: (p.get('Indication') or {}).get('TargetInstance') or p.get('Indication') or {}
    got = [shown(p) for p in reader.until(lambda p: want(shown(p))) if p]
    peer.sock.settimeout(90)
    return got


def run(check, hosts, parts):
    for part in parts:
        begin = time.monotonic()
        part(*hosts[:part.__code__.co_argcount])
        print(f'{part.__name__}: {time.monotonic() - begin:.1f} s', flush=True)
    check.end()
