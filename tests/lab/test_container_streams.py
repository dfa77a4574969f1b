#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams of containers on a real engine: logs that are followed, also 10,000 lines a second by a slow reader; commands on terminals through real SSH
with window changes, Ctrl-C and exit status; attaching; files into and out of containers, also broken off and hostile ones; push and pull at
Debian's docker-registry, also one that breaks; streams nobody opens."""
import base64, io, json, os, re, select, signal, socket, struct, subprocess, sys, tarfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, sshlab

check = agentlib.Cases()
APPLETS = 'sh sleep echo ps cat ls true false touch kill yes head seq wc id env pwd hostname stty tail tr date rm ln readlink mkdir trap dd test printf'
INPUT, OUTPUT, ERRORS, SIZE, END, STATUS, FAILED = range(7)


def prepare(m):
    m.run('for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done', check=True)
    m.run('mkdir -p /tmp/b/bin /tmp/b/tmp /tmp/b/proc; cp /bin/busybox /tmp/b/bin/; '
          f'for a in {APPLETS}; do ln -sf busybox /tmp/b/bin/$a; done; tar -C /tmp/b -c . | docker import - bb:1', check=True)
    m.run('''docker run -d --name web bb:1 sh -c 'echo out; echo err >&2; exec sleep 100000' &&
        docker run -d --name ticks bb:1 sh -c 'i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done' &&
        docker run -d -it --name talk bb:1 sh && docker run -d --name mute bb:1 sleep 100000''', check=True)


class Stream:
    """What docs/protocol.md says of streams, from the other end."""

    def __init__(self, path, method, key, **arguments):
        self.peer = agentlib.Peer(path)
        self.reply = self.peer.call('InvokeMethod', {'ClassName': 'Container', 'MethodName': method, 'InstanceName': key, 'InParameters': arguments})
        self.sock = None

    def open(self, path):
        p = agentlib.Peer(path)
        r = p.call('OpenStream', {'Token': self.reply['result']['Stream']})
        if 'result' in r:
            self.sock = p.sock
            self.sock.settimeout(30)
            self.sock.sendall(b'\n')
        return r

    def put(self, kind, data=b''):
        self.sock.sendall(struct.pack('>BxxxI', kind, len(data)) + data)

    def get(self):
        def exactly(n):
            data = b''
            while len(data) < n:
                got = self.sock.recv(n - len(data))
                if not got:
                    raise EOFError
                data += got
            return data
        kind, n = struct.unpack('>BxxxI', exactly(8))
        return kind, exactly(n)


def pids(m, pattern):
    return m.run(f"pgrep -f -x '{pattern}'").stdout.split()


def soon(what, timeout=30):
    end = time.monotonic() + timeout
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def reeve(m, command, timeout=60, env='', **kw):
    return subprocess.run(m.nsenter() + ['env', *(env.split() or ['REEVE_SOCKET=/lab/agent.sock', 'HOME=/root']), 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8',
                                         '/opt/reeve/bin/reeve', '-Command', command], capture_output=True, text=True, timeout=timeout,
                          **({} if 'input' in kw else {'stdin': subprocess.DEVNULL}), **kw)


