# SPDX-License-Identifier: MIT
"""What the integration tests share: a real agent on a socket of its own, a JSON-RPC client of twenty lines, cases."""
import contextlib, json, os, shutil, socket, sqlite3, subprocess, sys, tempfile, time

BUILD = os.environ.get('REEVE_BUILD', 'build')


class Agent:
    def __init__(self, program='bin/reeve-agent', folder=None, under=(), more=(), **kw):
        self.own = folder is None
        self.dir = folder or tempfile.mkdtemp(prefix='reeve-test.')
        self.path = os.path.join(self.dir, 'agent.sock')
        self.log = open(os.path.join(self.dir, 'log'), 'w')
        self.proc = subprocess.Popen([*under, f'{BUILD}/{program}', '--socket', self.path, '--state', self.dir, *more], stderr=self.log, **kw)
        deadline = time.monotonic() + (60 if under else 10)
        while not self.connects():
            if time.monotonic() > deadline or self.proc.poll() is not None:
                raise SystemExit('the agent did not start: ' + open(self.log.name).read())
            time.sleep(0.01)

    def connects(self):
        try:
            socket.socket(socket.AF_UNIX).connect(self.path)
            return True
        except OSError:
            return False

    def open(self):
        return Peer(self.path)

    def call(self, method, params=None, **more):
        with self.open() as p:
            return p.call(method, params, **more)

    def stop(self):
        self.proc.terminate()
        rc = self.proc.wait(20)
        self.said = open(self.log.name, errors='replace').read()   # what sanitizers and the log have to say
        if self.own:
            shutil.rmtree(self.dir)
        return rc


def rows_of(folder, sql):
    """What the agent's database says. Closed at once: a connection left to Python's garbage collector takes the -wal file away at
    whatever later time it runs."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, 'state.db'))) as db:
        return db.execute(sql).fetchall()


def accounts():
    """Whether this kernel tells for certain who has slept: it counts how often each thread was given a processor, and all processors have ticks."""
    try:
        counted = int(open('/proc/self/schedstat').read().split()[2]) > 0
    except (OSError, IndexError):
        return False
    try:
        return counted and not open('/sys/devices/system/cpu/nohz_full').read()[:1].isdigit()
    except OSError:
        return counted


def until(what, seconds=30):
    """Waits for a condition, not for a time. False: it did not come about."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Peer:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(path)
        self.rest = b''
        self.id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        """The next message, or None at the end."""
        parts = [self.rest]
        try:
            while b'\n' not in parts[-1]:
                got = self.sock.recv(1 << 20)
                if not got:
                    return None
                parts.append(got)
        finally:   # also when the time is over
            self.rest = b''.join(parts)
        line, self.rest = self.rest.split(b'\n', 1)
        return json.loads(line)

    def call(self, method, params=None, **more):
        self.id += 1
        self.send(json.dumps(dict({'jsonrpc': '2.0', 'id': self.id, 'method': method}, **({} if params is None else {'params': params}), **more)) + '\n')
        return self.line()


class Reader:
    """One subscription, and what it is told."""
    patience = 5   # seconds

    def __init__(self, peer, **params):
        self.peer = peer
        r = peer.call('Subscribe', params)
        self.result, self.error = r.get('result', {}), r.get('error')

    def until(self, want, timeout=None):
        """Indications up to the first that fits; the last is None when none came."""
        got, end = [], time.monotonic() + (timeout or self.patience)
        while time.monotonic() < end:
            self.peer.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                m = self.peer.line()
            except OSError:
                break
            if m is None:
                break
            got.append(m['params'])
            if want(got[-1]):
                return got
        return got + [None]

    def sync(self):
        got = self.until(lambda p: p['Kind'] == 'Sync')
        return [p['Kind'] for p in got if p] == ['Sync'] and self.result.get('Push')


class Cases:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def __call__(self, name, good, why=''):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f'FAIL {name}: {str(why)[:600]}')

    def skip(self, name, why):
        self.skipped += 1
        print(f'SKIP {name}: {why}')

    def end(self):
        print(f'cases: {self.passed} passed, {self.failed} failed, {self.skipped} skipped')
        sys.exit(1 if self.failed else 0)
