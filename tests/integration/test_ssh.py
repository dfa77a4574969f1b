#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The road by SSH, with real clients: OpenSSH, dropbear, plink, paramiko, asyncssh, npm ssh2; prompts on a pty; JSON-RPC as a
subsystem; what must be refused; an agent that is killed; and reeve behind a stock sshd."""
import fcntl, json, os, pty, re, select, shutil, signal, socket, struct, subprocess, sys, termios, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost

check = agentlib.Cases()
BUILD = agentlib.BUILD


class Prompt:
    """A pty with a program on it."""
    def __init__(self, argv, rows=30, columns=100):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ['TERM'] = 'xterm-256color'
            os.execvp(argv[0], argv)
        self.size(rows, columns)
        self.seen = ''

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern, seconds=10):
        """What has come since the last call, up to and with the pattern; None: it never came."""
        end = time.monotonic() + seconds
        while True:
            m = re.search(pattern, self.seen)
            if m:
                got, self.seen = self.seen[:m.end()], self.seen[m.end():]
                return got
            r, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.fd, 65536) if r else b''
            except OSError:
                data = b''
            if not data:
                return None
            self.seen += re.sub(r'\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]', '', data.decode('utf-8', 'replace'))

    def status(self, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.until('$^', 0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        return None


def ssh(host, *argv, **kw):
    kw = {'capture_output': True, 'timeout': 60, **({} if 'input' in kw else {'stdin': subprocess.DEVNULL}), **kw}
    return subprocess.run(['ssh', '-F', host.config, *argv], **kw)


def commands(host):
    rss = lambda pid: int(open(f'/proc/{pid}/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE')
    for _ in range(8):   # the largest ones may be growing just now, or go
        r = host.ssh('Get-Process | Sort-Object WorkingSetSize -Descending | Select-Object -First 5 Name,ProcessId,WorkingSetSize | ConvertTo-Json')
        rows, near = json.loads(r.stdout or '[]'), []
        for p in rows:
            try:
                near.append(abs(rss(p['ProcessId']) - p['WorkingSetSize']) <= 8 << 20)
            except OSError:
                pass
        if len(near) >= 3 and all(near):
            break
    check('the one-liner of the issue gives what /proc says', r.returncode == 0 and len(rows) == 5 and len(near) >= 3 and all(near)
          and rows == sorted(rows, key=lambda p: -p['WorkingSetSize']), (r, near))
    r = host.ssh('Get-Proces')
    check('a wrong name: exit 1, and the right one', r.returncode == 1 and 'Did you mean Get-Process?' in r.stderr, r)
    r = host.ssh("Get-CimInstance -Query \"SELECT * from Win32_Process WHERE name LIKE 'p%'\" | Measure-Object | % Count")
    check("Microsoft's example runs unchanged", r.returncode == 0 and int(r.stdout) >= 1, r)
    check('exit statuses', [host.ssh(f'exit {n}').returncode for n in (0, 3, 255)] == [0, 3, 255])
    check('an exception: 1', host.ssh('throw "x"').returncode == 1)
    r = ssh(host, 'reeve-host', "Get-Process -Id $PID | % { $_.Name }; [Console]::Error.WriteLine('e')")
    check('streams stay apart', r.stdout.strip() == b'reeve' and r.stderr.strip() == b'e', r)
    r = ssh(host, 'reeve-host', 'sh -c \'kill -TERM $$\'; "$LASTEXITCODE"')
    check("a native command's signal", r.stdout.strip() == b'143', r)
    big = ssh(host, 'reeve-host', "'x' * 20MB")
    check('20 MB come whole', len(big.stdout) == (20 << 20) + 1 and big.returncode == 0, len(big.stdout))
    data = os.urandom(3 << 20)
    back = ssh(host, 'reeve-host', 'cat', input=data)
    check('bytes through a native command, and its end of input', back.stdout == data, (len(back.stdout), back.stderr))
    back = ssh(host, 'reeve-host', '$input | Measure-Object -Line | % Lines', input=b'a\nb\nc\n')
    check('$input', back.stdout.strip() == b'3', back)
    r = ssh(host, '-n', 'reeve-host', 'Get-Process -Id 1 | % Name; Start-Sleep -m 10; "after"')
    check('without input', b'after' in r.stdout, r)


def refusals(host):
    other = os.path.join(host.dir, 'other')
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', other], check=True)
    r = subprocess.run(['ssh', *host.options, '-F', '/dev/null', '-o', 'BatchMode=yes', '-i', other, '-p', str(host.port), f'{host.user}@127.0.0.1', '1'],
                       capture_output=True, timeout=30)
    check('a key that is not listed', r.returncode == 255 and b'ermission denied' in r.stderr, r)
    r = ssh(host, '-l', 'nobody-here', '-o', 'BatchMode=yes', 'reeve-host', '1')
    check('a user that does not exist', r.returncode == 255 and b'ermission denied' in r.stderr, r)
    r = ssh(host, '-W', '127.0.0.1:22', 'reeve-host')
    check('forwarding to a host', r.returncode != 0 and b'forwarding failed' in r.stderr, r)
    r = ssh(host, '-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:22', '-N', 'reeve-host')
    check('forwarding from the host', r.returncode == 255, r)
    r = ssh(host, '-s', 'reeve-host', 'sftp-nope')
    check('an unknown subsystem', r.returncode != 0, r)
    r = ssh(host, '-A', 'reeve-host', '"[$env:SSH_AUTH_SOCK]"')
    check('no agent forwarding', r.stdout.strip() == b'[]', r)
    for name, spec in (('cipher', '-c=3des-cbc'), ('MAC', '-oMACs=hmac-md5'), ('key exchange', '-oKexAlgorithms=diffie-hellman-group14-sha1')):
        r = ssh(host, *spec.split('=', 1) if spec[1] == 'c' else [spec, '-c', 'aes256-ctr'], 'reeve-host', '1')
        check(f'an old {name}', r.returncode == 255, r)


def flow(host):
    slow = subprocess.Popen(['ssh', '-F', host.config, 'reeve-host', "1..400000 | % { 'line ' + $_ }"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    first = slow.stdout.read(1000)
    time.sleep(1.5)  # the reader stops; others are served
    begin = time.monotonic()
    check('others are served beside a reader that has stopped', host.ssh('1').stdout.strip() == '1' and time.monotonic() - begin < 3)
    rest = slow.stdout.read()
    slow.wait(60)
    check('and it gets everything in the end', (first + rest).count(b'\n') == 400000 and rest.endswith(b'line 400000\n'), (first + rest)[-50:])
    gone = subprocess.Popen(['ssh', '-F', host.config, 'reeve-host', "while (1) { 'x' * 1000 }"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    gone.stdout.read(100000)
    gone.kill()
    gone.wait()
    end = time.monotonic() + 10
    left = True
    while left and time.monotonic() < end:
        left = 'while (1)' in subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout
        time.sleep(0.1)
    check('a client that vanishes takes its shell with it', not left)
    r = ssh(host, '-o', 'RekeyLimit=1M', 'reeve-host', "'y' * 30MB", timeout=90)
    check('new keys under load, to the client', len(r.stdout) == (30 << 20) + 1, len(r.stdout))
    data = os.urandom(20 << 20)
    r = ssh(host, '-o', 'RekeyLimit=1M', 'reeve-host', 'cat', input=data, timeout=90)
    check('and from it', r.stdout == data, len(r.stdout))
    r = ssh(host, '-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=2', 'reeve-host', 'Start-Sleep 4; "alive"')
    check('keepalive', r.stdout.strip() == b'alive', r)


def multiplexed(host):
    control = os.path.join(host.dir, 'ctl')
    master = subprocess.Popen(['ssh', '-F', host.config, '-M', '-S', control, '-N', 'reeve-host'], stdin=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if os.path.exists(control):
                break
            time.sleep(0.05)
        channels = [subprocess.Popen(['ssh', '-F', host.config, '-S', control, 'reeve-host', f'Start-Sleep -m {300 + n * 10}; {n} * {n}'], stdout=subprocess.PIPE,
                                     stdin=subprocess.DEVNULL) for n in range(20)]
        out = [c.communicate(timeout=40)[0].strip() for c in channels]
        check('20 channels over one connection', out == [str(n * n).encode() for n in range(20)], out)
    finally:
        subprocess.run(['ssh', '-F', host.config, '-S', control, '-O', 'exit', 'reeve-host'], capture_output=True)
        master.wait(10)


def rpc(host):
    p = subprocess.Popen(['ssh', '-F', host.config, '-s', 'reeve-host', 'reeve'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ask = lambda o: (p.stdin.write((json.dumps(o) + '\n').encode()), p.stdin.flush(), json.loads(p.stdout.readline()))[2]
    r = ask({'jsonrpc': '2.0', 'id': 1, 'method': 'Hello'})
    check('JSON-RPC as a subsystem', r['result']['Agent'] == 'reeve' and r['result']['User'] == host.user, r)
    r = ask({'jsonrpc': '2.0', 'id': 2, 'method': 'GetInstance', 'params': {'ClassName': 'Process', 'InstanceName': {'ProcessId': p.pid}, 'PropertyList': ['Name']}})
    check('objects over it', r['result'] == {'Name': 'ssh'}, r)
    p.stdin.write(b'{"jsonrpc":"2.0","id":4,"method":"Ping"}\n')
    p.stdin.close()
    check('answers still come after the end of input', json.loads(p.stdout.readline())['id'] == 4 and p.stdout.read() == b'' and p.wait(10) == 0)
    body = b'{"jsonrpc":"2.0","id":5,"method":"Ping"}'
    r = ssh(host, '-s', 'reeve-host', 'reeve', input=b'Content-Length: %d\r\n\r\n%s' % (len(body), body))
    check('Content-Length frames as well', r.stdout.startswith(b'Content-Length: ') and b'"id":5' in r.stdout, r)
    r = ssh(host, 'reeve-host', 'reeve rpc Ping')
    check('reeve rpc at the prompt', r.stdout.strip() == b'{}', r)


def prompt(host):
    p = Prompt(['ssh', '-tt', '-F', host.config, 'reeve-host'])
    check('a prompt', p.until(r'PS [^>]*> ') is not None, p.seen)
    p.type('1 + 2\r')
    check('an answer', p.until(r'\n3\r?\n') is not None and p.until(r'PS [^>]*> '), p.seen)
    p.type('Get-Proc\t')
    check('Tab completes', p.until('Get-Process') is not None, p.seen)
    p.type(' -Id 1 | % Name\r')
    check('and runs', p.until(r'\n' + open('/proc/1/comm').read().strip()[:15]) is not None and p.until(r'PS [^>]*> '), p.seen)
    p.type('\x1b[A')
    check('arrow up brings it back', p.until('Get-Process -Id 1') is not None, p.seen)
    p.type('\x15"a$([Console]::WindowWidth)b"\r')
    check('its width is known', p.until('a100b') is not None and p.until(r'PS [^>]*> '), p.seen)
    p.size(40, 132)
    time.sleep(0.3)
    p.type('"a$([Console]::WindowWidth)b"\r')
    check('a change of it too', p.until('a132b') is not None and p.until(r'PS [^>]*> '), p.seen)
    p.type('Start-Sleep 30\r')
    p.until('Start-Sleep 30')
    time.sleep(0.5)
    begin = time.monotonic()
    p.type('\x03')
    check('Ctrl-C ends the command, not the session', p.until(r'PS [^>]*> ', 5) is not None and time.monotonic() - begin < 5, p.seen)
    p.type('sleep 30\r')
    time.sleep(0.5)
    p.type('\x03')
    check('a native one too', p.until(r'PS [^>]*> ', 5) is not None, p.seen)
    p.type('"1`u{1b}]0;evil`a2"; [char]27 + "[2J" + "x"\r')
    check('the prompt is still there', p.until(r'PS [^>]*> ', 5) is not None, p.seen)
    p.type('foreach ($i in 1..2) {\r')
    check('an open brace asks on', p.until('>> ') is not None, p.seen)
    p.type('"n$i"\r}\r')
    check('and is run whole', p.until(r'n1\r?\nn2') is not None, p.seen)
    p.type('exit 7\r')
    check('exit with a status', p.status() == 7)
    p = Prompt(['ssh', '-tt', '-F', host.config, 'reeve-host', 'tty; Start-Sleep 60'])
    check('a command on a pty', p.until('/dev/pts/') is not None, p.seen)
    time.sleep(0.5)
    p.type('\x03')
    check('Ctrl-C ends it', p.status() not in (None, 0))


def killed(host):
    p = Prompt(['ssh', '-tt', '-F', host.config, 'reeve-host'])
    p.until(r'PS [^>]*> ')
    p.type('Get-Process -Id $PID | % Name\r')
    first = p.until(r'\nreeve')
    subprocess.run(['pkill', '-9', '-f', f'reeve-agent.*{host.dir}'])
    p.until(r'PS [^>]*> ')
    p.type('"still " + "here"\r')
    check('an agent killed: the prompt lives', first is not None and p.until('still here') is not None, p.seen)
    ok = False
    for _ in range(20):
        p.type('Get-Process -Id $PID | % { "name=" + $_.Name }\r')
        if p.until(r'name=reeve\r', 2):
            ok = True
            break
    check('and has its objects again', ok, p.seen)
    p.type('exit\r')
    check('a clean end', p.status() == 0)
    check('logins go on', host.ssh('2 + 3').stdout.strip() == '5')


def strangers(host):
    """Bytes that no client sends: each is ended, nobody is hurt."""
    hostile = [b'', b'GET / HTTP/1.0\r\n\r\n', b'SSH-1.5-old\r\n', b'SSH-2.0-x\r\n' + os.urandom(5000), b'SSH-2.0-' + b'A' * 100000, b'SSH-2.0-x\r\n' + b'\xff\xff\xff\xff' + b'\0' * 100,
               b'\0' * 70000, b'SSH-2.0-x\r\n' + b'\0\0\0\x0c\x0a\x14' + b'\0' * 12]
    for i, data in enumerate(hostile):
        s = socket.create_connection(('127.0.0.1', host.port), timeout=15)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
            ended = True
        except socket.timeout:
            ended = False
        except OSError:
            ended = True
        s.close()
        check(f'hostile bytes {i}: disconnected', ended, data[:40])
    check('one who logs in is served', host.ssh('1').stdout.strip() == '1')
    many, refused = [], 0
    for _ in range(60):
        s = socket.create_connection(('127.0.0.1', host.port), timeout=5)
        try:
            refused += not s.recv(1)
        except OSError:
            refused += 1
        many.append(s)
    check('a crowd that never logs in is bounded', 20 <= refused < 60, refused)
    for s in many:
        s.close()
    end, ok = time.monotonic() + 60, False
    while not ok and time.monotonic() < end:
        time.sleep(1)
        ok = host.ssh('1').stdout.strip() == '1'
    check('and forgiven in time', ok)


def dropbear(host):
    if not shutil.which('dbclient') or not shutil.which('dropbearconvert'):
        check.skip('dropbear', 'dbclient is not installed')
        return
    key = os.path.join(host.dir, 'db')
    subprocess.run(['dropbearconvert', 'openssh', 'dropbear', host.key, key], check=True, capture_output=True)
    run = lambda *c, **kw: subprocess.run(['timeout', '20', 'dbclient', '-y', '-y', '-i', key, '-p', str(host.port), f'{host.user}@127.0.0.1', *c], capture_output=True, **kw)
    rs = [run('6 * 7; exit 4', stdin=subprocess.DEVNULL) for _ in range(8)]   # it may sleep for ever when nothing comes after a channel's end
    check('dropbear', all(r.stdout.strip() == b'42' and r.returncode == 4 for r in rs), rs)
    data = os.urandom(300000)
    check('dropbear: bytes', run('cat', input=data).stdout == data)


def plink(host):
    if not shutil.which('plink') or not shutil.which('puttygen'):
        check.skip('plink', 'putty-tools is not installed')
        return
    key = os.path.join(host.dir, 'key.ppk')
    subprocess.run(['puttygen', host.key, '-o', key, '-O', 'private'], check=True, capture_output=True)
    finger = subprocess.run(['ssh-keygen', '-lf', os.path.join(host.dir, 'state/ssh_host_ed25519_key.pub')], capture_output=True, text=True).stdout.split()[1]
    r = subprocess.run(['plink', '-ssh', '-batch', '-hostkey', finger, '-i', key, '-P', str(host.port), f'{host.user}@127.0.0.1', '6 * 7; exit 4'], capture_output=True, timeout=30,
                       stdin=subprocess.DEVNULL)
    check('plink', r.stdout.strip() == b'42' and r.returncode == 4, r)


def with_paramiko(host):
    try:
        import warnings
        warnings.simplefilter('ignore')
        import paramiko
    except ImportError:
        check.skip('paramiko', 'python3-paramiko is not installed')
        return
    c = paramiko.SSHClient()
    c.load_host_keys(host.known_hosts)
    c.connect('127.0.0.1', host.port, host.user, key_filename=host.key, allow_agent=False, look_for_keys=False, timeout=20)
    _, out, err = c.exec_command('6 * 7; exit 4', timeout=20)
    check('paramiko', out.read().strip() == b'42' and out.channel.recv_exit_status() == 4)
    chan = c.get_transport().open_session()
    chan.invoke_subsystem('reeve')
    chan.sendall(b'{"jsonrpc":"2.0","id":1,"method":"Ping"}\n')
    check('paramiko: JSON-RPC', b'"id":1' in chan.recv(1000))
    c.close()


def with_asyncssh(host):
    code = '''
import asyncio, sys, warnings
warnings.simplefilter('ignore')
import asyncssh
async def main(port, user, key, hosts):
    async with asyncssh.connect('127.0.0.1', int(port), username=user, client_keys=[key], known_hosts=hosts) as c:
        rs = await asyncio.gather(*[c.run(f'{n} * 2; exit {n}') for n in range(5)])
        print([(r.stdout.strip(), r.exit_status) for r in rs])
asyncio.run(main(*sys.argv[1:]))
'''
    r = subprocess.run([sys.executable, '-W', 'ignore', '-c', code, str(host.port), host.user, host.key, host.known_hosts], capture_output=True, text=True, timeout=60)
    if "No module named 'asyncssh'" in r.stderr:
        check.skip('asyncssh', 'python3-asyncssh is not installed')
        return
    check('asyncssh: five at once', r.stdout.strip() == str([(str(n * 2), n) for n in range(5)]), r)


def with_ssh2(host):
    npm = os.path.join(BUILD, 'npm-ssh2')
    os.makedirs(npm, exist_ok=True)
    if shutil.which('node') and shutil.which('npm') and not os.path.isdir(os.path.join(npm, 'node_modules/ssh2')):
        subprocess.run(['npm', 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', '--prefix', npm, 'ssh2@1'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    if not os.path.isdir(os.path.join(npm, 'node_modules/ssh2')):
        check.skip('npm ssh2', 'node or the npm registry is not at hand')
        return
    script = os.path.join(npm, 'test.js')
    with open(script, 'w') as f:
        f.write('''
const { Client } = require('ssh2'), fs = require('fs'), [port, user, key] = process.argv.slice(2);
const c = new Client();
c.on('ready', () => c.exec('6 * 7; exit 4', (e, s) => { let out = '';
  s.on('data', d => out += d).on('close', code => { console.log(JSON.stringify([out.trim(), code])); c.end(); }); }))
 .connect({ host: '127.0.0.1', port: +port, username: user, privateKey: fs.readFileSync(key) });
''')
    r = subprocess.run(['node', script, str(host.port), host.user, host.key], capture_output=True, text=True, timeout=40)
    check('npm ssh2', r.stdout.strip() == '["42",4]', r)


def stock_sshd(host):
    """reeve behind an OpenSSH server: ssh host reeve ..., Subsystem reeve."""
    sshd = shutil.which('sshd') or '/usr/sbin/sshd'
    if not os.path.exists(sshd):
        check.skip('a stock sshd', 'openssh-server is not installed')
        return
    d = os.path.join(host.dir, 'sshd')
    os.makedirs(d)
    if os.geteuid() == 0:
        os.makedirs('/run/sshd', exist_ok=True)
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{d}/host'], check=True)
    shutil.copy(host.key + '.pub', f'{d}/authorized')
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    reeve = os.path.abspath(f'{BUILD}/bin/reeve')
    with open(f'{d}/config', 'w') as f:
        f.write(f'Port {port}\nListenAddress 127.0.0.1\nHostKey {d}/host\nAuthorizedKeysFile {d}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n'
                f'Subsystem reeve {reeve} rpc\nPermitRootLogin yes\n')
    p = subprocess.Popen([sshd, '-D', '-f', f'{d}/config', '-E', f'{d}/log'])
    try:
        for _ in range(100):
            try:
                socket.create_connection(('127.0.0.1', port)).close()
                break
            except OSError:
                time.sleep(0.05)
        base = ['ssh', '-F', '/dev/null', '-i', host.key, '-p', str(port), '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR',
                '-o', 'IdentitiesOnly=yes']
        r = subprocess.run([*base, f'{host.user}@127.0.0.1', f'{reeve} -Command "Get-Process -Id \\$PID | % Name"'], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
        check('reeve -Command behind a stock sshd', r.stdout.strip() == b'reeve', (r, open(f'{d}/log').read()))
        r = subprocess.run([*base, '-s', f'{host.user}@127.0.0.1', 'reeve'], capture_output=True, timeout=30, input=b'{"jsonrpc":"2.0","id":1,"method":"Ping"}\n')
        check('its subsystem', b'"id":1' in r.stdout, r)
    finally:
        p.terminate()
        p.wait()


def processes(host):
    """What parses strangers' bytes has no rights."""
    p = Prompt(['ssh', '-tt', '-F', host.config, 'reeve-host'])
    p.until(r'PS [^>]*> ')
    starter = subprocess.run(['pgrep', '-x', 'reeve-ssh', '-P', str(host.proc.pid)], capture_output=True, text=True).stdout.strip()
    pids = subprocess.run(['pgrep', '-P', starter], capture_output=True, text=True).stdout.split()   # it forks one for each connection
    states = [dict(line.split(':', 1) for line in open(f'/proc/{pid}/status').read().splitlines()) for pid in pids]
    check('front-ends run under seccomp without new privileges', states and all(s['Seccomp'].strip() == '2' and s['NoNewPrivs'].strip() == '1' for s in states), states)
    if os.geteuid() == 0:
        check('and not as root', all(s['Uid'].split()[0] != '0' and int(s['CapEff'], 16) == 0 for s in states), states)
    p.type('exit\r')
    p.status()


def main():
    host = sshhost.Host()
    try:
        for part in (commands, refusals, flow, multiplexed, rpc, prompt, killed, processes, dropbear, plink, with_paramiko, with_asyncssh, with_ssh2, stock_sshd, strangers):
            begin = time.monotonic()
            try:
                part(host)
            except Exception as e:  # one part's trouble is not the next one's
                check(f'{part.__name__} ran', False, repr(e))
            print(f'{part.__name__}: {time.monotonic() - begin:.1f} s')
    finally:
        host.stop()
    check.end()


main()
