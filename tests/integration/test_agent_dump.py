#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CreateDump: the core file read by itself (and by gdb where it is installed), and the process that goes on, however the dump ends."""
import os, re, select, shutil, signal, struct, subprocess, sys, tempfile, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib
from proclib import text

check = agentlib.Cases()
PROGRAM = '''
import mmap, signal, sys, threading, time
signal.signal(signal.SIGUSR1, lambda *_: print('heard', flush=True))
mark = b'REEVE-' + b'MARK-' + b'IN-HEAP'
heap = mark * 20000
shared = mmap.mmap(-1, 1 << 20)
shared[4096:4116] = b'REEVE-SHARED-' + b'MEMORY!'
for _ in range(3): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
ballast = bytearray(int(sys.argv[1]) << 20)
print(1, flush=True)
while True: time.sleep(0.01)
'''


def start(megabytes=1):
    child = subprocess.Popen(['/usr/bin/python3', '-c', PROGRAM, str(megabytes)], stdout=subprocess.PIPE)
    child.stdout.readline()
    return child


def began(pid):
    return text(pid, 'stat').rsplit(')', 1)[1].split()[19]


def ticking(pid):
    """It goes on: it is not stopped, and its first thread wakes up again and again."""
    woke = lambda: int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', text(pid, 'status'), re.M)[1])
    was = woke()
    return agentlib.until(lambda: text(pid, 'stat').rsplit(')', 1)[1].split()[0] in 'SR' and woke() > was + 3) and 'TracerPid:\t0\n' in text(pid, 'status')


class Core:
    def __init__(self, path):
        self.f = open(path, 'rb')
        e = struct.unpack('<16sHHIQQQIHHHHHH', self.f.read(64))
        self.type, self.machine, phoff, count = e[1], e[2], e[5], e[10]
        self.f.seek(phoff)
        self.segments = [struct.unpack('<IIQQQQQQ', self.f.read(56)) for _ in range(count)]
        self.loads = [p for p in self.segments if p[0] == 1]
        self.notes = []
        for p in self.segments:
            at = 0
            data = self.bytes(p[2], p[5]) if p[0] == 4 else b''
            while at < len(data):
                n, d, kind = struct.unpack_from('<III', data, at)
                at += 12
                owner, at = data[at:at + n - 1], at + (n + 3 & ~3)
                self.notes.append((owner, kind, data[at:at + d]))
                at += d + 3 & ~3

    def bytes(self, at, n):
        self.f.seek(at)
        return self.f.read(n)

    def memory(self, address, n):
        for p in self.loads:
            if p[3] <= address < p[3] + p[5]:
                return self.bytes(p[2] + address - p[3], n)

    def of(self, kind):
        return [d for o, k, d in self.notes if k == kind]


def whole(agent, peer, folder):
    child = start()
    path = os.path.join(folder, 'a core')
    try:
        key = {'ProcessId': child.pid}
        do = lambda what_if=False, key=key, **given: peer.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'CreateDump', 'InstanceName': key, 'InParameters': given, **({'WhatIf': True} if what_if else {})})
        name = lambda r: r.get('error', {}).get('data', {}).get('Name')
        r = do(True, Path=path)
        check('-WhatIf: told, not done', r.get('result', {}).get('Changed') == [{'Property': 'DumpFilePath', 'From': None, 'To': path}] and not os.path.exists(path), r)
        mapped = [l.split() for l in text(child.pid, 'maps').splitlines()]
        r = do(Path=path)
        out = r.get('result', {})
        check('a dump', (out.get('ReturnValue'), out.get('DumpFilePath'), out.get('Threads'), out.get('ThreadsWithoutRegisters')) == (0, path, 4, 0), r)
        if not out:
            return
        st = os.stat(path)
        check('its file: of root, for root, with holes', st.st_mode & 0o777 == 0o600 and st.st_size == out['Size'] and st.st_blocks * 512 < st.st_size, (st, out))
        check('the process goes on, and its parent heard nothing', os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED) == (0, 0) and ticking(child.pid))
        c = Core(path)
        check('a core file', c.type == 4 and {int(m[0].split('-')[0], 16) for m in mapped if m[1][0] == 'r' and '[v' not in m[-1]} <= {p[3] for p in c.loads}, c.loads)
        threads = [struct.unpack_from('<I', d, 32)[0] for d in c.of(1)]
        check('all threads, the first one first', sorted(threads) == sorted(int(t) for t in os.listdir(f'/proc/{child.pid}/task')) and threads[0] == child.pid and len(c.of(2)) == 4, threads)
        check('which program', b'python3' in c.of(3)[0] and c.of(6)[0] == open(f'/proc/{child.pid}/auxv', 'rb').read() and b'/libc.so.6\0' in c.of(0x46494c45)[0])
        data = open(path, 'rb').read()
        check('what it had in memory', data.count(b'REEVE-MARK-IN-HEAP') >= 20000 and b'REEVE-SHARED-MEMORY!' in data)
        if os.uname().machine == 'x86_64':
            regs = struct.unpack_from('<27Q', c.of(1)[0], 112)
            ip, sp = regs[16], regs[19]
            inside = [m for m in mapped if int(m[0].split('-')[0], 16) <= ip < int(m[0].split('-')[1], 16)]
            check('registers', inside and 'x' in inside[0][1] and len(c.memory(sp, 64) or b'') == 64, (hex(ip), hex(sp)))
        check('programs and libraries are not in it, their first pages are', any(0 < p[5] < p[6] and c.bytes(p[2], 4) == b'\x7fELF' for p in c.loads) and any(p[5] == 0 for p in c.loads), c.loads)
        if shutil.which('gdb'):
            r = subprocess.run(['gdb', '-batch', '-nx', '-ex', 'info threads', '-ex', 'bt', os.path.realpath('/usr/bin/python3'), path], capture_output=True, text=True, timeout=60)
            check('gdb: threads and where they are', len(re.findall(r'^[* ] \d+ .*LWP', r.stdout, re.M)) == 4 and re.search(r'^#\d+ .*nanosleep', r.stdout, re.M) and re.search(r'^#\d+ .*PyEval', r.stdout, re.M), r.stdout + r.stderr)
        else:
            check.skip('gdb', 'gdb is not installed')
        for given, want in (({'Path': path}, 'ALREADY_EXISTS'), ({'Path': 'relative'}, 'INVALID_PARAMETER'), ({'Path': folder + '/no/such/folder'}, 'NOT_FOUND')):
            r = do(**given)
            check(f'{given}: {want}', name(r) == want and ticking(child.pid), r)
        check('nobody else with the id', name(do(key={**key, 'CreationDate': '2001-01-01T00:00:00.000000Z'}, Path=path + '2')) == 'STALE')
        kernel = next((int(p) for p in os.listdir('/proc') if p.isdigit() and not os.path.exists(f'/proc/{p}/exe') and open(f'/proc/{p}/cmdline').read() == '' and 'State:\tZ' not in text(p, 'status')), None)
        if kernel:
            r = do(key={'ProcessId': kernel}, Path=path + '2')
            check('the kernel has no dump', name(r) == 'NOT_SUPPORTED' and not os.path.exists(path + '2'), r)
        r = do()
        where = r.get('result', {}).get('DumpFilePath', '')
        check('a place of its own choice', re.fullmatch(rf'/var/tmp/reeve-{child.pid}-\d{{8}}T\d{{6}}Z\.core', where) and os.path.exists(where), r)
        if where:
            os.remove(where)
        os.kill(child.pid, signal.SIGSTOP)
        agentlib.until(lambda: text(child.pid, 'stat').rsplit(')', 1)[1].split()[0] == 'T')
        r = do(Path=path + '2')
        check('one that is stopped stays so', 'result' in r and agentlib.until(lambda: text(child.pid, 'stat').rsplit(')', 1)[1].split()[0] == 'T'), r)
        os.kill(child.pid, signal.SIGCONT)
        check('and can go on', ticking(child.pid))
        r = do(key={'ProcessId': agent.proc.pid}, Path=path + '3')
        check('the agent itself', r.get('result', {}).get('Threads', 0) >= 1 and agent.call('Ping').get('result') is not None, r)
    finally:
        child.kill()
        child.wait()