def logs(m, path, ssh):
    r = reeve(m, 'Get-ContainerLog web | Sort-Object')
    check('a log, both streams', r.stdout.split() == ['err', 'out'], r)
    r = reeve(m, 'Get-Container web | Get-ContainerLog -Stream Error')
    check('one stream, of an object', r.stdout.split() == ['err'], r)
    r = reeve(m, 'Get-ContainerLog web -Tail 1 -Timestamps -Stream Output')
    check('times', r.stdout == '' or re.match(r'\d{4}-\d\d-\d\dT\S+Z out\n$', r.stdout), r)
    r = reeve(m, 'Get-ContainerLog ticks -Tail 3 -Follow | Select-Object -First 30')
    lines = [int(line.split()[1]) for line in r.stdout.splitlines()]
    check('following, until the pipeline has enough', len(lines) == 30 and lines == list(range(lines[0], lines[0] + 30)), r)
    r = reeve(m, 'Get-ContainerLog ticks -Since (Get-Date).AddHours(1)')
    check('since later than now: nothing', r.stdout == '' and r.returncode == 0, r)
    m.run("docker run -d --name short bb:1 sh -c 'sleep 1; echo last'")
    r = reeve(m, 'Get-ContainerLog short -Follow')
    check('it ends when the container does', r.stdout == 'last\n' and r.returncode == 0, r)
    r = reeve(m, 'Get-ContainerLog nosuch')
    check('no such container', r.returncode == 1 and 'no container nosuch' in r.stderr, r)
    p = m.popen('env', 'HOME=/root', 'REEVE_SOCKET=/lab/agent.sock', '/opt/reeve/bin/reeve', '-Command', 'Get-ContainerLog ticks -Follow', stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = p.stdout.readline()
    p.send_signal(signal.SIGINT)
    subprocess.run(m.nsenter() + ['pkill', '-INT', '-f', 'Get-ContainerLog ticks -Follow'])
    p.stdout.read()
    check('Ctrl-C ends it', first.startswith(b'tick') and p.wait(30) != 0, p.returncode)
    check('and no thread is left', soon(lambda: threads(m) == 0), threads(m))
    r = reeve(m, 'Get-ContainerLog web -Tail 1 -Stream Error', env='-u REEVE_SOCKET XDG_RUNTIME_DIR=/nowhere HOME=/nowhere')
    check('by a private agent', r.stdout in ('err\n', '') and r.returncode == 0, r)
    r = ssh.run('root', 'Get-ContainerLog ticks -Follow | Select-Object -First 3')
    check('over SSH', len(r.stdout.split('\n')) == 4, r)


def threads(m):
    """Streams that are open in the agent: its threads are named after it, others after their work."""
    return int(m.run("for p in $(pidof reeve-agent); do tr '\\0' ' ' < /proc/$p/cmdline | grep -q /lab/agent.sock && grep -l '^reeve-agent' /proc/$p/task/*/comm | wc -l; done").stdout.split()[0]) - 1


def resident(m):
    return int(m.run("for p in $(pidof reeve-agent); do tr '\\0' ' ' < /proc/$p/cmdline | grep -q /lab/agent.sock && awk '/VmRSS/ {print $2}' /proc/$p/status; done").stdout.split()[0])


def flood(m, path, ssh):
    """10,000 lines a second and a reader that takes a tenth of them."""
    m.run('''docker run -d --name flood --log-opt max-size=64m bb:1 sh -c 'while :; do seq 1000; sleep 0.1; done' ''', check=True)
    key = {'Id': m.run('docker inspect -f "{{.Id}}" flood').stdout.strip()}
    before = resident(m)
    s = Stream(path, 'FollowLogs', key, Follow=True)
    s.open(path)
    taken, begin = b'', time.monotonic()
    while time.monotonic() - begin < 6:
        kind, data = s.get()
        taken += data
        time.sleep(len(data) / 8000)   # some 2,000 lines a second
    grown = resident(m) - before
    lines = taken.decode().split('\n')[:-1]
    check('a slow reader has each line, in order', len(lines) > 2000 and all(int(b) == int(a) % 1000 + 1 for a, b in zip(lines, lines[1:])), len(lines))
    check('and what it does not read is nowhere', grown < 4096, f'{grown} KiB')
    begin = time.monotonic()
    ping = agentlib.Peer(path).call('Ping')
    check('nobody else waits', 'result' in ping and time.monotonic() - begin < 5, ping)
    n, begin = 0, time.monotonic()
    while n < 400000 and time.monotonic() - begin < 30:
        n += len(s.get()[1])
    check('a quick reader keeps up with thousands of lines a second', n / (time.monotonic() - begin) > 20000, n / (time.monotonic() - begin))
    s.sock.close()
    check('closing ends it', soon(lambda: threads(m) == 0), threads(m))
    m.run('docker rm -f flood')


def commands(m, path, ssh):
    r = reeve(m, '''Start-ContainerProcess web sh,-c,'echo a; echo b; echo bad >&2; exit 3'; "status $LASTEXITCODE"''')
    check('a command, line by line', r.stdout == 'a\nb\nstatus 3\n' and r.stderr == 'bad\n', r)
    r = reeve(m, 'Start-ContainerProcess web false')
    check('its status is the status', r.returncode == 1, r)
    r = reeve(m, "Start-ContainerProcess web sh,-c,'exit 42'")
    check('whatever it is', r.returncode == 42, r)
    r = reeve(m, 'Enter-ContainerSession web sh,-c,"cat; exit 5"', input='hello\nworld\n')
    check('input, its end, and status', (r.stdout, r.returncode) == ('hello\nworld\n', 5), r)
    r = reeve(m, 'Enter-ContainerSession web cat | Measure-Object', input='x' * 10)
    data = os.urandom(3000000)
    r = subprocess.run(m.nsenter() + ['env', 'HOME=/root', 'REEVE_SOCKET=/lab/agent.sock', '/opt/reeve/bin/reeve', '-Command', 'Enter-ContainerSession web cat'],
                       input=data, capture_output=True, timeout=60)
    check('3 MB both ways, byte for byte', r.stdout == data, len(r.stdout))
    r = reeve(m, 'Enter-ContainerSession web nosuch')
    check('no such command', r.returncode in (126, 127) or 'nosuch' in r.stderr, r)
    r = reeve(m, 'Enter-ContainerSession web env -User 1000 -Environment A=1,"B=two words" -WorkingDirectory /tmp')
    check('environment', 'B=two words' in r.stdout and 'A=1' in r.stdout, r)
    r = ssh.run('root', 'Enter-ContainerSession web cat', input='over ssh\n')
    check('over SSH, on pipes', (r.stdout, r.returncode) == ('over ssh\n', 0), r)
    m.run('docker stop -t 0 mute')
    r = reeve(m, 'Enter-ContainerSession mute')
    check('one that does not run', r.returncode == 1 and 'run' in r.stderr, r)
    r = reeve(m, 'Get-Command Enter-ContainerSession, Copy-ContainerFile, Get-ContainerLog, Start-ContainerProcess, Submit-ContainerImage | % Name')
    check('they are commands', len(r.stdout.split()) == 5, r)


def terminals(m, path, ssh):
    t = ssh.terminal('root', 'Enter-ContainerSession web', rows=33, columns=99)
    check('a prompt inside', t.until('/ # '), t.text)
    t.type('stty size; echo "<$TERM>"\n')
    check('the size of the window', t.until(r'33 99\r'), t.text)
    check('and the kind of terminal', t.until(r'<xterm>'), t.text)
    t.size(44, 111)
    end = time.monotonic() + 30
    seen = None
    while not seen and time.monotonic() < end:  # the change is on its way
        t.type('stty size\n')
        seen = t.until(r'44 111\r', timeout=1)
    check('a change of the window goes inside', seen, t.text)
    t.type('sleep 98765\n')
    check('something runs', soon(lambda: pids(m, 'sleep 98765')))
    t.type('\x03')
    check('Ctrl-C goes inside', soon(lambda: not pids(m, 'sleep 98765')) and t.proc.poll() is None)
    t.type('exit 9\n')
    check('its status comes out', t.end() == 9, t.text)
    t = ssh.terminal('root', 'Enter-ContainerSession web')
    t.until('/ # ')
    t.type('echo $((6*7)); sleep 98764\n')
    check('another session', t.until('42') and soon(lambda: pids(m, 'sleep 98764')), t.text)
    t.proc.send_signal(signal.SIGKILL)
    t.end()
    shell = '/bin/sh'  # what Enter-ContainerSession runs (that of `talk` is a plain sh)
    check('a terminal that is lost ends what ran there', soon(lambda: not pids(m, 'sleep 98764') and not pids(m, shell)), (pids(m, 'sleep 98764'), pids(m, shell), threads(m)))
    check('and its thread', soon(lambda: threads(m) == 0), threads(m))
    s = Stream(path, 'ExecStream', {'Id': m.run('docker inspect -f "{{.Id}}" web').stdout.strip()}, Command=['sleep', '98763'], Tty=True)
    s.open(path)
    check('it runs', soon(lambda: pids(m, 'sleep 98763')))
    s.put(END)
    ended = soon(lambda: not pids(m, 'sleep 98763'), 5)
    s.sock.close()
    check('no more keys, and then lost, ends it too', soon(lambda: not pids(m, 'sleep 98763')), ended)
    m.run('pkill -f -x "sleep 98764"')
    t = ssh.terminal('root', 'Connect-ContainerSession talk')
    t.type('echo $((40+2))\n')
    check('attached', t.until(r'\b42\b'), t.text)
    t.type('\x10\x11')
    check('Ctrl-P Ctrl-Q leaves it', t.end() == 0 and m.run('docker inspect -f "{{.State.Running}}" talk').stdout.strip() == 'true', t.text)
    t = ssh.terminal('root', 'Connect-ContainerSession talk')
    t.type('exit 6\n')
    check('its end, and status', t.end() == 6, t.text)


def files(m, path, ssh):
    m.run('''rm -rf /root/src /root/out; mkdir -p /root/src/a/b /root/out; cd /root/src; echo one > a/one; echo two > a/b/two; ln -s one a/link; ln -s /etc/passwd a/away; chmod 750 a/one
        head -c 20000000 /dev/urandom > big; mkfifo pipe; echo x > "with blank"''', check=True)
    r = reeve(m, 'Copy-ContainerFile web /root/src /tmp -ToContainer')
    check('a folder into a folder', r.returncode == 0 and 'pipe is not copied' in r.stdout + r.stderr, r)
    m.run('rm /root/src/pipe')
    r = reeve(m, 'Copy-ContainerFile web "/root/src/with blank" /tmp/name -ToContainer; Copy-ContainerFile web /tmp/name /root/out')
    check('a file by another name, and back', r.returncode == 0 and m.run('cat /root/out/name').stdout == 'x\n', r)
    r = m.run('docker exec web sh -c "ls -l /tmp/src/a/one; readlink /tmp/src/a/link"')
    check('rights and links inside', r.stdout.startswith('-rwxr-x---') and r.stdout.endswith('one\n'), r)
    r = reeve(m, 'Copy-ContainerFile web /tmp/src /root/out')
    check('out again, the same', r.returncode == 0 and m.run('diff -r --no-dereference /root/src /root/out/src').returncode == 0, (r, m.run('diff -r --no-dereference /root/src /root/out/src')))
    check('nothing else is left', sorted(m.run('ls -A /root/out').stdout.split()) == ['name', 'src'], m.run('ls -lA /root/out').stdout)
    r = reeve(m, 'Copy-ContainerFile web /tmp/name /root/out/name')
    check('a file that is there stays', r.returncode == 1 and '-Force' in r.stderr, r)
    r = reeve(m, 'Copy-ContainerFile web /tmp/name /root/out/name -Force; Copy-ContainerFile mute /bin/busybox /root/out')
    check('Force; one that does not run', r.returncode == 0 and m.run('cmp /root/out/busybox /bin/busybox').returncode == 0, r)
    for what, command in (('nothing to copy', 'Copy-ContainerFile web /nope /root/out'), ('no folder there', 'Copy-ContainerFile web /root/src /no/such -ToContainer'),
                          ('nothing here', 'Copy-ContainerFile web /root/nope /tmp -ToContainer'), ('a path that is none', 'Copy-ContainerFile web tmp /root/out')):
        r = reeve(m, command)
        check(what, r.returncode == 1 and r.stderr and 'engine refuses' not in r.stderr, r)
    r = reeve(m, 'Copy-ContainerFile web /root/src /tmp/w -ToContainer -WhatIf')
    check('what-if copies nothing', 'What if' in r.stdout and m.run('docker exec web test -e /tmp/w').returncode == 1, r)
    hostile(m)
    broken(m, path)


def hostile(m):
    """Archives of a container that lies: names that lead away, links that others go through."""
    m.run("mkdir -p /root/victim; docker exec web mkdir -p /tmp/evil; docker exec web ln -s /root/victim /tmp/evil/door; docker exec web sh -c 'echo in > /tmp/evil/file; touch /tmp/evil/s'; docker exec web chmod 4755 /tmp/evil/s || true")
    r = reeve(m, 'Copy-ContainerFile web /tmp/evil /root/out')
    mode = m.run('stat -c %a /root/out/evil/s 2>/dev/null; readlink /root/out/evil/door; ls -A /root/victim').stdout.split()
    check('links come as links, without set-user-id', r.returncode == 0 and mode[-1] == '/root/victim' and all(not x.startswith('4') for x in mode[:1]), (mode, r))
    r = reeve(m, 'Copy-ContainerFile web /tmp/evil/file /root/out/evil/door/file')
    check('into a folder of the host through a link of the host is the user\'s wish', r.returncode == 0 and m.run('cat /root/victim/file').stdout == 'in\n', r)


def broken(m, path):
    key = {'Id': m.run('docker inspect -f "{{.Id}}" web').stdout.strip()}
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode='w') as tar:
        info = tarfile.TarInfo('half')
        info.size = 100000
        tar.addfile(info, io.BytesIO(b'x' * 100000))
    text = b.getvalue()
    s = Stream(path, 'CopyTo', key, Path='/tmp')
    s.open(path)
    s.put(INPUT, text[:60000])
    s.sock.close()
    check('broken off on the way: nothing is there', soon(lambda: threads(m) == 0) and m.run('docker exec web test -e /tmp/half').returncode == 1)
    s = Stream(path, 'CopyTo', key, Path='/tmp')
    s.open(path)
    s.put(INPUT, b'this is no archive' * 2000)
    s.put(END)
    kind, text_of = s.get()
    check('no archive: told', kind == FAILED and json.loads(text_of)['message'], (kind, text_of))
    s = Stream(path, 'CopyTo', key, Path='/tmp')
    s.open(path)
    for i in range(0, len(text), 1000):
        s.put(INPUT, text[i:i + 1000])
    s.put(END)
    check('the same in small pieces', s.get()[0] == STATUS and m.run('docker exec web sh -c "wc -c < /tmp/half"').stdout.strip() == '100000')
    s = Stream(path, 'ExecStream', key, Command=['cat'])
    s.open(path)
    s.sock.sendall(b'\x09\0\0\0\0\0\0\1x')
    try:
        kind = s.get()[0]
    except (EOFError, ConnectionError):
        kind = None
    check('what are no pieces ends it', kind in (None, FAILED), kind)


