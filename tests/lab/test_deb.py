#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Debian packages: lintian has nothing to say; on a booted machine they install, start, are upgraded beneath an open session, and
are purged without a trace; a provider in C is built with the development package."""
import glob, os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
BUILD = os.path.abspath(agentlib.BUILD)
OUT = os.path.join(BUILD, 'deb')
PARTS = ('reeve', 'reeve-agent', 'libreeve-provider1', 'libreeve-provider-dev')


def build():
    env = dict(os.environ)
    if shutil.which('ccache'):
        env['CC'] = 'ccache gcc'
    r = subprocess.run(['sh', f'{ROOT}/packaging/build-deb.sh', OUT], capture_output=True, text=True, env=env)
    debs = {p: glob.glob(f'{OUT}/{p}_*.deb') for p in PARTS}
    check('the packages are built', r.returncode == 0 and all(len(v) == 1 for v in debs.values()), (r.stdout[-2000:], r.stderr[-500:]))
    return {p: v[0] for p, v in debs.items() if v}


def lint():
    if not shutil.which('lintian'):
        check.skip('lintian', 'it is not installed')
        return
    r = subprocess.run(['lintian', '--allow-root', '--fail-on', 'error,warning', *glob.glob(f'{OUT}/*.changes')], capture_output=True, text=True)
    check('lintian is content', r.returncode == 0 and not r.stdout.strip(), r.stdout)


def spdx():
    r = subprocess.run(['sh', f'{ROOT}/packaging/spdx.sh', BUILD], capture_output=True, text=True, cwd=ROOT)
    linked = re.findall(r'^Relationship: SPDXRef-reeve DYNAMIC_LINK SPDXRef-(\S+)', r.stdout, re.M)
    check('the list of what is linked', {'libuv1', 'libjansson4', 'libsqlite3-0', 'libssh-4'} <= set(linked) and
          all(re.search(rf'PackageName: {re.escape(p)}\n(.*\n)*?PackageLicenseConcluded: (?!NOASSERTION)', r.stdout) for p in linked), r)


def next_version(deb, folder):
    """The same package as the next version."""
    tree = os.path.join(folder, 'tree')
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(['dpkg-deb', '-R', deb, tree], check=True)
    control = f'{tree}/DEBIAN/control'
    text = open(control).read()
    with open(control, 'w') as f:
        f.write(re.sub(r'0\.1\.0-1', '0.1.0-2', text))
    subprocess.run(['dpkg-deb', '--root-owner-group', '-b', tree, folder], check=True, capture_output=True)


def machine(lab, debs):
    m = lab.machine('deb')
    key = os.path.join(m.share, 'key')
    for deb in debs.values():
        shutil.copy(deb, m.share)
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key], check=True)
    before = m.run('find /etc /usr/bin /usr/sbin /usr/lib /usr/libexec /lib/systemd/system /var/lib -xdev 2>/dev/null | grep -i reeve').stdout
    # The machines share the host's libraries (lablib): only what a package of their image lacks is forced.
    r = m.run('dpkg --force-depends -i /lab/reeve_*.deb /lab/reeve-agent_*.deb /lab/libreeve*.deb')
    check('they install', r.returncode == 0, r)
    r = m.run('systemctl is-active reeved; systemctl is-enabled reeved; systemctl is-enabled reeve-desired.timer; getent passwd reeve-ssh reeve-provider | wc -l; stat -c %a /var/lib/reeve')
    check('the service runs, the timer waits to be asked', r.stdout.split() == ['active', 'enabled', 'disabled', '2', '700'], (r, m.run('systemctl status reeved').stdout))
    r = m.run('ss -Hltn').stdout
    check('on loopback alone', all(l.split()[3].startswith(('127.0.0.1:', '[::1]:')) for l in r.splitlines() if ':2222' in l) and ':2222' in r, r)
    m.run('cp /lab/key.pub /etc/reeve/keys.d/root.keys')
    ssh = ['nsenter', '-t', str(m.leader), '-n', 'ssh', '-F', '/dev/null', '-i', key, '-p', '2222', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
           '-o', 'LogLevel=ERROR', '-o', 'IdentitiesOnly=yes', 'root@127.0.0.1']
    run = lambda text: subprocess.run([*ssh, text], capture_output=True, text=True, timeout=40, stdin=subprocess.DEVNULL)
    r = run('(Get-Service reeved).State; (Get-Package reeve-agent).Version')
    check('a login', r.stdout.split() == ['Running', '0.1.0-1'], r)

    def spent():
        one = m.run("cat /proc/$(pgrep -x reeve-agent)/stat /proc/1/stat").stdout.splitlines()
        return [sum(int(x) for x in l.rsplit(')', 1)[1].split()[11:13]) for l in one]
    before_idle, deadline = spent(), time.monotonic() + 40
    while time.monotonic() < deadline:   # after its start it looks at what it keeps a history of, then it must rest
        time.sleep(4)
        now = spent()
        if all(b - a <= 2 for a, b in zip(before_idle, now)):
            break
        before_idle = now
    check('left alone, it costs neither itself nor PID 1 anything', all(b - a <= 2 for a, b in zip(before_idle, now)), (before_idle, now))

    session = subprocess.Popen(ssh, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    say = lambda text: (session.stdin.write(text + '\n'), session.stdin.flush(), session.stdout.readline().strip())[2]
    check('a session is open', say('$x = 42; (Get-Package reeve-agent).Version') == '0.1.0-1')
    agent_before = m.run('pgrep -x reeve-agent').stdout.split()
    for p in ('reeve', 'reeve-agent', 'libreeve-provider1', 'libreeve-provider-dev'):
        next_version(debs[p], m.share)
    r = m.run('dpkg --force-depends -i /lab/reeve_0.1.0-2_*.deb /lab/reeve-agent_0.1.0-2_*.deb /lab/libreeve*_0.1.0-2_*.deb')
    check('they upgrade', r.returncode == 0, r)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and m.run('pgrep -x reeve-agent').stdout.split() in ([], agent_before):
        time.sleep(0.1)
    check('with a new agent', m.run('pgrep -x reeve-agent').stdout.split() not in ([], agent_before))
    said = say('try { (Get-Package reeve-agent -ErrorAction Stop).Version } catch { (Get-Package reeve-agent).Version }')
    check('beneath the session, which has its variables', said == '0.1.0-2' and say('$x') == '42', said)
    session.stdin.close()
    session.wait(30)

    if m.run('command -v cc').returncode == 0:
        r = m.run('cd /tmp && cp /usr/share/doc/libreeve-provider-dev/examples/tool.* . && cc tool.c $(pkg-config --cflags --libs reeve-provider) -o tool && reeve provider test tool.provider')
        check('a provider in C, built there', r.returncode == 0, r)
    else:
        tree = os.path.join(BUILD, 'deb', 'dev')
        shutil.rmtree(tree, ignore_errors=True)
        for p in ('libreeve-provider1', 'libreeve-provider-dev'):
            subprocess.run(['dpkg-deb', '-x', debs[p], tree], check=True)
        lib = glob.glob(f'{tree}/usr/lib/*/pkgconfig')[0]
        env = dict(os.environ, PKG_CONFIG_PATH=lib, PKG_CONFIG_SYSROOT_DIR=tree)
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'reeve-provider'], capture_output=True, text=True, env=env).stdout.split()
        r = subprocess.run(['gcc', '-Wall', '-Werror', f'{ROOT}/providers/external/tool.c', *flags, '-o', f'{m.share}/tool'], capture_output=True, text=True)
        check('a provider in C, built with the development package', r.returncode == 0 and any('reeve-provider' in f for f in flags), (r, flags))
        r = m.run('cp /lab/tool /tmp/ && cd /tmp && cp /usr/share/doc/libreeve-provider-dev/examples/tool.mof /usr/share/doc/libreeve-provider-dev/examples/tool.provider . '
                  '&& reeve provider test tool.provider')
        check('and it keeps its promises', r.returncode == 0 and 'not ok' not in r.stdout, r)

    r = m.run('dpkg -r libreeve-provider-dev reeve-agent reeve')
    check('removed, the configuration stays', r.returncode == 0 and m.run('ls /etc/reeve/keys.d').stdout.split() == ['root.keys'] and
          m.run('pgrep -c reeve').stdout.strip() == '0', (r, m.run('ps ax').stdout))
    r = m.run('dpkg -P reeve-agent reeve libreeve-provider-dev libreeve-provider1')
    after = m.run('find /etc /usr/bin /usr/sbin /usr/lib /usr/libexec /lib/systemd/system /var/lib -xdev 2>/dev/null | grep -i reeve').stdout
    left = [l for l in after.splitlines() if l not in before.splitlines()]
    check('purged without a trace', r.returncode == 0 and not left, (r, left))


def main():
    debs = build()
    lint()
    spdx()
    with lablib.Lab() as lab:
        machine(lab, debs)
    check.end()


main()
