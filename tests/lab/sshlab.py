# SPDX-License-Identifier: MIT
"""reeved in a machine of the lab, reached by the real ssh of that machine: keys for root and for other users, roles, terminals."""
import fcntl, os, pty, re, select, shutil, signal, struct, subprocess, termios, time

PORT = 2222


HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'agent', 'units')


class Ssh:
    """As it is installed: units, sandboxes and all. The machine needs openssh-client inside (kind 'containers')."""

    def __init__(self, machine, users=('root',), roles=()):
        self.m = m = machine
        for folder in ('roles.d', 'keys.d', 'units'):
            os.makedirs(os.path.join(m.share, folder), exist_ok=True)
        for name, text in roles:
            with open(os.path.join(m.share, 'roles.d', name + '.role'), 'w') as f:
                f.write(text)
        for name in os.listdir(UNITS):
            if name.endswith(('.service', '.socket')):
                shutil.copy(os.path.join(UNITS, name), os.path.join(m.share, 'units', name))
        shutil.copy(os.path.join(UNITS, 'reeve.sysusers'), os.path.join(m.share, 'units', 'reeve.conf'))
        with open(os.path.join(m.share, 'reeve.conf'), 'w') as f:
            f.write(f'[roles]\ndir = /lab/roles.d\n[ssh]\nport = {PORT}\nlisten = 127.0.0.1\nkeys_dir = /lab/keys.d\n')
        m.run(f'''set -e
            mkdir -p /usr/libexec/reeve /etc/reeve /root/.ssh; cp /opt/reeve/bin/reeve-* /usr/libexec/reeve/; cp /opt/reeve/bin/reeved /usr/sbin/; cp /opt/reeve/bin/reeve /usr/bin/
            cp /lab/units/*.service /lab/units/*.socket /lib/systemd/system/; cp /lab/units/reeve.conf /usr/lib/sysusers.d/; systemd-sysusers 2>/dev/null
            cp /lab/reeve.conf /etc/reeve/; chown -R root: /lab/roles.d /lab/keys.d /etc/reeve; chmod 755 /lab
            ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
            for u in {' '.join(users)}; do cp /root/.ssh/id_ed25519.pub /lab/keys.d/$u.keys; done
            printf 'Host *\\n StrictHostKeyChecking no\\n UserKnownHostsFile /dev/null\\n LogLevel ERROR\\n' > /root/.ssh/config; chmod 600 /root/.ssh/config
            systemctl daemon-reload; timeout 40 systemctl start reeved''', check=True)
        end = time.monotonic() + 30
        while self.run('root', 'exit 7').returncode != 7:
            if time.monotonic() > end:
                raise RuntimeError('reeved: ' + m.run('journalctl -o cat -n 30 -u "reeve*"').stdout)
            time.sleep(0.1)

    def argv(self, user, *command, options=()):
        return ['env', 'HOME=/root', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'ssh', '-p', str(PORT), *options, f'{user}@127.0.0.1', *command]

    def run(self, user, *command, options=(), timeout=60, **kw):
        kw.setdefault('stdin', None if 'input' in kw else subprocess.DEVNULL)
        if kw['stdin'] is None:
            del kw['stdin']
        return subprocess.run(self.m.nsenter() + self.argv(user, *command, options=options), capture_output=True, text=True, timeout=timeout, **kw)

    def terminal(self, user, command, rows=24, columns=80):
        return Terminal(self.m.nsenter() + self.argv(user, command, options=('-tt',)), rows, columns)


class Terminal:
    """A program on a terminal of its own; what it writes is waited for, never slept for."""

    def __init__(self, argv, rows, columns):
        self.master, slave = pty.openpty()
        self.size(rows, columns)

        def own():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.proc = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own, close_fds=True, env=dict(os.environ, TERM='xterm'))
        os.close(slave)
        self.text = ''

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        if hasattr(self, 'proc'):
            self.proc.send_signal(signal.SIGWINCH)

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, pattern, timeout=30):
        """Reads until the pattern is in what came since the last match; the match, or None."""
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return None
            try:
                got = os.read(self.master, 65536)
            except OSError:
                got = b''
            if not got:
                return re.search(pattern, self.text)
            self.text += got.decode('utf-8', 'replace')

    def end(self, timeout=30):
        """Its exit status."""
        limit = time.monotonic() + timeout
        while self.proc.poll() is None and time.monotonic() < limit:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode('utf-8', 'replace')
                except OSError:
                    time.sleep(0.05)
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        os.close(self.master)
        return self.proc.returncode
