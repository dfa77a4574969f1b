#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench: reeve beside its peers, in one run, on this machine.

Each figure is CPU time (user + system, client and server together) or wall time of the same work done by reeve and by
the peer, taken alternately; the least of several rounds counts, because other load only adds. Prints a table in
Markdown; `--write` puts it into docs/performance.md between its markers, and leaves the rows of parts that were not run.
`--quick` uses 1,000 processes. The peers are as their makers ship them: the distribution's python3 in a virtual environment
without packages (no start-up hooks, no version manager's wrapper), sshd with a home folder that has no start-up files.
"""
import argparse, ctypes, json, os, re, resource, shutil, signal, socket, subprocess, sys, tempfile, time

TWELVE = ['ProcessId', 'ParentProcessId', 'Name', 'CommandLine', 'WorkingSetSize', 'VirtualSize', 'UserModeTime',
          'KernelModeTime', 'CreationDate', 'ThreadCount', 'Priority', 'State']
ROWS = []
PLAIN = []  # the plain python3, made once


def python():
    if not PLAIN:
        PLAIN.append(tempfile.TemporaryDirectory(prefix='reeve-python.'))
        subprocess.run(['/usr/bin/python3', '-m', 'venv', '--without-pip', PLAIN[0].name], check=True)
    return PLAIN[0].name + '/bin/python3'


def cpu_of(pid):
    """CPU seconds of a process, all its threads, the ended ones too."""
    return time.clock_gettime((~pid << 3) | 2)


def children():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


def run_cpu(argv, **kw):
    before, start = children(), time.perf_counter()
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=kw.pop('stdout', subprocess.DEVNULL), **kw)
    return children() - before, time.perf_counter() - start, out


class Agent:
    def __init__(self, build):
        self.dir = tempfile.mkdtemp(prefix='reeve-bench.')
        self.socket = os.path.join(self.dir, 'agent.sock')
        config = os.path.join(self.dir, 'conf')
        with open(config, 'w') as f:   # history reads what it keeps once, some time after the start: it would fall into any one of the figures
            f.write('[history]\nkeep = none\n')
        self.proc = subprocess.Popen([f'{build}/bin/reeve-agent', '--socket', self.socket, '--state', self.dir, '--config', config, '--foreground'],
                                     stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(self.socket):
                break
            time.sleep(0.02)
        self.ask = f'{build}/tests/bench/ask'

    def call(self, method, params, count=1):
        """CPU seconds (client + agent) and wall seconds of one call, and the bytes of all replies."""
        request = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params})
        agent = cpu_of(self.proc.pid)
        client, _, out = run_cpu([self.ask, self.socket, str(count), request], stdout=subprocess.PIPE, text=True)
        size, wall = out.stdout.split()
        return (cpu_of(self.proc.pid) - agent + client) / count, float(wall), int(size)

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        shutil.rmtree(self.dir)


def row(what, ours, peer, theirs, limit, unit='ms CPU'):
    ratio = ours / theirs if theirs else 0
    ROWS.append((what, ours, peer, theirs, ratio, limit, unit))
    print(f'{what}: {ours * 1e3:.3f} {unit}, {peer}: {theirs * 1e3:.3f}; ratio {ratio:.6f}, goal {limit}', flush=True)


def processes(build, n):
    crowd = subprocess.Popen([f'{build}/tests/bench/sleepers', str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    crowd.stdout.readline()
    try:
        ps = ['ps', '-e', '-o', 'pid,comm,args,rss,time,stat']
        params = {'ClassName': 'Process', 'PropertyList': TWELVE}
        first, repeated, peer = [], [], []
        for _ in range(3):
            agent = Agent(build)
            first.append(agent.call('EnumerateInstances', params)[0])
            agent.call('EnumerateInstances', params)
            repeated += [agent.call('EnumerateInstances', params)[0] for _ in range(3)]
            agent.stop()
            peer += [run_cpu(ps)[0] for _ in range(3)]
        row(f'list {n} processes, 12 properties, first time', min(first), '`ps -e -o` 6 columns', min(peer), 0.55)
        row('the same, repeated', min(repeated), '`ps -e -o` 6 columns', min(peer), 0.25)
        agent = Agent(build)
        one = {'ClassName': 'Process', 'InstanceName': {'ProcessId': crowd.pid}, 'PropertyList': TWELVE}
        agent.call('GetInstance', one, 100)
        ours = min(agent.call('GetInstance', one, 2000)[0] for _ in range(3))
        theirs = min(run_cpu(['ps', '-p', str(crowd.pid), '-o', 'pid,comm,args,rss,time,stat'])[0] for _ in range(5))
        row(f'one of {n} processes by id', ours, '`ps -p`', theirs, 1e-4)
        # Two processors of a virtual machine wake each other through the hypervisor: that is most of the above.
        everywhere = os.sched_getaffinity(0)
        one_processor = {min(everywhere)}
        os.sched_setaffinity(0, one_processor)
        for task in os.listdir(f'/proc/{agent.proc.pid}/task'):
            os.sched_setaffinity(int(task), one_processor)
        ours = min(agent.call('GetInstance', one, 2000)[0] for _ in range(3))
        os.sched_setaffinity(0, everywhere)
        row('the same, client and agent on one processor', ours, '`ps -p`', theirs, 1e-4)
        ping = min(agent.call('Ping', {}, 20000)[0] for _ in range(3))
        print(f'ping: {ping * 1e6:.2f} us CPU, client and agent')
        agent.stop()
    finally:
        crowd.stdin.close()
        crowd.wait()


def queries(build, n):
    """SQL beside the plain operations that it is made of; events and unchanged polls."""
    crowd = subprocess.Popen([f'{build}/tests/bench/sleepers', str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    crowd.stdout.readline()
    agent = Agent(build)

    def least(method, params, count=1, rounds=7):
        agent.call(method, params, count)
        return min(agent.call(method, params, count)[0] for _ in range(rounds))

    def sql(text, count=1):
        return least('ExecQuery', {'QueryLanguage': 'SQL', 'Query': text}, count)

    try:
        one = least('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': crowd.pid}, 'PropertyList': ['Name', 'ThreadCount']}, 500)
        row(f'SQL: one of {n} processes by its key', sql(f'SELECT Name, ThreadCount FROM Process WHERE ProcessId = {crowd.pid}', 500), '`GetInstance`', one, 2)
        listed = least('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['ProcessId']})
        row(f'SQL: `count(*)` of {n} processes', sql('SELECT count(*) AS n FROM Process'), '`EnumerateInstances`', listed, 1.2)
        sockets = least('EnumerateInstances', {'ClassName': 'NetTCPConnection', 'PropertyList': ['LocalPort', 'OwningProcess']})
        names = least('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['ProcessId', 'Name']})
        row('SQL: sockets joined with their processes', sql('SELECT c.LocalPort, p.Name FROM NetTCPConnection c JOIN Process p ON p.ProcessId = c.OwningProcess'),
            'both enumerations', sockets + names, 1.5)
        row('what a process is associated with', least('Associators', {'ClassName': 'Process', 'InstanceName': {'ProcessId': crowd.pid}, 'AssocClass': 'ProcessParent', 'Role': 'Child',
                                                                   'PropertyList': ['Name']}, 100), '`EnumerateInstances`', names, 0.05)
        ask = {'ClassName': 'NetIPAddress', 'PropertyList': ['IPAddress', 'InterfaceIndex'], 'Since': ''}
        plain = least('EnumerateInstances', {k: v for k, v in ask.items() if k != 'Since'}, 300)
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(agent.socket)
                s.sendall((json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': ask}) + '\n').encode())
                ask['Since'] = json.loads(s.makefile().readline())['result']['Revision']
            time.sleep(0.3)
        row('an unchanged poll of addresses', least('EnumerateInstances', ask, 300), 'read again', plain, 0.5)
    finally:
        agent.stop()
        crowd.stdin.close()
        crowd.wait()


def start(build):
    took = [(run_cpu([f'{build}/bin/reeve', '-NoProfile', '-Command', 'exit'])[:2], run_cpu([python(), '-c', '0'])[:2]) for _ in range(40)]
    for i, unit in enumerate(('ms CPU', 'ms wall')):
        row('`reeve -Command exit`' + (', wall' if i else ''), min(t[0][i] for t in took), '`python3 -c 0`', min(t[1][i] for t in took), 0.15, unit)
    loop = '$s=0; for($i=0;$i -lt 1000000;$i++){ if(($i % 3) -eq 0){ $s += $i } }; $s'
    ours = min(run_cpu([f'{build}/bin/reeve', '-NoProfile', '-Command', loop])[0] for _ in range(5))
    peer = min(run_cpu([python(), '-c', 'i=0\ns=0\nwhile i<1000000:\n  if i%3==0: s+=i\n  i+=1\nprint(s)'])[0] for _ in range(5))
    row('a loop of 1,000,000', ours, '`python3`', peer, 0.4)


def objects(build):
    import random
    random.seed(7)
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 'objects.json')
        with open(path, 'w') as f:
            json.dump([{'id': i, 'name': f'process-{random.randrange(10 ** 6)}', 'size': random.randrange(1 << 30),
                        'user': random.choice(['root', 'www', 'db']), 'state': random.choice('RSD'), 'start': i * 1.5,
                        'tags': ['a', 'b'], 'parent': random.randrange(500), 'threads': random.randrange(64), 'nice': 0,
                        'command': f'/usr/bin/process --number {i} --with some --more arguments {random.random()}'} for i in range(10000)], f)
        script = f"Get-Content -Raw {path} | ConvertFrom-Json | Where-Object size -gt 1000000 | Sort-Object size -Descending | Select-Object -First 10 | ConvertTo-Json -Compress"
        py = f"import json\nl=[o for o in json.load(open('{path}')) if o['size']>1000000]\nl.sort(key=lambda o:-o['size'])\nprint(json.dumps(l[:10]))"
        ours = min(run_cpu([f'{build}/bin/reeve', '-NoProfile', '-Command', script])[0] for _ in range(5))
        row('filter, sort, top 10 of 10,000 JSON objects', ours, '`python3`', min(run_cpu([python(), '-c', py])[0] for _ in range(5)), 0.2)
        if shutil.which('jq'):
            jq = min(run_cpu(['jq', '-c', '[.[]|select(.size>1000000)]|sort_by(-.size)|.[:10]', path])[0] for _ in range(3))
            row('the same', ours, '`jq`', jq, 0.07)


class Sshd:
    """A stock OpenSSH server on loopback, with the same key. Its home folder is empty: Debian's bash, started by sshd, reads ~/.bashrc,
    and what that runs on this machine is no cost of sshd's."""
    def __init__(self, key, address='127.0.0.1', sftp=False):
        self.address = address
        self.dir = tempfile.mkdtemp(prefix='reeve-sshd.')
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{self.dir}/host'], check=True)
        shutil.copy(key + '.pub', f'{self.dir}/authorized')
        os.makedirs('/run/sshd', exist_ok=True)
        os.makedirs(f'{self.dir}/home')
        with socket.socket() as s:
            s.bind((address, 0))
            self.port = s.getsockname()[1]
        with open(f'{self.dir}/config', 'w') as f:
            f.write(f'Port {self.port}\nListenAddress {address}\nHostKey {self.dir}/host\nAuthorizedKeysFile {self.dir}/authorized\nStrictModes no\nUsePAM no\n'
                    f'PidFile none\nPermitRootLogin yes\nMaxStartups 200\nSetEnv HOME={self.dir}/home\n'
                    + ('Subsystem sftp /usr/lib/openssh/sftp-server\n' if sftp else ''))
        self.proc = subprocess.Popen(['/usr/sbin/sshd', '-D', '-f', f'{self.dir}/config', '-E', f'{self.dir}/log'])
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((address, self.port)).close()
                break
            except OSError:
                if time.monotonic() > until:
                    sys.exit('sshd did not start: ' + open(f'{self.dir}/log').read())
                time.sleep(0.02)

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        shutil.rmtree(self.dir)


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for p in found:
        try:
            for task in os.listdir(f'/proc/{p}/task'):
                found += [int(c) for c in open(f'/proc/{p}/task/{task}/children').read().split()]
        except OSError:
            pass
    return found


def private(pids):
    """Bytes of memory that are theirs alone."""
    total = 0
    for p in pids:
        try:
            total += sum(int(line.split()[1]) for line in open(f'/proc/{p}/smaps_rollup') if line.startswith(('Private_Clean', 'Private_Dirty')))
        except OSError:
            pass
    return total * 1024


def used(server):
    """CPU seconds of a server and all that it has started, the ended ones too."""
    total = 0
    for p in tree(server.pid):
        try:
            total += sum(int(n) for n in open(f'/proc/{p}/stat').read().rsplit(')', 1)[1].split()[11:15])
        except OSError:
            pass
    return total / os.sysconf('SC_CLK_TCK')


def switches(pids):
    """How often they have been woken."""
    total = 0
    for p in pids:
        for t in os.listdir(f'/proc/{p}/task'):
            total += sum(int(line.split()[1]) for line in open(f'/proc/{p}/task/{t}/status') if 'voluntary_ctxt' in line)
    return total


def idle_agent(build):
    """The agent as it is installed (all providers, the default history) that nobody has asked for a while, and snmpd as Debian starts it."""
    if not shutil.which('snmpd', path='/usr/sbin:/usr/bin') or os.geteuid():
        print('SKIP idle: needs root and snmpd', flush=True)
        return
    agent = Agent(build)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    snmpd = subprocess.Popen(['/usr/sbin/snmpd', '-LOw', '-u', 'Debian-snmp', '-g', 'Debian-snmp', '-I', '-smux,mteTrigger,mteTriggerConf', '-f', f'udp:127.0.0.1:{port}'],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pss = lambda p: int(re.search(r'^Pss: +(\d+)', open(f'/proc/{p.pid}/smaps_rollup').read(), re.M).group(1)) * 1024
    try:
        time.sleep(90)   # history has read everything once, and what that left has been given back
        woken = [switches([p.pid]) for p in (agent.proc, snmpd)]
        time.sleep(60)
        woken = [switches([p.pid]) - w for p, w in zip((agent.proc, snmpd), woken)]
        print(f'idle: the agent was woken {woken[0]} times in 60 s, snmpd {woken[1]} times', flush=True)
        row('the agent, idle, all providers and history', pss(agent.proc) / 1e9, 'snmpd', pss(snmpd) / 1e9, 0.5, 'MB PSS')
    finally:
        snmpd.terminate()
        snmpd.wait()
        agent.stop()


def ssh(build):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../integration'))
    os.environ['REEVE_BUILD'] = build
    import sshhost
    host = sshhost.Host()
    sshd = Sshd(host.key)

    def login(server, port, command, count=25):
        """Median wall seconds of one login with a command, seen by the client; CPU seconds of the server's side."""
        before = used(server)
        out = subprocess.run([f'{build}/tests/bench/login', str(port), host.user, host.key, str(count), command], capture_output=True, text=True)
        if out.returncode:
            sys.exit(out.stderr)
        time.sleep(0.1)  # the last ones end
        return float(out.stdout.split()[1]), (used(server) - before) / count

    def idle(server, port, n=20):
        """Bytes that one connection without a command costs, and how often the servers' processes are woken in five seconds of n of them."""
        before = private(tree(server.pid))
        client = ['ssh', '-F', '/dev/null', '-i', host.key, '-p', str(port), '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR',
                  '-o', 'IdentitiesOnly=yes', '-N', f'{host.user}@127.0.0.1']
        controls = [os.path.join(host.dir, f'{port}.{i}') for i in range(n)]
        clients = [subprocess.Popen([*client, '-M', '-S', c], stdin=subprocess.DEVNULL) for c in controls]
        until = time.monotonic() + 60
        while not all(os.path.exists(c) for c in controls):   # made after login
            if time.monotonic() > until:
                sys.exit(f'not all of {n} clients could log in at port {port}')
            time.sleep(0.1)
        time.sleep(3)  # what a worker thread has left to do after them
        pids = tree(server.pid)
        grown, woken = private(pids) - before, switches(pids)
        time.sleep(5)
        woken = switches(pids) - woken
        print(f'port {port}: {n} idle connections, {len(pids)} processes woken {woken} times in 5 s', flush=True)
        for c in clients:
            c.kill()
            c.wait()
        return grown / n

    try:
        ours, theirs, objects = [], [], []
        for _ in range(6):
            ours.append(login(host.proc, host.port, 'exit'))
            theirs.append(login(sshd.proc, sshd.port, 'true'))
            objects.append(login(host.proc, host.port, 'Get-Process -Id 1'))
        for i, unit, goal in ((0, 'ms wall', 0.1), (1, 'ms CPU of the server', 0.15)):
            best = [min(t[i] for t in figures) for figures in (ours, theirs, objects)]
            row('SSH login plus one command (`exit`; `true`)', best[0], "OpenSSH's sshd", best[1], goal, unit)
            row('SSH login plus `Get-Process -Id 1`', best[2], "`true` by OpenSSH's sshd", best[1], goal if i == 0 else 0.3, unit)
        row('an idle SSH connection', idle(host.proc, host.port) / 1e9, "OpenSSH's sshd", idle(sshd.proc, sshd.port) / 1e9, 0.5, 'MB private')
    finally:
        sshd.stop()
        host.stop()


def connections(build, n):
    """n idle SSH connections held at once; sshd with 200, whose memory for each does not depend on how many there are."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../integration'))
    os.environ['REEVE_BUILD'] = build
    import sshhost
    host = sshhost.Host(config=f'[ssh]\nsessions = {n + 16}\nsessions_per_user = {n + 16}\n')
    sshd = Sshd(host.key)

    def held(server, port, count):
        before = private(tree(server.pid))
        client = subprocess.Popen([f'{build}/tests/bench/idle', str(port), host.user, host.key, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            there = int(client.stdout.readline())
            time.sleep(4)
            pids = tree(server.pid)
            grown, woken, cpu = private(pids) - before, switches(pids), used(server)
            time.sleep(60)   # each is asked once a minute whether it is there
            woken, cpu = switches(pids) - woken, used(server) - cpu
            client.stdin.close()
            left = int(client.stdout.readline())
            print(f'port {port}: {there} of {count} connections, {left} a minute later, {len(pids)} processes woken {woken} times meanwhile, {cpu:.2f} s of CPU',
                  flush=True)
            if not there == left == count:
                sys.exit(f'{count} connections were not held')
            return grown / count
        finally:
            client.kill()
            client.wait()

    try:
        row(f'an idle SSH connection of {n} held', held(host.proc, host.port, n) / 1e9, "of 200, OpenSSH's sshd", held(sshd.proc, sshd.port, 200) / 1e9, 0.25,
            'MB private')
    finally:
        sshd.stop()
        host.stop()


def transfers(build, megabytes=200):
    """A file fetched and put by sftp, and what the server's side takes for it."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../integration'))
    os.environ['REEVE_BUILD'] = build
    import sshhost
    host = sshhost.Host()
    sshd = Sshd(host.key, sftp=True)
    big = os.path.join(host.dir, 'big')
    with open(big, 'wb') as f:
        for _ in range(megabytes):
            f.write(os.urandom(1 << 20))

    def one(server, port, batch):
        before = used(server)
        r = subprocess.run(['sftp', '-q', '-F', '/dev/null', '-P', str(port), '-i', host.key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
                            '-o', 'LogLevel=ERROR', '-o', 'IdentitiesOnly=yes', '-c', 'aes128-gcm@openssh.com', '-b', '-', f'{host.user}@127.0.0.1'],
                           input=batch, capture_output=True, text=True, timeout=120)
        if r.returncode:
            sys.exit(r.stderr)
        time.sleep(0.2)
        return used(server) - before

    try:
        for name, batch in (('fetched', f'get {big} {big}.got'), ('put', f'put {big} {big}.put')):
            ours, theirs = [], []
            for _ in range(4):
                ours.append(one(host.proc, host.port, batch))
                theirs.append(one(sshd.proc, sshd.port, batch))
            row(f'a file of {megabytes} MB {name} by sftp', min(ours), "sftp-server of OpenSSH's sshd", min(theirs), 1.5, 'ms CPU of the server')
    finally:
        sshd.stop()
        host.stop()