def broken(folder):
    """The program that writes it is killed, its time is over, the disk is full: the process goes on, and no half file is taken for one."""
    child = start(200)
    path = os.path.join(folder, 'broken')
    run = lambda seconds, where=path: subprocess.Popen([f'{agentlib.BUILD}/bin/reeve-agent', '--dump', str(child.pid), began(child.pid), where, seconds], stdout=subprocess.PIPE, text=True)
    try:
        caught = 0
        for _ in range(200):
            dump = run('30')
            while dump.poll() is None:
                if 'TracerPid:\t0\n' not in text(child.pid, 'status'):
                    dump.kill()
                    caught += 1
                    break
            dump.wait()
            dump.stdout.close()
            if os.path.exists(path):
                os.remove(path)
            if caught == 3:
                break
        check('killed while it holds the process: that goes on', caught == 3 and ticking(child.pid) and os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED) == (0, 0), caught)
        # It is stopped itself, until its time is over.
        dump = run('1')
        dump.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        dump.send_signal(signal.SIGCONT)
        said = dump.communicate(timeout=30)[0]
        check('its time is over: said, and nothing is left', (said.startswith('fail 60 ') and not os.path.exists(path) or said.startswith('done ')) and ticking(child.pid), said)
        if os.path.exists(path):
            os.remove(path)
        small = os.path.join(folder, 'small')
        os.mkdir(small)
        if os.geteuid() == 0 and subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=20m', 'none', small], capture_output=True).returncode == 0:
            try:
                said = run('30', small + '/core').communicate(timeout=60)[0]
                check('no room: refused before anything is stopped', said.startswith('fail 1 ') and 'room' in said and os.listdir(small) == [] and ticking(child.pid), said)
            finally:
                subprocess.run(['umount', small])
        else:
            check.skip('no room', 'cannot mount a small file system')
        # A signal that comes meanwhile is not lost.
        heard = []
        for _ in range(5):
            dump = run('30')
            while dump.poll() is None and 'TracerPid:\t0\n' in text(child.pid, 'status'):
                pass
            child.send_signal(signal.SIGUSR1)
            said = dump.communicate(timeout=60)[0]
            os.remove(path)
            heard.append(bool(select.select([child.stdout], [], [], 30)[0]) and child.stdout.readline())
        check('a signal that comes meanwhile is not lost', heard == [b'heard\n'] * 5, heard)
        check('again and again', said.startswith('done ') and ticking(child.pid), said)
    finally:
        child.kill()
        child.wait()


folder = tempfile.mkdtemp(prefix='reeve-dump.')
agent = agentlib.Agent()
try:
    if os.geteuid() != 0:
        check.skip('dumps', 'not root')
    else:
        whole(agent, agent.open(), folder)
        broken(folder)
finally:
    check('ends cleanly', agent.stop() == 0, agent.said)
    shutil.rmtree(folder)
check.end()
