# SPDX-License-Identifier: MIT
"""A host reached by SSH: reeved on loopback with throwaway keys, as docs/demo.sh starts it, and what a client needs."""
import os, shutil, subprocess, tempfile, time, getpass

BUILD = os.environ.get('REEVE_BUILD', 'build')


class Host:
    def __init__(self, agent=None, more=(), config=None):
        """agent: another program than reeve-agent, under the build folder; config: text of reeve.conf."""
        self.dir = tempfile.mkdtemp(prefix='reeve-host.')
        os.chmod(self.dir, 0o700)
        j = lambda *p: os.path.join(self.dir, *p)
        self.user = getpass.getuser()
        os.makedirs(j('state')); os.makedirs(j('keys.d'))
        self.key, self.known_hosts, self.socket = j('key'), j('known_hosts'), j('agent.sock')
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', self.key], check=True)
        shutil.copy(self.key + '.pub', j('keys.d', self.user + '.keys'))
        self.reeve_conf = j('reeve.conf')
        if config is not None:
            with open(self.reeve_conf, 'w') as f:
                f.write(config)
        self.proc = subprocess.Popen([f'{BUILD}/bin/reeved', '--foreground', '--state', j('state'), '--socket', self.socket,
                                      '--keys-dir', j('keys.d'), '--listen', '127.0.0.1', '--ssh-port', '0',
                                      *(['--agent', f'{BUILD}/{agent}'] if agent else []), *more,
                                      *(['--config', self.reeve_conf] if config is not None else [])],
                                     stdout=open(j('log'), 'w'), stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        pub = j('state', 'ssh_host_ed25519_key.pub')
        while not (os.path.exists(j('state', 'ssh-port')) and os.path.getsize(j('state', 'ssh-port')) and os.path.exists(pub)):
            if time.monotonic() > end or self.proc.poll() is not None:
                raise SystemExit('reeved did not start: ' + open(j('log')).read())
            time.sleep(0.05)
        self.port = int(open(j('state', 'ssh-port')).read())
        with open(self.known_hosts, 'w') as f:
            f.write(f'[127.0.0.1]:{self.port} ' + ' '.join(open(pub).read().split()[:2]) + '\n')
        self.options = ['-o', 'IdentitiesOnly=yes', '-o', f'UserKnownHostsFile={self.known_hosts}', '-o', 'StrictHostKeyChecking=yes',
                        '-o', 'LogLevel=ERROR']
        self.config = j('ssh_config')
        with open(self.config, 'w') as f:
            f.write(f'Host reeve-host reeve-{self.port}\n HostName 127.0.0.1\n Port {self.port}\n User {self.user}\n IdentityFile {self.key}\n'
                    f' IdentitiesOnly yes\n UserKnownHostsFile {self.known_hosts}\n StrictHostKeyChecking yes\n LogLevel ERROR\n')

    def ssh(self, *command, **kw):
        return subprocess.run(['ssh', '-F', self.config, 'reeve-host', *command], capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, **kw)

    def service(self, name):
        """The process of that name that reeved keeps alive, as text; '' while there is none."""
        return subprocess.run(['pgrep', '-x', name, '-P', str(self.proc.pid)], capture_output=True, text=True).stdout.strip()

    def children(self, name):
        """The processes of that name that reeved has had reeve-login start, as text."""
        found = []
        login = self.service('reeve-login')
        for p in filter(str.isdigit, os.listdir('/proc')):
            try:
                if open(f'/proc/{p}/comm', errors='replace').read() == name + '\n' and f'PPid:\t{login}\n' in open(f'/proc/{p}/status', errors='replace').read():
                    found.append(p)
            except OSError:
                pass
        return found

    def stop(self):
        self.proc.terminate()
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
