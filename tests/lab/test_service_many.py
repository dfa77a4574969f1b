#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Service on a systemd in trouble: five thousand units, a PID 1 or a bus that does not answer, units that come and go while
they are listed. Each is answered in bounded time and memory, and the rest of the agent does not notice."""
import os, re, signal, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, hostlib, lablib
from hostlib import status

check = agentlib.Cases()
UNITS = 5000


def rss(pid):
    """MB that the agent holds."""
    return int(re.search(r'VmRSS:\s+(\d+)', open(f'/proc/{pid}/status').read()).group(1)) / 1024


def timed(call):
    begun = time.monotonic()
    return call(), time.monotonic() - begun


def wait(good, seconds=30):
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.05)
    return good()


def patient(path):
    ask = hostlib.Asked(path)
    ask.peer.sock.settimeout(120)
    return ask


def outer(machine, name):
    """The pid, as seen here, of a program in the machine."""
    inside = machine.run(f'pidof -s {name}').stdout.strip()
    for entry in os.listdir('/proc'):
        try:
            if entry.isdigit() and os.readlink(f'/proc/{entry}/ns/pid') == os.readlink(f'/proc/{machine.leader}/ns/pid'):
                if re.search(r'NSpid:\s+(.*)', open(f'/proc/{entry}/status', errors='replace').read()).group(1).split()[-1] == inside:
                    return int(entry)
        except OSError:
            continue
    raise RuntimeError(f'no {name}')


def many(machine, path):
    ask, pid = patient(path), outer(machine, 'reeve-agent')
    ask.rows('Service', PropertyList=['Name', 'State'])
    before = rss(pid)
    # An ordering of a target that is up keeps them in memory without a job for each.
    made = machine.run(f"cd /run/systemd/system && for i in $(seq {UNITS}); do printf '[Unit]\\nDescription=One of many\\n[Service]\\nExecStart=/bin/true\\n' > lab-m$i.service; done; "
                       f"{{ printf '[Unit]\\nDescription=All\\nAfter='; seq -f 'lab-m%g.service' -s ' ' {UNITS}; }} > lab-all.target; "
                       "systemctl daemon-reload && systemctl start lab-all.target", timeout=120)
    check('they are made', made.returncode == 0, made.stderr)
    loaded = int(machine.run("systemctl list-units --all --type=service --plain --no-legend 'lab-m*' | wc -l").stdout)
    check('PID 1 has them', loaded == UNITS, loaded)
    names = lambda reply: {r['Name'] for r in reply if r['Name'].startswith('lab-m')} if isinstance(reply, list) else print(str(reply)[:500]) or set()
    reply, took = timed(lambda: ask.rows('Service', PropertyList=['Name', 'State', 'StartMode', 'DisplayName']))
    check('all are listed', len(names(reply)) == UNITS, len(reply))
    check('in bounded time', took < 20, took)
    reply, warm = timed(lambda: ask.rows('Service', PropertyList=['Name', 'State', 'StartMode', 'DisplayName']))
    check('again, faster', len(names(reply)) == UNITS and warm < 5, warm)
    # All details of all, one call of PID 1 for each: meanwhile others are answered.
    answer = {}
    thread = threading.Thread(target=lambda: answer.update(zip(('rows', 'took'), timed(lambda: patient(path).rows('Service', PropertyList=['Name', 'Result', 'FragmentPath', 'After'], Timeout=100)))))
    thread.start()
    other, slowest = patient(path), 0
    while thread.is_alive():
        got, one = timed(lambda: other.one('Process', {'ProcessId': 1}, 'Name'))
        slowest = max(slowest, one)
        if not got:
            check('Process meanwhile', False, got)
            break
        time.sleep(0.05)
    thread.join()
    check('all details of all', len(names(answer['rows'])) == UNITS and all(r['After'] for r in answer['rows'] if r['Name'].startswith('lab-m')), str(answer)[:300])
    check('Process is answered meanwhile', slowest < 5, slowest)
    check('in bounded memory', rss(pid) - before < 200, (before, rss(pid)))
    print(f'{UNITS} units: first list {took:.2f} s, again {warm:.3f} s, all details {answer["took"]:.2f} s; Process meanwhile at most {slowest * 1000:.0f} ms; '
          f'the agent grew by {rss(pid) - before:.0f} MB')
    one, took = timed(lambda: ask.one('Service', {'Name': f'lab-m{UNITS}'}, 'State', 'Result'))
    check('one of them', one and one['State'] == 'Stopped' and took < 5, (one, took))
    machine.run('rm -rf /run/systemd/system/lab-*; systemctl daemon-reload', timeout=120)
    check('they have gone', wait(lambda: not names(ask.rows('Service', PropertyList=['Name']))))


def vanishing(machine, path):
    """Transient units that live for a moment, while all are read with their details."""
    ask, stop, bad, seen = patient(path), threading.Event(), [], set()
    maker = threading.Thread(target=lambda: machine.run(
        'for i in $(seq 150); do systemd-run --quiet --collect --unit lab-v$i sleep 0.0$((i % 10)); done', timeout=120))
    maker.start()
    while maker.is_alive():
        rows = ask.rows('Service', PropertyList=['Name', 'State', 'MainPID', 'Result', 'After', 'ControlGroup'])
        if not isinstance(rows, list) or any(not r['Name'] or r['State'] is None for r in rows if r):
            bad.append(rows)
        mine = [r['Name'] for r in rows if r['Name'].startswith('lab-v')] if isinstance(rows, list) else []
        seen.update(mine)
        for name in mine[:2]:
            for reply in (ask.do('Service', {'Name': name}, 'StopService'), ask.do('Service', {'Name': name}, 'Kill', Signal='HUP')):
                if not hostlib.good(reply) and status(reply) not in ('NOT_FOUND', 'FAILED'):
                    bad.append(reply)
    maker.join()
    check('some were seen alive', seen, seen)
    check('lists and calls stay whole while units come and go', not bad, bad[:2])
    left = lambda: {r['Name'] for r in ask.rows('Service', PropertyList=['Name']) if r['Name'].startswith('lab-v')}
    check('none of them is left', wait(lambda: not left()), left())


def silent(machine, path, pid, what):
    """Stops a process (of ours: the pid is this namespace's) that answers for services, and asks."""
    ask = patient(path)
    os.kill(pid, signal.SIGSTOP)
    try:
        for call in (lambda: ask.call('EnumerateInstances', 'Service', None, PropertyList=['Name', 'Result'], Timeout=2),
                     lambda: ask.call('InvokeMethod', 'Service', {'Name': 'cron'}, MethodName='Restart', Timeout=2)):
            reply, took = timed(call)
            check(f'{what} that does not answer', status(reply) in ('TIMED_OUT', 'UNAVAILABLE', 'ACCESS_DENIED') and took < 8, (reply if 'error' in reply else 'rows', took))
        got, took = timed(lambda: ask.one('Process', {'ProcessId': 1}, 'Name'))
        check(f'{what}: others are answered', got and took < 3, (got, took))
    finally:
        os.kill(pid, signal.SIGCONT)

    def well():
        machine.run('systemctl is-active cron')  # a stopped and continued PID 1 handles SIGCHLD with the next event only
        rows = ask.rows('Service', PropertyList=['Name', 'Result'])
        return isinstance(rows, list) and len(rows) > 60
    check(f'{what}: it recovers', wait(well))


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('many')
        path = machine.agent(sandbox=False)
        many(machine, path)
        vanishing(machine, path)
        machine.agent_proc.terminate()
        machine.agent_proc.wait(20)
        # Cold: nothing has been read before, so the connection itself is what hangs.
        path = machine.agent(name='cold', sandbox=False)
        silent(machine, path, machine.leader, 'a PID 1')
        machine.agent_proc.terminate()
        machine.agent_proc.wait(20)
        # An agent of an ordinary user works over the system bus.
        machine.run('install -d -o alice /lab/bus.state; chmod 777 /lab')
        machine.popen('setpriv', '--reuid=alice', '--regid=alice', '--init-groups', 'env', '-i', 'PATH=/usr/bin:/bin', 'HOME=/home/alice', 'STATE_DIRECTORY=/lab/bus.state',
                      '/opt/reeve/bin/reeve-agent', '--socket', '/lab/bus.sock')
        path = os.path.join(machine.share, 'bus.sock')
        check("alice's agent", wait(lambda: lablib.answers(path)))
        silent(machine, path, outer(machine, 'dbus-daemon'), 'a bus')
    check.end()


main()
