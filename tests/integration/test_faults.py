#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the system may refuse an agent: each allocation and each call to a file of its state failed in turn, once and for good; a full disk; no
descriptors left. The answer is right or an error, no change goes without its record, others are served, and when the cause has gone all is well."""
import ctypes, json, mmap, os, resource, shutil, struct, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, Peer, rows_of, until

case = Cases()
HERE = os.path.dirname(os.path.abspath(__file__))
MODES = 'tests/bin/reeve-agent-modes'
NOTHING, ALLOCATIONS, FILES = 0, 1, 2
EIO, ENOSPC = 5, 28
work = tempfile.mkdtemp(prefix='reeve-faults.')
LIBC = ctypes.CDLL(None, use_errno=True)


class Page:
    """Shared with faults.c."""

    def __init__(self):
        self.path = os.path.join(work, 'page')
        with open(self.path, 'wb') as f:
            f.write(bytes(4096))
        self.f = open(self.path, 'r+b')
        self.m = mmap.mmap(self.f.fileno(), 4096)

    def set(self, what, at=0, error=0, forever=0):
        struct.pack_into('<i', self.m, 0, NOTHING)
        struct.pack_into('<ii', self.m, 4, error, forever)
        struct.pack_into('<qqq', self.m, 16, at, 0, 0)
        struct.pack_into('<i', self.m, 0, what)

    def seen(self):
        return struct.unpack_from('<qq', self.m, 24)


def ask(agent, method, **params):
    """The answer; 'gone' where the agent hung up."""
    try:
        with agent.open() as p:
            p.sock.settimeout(15)
            return p.call(method, params) or 'gone'
    except (ConnectionError, BrokenPipeError):
        return 'gone'
    except TimeoutError:
        return 'silence'


class Subject:
    """The agent under faults.c, started anew when it has ended."""

    def __init__(self, page):
        self.page, self.folder, self.deaths, self.bad_deaths = page, os.path.join(work, f'state{time.monotonic_ns()}'), 0, []
        os.mkdir(self.folder)
        self.start()

    def start(self):
        self.page.set(NOTHING)
        self.agent = Agent(MODES, self.folder, env=dict(os.environ, LD_PRELOAD=os.path.join(work, 'faults.so'), FAULT_PAGE=self.page.path, FAULT_FOLDER=self.folder + '/state.db'))
        self.value = self.acknowledged = self.perhaps = 0
        ask(self.agent, 'CreateInstance', ClassName='T_Item', Properties={'Name': 'apple', 'Amount': 0})

    def add(self):
        return ask(self.agent, 'InvokeMethod', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, MethodName='Add', InParameters={'By': 1})

    def amount(self):
        r = ask(self.agent, 'EnumerateInstances', ClassName='T_Item', Filter="Name = 'apple'")
        return r['result']['Instances'][0]['Amount'] if 'result' in r and r['result']['Instances'] else r

    def look(self):
        """Did it end? Then it is started anew."""
        if self.agent.proc.poll() is None:
            return False
        self.deaths += 1
        if self.agent.proc.returncode not in (1, -6):
            self.bad_deaths.append(self.agent.proc.returncode)
        self.start()
        return True


def all_in_turn(page, what, error=0, forever=0, most=4000, step=1):
    """The whole of a few calls with the Nth failed, for each N until none is left. What was seen that must not be."""
    s, n, wrong, errors, silent = Subject(page), 0, [], 0, 0
    end = time.monotonic() + 22
    while n < most and time.monotonic() < end:
        n += step
        before = s.amount()
        page.set(what, n, error, forever)
        r = s.add()
        q = ask(s.agent, 'ExecQuery', Query='SELECT Name, Amount FROM T_Item ORDER BY Name', QueryLanguage='SQL')
        seen, failed = page.seen()
        page.set(NOTHING)
        silent += r == 'silence' or q == 'silence'
        errors += 'error' in r or 'error' in q
        if s.look():
            continue
        now = s.amount()
        if not isinstance(now, int) or not isinstance(before, int):
            wrong.append((n, before, now, r))
        elif now not in ((before + 1,) if 'result' in r else (before, before + 1)):
            wrong.append((n, 'amount', before, now, r))
        if 'result' in q and 'Partial' not in q['result'] and (not q['result'].get('Instances') or q['result']['Instances'][0].get('Amount') != now):
            wrong.append((n, 'query', q, now))
        if not failed:
            break
    return s, n, wrong, errors, silent


def finish(s, name, n, wrong, errors, silent, most_deaths):
    case(f'{name}: never a wrong answer', not wrong, wrong[:3])
    case(f'{name}: never silence', not silent, silent)
    case(f'{name}: no crash', not s.bad_deaths and s.deaths <= most_deaths, (s.bad_deaths[:5], s.deaths, n))
    case(f'{name}: it was felt', errors > 0, (n, errors))
    r = s.add()
    case(f'{name}: and then all is well', 'result' in r, r)
    done = rows_of(s.folder, "SELECT count(*) FROM audit WHERE method = 'Add' AND intent IS NULL")[0][0]
    case(f'{name}: no change without its record', isinstance(s.amount(), int) and done >= s.amount(), (done, s.amount()))
    s.agent.stop()
    print(f'{name}: {n} tried, {errors} errors told, {s.deaths} ends')


def verify(s, name):
    """By another agent, over a copy of what is on disk now."""
    copy = os.path.join(work, f'copy-{name}')
    shutil.copytree(s.folder, copy, ignore=lambda d, names: [x for x in names if not x.startswith('state.db')])
    agent = Agent(folder=copy)
    v = agent.call('InvokeMethod', {'ClassName': 'AuditRecord', 'MethodName': 'Verify'})['result']
    agent.stop()
    case(f"the audit's chain fits afterwards ({name})", v['Valid'] and v['FirstBad'] is None, v)


def files(page):
    """each call to a file failed in turn"""
    for error, forever in ((EIO, 0), (ENOSPC, 1)):
        s, *said = all_in_turn(page, FILES, error, forever, most=80)
        finish(s, f'each call to a file failed in turn ({os.strerror(error)}{", for good" if forever else ""})', *said, 0)
        verify(s, error)


def allocations(page):
    """each allocation failed in turn"""
    s, *said = all_in_turn(page, ALLOCATIONS)
    finish(s, 'each allocation failed in turn', *said, 0)
    verify(s, 'memory')


def full_disk():
    if os.geteuid() != 0:
        case.skip('a full disk', 'needs root, to mount a small one')
        return
    place = os.path.join(work, 'disk')
    os.mkdir(place)
    if LIBC.mount(b'none', place.encode(), b'tmpfs', 0, b'size=4m') != 0:
        case.skip('a full disk', 'mounting is not permitted here')
        return
    try:
        agent = Agent(MODES, place)
        ask(agent, 'CreateInstance', ClassName='T_Item', Properties={'Name': 'apple', 'Amount': 0})
        add = lambda: ask(agent, 'InvokeMethod', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}, MethodName='Add', InParameters={'By': 1})
        case('a disk with room', 'result' in add())
        with open(os.path.join(place, 'fill'), 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(bytes(65536))
            except OSError:
                pass
            try:
                while True:
                    f.write(bytes(512))
            except OSError:
                pass
        refused = None
        for _ in range(3000):   # what the log has room for already may still be written
            refused = add()
            if 'error' in refused:
                break
        case('a full disk: a change is refused, and why', 'error' in refused and refused['error']['code'] == -32061 and 'recorded' in refused['error']['message'], refused)
        amount = ask(agent, 'EnumerateInstances', ClassName='T_Item')['result']['Instances'][0]['Amount']
        add()
        case('a full disk: it was not done', ask(agent, 'EnumerateInstances', ClassName='T_Item')['result']['Instances'][0]['Amount'] == amount)
        os.unlink(os.path.join(place, 'fill'))
        case('with room again, changes go on', until(lambda: 'result' in add(), 10))
        case('it ends well', agent.stop() == 0)
    finally:
        LIBC.umount2(place.encode(), 2)


def spent(pid):
    return sum(int(x) for x in open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[11:13]) / os.sysconf('SC_CLK_TCK')


def no_descriptors():
    """no descriptors left"""
    agent = Agent(MODES, os.path.join(work, 'fds') if os.makedirs(os.path.join(work, 'fds')) is None else None)
    pid = agent.proc.pid
    there = agent.open()
    there.call('Ping')
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = len(os.listdir(f'/proc/{pid}/fd')) + 6
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, old[1]))
    flood = []
    for _ in range(60):
        try:
            flood.append(Peer(agent.path))
        except OSError:
            break
    began, at = spent(pid), time.monotonic()
    r = there.call('EnumerateInstances', {'ClassName': 'T_Item'})
    case('no descriptors left: who is there is served', 'result' in r, r)
    while time.monotonic() < at + 2:
        there.call('Ping')
        time.sleep(0.1)
    case('and nothing spins', spent(pid) - began < 1, spent(pid) - began)
    for p in flood:
        p.sock.close()
    case('when they have gone others come in', until(lambda: 'result' in (ask(agent, 'Ping') if ask(agent, 'Ping') != 'gone' else {}), 20))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    there.sock.close()
    case('it ends well', agent.stop() == 0, agent.said[-300:])


try:
    r = subprocess.run(['gcc', '-O2', '-shared', '-fPIC', '-D_GNU_SOURCE', os.path.join(HERE, 'faults.c'), '-o', os.path.join(work, 'faults.so'), '-ldl'], capture_output=True, text=True)
    if r.returncode:
        print('SKIP what is preloaded cannot be built: ' + (r.stderr.strip().splitlines() or ['gcc'])[-1])
        sys.exit(77)
    page = Page()
    files(page)
    allocations(page)
    full_disk()
    no_descriptors()
finally:
    shutil.rmtree(work, ignore_errors=True)
case.end()