def tokens(m, path, ssh):
    key = {'Id': m.run('docker inspect -f "{{.Id}}" web').stdout.strip()}
    p = agentlib.Peer(path)
    for token in ('', '0' * 32, 'x', None, 5):
        r = p.call('OpenStream', {'Token': token} if token is not None else {})
        check(f'no token: {token!r}', 'error' in r, r)
    s = Stream(path, 'FollowLogs', key)
    first = s.open(path)
    again = agentlib.Peer(path).call('OpenStream', {'Token': s.reply['result']['Stream']})
    check('once', 'result' in first and again['error']['data']['Name'] == 'NOT_FOUND', again)
    s = Stream(path, 'FollowLogs', key)
    r = subprocess.run(m.nsenter() + ['setpriv', '--reuid=bob', '--regid=bob', '--clear-groups', '/opt/reeve/bin/reeve', 'rpc', 'OpenStream', json.dumps({'Token': s.reply['result']['Stream']})],
                       capture_output=True, text=True, env={'REEVE_SOCKET': '/lab/agent.sock', 'HOME': '/tmp', 'PATH': '/usr/bin:/bin'})
    check('nobody else\'s', r.returncode != 0, r)
    p = agentlib.Peer(path)
    p.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'OpenStream', 'params': {'Token': s.reply['result']['Stream']}}) + '\n{"more": 1}\n')
    check('nothing may be sent behind it before its answer', 'error' in p.line())
    offers = [Stream(path, 'FollowLogs', key) for _ in range(20)]
    check('offers', all('result' in s.reply for s in offers))


