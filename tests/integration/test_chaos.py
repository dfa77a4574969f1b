#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 of each process at random, under load: agent, reeved, front-ends and their parent, reeve-login, shells, external providers.
Sessions survive as designed; what was acknowledged is in effect once, in the audit, and its event came or its loss was told; processes,
descriptors and memory are what they were. Half a minute here; `make chaos` takes ten (CHAOS_SECONDS)."""
import collections, json, os, random, select, shutil, signal, subprocess, sys, tempfile, textwrap, threading, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, Peer, rows_of, until
from sshhost import Host

case = Cases()
SECONDS = float(os.environ.get('CHAOS_SECONDS', '30'))
SEED = int(os.environ.get('CHAOS_SEED', '7'))
WRITERS, SESSIONS = 3, 4
rnd = random.Random(SEED)
work = tempfile.mkdtemp(prefix='reeve-chaos.')
os.chmod(work, 0o755)
ledger = os.path.join(work, 'ledger')
os.makedirs(os.path.join(work, 'providers'))

MOF = '''[Description("Numbers in a file: what is added twice is there twice."), Version("1.0.0")]
class ChaosLedger {
    [Key, Description("Name of the ledger.")] string Name;
    [Description("Appends a line."), Static] uint32 Add([In, Description("What to append.")] string Number);
};
'''
PROGRAM = '''
    #!/usr/bin/python3
    import json, os, sys, time
    def say(**m):
        print(json.dumps({'jsonrpc': '2.0', **m}), flush=True)
    for line in sys.stdin:
        m = json.loads(line)
        i, p = m.get('id'), m.get('params', {})
        if m['method'] == 'InvokeMethod':
            fd = os.open('LEDGER', os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(fd, (p['InParameters']['Number'] + '\\\\n').encode())
            os.close(fd)
            say(id=i, result={'ReturnValue': 0})
        elif m['method'] == 'EnumerateInstances':
            say(method='Instances', params={'Id': i, 'Instances': [{'Name': 'one'}]})
            say(id=i, result={})
        elif i is not None:
            say(id=i, result={'Version': 1})
'''


def put(name, text, mode=0o644):
    path = os.path.join(work, 'providers', name)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)


put('ledger.mof', MOF)
put('ledger.provider', f'[Provider]\nSchema = ledger.mof\nExec = ./ledger.py\nUser = {"root" if os.geteuid() == 0 else ""}\nTimeout = 10\n'.replace('User = \n', ''))
put('ledger.py', textwrap.dedent(PROGRAM).lstrip().replace('LEDGER', ledger).replace('\\\\n', '\\n'), 0o755)


class Site:
    """The host under test; reeved is started again when it is killed, as systemd would."""

    def __init__(self):
        self.host = Host(agent='tests/bin/reeve-agent-modes', config=f'[providers]\ndirs = {work}/providers\n[ssh]\npenalties = no\n')
        self.argv, self.generation = self.host.proc.args, 0
        at = self.argv.index('--ssh-port')
        self.argv[at + 1] = str(self.host.port)

        self.over = False
        threading.Thread(target=self.keep, daemon=True).start()

    def keep(self):
        while True:
            self.host.proc.wait()
            if self.over:
                return
            self.generation += 1
            time.sleep(0.2)   # its children may still hold the sockets; then it ends at once, and is started once more
            self.host.proc = subprocess.Popen(self.argv, stdout=open(os.path.join(self.host.dir, 'log'), 'a'), stderr=subprocess.STDOUT)


site = Site()
host = site.host
stop = threading.Event()
acknowledged, unknown, killed = set(), set(), {}
again, stuck = [], []   # answers that invited to ask once more; those that did so for ever


def children(pid):
    try:
        return [int(p) for t in os.listdir(f'/proc/{pid}/task') for p in open(f'/proc/{pid}/task/{t}/children').read().split()]
    except OSError:
        return []


def name_of(pid):
    try:
        return open(f'/proc/{pid}/comm', errors='replace').read().strip()
    except OSError:
        return ''


def below(pid, name):
    return [p for p in children(pid) if name_of(p) == name]


# ---- load ----

def write(k):
    """Numbered calls, each with its key, each repeated until it has an answer."""
    n, peer = 0, None
    while not stop.is_set():
        n += 1
        number = f'{k}-{n}'
        deadline = time.monotonic() + 20
        while True:
            try:
                peer = peer or Peer(host.socket)
                r = peer.call('InvokeMethod', {'ClassName': 'ChaosLedger', 'MethodName': 'Add', 'InParameters': {'Number': number}, 'RequestKey': number})
                if r is None:
                    raise ConnectionError
            except (OSError, ValueError):
                peer = None
                if stop.is_set():
                    unknown.add(number)
                    return
                time.sleep(0.02)
                continue
            if 'result' in r:
                acknowledged.add(number)
            elif r['error'].get('data', {}).get('Retryable'):
                again.append(r['error']['message'])
                if stop.is_set() and time.monotonic() > deadline:
                    stuck.append((number, r))
                    return
                time.sleep(0.02)
                continue
            else:   # the provider was killed in the midst of it: told as such, and not tried again
                unknown.add(number)
            break


class Session:
    """A prompt with a variable of its own."""
    started = lost = 0

    def __init__(self, k):
        self.k, self.asked = k, 0
        self.open()

    def open(self):
        self.generation = site.generation
        self.doomed = False
        self.proc = subprocess.Popen(['ssh', '-F', host.config, 'reeve-host'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.mark = f's{self.k}x{rnd.getrandbits(30)}'
        said = self.ask(f"$mine = '{self.mark}'; $PID")
        self.pid = int(said) if said and said.isdigit() else None   # None: it did not begin
        Session.started += self.pid is not None

    def ask(self, text):
        """The last line of the answer; None at the end."""
        self.asked += 1
        end = f'end{self.asked}'
        try:
            self.proc.stdin.write(f"{text}; '{end}'\n".encode())
            self.proc.stdin.flush()
            last, got, deadline = None, b'', time.monotonic() + 30
            while True:
                if not select.select([self.proc.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                    return 'silent'
                piece = os.read(self.proc.stdout.fileno(), 65536)
                if not piece:
                    return None
                got += piece
                *lines, got = got.split(b'\n')
                for line in lines:
                    if line.decode(errors='replace').strip() == end:
                        return last
                    last = line.decode(errors='replace').strip()
        except OSError:
            return None

    def close(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()


wrong, reopened = [], 0


def hold(k):
    global reopened
    s = None
    while not stop.is_set():
        if not s:
            s = Session(k)
            if s.pid is None:
                s.close()
                s = None
                time.sleep(0.1)
                continue
            sessions[k] = s
        said = s.ask('$mine')
        if said == s.mark:
            time.sleep(0.05)
            continue
        time.sleep(0.3)   # whoever killed it has noted so by then
        if not s.doomed and s.generation == site.generation and not stop.is_set():
            wrong.append((k, said, s.mark))
        s.close()
        s = None
        reopened += 1
    if s:
        s.close()


sessions = {}


def follow():
    """A durable subscription, gone on with from the last number that came."""
    last, name = 0, None
    while not stop.is_set():
        try:
            p = Peer(host.socket)
            r = p.call('Subscribe', {'Subscription': name, 'From': last} if name else {'Query': 'SELECT * FROM T_Tick', 'Durable': True})
            if r is None or 'result' not in r:
                time.sleep(0.05)
                continue
            name = r['result']['Subscription']
            p.sock.settimeout(0.2)
            while not stop.is_set():
                try:
                    m = p.line()
                except TimeoutError:
                    continue
                if m is None:
                    break
                told = m['params']
                if told['Kind'] == 'Gap':
                    if told['Lost']['From'] != last + 1:
                        holes.append((last, told))
                    gaps.append(told['Lost'])
                    last = told['Sequence']
                elif told['Kind'] == 'Event':
                    if told['Sequence'] != last + 1:
                        holes.append((last, told['Sequence']))
                    last = told['Sequence']
                    seen.append(told['Indication']['Number'])
        except (OSError, ValueError):
            time.sleep(0.05)
    followed.append(name)


holes, gaps, seen, followed, fired = [], [], [], [], []


def fire():
    n = 0
    while not stop.is_set():
        try:
            with Peer(host.socket) as p:
                while not stop.is_set():
                    r = p.call('InvokeMethod', {'ClassName': 'T_Tick', 'MethodName': 'Fire', 'InParameters': {'First': n + 1, 'Count': 5}})
                    if r is None or 'result' not in r:
                        break
                    fired.append(n + 5)
                    n += 5
                    time.sleep(0.02)
        except (OSError, ValueError):
            pass
        n += 5   # whether those came is not known
        time.sleep(0.02)


logins = [0, 0]


def log_in():
    while not stop.is_set():
        generation = site.generation
        r = host.ssh('exit 3')
        logins[r.returncode == 3] += 1
        if r.returncode != 3 and generation == site.generation:
            time.sleep(0.1)


# ---- the killer ----

def kill(pid, what):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    killed[what] = killed.get(what, 0) + 1


def services(name):
    return below(host.proc.pid, name)


def pipes(pid):
    found = set()
    try:
        for fd in os.listdir(f'/proc/{pid}/fd'):
            found.add(os.readlink(f'/proc/{pid}/fd/{fd}'))
    except OSError:
        pass
    return {f for f in found if f.startswith('pipe:')}


def of_session(pick):
    """A session's shell, or its front-end: the one that holds the other ends of the shell's pipes."""
    s = sessions.get(rnd.randrange(SESSIONS))
    if not s or s.doomed:
        return
    pid = s.pid
    if pick == 'front':
        mine = pipes(pid)
        fronts = [int(p) for p in os.listdir('/proc') if p.isdigit() and name_of(p) == 'reeve-ssh' and mine & pipes(p)]
        if not fronts:
            return
        pid = fronts[0]
    s.doomed = True
    kill(pid, pick)


def strike():
    what = rnd.choice(['agent', 'agent', 'agent', 'starter', 'login', 'login', 'provider', 'provider', 'provider', 'shell', 'front', 'reeved'])
    if what == 'agent':
        for p in services('reeve-agent-mod'):
            kill(p, what)
    elif what in ('starter', 'login'):
        for p in services('reeve-ssh' if what == 'starter' else 'reeve-login'):
            kill(p, what)
    elif what == 'provider':
        for a in services('reeve-agent-mod'):
            for p in below(a, 'ledger.py') + below(a, 'python3'):
                kill(p, what)
    elif what in ('shell', 'front'):
        of_session(what)
    elif rnd.random() < 0.5:
        kill(host.proc.pid, 'reeved')


# ---- the run ----

def size(pid):
    """Descriptors and resident kilobytes of its own."""
    rss = sum(int(line.split()[1]) for line in open(f'/proc/{pid}/status') if line.startswith(('RssAnon', 'RssShmem')))
    return len(os.listdir(f'/proc/{pid}/fd')), rss


def audit_of(sql):
    return rows_of(os.path.join(host.dir, 'state'), sql)


def settled():
    with Peer(host.socket) as p:
        return 'result' in p.call('EnumerateInstances', {'ClassName': 'ChaosLedger'})


def figures():
    pids = {'reeved': host.proc.pid, **{n: p for n in ('reeve-login', 'reeve-ssh', 'reeve-agent-mod') for p in services(n)}}
    return {n: size(p) for n, p in pids.items()}


def back():
    try:
        return settled() and host.ssh('exit 3').returncode == 3
    except (OSError, subprocess.TimeoutExpired):
        return False


def go():
    case('it is there', until(back))
    before = figures()
    threads = [threading.Thread(target=write, args=(k,)) for k in range(WRITERS)] + [threading.Thread(target=hold, args=(k,)) for k in range(SESSIONS)] + \
              [threading.Thread(target=f) for f in (follow, fire, log_in)]
    for t in threads:
        t.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(rnd.uniform(0.2, 1.5))
        strike()
    case('after the last kill it is back', until(back), ''.join(open(os.path.join(host.dir, 'log'), errors='replace').readlines()[-12:]))
    time.sleep(1)
    stop.set()
    for t in threads:
        t.join(60)
    case('nothing hangs', not any(t.is_alive() for t in threads), [t for t in threads if t.is_alive()])
    return before


def judge(before):
    lines = open(ledger).read().split()
    case('whoever asks again has an answer', not stuck, stuck)
    twice = [n for n, k in collections.Counter(lines).items() if k > 1]
    case('no number is there twice', not twice, twice[:10])
    case('what was acknowledged is there', not acknowledged - set(lines), sorted(acknowledged - set(lines))[:10])
    case('and nothing else but what was told to be unknown', not set(lines) - acknowledged - unknown, sorted(set(lines) - acknowledged - unknown)[:10])
    record = {json.loads(a)['Number'] for a, in audit_of("SELECT i.arguments FROM audit i JOIN audit o ON o.intent = i.seq WHERE i.class = 'ChaosLedger'") if a}
    case('each acknowledged call is in the audit, with its outcome', not acknowledged - record, sorted(acknowledged - record)[:10])
    case('no session ended that should not', not wrong, wrong[:5])
    case('events: no hole that is not told', not holes, holes[:5])
    case('and each once, in order', seen == sorted(set(seen)), len(seen))
    print(f'{SECONDS:.0f} s, seed {SEED}; kills: {dict(sorted(killed.items()))}; {len(acknowledged)} calls acknowledged, {len(unknown)} unknown; {len(seen)} events, '
          f'{len(gaps)} gaps told; {Session.started} sessions, {reopened} opened anew; logins {logins[1]} good, {logins[0]} not')


def rest(before):
    def calm():
        now = figures()
        return now.keys() == before.keys() and all(now[n][0] <= before[n][0] + 8 for n in before) and not shells()
    case('descriptors and processes are what they were', until(calm), (before, figures()))
    now = figures()
    case('and memory', all(now[n][1] <= before[n][1] + 16384 for n in before), (before, now))
    print(f'before {before}, after {now}')


def chain():
    """By another agent, over a copy of what is on disk now."""
    copy = os.path.join(work, 'copy')
    shutil.copytree(os.path.join(host.dir, 'state'), copy, ignore=lambda d, names: [n for n in names if not n.startswith('state.db')])
    agent = Agent(folder=copy)
    try:
        v = agent.call('InvokeMethod', {'ClassName': 'AuditRecord', 'MethodName': 'Verify'})['result']
        case("the audit's chain fits", v['Valid'] and v['FirstBad'] is None and v['Records'] >= 2 * len(acknowledged), v)
    finally:
        agent.stop()


def shells():
    """Processes of sessions of this host."""
    found = []
    for p in filter(str.isdigit, os.listdir('/proc')):
        try:
            if f'REEVE_SOCKET={host.socket}'.encode() in open(f'/proc/{p}/environ', 'rb').read():
                found.append(p)
        except OSError:
            pass
    return found


try:
    before = go()
    judge(before)
    rest(before)
    chain()
finally:
    stop.set()
    site.over = True
    host.stop()
    shutil.rmtree(work, ignore_errors=True)
case.end()
