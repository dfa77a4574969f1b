# SPDX-License-Identifier: MIT
"""The lab: machines booted with a real init system in namespaces of their own, for tests.

    with lablib.Lab() as lab:
        m = lab.machine('one')              # Debian 12 with systemd; kinds: systemd network docker containers podman bare rpm openrc runit sysv
        m.run('systemctl is-system-running')            # -> CompletedProcess
        agent = m.agent()                   # reeve-agent inside, as root: an agentlib.Client outside

Everything ends with the `with`. Needs root, systemd-nspawn, mmdebstrap; without: SystemExit(77) that names what is missing.
"""
import ctypes, os, re, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build'))
BOOTED = ('systemd', 'network', 'docker', 'containers', 'podman', 'rpm', 'bare')   # those that say when they are ready
IMAGES = os.environ.get('REEVE_LAB_IMAGES', '/var/lib/reeve-lab')


def skip(why):
    print(f'SKIP the lab: {why}')
    sys.exit(77)


def need():
    """Ends the test (77) when the lab cannot be had here."""
    if os.geteuid() != 0:
        skip('needs root')
    for tool in ('systemd-nspawn', 'mmdebstrap', 'unshare', 'nsenter', 'ip', 'zstd'):
        if not shutil.which(tool):
            skip(f'{tool} is not installed')
    if subprocess.run(['unshare', '-mnpuiCf', 'true'], capture_output=True).returncode:
        skip('namespaces cannot be made here (unshare)')


def watchable(wanted=8, patience=120):
    """A booting systemd ends at once where it gets no inotify instance, and there are 128 for all of root's programs on this host, whatever
    container they are in: waits for what others hold, and skips when they keep it."""
    libc, end = ctypes.CDLL(None), time.monotonic() + patience
    while True:
        got = [libc.inotify_init() for _ in range(wanted)]
        for fd in got:
            if fd >= 0:
                os.close(fd)
        if min(got) >= 0:
            return
        if time.monotonic() > end:
            skip(f'other programs of this host hold its inotify instances (fs.inotify.max_user_instances), and {wanted} are needed')
        time.sleep(0.5)


def answers(path):
    """Does somebody listen at this socket?"""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


def image(kind):
    path = os.path.join(IMAGES, kind)
    os.makedirs(IMAGES, exist_ok=True)
    with open(os.path.join(IMAGES, '.lock'), 'w') as lock:
        import fcntl
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(['sh', os.path.join(HERE, 'image.sh'), kind, path], capture_output=True, text=True)
    if done.returncode:
        skip(f'the image {kind} cannot be made: {done.stderr.strip().splitlines()[-1:]}')
    return path


def unit_run(env):
    """systemd-run with what agent/units/reeve-agent.service forbids: the providers' tests then show that it forbids nothing they need."""
    said = []
    for line in open(os.path.join(ROOT, 'agent/units/reeve-agent.service')):
        if re.match(r'(Capability|NoNew|Restrict|Lock|Keyring|System|Protect|Private|Memory)', line):
            said += ['-p', line.strip()]
    return ['systemd-run', '--quiet', '--pipe', '--wait', '--collect', *said, *(f'--setenv={k}={v}' for k, v in env.items())]


