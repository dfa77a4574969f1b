#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many SSH connections are held: more than the default where the configuration says so, no more than it says, and a front-end that
does not react any more is ended by reeved."""
import os, resource, signal, socket, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
from agentlib import until

check = agentlib.Cases()


def fronts(host):
    """The processes of connections: children of the front-ends' parent."""
    below = lambda pid: [int(c) for t in os.listdir(f'/proc/{pid}/task') for c in open(f'/proc/{pid}/task/{t}/children').read().split()]
    parent = [p for p in below(host.proc.pid) if open(f'/proc/{p}/comm').read() == 'reeve-ssh\n']
    return below(parent[0]) if parent else []


class Idle:
    """Connections that log in and stay."""
    def __init__(self, host, count):
        self.proc = subprocess.Popen([f'{agentlib.BUILD}/tests/bench/idle', str(host.port), host.user, host.key, str(count)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.there = int(self.proc.stdout.readline())

    def end(self):
        self.proc.stdin.close()
        left = int(self.proc.stdout.readline())
        self.proc.wait(60)
        return left


def stopped(host):
    """A process that neither reads nor answers, before login."""
    with socket.create_connection(('127.0.0.1', host.port)):
        if not until(lambda: fronts(host), 60):
            return False
        pid = fronts(host)[0]
        os.kill(pid, signal.SIGSTOP)
        return until(lambda: not os.path.exists(f'/proc/{pid}'), 60)


def room():
    """How many processes may be made here."""
    limits = [resource.getrlimit(resource.RLIMIT_NPROC)[0]]
    for line in open('/proc/self/cgroup'):
        _, names, path = line.strip().split(':', 2)
        for base in ('/sys/fs/cgroup', '/sys/fs/cgroup/' + names, '/sys/fs/cgroup/unified'):
            for folder in (base + path, base):
                try:
                    limits.append(int(open(folder + '/pids.max').read()))
                except (OSError, ValueError):   # "max"
                    pass
    return min(n for n in limits + [1 << 30] if n > 0)


if room() < 2000:
    print(f'SKIP SSH sessions: only {room()} processes may be made here')
    sys.exit(77)
few = sshhost.Host(config='[ssh]\npenalties = no\nsessions = 5\nsessions_per_user = 3\n')
result = []
try:
    waiter = threading.Thread(target=lambda: result.append(stopped(few)))
    many = sshhost.Host(config='[ssh]\nsessions = 700\nsessions_per_user = 650\n')
    try:
        waiter.start()
        idle = Idle(many, 600)
        check('600 are held, more than without a word in the configuration', idle.there == 600 and len(fronts(many)) == 600, idle.there)
        check('and others are served', many.ssh('1 + 1').stdout.strip() == '2')
        memory = [int(line.split()[1]) for pid in fronts(many)[100:120] for line in open(f'/proc/{pid}/smaps_rollup') if line.startswith('Private_Dirty')]
        check('each for less than 400 kB of its own', sum(memory) / 20 < 400, memory)
        check('all are still there', idle.end() == 600)
        check('and leave no process behind', until(lambda: not fronts(many), 60))
    finally:
        many.stop()
    waiter.join()
    check('a front-end that does not react is ended', result == [True])
    idle = Idle(few, 3)
    check('as many of a user as it says', idle.there == 3)
    r = few.ssh('1')
    check('one more is refused', r.returncode == 255 and 'ermission denied' in r.stderr, r)
    idle.end()
    check('until one has left', until(lambda: few.ssh('1').returncode == 0, 60))
finally:
    few.stop()
wrong = os.path.join(agentlib.BUILD, 'bin/reeved')
for text in ('sessions = 0', 'sessions = many', 'sessions = 1000000', 'sessions_per_user = -1'):
    path = f'/tmp/reeve-sessions.{os.getpid()}.conf'
    with open(path, 'w') as f:
        f.write(f'[ssh]\n{text}\n')
    r = subprocess.run([wrong, '--check', '--config', path], capture_output=True, text=True)
    os.unlink(path)
    check(f'{text}: refused at the start', r.returncode == 1 and 'expected a number' in r.stderr, r)
check.end()
