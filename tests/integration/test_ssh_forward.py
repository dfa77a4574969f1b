#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Forwarded connections by SSH: only to the targets that a role, the configuration or the key names; what is denied and recorded; bytes and
ends in both directions; targets that refuse or do not answer; jumping through reeve to a host behind it."""
import json, os, shutil, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
from agentlib import until

check = agentlib.Cases()


class Server:
    """Listens on loopback; `serve` has each connection in a thread of its own."""
    def __init__(self, serve, family=socket.AF_INET, backlog=50):
        self.sock = socket.socket(family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(('127.0.0.1' if family == socket.AF_INET else '::1', 0))
        self.sock.listen(backlog)
        self.port = self.sock.getsockname()[1]
        self.seen = 0
        if serve:
            threading.Thread(target=self.run, args=(serve,), daemon=True).start()

    def run(self, serve):
        while True:
            c, _ = self.sock.accept()
            self.seen += 1
            threading.Thread(target=self.one, args=(serve, c), daemon=True).start()

    @staticmethod
    def one(serve, c):
        with c:
            serve(c)


def echo(c):
    """Everything back, as long as the other side speaks."""
    while piece := c.recv(1 << 16):
        c.sendall(piece)


def at_end(c):
    """How much came, told only after the end of it."""
    n = 0
    while piece := c.recv(1 << 16):
        n += len(piece)
    c.sendall(b'%d' % n)


def speaks_first(c):
    """Says something and ends its half, then reads on."""
    c.sendall(b'welcome')
    c.shutdown(socket.SHUT_WR)
    while c.recv(1 << 16):
        pass


def config_of(host, key):
    path = host.config + '-' + os.path.basename(key)
    with open(path, 'w') as f:
        f.write(open(host.config).read().replace(f'IdentityFile {host.key}', f'IdentityFile {key}'))
    return path


def to(host, target, data=b'', key=None, **kw):
    return subprocess.run(['ssh', '-F', config_of(host, key) if key else host.config, '-W', target, 'reeve-host'], input=data, capture_output=True,
                          timeout=60, **kw)


def new_key(host, name, options):
    path = os.path.join(host.dir, name)
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True)
    with open(os.path.join(host.dir, 'keys.d', host.user + '.keys'), 'a') as f:
        f.write(options + ' ' + open(path + '.pub').read())
    return path


def audit(host, where):
    with agentlib.Peer(host.socket) as p:
        return p.call('ExecQuery', {'Query': f"SELECT * FROM AuditRecord WHERE Operation = 'Forward' AND {where}"})['result']['Instances']


def recorded(host, result, fits):
    """Whether there is such a record, which may be on its way to the disk."""
    return until(lambda: any(fits(a) for a in audit(host, f"Result = '{result}'")))


def bytes_and_ends(host):
    data = os.urandom(20 << 20)
    r = to(host, f'127.0.0.1:{ECHO.port}', data)
    check('20 MB there and back', r.returncode == 0 and r.stdout == data, (r.returncode, len(r.stdout), r.stderr))
    r = to(host, f'127.0.0.1:{COUNT.port}', data)
    check("the client's end is passed on, and what is said after it comes back", r.stdout == b'%d' % len(data), r)
    r = to(host, f'127.0.0.1:{FIRST.port}', b'x' * 100000)
    check("the target's end is passed on", r.stdout == b'welcome' and r.returncode == 0, r)
    port = free_port()
    ssh = subprocess.Popen(['ssh', '-F', host.config, '-N', '-L', f'{port}:127.0.0.1:{ECHO.port}', '-L', f'{port + 1}:127.0.0.1:{DENIED.port}', 'reeve-host'],
                           stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        check('-L listens', until(lambda: connects(port)))
        socks = [socket.create_connection(('127.0.0.1', port), timeout=30) for _ in range(15)]
        for n, s in enumerate(socks):
            s.sendall(b'%d' % n)
        check('-L: 15 at once over one connection', [s.recv(100) for s in socks] == [b'%d' % n for n in range(15)])
        pids = host.children('reeve-forward')
        uids = {line.split()[1] for p in pids for line in open(f'/proc/{p}/status') if line.startswith('Uid')}
        check("each a process of the user's", len(pids) >= 15 and uids == {str(os.geteuid())}, (pids, uids))
        with socket.create_connection(('127.0.0.1', port + 1), timeout=30) as s:
            check('-L: what is not named is closed', s.recv(10) == b'')
        for s in socks:
            s.close()
        check('and they end with their connections', until(lambda: not host.children('reeve-forward')))
    finally:
        ssh.kill()
        ssh.wait()


def free_port():
    """Two free ports in a row."""
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(('127.0.0.1', 0))
            port = a.getsockname()[1]
            try:
                b.bind(('127.0.0.1', port + 1))
                return port
            except (OSError, OverflowError):
                pass


def connects(port):
    try:
        socket.create_connection(('127.0.0.1', port)).close()
        return True
    except OSError:
        return False


def who_may(host):
    target = f'127.0.0.1:{ECHO.port}'
    r = to(host, f'127.0.0.1:{DENIED.port}', b'x')
    check('a target that nobody names', r.returncode == 255 and DENIED.seen == 0 and b'forwarding failed' in r.stderr, r)
    check('is on record, with who and where from', recorded(host, 'Denied', lambda a: str(DENIED.port) in a['Key'] and a['User'] == host.user
                                                            and a['Source'].startswith('127.0.0.1:') and 'names' in a['Message']))
    for other in (f'localhost:{ECHO.port}', f'127.0.0.4:{ECHO.port}', f'127.0.0.1:{ECHO.port + 1}', f'0:{ECHO.port}'):
        check(f'another way to write it is another target: {other}', to(host, other, b'x').returncode == 255)
    role = new_key(host, 'by-role', 'role="jump"')
    r = to(host, f'127.0.0.1:{ROLE.port}', b'by role', key=role)
    check('a role names it', r.stdout == b'by role', r)
    r = to(host, f'LOCALHOST:{ROLE.port}', b'by role', key=role)
    check('hosts without regard to case', r.stdout == b'by role', r)
    r = to(host, f'127.0.0.1:{DENIED.port}', b'x', key=role)
    check('and nothing else', r.returncode == 255 and recorded(host, 'Denied', lambda a: 'role jump' in a['Message']), r)
    check('what all may, a role may too', to(host, target, b'x', key=role).stdout == b'x')
    opened = new_key(host, 'opened', f'permitopen="127.0.0.1:{OPEN.port}"')
    check('permitopen= names it', to(host, f'127.0.0.1:{OPEN.port}', b'x', key=opened).stdout == b'x')
    check('and then nothing else, whatever all may', to(host, target, b'x', key=opened).returncode == 255)
    none = new_key(host, 'none', 'no-port-forwarding')
    r = to(host, target, b'x', key=none)
    check('no-port-forwarding', r.returncode == 255 and recorded(host, 'Denied', lambda a: 'permits no forwarding' in a['Message']), r)
    check('restrict', to(host, target, b'x', key=new_key(host, 'restricted', 'restrict')).returncode == 255)
    check('restrict and port-forwarding', to(host, target, b'x', key=new_key(host, 'again', 'restrict,port-forwarding')).stdout == b'x')
    ca = new_key(host, 'ca', 'cert-authority')
    for name, more, good in (('with', (), True), ('without', ('-O', 'no-port-forwarding'), False)):
        key = os.path.join(host.dir, 'cert-' + name)
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key], check=True)
        subprocess.run(['ssh-keygen', '-q', '-s', ca, '-I', 'x', '-n', host.user, *more, key + '.pub'], check=True)
        r = to(host, target, b'x', key=key)
        check(f'a certificate {name} permit-port-forwarding', (r.stdout == b'x') == good, r)
    check('connections are on record, with what went over them', recorded(host, 'Succeeded', lambda a: str(ROLE.port) in a['Key'] and a['Roles'] == 'jump'
                                                                          and json.loads(a['Changed']) == {'BytesOut': 7, 'BytesIn': 7}))


def other_ways(host):
    for name, more in (('from the host', ('-o', 'ExitOnForwardFailure=yes', '-R', f'0:127.0.0.1:{ECHO.port}')),
                       ('from a socket file of the host', ('-o', 'ExitOnForwardFailure=yes', '-R', f'{host.dir}/r:127.0.0.1:{ECHO.port}'))):
        r = subprocess.run(['ssh', '-F', host.config, *more, '-N', 'reeve-host'], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
        check(f'no forwarding {name}', r.returncode == 255, r)
    local = os.path.join(host.dir, 'l')
    ssh = subprocess.Popen(['ssh', '-F', host.config, '-N', '-L', f'{local}:{host.socket}', 'reeve-host'], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: os.path.exists(local))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(local)
            check('none to a socket file: libssh does not read where to', s.recv(1) == b'')
    finally:
        ssh.kill()
        ssh.wait()
    r = subprocess.run(['ssh', '-F', host.config, '-A', 'reeve-host', '"[$env:SSH_AUTH_SOCK]"'], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    check('no agent', r.stdout.strip() == b'[]', r)


def bad_targets(host):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))   # nobody listens there
        port = s.getsockname()[1]
        r = to(host, f'127.0.0.2:{port}', b'x')
        check('a target that refuses: told at once', r.returncode == 255, r)
    check('on record as failed', recorded(host, 'Failed', lambda a: 'refused' in (a['Message'] or '')))
    waiting = [socket.socket() for _ in range(4)]
    for s in waiting:
        s.setblocking(False)
        s.connect_ex(('127.0.0.1', FULL.port))   # they wait in its queue, and nobody takes them
    control = os.path.join(host.dir, 'ctl')
    master = subprocess.Popen(['ssh', '-F', host.config, '-M', '-S', control, '-N', 'reeve-host'], stdin=subprocess.DEVNULL)
    try:
        until(lambda: os.path.exists(control))
        stuck = subprocess.Popen(['ssh', '-F', host.config, '-S', control, '-W', f'127.0.0.1:{FULL.port}', 'reeve-host'], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: host.children('reeve-forward'))
        r = subprocess.run(['ssh', '-F', host.config, '-S', control, 'reeve-host', '"beside"'], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        check('one that does not answer holds up nobody for long', r.stdout.strip() == 'beside', r)
        stuck.kill()
        stuck.wait()
    finally:
        master.kill()
        master.wait()
    for s in waiting:
        s.close()


def jump(host):
    """ProxyJump through reeve, to reeve."""
    inner = host.config + '-inner'
    with open(inner, 'w') as f:
        f.write(open(host.config).read() + f'\nHost behind\n HostName 127.0.0.1\n Port {host.port}\n User {host.user}\n IdentityFile {host.key}\n IdentitiesOnly yes\n'
                f' UserKnownHostsFile {host.known_hosts}\n StrictHostKeyChecking yes\n LogLevel ERROR\n')
    run = lambda: subprocess.run(['ssh', '-F', inner, '-J', 'reeve-host', 'behind', '"inside"'], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    r = run()
    check('ProxyJump to what is not named', r.returncode == 255 and not r.stdout, r)
    with open(host.reeve_conf, 'a') as f:
        f.write(f'forward = 127.0.0.1:{host.port}\n')
    host.proc.send_signal(1)
    check('named by the configuration, read again', until(lambda: run().stdout.strip() == 'inside'))


FULL = Server(None, backlog=0)
ECHO, COUNT, FIRST, DENIED, ROLE, OPEN = (Server(s) for s in (echo, at_end, speaks_first, echo, echo, echo))
place = tempfile.mkdtemp(prefix='reeve-forward.')
roles = os.path.join(place, 'roles.d')
os.mkdir(roles)
open(os.path.join(roles, 'jump.role'), 'w').write(f'[Role]\nLanguage = None\nForward = 127.0.0.1:{ROLE.port}, localhost:{ROLE.port}\n')
host = sshhost.Host(config=f'[roles]\ndir = {roles}\n[ssh]\npenalties = no\nforward = 127.0.0.1:{ECHO.port}, 127.0.0.1:{COUNT.port}\n'
                           f'forward = 127.0.0.1:{FIRST.port}\nforward = 127.0.0.2:*, 127.0.0.1:{FULL.port}\n')
try:
    bytes_and_ends(host)
    who_may(host)
    other_ways(host)
    bad_targets(host)
    jump(host)
finally:
    host.stop()
    shutil.rmtree(place)
check.end()