class Machine:
    def __init__(self, lab, name, kind, ip, args):
        watchable()
        self.lab, self.name, self.kind, self.ip = lab, name, kind, ip
        self.share = os.path.join(lab.dir, name)
        self.base = image(kind)
        os.makedirs(self.share)
        self.notify_path = os.path.join(lab.dir, name + '.notify')
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.leader = None
        env = dict(os.environ, BASE=self.base, BUILD=BUILD, NOTIFY_SOCKET=self.notify_path)
        if kind not in BOOTED:
            args = ['--notify-ready=no', *args]
        else:
            args = ['--notify-ready=yes', *args]
        if kind in ('docker', 'containers', 'bare'):
            self.docker_dir = os.path.join(lab.dir, name + '.docker')
            os.makedirs(self.docker_dir)
            args = ['--system-call-filter=@keyring bpf', f'--bind={self.docker_dir}:/var/lib/docker', *args]
        self.log = open(os.path.join(lab.dir, name + '.log'), 'wb')
        self.proc = subprocess.Popen(lab.enter('-m', '-n', '-p', '-u', '-i', '-C') + [os.path.join(HERE, 'mach-up'), name, ip, self.share, *args],
                                     env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def wait(self, timeout=60):
        self.notify.settimeout(0.5)
        end = time.monotonic() + timeout
        ready = False
        while time.monotonic() < end and not ready:
            if self.proc.poll() is not None:
                break
            try:
                text = self.notify.recv(4096).decode()
            except TimeoutError:
                continue
            for line in text.splitlines():
                if line.startswith('X_NSPAWN_LEADER_PID='):
                    # as seen inside the lab's pid namespace: found again from outside by its namespaces
                    self.inner = int(line.split('=')[1])
                ready |= line == 'READY=1' and (self.kind in BOOTED or hasattr(self, 'inner'))
        if not ready:
            tail = open(self.log.name, 'rb').read()[-2000:].decode('utf-8', 'replace')
            raise RuntimeError(f'{self.name} did not come up: {tail}')
        self.leader = self.lab.outer_pid(self.inner, self.proc.pid)
        return self

    def nsenter(self):
        return ['nsenter', '-t', str(self.leader), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w']

    def popen(self, *argv, **kw):
        return subprocess.Popen(self.nsenter() + list(argv), **kw)

    def run(self, command, timeout=60, check=False, **kw):
        """A shell command inside, as root."""
        return subprocess.run(self.nsenter() + ['/bin/sh', '-c', command], capture_output=True, text=True, timeout=timeout, check=check, **kw)

    def agent(self, *args, name='agent', sandbox=True):
        """Starts reeve-agent inside, in the sandbox of its unit where systemd runs; answers the path of its socket as seen from outside."""
        path = os.path.join(self.share, name + '.sock')
        env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LANG': 'C.UTF-8', 'STATE_DIRECTORY': f'/lab/{name}.state'}
        log = open(os.path.join(self.share, name + '.log'), 'wb')
        run = unit_run(env) if sandbox and self.kind in BOOTED else []
        proc = self.popen(*run, '/opt/reeve/bin/reeve-agent', '--socket', f'/lab/{name}.sock', *args, stdin=subprocess.DEVNULL,
                          stdout=log, stderr=log, env=env)
        for _ in range(1500):
            if answers(path):
                break
            if proc.poll() is not None:
                raise RuntimeError('the agent ended: ' + open(log.name).read()[-1000:])
            time.sleep(0.02)
        self.agent_proc = proc
        return path

    def reboot(self, timeout=60):
        """A real one: what lies on its disk stays, and its init is another process then. The agent is to be started anew."""
        before = self.leader
        self.run('systemctl reboot', timeout=timeout)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            new = self.lab.inner_init(self.proc.pid)
            if new and new != before:
                self.leader = new
                if self.run('systemctl is-active multi-user.target').stdout == 'active\n':
                    return self
            time.sleep(0.1)
        raise RuntimeError(f'{self.name} did not come up again')

    def stop(self):
        if self.proc.poll() is None and self.leader:
            self.run('systemctl poweroff --force' if self.kind in BOOTED else 'telinit 0', timeout=20)
            try:
                self.proc.wait(20)
            except subprocess.TimeoutExpired:
                pass


class Lab:
    def __init__(self):
        need()
        self.dir = tempfile.mkdtemp(prefix='rvlab.', dir='/tmp')
        self.machines, self.next = {}, 10
        self.proc = subprocess.Popen([os.path.join(HERE, 'lab-run'), '/bin/sh', '-c', 'echo ready; while :; do sleep 3600 & wait; done'],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        if self.proc.stdout.readline() != b'ready\n':
            skip('the lab did not start: ' + self.proc.stderr.read().decode()[-500:])
        self.init = self._find_init()

    def _children(self, pid):
        try:
            return [int(p) for p in open(f'/proc/{pid}/task/{pid}/children').read().split()]
        except OSError:
            return []

    def _find_init(self):
        """The outer pid of the lab's PID 1."""
        todo = [self.proc.pid]
        while todo:
            pid = todo.pop()
            for line in open(f'/proc/{pid}/status', errors='replace'):
                if line.startswith('NSpid:') and line.split()[-1] == '1' and len(line.split()) > 2:
                    return pid
            todo += self._children(pid)
        raise RuntimeError('the lab has no init')

    def enter(self, *what):
        return ['nsenter', '-t', str(self.init), *what, '--']

    def outer_pid(self, inner, under):
        """A pid as the lab's namespace sees it -> as this one does. Other labs may run beside: it descends from `under`."""
        def parents(pid):
            while pid > 1:
                yield pid
                pid = int(open(f'/proc/{pid}/stat', errors='replace').read().rsplit(')', 1)[1].split()[1])
        for name in os.listdir('/proc'):
            if not name.isdigit():
                continue
            try:
                for line in open(f'/proc/{name}/status', errors='replace'):
                    if line.startswith('NSpid:'):
                        pids = [int(p) for p in line.split()[1:]]
                        if len(pids) >= 2 and pids[-2] == inner and pids[-1] == 1 and under in parents(int(name)):
                            return int(name)
            except OSError:
                continue
        raise RuntimeError(f'no process is {inner} in the lab')

    def inner_init(self, under):
        """The pid, as seen here, of the init of the machine that descends from `under`, or None while there is none."""
        todo = [under]
        while todo:
            pid = todo.pop()
            try:
                spaces = [l.split()[1:] for l in open(f'/proc/{pid}/status', errors='replace') if l.startswith('NSpid:')][0]
            except (OSError, IndexError):
                continue
            if len(spaces) > 2 and spaces[-1] == '1':
                return pid
            todo += self._children(pid)
        return None

    def start(self, name, kind='systemd', *args):
        """Begins to boot a machine (several may boot at once); machine.wait() waits for it."""
        self.next += 1
        m = self.machines[name] = Machine(self, name, kind, f'10.99.0.{self.next}', list(args))
        return m

    def machine(self, name, kind='systemd', *args):
        return self.start(name, kind, *args).wait()

    def run(self, *argv, **kw):
        """A program of the host in the lab's network."""
        return subprocess.run(self.enter('-n') + list(argv), capture_output=True, text=True, **kw)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.init, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.proc.pid, signal.SIGKILL)
        for _ in range(50):
            shutil.rmtree(self.dir, ignore_errors=True)
            if not os.path.exists(self.dir):
                break
            time.sleep(0.05)
