# SPDX-License-Identifier: MIT
"""A machine with a kernel of its own, for tests: Debian 12 under qemu in software emulation, resumed from a saved state.

    with vmlib.Vm() as m:
        m.run('lsmod')                      # -> CompletedProcess, as a machine of lablib
        path = m.agent()                    # reeved inside, from its unit; the agent's socket, outside
        m.qmp('device_add', driver='virtio-net-pci', id='n1')
        m.up(m.boot_id())                   # waits for the next boot

The image and the state are made once (a minute) and kept in lablib.IMAGES, under a name that says what they are made of. The disk is read only:
what a test writes is gone with it. qemu runs in a network namespace that leads nowhere; two ports of the guest are sockets outside.
"""
import ctypes, fcntl, hashlib, json, os, shutil, signal, socket, subprocess, sys, tempfile, time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'integration'))
import agentlib, hostlib, lablib
from lablib import HERE, IMAGES, ROOT, BUILD, skip

QEMU = 'qemu-system-x86_64'
DMI = {'bios': dict(type=0, vendor='Reeve Lab Firmware', version='7.3', date='11/28/2023', release='4.2'),
       'system': dict(type=1, manufacturer='Reeve Lab', product='Emulated One', version='rev B', serial='SN-0042', uuid='6f1c2a3e-0d4b-4c5d-8e9f-a0b1c2d3e4f5', sku='SKU-9', family='Testers'),
       'board': dict(type=2, manufacturer='Board Works', product='Main Board', version='1.01', serial='BSN-7', asset='BA-3'),
       'chassis': dict(type=3, manufacturer='Case Makers', version='3', serial='CSN-5', asset='ASSET-11')}
# Little translated code is kept: what a page holds of it is searched at each write there, and a second boot writes over all of the first.
MACHINE = ['-accel', 'tcg,thread=multi,tb-size=48', '-smp', '1', '-cpu', 'max', '-m', '512', '-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc',
           '-append', 'console=ttyS0 root=/dev/vda panic=-1 mitigations=off net.ifnames=0 quiet', '-device', 'virtio-blk-pci,drive=root,serial=ROOT-1',
           '-device', 'virtio-net-pci,netdev=n0,mac=52:54:00:12:34:01,romfile=']
for table in DMI.values():
    MACHINE += ['-smbios', ','.join(f'{k}={v}' for k, v in table.items())]
PORTS = {'exec': 7001, 'agent': 7002}


def need():
    lablib.need()
    for tool in (QEMU, 'socat', 'mke2fs'):
        if not shutil.which(tool):
            skip(f'{tool} is not installed')


def die_with_parent():
    """And goes before others: emulation that gets a tenth of a processor would not be through within any bound. (Where sessions share the processors,
    it is the session's niceness that counts.)"""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    os.nice(-10)
    try:
        with open('/proc/self/autogroup', 'w') as f:
            f.write('-10')
    except OSError:
        pass


def key():
    """What the state is made of, in a word."""
    h = hashlib.sha256()
    for part in (open(os.path.join(HERE, 'image.sh')).read(), open(os.path.join(HERE, 'vm-image.sh')).read(), json.dumps(MACHINE),
                 subprocess.run([QEMU, '--version'], capture_output=True, text=True).stdout, open(os.path.join(IMAGES, 'kernel', '.complete')).read()):
        h.update(part.encode() + b'\0')
    return h.hexdigest()[:12]


