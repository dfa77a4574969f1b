#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who is let in by SSH and how: the algorithms that are offered, kinds of keys and the options in front of them, another host key
while sessions are open, signals, and strangers who cheat, dawdle or try on."""
import base64, json, os, re, shutil, signal, socket, struct, subprocess, sys, threading, time, warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost

check = agentlib.Cases()
warnings.simplefilter('ignore')


def ssh(host, *argv, key=None, **kw):
    config = host.config
    if key:   # the configuration's own key must not be offered as well
        config = host.config + '-other'
        with open(config, 'w') as f:
            f.write(open(host.config).read().replace(f'IdentityFile {host.key}', f'IdentityFile {key}'))
    return subprocess.run(['ssh', '-F', config, '-o', 'BatchMode=yes', *argv], **{'capture_output': True, 'text': True, 'timeout': 40, **({} if 'input' in kw else {'stdin': subprocess.DEVNULL}), **kw})


def denied(r):
    """Refused for want of a key, not for another reason."""
    return r.returncode == 255 and 'ermission denied' in r.stderr and not r.stdout


def new_key(host, name, *kind):
    path = os.path.join(host.dir, name)
    subprocess.run(['ssh-keygen', '-q', '-N', '', '-f', path, *(kind or ('-t', 'ed25519'))], check=True, capture_output=True)
    return path


def allow(host, *lines):
    """The user's key file: his own key, and these lines."""
    path = os.path.join(host.dir, 'keys.d', host.user + '.keys')
    with open(path + '.new', 'w') as f:
        f.write(open(host.key + '.pub').read() + ''.join(line + '\n' for line in lines))
    os.rename(path + '.new', path)


def log(host):
    return open(os.path.join(host.dir, 'log'), errors='replace').read()


# ---- algorithms ----

def offered(port):
    """The server's banner and the ten lists of its KEXINIT."""
    with socket.create_connection(('127.0.0.1', port), timeout=10) as s:
        f = s.makefile('rb')
        s.sendall(b'SSH-2.0-test\r\n')
        banner = f.readline().decode().strip()
        n, pad = struct.unpack('>IB', f.read(5))
        body = f.read(n - 1)[17:]
    lists = []
    for _ in range(10):
        k = struct.unpack('>I', body[:4])[0]
        lists.append(body[4:4 + k].decode().split(','))
        body = body[4 + k:]
    return banner, lists


CIPHERS = ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr', 'aes128-ctr']
MACS = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com']
KEX = ['curve25519-sha256', 'curve25519-sha256@libssh.org']


def algorithms(host):
    banner, lists = offered(host.port)
    check('the banner tells no version', banner == 'SSH-2.0-reeve', banner)
    check('key exchange: the strict one on a modern curve', lists[0] == KEX + ['kex-strict-s-v00@openssh.com'], lists[0])
    check('host key', lists[1] == ['ssh-ed25519'], lists[1])
    check('ciphers', lists[2] == lists[3] == CIPHERS, lists[2:4])
    check('MACs', lists[4] == lists[5] == MACS, lists[4:6])
    check('no compression', lists[6] == lists[7] == ['none'], lists[6:8])
    if not shutil.which('ssh-audit'):
        check.skip('ssh-audit', 'it is not installed')
        return
    r = subprocess.run(['ssh-audit', '-n', '-l', 'warn', '-p', str(host.port), '127.0.0.1'], capture_output=True, text=True, timeout=60)
    found = re.findall(r'^\((?!gen)\w+\) (\S+)', r.stdout, re.M)
    check('ssh-audit finds nothing to fix', set(found) <= {'kex-strict-s-v00@openssh.com'} and '[fail]' not in r.stdout, r.stdout)   # older ones do not know the mark


def compat():
    """algorithms = compat, and back by a reload."""
    host = sshhost.Host(config='[ssh]\nalgorithms = compat\n')
    try:
        _, lists = offered(host.port)
        check('compat: a NIST curve and plain MACs as well', lists[0][:-1] == KEX + ['ecdh-sha2-nistp256'] and lists[4] == MACS + ['hmac-sha2-256', 'hmac-sha2-512'], lists)
        r = ssh(host, '-o', 'KexAlgorithms=ecdh-sha2-nistp256', '-o', 'MACs=hmac-sha2-512', '-o', 'Ciphers=aes256-ctr', 'reeve-host', '1 + 1')
        check('and they work', r.stdout.strip() == '2', r)
        with open(host.reeve_conf, 'w') as f:
            f.write('[ssh]\nalgorithms = default\n')
        host.proc.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while time.monotonic() < end and len(lists[4]) != 2:
            time.sleep(0.1)
            _, lists = offered(host.port)
        check('a reload takes them away', lists[4] == MACS and lists[0][:-1] == KEX, lists)
    finally:
        host.stop()