def registry(m, path, ssh):
    m.run('''systemctl stop docker-registry; mkdir -p /root/reg; printf "version: 0.1\\nstorage: {filesystem: {rootdirectory: /root/reg}}\\nhttp: {addr: 127.0.0.1:5000}\\n" > /root/reg.yml
        systemd-run -q --unit reg docker-registry serve /root/reg.yml; for i in $(seq 100); do curl -s 127.0.0.1:5000/v2/ >/dev/null && break; docker version >/dev/null; done; true''')
    name = '127.0.0.1:5000/team/bb'
    r = reeve(m, f'Get-ContainerImage bb:1 | Add-ContainerImageTag -Repository {name} -Tag 1; (Get-ContainerImage {name}:1 | Submit-ContainerImage).Digest')
    check('pushed', re.search(r'^sha256:[0-9a-f]{64}$', r.stdout.strip()) and r.returncode == 0, r)
    m.run(f'docker rmi {name}:1')
    r = reeve(m, f'(Request-ContainerImage {name} 1).Status')
    check('pulled', name in r.stdout and m.run(f'docker inspect --type image -f "{{{{.Id}}}}" {name}:1').stdout == m.run('docker inspect --type image -f "{{.Id}}" bb:1').stdout, r)
    r = reeve(m, f'Request-ContainerImage {name} nosuch')
    check('a tag that is not there', r.returncode == 1 and 'not found' in r.stderr, r)
    r = reeve(m, 'Get-ContainerImage bb:1 | Submit-ContainerImage -Repository 127.0.0.1:5000/other:1')
    check('a name that is none of its', r.returncode == 1 and 'Add-ContainerImageTag' in r.stderr, r)
    large = '127.0.0.1:5000/large:1'
    m.run(f'cd /root && head -c 30000000 /dev/urandom > noise && tar c noise | docker import - {large} && docker push {large} && docker rmi {large}', timeout=120, check=True)
    peer = agentlib.Peer(path)
    peer.id += 1
    peer.send(json.dumps({'jsonrpc': '2.0', 'id': peer.id, 'method': 'InvokeMethod', 'params': {'ClassName': 'ContainerImage', 'MethodName': 'Pull', 'partialResultToken': 'p',
                                                                                              'InParameters': {'Repository': '127.0.0.1:5000/large', 'Tag': '1'}}}) + '\n')
    told = []
    while (line := peer.line()).get('method') == '$/progress':
        told += line['params']['value']
    check('progress, then the answer', 'result' in line and told and all('Status' in t for t in told) and all(0 <= t.get('PercentComplete', 0) <= 100 for t in told), (told[:3], line))
    m.run(f'docker rmi {large}; f=$(find /root/reg -name data -size +20M); truncate -s 15000000 $f')
    r = reeve(m, 'Request-ContainerImage 127.0.0.1:5000/large 1', timeout=120)
    check('a pull that breaks is told, and nothing is there', r.returncode == 1 and r.stderr and m.run(f'docker inspect --type image {large}').returncode != 0, r)
    m.run('systemctl stop reg')
    r = reeve(m, 'Request-ContainerImage 127.0.0.1:5000/team/bb 1', timeout=120)
    check('no registry', r.returncode == 1 and 'refused' in r.stderr, r)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('one', 'containers')
        prepare(m)
        path = m.agent()
        ssh = sshlab.Ssh(m)
        for part in (logs, flood, commands, terminals, files, tokens, registry):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(m, path, ssh)
    check.end()


main()