class Vm:
    def __init__(self):
        need()
        os.makedirs(IMAGES, exist_ok=True)
        lablib.image('kernel')
        self.home = os.path.join(IMAGES, 'vm-' + key())
        with open(os.path.join(IMAGES, '.lock.vm'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for last in (False, True):
                self.made = not os.path.exists(os.path.join(self.home, 'state'))
                try:
                    if self.made:
                        make(self.home)
                    self._start(self.home, resume=True)
                    break
                except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
                    self.stop()
                    shutil.rmtree(self.home, ignore_errors=True)   # a state that does not live is made anew
                    if last:
                        skip(f'the machine under qemu does not live here: {str(e)[-300:]}')
        self.run(f'date -s @{time.time():.3f} >/dev/null; busybox hwclock -w -u', check=True)

    def _start(self, home, resume):
        self.dir = tempfile.mkdtemp(prefix='rvvm.', dir='/tmp')
        self.console = os.path.join(self.dir, 'console')
        forward = ''.join(f',hostfwd=tcp:127.0.0.1:{p}-:{p}' for p in PORTS.values())
        argv = [QEMU, *MACHINE, '-kernel', f'{home}/vmlinuz', '-initrd', f'{home}/initrd', '-netdev', f'user,id=n0,restrict=on{forward}',
                '-drive', f'file={home}/root.img,if=none,id=root,format=raw,cache=unsafe' + (',snapshot=on' if resume else ''),
                '-serial', f'file:{self.console}', '-qmp', f'unix:{self.dir}/qmp,server=on,wait=off', *(['-incoming', f'exec:cat {home}/state'] if resume else [])]
        relays = ''.join(f'socat -t 600 UNIX-LISTEN:{self.dir}/{n}.sock,fork,backlog=64 TCP:127.0.0.1:{p} & ' for n, p in PORTS.items())
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        # PID 1 of a namespace is the shell: with it (and it dies with this test) everything ends.
        self.proc = subprocess.Popen(['unshare', '-n', '-p', '-f', '--kill-child=KILL', 'sh', '-c', f'ip link set lo up; {relays} "$@"', 'qemu', *argv],
                                     stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True, preexec_fn=die_with_parent, env=dict(os.environ, TMPDIR=self.dir))
        self.monitor = None
        self.events = []
        end = time.monotonic() + 30
        while self.monitor is None:
            try:
                self.monitor = socket.socket(socket.AF_UNIX)
                self.monitor.connect(self.dir + '/qmp')
            except OSError:
                self.monitor = None
                if self.proc.poll() is not None or time.monotonic() > end:
                    raise RuntimeError('qemu: ' + open(self.log.name).read()[-800:]) from None
                time.sleep(0.02)
        self.monitor.settimeout(60)
        self.lines = self.monitor.makefile('rb')
        self.lines.readline()
        self.qmp('qmp_capabilities')
        if resume:
            self._until(lambda: self.qmp('query-status')['status'] != 'inmigrate', 60, 'the saved state was not read')
            self.qmp('cont')
        self.up(timeout=30 if resume else 300)

    def _until(self, what, seconds, why):
        end = time.monotonic() + seconds
        while not what():
            if self.proc.poll() is not None or time.monotonic() > end:
                tail = open(self.console, 'rb').read()[-600:].decode('utf-8', 'replace') if os.path.exists(self.console) else ''
                raise RuntimeError(f'{why}: {open(self.log.name).read()[-600:]} {tail}')
            time.sleep(0.05)

    # ---- the machine from outside ----

    def qmp(self, command, **arguments):
        """What qemu answers; events on the way are kept."""
        self.monitor.sendall(json.dumps({'execute': command, 'arguments': arguments}).encode() + b'\n')
        while True:
            said = json.loads(self.lines.readline())
            if 'event' in said:
                self.events.append(said)
            elif 'error' in said:
                raise RuntimeError(f'{command}: {said["error"]["desc"]}')
            else:
                return said['return']

    def disk(self, name, size, **device):
        """A new disk of that many bytes, hot-plugged; its file's path."""
        path = os.path.join(self.dir, name + '.img')
        with open(path, 'wb') as f:
            f.truncate(size)
        self.qmp('blockdev-add', **{'driver': 'raw', 'node-name': name, 'file': {'driver': 'file', 'filename': path}})
        self.qmp('device_add', **{'driver': 'virtio-blk-pci', **device, 'id': name, 'drive': name})
        return path

    # ---- inside ----

    def _exec(self, script, given, timeout):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(f'{self.dir}/exec.sock')
            s.sendall(f'{len(script)} {len(given)}\n'.encode() + script + given)
            f = s.makefile('rb')
            head = f.readline().split()
            if len(head) != 3:
                raise ConnectionError('the machine does not answer')
            rc, n, m = map(int, head)
            return rc, f.read(n), f.read(m)

    def run(self, command, timeout=60, check=False, input=b''):
        """A shell command inside, as root."""
        rc, out, err = self._exec(command.encode(), input, timeout)
        done = subprocess.CompletedProcess(command, rc, out.decode('utf-8', 'replace'), err.decode('utf-8', 'replace'))
        if check and rc:
            raise subprocess.CalledProcessError(rc, command, done.stdout, done.stderr)
        return done

    def boot_id(self):
        return self.run('cat /proc/sys/kernel/random/boot_id').stdout.strip()

    def up(self, but=None, timeout=300):
        """Waits until it has booted and answers; but: the boot that is to be over."""
        def there():
            try:
                return self._exec(b'exec cat /proc/sys/kernel/random/boot_id', b'', 5)[1].strip().decode() not in ('', but)
            except (OSError, ValueError):
                return False
        self._until(there, timeout, 'the machine does not answer')

    def agent(self):
        """Installs this build as `make install` does, starts reeved from its unit; the agent's socket as seen from outside."""
        with tempfile.TemporaryDirectory(dir=self.dir) as top:
            subprocess.run(['make', '-s', '-C', ROOT, 'install', f'DESTDIR={top}', f'B={os.path.abspath(BUILD)}'], check=True, capture_output=True)
            for folder in ('usr/bin', 'usr/sbin', 'usr/libexec/reeve'):
                for name in os.listdir(os.path.join(top, folder)):
                    subprocess.run(['strip', os.path.join(top, folder, name)], check=True)
            tar = subprocess.run(['tar', '-C', top, '-c', 'usr', 'etc'], check=True, capture_output=True).stdout
        # Neither `enable` nor `daemon-reload`: each has systemd look at all units again, ten seconds here.
        self.run("""tar -C / --keep-directory-symlink -xf - && systemd-sysusers 2>/dev/null &&
            ln -s /lib/systemd/system/reeved.service /etc/systemd/system/multi-user.target.wants/ && systemctl start reeved""", input=tar, check=True)
        return self.dir + '/agent.sock'

    def stop(self):
        if getattr(self, 'proc', None) and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait(20)
        if getattr(self, 'dir', None):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def make(home):
    """Boots the machine once and saves what it is then."""
    new = home + '.new'
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    subprocess.run(['sh', os.path.join(HERE, 'vm-image.sh'), os.path.join(IMAGES, 'kernel'), new], check=True, stdout=subprocess.DEVNULL)
    m = Vm.__new__(Vm)
    try:
        m._start(new, resume=False)
        m.run('systemctl is-system-running --wait; for i in $(seq 100); do systemctl list-jobs | grep -q "No jobs" && break; sleep 0.2; done; sync')
        m.qmp('stop')
        m.qmp('migrate-set-parameters', **{'max-bandwidth': 10 << 30})
        m.qmp('migrate', uri=f'exec:cat > {new}/state')
        m._until(lambda: m.qmp('query-migrate').get('status') in ('completed', 'failed'), 60, 'the state was not saved')
        if m.qmp('query-migrate')['status'] != 'completed':
            raise RuntimeError('the state was not saved')
        m.qmp('quit')
        m.proc.wait(30)
    finally:
        m.stop()
    shutil.rmtree(home, ignore_errors=True)
    os.rename(new, home)
    others = sorted((os.path.join(IMAGES, n) for n in os.listdir(IMAGES) if n.startswith('vm-')), key=os.path.getmtime)
    for old in others[:-2]:   # some for work trees beside this one
        shutil.rmtree(old, ignore_errors=True)


# ---- what the tests share ----

def target(p):
    return (p or {}).get('Indication', {}).get('TargetInstance', {})


def reader(path, kind, name, within='', more='', columns='*'):
    """Told of one kind of change of a class, from now on."""
    r = agentlib.Reader(agentlib.Peer(path), Query=f"SELECT {columns} FROM __Instance{kind}Event {within} WHERE TargetInstance ISA '{name}' {more}")
    r.baseline = r.until(lambda p: p['Kind'] == 'Sync')[-1]
    return r


def lab(*parts):
    """A test: the machine and its agent, then each part with (machine, agent asked, its socket)."""
    begun = time.monotonic()
    agentlib.Reader.patience = 60
    with Vm() as m:
        up = time.monotonic()
        path = m.agent()
        a = hostlib.Asked(path)
        a.peer.sock.settimeout(150)   # emulated, on a host that does other things as well
        ask = a.peer.call
        a.peer.call = lambda method, params=None, **more: ask(method, {'Timeout': 120, **(params or {})}, **more)
        print(f'{"made" if m.made else "resumed"} in {up - begun:.1f} s, the agent in {time.monotonic() - up:.1f} s')
        for part in parts:
            last = time.monotonic()
            part(m, a, path)
            print(f'{part.__name__}: {time.monotonic() - last:.1f} s', flush=True)
