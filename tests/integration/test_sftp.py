#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""File transfer by SSH with real clients (sftp, scp, paramiko): every operation, resumed and atomic uploads, what a role lets through
and what not, ways out of it, what is on record, and clients that misbehave."""
import json, os, shutil, socket, stat, struct, subprocess, sys, tempfile, threading, time, warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
from agentlib import until
warnings.simplefilter('ignore')
import paramiko

check = agentlib.Cases()
ROLE = """[Role]
Language = None
ReadFiles = {read}
WriteFiles = {write}
[Cmdlet Get-Process]
"""


def sftp(host, text, *more, key=None):
    config = host.config if not key else host.config + '-' + os.path.basename(key)
    if key:
        with open(config, 'w') as f:
            f.write(open(host.config).read().replace(f'IdentityFile {host.key}', f'IdentityFile {key}'))
    return subprocess.run(['sftp', '-F', config, *more, '-b', '-', 'reeve-host'], input=text, capture_output=True, text=True, timeout=60)


class Client:
    """A paramiko client of a subsystem."""
    def __init__(self, host, key=None, subsystem='sftp'):
        self.ssh = paramiko.SSHClient()
        self.ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.ssh.connect('127.0.0.1', host.port, host.user, key_filename=key or host.key, look_for_keys=False, allow_agent=False, timeout=30)
        self.channel = self.ssh.get_transport().open_session(timeout=30)
        self.channel.settimeout(30)
        self.channel.invoke_subsystem(subsystem)
        self.sftp = paramiko.SFTPClient(self.channel)

    def __enter__(self):
        return self.sftp

    def __exit__(self, *_):
        self.ssh.close()


def refused(what):
    """The kind of refusal, or None where it went through."""
    try:
        what()
    except PermissionError:
        return 'permission'
    except FileNotFoundError:
        return 'missing'
    except OSError as e:
        return str(e)
    return None


def audit(host, where):
    with agentlib.Peer(host.socket) as p:
        return p.call('ExecQuery', {'Query': f'SELECT * FROM AuditRecord WHERE {where}'})['result']['Instances']


def key(host, name, options):
    path = os.path.join(host.dir, name)
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True)
    with open(os.path.join(host.dir, 'keys.d', host.user + '.keys'), 'a') as f:
        f.write(options + ' ' + open(path + '.pub').read())
    return path


# ---- everything, without a role ----

def openssh(host, work):
    big = os.path.join(work, 'big')
    data = os.urandom(5 << 20)
    open(big, 'wb').write(data)
    r = sftp(host, f'cd {work}\nlcd {work}\nput big up\nget up down\nchmod 640 up\nrename up up2\nln up2 hard\nsymlink up2 soft\nmkdir d\nls -la\nrm hard\nrmdir d\ndf\npwd\n',
             '-R', '64')
    check('sftp: put, get, rename, links, chmod, mkdir, rmdir, df', r.returncode == 0 and f'{work}' in r.stdout
          and open(os.path.join(work, 'up2'), 'rb').read() == data and os.readlink(os.path.join(work, 'soft')) == 'up2'
          and stat.S_IMODE(os.stat(os.path.join(work, 'up2')).st_mode) == 0o640 and sorted(os.listdir(work)) == ['big', 'down', 'soft', 'up2'],
          (r, os.listdir(work)))
    half = os.path.join(work, 'half')
    open(half, 'wb').write(data[:1 << 20])
    back = os.path.join(work, 'back')
    open(back, 'wb').write(data[:2 << 20])
    r = sftp(host, f'reput {big} {half}\nreget {half} {back}\n')
    check('reput and reget continue', r.returncode == 0 and open(half, 'rb').read() == data and open(back, 'rb').read() == data, r)
    tree = os.path.join(work, 'tree')
    os.makedirs(os.path.join(tree, 'a', 'b'))
    for n in range(40):
        open(os.path.join(tree, 'a', f'f{n}'), 'w').write(str(n))
    r = subprocess.run(['scp', '-F', host.config, '-s', '-rpq', tree, f'reeve-host:{work}/copy'], capture_output=True, timeout=60)
    r2 = subprocess.run(['scp', '-F', host.config, '-s', '-rq', f'reeve-host:{work}/copy', os.path.join(work, 'copy2')], capture_output=True, timeout=60)
    same = subprocess.run(['diff', '-r', tree, os.path.join(work, 'copy2')], capture_output=True).returncode == 0
    check('scp of a tree, there and back', r.returncode == 0 and r2.returncode == 0 and same, (r, r2))


def by_paramiko(host, work):
    with Client(host) as f:
        path = os.path.join(work, 'p')
        with f.open(path, 'wx') as h:
            h.write(b'0123456789')
        check('exclusive creation of what is there is refused', refused(lambda: f.open(path, 'wx')) is not None)
        with f.open(path, 'r+') as h:
            h.seek(4)
            h.write(b'XY')
            h.seek(0)
            check('read, seek, write', h.read() == b'0123XY6789')
        with f.open(path, 'a') as h:
            h.write(b'end')
        check('append', open(path, 'rb').read() == b'0123XY6789end')
        f.truncate(path, 4)
        f.utime(path, (1000, 2000))
        f.chmod(path, 0o600)
        st = f.stat(path)
        check('attributes', (st.st_size, st.st_mtime, stat.S_IMODE(st.st_mode)) == (4, 2000, 0o600), st)
        name = b'l\xfft'
        f.open(work.encode() + b'/' + name, 'w').close()
        check('names of any bytes', name in os.listdir(work.encode()), os.listdir(work.encode()))
        os.unlink(work.encode() + b'/' + name)
        check('what is there is not replaced by rename', refused(lambda: f.rename(path, os.path.join(work, 'big'))) is not None and os.path.exists(path))
        f.posix_rename(path, os.path.join(work, 'q'))
        f.symlink('q', os.path.join(work, 's'))
        check('links', f.readlink(os.path.join(work, 's')) == 'q' and stat.S_ISLNK(f.lstat(os.path.join(work, 's')).st_mode)
              and f.stat(os.path.join(work, 's')).st_size == 4)
        many = os.path.join(work, 'many')
        f.mkdir(many, 0o750)
        for n in range(700):
            open(os.path.join(many, f'{n:04}'), 'w').close()
        check('a folder of 700', len(f.listdir_attr(many)) == 700)
        check('what is missing, and what is a folder', refused(lambda: f.stat('/nope')) == 'missing' and refused(lambda: f.open(work, 'w')) is not None
              and refused(lambda: f.rmdir(many)) is not None)
        handles = [f.open(os.path.join(work, 'q')) for _ in range(200)]
        check('handles are bounded, and come back', refused(lambda: f.open(os.path.join(work, 'q'))) is not None)
        [h.close() for h in handles]
        f.open(os.path.join(work, 'q')).close()
        os.mkfifo(os.path.join(work, 'fifo'))
        check('a named pipe is refused, not waited for', refused(lambda: f.open(os.path.join(work, 'fifo'))) is not None)


def process(host):
    with Client(host) as f:
        f.listdir('/')
        find = lambda: host.children('reeve-sftp')
        until(lambda: len(find()) == 1)   # those before it are leaving
        found = find()
        status = open(f'/proc/{found[0]}/status').read() if found else ''
        fields = dict(line.split(':\t', 1) for line in status.splitlines() if ':\t' in line)
        check('one process of the user, with a system call filter and no new privileges', len(found) == 1 and fields['Seccomp'] == '2'
              and fields['NoNewPrivs'] == '1' and fields['Uid'].split()[0] == str(os.geteuid()), (found, [fields.get(k) for k in ('Seccomp', 'NoNewPrivs', 'Uid')]))
    check('and it leaves with the connection', until(lambda: not host.children('reeve-sftp')))


def comm(pid):
    try:
        return open(f'/proc/{pid}/comm').read().strip()
    except OSError:
        return ''


# ---- atomic ----

def atomic(host, work):
    path = os.path.join(work, 'page')
    open(path, 'w').write('old')
    os.chmod(path, 0o604)
    c = Client(host, subsystem='sftp-atomic')
    h = c.sftp.open(path, 'w')
    h.write(b'n' * 100000)
    h.flush()
    check('atomic: while it is written the old file is there', open(path).read() == 'old' and c.sftp.stat(path).st_size == 3)
    c.ssh.get_transport().sock.close()   # the network is gone
    check('a broken upload leaves the old file and nothing else', until(lambda: os.listdir(work) == ['page']) and open(path).read() == 'old', os.listdir(work))
    check('and is on record as failed', until(lambda: [a for a in audit(host, "Method = 'Write' AND Result = 'Failed'") if path in a['Key']]))
    with Client(host, subsystem='sftp-atomic') as f:
        with f.open(path, 'w') as h:
            h.write(b'new')
        check('a whole one takes its place, with its permissions', open(path).read() == 'new' and stat.S_IMODE(os.stat(path).st_mode) == 0o604
              and os.listdir(work) == ['page'], (os.listdir(work), oct(os.stat(path).st_mode)))
        with f.open(path, 'r+') as h:
            h.seek(3)
            h.write(b'er')
        check('what is continued is continued in place', open(path).read() == 'newer')


# ---- roles ----

def within_role(host, work, keyed):
    web, logs, secret = (os.path.join(work, n) for n in ('web', 'logs', 'secret'))
    open(os.path.join(secret, 'x'), 'w').write('secret')
    open(os.path.join(logs, 'l'), 'w').write('log')
    for name, to in (('out', secret), ('out-file', os.path.join(secret, 'x')), ('up', '../secret'), ('to-logs', logs), ('root', '/')):
        os.symlink(to, os.path.join(web, name))
    with Client(host, keyed) as f:
        check('starts in the first folder of the role', f.normalize('.') == web, f.normalize('.'))
        with f.open(web + '/index', 'w') as h:
            h.write(b'hello')
        check('a role: what it names is written and read', f.open(web + '/index').read() == b'hello' and f.open(logs + '/l').read() == b'log')
        f.mkdir(web + '/d')
        f.rename(web + '/index', web + '/d/index')
        f.symlink('d/index', web + '/good')
        check('folders and links within', f.open(web + '/good').read() == b'hello')
        outside = [lambda: f.open(secret + '/x'), lambda: f.stat(secret + '/x'), lambda: f.lstat('/etc/passwd'), lambda: f.open('/etc/passwd'),
                   lambda: f.listdir(secret), lambda: f.readlink(secret), lambda: f.open(web + '/../secret/x'), lambda: f.open(web + '/out/x'),
                   lambda: f.open(web + '/up/x'), lambda: f.open(web + '/out-file'), lambda: f.listdir(web + '/out'), lambda: f.listdir(web + '/root'),
                   lambda: f.stat(web + '/out/x'), lambda: f.stat(web + '/out/nothing'), lambda: f.open(web + '/root/etc/passwd')]
        got = [refused(o) for o in outside]
        check('nothing outside is read, by whatever way', got == ['permission'] * len(got), got)
        changes = [lambda: f.open(logs + '/l', 'w'), lambda: f.open(logs + '/l', 'a'), lambda: f.remove(logs + '/l'), lambda: f.chmod(logs + '/l', 0o777),
                   lambda: f.mkdir(secret + '/d'), lambda: f.open(secret + '/new', 'w'), lambda: f.open(web + '/out/new', 'w'),
                   lambda: f.open(web + '/to-logs/new', 'w'), lambda: f.remove(web + '/out/x'), lambda: f.rename(web + '/d/index', secret + '/i'),
                   lambda: f.rename(logs + '/l', web + '/l'), lambda: f.posix_rename(web + '/d/index', web + '/out/i'), lambda: f.chmod(web + '/out-file', 0o777),
                   lambda: f.utime(web + '/out/x', (1, 1)), lambda: f.truncate(web + '/out-file', 0), lambda: f.symlink(secret + '/x', web + '/bad'),
                   lambda: f.symlink('../secret/x', web + '/bad'), lambda: f.rmdir(web), lambda: f.rename(web, web + '2'), lambda: f.mkdir(work + '/n')]
        got = [refused(o) for o in changes]
        check('nothing outside is changed', got == ['permission'] * len(got) and open(secret + '/x').read() == 'secret' and os.listdir(secret) == ['x']
              and os.listdir(logs) == ['l'] and stat.S_IMODE(os.stat(secret + '/x').st_mode) != 0o777, got)
        check('a link that leads to another folder of the role is followed', f.open(web + '/to-logs/l').read() == b'log' and f.listdir(web + '/to-logs') == ['l'])
        check('the way to it can be seen, nothing beside it', set(f.listdir(work)) == {'web', 'logs'} and f.listdir('/') == [work.split('/')[1]]
              and stat.S_ISDIR(f.stat(work).st_mode))
    r = sftp(host, f'cd {web}\nls\nput /etc/hostname h\nrm h\n', key=keyed)
    check('sftp works in it', r.returncode == 0 and 'good' in r.stdout, r)
    r = sftp(host, f'get {secret}/x /dev/null\n', key=keyed)
    check('and tells what it may not', r.returncode == 1 and ('ermission denied' in r.stderr or 'not found' in r.stderr), r)
    done = until(lambda: len([a for a in audit(host, "Operation = 'Sftp' AND Result = 'Denied'") if a['Roles'] == 'files' and 'role files' in a['Message']]) >= 30)
    rows = audit(host, "Operation = 'Sftp'")
    by = lambda m, r: [a for a in rows if a['Method'] == m and a['Result'] == r]
    check('denials name the role, on record', done and any(secret + '/x' in a['Key'] for a in by('Read', 'Denied')), rows[-5:])
    write = [a for a in by('Write', 'Succeeded') if a['Key'] == json.dumps({'Target': web + '/index'}, separators=(',', ':'))]
    check('changes are on record, with who and how much', write and json.loads(write[0]['Changed']) == {'Bytes': 5, 'Complete': True} and write[0]['User'] == host.user
          and write[0]['Source'].startswith('127.0.0.1:') and by('Rename', 'Succeeded') and by('CreateFolder', 'Succeeded') and by('Remove', 'Succeeded'), write)


def races(host, work, keyed):
    """A folder that is now a folder and now a link out: nothing outside is ever read."""
    web = os.path.join(work, 'web')
    os.mkdir(web + '/real')
    open(web + '/real/x', 'w').write('inside')
    os.symlink(os.path.join(work, 'secret'), web + '/link')
    os.symlink('real', web + '/turn')
    stop = []

    def turn():
        while not stop:
            for to in (os.path.join(work, 'secret'), '../secret', 'real'):
                os.symlink(to, web + '/turn.new')
                os.rename(web + '/turn.new', web + '/turn')
    t = threading.Thread(target=turn)
    t.start()
    seen = set()
    try:
        with Client(host, keyed) as f:
            for _ in range(300):
                try:
                    seen.add(f.open(web + '/turn/x').read())
                except OSError:
                    pass
    finally:
        stop.append(1)
        t.join()
    check('a link that changes under way leads nowhere', seen <= {b'inside'}, seen)


def other_keys(host, work):
    r = sftp(host, 'ls\n', key=key(host, 'nothing', 'role="bare"'))
    check('a role without files: refused, and says why', r.returncode != 0 and 'names no files' in r.stderr, r)
    r = sftp(host, 'ls\n', key=key(host, 'forced', 'command="Get-Process"'))
    check('a key for one command: no file transfer', r.returncode != 0, r)
    reader = key(host, 'reader', 'command="internal-sftp -R"')
    r = sftp(host, f'get {work}/logs/l /dev/null\n', key=reader)
    r2 = sftp(host, f'rm {work}/logs/l\n', key=reader)
    r3 = subprocess.run(['ssh', '-F', host.config + '-reader', 'reeve-host', '1'], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    check('a key for reading files: reads, and nothing else', r.returncode == 0 and r2.returncode != 0 and os.path.exists(f'{work}/logs/l') and r3.returncode != 0
          and not r3.stdout, (r, r2, r3))


# ---- without the agent; clients that misbehave ----

def without_record(host, work):
    path = os.path.join(work, 'web', 'late')
    with Client(host) as f:
        open(path, 'w').write('there')
        agents = [p for p in os.listdir('/proc') if p.isdigit() and comm(p) == 'reeve-agent' and host.dir in open(f'/proc/{p}/cmdline').read()]
        for p in agents:
            os.kill(int(p), 9)
        gone = until(lambda: refused(lambda: f.remove(path)) is not None)
        check('what cannot be recorded is not done; reading goes on', agents and gone and os.path.exists(path) and f.open(path).read() == b'there')
    check('a new connection finds the new agent', until(lambda: sftp(host, f'rm {path}\n').returncode == 0) and not os.path.exists(path))


def raw(host):
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    c.connect('127.0.0.1', host.port, host.user, key_filename=host.key, look_for_keys=False, allow_agent=False)
    s = c.get_transport().open_session()
    s.settimeout(30)
    s.invoke_subsystem('sftp')
    return c, s


def exactly(s, n):
    got = b''
    while len(got) < n:
        piece = s.recv(n - len(got))
        if not piece:
            raise SystemExit('the channel has ended')
        got += piece
    return got


def hostile(host, work):
    init = struct.pack('>IBI', 5, 1, 3)
    for name, text in (('a length of 2 GB', struct.pack('>I', 1 << 31)), ('a length of 0', struct.pack('>I', 0)), ('requests before INIT', struct.pack('>IBI', 5, 17, 1)),
                       ('INIT twice', init + init)):
        c, s = raw(host)
        s.sendall(text)
        got = b''
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
        check(f'{name}: the channel ends', s.recv_exit_status() == 1, got)
        c.close()
    c, s = raw(host)   # thousands of reads, and nobody takes the answers
    path = os.path.join(work, 'big')
    open(path, 'wb').write(bytes(1 << 20))
    name = path.encode()
    s.sendall(init + struct.pack('>IBII', 17 + len(name), 3, 1, len(name)) + name + struct.pack('>II', 1, 0))
    kind = 0
    while kind != 102:   # the VERSION first, then the HANDLE
        n = struct.unpack('>I', exactly(s, 4))[0]
        packet = exactly(s, n)
        kind = packet[0]
    handle = packet[9:17]
    ask = b''.join(struct.pack('>IBII', 25, 5, n, 8) + handle + struct.pack('>QI', 0, 200000) for n in range(2000))
    s.settimeout(3)
    try:
        s.sendall(ask)
    except socket.timeout:
        pass
    peak = max((int(open(f'/proc/{p}/statm').read().split()[1]) * 4 for p in host.children('reeve-sftp')), default=0)
    check('a client that takes no answers costs little', 0 < peak < 16 << 10, f'{peak} kB')
    check('and others are served', sftp(host, 'pwd\n').returncode == 0)
    c.close()


work = os.path.realpath(tempfile.mkdtemp(prefix='reeve-sftp.'))
for name in ('web', 'logs', 'secret', 'plain', 'one'):
    os.mkdir(os.path.join(work, name))
roles = os.path.join(work, 'roles.d')
os.mkdir(roles)
open(os.path.join(roles, 'files.role'), 'w').write(ROLE.format(read=os.path.join(work, 'logs'), write=os.path.join(work, 'web')))
open(os.path.join(roles, 'bare.role'), 'w').write('[Role]\nLanguage = None\n[Cmdlet Get-Process]\n')
host = sshhost.Host(config=f'[roles]\ndir = {roles}\n[ssh]\npenalties = no\n')
try:
    openssh(host, os.path.join(work, 'plain'))
    by_paramiko(host, os.path.join(work, 'plain'))
    process(host)
    atomic(host, os.path.join(work, 'one'))
    keyed = key(host, 'keyed', 'role="files"')
    within_role(host, work, keyed)
    races(host, work, keyed)
    other_keys(host, work)
    hostile(host, os.path.join(work, 'plain'))
    without_record(host, work)
finally:
    host.stop()
    shutil.rmtree(work, ignore_errors=True)
off = sshhost.Host(config='[ssh]\nsftp = no\n')
try:
    check('sftp = no', sftp(off, 'ls\n').returncode != 0 and off.ssh('1').stdout.strip() == '1')
finally:
    off.stop()
check.end()
