#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make install` and its units on a booted machine: reeved as a service, a login as another user, the manual pages, the way it is
sandboxed."""
import os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
BUILD = os.path.abspath(agentlib.BUILD)
INST = os.path.join(BUILD, 'inst')
WANT = ['etc/pam.d/reeve', 'usr/bin/reeve', 'usr/include/reeve-provider.h', 'usr/lib/libreeve-provider.so', 'usr/lib/libreeve-provider.so.1', 'usr/lib/pkgconfig/reeve-provider.pc', 'usr/lib/systemd/system/reeve-agent.service', 'usr/lib/systemd/system/reeve-agent.socket', 'usr/lib/systemd/system/reeve-desired.service', 'usr/lib/systemd/system/reeve-desired.timer',
        'usr/lib/systemd/system/reeve-login.service', 'usr/lib/systemd/system/reeve-login.socket', 'usr/lib/systemd/system/reeve-ssh.service', 'usr/lib/systemd/system/reeve-ssh.socket', 'usr/lib/systemd/system/reeved.service', 'usr/lib/sysusers.d/reeve.conf', 'usr/libexec/reeve/reeve-agent', 'usr/libexec/reeve/reeve-fan', 'usr/libexec/reeve/reeve-forward', 'usr/libexec/reeve/reeve-login', 'usr/libexec/reeve/reeve-pam', 'usr/libexec/reeve/reeve-record', 'usr/libexec/reeve/reeve-sftp', 'usr/libexec/reeve/reeve-ssh',
        'usr/sbin/reeved', 'usr/share/bash-completion/completions/reeve', 'usr/share/man/man1/reeve.1', 'usr/share/man/man8/reeve-agent.8', 'usr/share/man/man8/reeve-forward.8', 'usr/share/man/man8/reeve-login.8', 'usr/share/man/man8/reeve-pam.8', 'usr/share/man/man8/reeve-record.8', 'usr/share/man/man8/reeve-sftp.8', 'usr/share/man/man8/reeve-ssh.8', 'usr/share/man/man8/reeved.8']


def install():
    shutil.rmtree(INST, ignore_errors=True)
    r = subprocess.run(['make', '-s', '-C', ROOT, 'install', f'DESTDIR={INST}', f'B={BUILD}'], capture_output=True, text=True)
    there = sorted(os.path.relpath(os.path.join(d, f), INST) for d, _, fs in os.walk(INST) for f in fs)
    check('make install: the tree', r.returncode == 0 and there == WANT, (r.stderr, there))
    r = subprocess.run([f'{INST}/usr/bin/reeve', '-Command', '(Get-Process -Id $PID).Name'], capture_output=True, text=True, env={'HOME': '/nonexistent', 'PATH': '/usr/bin:/bin'})
    check('it finds its agent', r.stdout.strip() == 'reeve', r)


def manuals():
    if not shutil.which('mandoc'):
        check.skip('manual pages', 'mandoc is not installed')
        return
    for name in sorted(os.listdir(os.path.join(ROOT, 'docs/man'))):
        r = subprocess.run(['mandoc', '-Tlint', '-W', 'warning', os.path.join(ROOT, 'docs/man', name)], capture_output=True, text=True)
        check(f'{name} is well made', r.returncode == 0, r.stdout)
    for program in ('reeved', 'reeve-agent', 'reeve-ssh'):
        said = set(re.findall(r'^  (?:[^ ]+, )?(--[a-z-]+)', subprocess.run([f'{BUILD}/bin/{program}', '--help'], capture_output=True, text=True).stdout, re.M))
        page = open(os.path.join(ROOT, f'docs/man/{program}.8')).read()
        missing = [o for o in said if f'Fl Fl {o[2:]}' not in page and o not in ('--help', '--version')]
        check(f'{program}.8 has every option', said and not missing, missing)


def sandboxes(m, run, ssh):
    """The figures of issue 7, what the front-end finds in its root, that logins have the host as it is, and that each service may die."""
    for unit, most in (('reeve-ssh', 1.5), ('reeved', 1.5), ('reeve-agent', 6.5)):
        r = m.run(f'systemd-analyze security --no-pager {unit}.service | tail -1')
        found = re.search(r': ([0-9.]+) ', r.stdout)
        check(f'systemd-analyze security {unit}.service: at most {most}', found and float(found[1]) <= most, r)
    pid = m.run('systemctl show -P MainPID reeve-ssh').stdout.strip()
    seen = m.run(f'ls /proc/{pid}/root/ /proc/{pid}/root/usr /proc/{pid}/root/usr/libexec/reeve; ls /proc/{pid}/root/etc; grep -c : /proc/{pid}/net/dev').stdout
    check("the front-ends' root holds a program and libraries", 'reeve-ssh' in seen and not {'home', 'bin', 'sbin', 'passwd', 'reeve-agent'} & set(seen.split()) and
          seen.split()[-1] == '1', seen)
    r = run('root', 'mkdir -p /tmp/mnt; /bin/mount -t tmpfs none /tmp/mnt; touch /tmp/mnt/x; cat /proc/self/status | grep -E "Seccomp:|NoNewPrivs:|CapBnd:"')
    there = m.run('mountpoint -q /tmp/mnt && ls /tmp/mnt; umount /tmp/mnt; grep -E "Seccomp:|NoNewPrivs:|CapBnd:" /proc/1/status').stdout
    check("root's login has the host as it is", there.split()[0] == 'x' and sorted(r.stdout.split()) == sorted(there.split()[1:]), (r, there))
    session = subprocess.Popen([*ssh, 'root@127.0.0.1'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    say = lambda text: (session.stdin.write(text + '\n'), session.stdin.flush(), session.stdout.readline().strip())[2]
    check('a session is open', say('$x = 42; 1') == '1')
    for unit in ('reeve-agent', 'reeve-login', 'reeve-ssh'):
        before = m.run(f'systemctl show -P MainPID {unit}').stdout.strip()
        m.run(f'systemctl kill -s KILL --kill-who=main {unit}')
        for _ in range(300):
            r = run('root', '(Get-Service cron).Name; exit 3')
            if r.returncode == 3 and m.run(f'systemctl show -P MainPID {unit}').stdout.strip() not in ('0', before):
                break
            time.sleep(0.1)
        said = say('(Get-Service cron -ErrorAction SilentlyContinue).Name; "x$x"')
        while said not in ('x42', ''):
            said = session.stdout.readline().strip()
        check(f'{unit} is killed and back, and the session stays', r.returncode == 3 and said == 'x42', (r, said, m.run('journalctl -n 20 -u "reeve*"').stdout))
    session.stdin.write('exit 5\n')
    session.stdin.close()
    check('the session whose parent died ends with its program', session.wait(30) in (5, 255), session.returncode)


def trust(m, run):
    """What needs rights of its own at run time: the process that a plan is made in, and the one that keeps a transcript."""
    m.run("""mkdir -p /etc/reeve/roles.d
        printf '%s\\n' '[Role]' 'Language = Full' 'Transcript = Required' '[Who]' 'User = alice' '[Allow look]' 'Class = Service' 'Operation = Read' > /etc/reeve/roles.d/look.role
        printf '%s\\n' '[Role]' '[Elevate]' 'User = alice' '[Allow cron]' 'Class = Service' 'Operation = Invoke' 'Method = Restart' > /etc/reeve/roles.d/cron.role""")
    for _ in range(300):
        if run('alice', '(Get-Service cron).Name').stdout == 'cron\n':
            break
        time.sleep(0.1)
    r = run('alice', "(Request-Elevation cron -Minutes 5 -Reason 'it hangs' -Plan { Get-Service cron | Restart-Service }).Id")
    id = r.stdout.strip()
    check('elevation: asked for', r.returncode == 0 and len(id) == 16, (r, m.run('journalctl -n 20 -q -u "reeve*"').stdout))
    r = run('root', f'$e = Get-Elevation {id}; $e.Plan; "<$($e.PlanErrors)>"')
    check('elevation: its plan was made', r.stdout.startswith('Service.Restart ') and r.stdout.endswith('\n<>\n'), r)
    check('elevation: not yet', run('alice', 'Restart-Service cron').returncode)
    m.run(f"ssh-keygen -q -t ed25519 -N '' -f /lab/second && cat /lab/second.pub >> /etc/reeve/keys.d/root.keys")
    r = run('root', f'Approve-Elevation {id}', 'second')
    before = m.run('systemctl show -P MainPID cron').stdout
    check('elevation: agreed to, and done', r.returncode == 0 and run('alice', 'Restart-Service cron').returncode == 0 and m.run('systemctl show -P MainPID cron').stdout != before, r)
    r = run('root', "Get-SessionTranscript -User alice -Property Command, ExitStatus | Select-Object -Last 1 | ForEach-Object { $_.Command; $_.ExitStatus }")
    check('transcripts: kept', r.stdout.split('\n')[:2] == ['Restart-Service cron', '0'], r)
    m.run('rm -r /etc/reeve/roles.d')
    for _ in range(300):
        if run('alice', '(Get-Service cron).Name').returncode:
            break
        time.sleep(0.1)


def jobs(m, run):
    """A job has a control group of its own: restarting the agent's service leaves it alone; and the host's own tools see it."""
    m.run("""printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "while ! test -e /run/slow.go; do sleep 0.1; done"\\n' > /etc/systemd/system/slow.service; systemctl daemon-reload""")
    r = run('root', '(Start-Service slow -AsJob).Name')
    id = r.stdout.strip()
    scope = f'reeve-job-{id}.scope'
    check('a job has a scope', len(id) == 12 and m.run(f'systemctl is-active {scope}').stdout.strip() == 'active', (r, m.run('systemctl list-units "reeve*"; journalctl -n 20 -q -u "reeve*"').stdout))
    before = m.run('systemctl show -P MainPID reeve-agent').stdout
    m.run('systemctl restart reeve-agent')
    for _ in range(300):
        r = run('root', f'(Get-CimJob {id}).JobState')
        if r.returncode == 0 and m.run('systemctl show -P MainPID reeve-agent').stdout not in ('0\n', before):
            break
        time.sleep(0.1)
    check('it runs on when the agent is restarted', r.stdout.strip() == 'Running' and m.run('systemctl is-active slow').stdout.strip() == 'activating', r)
    m.run('touch /run/slow.go')
    r = run('root', f'(Get-CimJob {id} | Wait-Job -Timeout 30).State; (Get-CimJob {id}).JobState')
    check('and completes', r.stdout.split() == ['Completed', 'Completed'], (r, run('root', f'Get-CimJob {id} | Format-List *').stdout))
    for _ in range(300):
        if m.run(f'systemctl is-active {scope}').stdout.strip() == 'inactive':
            break
        time.sleep(0.1)
    check('its scope goes with it', m.run(f'systemctl list-units --all --no-legend {scope}').stdout.strip() == '', m.run(f'systemctl status {scope}').stdout)
    m.run('rm /run/slow.go')
    r = run('root', '$j = Start-Service slow -AsJob; Stop-Job $j; $j.State')
    check('and is stopped', r.stdout.strip() == 'Stopped', r)


