#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""New-ContainerHost: from one machine (ssh, docker's client) another one that has nothing but systemd, sshd and the admin's key is made a
container host. apt takes reeve's dependencies and Docker's engine from a folder of that machine. What-if, interruption, repetition, failures."""
import hashlib, json, os, shlex, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
BUILD = os.path.abspath(agentlib.BUILD)
for tool in ('dpkg-deb', 'dpkg-shlibdeps'):
    if not shutil.which(tool):
        lablib.skip(f'{tool} is not installed (Debian: dpkg-dev)')


def packages(folder, version='0.9.0-1'):
    """The two packages of what is built, as `make install` places it; tests/lab/test_deb.py has the real ones, which take a build of their own."""
    tree = f'{folder}/tree'
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(['make', '-s', 'install', f'DESTDIR={tree}', 'PREFIX=/usr', f'B={BUILD}', f'CC={os.environ.get("CC", "gcc")}'], cwd=ROOT, check=True, capture_output=True)
    shutil.move(f'{tree}/usr/lib/systemd', f'{tree}/lib/systemd') if not os.makedirs(f'{tree}/lib') else None
    only = f'{folder}/reeve'
    shutil.rmtree(only, ignore_errors=True)
    os.makedirs(f'{only}/usr/bin')
    shutil.move(f'{tree}/usr/bin/reeve', f'{only}/usr/bin/reeve')
    for part in ('usr/share', 'usr/include', 'usr/lib/pkgconfig'):
        shutil.rmtree(f'{tree}/{part}', ignore_errors=True)
    with open(f'{ROOT}/packaging/debian/reeve-agent.postinst') as f:
        postinst = f.read().replace('#DEBHELPER#', 'systemctl daemon-reload; systemctl enable -q reeved; systemctl start reeved')
    for name, root, script, more in (('reeve', only, None, ''), ('reeve-agent', tree, postinst, f'reeve (= {version}), ')):
        programs = [p for d, _, fs in os.walk(root) for p in (os.path.join(d, f) for f in fs) if open(p, 'rb').read(4) == b'\x7fELF' and '.so' not in p]
        os.makedirs(f'{folder}/debian', exist_ok=True)
        open(f'{folder}/debian/control', 'w').write('Source: reeve\n\nPackage: reeve\nArchitecture: any\n')
        for p in programs:
            subprocess.run(['strip', p], check=True)
        r = subprocess.run(['dpkg-shlibdeps', '-O', *programs], cwd=folder, capture_output=True, text=True, check=True)
        os.makedirs(f'{root}/DEBIAN')
        open(f'{root}/DEBIAN/control', 'w').write(f'Package: {name}\nVersion: {version}\nArchitecture: {arch()}\nMaintainer: Me <me@example.org>\n'
                                                  f'Depends: {more}{r.stdout.strip().split("=", 1)[1]}\nDescription: a test\n')
        if script:
            open(f'{root}/DEBIAN/postinst', 'w').write(script)
            os.chmod(f'{root}/DEBIAN/postinst', 0o755)
        subprocess.run(['dpkg-deb', '-Znone', '--root-owner-group', '-b', root, folder], check=True, capture_output=True)
    shutil.rmtree(tree)
    shutil.rmtree(only)


def arch():
    return subprocess.run(['dpkg', '--print-architecture'], capture_output=True, text=True).stdout.strip()


class Admin:
    """The machine that commands are given on."""

    def __init__(self, machine, host):
        self.m, self.host = machine, host
        self.env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LANG': 'C.UTF-8', 'REEVE_SOCKET': '/lab/none.sock'}
        machine.run('mkdir -p /root/.ssh; chmod 700 /root/.ssh; ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519; systemctl stop docker docker.socket', check=True)
        key = machine.run('cat /root/.ssh/id_ed25519.pub').stdout.strip()
        host.run(f"mkdir -p /root/.ssh; chmod 700 /root/.ssh; echo '{key}' > /root/.ssh/authorized_keys; echo 'deb [trusted=yes] file:/srv/repo ./' > /etc/apt/sources.list; "
                 "rm -rf /etc/apt/sources.list.d/*; ssh-keygen -A; systemctl start ssh", check=True, timeout=60)

    def reeve(self, text, timeout=200):
        return self.m.run(f'/opt/reeve/bin/reeve -NonInteractive -Command {shlex.quote(text)}', env=self.env, timeout=timeout)

    def sh(self, command, timeout=60):
        return self.m.run(command, env=self.env, timeout=timeout)


def bare(a, host):
    check('the host has no reeve and no engine', host.run('command -v reeve reeved docker').stdout == '')
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/debs')
    check('an unknown host key is not taken', r.returncode != 0 and 'connect' in r.stderr and 'AcceptHostKey' in r.stderr, r.stderr)
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/none -AcceptHostKey')
    check('no package', "'packages'" in r.stderr and 'no package reeve_' in r.stderr, r.stderr)
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/debs -Engine docker -WhatIf')
    check('what-if tells each step', all(x in r.stdout + r.stderr for x in ('install reeve-agent 0.9.0-1', 'keys in', 'port 2222', "Docker's engine", 'Docker context')), r.stdout + r.stderr)
    check('and does nothing', host.run('command -v reeve reeved docker; ls /etc/reeve /var/cache/reeve-setup').stdout == '' and a.sh('ls /root/.docker').stdout == '')


def interrupted(a, host):
    """Killed while the packages arrive."""
    p = a.m.popen('/bin/sh', '-c', f'echo $$ > /lab/pid; exec /opt/reeve/bin/reeve -NonInteractive -Command "New-ContainerHost root@{host.ip} -Package /lab/debs"', env=a.env,
                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check('it begins', agentlib.until(lambda: host.run('ls -d /var/cache/reeve-setup').returncode == 0))
    a.sh('kill -KILL $(cat /lab/pid)')
    p.wait(30)
    check('nothing is left that says it is done', a.sh('ls /root/.docker/contexts').returncode != 0)


def set_up(a, host):
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/debs -Verbose | ConvertTo-Json')
    made = json.loads(r.stdout[r.stdout.index('{'):]) if '{' in r.stdout else {}
    # What was interrupted may have come to its end on the host by itself.
    check('set up', r.returncode == 0 and 'context' in made.get('Changed', []) and set(made['Changed']) <= {'packages', 'keys', 'listen', 'known hosts', 'context'} and made['Endpoint'] == f'ssh://root@{host.ip}:2222', (r.stdout[-500:], r.stderr[-1500:]))
    r = a.sh(f'ssh -o BatchMode=yes -p 2222 root@{host.ip} "(Get-Service reeved).State; (Get-CimInstance OperatingSystem).CSName"')
    check('reeve answers, with the same key', r.stdout.split() == ['Running', host.name], r)
    r = a.reeve(f'Invoke-Command -HostName root@{host.ip}:2222 {{ 6 * 7 }}; Invoke-Command -HostName root@{host.ip} {{ (Get-Service reeved).State }}')
    check('Invoke-Command reaches it, by reeve and by the old sshd', r.stdout.split() == ['42', 'Running'], r)
    before = host.run('systemctl show -P ActiveEnterTimestampMonotonic reeved; cat /etc/reeve/keys.d/root.keys; ls -la /etc/reeve/reeve.conf.d').stdout
    r = a.reeve(f'(New-ContainerHost root@{host.ip} -Package /lab/debs).Changed.Count')
    after = host.run('systemctl show -P ActiveEnterTimestampMonotonic reeved; cat /etc/reeve/keys.d/root.keys; ls -la /etc/reeve/reeve.conf.d').stdout
    check('again: nothing', r.stdout.split() == ['0'] and before == after, (r, before, after))
    meta = json.loads(a.sh(f'cat /root/.docker/contexts/meta/{hashlib.sha256(host.ip.encode()).hexdigest()}/meta.json').stdout or '{}')
    check("Docker's form of a context", meta.get('Name') == host.ip and meta['Endpoints'] == {'docker': {'Host': f'ssh://root@{host.ip}:2222', 'SkipTLSVerify': False}}, meta)


def engine(a, host):
    # An upload that broke, and a dpkg that was interrupted: the same command completes it.
    host.run('dpkg --unpack /srv/repo/tini_*.deb /srv/repo/runc_*.deb', timeout=60)
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/debs -Engine docker -Verbose 4>&1 | ForEach-Object {{ if ($_.Message) {{ [Console]::Error.WriteLine("$_") }} else {{ $_ | ConvertTo-Json }} }}', timeout=300)
    check('what the host says is told as it comes', 'Setting up docker.io' in r.stderr, (r.stdout[:500], r.stderr[:1500]))
    made = json.loads(r.stdout[r.stdout.index('{'):]) if '{' in r.stdout else {}
    check('with an engine', made.get('Changed') == ['engine', 'context'] and made['Engine'] == 'docker', (r.stdout, r.stderr[-1500:]))
    check('which runs, after an interruption', host.run('systemctl is-active docker; dpkg --audit').stdout.split() == ['active'])
    name = host.ip
    r = a.sh(f'docker --context {name} info -f "{{{{.Name}}}}"; docker --context {name} ps -q')
    check('docker --context', r.stdout.split() == [host.name], r)
    host.run('''mkdir -p /tmp/b/bin && cp $(command -v sleep) /tmp/b/bin/ 2>/dev/null; tar -C /tmp/b -c . | docker import - bb:1 && docker create --name here bb:1 /bin/sleep 1''')
    check('sees the containers there', a.sh(f'docker --context {name} ps -a --format "{{{{.Names}}}}"').stdout.split() == ['here'])
    r = a.sh(f'ssh -o BatchMode=yes -p 2222 root@{host.ip} "(Get-AuditRecord | Where-Object Operation -like \'Docker*\' | Measure-Object).Count -ge 0; (Get-Container here).State"')
    check('through reeve', r.stdout.split()[-1:] == ['created'], r)


def named(a, host):
    a.sh('ssh-keygen -q -t ed25519 -N "" -f /root/own')
    host.run(f"useradd -m -s /bin/bash anna; mkdir -p /home/anna/.ssh; echo '{a.sh('cat /root/own.pub').stdout.strip()}' > /home/anna/.ssh/authorized_keys; chown -R anna: /home/anna/.ssh; chmod 700 /home/anna/.ssh", check=True)
    r = a.reeve(f'New-ContainerHost anna@{host.ip} web -KeyFilePath /root/own -Package /lab/debs')
    check('without sudo it is told', r.returncode != 0 and 'sudo' in r.stderr and "'connect'" in r.stderr, r.stderr)
    # A sudo of three lines: the machine has none.
    host.run('''printf '#!/bin/sh\\nshift; exec setpriv --reuid 0 --regid 0 --clear-groups env SUDO_USER=anna "$@"\\n' > /usr/local/bin/sudo; chmod 755 /usr/local/bin/sudo; chmod u+s $(command -v setpriv)''')
    r = a.reeve(f'New-ContainerHost anna@{host.ip} -KeyFilePath /root/own')
    check('a key file of its own needs a name', r.returncode != 0 and '-Name' in r.stderr, r.stderr)
    r = a.reeve(f'New-ContainerHost anna@{host.ip} web -KeyFilePath /root/own -Package /lab/debs -Engine docker | ConvertTo-Json')
    made = json.loads(r.stdout[r.stdout.index('{'):]) if '{' in r.stdout else {}
    check('another user, by a name', made.get('Changed') == ['keys', 'name', 'context'] and made['UserName'] == 'anna' and made['Endpoint'] == 'ssh://web', (r.stdout, r.stderr[-1500:]))
    check('an administrator there', 'reeve-admin' in host.run('id -nG anna').stdout.split() and host.run('cat /etc/reeve/keys.d/anna.keys').stdout.startswith('ssh-ed25519 '))
    r = a.sh('docker --context web ps -a --format "{{.Names}}"; ssh -o BatchMode=yes web "[Environment]::UserName"')
    check('docker and ssh know it by the name', r.stdout.split() == ['here', 'anna'], r)
    r = a.reeve('Invoke-Command -HostName web { 40 + 2 }; (Get-ContainerHost | Sort-Object Name).Name -join " "; (Get-ContainerHost web).Engine')
    check('and Invoke-Command', r.stdout.split() == ['42', host.ip, 'web', 'docker'], r)
    r = a.reeve('Remove-ContainerHost web -WhatIf; Remove-ContainerHost web; (Get-ContainerHost).Name; Remove-ContainerHost web')
    check('forgotten', host.ip in r.stdout and 'no container host' in r.stderr and sorted(a.sh('docker context ls -q').stdout.split()) == sorted(['default', host.ip]) and
          'Host web' not in a.sh('cat /root/.ssh/reeve_hosts').stdout, (a.sh('docker context ls -q; cat /root/.ssh/reeve_hosts').stdout, r))


def failures(a, host):
    r = a.reeve('New-ContainerHost root@10.99.0.250 -Package /lab/debs -Options @{ConnectTimeout = 2} -OperationTimeoutSec 20')
    check('a host that is not there', r.returncode != 0 and "10.99.0.250: the step 'connect' failed" in r.stderr, r.stderr)
    a.sh(f"ssh-keygen -R '[{host.ip}]:2222'; echo '[{host.ip}]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKc0Qm0tq9zUuXm4f4u8bQ3mUO8wUoJ0o5m3mSPyYb2p' >> /root/.ssh/known_hosts")
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/debs')
    check('another key in the known hosts', r.returncode != 0 and 'another key' in r.stderr and 'ssh-keygen -R' in r.stderr, r.stderr)
    a.sh(f"ssh-keygen -R '[{host.ip}]:2222'")
    host.run('rm -f /etc/reeve/reeve.conf.d/50-container-host.conf; printf "[ssh]\\nport = nonsense\\n" > /etc/reeve/reeve.conf.d/99.conf')
    r = a.reeve(f'New-ContainerHost root@{host.ip} -Package /lab/debs')
    check("a configuration that is wrong: told, and the host's is as it was", r.returncode != 0 and "'listen'" in r.stderr and 'nonsense' in r.stderr and
          host.run('ls /etc/reeve/reeve.conf.d').stdout.split() == ['99.conf'], r.stderr)
    host.run('rm /etc/reeve/reeve.conf.d/99.conf')
    r = a.reeve(f'(New-ContainerHost root@{host.ip} -Package /lab/debs).Changed -join ","')
    check('and the same command completes it', r.stdout.strip() == 'listen,known hosts', r)


def main():
    with lablib.Lab() as lab, tempfile.TemporaryDirectory() as work:
        machines = [lab.start('admin', 'containers'), lab.start('bare1', 'bare')]
        packages(work)
        admin, host = [m.wait() for m in machines]
        os.makedirs(f'{admin.share}/debs')
        for f in os.listdir(work):
            if f.endswith('.deb'):
                shutil.copy(f'{work}/{f}', f'{admin.share}/debs')
        a = Admin(admin, host)
        for part in (bare, interrupted, set_up, engine, named, failures):
            part(a, host)
    check.end()


main()
