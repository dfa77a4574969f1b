#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hours compressed by load: calls, logins and crashes of a provider, and afterwards no process has grown: memory, descriptors, the database, files.
A short form here; `make soak` (SOAK=full) makes a million calls, 10,000 logins and 1,000 crashes, and ends by itself."""
import json, os, shutil, sys, tempfile, textwrap, threading, time, subprocess
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases, Peer, until
from sshhost import Host

case = Cases()
FULL = os.environ.get('SOAK') == 'full'
CALLS, LOGINS, CRASHES = (1000000, 10000, 1000) if FULL else (20000, 120, 20)
PATIENCE = 1500 if FULL else 100   # seconds in all
ROUNDS = 10
CLIENTS = 2
END = time.monotonic() + PATIENCE
work = tempfile.mkdtemp(prefix='reeve-soak.')
os.chmod(work, 0o755)
os.makedirs(os.path.join(work, 'providers'))

MOF = '''[Description("Ends when it is asked to."), Version("1.0.0")]
class SoakCrasher {
    [Key, Description("Name.")] string Name;
    [Description("Ends its program."), Static] uint32 Crash([In, Description("How.")] string How);
};
'''
PROGRAM = '''
    #!/usr/bin/python3 -S
    import json, os, sys
    for line in sys.stdin:
        m = json.loads(line)
        i = m.get('id')
        if m['method'] == 'InvokeMethod':
            os.kill(os.getpid(), 11)
        print(json.dumps({'jsonrpc': '2.0', 'id': i, 'result': {'Version': 1}}), flush=True)
'''


def put(name, text, mode=0o644):
    path = os.path.join(work, 'providers', name)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)


put('crash.mof', MOF)
put('crash.provider', '[Provider]\nSchema = crash.mof\nExec = ./crash.py\nTimeout = 10\n')
put('crash.py', textwrap.dedent(PROGRAM).lstrip(), 0o755)
# The audit is bounded, as an administrator bounds it: the database has to come to rest.
host = Host(config=f'[providers]\ndirs = {work}/providers\n[audit]\nkeep_records = 2000\nkeep_segments = 3\n[ssh]\npenalties = no\n')


def children(pid):
    return [int(p) for t in os.listdir(f'/proc/{pid}/task') for p in open(f'/proc/{pid}/task/{t}/children').read().split()]


def processes():
    found = {'reeved': host.proc.pid}
    for p in children(host.proc.pid):
        found[open(f'/proc/{p}/comm', errors='replace').read().strip()] = p
    return found


def size(pid):
    """Descriptors, kilobytes of its own, threads."""
    own = sum(int(line.split()[1]) for line in open(f'/proc/{pid}/status') if line.startswith(('RssAnon', 'RssShmem')))
    return len(os.listdir(f'/proc/{pid}/fd')), own, len(os.listdir(f'/proc/{pid}/task'))


def database():
    state = os.path.join(host.dir, 'state')
    return sum(os.path.getsize(os.path.join(state, f)) for f in os.listdir(state) if f.startswith('state.db')) // 1024


done = {'calls': 0, 'logins': 0, 'crashes': 0, 'bad': []}
lock = threading.Lock()


def count(what, n=1):
    with lock:
        done[what] += n


def out_of_time():
    return time.monotonic() > END


MIX = [('GetInstance', {'ClassName': 'OperatingSystem'}), ('EnumerateInstances', {'ClassName': 'Process', 'Filter': f'ProcessId = {os.getpid()}', 'PropertyList': ['Name']}),
       ('GetClass', {'ClassName': 'Service'}), ('ExecQuery', {'Query': 'SELECT Name FROM Mount LIMIT 1'}), ('Nonsense', {}), ('GetInstance', {'ClassName': 'Nowhere'}),
       ('EnumerateInstances', {'ClassName': 'Session', 'Limit': 1}), ('Hello', {})]


def call(n):
    """n calls of all kinds, 20 at a time on a connection that is opened anew now and then; each 500th is a change, which is recorded."""
    peer, sent = None, 0
    while sent < n and not out_of_time():
        if sent % 5000 == 0:
            if peer:
                peer.sock.close()
            peer = Peer(host.socket)
        batch = min(20, n - sent)
        text = []
        for k in range(batch):
            method, params = MIX[(sent + k) % len(MIX)]
            if (sent + k) % 500 == 1:
                method, params = 'InvokeMethod', {'ClassName': 'Process', 'InstanceName': {'ProcessId': PEACEFUL.pid}, 'MethodName': 'SetPriority', 'InParameters': {'Nice': 19}}
            text.append(json.dumps({'jsonrpc': '2.0', 'id': sent + k, 'method': method, 'params': params}))
        peer.send('\n'.join(text) + '\n')
        for _ in range(batch):
            if peer.line() is None:
                done['bad'].append('the agent hung up')
                return
        sent += batch
        count('calls', batch)
    peer.sock.close()


def log_in(n):
    """With the bench's client where it is built: a login and a command each, over and over in one process."""
    for _ in range(n):
        if out_of_time():
            return
        r = host.ssh('exit 3')
        if r.returncode != 3:
            done['bad'].append(f'login: {r.returncode} {r.stderr[:100]}')
        count('logins')