# ---- keys ----

def kinds(host):
    good = [('rsa 2048', '-t', 'rsa', '-b', '2048'), ('rsa 4096', '-t', 'rsa', '-b', '4096'), ('ecdsa 256', '-t', 'ecdsa', '-b', '256'), ('ecdsa 384', '-t', 'ecdsa', '-b', '384'),
            ('ecdsa 521', '-t', 'ecdsa', '-b', '521'), ('ed25519', '-t', 'ed25519')]
    bad = [('rsa 1024', '-t', 'rsa', '-b', '1024')]
    keys = {name: new_key(host, name.replace(' ', '-'), *kind) for name, *kind in good + bad}
    allow(host, *[open(k + '.pub').read().strip() for k in keys.values()])
    for name, *_ in good:
        r = ssh(host, 'reeve-host', '1 + 1', key=keys[name])
        check(f'a key of {name}', r.stdout.strip() == '2', r)
    for name, *_ in bad:
        r = ssh(host, '-o', 'RequiredRSASize=1024', 'reeve-host', '1 + 1', key=keys[name])
        check(f'a key of {name} is too weak', denied(r), r)
    r = ssh(host, '-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', 'reeve-host', '1', key=keys['rsa 2048'])
    check('no signature with SHA-1', denied(r), r)
    ca = new_key(host, 'ca')
    subprocess.run(['ssh-keygen', '-q', '-s', ca, '-I', 'x', '-n', host.user, keys['ed25519'] + '.pub'], check=True, capture_output=True)
    allow(host, open(ca + '.pub').read().strip())
    r = ssh(host, 'reeve-host', '1', key=keys['ed25519'])
    check('a certificate of a key that may only log in itself is no way in', denied(r), r)   # those of authorities: test_ssh_cert.py


