#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Twenty hosts, each with an agent and an SSH server of its own; of them dead, hung and refusing ones: each told as it is, and none that
answers is lost because of one that does not. (200: make bench.)"""
import contextlib, os, signal, subprocess, sys, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases, BUILD
from fleetlib import Fleet

case = Cases()
fleet = Fleet(20, dead=2, hung=2, refusing=2)
names = ','.join(fleet.names)
TELL = '$e | ForEach-Object { "$($_.TargetObject) $($_.FullyQualifiedErrorId)" }'
want = {**{h: 'HostRefused' for h in fleet.refusing}, **{h: 'HostLate' for h in fleet.hung}, **{h: 'HostUnreachable' for h in fleet.dead}}


def read(out):
    """The answers with a number first, the errors after them."""
    lines = [line.split() for line in out.splitlines()]
    return sorted(w[1] for w in lines if w[0].isdigit()), {w[0]: w[1].split(',')[0] for w in lines if not w[0].isdigit()}


try:
    r = fleet.reeve(f'Invoke-Command -HostName {names} -ConnectingTimeout 4000 -Verbose {{ (Get-Process -Id $PID).Id }} -ErrorVariable e -ErrorAction SilentlyContinue 4>{fleet.dir}/count | '
                    f'ForEach-Object {{ "$_ $($_.PSComputerName)" }}; {TELL}')
    count = open(f'{fleet.dir}/count').read()
    case('every host is told once, as it is', read(r.stdout) == (sorted(fleet.good), want), (r.stdout, r.stderr))
    case('the count', '20 hosts: 14 answered, 0 failed, 2 refused, 2 unreachable, 2 late, 0 without reeve, 0 lost' in count, count)
    r = fleet.reeve(f'Invoke-Command -HostName {names} -ConnectingTimeout 3000 -ThrottleLimit 3 {{ 1 }} -ErrorVariable e -ErrorAction SilentlyContinue | '
                    f'ForEach-Object {{ "$_ $($_.PSComputerName)" }}; {TELL}')
    case('three at a time, the same', read(r.stdout) == (sorted(fleet.good), want), (r.stdout, r.stderr))
    some = ','.join(fleet.good + fleet.dead)
    r = fleet.reeve(f'$s = New-PSSession -HostName {some} -ErrorAction SilentlyContinue; Invoke-Command -Session $s {{ $x = 2 }}; '
                    f'Invoke-Command -Session $s {{ $x + 3 }} | ForEach-Object {{ "$_ $($_.PSComputerName)" }}')
    case('sessions with those that answer', read(r.stdout)[0] == sorted(fleet.good), (r.stdout, r.stderr))
    # Hosts that stop or vanish after the login.
    out = f'{fleet.dir}/pids'
    os.makedirs(out)
    client = subprocess.Popen([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', f'''Invoke-Command -HostName {",".join(fleet.good)} -OperationTimeoutSec 10 {{
        param($out) Set-Content "$out/$PID" ''; if (1) {{ "1 x" }}; while (!(Test-Path $out/go)) {{ Start-Sleep -Milliseconds 50 }}; "2 x"
        }} -ArgumentList {out} -ErrorVariable e -ErrorAction SilentlyContinue | ForEach-Object {{ "$_ $($_.PSComputerName)" }}; {TELL}'''],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fleet.env, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while len(os.listdir(out)) < len(fleet.good) and time.monotonic() < end:
        time.sleep(0.02)
    pids = sorted(int(p) for p in os.listdir(out))
    os.kill(pids[0], signal.SIGSTOP)
    os.kill(pids[1], signal.SIGKILL)
    open(f'{out}/go', 'w').close()
    text, err = client.communicate(timeout=60)
    with contextlib.suppress(ProcessLookupError):   # the server has seen to it
        os.kill(pids[0], signal.SIGKILL)
    lines = [line.split() for line in text.splitlines()]
    first, second = (sorted(w[2] for w in lines if w[0] == n) for n in '12')
    bad = sorted(w[1].split(',')[0] for w in lines if w[0] not in '12')
    case('one stops and one vanishes in mid-call: the others answer, both are told, what came stands',
         len(pids) == 14 and first == sorted(fleet.good) and len(second) == 12 and bad == ['HostLate', 'HostLost'], (text, err))
finally:
    fleet.stop()
case.end()