HEAD = ['| what | reeve | peer | peer\'s | ratio | goal | met |', '|---|---|---|---|---|---|---|']


def within(pid, name):
    """The process of that name below another."""
    todo = [pid]
    while todo:
        pid = todo.pop()
        try:
            if open(f'/proc/{pid}/comm').read().strip() == name:
                return pid
            todo += [int(c) for t in os.listdir(f'/proc/{pid}/task') for c in open(f'/proc/{pid}/task/{t}/children').read().split()]
        except OSError:
            continue
    raise RuntimeError(f'no {name} there')


def engine_list(socket_path, count):
    """Wall seconds of the engine's own list, over one connection."""
    import http.client
    c = http.client.HTTPConnection('engine')
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(socket_path)
    start = time.perf_counter()
    for _ in range(count):
        c.request('GET', '/v1.41/containers/json?all=1')
        c.getresponse().read()
    return (time.perf_counter() - start) / count


def containers(build, n=50):
    """A list of running containers, beside docker ps and the engine's own list; with their usage, beside docker stats. In a
    machine of the lab with Debian's Docker; what the engine spends counts for whoever made it."""
    lab_folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lab')
    sys.path[:0] = [lab_folder, os.path.join(os.path.dirname(lab_folder), 'integration')]
    os.environ['REEVE_BUILD'] = os.path.abspath(build)
    import lablib
    with lablib.Lab() as lab:
        m = lab.machine('bench', 'docker')
        m.run('for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done; mkdir -p /tmp/b/bin && cp /bin/busybox /tmp/b/bin/ && ln -s busybox /tmp/b/bin/sleep && '
              f'tar -C /tmp/b -c . | docker import - bb:1 && for i in $(seq {n}); do docker run -d --name c$i bb:1 /bin/sleep 1000 || exit 1; done', timeout=120, check=True)
        agent = Agent.__new__(Agent)
        agent.socket, agent.ask = m.agent(), f'{build}/tests/bench/ask'
        agent.proc = argparse.Namespace(pid=within(m.leader, 'reeve-agent') if m.agent_proc is None else within(m.agent_proc.pid, 'reeve-agent'))
        engines = [within(m.leader, 'dockerd'), within(m.leader, 'containerd')]
        spent = lambda: sum(cpu_of(p) for p in engines)
        columns = ['Id', 'Image', 'Command', 'Created', 'Status', 'Ports', 'Name']
        usage = ['Name', 'CpuUsage', 'MemoryUsage', 'PidsCurrent', 'NetworkReceived', 'NetworkSent', 'BlockRead', 'BlockWritten']
        nothing = min(run_cpu(m.nsenter() + ['/bin/true'])[0] for _ in range(5))
        agent.call('EnumerateInstances', {'ClassName': 'Container', 'PropertyList': columns})
        figures = {}
        for name, wanted in (('list', columns), ('usage', usage)):
            best = []
            for _ in range(5):
                before = spent()
                cpu, wall, size = agent.call('EnumerateInstances', {'ClassName': 'Container', 'PropertyList': wanted}, 100)
                best.append((cpu + (spent() - before) / 100, wall))
            figures[name] = [min(x) for x in zip(*best)]
        peers = {}
        for name, argv, rounds in (('ps', ['docker', 'ps', '-a'], 5), ('stats', ['docker', 'stats', '--no-stream'], 3)):
            best = []
            for _ in range(rounds):
                before = spent()
                cpu, wall, _ = run_cpu(m.nsenter() + argv)
                best.append((cpu - nothing + spent() - before, wall))
            peers[name] = [min(x) for x in zip(*best)]
        path, own = f'/proc/{m.leader}/root/run/docker.sock', []
        for _ in range(5):
            before = spent()
            engine_list(path, 50)
            own.append((spent() - before) / 50)
        row(f'{n} containers, the columns of docker ps', figures['list'][0], 'docker ps -a', peers['ps'][0], 0.01)
        row(f'{n} containers, the same', figures['list'][0], "the engine's own list, its side alone", min(own), 0.05)
        row(f'{n} containers with what they use', figures['usage'][0], 'docker stats --no-stream', peers['stats'][0], 0.005)
        row(f'{n} containers with what they use', figures['usage'][1], 'docker stats --no-stream', peers['stats'][1], 0.002, 'ms wall')