def options(host):
    key = new_key(host, 'optioned')
    public = open(key + '.pub').read().strip()
    day = lambda seconds: time.strftime('%Y%m%d%H%M%SZ', time.gmtime(time.time() + seconds))

    def under(text, *command, more=('-T',), **kw):
        allow(host, f'{text} {public}')
        return ssh(host, *more, 'reeve-host', *command, key=key, **kw)

    for text, lets_in in (('from="127.0.0.1"', True), ('from="127.0.0.0/8,10.0.0.0/8"', True), ('from="127.*"', True), ('from="!127.0.0.1,*"', False), ('from="10.0.0.0/8"', False),
                          ('from="::1"', False), (f'expiry-time="{day(3600)}"', True), (f'expiry-time="{day(-3600)}"', False), ('expiry-time="20300101"', True),
                          ('expiry-time="20301301"', False), ('expiry-time="tomorrow"', False), ('restrict', True), ('restrict,from="127.0.0.1",no-port-forwarding', True),
                          ('no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-user-rc', True), ('sudo', False), ('from="127.0.0.1', False), ('command=x', False)):
        r = under(text, '20 + 3')
        check(f'{text.replace(day(3600)[:8], "DAY").replace(day(-3600)[:8], "DAY")}: {"in" if lets_in else "not in"}',
              r.stdout.strip() == '23' and r.returncode == 0 if lets_in else denied(r), r)
    check('what is wrong is in the log', 'an unknown option' in log(host) and 'is no date' in log(host) and 'it has expired' in log(host) and 'does not name this address' in log(host))
    forced = r'command="\"forced \" + $env:SSH_ORIGINAL_COMMAND"'
    r = under(forced, 'Get-Process')
    check('command= runs instead of what was asked', r.stdout.strip() == 'forced Get-Process', r)
    r = under(forced)
    check('and instead of a prompt', r.stdout.strip() == 'forced', r)
    ping = '{"jsonrpc":"2.0","id":1,"method":"Ping"}\n'
    r = under(forced, 'reeve', more=('-s',), input=ping)
    check('with it there is no JSON-RPC', r.returncode != 0 and '"id"' not in r.stdout and 'subsystem request failed' in r.stderr, r)
    r = under('restrict', 'reeve', more=('-s',), input=ping)
    check('with restrict there is', '"id":1' in r.stdout, r)
    r = under('no-pty', 'tty')
    check('no-pty: commands without a terminal run', 'not a tty' in r.stdout, r)
    allow(host, f'restrict {public}')
    r = ssh(host, '-tt', 'reeve-host', 'tty', key=key)
    check('restrict: no terminal', r.returncode != 0 and '/dev/pts' not in r.stdout, r)
    allow(host, f'restrict,pty {public}')
    r = ssh(host, '-tt', 'reeve-host', 'tty', key=key)
    check('restrict,pty: one', '/dev/pts' in r.stdout, r)
    allow(host, f'from="10.0.0.1" {public}', f'from="127.0.0.1" {public}')
    r = ssh(host, 'reeve-host', '4', key=key)
    check('of several lines the first that fits counts', r.stdout.strip() == '4', r)
    allow(host, f'environment="LD_PRELOAD=/nonexistent" {public}')
    r = ssh(host, 'reeve-host', '"[$env:LD_PRELOAD]"', key=key)
    check('a key sets no environment', r.stdout.strip() == '[]', r)
    r = ssh(host, '-o', 'SetEnv=LD_LIBRARY_PATH=/x LANG=C.UTF-8', 'reeve-host', '"[$env:LD_LIBRARY_PATH][$env:LANG]"')
    check('nor does a client, but for its language', r.stdout.strip() == '[][C.UTF-8]', r)
    allow(host)
    r = ssh(host, 'reeve-host', '5', key=key)
    check('a line taken away counts at once', denied(r), r)
    path = os.path.join(host.dir, 'keys.d', host.user + '.keys')
    os.chmod(path, 0o666)
    check('a key file that others can write lets nobody in', denied(ssh(host, 'reeve-host', '6')))
    os.chmod(path, 0o600)
    check('until that is mended', ssh(host, 'reeve-host', '6').stdout.strip() == '6')


# ---- the host key ----