def crash(n):
    peer = Peer(host.socket)
    for _ in range(n):
        if out_of_time():
            return
        end = time.monotonic() + 20
        while time.monotonic() < end:   # after several in a row it is left alone for a while
            r = peer.call('InvokeMethod', {'ClassName': 'SoakCrasher', 'MethodName': 'Crash', 'InParameters': {'How': 'now'}})
            if 'signal 11' in json.dumps(r):
                count('crashes')
                break
            time.sleep(0.02)
        else:
            done['bad'].append(f'crash: {r}')


def a_round():
    work = [threading.Thread(target=call, args=(CALLS // ROUNDS // CLIENTS,)) for _ in range(CLIENTS)]
    work += [threading.Thread(target=log_in, args=(LOGINS // ROUNDS // CLIENTS,)) for _ in range(CLIENTS)]
    work.append(threading.Thread(target=crash, args=(CRASHES // ROUNDS,)))
    for t in work:
        t.start()
    for t in work:
        t.join()


def measure():
    """When what belongs to no idle process has gone."""
    until(lambda: all(size(p)[2] <= 16 for p in processes().values()), 5)
    return {n: size(p) for n, p in processes().items()}, database()


PEACEFUL = subprocess.Popen(['sleep', '3600'])
try:
    case('it is there', until(lambda: host.ssh('exit 3').returncode == 3))
    begun, taken = time.monotonic(), []
    who = processes()
    for n in range(ROUNDS):
        a_round()
        taken.append(measure())
        print(f'{time.monotonic() - begun:6.0f} s  {done["calls"]} calls, {done["logins"]} logins, {done["crashes"]} crashes; '
              f'descriptors/KB/threads {taken[-1][0]}; database {taken[-1][1]} KB', flush=True)
        if out_of_time():
            break
    case('all of it was done in time', (done['calls'], done['logins'], done['crashes']) >= (CALLS // ROUNDS // CLIENTS * ROUNDS * CLIENTS, LOGINS // ROUNDS // CLIENTS * ROUNDS * CLIENTS, CRASHES), done)
    case('each as it should', not done['bad'], done['bad'][:5])
    case('no process of ours has died', processes() == who, (who, processes()))
    # The first rounds fill caches, arenas and the audit up to its bounds; then nothing may grow.
    first, last = taken[len(taken) * 3 // 10], taken[-1]
    for name in who:
        case(f'{name}: descriptors', last[0][name][0] <= first[0][name][0] + 4, (first[0][name], last[0][name]))
        case(f'{name}: memory', last[0][name][1] <= first[0][name][1] * 1.1 + (1536 if FULL else 3072), (first[0][name], last[0][name]))
    case('the database', last[1] <= max(first[1] * 1.25, 12288), (first[1], last[1]))
    login = next(p for n, p in who.items() if n == 'reeve-login')
    case('no process is left over', until(lambda: not children(login)), children(login))
finally:
    PEACEFUL.kill()
    host.stop()
    shutil.rmtree(work, ignore_errors=True)
case.end()