def stock(fleet):
    """OpenSSH servers at the addresses of those that answer, and a configuration of ssh for them."""
    servers = [Sshd(fleet.key, fleet.address[name]) for name in fleet.good]
    known, config = f'{fleet.dir}/stock-hosts', f'{fleet.dir}/stock-config'
    with open(known, 'w') as f:
        f.writelines(f'[{s.address}]:{s.port} {" ".join(open(s.dir + "/host.pub").read().split()[:2])}\n' for s in servers)
    with open(config, 'w') as f:
        f.writelines(f'Host {name}\n HostName {s.address}\n Port {s.port}\n' for name, s in zip(fleet.good, servers))
        f.write(f'Host *\n User {fleet.user}\n IdentityFile {fleet.key}\n IdentitiesOnly yes\n UserKnownHostsFile {known}\n LogLevel ERROR\n'
                ' KexAlgorithms curve25519-sha256\n')   # what reeved does: the default's sntrup761 takes most of a login
    return config, servers


def hosts(build, n):
    """n hosts of which a tenth does not answer: Invoke-Command on all of them, until the last answer; the peer has only those that answer."""
    os.environ['REEVE_BUILD'] = build
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'integration'))
    import fleetlib
    fleetlib.BUILD = build
    fleet = fleetlib.Fleet(n, n // 20, n // 40, n // 40)
    config, servers = stock(fleet)
    script = (f'Invoke-Command -HostName {",".join(fleet.names)} -ThrottleLimit {n} -ConnectingTimeout 3000 {{ $PID }} -ErrorVariable e -ErrorAction SilentlyContinue |'
              'ForEach-Object { $n++; $last = [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds() }; "$n $last"; $e | ForEach-Object { "$($_.TargetObject) $($_.FullyQualifiedErrorId)" }')
    want = {**{h: 'HostRefused' for h in fleet.refusing}, **{h: 'HostLate' for h in fleet.hung}, **{h: 'HostUnreachable' for h in fleet.dead}}

    def ours():
        begin, before = time.time(), children()
        first, *rest = fleet.reeve(script).stdout.splitlines()
        for pid in (int(p) for p in open(f'/proc/self/task/{os.getpid()}/children').read().split()):
            if open(f'/proc/{pid}/comm').read() == 'reeve-fan\n':   # ours to wait for, see below
                os.waitpid(pid, 0)
        count, last = first.split()
        told = {line.split()[0]: line.split()[1].split(',')[0] for line in rest}
        if int(count) != len(fleet.good) or told != want:
            raise SystemExit(f'not every host is told as it is: {count}, {told}')
        return int(last) / 1000 - begin, children() - before

    def theirs(config, command):
        begin, before = time.time(), children()
        r = subprocess.run(['xargs', '-P', str(n), '-I{}', 'ssh', '-F', config, '{}', command], input='\n'.join(fleet.good), text=True, capture_output=True)
        if r.returncode or r.stdout.count('\n') != len(fleet.good):
            raise SystemExit(f'ssh: {r.returncode} {r.stderr[:500]}')
        return time.time() - begin, children() - before

    ctypes.CDLL(None).prctl(36, 1)   # PR_SET_CHILD_SUBREAPER: reeve-fan's CPU time counts, too
    try:
        runs = [(*ours(), *theirs(config, 'echo 1'), *theirs(fleet.config, '$PID')) for _ in range(3)]
        wall, cpu, stock_wall, stock_cpu, same_wall, same_cpu = (min(r[i] for r in runs) for i in range(6))
        row(f'{n} hosts, a tenth of them dead, hung or refusing: until the last answer', wall, f'{len(fleet.good)} parallel `ssh` to OpenSSH', stock_wall, 0.3, 'ms wall')
        row('the same', wall, f'{len(fleet.good)} parallel `ssh` to the same agents', same_wall, 0.3, 'ms wall')
        row('the same, the client alone', cpu, f'{len(fleet.good)} parallel `ssh` to the same agents', min(stock_cpu, same_cpu), 0.3, 'ms CPU')
    finally:
        for s in servers:
            s.stop()
        fleet.stop()


def chef(build):
    os.environ['REEVE_BUILD'] = os.path.abspath(build)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import chefbench
    chefbench.run(os.path.abspath('.'), row)


# Connects to itself n / 2 times; then wakes at each line that it is sent.
HOLDER = """
import resource, socket, sys
n = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, n + 100))
listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen(1000)
keep = []
for i in range(n // 2):
    keep += [socket.create_connection(listener.getsockname()), listener.accept()[0]]
print('ready', flush=True)
for line in sys.stdin: print('awake', flush=True)
"""


def network(build):
    """In network and process namespaces of its own: it makes a thousand interfaces."""
    if os.geteuid() != 0 or not all(map(shutil.which, ('ip', 'ss', 'unshare'))):
        print('network: needs root, ip, ss and unshare')
        return
    out = subprocess.run(['unshare', '-nmpf', '--mount-proc', '--kill-child', sys.executable, os.path.abspath(__file__), '--build', build, '--inside'],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in out.splitlines():
        what, ours, peer, theirs, limit = json.loads(line)
        row(what, ours, peer, theirs, limit)


def network_inside(build):
    tell = lambda *row: print(json.dumps(row), flush=True)
    batch = ''.join(f'link add m{i} type veth peer name mm{i}\naddr add 10.1.{i // 250}.{i % 250}/32 dev m{i}\naddr add 10.2.{i // 250}.{i % 250}/32 dev mm{i}\n'
                    f'link set m{i} up\nlink set mm{i} up\n' for i in range(500))
    subprocess.run('mount -t sysfs none /sys && ip link set lo up && ip -batch -', shell=True, input=batch, text=True, check=True)
    while subprocess.run(['ip', 'link', 'show', 'up'], stdout=subprocess.PIPE, text=True).stdout.count('state UP') < 1000:
        time.sleep(0.1)
    agent = Agent(build)
    time.sleep(3)  # it writes down what there is, for its history
    ask = lambda name, **more: agent.call('EnumerateInstances', {'ClassName': name, **more}, 5)[0]
    ours = min(ask('NetAdapter') + ask('NetIPAddress') for _ in range(15))
    tell('1000 interfaces with their addresses, again', ours, '`ip -j -s addr`', min(run_cpu(['ip', '-j', '-s', 'addr'])[0] for _ in range(15)), 0.3)
    holder = subprocess.Popen([sys.executable, '-c', HOLDER, '10000'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    ss = min(run_cpu(['ss', '-tnp'])[0] for _ in range(7))
    owned = {'PropertyList': ['LocalAddress', 'LocalPort', 'RemoteAddress', 'RemotePort', 'State', 'ReceiveQueue', 'SendQueue', 'OwningProcess'],
             'Filter': "State = 'Established'"}
    awake = []
    for _ in range(7):
        holder.stdin.write('wake\n')
        holder.stdin.flush()
        holder.stdout.readline()
        time.sleep(0.05)
        awake.append(agent.call('EnumerateInstances', {'ClassName': 'NetTCPConnection', **owned})[0])
    time.sleep(0.1)
    tell('10000 sockets with their owner, which sleeps', min(ask('NetTCPConnection', **owned) for _ in range(7)), '`ss -tnp`', ss, 0.3)
    tell('the same, it has run meanwhile', min(awake), '`ss -tnp`', ss, 0.3)
    agent.stop()
    holder.stdin.close()
    holder.wait()


def packages(build):
    if not shutil.which('dpkg-query'):
        return
    agent = Agent(build)
    n = len(subprocess.run(['dpkg-query', '-W'], stdout=subprocess.PIPE, text=True).stdout.splitlines())
    ask = lambda: agent.call('EnumerateInstances', {'ClassName': 'Package', 'PropertyList': ['Name', 'Version', 'Architecture']}, 5)[0]
    row(f'{n} packages', min(ask() for _ in range(15)), '`dpkg-query -W`', min(run_cpu(['dpkg-query', '-W'])[0] for _ in range(15)), 0.2)
    agent.stop()


def lines():
    out = []
    for what, ours, peer, theirs, ratio, limit, unit in ROWS:
        out.append(f'| {what} | {ours * 1e3:.3f} {unit} | {peer} | {theirs * 1e3:.3f} {unit} | {ratio:.3g} | <= {limit:g} | '
                   f'{"yes" if ratio <= limit else "**no**"} |')
    return out


def write(path='docs/performance.md'):
    """Rows of the same work, peer and unit are replaced, others stay."""
    page = open(path).read()
    name = lambda line: [re.sub(r'^[0-9.]+ ', '', cell.strip()) for cell in line.split('|')[1:4]]
    old = [line for line in re.search(r'<!-- bench -->(.*)<!-- end -->', page, re.S).group(1).strip().split('\n')[2:] if line]
    new = {tuple(name(line)): line for line in lines()}
    kept = [new.pop(tuple(name(line)), line) for line in old]
    table = '\n'.join(HEAD + kept + list(new.values()))
    page = re.sub(r'(<!-- bench -->).*(<!-- end -->)', lambda m: f'{m.group(1)}\n{table}\n{m.group(2)}', page, flags=re.S)
    open(path, 'w').write(page)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--build', default='build')
    ap.add_argument('--quick', action='store_true')
    ap.add_argument('--write', action='store_true')
    ap.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    ap.add_argument('only', nargs='*')
    opts = ap.parse_args()
    if opts.inside:
        return network_inside(opts.build)
    parts = {'ssh': lambda: ssh(opts.build), 'start': lambda: start(opts.build), 'objects': lambda: objects(opts.build),
             'queries': lambda: queries(opts.build, 1000 if opts.quick else 10000), 'processes': lambda: processes(opts.build, 1000 if opts.quick else 10000)}
    parts['hosts'] = lambda: hosts(opts.build, 40 if opts.quick else 200)
    parts['connections'] = lambda: connections(opts.build, 1000 if opts.quick else 10000)
    parts['idle'] = lambda: idle_agent(opts.build)
    parts['transfers'] = lambda: transfers(opts.build)
    parts['containers'] = lambda: containers(opts.build)
    parts['chef'] = lambda: chef(opts.build)
    parts['network'] = lambda: network(opts.build)
    parts['packages'] = lambda: packages(opts.build)
    for name, part in parts.items():
        if not opts.only or name in opts.only:
            part()
    print('\n'.join(HEAD + lines()))
    if opts.write:
        write()


main()