def booted(lab):
    m = lab.machine('unit')
    key = os.path.join(m.share, 'key')
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key], check=True)
    r = m.run('''cp -a /opt/reeve/inst/. / && systemd-sysusers && systemctl daemon-reload && mkdir -p /etc/reeve/keys.d && cp /lab/key.pub /etc/reeve/keys.d/root.keys &&
        cp /lab/key.pub /etc/reeve/keys.d/alice.keys && chown -R root: /etc/reeve && systemctl start reeved''')
    check('the unit starts', r.returncode == 0, (r, m.run('systemctl status reeved; journalctl -u "reeve*" | tail -30').stdout[-3500:]))
    m.run("""mkdir -p /etc/reeve/desired.d; echo '{"Mode":"Enforce","Resources":[{"ClassName":"Service","InstanceName":{"Name":"cron"},"Properties":{"State":"Running"}}]}' > /etc/reeve/desired.d/cron.json""")
    r = m.run('systemctl stop cron; systemctl start reeve-desired; systemctl is-active cron; systemctl start reeve-desired.timer; systemctl is-active reeve-desired.timer')
    check('desired state on a schedule', r.stdout.split() == ['active', 'active'], (r, m.run('journalctl -u reeve-desired').stdout[-800:]))
    ssh = ['nsenter', '-t', str(m.leader), '-n', 'ssh', '-F', '/dev/null', '-i', key, '-p', '2222', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
           '-o', 'LogLevel=ERROR', '-o', 'IdentitiesOnly=yes']
    run = lambda user, text, key='key': subprocess.run([*[a.replace('/key', f'/{key}') for a in ssh], f'{user}@127.0.0.1', text], capture_output=True, text=True, timeout=40, stdin=subprocess.DEVNULL)
    r = run('root', 'Get-Service reeved | % State; Get-Process -Id 1 | % Name')
    check('root logs in and sees services', r.stdout.split() == ['Running', 'systemd'], r)
    r = run('alice', 'whoami; $HOME')
    check('alice is alice', r.stdout.split() == ['alice', '/home/alice'], r)
    r = run('alice', 'Stop-Service cron')
    check('and may not stop a service', r.returncode == 1 and m.run('systemctl is-active cron').stdout.strip() == 'active', r)
    r = run('root', """New-CimSubscription cron "SELECT * FROM __InstanceModificationEvent WITHIN 1 WHERE TargetInstance ISA 'Service' AND TargetInstance.Name = 'cron' AND TargetInstance.State <> PreviousInstance.State" -Journal '%TargetInstance.Name% is %TargetInstance.State%'""")
    m.run('systemctl stop cron; systemctl start cron')
    for _ in range(300):
        said = m.run('journalctl -q -o cat -t reeve REEVE_SUBSCRIPTION=cron').stdout.split('\n')
        if 'cron is Running' in said:
            break
        time.sleep(0.1)
    check('a permanent subscription writes to the journal', r.returncode == 0 and 'cron is Running' in said, (r, said, run('root', 'Get-CimSubscription | Format-List *').stdout))
    r = run('bob', '1')
    check('bob has no key', r.returncode == 255, r)
    states = m.run('for p in $(pgrep -x reeve-ssh); do grep -H ^Uid: /proc/$p/status; done; id -u reeve-ssh').stdout.split()
    check('the front-end has a user of its own', states and states[1] == states[-1] != '0', states)
    r = run('root', 'Restart-Service reeved -WhatIf')
    check('what-if of its own service', 'What if' in r.stdout and r.returncode == 0, r)
    m.run('mkdir -p /etc/reeve/providers.d && cd /etc/reeve/providers.d && reeve provider new Trace --language sh && chmod -R go-w . && systemctl reload reeved')
    for _ in range(300):
        r = run('root', "Get-Trace | Measure-Object | % Count; Get-CimInstance Provider | ? Name -eq Trace | % ControlGroup")
        if r.returncode == 0:
            break
        time.sleep(0.1)
    check('a provider in the group that systemd delegated', r.stdout.split()[1:] == ['/sys/fs/cgroup/system.slice/reeve-agent.service/provider-Trace'], r)
    groups = m.run('for p in $(pgrep -x reeve-agent) $(pgrep -f ^/bin/sh./etc/reeve/providers.d/Trace.sh); do grep ^0:: /proc/$p/cgroup; done').stdout.split()
    check('and the agent beside it', groups == [f'0::/system.slice/reeve-agent.service/{g}' for g in ('main', 'provider-Trace')], groups)
    have = set(m.run('cat /sys/fs/cgroup/system.slice/reeve-agent.service/cgroup.controllers').stdout.split())
    missing = [c for c in ('memory', 'pids', 'cpu') if c not in have]
    said = m.run('journalctl -u reeve-agent --no-pager -q -o cat').stdout
    check('controllers that are not there are named', not missing or f"does not bound {', '.join(missing)}:" in said, (missing, said[-600:]))
    check('its unit is the same', run('root', 'Get-Process reeve-agent | % Unit').stdout.split() == ['reeve-agent.service'], run('root', 'Get-Process reeve-agent | fl *'))
    trust(m, run)
    jobs(m, run)
    sandboxes(m, run, ssh)
    m.run('''su alice -c 'mkdir -p ~/.config/reeve/keys.d ~/run && cp /lab/key.pub ~/.config/reeve/keys.d/alice.keys && chmod -R go-w ~/.config &&
        (XDG_RUNTIME_DIR=$HOME/run setsid reeved --ssh-port 3333 >$HOME/log 2>&1 </dev/null &)' ''')
    ssh[ssh.index('2222')] = '3333'
    for _ in range(50):
        r = run('alice', 'whoami; (Get-Process -Id $PID).Name')
        if r.returncode == 0:
            break
        time.sleep(0.1)
    check('an ordinary user runs all of it as himself', r.stdout.split() == ['alice', 'reeve'], (r, m.run('cat /home/alice/log').stdout[-500:]))
    check('and serves nobody else', run('root', '1').returncode == 255)
    check('no process of it is root', m.run('ps -eo user,args | grep "[r]eeve" | grep -v "^alice"').stdout.count('3333') == 0)
    ports = [line.split()[3] for line in m.run('ss -Hltn').stdout.splitlines() if ':3333' in line]
    check('on loopback alone', ports and all(p in ('127.0.0.1:3333', '[::1]:3333') for p in ports), ports)
    m.run('pkill -u alice reeved')
    time.sleep(0.3)
    check('stop', m.run('systemctl stop reeved').returncode == 0 and 'reeve' not in m.run('ps -eo comm').stdout, m.run('ps -eo comm').stdout)
    said = m.run('journalctl -u "reeve*" -p warning --no-pager -q').stdout
    reload = ('the configuration stays as it was', 'reeve-agent ended (', 'reeve-login ended (', 'reeve-ssh ended (')
    said = '\n'.join(l for l in said.splitlines() if not any(r in l for r in reload) and not re.search(r' systemd\[1\]: (reeve-(agent|login|ssh)\.service|This usually)', l))
    check('no complaints in the journal', 'reeve' not in said.replace('systemd', ''), said[-800:])


def main():
    install()
    manuals()
    with lablib.Lab() as lab:
        booted(lab)
    check.end()


main()
