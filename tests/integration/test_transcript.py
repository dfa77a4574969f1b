#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Transcripts of shells over SSH that a role wants: what passes is on record where the user cannot reach it, and passes unchanged; what
cannot be recorded does not happen."""
import glob, hashlib, json, os, pty, select, shutil, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
from agentlib import until
from rolelib import need_root

need_root()
check = agentlib.Cases()
BUILD = os.path.abspath(agentlib.BUILD)
USER = 'sync'   # an account that every Debian has and that may log in
ROLE = '[Role]\nLanguage = Full\nNativeCommand = *\nReadFiles = *\nWriteFiles = /tmp\n%s\n[Who]\nUser = sync\n[Allow look]\nClass = Process\nOperation = Read\n'
place = None


def begin(*wanted):
    """A host with a role for USER; wanted: the line Transcript."""
    global place
    import tempfile
    place = tempfile.mkdtemp(prefix='reeve-transcript.')
    os.chmod(place, 0o755)
    os.mkdir(f'{place}/roles.d')
    shutil.copy(f'{BUILD}/bin/reeve', place)
    role(*wanted)
    host = sshhost.Host(more=('--shell', f'{place}/reeve'), config=f'[roles]\ndir = {place}/roles.d\n')
    shutil.copy(host.key + '.pub', f'{host.dir}/keys.d/{USER}.keys')
    host.files = f'{host.dir}/state/transcripts'
    return host


def role(wanted=''):
    with open(f'{place}/r.new', 'w') as f:
        f.write(ROLE % wanted)
    os.rename(f'{place}/r.new', f'{place}/roles.d/r.role')


def ssh(host, *command, user=USER, stdin=subprocess.DEVNULL, **kw):
    return subprocess.run(['ssh', '-F', host.config, '-l', user, 'reeve-host', *command], stdin=stdin, capture_output=True, text=True, timeout=40, **kw)


def files(host):
    return sorted(glob.glob(host.files + '/*.jsonl'))


def passed(path, kind='oe'):
    lines = [json.loads(l) for l in open(path)]
    return ''.join(l[2] for l in lines if isinstance(l, list) and l[1] in kind)


def ended(host, n=1):
    """That many, each with its end."""
    def all_ended():
        return len(files(host)) >= n and all('"End"' in open(f).read().splitlines()[-1] for f in files(host))
    return until(all_ended)


def clear(host):
    for f in files(host):
        os.unlink(f)


class Terminal:
    def __init__(self, host, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp('ssh', ['ssh', '-tt', '-F', host.config, '-l', USER, 'reeve-host', *command])
        self.seen = ''

    def until(self, want, seconds=30):
        end = time.monotonic() + seconds
        while want not in self.seen:
            if time.monotonic() > end or not select.select([self.fd], [], [], 1)[0]:
                if time.monotonic() > end:
                    return False
                continue
            try:
                self.seen += os.read(self.fd, 65536).decode(errors='replace')
            except OSError:
                return want in self.seen
        return True

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


host = begin()
try:
    r = ssh(host, '"plain"')
    check('no role wants it: nothing is kept', r.stdout == 'plain\n' and not os.path.exists(host.files) and not os.path.exists(f'{host.dir}/state/transcripts.wanted'), r)
    role('Transcript = Perhaps')
    check('a wrong word is told', until(lambda: 'expected No, Yes or Required' in open(f'{host.dir}/log').read()))
    role('Transcript = Required')
    check('the agent tells reeved', until(lambda: os.path.exists(f'{host.dir}/state/transcripts.wanted')))

    # ---- one-liners ----
    r = ssh(host, 'Write-Output "Grüße"; [Console]::Error.WriteLine("oh"); exit 3')
    check('a command passes unchanged', r.returncode == 3 and r.stdout == 'Grüße\n' and 'oh' in r.stderr, r)
    check('there is its transcript', ended(host) and len(files(host)) == 1, files(host))
    f = files(host)[0]
    st = os.stat(f)
    check("root's alone", st.st_uid == 0 and st.st_mode & 0o777 == 0o600 and os.stat(host.files).st_mode & 0o777 == 0o700)
    head, last = json.loads(open(f).readline()), json.loads(open(f).read().splitlines()[-1])
    check('whose', head['User'] == USER and head['KeyFingerprint'].startswith('SHA256:') and head['Roles'] == 'r' and 'Grüße' in head['Command'] and head['Source'].startswith('127.0.0.1:') and not head['Terminal'], head)
    check('what', passed(f, 'o') == 'Grüße\n' and 'oh' in passed(f, 'e') and last['Status'] == 3, open(f).read())
    clear(host)
    subprocess.run(['ssh', '-F', host.config, '-l', USER, 'reeve-host', 'cat'], input=b'abc\x80\xff\n', capture_output=True, timeout=40)
    check('what is piped in, any bytes', ended(host) and passed(files(host)[0], 'i') == 'abc\\x80\\xff\n' and passed(files(host)[0], 'o') == 'abc\\x80\\xff\n', [open(f).read() for f in files(host)])
    clear(host)
    r = ssh(host, '1..100000')
    check('much of it', hashlib.sha256(r.stdout.encode()).digest() == hashlib.sha256(''.join(f'{i}\n' for i in range(1, 100001)).encode()).digest(), len(r.stdout))
    check('all of it', ended(host) and passed(files(host)[0]) == r.stdout)
    clear(host)

    # ---- out of the user's reach ----
    r = ssh(host, f'id -u; Get-Content {host.files}/*; Start-Transcript -Path /tmp/reeve-none.txt -ErrorAction Ignore; Stop-Transcript -ErrorAction Ignore; kill -9 (ps -o ppid= -p $PID).Trim(); "still"')
    check('it is not reached, nor ended', '4' in r.stdout and 'still' in r.stdout and '"Version"' not in r.stdout, r)
    check('nor switched off', ended(host) and 'still' in passed(files(host)[0]), r)
    r = ssh(host, 'ls -l /proc/self/fd; cat /proc/self/status')
    check('the shell has no more than it would have', 'transcripts' not in r.stdout and 'Uid:\t4\t4\t4\t4' in r.stdout and 'CapEff:\t0000000000000000' in r.stdout and '4 -> ' not in r.stdout.replace('/4 -> ', '/4 => '), r.stdout)
    ended(host)
    clear(host)

    # ---- a terminal ----
    t = Terminal(host)
    check('a prompt', t.until('> '), t.seen)
    t.type('"typed " + (40 + 2)\r')
    check('an answer', t.until('typed 42'), t.seen)
    t.type("sh -c 'stty -echo; echo ready; read x; stty echo; echo got ${#x}'\r")
    t.until('ready\r\n')
    t.type('hunter2\n')
    check('a password is read', t.until('got 7'), t.seen)
    t.type('stty size\r')
    t.until('stty size')
    import fcntl, struct, termios
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 41, 117, 0, 0))
    check('its size follows', until(lambda: (t.type('stty size\r'), t.until('41 117', 2))[1]), t.seen[-300:])
    t.type('exit 7\r')
    code = t.end()
    check('its status', code == 7, code)
    check('its transcript', ended(host) and 'typed 42' in passed(files(host)[0]) and 'got 7' in passed(files(host)[0]), files(host))
    text = open(files(host)[0]).read()
    check('no password', 'hunter2' not in text and '***' in passed(files(host)[0], 'i'), text[-500:])
    clear(host)
    t = Terminal(host)
    t.until('> ')
    os.kill(t.pid, 9)
    t.end()
    check('the client has gone: so has the shell', ended(host), [open(f).read()[-200:] for f in files(host)])
    clear(host)
    r = ssh(host, 'kill -TERM $PID; Start-Sleep 20')
    check('a signal is the status', r.returncode not in (0, 254) and ended(host), r)

    # ---- who may read them ----
    env = dict(os.environ, REEVE_SOCKET=host.socket)
    r = subprocess.run([f'{BUILD}/bin/reeve', '-Command', f'Get-SessionTranscript -User {USER} | Select-Object User, State, Command, ExitStatus | ConvertTo-Json -Compress; (Get-SessionTranscript -User {USER}).Name'],
                       capture_output=True, text=True, env=env, timeout=30)
    check('Get-SessionTranscript', '"State":"Ended"' in r.stdout and 'Start-Sleep' in r.stdout, r)
    ssh(host, '"a line to be read"')
    ended(host, 2)
    r = subprocess.run([f'{BUILD}/bin/reeve', '-Command', 'Get-SessionTranscript -Property Command, Text | Where-Object Command -like "*to be read*" | Select-Object -ExpandProperty Text'], capture_output=True, text=True, env=env, timeout=30)
    check('its text', r.stdout.strip() == 'a line to be read', r)
    r = ssh(host, 'Get-SessionTranscript')
    check('not whom no rule lets', r.returncode and 'line to be read' not in r.stdout, r)
    with agentlib.Peer(host.socket) as p:
        rows = p.call('EnumerateInstances', {'ClassName': 'AuditRecord', 'Filter': "Operation = 'Transcript'"})['result']['Instances']
        check('the audit names them', rows and all(x['User'] == USER and '.jsonl' in x['Key'] for x in rows) and rows[0]['Result'] == 'Succeeded', rows[-1:])
        sessions = p.call('EnumerateInstances', {'ClassName': 'Session'})['result']['Instances']
        check('no session more than there are', len({s['Id'] for s in sessions}) == len(sessions), sessions)

    # ---- root has no role: as before ----
    n = len(files(host))
    r = ssh(host, '"root"', user='root')
    check('root is not recorded', r.stdout == 'root\n' and len(files(host)) == n, r)

    # ---- it cannot be written ----
    shutil.rmtree(host.files)
    open(host.files, 'w').close()
    r = ssh(host, '"not done"')
    check('no transcript, no session', r.returncode == 255 and 'not done' not in r.stdout and 'transcript cannot be written' in r.stderr, r)
    role('Transcript = Yes')
    check('where it is not required it goes on', until(lambda: ssh(host, '"done"').stdout == 'done\n'))
    role('Transcript = Required')
    until(lambda: ssh(host, '"done"').returncode == 255)
    os.unlink(host.files)
    os.mkdir(host.files, 0o700)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=128k,mode=700', 'none', host.files], capture_output=True).returncode == 0:
        try:
            r = ssh(host, '1..1000000; "not reached"')
            check('a full disk ends it, and says so', r.returncode == 254 and 'not reached' not in r.stdout and 'transcript cannot be written: No space left' in r.stderr, (r.returncode, r.stderr[-300:]))
            r = ssh(host, '"not done"')
            check('and lets nobody in', r.returncode == 255 and 'cannot be written' in r.stderr, r)
        finally:
            subprocess.run(['umount', host.files])
    else:
        check.skip('a full disk', 'no file system may be mounted here')
    role()
    check('no role wants it any more', until(lambda: not os.path.exists(f'{host.dir}/state/transcripts.wanted')) and ssh(host, '"plain"').stdout == 'plain\n' and not files(host))
finally:
    host.stop()
    shutil.rmtree(place, ignore_errors=True)
check.end()
