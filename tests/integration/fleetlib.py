# SPDX-License-Identifier: MIT
"""Many hosts on this one: each has a loopback address, an agent and an SSH server of its own; some are dead, hang or refuse."""
import os, shutil, signal, socket, subprocess, tempfile, time, getpass

BUILD = os.environ.get('REEVE_BUILD', 'build')


class Fleet:
    """n hosts h0, h1, ... of which the last `dead` have no server, the `hung` before them never answer, the `refusing` before those
    do not know our key. network: the first two bytes of their addresses, for fleets side by side."""
    def __init__(self, n, dead=0, hung=0, refusing=0, network='127.77'):
        self.dir = tempfile.mkdtemp(prefix='reeve-fleet.')
        self.user = getpass.getuser()
        self.key = f'{self.dir}/key'
        self.listeners, self.procs = [], []
        for name in ('key', 'stranger'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{self.dir}/{name}'], check=True)
        names = [f'h{i}' for i in range(n)]
        self.good = names[:n - dead - hung - refusing]
        self.refusing = names[len(self.good):n - dead - hung]
        self.hung = names[n - dead - hung:n - dead]
        self.dead = names[n - dead:]
        self.names = names
        self.address = {name: f'{network}.{i // 250}.{i % 250 + 1}' for i, name in enumerate(names)}
        self.port = {name: 1 for name in self.dead}
        for i, name in enumerate(self.hung):
            self.hang(name, i)
        servers = self.good + self.refusing
        for name in servers:
            self.start(name)
        for name in servers:
            self.wait(name)
        self.configure()

    def start(self, name):
        d = f'{self.dir}/{name}'
        os.makedirs(f'{d}/state')
        os.makedirs(f'{d}/keys.d')
        os.chmod(d, 0o700)
        shutil.copy(f'{self.dir}/{"stranger" if name in self.refusing else "key"}.pub', f'{d}/keys.d/{self.user}.keys')
        with open(f'{d}/log', 'w') as log:
            self.procs.append(subprocess.Popen([f'{BUILD}/bin/reeved', '--foreground', '--state', f'{d}/state', '--socket', f'{d}/agent.sock', '--keys-dir', f'{d}/keys.d',
                                                '--listen', self.address[name], '--ssh-port', '0'], stdout=log, stderr=subprocess.STDOUT))

    def wait(self, name):
        d, end = f'{self.dir}/{name}', time.monotonic() + 60
        port, pub = f'{d}/state/ssh-port', f'{d}/state/ssh_host_ed25519_key.pub'
        while not (os.path.exists(port) and os.path.getsize(port) and os.path.exists(pub) and os.path.getsize(pub)):
            if time.monotonic() > end:
                raise SystemExit(f'{name} did not start: ' + open(f'{d}/log').read())
            time.sleep(0.02)
        self.port[name] = int(open(port).read())

    def hang(self, name, i):
        """Either says nothing at all, or its version and nothing more."""
        s = socket.create_server((self.address[name], 0))
        self.port[name] = s.getsockname()[1]
        self.listeners.append(s)
        if i % 2:
            pid = os.fork()
            if pid == 0:
                kept = []
                while True:
                    c = s.accept()[0]
                    c.sendall(b'SSH-2.0-OpenSSH_9.2p1\r\n')
                    kept.append(c)
            self.procs.append(pid)

    def configure(self):
        with open(f'{self.dir}/known_hosts', 'w') as f:
            for name in self.good + self.refusing:
                pub = open(f'{self.dir}/{name}/state/ssh_host_ed25519_key.pub').read().split()[:2]
                f.write(f'[{self.address[name]}]:{self.port[name]} {" ".join(pub)}\n')
            for name in self.hung:      # known hosts of the past
                f.write(f'[{self.address[name]}]:{self.port[name]} {" ".join(open(f"{self.dir}/key.pub").read().split()[:2])}\n')
        self.config = f'{self.dir}/config'
        with open(self.config, 'w') as f:
            for name in self.names:
                f.write(f'Host {name}\n HostName {self.address[name]}\n Port {self.port[name]}\n')
            f.write(f'Host *\n User {self.user}\n IdentityFile {self.key}\n IdentitiesOnly yes\n UserKnownHostsFile {self.dir}/known_hosts\n'
                    f' StrictHostKeyChecking yes\n LogLevel ERROR\n')
        self.env = dict(os.environ, REEVE_SSH=f'ssh -F {self.config}', NO_COLOR='1', LC_ALL='C.UTF-8')
        self.env.pop('REEVE_SOCKET', None)

    def reeve(self, script, timeout=60):
        return subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', script], capture_output=True, text=True, timeout=timeout, env=self.env,
                              stdin=subprocess.DEVNULL)

    def stop(self):
        pids = [p if isinstance(p, int) else p.pid for p in self.procs]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for p in self.procs:
            if isinstance(p, int):
                os.waitpid(p, 0)
                continue
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for s in self.listeners:
            s.close()
        shutil.rmtree(self.dir, ignore_errors=True)
