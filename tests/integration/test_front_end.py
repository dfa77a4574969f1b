#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reeved before a front-end that somebody has taken over: in the place of reeve-ssh a program that asks for whatever it likes. What it must
not get: a session of anybody who has not proved himself, a second signature before login, what only others may ask, descriptors kept in reeved.
What it does get, after somebody's login: that user's session, and no other's."""
import getpass, json, os, shutil, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases, Peer, until
from sshhost import Host

try:
    import paramiko
except ImportError:
    print('SKIP paramiko is not installed')
    sys.exit(77)

case = Cases()

EVIL = r'''#!/usr/bin/python3
import array, hashlib, json, os, socket, struct, sys
FOLDER, USER = sys.argv[0].rsplit('/', 1)[0], open(os.path.join(os.path.dirname(sys.argv[0]), 'user')).read()
import paramiko
key = paramiko.Ed25519Key.from_private_key_file(FOLDER + '/key')
other = paramiko.Ed25519Key.from_private_key_file(FOLDER + '/other')
(SIGN, ALLOWED, VERIFY, OPEN, SIGNAL, CLOSE, LOG, PONG, ANSWER, EXITED, PING, READY, CONNECTION, KILL, ENDED, POLICY, PASSWORD, PAM, SAID, START, STARTED,
 ADOPT, LISTEN) = range(1, 24)
s = lambda b: struct.pack('>I', len(b)) + b


def message(kind, numbers=(), texts=(), number=1):
    return struct.pack('<II', kind, number) + b''.join(struct.pack('<I', n) for n in numbers) + b''.join(struct.pack('<I', len(t)) + t for t in texts)


class Link:
    def __init__(self, fd):
        self.s = socket.socket(fileno=fd)
        self.s.setblocking(True)
        self.s.settimeout(10)

    def ask(self, *a, raw=None, fds=(), **kw):
        """'end': reeved hung up; else the answer's status."""
        data = raw if raw is not None else message(*a, **kw)
        try:
            self.s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])
            got, control, _, _ = self.s.recvmsg(65536, socket.CMSG_SPACE(16))
        except (BrokenPipeError, ConnectionResetError):
            return 'end'
        except TimeoutError:
            return 'silence'
        if not got:
            return 'end'
        self.fds = [fd for _, _, c in control for fd in array.array('i', c)]
        kind, _, status = struct.unpack_from('<III', got)
        self.data = got[16:]
        return status if kind == ANSWER else ('kind', kind)

    def exchange(self, seed=b'one'):
        self.session = hashlib.sha256(seed + os.urandom(8)).digest()
        return self.ask(SIGN, (), (self.session,))

    def proof(self, with_key=key, user=USER, session=None, service=b'ssh-connection', method=b'publickey'):
        blob = with_key.asbytes()
        data = s(session or self.session) + bytes([50]) + s(user.encode()) + s(service) + s(method) + b'\1' + s(b'ssh-ed25519') + s(blob)
        return data, with_key._signing_key.sign(data).signature

    def verify(self, *a, break_signature=False, **kw):
        data, signature = self.proof(*a, **kw)
        if break_signature:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return self.ask(VERIFY, (), (data, signature))

    def enter(self):
        self.exchange()
        return self.verify()


OPEN_RPC = (OPEN, (1, 2, 0, 0, 0, 0, 0), (b'', b'', b''))
OPEN_EXEC = (OPEN, (1, 1, 0, 0, 0, 0, 0), (b'', b'', b'id'))
INNER = {'START': (START, (1, 8, 0, 0, 1), (b'', b'', b'/\0/bin/sh\0')), 'ADOPT': (ADOPT, (1,), ()), 'LISTEN': (LISTEN, (1, 4444), (b'0.0.0.0',)),
         'CONNECTION': (CONNECTION, (1,), ()), 'KILL': (KILL, (1,), ()), 'ENDED': (ENDED, (1, 0), ()), 'POLICY': (POLICY, (3,), (bytes(32),)), 'READY': (READY, (), ()),
         'ANSWER': (ANSWER, (0,), (b'',)), 'EXITED': (EXITED, (1, 0, 0), (b'',)), 'PAM': (PAM, (0,), (USER.encode(), b'', b'')), 'SAID': (SAID, (0,), (b'', b'', b'')),
         'STARTED': (STARTED, (1,), ()), 'unknown': (99, (), ())}


def attacks():
    yield 'open a channel before login', lambda l: l.ask(*OPEN_RPC), 'end'
    yield 'a command before login', lambda l: l.ask(*OPEN_EXEC), 'end'
    yield 'a command after a key exchange', lambda l: (l.exchange(), l.ask(*OPEN_EXEC))[1], 'end'
    yield 'a signal before login', lambda l: l.ask(SIGNAL, (1,), (b'KILL',)), 'end'
    yield 'a second signature before login', lambda l: (l.exchange(), l.exchange(b'two'))[1], 'end'
    yield 'a signature of something shorter', lambda l: l.ask(SIGN, (), (b'x' * 31,)), 'end'
    yield 'a signature of something longer', lambda l: l.ask(SIGN, (), (b'x' * 33,)), 'end'
    yield 'a proof before any key exchange', lambda l: (setattr(l, 'session', bytes(32)), l.verify())[1], 1
    yield 'a proof made for another session', lambda l: (l.exchange(), l.verify(session=hashlib.sha256(b'elsewhere').digest()))[1], 1
    yield 'a forged signature', lambda l: (l.exchange(), l.verify(break_signature=True))[1], 1
    yield 'a key that is not the user\'s', lambda l: (l.exchange(), l.verify(with_key=other))[1], 1
    yield 'a user who is not there', lambda l: (l.exchange(), l.verify(user='nobody-at-all'))[1], 1
    yield 'a user who has no key', lambda l: (l.exchange(), l.verify(user='daemon'))[1], 1
    yield 'a proof for another service', lambda l: (l.exchange(), l.verify(service=b'ssh-userauth'))[1], 1
    yield 'a proof by another method', lambda l: (l.exchange(), l.verify(method=b'hostbased'))[1], 1
    yield 'after a refusal, the session', lambda l: (l.exchange(), l.verify(break_signature=True), l.ask(*OPEN_RPC))[2], 'end'
    yield 'another user\'s name after the first', lambda l: (l.exchange(), l.ask(ALLOWED, (), (b'daemon', key.asbytes())), l.verify())[2], 1
    yield 'a password where there are none', lambda l: (l.exchange(), l.ask(PASSWORD, (), (USER.encode(), b'x')))[1], 1
    for name, what in INNER.items():
        yield f'{name} before login', lambda l, w=what: l.ask(*w), 'end'
        yield f'{name} after login', lambda l, w=what: (l.enter(), l.ask(*w))[1], 'end'
    yield 'the real proof', lambda l: l.enter(), 0
    yield 'and a channel after it', lambda l: (l.enter(), l.ask(*OPEN_RPC))[1], 0
    yield 'whose channel it is', lambda l: (l.enter(), l.ask(*OPEN_RPC), speak(l.fds[0]))[2], USER
    yield 'a second login on the same connection', lambda l: (l.enter(), l.verify(user='daemon'))[1], 'end'
    yield 'asking for keys after login', lambda l: (l.enter(), l.ask(ALLOWED, (), (b'daemon', key.asbytes())))[1], 'end'
    yield 'another session\'s process', lambda l: (l.enter(), l.ask(SIGNAL, (7,), (b'KILL',)), l.s.close())[1], 'silence'
    yield 'half a message', lambda l: l.ask(raw=b'\1\0\0'), 'end'
    yield 'a length that is not there', lambda l: l.ask(raw=struct.pack('<III', SIGN, 1, 32) + b'x'), 'end'
    yield 'something after the end', lambda l: l.ask(raw=message(PONG) + b'x'), 'end'
    yield '100 KB', lambda l: l.ask(raw=b'\1\0\0\0' + bytes(100000)), 'end'
    yield 'descriptors', lambda l: (l.ask(SIGN, (), (b'x' * 32,), fds=[0, 0, 0]), l.ask(SIGN, (), (b'y' * 32,), fds=[0] * 200))[1], 'end'


def speak(fd):
    c = socket.socket(fileno=fd)
    c.setblocking(True)
    c.settimeout(10)
    c.sendall(b'{"jsonrpc":"2.0","id":1,"method":"Hello"}\n')
    got = b''
    while not got.endswith(b'\n'):
        got += c.recv(65536)
    return json.loads(got)['result']['User']


up = socket.socket(fileno=3)
up.send(message(READY))
with open(FOLDER + '/said/log', 'a') as log:
    for name, run, want in attacks():
        got, control, _, _ = up.recvmsg(65536, socket.CMSG_SPACE(16))
        while got and struct.unpack_from('<I', got)[0] != CONNECTION:
            got, control, _, _ = up.recvmsg(65536, socket.CMSG_SPACE(16))
        if not got:
            sys.exit(0)
        client, link = [fd for _, _, c in control for fd in array.array('i', c)]
        try:
            said = run(Link(link))
        except Exception as e:
            said = f'{type(e).__name__}: {e}'
        print(json.dumps([name, said == want, said, want]), file=log, flush=True)
        os.close(client)
    print(json.dumps(['done', True, '', '']), file=log, flush=True)
    while up.recv(65536):
        pass
'''

