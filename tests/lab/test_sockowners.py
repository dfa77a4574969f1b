#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who holds a socket, after everything by which that changes, beside `ss`: in namespaces of the test's own. The holders have so many
descriptors that the agent keeps what they hold while they sleep, and it is asked often enough to do so."""
import json, os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib

check = agentlib.Cases()

# Obeys one line at a time, says `done` after each, and sleeps else.
HOLDER = r'''
import array, ctypes, os, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen(1000)
keep = []
for i in range(100):
    keep.append(socket.create_connection(listener.getsockname())); keep.append(listener.accept()[0])
link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
helpers = {}

def serve(lines, out):
    for line in iter(lines.readline, ''):
        word, *rest = line.split()
        if word == 'close':
            keep.pop().close()
        elif word == 'replace':   # as many descriptors as before
            number = keep[0].fileno(); other = os.open('/dev/null', os.O_RDONLY); os.dup2(other, number); os.close(other); keep.pop(0).detach()
        elif word == 'open':
            keep.append(socket.create_connection(listener.getsockname())); keep.append(listener.accept()[0])
        elif word == 'send':   # and closes its own
            link.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [keep[-1].fileno()]))], 0, rest[0]); keep.pop().close()
        elif word == 'bind':
            link.bind(rest[0])
        elif word == 'take':
            keep.append(socket.socket(fileno=socket.recv_fds(link, 1, 1)[1][0]))
        elif word in ('fork', 'clone', 'thread'):   # another that obeys lines: a child, one that has the same descriptors, a thread
            r, w = os.pipe(); back, said = os.pipe()
            helpers[rest[0]] = os.fdopen(w, 'w'), os.fdopen(back)
            more = lambda: serve(os.fdopen(r), os.fdopen(said, 'w'))
            if word == 'thread':
                threading.Thread(target=more, daemon=True).start()
            else:
                pid = os.fork() if word == 'fork' else libc.syscall(56, 0x400 | 17, 0, 0, 0, 0)
                if pid == 0:
                    more(); os._exit(0)
        elif word == 'tell':
            to, back = helpers[rest[0]]
            print(' '.join(rest[1:]), file=to, flush=True); back.readline()
        elif word == 'later':   # the helper does it when this one has long been asleep
            to, back = helpers[rest[0]]
            print(' '.join(rest[1:]), file=to, flush=True)
        elif word == 'sleep':
            import time; time.sleep(float(rest[0]))
        print('done', file=out, flush=True)
serve(sys.stdin, sys.stdout)
'''


class Holder:
    def __init__(self):
        self.proc = subprocess.Popen([sys.executable, '-c', HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.do('sleep 0')

    def do(self, line):
        print(line, file=self.proc.stdin, flush=True)
        if self.proc.stdout.readline() != 'done\n':
            raise SystemExit(f'the helper ended at {line}')


def of_ss():
    """{inode: lowest process id}"""
    out = {}
    for line in subprocess.run(['ss', '-Htnape'], capture_output=True, text=True, check=True).stdout.splitlines():
        inode, pids = re.search(r'ino:(\d+)', line), re.findall(r'pid=(\d+)', line)
        if inode and int(inode[1]):
            out[int(inode[1])] = min(map(int, pids)) if pids else None
    return out


def of_agent(agent, **more):
    rows = agent.call('EnumerateInstances', {'ClassName': 'NetTCPConnection', 'PropertyList': ['Inode', 'OwningProcess'], **more})['result']['Instances']
    return {r['Inode']: r['OwningProcess'] for r in rows if r['Inode']}


def differ(agent):
    mine, real = of_agent(agent), of_ss()
    return [(i, mine.get(i, 'none'), real.get(i, 'none')) for i in set(mine) | set(real) if mine.get(i, 'none') != real.get(i, 'none')]


def settle(agent):
    """Asked until what it keeps would be used: who sleeps has slept for 20 ms by then."""
    for _ in range(3):
        of_agent(agent)
        time.sleep(0.03)
    of_agent(agent)


def looked_at(agent, pid):
    """Whether the agent reads the process' descriptors for an answer: strace sees it do so."""
    if not shutil.which('strace'):
        return None
    log = os.path.join(agent.dir, 'strace')
    trace = subprocess.Popen(['strace', '-f', '-qq', '-e', 'trace=openat', '-o', log, '-p', str(agent.proc.pid)], stderr=subprocess.DEVNULL)
    try:
        agentlib.until(lambda: any(l == f'TracerPid:\t{trace.pid}\n' for l in open(f'/proc/{agent.proc.pid}/status')))
        of_agent(agent)
    finally:
        trace.terminate()
        trace.wait()
    return f'"{pid}/fd"' in open(log).read()


def main():
    if os.geteuid() != 0 or not all(map(shutil.which, ('ip', 'ss', 'unshare'))):
        print('SKIP owners of sockets: needs root, ip, ss and unshare')
        sys.exit(77)
    if 'SOCKOWNERS' not in os.environ:
        os.execvpe('unshare', ['unshare', '-nmpf', '--mount-proc', '--kill-child', sys.executable, os.path.abspath(__file__)], dict(os.environ, SOCKOWNERS='1'))
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    agent = agentlib.Agent()
    a, b = Holder(), Holder()
    path = os.path.join(agent.dir, 'link')
    a.do(f'bind {path}.a')
    b.do(f'bind {path}.b')
    settle(agent)
    check('as ss says', not differ(agent), differ(agent)[:5])
    seen = looked_at(agent, a.proc.pid) if agentlib.accounts() else None
    if seen is None:
        check.skip('one that sleeps is not looked at', 'no strace here, or this kernel does not tell who sleeps')
    else:
        check('one that sleeps is not looked at', seen is False)
    steps = [(a, 'close'), (a, 'replace'), (a, 'open'), (a, f'send {path}.b'), (b, 'take'), (a, f'send {path}.b'), (b, 'close'),
             (b, f'send {path}.a'), (a, 'take'), (a, 'fork child'), (a, 'tell child close'), (a, 'close'), (a, 'tell child open'), (a, f'tell child send {path}.b'),
             (b, 'take'), (a, 'thread t'), (a, 'tell t close'), (a, 'tell t open'), (a, 'later t close'), (a, 'later t open'), (b, 'clone same'), (b, 'tell same close'),
             (b, 'later same replace'), (b, 'later same open'), (b, f'later same send {path}.a'), (b, 'later same replace')]
    for who, line in steps:
        settle(agent)
        if line.startswith('later'):   # done by a helper when the process itself has long been asleep again
            before = of_ss()
            who.do(' '.join(line.split()[:2]) + ' sleep 0.5')
            who.do(line)
            settle(agent)
            agentlib.until(lambda: of_ss() != before)
            agentlib.until(lambda: not differ(agent), 5)   # it may be in the midst of it
        else:
            who.do(line)
        wrong = differ(agent)
        check(f'{"ab"[who is b]}: {line}', not wrong, wrong[:5])
    settle(agent)
    mine = of_agent(agent, Filter=f'OwningProcess = {a.proc.pid}')
    check('those of one process', mine and set(mine) == {i for i, p in of_ss().items() if p == a.proc.pid})
    a.proc.kill()
    a.proc.wait()
    check('after one was killed', agentlib.until(lambda: not differ(agent)), differ(agent)[:5])
    b.proc.kill()
    b.proc.wait()
    agent.stop()
    check.end()


main()
