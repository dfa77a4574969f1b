#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shell's event cmdlets against a real agent."""
import os, shutil, signal, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD

case = Cases()
agent = Agent()
env = dict(os.environ, REEVE_SOCKET=agent.path)
root = os.geteuid() == 0
NAME = f'evs{os.getpid()}'   # a program that nobody else runs
SLEEP = os.path.join(agent.dir, NAME)
shutil.copy(shutil.which('sleep'), SLEEP)


def shell(text, timeout=30):
    r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', text], capture_output=True, text=True, env=env, timeout=timeout)
    return r.stdout.strip(), r.stderr


def says(name, text, want, err=''):
    out, problems = shell(text)
    case(name, out.splitlines() == want and (err in problems if err else not problems), (out, problems))


QUERY = "\"SELECT * FROM __InstanceCreationEvent WITHIN 0.1 WHERE TargetInstance ISA 'Process' AND TargetInstance.Name = '%s'\"" % NAME
GONE = QUERY.replace('Creation', 'Deletion')
try:
    says('the next process', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p; $s = Start-Process {SLEEP} 20 -PassThru; $e = Wait-Event p -Timeout 10; '
         f'$t = $e.SourceEventArgs.NewEvent.TargetInstance; $t.ProcessId -eq $s.Id; $t.Name -eq "{NAME}"; $t.GetType().Name; $e.SourceIdentifier; $e.TimeGenerated.GetType().Name; Stop-Process -Id $s.Id',
         ['True', 'True', 'Process', 'p', 'DateTime'])
    says('events stay until they are removed', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p -MessageData 42; $a = Start-Process {SLEEP} 20 -PassThru; $b = Start-Process {SLEEP} 20 -PassThru; '
         'Start-Sleep 0.6; (Get-Event p).Count; (Get-Event p)[0].MessageData; Get-Event p | Select-Object -First 1 | Remove-Event; @(Get-Event).Count; Remove-Event p; @(Get-Event).Count; Stop-Process -Id $a.Id, $b.Id', ['2', '42', '1', '0'])
    says('an action', f'$global:seen = 0; $job = Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p -Action {{ $global:seen += [int]$Event.SourceEventArgs.NewEvent.TargetInstance.CommandLine.EndsWith("20"); Write-Host "saw $($EventArgs.NewEvent.TargetInstance.Name)" }}; '
         f'$job.Name; $a = Start-Process {SLEEP} 20 -PassThru; Start-Sleep 0.6; $seen; @(Get-Event).Count; Stop-Process -Id $a.Id', ['p', f'saw {NAME}', '1', '0'])
    says('so many times', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p -MaxTriggerCount 1; $a = Start-Process {SLEEP} 20 -PassThru; Start-Sleep 0.5; @(Get-EventSubscriber).Count; @(Get-Event).Count; Stop-Process -Id $a.Id', ['0', '1'])
    says('subscribers', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p; Register-CimIndicationEvent -Query {GONE} -SourceIdentifier q -SupportEvent; (Get-EventSubscriber).SourceIdentifier; '
         '(Get-EventSubscriber -Force).Count; Unregister-Event p; @(Get-EventSubscriber).Count; Get-EventSubscriber -Force | Unregister-Event -Force; @(Get-EventSubscriber -Force).Count', ['p', '2', '0', '0'])
    says('nothing comes', 'Wait-Event -Timeout 0.2; Wait-Event; "done"', ['done'])
    says('no such event', 'Get-Event nowhere', [], "Event with source identifier 'nowhere' does not exist.")
    says('no such subscription', 'Unregister-Event nowhere', [], "Event subscription with source identifier 'nowhere' does not exist.")
    says('twice the same name', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p; Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p', [], "source identifier 'p' already exists")
    says('a query that is none', 'Register-CimIndicationEvent -Query "SELECT * FROM Process"', [], "is no event")
    says('-WhatIf', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p; Unregister-Event p -WhatIf; @(Get-EventSubscriber).Count', ['What if: Performing the operation "Unregister-Event" on target "Event subscription \'p\'".', '1'])
    if root:
        says('every program', f'Register-CimIndicationEvent Win32_ProcessStartTrace -SourceIdentifier s -Filter "ProcessName = \'{NAME}\'"; 1..3 | % {{ & {SLEEP} 0.1 }}; Start-Sleep 0.3; (Get-Event s).SourceEventArgs.NewEvent.ProcessName', [NAME] * 3)
    else:
        case.skip('every program', 'only root is told')
    other = SLEEP[:-1] + 'w'
    shutil.copy(SLEEP, other)
    child = subprocess.Popen([other, '1.5'])
    threading.Thread(target=child.wait).start()   # no zombie stays
    name = os.path.basename(other)
    says('watched', f'Watch-CimInstance Process -Filter "Name = \'{name}\'" -Property Name -Snapshot -Interval 0.1 -Count 1 -Timeout 10 | % {{ "$($_.Change) $($_.TargetInstance.Name)" }}', [f'Snapshot {name}', f'Delete {name}'])
    start = time.monotonic()
    says('watched for a while', 'Watch-CimInstance Process -Filter "Name = \'nobody\'" -Interval 0.1 -Timeout 0.5; "over"', ['over'])
    case('and no longer', time.monotonic() - start < 5, time.monotonic() - start)

    # The agent is restarted below a session that waits.
    p = subprocess.Popen([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', f'Register-CimIndicationEvent -Query {QUERY} -SourceIdentifier p; "ready"; Start-Sleep 2; $e = Wait-Event p -Timeout 10; $e.SourceEventArgs.Exception; '
                          f'$e | Remove-Event; $a = Start-Process {SLEEP} 20 -PassThru; (Wait-Event p -Timeout 10).SourceEventArgs.NewEvent.TargetInstance.ProcessId -eq $a.Id; Stop-Process -Id $a.Id'],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    first = p.stdout.readline()
    agent.proc.send_signal(signal.SIGKILL)
    agent.proc.wait()
    agent = Agent(folder=agent.dir)
    agent.own = True
    out, err = p.communicate(timeout=40)
    case('the agent was restarted', first.strip() == 'ready' and out.splitlines() == ['The connection to the agent was lost; events may be missing.', 'True'], (out, err))
    case('the agent is well', agent.call('Ping')['result'] == {})
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
case.end()