work = tempfile.mkdtemp(prefix='reeve-front.')
os.chmod(work, 0o755)
os.makedirs(os.path.join(work, 'said'))
os.chmod(os.path.join(work, 'said'), 0o777)
program = os.path.join(work, 'evil')
subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', os.path.join(work, 'other')], check=True)


def said():
    try:
        return [json.loads(line) for line in open(os.path.join(work, 'said/log'))]
    except OSError:
        return []


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


with open(os.path.join(work, 'user'), 'w') as f:
    f.write(getpass.getuser())
# reeved starts the front-end at once: it waits until the user's key lies beside it.
with open(program, 'w') as f:
    f.write(EVIL.replace("import paramiko\n", "import paramiko, time\nwhile not os.path.exists(FOLDER + '/ready'):\n    time.sleep(0.02)\n", 1))
os.chmod(program, 0o755)
host = Host(more=['--ssh-program', program], config='[ssh]\npenalties = no\n')
try:
    shutil.copy(host.key, os.path.join(work, 'key'))
    for name in ('key', 'other'):
        os.chmod(os.path.join(work, name), 0o644)
    open(os.path.join(work, 'ready'), 'w').close()
    before, end = None, time.monotonic() + 120
    while not (said() and said()[-1][0] == 'done') and time.monotonic() < end:
        n = len(said())
        with socket.create_connection(('127.0.0.1', host.port), timeout=10) as c:
            until(lambda: len(said()) > n, 30)
        if n == 2:
            before = descriptors(host.proc.pid)
    for name, good, got, want in said():
        case(name, good, (got, want))
    case('all of it was tried', said() and said()[-1][0] == 'done', (len(said()), open(os.path.join(host.dir, 'log')).read()[-800:]))
    case('reeved keeps no descriptor of it', until(lambda: descriptors(host.proc.pid) <= before + 2), (before, descriptors(host.proc.pid)))
    case('and is well', host.proc.poll() is None and 'result' in Peer(host.socket).call('Hello'))
finally:
    host.stop()
    shutil.rmtree(work, ignore_errors=True)
case.end()
