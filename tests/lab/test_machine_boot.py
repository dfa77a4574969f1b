#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A machine that really restarts, in a kernel of its own: what lasts (the name, a setting, the audit log, an answer that was given, a change that nobody has
confirmed), why a restart is wanted; a clock that jumps; the end."""
import calendar, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, vmlib
from agentlib import until
from hostlib import Asked, status, good, differ
from vmlib import reader, target

check = agentlib.Cases()


def reasons(m, a, path):
    c = lambda: a.rows('ComputerSystem', PropertyList=['RebootRequired', 'RebootReasons'])[0]
    release = m.run('uname -r').stdout.strip()
    check('no restart is wanted', not differ(c(), {'RebootRequired': False, 'RebootReasons': []}), c())
    m.run(f'mv /usr/lib/modules/{release} /usr/lib/modules/next')
    check('the kernel that runs is gone', not differ(c(), {'RebootRequired': True, 'RebootReasons': [f'kernel {release} is no longer installed']}), c())
    m.run('printf "libc6\\nlinux-image-cloud-amd64\\n" > /run/reboot-required.pkgs; touch /run/reboot-required')
    check('and packages say so', not differ(c(), {'RebootReasons': ['libc6', 'linux-image-cloud-amd64', f'kernel {release} is no longer installed']}), c())
    m.run(f'mv /usr/lib/modules/next /usr/lib/modules/{release}')
    check('only the packages', not differ(c(), {'RebootRequired': True, 'RebootReasons': ['libc6', 'linux-image-cloud-amd64']}), c())


def address(a, address, within):
    return a.call('InvokeMethod', 'NetIPAddress', None, MethodName='Create', InParameters={'IPAddress': address, 'PrefixLength': 25, 'InterfaceAlias': 'dummy0'}, ConfirmWithin=within)


def clock(m, a, path):
    """The clock jumps: a day ahead, two days back."""
    come = reader(path, 'Creation', 'KernelModule', 'WITHIN 1')
    m.run('modprobe dummy numdummies=1; ip link set dummy0 up')
    check('events', come.until(lambda p: target(p).get('Name') == 'dummy')[-1])
    there = lambda: '192.0.2.40' in m.run('ip addr').stdout
    for name, jump in (('ahead', 86400), ('back', -2 * 86400)):
        r = address(a, '192.0.2.40', 8)
        check(f'{name}: a change that waits to be confirmed', good(r) and there(), r)
        m.run(f'date -s @$(($(date +%s) + {jump}))', check=True)
        check(f'{name}: it is put back all the same', until(lambda: not there(), 60))
        now = float(m.run('date +%s.%N').stdout)
        o = a.rows('OperatingSystem', PropertyList=['LocalDateTime', 'UpTime'])[0]
        told = calendar.timegm(time.strptime(o['LocalDateTime'][:19], '%Y-%m-%dT%H:%M:%S'))
        check(f'{name}: the agent has the new time', abs(told - now) < 60 and o['UpTime'] < 3600 * 10**9, (o, now))
    for ahead in (7200, 0):
        wish = int(time.time()) + ahead
        r = a.do('OperatingSystem', None, 'SetDateTime', LocalDateTime=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(wish)))
        check(f'SetDateTime, {ahead} s ahead', good(r) and 0 <= int(m.run('date +%s').stdout) - wish < 120, r)
    m.run('modprobe ip_vs')
    check('a subscription goes on', come.until(lambda p: target(p).get('Name') == 'ip_vs')[-1])


def restart(m, a, path):
    boot = m.boot_id()
    before = a.rows('OperatingSystem', PropertyList=['BootId', 'LastBootUpTime', 'SerialNumber'])[0]
    check('which boot it is', before['BootId'] == boot, before)
    check('Rename', good(a.do('ComputerSystem', None, 'Rename', Name='web1.example.org')))
    check('a setting that lasts', good(a.do('Sysctl', {'Name': 'vm.swappiness'}, 'Set', Value='17', Persist=True)))
    check('and one that does not', good(a.do('Sysctl', {'Name': 'vm.vfs_cache_pressure'}, 'Set', Value='77')))
    check('a mount that lasts', good(a.do('Mount', None, 'Create', Source='tmpfs', Name='/srv', FileSystem='tmpfs', Options=['size=3m'], Persist=True)))
    check('a module that lasts', good(a.do('KernelModule', None, 'Load', Name='ip_vs_rr', Persist=True)))
    swap = a.do('PageFile', None, 'Create', Name='/var/lib/more.swap', Size=4 << 20, Priority=3, Persist=True)
    check('swap that lasts', good(swap) or status(swap) == 'INVALID_PARAMETER' and m.run('test -e /var/lib/more.swap').returncode == 1, swap)
    once = dict(MethodName='Set', InParameters={'Value': '18', 'Persist': True}, RequestKey='once-1')
    first = a.call('InvokeMethod', 'Sysctl', {'Name': 'vm.dirty_ratio'}, **once)
    check('a request with a key', good(first), first)
    r = a.call('InvokeMethod', 'NetIPAddress', None, MethodName='Create', InParameters={'IPAddress': '10.0.2.77', 'PrefixLength': 24, 'InterfaceAlias': 'eth0'}, ConfirmWithin=40)
    dropin = lambda: m.run('cat /etc/systemd/network/*.d/90-reeve.conf').stdout
    check('a change that nobody confirms', good(r) and '10.0.2.77' in dropin(), (r, dropin()))
    last = max(r['Seq'] for r in a.rows('AuditRecord', PropertyList=['Seq']))
    check('what-if of Restart', good(a.do('ComputerSystem', None, 'Restart', True)) and m.boot_id() == boot)
    r = a.do('ComputerSystem', None, 'Restart')
    check('Restart', good(r), r)
    m.up(but=boot)
    check('it is another boot', m.boot_id() != boot)
    a = again(path)
    after = a.rows('OperatingSystem', PropertyList=['BootId', 'LastBootUpTime', 'SerialNumber', 'CSName'])[0]
    check('the agent is back, and knows', after['BootId'] == m.boot_id() and after['LastBootUpTime'] > before['LastBootUpTime'] and after['SerialNumber'] == before['SerialNumber'], (before, after))
    c = a.rows('ComputerSystem', PropertyList=['Name', 'StaticName', 'Domain', 'RebootRequired', 'RebootReasons'])[0]
    want = {'Name': 'web1.example.org', 'StaticName': 'web1.example.org', 'Domain': 'example.org', 'RebootRequired': False, 'RebootReasons': []}
    check('its name, and no restart is wanted now', not differ(c, want) and m.run('uname -n').stdout.strip() == 'web1.example.org', c)
    value = lambda name: m.run(f'cat /proc/sys/vm/{name}').stdout.strip()
    check('the setting that lasts', value('swappiness') == '17' and value('vfs_cache_pressure') != '77', (value('swappiness'), value('vfs_cache_pressure')))
    check('the mount that lasts', m.run('findmnt -n -o OPTIONS /srv').stdout.find('size=3072k') >= 0, m.run('findmnt /srv; cat /etc/fstab').stdout)
    check('the module that lasts', m.run('test -d /sys/module/ip_vs_rr').returncode == 0)
    if good(swap):
        row = a.one('PageFile', {'Name': '/var/lib/more.swap'}, 'Priority', 'Persisted', 'Type')
        check('the swap that lasts', row and not differ(row, {'Priority': 3, 'Persisted': True, 'Type': 'file'}), (row, m.run('cat /proc/swaps /etc/fstab').stdout))
        check('and lasts no more', good(a.do('PageFile', {'Name': '/var/lib/more.swap'}, 'Delete', Persist=True)) and 'more.swap' not in m.run('cat /proc/swaps /etc/fstab').stdout)
    records = {r['Seq']: r for r in a.rows('AuditRecord')}
    asked = [r for r in records.values() if r['Method'] == 'Restart' and r['Seq'] > last]
    check('the audit log has the restart', asked and asked[-1]['Result'] in ('Succeeded', 'Unknown'), asked)
    check('and all that was before', any(r['Method'] == 'Rename' and r['Result'] == 'Succeeded' for r in records.values()))
    r = a.do('AuditRecord', None, 'Verify')
    check('whose chain holds', good(r) and r['result']['Valid'], r)
    m.run('echo 21 > /proc/sys/vm/dirty_ratio')
    check('the request again: its answer, and nothing is done', a.call('InvokeMethod', 'Sysctl', {'Name': 'vm.dirty_ratio'}, **once).get('result') == first['result'] and value('dirty_ratio') == '21')
    check('what nobody confirmed is put back', until(lambda: '10.0.2.77' not in dropin(), 120), dropin())
    check('all units are up', until(lambda: m.run('systemctl is-system-running').stdout.strip() == 'running', 60), m.run('systemctl --failed; systemctl list-jobs').stdout)


def again(path):
    """Asks the agent of the new boot."""
    end = time.monotonic() + 60
    while True:
        try:
            a = Asked(path)
            a.peer.sock.settimeout(60)
            if isinstance(a.rows('OperatingSystem', PropertyList=['BootId']), list):
                return a
        except (OSError, TypeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def stop(m, a, path):
    r = again(path).do('ComputerSystem', None, 'Stop')
    check('Stop', good(r), r)
    check('the machine is off', until(lambda: m.proc.poll() is not None, 60) and m.proc.returncode == 0, m.proc.returncode)


vmlib.lab(reasons, clock, restart, stop)
check.end()
