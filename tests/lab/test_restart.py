#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What must be started anew after an upgrade: a library that dpkg replaces under a running service, one that it removes, PID 1's own, and
kernels."""
import os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, good

check = agentlib.Cases()
LIB = '/usr/lib/x86_64-linux-gnu/libgreeting.so.1'
SERVICE = '[Service]\nExecStart=/usr/bin/greeter\n'


def build(folder):
    """A library in two packages of one name, and a program that uses it; the program also maps a file of its own that it has deleted."""
    for version in (1, 2):
        open(f'{folder}/lib.c', 'w').write(f'int greeting(void) {{ return {version}; }}\n')
        tree = f'{folder}/deb{version}'
        os.makedirs(tree + os.path.dirname(LIB))
        os.makedirs(tree + '/DEBIAN')
        subprocess.run(['gcc', '-shared', '-fPIC', '-Wl,-soname,libgreeting.so.1', '-o', tree + LIB, f'{folder}/lib.c'], check=True)
        open(f'{tree}/DEBIAN/control', 'w').write(f'Package: libgreeting\nVersion: {version}\nArchitecture: amd64\nMaintainer: Me <me@example.org>\nDescription: a test\n')
        subprocess.run(['dpkg-deb', '--root-owner-group', '--build', tree, f'{folder}/{version}.deb'], check=True, stdout=subprocess.DEVNULL)
    open(f'{folder}/prog.c', 'w').write('''#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int greeting(void);
int main(void)
{
        FILE *f = fopen("/tmp/made.by.itself", "w+");
        fputs("code", f);
        fflush(f);
        if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(f), 0) == MAP_FAILED || fork() < 0)
                return 2;
        unlink("/tmp/made.by.itself");
        for (;;)
                if (pause() && greeting() == 0)
                        return 1;
}
''')
    subprocess.run(['gcc', '-o', f'{folder}/greeter', f'{folder}/prog.c', f'{folder}/deb1{LIB}'], check=True)


def services(m, a):
    build(m.share)
    open(f'{m.share}/greeter.service', 'w').write(SERVICE)
    m.run('dpkg -i /lab/1.deb && install -m 755 /lab/greeter /usr/bin/greeter && cp /lab/greeter.service /etc/systemd/system/ && systemctl daemon-reload && systemctl start greeter', check=True)
    look = lambda name='greeter': a.one('Service', {'Name': name}, 'RestartRequired', 'RestartReasons', 'MainPID', 'State')
    mapped = lambda: agentlib.until(lambda: LIB in m.run('cat /proc/$(systemctl show -P MainPID greeter)/maps').stdout)
    # The agent is told by PID 1, in its own time.
    soon = lambda want: agentlib.until(lambda: want(look()))
    check('it runs', mapped() and soon(lambda r: r['State'] == 'Running' and r['MainPID']), look())
    check('as it was started', look()['RestartRequired'] is False and look()['RestartReasons'] == [], look())
    m.run('dpkg -i /lab/2.deb', check=True)
    soon(lambda r: r['RestartRequired'])
    r = look()
    check('a library that was replaced', r['RestartRequired'] is True and r['RestartReasons'] == [f'{LIB} was replaced'], r)
    p = a.one('Process', {'ProcessId': r['MainPID']}, 'ReplacedFiles')
    check('its process says which', p['ReplacedFiles'] == [LIB], p)
    all_of = {s['Name'] for s in a.rows('Service', Filter='RestartRequired = TRUE', PropertyList=['Name', 'RestartRequired'])}
    check('it alone', all_of == {'greeter'}, all_of)
    check('not unless it is asked for', 'RestartRequired' not in a.rows('Service')[0])
    check('Restart', good(a.do('Service', {'Name': 'greeter'}, 'Restart')) and mapped())
    check('then it has the new one', soon(lambda r: r['RestartRequired'] is False), look())
    m.run('dpkg -r libgreeting', check=True)
    check('a library that was removed', soon(lambda r: r['RestartReasons'] == [f'{LIB} was removed']), look())
    m.run('cp /usr/bin/greeter /usr/bin/new; mv /usr/bin/new /usr/bin/greeter')
    check('and the program itself', soon(lambda r: sorted(r['RestartReasons']) == ['/usr/bin/greeter was replaced', f'{LIB} was removed']), look())
    m.run('systemctl stop greeter')
    check('one that does not run', soon(lambda r: r['State'] == 'Stopped' and r['RestartRequired'] is False), look())


def machine(m, a):
    look = lambda: a.one('ComputerSystem', {}, 'RebootRequired', 'RebootReasons') or a.rows('ComputerSystem', PropertyList=['RebootRequired', 'RebootReasons'])[0]
    check('no boot is wanted', look()['RebootRequired'] is False and look()['RebootReasons'] == [], look())
    libc = m.run("grep -om1 '/[^ ]*/libc.so.6' /proc/1/maps").stdout.strip()
    m.run(f'cp -p {libc} {libc}.new && mv {libc}.new {libc}', check=True)
    r = look()
    check('PID 1 has old code', r['RebootRequired'] is True and r['RebootReasons'] == [f'PID 1: {libc} was replaced'], r)
    m.run('systemctl daemon-reexec')
    check('until it is started anew', agentlib.until(lambda: look()['RebootRequired'] is False), look())
    m.run('touch /run/reboot-required; printf "libc6\\nlinux-image\\n" > /run/reboot-required.pkgs')
    r = look()
    check('what packages want', r['RebootRequired'] is True and r['RebootReasons'] == ['libc6', 'linux-image'], r)
    m.run('rm /run/reboot-required*')
    # kernels: a container has none, so it is made to look like a machine
    release = os.uname().release
    m.run(f'mv /run/systemd/container /run/container; mkdir -p /lib/modules/{release}; touch /lib/modules/{release}/modules.dep')
    check('the newest kernel runs', look()['RebootRequired'] is False, look())
    last = max(i for i, c in enumerate(release) if c.isdigit())
    newer, other = release[:last] + '9999' + release[last + 1:], '9' + release + '-of-another-kind'
    m.run(f'mkdir -p /lib/modules/{newer} /lib/modules/{other}; touch /lib/modules/{other}/modules.dep')
    check('a folder that is left, and another kind of kernel', look()['RebootRequired'] is False, look())
    m.run(f'touch /lib/modules/{newer}/modules.dep')
    r = look()
    check('a newer one is there', r['RebootReasons'] == [f'kernel {newer} is installed, {release} runs'] and r['RebootRequired'] is True, r)
    m.run('rm -r /lib/modules/*')
    if not os.path.exists('/proc/modules'):
        check.skip('its own is gone', 'this kernel has no modules')
    else:
        check('its own is gone', look()['RebootReasons'] == [f'kernel {release} is no longer installed'], look())
    m.run('mv /run/container /run/systemd/container')


def main():
    with lablib.Lab() as lab:
        m = lab.machine('restart')
        a = Asked(m.agent())
        services(m, a)
        machine(m, a)
    check.end()


main()