def host_key(host):
    state = os.path.join(host.dir, 'state')
    own = os.path.join(state, 'ssh_host_ed25519_key')
    check('the private half is private', os.stat(own).st_mode & 0o777 == 0o600)
    r = subprocess.run(['ssh-keygen', '-y', '-f', own], capture_output=True, text=True)
    check('ssh-keygen reads it', r.stdout.split()[:2] == open(own + '.pub').read().split()[:2], r)
    old = open(host.known_hosts).read()
    busy = subprocess.Popen(['ssh', '-F', host.config, '-o', 'RekeyLimit=512K', 'reeve-host', 'cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    busy.stdin.write(b'a' * 1000)
    busy.stdin.flush()
    check('a session is open', busy.stdout.read(1000) == b'a' * 1000)
    fresh = new_key(host, 'fresh-host')
    shutil.copy(fresh, own + '.next')
    os.chmod(own + '.next', 0o600)
    os.rename(own + '.next', own)
    host.proc.send_signal(signal.SIGHUP)
    new = f'[127.0.0.1]:{host.port} ' + ' '.join(open(fresh + '.pub').read().split()[:2]) + '\n'
    end = time.monotonic() + 10
    while time.monotonic() < end and open(own + '.pub').read().split()[1] != new.split()[2]:
        time.sleep(0.05)
    r = ssh(host, 'reeve-host', '1')
    check('a client that knows the old host key alone stays away', r.returncode == 255 and 'verification failed' in r.stderr, r)
    with open(host.known_hosts, 'w') as f:
        f.write(old + new)
    r = ssh(host, 'reeve-host', '1')
    check('one that knows both comes in', r.stdout.strip() == '1', r)
    finger = subprocess.run(['ssh-keygen', '-lf', fresh + '.pub'], capture_output=True, text=True).stdout.split()[1]
    check('the log has its fingerprint', f'the host key is now {finger}' in log(host))
    data = os.urandom(4 << 20)
    back, _ = busy.communicate(data, timeout=60)
    check('the session that was open goes on, through new keys', back == data and busy.wait(20) == 0, len(back))
    with open(own, 'w') as f:
        f.write('no key')
    os.chmod(own, 0o600)
    host.proc.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    r = ssh(host, 'reeve-host', '2')
    check('a file that is no key changes nothing', r.stdout.strip() == '2' and 'no ed25519 key' in log(host), r)
    shutil.copy(fresh, own)
    os.chmod(own, 0o644)
    host.proc.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    check('nor does one that others can read', 'can be read by others' in log(host) and ssh(host, 'reeve-host', '3').stdout.strip() == '3')
    os.chmod(own, 0o600)
    front = subprocess.run(['pgrep', '-x', 'reeve-ssh', '-P', str(host.proc.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(front[0]), signal.SIGKILL)
    end, ok = time.monotonic() + 15, False
    while not ok and time.monotonic() < end:
        ok = ssh(host, 'reeve-host', '4').stdout.strip() == '4'
    check('the front-end killed: the next one has the new key', ok)
    with open(host.known_hosts, 'w') as f:
        f.write(new)


# ---- signals ----

def signals(host):
    code = '''
import asyncio, sys, warnings
warnings.simplefilter('ignore')
import asyncssh
async def main(port, user, key, hosts):
    async with asyncssh.connect('127.0.0.1', int(port), username=user, client_keys=[key], known_hosts=hosts) as c:
        r = await c.run('Stop-Process -Id $PID -Force; Start-Sleep 20')
        print(r.exit_status, r.exit_signal and r.exit_signal[0])
        for name in ('TERM', 'HUP', 'KILL'):
            p = await c.create_process('"up"; Start-Sleep 30')
            await p.stdout.readline()
            p.send_signal(name)
            r = await asyncio.wait_for(p.wait(), 10)
            print(name, r.exit_status, r.exit_signal and r.exit_signal[0])
        lost = 0
        for i in range(24):   # some of them just before it begins to wait
            p = await c.create_process('"up"; Start-Sleep 30')
            await p.stdout.readline()
            p.send_signal(('TERM', 'INT')[i % 2])
            try:
                await asyncio.wait_for(p.wait(), 4)
            except asyncio.TimeoutError:
                lost += 1
                p.kill()
        print('lost', lost)
        p = await c.create_process('sleep 30; "after"')
        await asyncio.sleep(0.7)
        p.send_signal('INT')
        r = await asyncio.wait_for(p.wait(), 10)
        print('INT', 'after' in r.stdout)
asyncio.run(main(*sys.argv[1:]))
'''
    r = subprocess.run([sys.executable, '-W', 'ignore', '-c', code, str(host.port), host.user, host.key, host.known_hosts], capture_output=True, text=True, timeout=60)
    if "No module named 'asyncssh'" in r.stderr:
        check.skip('signals', 'python3-asyncssh is not installed')
        return
    said = r.stdout.splitlines()
    check('a shell killed by a signal: exit-signal', said[:1] == ['-1 KILL'], r)
    check('a signal sent by the client ends the command', len(said) == 6 and said[3] == 'KILL -1 KILL' and all(not s.endswith(' 0 None') for s in said[1:4]), r)
    check('and none is lost', len(said) == 6 and said[4] == 'lost 0', r)
    check('INT reaches a native command', len(said) == 6 and said[5] == 'INT False', r)


# ---- strangers ----

def transport(host, **kw):
    import paramiko
    t = paramiko.Transport(('127.0.0.1', host.port), **kw)
    t.start_client(timeout=10)
    return t


def cheats(host):
    try:
        import paramiko
    except ImportError:
        check.skip('cheats', 'python3-paramiko is not installed')
        return
    import logging
    logging.getLogger('paramiko').setLevel(logging.CRITICAL)
    from paramiko.message import Message

    def opens(t):
        try:
            t.open_session(timeout=5).exec_command('1')
            return True
        except Exception:
            return False

    t = transport(host)
    check('no channel before login', not opens(t))
    t.close()
    for name, number in (('success', 52), ('a request for new keys of the old way', 30), ('a reply to a channel', 91), ('an unheard message', 200)):
        t = transport(host)
        m = Message()
        m.add_byte(bytes([number]))
        t._send_message(m)
        check(f'{name}, sent by the client, lets nobody in', not opens(t))
        t.close()
    t = transport(host)
    try:
        t.auth_password(host.user, 'x')
        kinds = None
    except paramiko.BadAuthenticationType as e:
        kinds = e.allowed_types
    except paramiko.SSHException as e:
        kinds = repr(e)
    check('there are no passwords', kinds == ['publickey'], kinds)
    t.close()
    key = paramiko.Ed25519Key.from_private_key_file(host.key)
    t = transport(host)
    good, sign = key.sign_ssh_data, []

    class Forged:
        def __getattr__(self, name):
            return getattr(key, name)

        def sign_ssh_data(self, data, algorithm=None):
            m = good(data + b'x')   # right key, another text
            sign.append(1)
            return m

    try:
        t.auth_publickey(host.user, Forged())
        inside = True
    except paramiko.AuthenticationException:
        inside = False
    except Exception as e:
        inside = repr(e)
    check('a signature of something else is refused, and that is said', sign and inside is False, inside)
    t.close()
    t = transport(host)
    t.auth_publickey(host.user, key)
    channels, refused = [], 0
    for _ in range(40):
        try:
            channels.append(t.open_session(timeout=5))
        except Exception:
            refused += 1
    check('channels are bounded, the connection stays', len(channels) == 32 and refused == 8, (len(channels), refused))
    channels[0].exec_command('2 + 2')
    check('and those that are there work', channels[0].recv(100).strip() == b'4')
    second = []
    try:
        channels[0].exec_command('3')
        second.append(channels[0].recv(10))
    except Exception:
        pass
    check('a channel runs one command', second in ([], [b'']), second)
    for request in ('tcpip-forward', 'nonsense@example.org'):
        check(f'{request} is refused', not t.global_request(request, ('127.0.0.1', 0) if request.startswith('t') else None, wait=True))
    for kind in ('direct-tcpip', 'x11', 'forwarded-tcpip'):
        try:
            t.open_channel(kind, ('127.0.0.1', 22), ('127.0.0.1', 1), timeout=5)
            opened = True
        except Exception:
            opened = False
        check(f'no channel of kind {kind}', not opened)
    t.close()
    check('others are served', ssh(host, 'reeve-host', '7').stdout.strip() == '7')


def bounds(host):
    """Peers that take nothing and peers that send what nobody reads: the front-end keeps little, others are served."""
    try:
        import paramiko
    except ImportError:
        check.skip('bounds', 'python3-paramiko is not installed')
        return
    starter = subprocess.run(['pgrep', '-x', 'reeve-ssh', '-P', str(host.proc.pid)], capture_output=True, text=True).stdout.strip()
    fronts = lambda: set(subprocess.run(['pgrep', '-P', starter], capture_output=True, text=True).stdout.split())
    rss = lambda pid: int(re.search(r'Private_Dirty:\s+(\d+)', open(f'/proc/{pid}/smaps_rollup').read()).group(1)) << 10
    before = fronts()
    t = transport(host, default_window_size=1 << 26)
    t.auth_publickey(host.user, paramiko.Ed25519Key.from_private_key_file(host.key))
    mine = (fronts() - before).pop()
    start, mark = rss(mine), f'# of {host.dir}'   # by which its programs are known
    flood = [t.open_session(window_size=w) for w in (0, 1000, 1 << 20, 1 << 31)]
    for c in flood:
        c.exec_command(f'while (1) {{ "x" * 10000 }} {mark}')
    time.sleep(1.5)   # paramiko takes what the window allows into memory and no more is sent
    for c in flood:
        c.close()
    deaf = [t.open_session() for _ in range(3)]
    sent = []
    for c in deaf:
        c.exec_command(f'Start-Sleep 30 {mark}')
        c.settimeout(1.5)
        n = 0
        try:
            while n < 64 << 20:
                n += c.send(b'y' * 32768)
        except socket.timeout:
            pass
        sent.append(n)
    check('input that nobody reads: the window closes', all(n < 8 << 20 for n in sent), sent)
    kept = rss(mine) - start
    print(f'bounds: sent to deaf programs {[n >> 10 for n in sent]} kB, kept for seven channels {kept >> 10} kB')
    check('what is kept for them is bounded', kept < 24 << 20, kept)
    began = time.monotonic()
    check('others are served meanwhile', ssh(host, 'reeve-host', '9').stdout.strip() == '9' and time.monotonic() - began < 3)
    c = t.open_session()
    c.exec_command('5 + 5')
    check('another channel of the same connection too', c.recv(100).strip() == b'10')
    for c in deaf:
        c.close()
    other = transport(host)
    other.auth_publickey(host.user, paramiko.Ed25519Key.from_private_key_file(host.key))
    os.kill(int(mine), signal.SIGKILL)
    end = time.monotonic() + 5
    while t.is_active() and time.monotonic() < end:
        time.sleep(0.05)
    c = other.open_session()
    c.exec_command('6 + 6')
    check('a front-end that dies takes its own connection alone', not t.is_active() and c.recv(100).strip() == b'12')
    other.close()
    end, left = time.monotonic() + 10, True
    while left and time.monotonic() < end:
        left = mark in subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout
        time.sleep(0.1)
    check('and its programs end', not left)


def tries(host):
    """Key after key: the connection ends after six."""
    keys = [new_key(host, f'guess{i}') for i in range(16)]
    config = host.config + '-guess'
    with open(config, 'w') as f:
        f.write(open(host.config).read().replace(f' IdentityFile {host.key}', ''.join(f' IdentityFile {k}\n' for k in keys) + f' IdentityFile {host.key}'))
    r = subprocess.run(['ssh', '-v', '-F', config, '-o', 'LogLevel=DEBUG1', '-o', 'BatchMode=yes', 'reeve-host', '1'], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    offers = r.stderr.count('Offering public key')
    check('after six keys that are not his a user is sent away', r.returncode == 255 and 5 <= offers <= 11 and 'Too many authentication failures' in r.stderr, (offers, r.stderr[-400:]))
    began = time.monotonic()
    for _ in range(6):
        subprocess.run(['ssh', '-F', config, '-o', 'BatchMode=yes', 'reeve-host', '1'], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    with socket.create_connection(('127.0.0.1', host.port), timeout=5) as s:
        try:
            said = s.recv(10)
        except OSError:
            said = b''
    check('an address that goes on is not heard for a while', said == b'' and 'has failed too often' in log(host), said)


class Dawdler(threading.Thread):
    """A connection that says a little, or nothing, and never logs in; how long it was suffered."""
    def __init__(self, host, first, drip):
        super().__init__(daemon=True)
        self.host, self.first, self.drip, self.lasted = host, first, drip, None
        self.start()

    def run(self):
        begin = time.monotonic()
        with socket.create_connection(('127.0.0.1', self.host.port), timeout=1) as s:
            try:
                s.sendall(self.first)
                while time.monotonic() - begin < 40:
                    try:
                        if not s.recv(4096):
                            break
                    except socket.timeout:
                        pass
                    if self.drip:
                        s.sendall(self.drip)
            except OSError:
                pass
        self.lasted = time.monotonic() - begin


def main():
    host = sshhost.Host(config='[ssh]\npenalties = no\n')
    strict = sshhost.Host()
    patient = sshhost.Host()   # for those who are waited for
    try:
        slow = {'that says nothing': Dawdler(patient, b'', b''), 'with half a banner': Dawdler(patient, b'SSH-2.0-ha', b''), 'that drips its banner': Dawdler(patient, b'S', b'x'),
                'silent after the banner': Dawdler(patient, b'SSH-2.0-quiet\r\n', b''), 'that drips a packet': Dawdler(patient, b'SSH-2.0-drip\r\n\0\0\x04\xfc\x08\x14', b'x')}
        for part in (algorithms, kinds, options, host_key, signals, cheats, bounds):
            begin = time.monotonic()
            try:
                part(host)
            except Exception as e:  # one part's trouble is not the next one's
                check(f'{part.__name__} ran', False, repr(e))
            print(f'{part.__name__}: {time.monotonic() - begin:.1f} s')
        tries(strict)
        compat()
        check('beside dawdlers others were served', ssh(patient, 'reeve-host', '8').stdout.strip() == '8')
        for name, d in slow.items():
            d.join(45)
            check(f'a connection {name} is ended in time', d.lasted is not None and d.lasted < 30, d.lasted)
    finally:
        for h in (host, strict, patient):
            h.stop()
    check.end()


main()
