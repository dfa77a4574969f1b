#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many hosts: Invoke-Command -HostName, sessions; values and streams as they arrive; every host accounted for: answered, refused,
unreachable, late, without reeve, lost."""
import json, os, re, shutil, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases, BUILD
from sshhost import Host

case = Cases()
host = Host()
work = tempfile.mkdtemp(prefix='reeve-remoting.')
hung = socket.create_server(('127.0.0.1', 0))          # accepts and never speaks
subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{work}/other'], check=True)

# A stock OpenSSH server without reeve in its path.
sshd = None
if os.path.exists('/usr/sbin/sshd'):
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{work}/hostkey'], check=True)
    shutil.copy(host.key + '.pub', f'{work}/authorized')
    os.makedirs('/run/sshd', exist_ok=True) if os.geteuid() == 0 else None
    open(f'{work}/sshd_config', 'w').write(f'Port {port}\nListenAddress 127.0.0.1\nHostKey {work}/hostkey\nAuthorizedKeysFile {work}/authorized\n'
                                           f'PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n')
    sshd = subprocess.Popen(['/usr/sbin/sshd', '-D', '-f', f'{work}/sshd_config'], stderr=subprocess.DEVNULL)
    time.sleep(0.5)

with open(f'{work}/config', 'w') as f:
    f.write(f'Host good*\n Port {host.port}\n IdentityFile {host.key}\n'
            f'Host refused\n Port {host.port}\n IdentityFile {work}/other\n'
            f'Host dead\n Port 1\n'
            f'Host hung\n Port {hung.getsockname()[1]}\n'
            f'Host stranger\n Port {host.port}\n IdentityFile {host.key}\n UserKnownHostsFile {work}/wrong_hosts\n')
    if sshd:
        f.write(f'Host stock\n Port {port}\n IdentityFile {host.key}\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n')
    f.write(f'Host *\n HostName 127.0.0.1\n User {host.user}\n IdentitiesOnly yes\n UserKnownHostsFile {host.known_hosts}\n StrictHostKeyChecking yes\n'
            f' LogLevel ERROR\n')
other = open(f'{work}/other.pub').read().split()[:2]
open(f'{work}/wrong_hosts', 'w').write(f'[127.0.0.1]:{host.port} ' + ' '.join(other) + '\n')
ENV = dict(os.environ, REEVE_SSH=f'ssh -F {work}/config', NO_COLOR='1', LC_ALL='C.UTF-8')
ENV.pop('REEVE_SOCKET', None)


def run(script, timeout=40):
    r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', script], capture_output=True, text=True, timeout=timeout, env=ENV, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


# ---- values ----
rc, out, err = run('''Invoke-Command -HostName good1 {
    1; "ä`n"; 2.5; [int64]7; $true; [decimal]1.10; [datetime]"2020-01-02T03:04:05Z"; [timespan]"1.02:03:04"; [guid]::Empty; @{a=1;b=@(1,2)}; 'x'; [char]'c'
    } | ForEach-Object { $_.GetType().FullName + " " + $_.PSComputerName }''')
want = ['Int32', 'String', 'Double', 'Int64', 'Boolean', 'Decimal', 'DateTime', 'TimeSpan', 'Guid', 'Collections.Hashtable', 'String', 'Char']
case('types', rc == 0 and out.splitlines() == [f'System.{t} good1' for t in want], (rc, out, err))
rc, out, err = run('''$r = Invoke-Command -HostName good1 { [pscustomobject]@{ N = $null; A = @(1, @(2, 3)); H = [ordered]@{ z = 1; y = 'ä"\\' }; D = 1.1; O = [pscustomobject]@{ X = 1 } } }
    $r.A[1][1]; $r.H.y; $r.D; $r.O.X; $null -eq $r.N; $r.PSObject.Properties.Name -join ","''')
case('objects', rc == 0 and out.split('\n')[:6] == ['3', 'ä"\\', '1.1', '1', 'True', 'N,A,H,D,O,PSComputerName'], (rc, out, err))
rc, out, err = run('(Invoke-Command -HostName good1 { Get-Process -Id 1 }).PSTypeNames[0]; (Invoke-Command -HostName good1 { Get-Process -Id 1 }).ProcessId; Invoke-Command -HostName good1 { Get-Process -Id 1 }')
case('objects of the agent, in their own view', rc == 0 and out.startswith('Deserialized.reeve.Process\n1\n') and re.search(r'^\s*NPM|WS\(M\)', out, re.M), (rc, out, err))
rc, out, err = run('$x = @{ n = 40 }; $y = "b c"; Invoke-Command -HostName good1 { param($a, $b) $using:x.n + $a + $b; "$using:y|" } -ArgumentList 1, 2; 1..3 | Invoke-Command -HostName good1 { ($input | Measure-Object -Sum).Sum }')
case('$using:, arguments, input', rc == 0 and out == '43\nb c|\n6\n', (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1 { $using:nix }')
case('a $using: that is not set', rc == 1 and 'nix' in err, (rc, out, err))
open(f'{work}/s.ps1', 'w').write('param($n)\n"file $n"\n')
rc, out, err = run(f'Invoke-Command -HostName good1 -FilePath {work}/s.ps1 -ArgumentList 7')
case('-FilePath', rc == 0 and out == 'file 7\n', (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1 { Get-Process | Select-Object -First 1 | Format-Table ProcessId }')
case('formatted there, text here', rc == 0 and 'ProcessId' in out, (rc, out, err))
rc, out, err = run('(Invoke-Command -HostName good1 { 1..20000 }).Count; (Invoke-Command -HostName good1 { "x" * 3000000 }).Length')
case('much', rc == 0 and out == '20000\n3000000\n', (rc, out[:100], err))
rc, out, err = run('Invoke-Command -HostName good1 { sh -c "echo out; echo err >&2; exit 3"; $LASTEXITCODE }')
case('programs there', 'out\n3\n' in out, (rc, out, err))

# ---- streams ----
rc, out, err = run('Invoke-Command -HostName good1 { Write-Host h; Write-Warning w; Write-Error e; "v"; throw "t" }; "next"')
case('streams', 'h\n' in out and 'v\n' in out and 'next' in out and '[good1] w' in out + err and '[good1] e' in err and '[good1] t' in err, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1 { throw "t" }')
case('a script that fails there fails here', rc == 1, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1 { Nix-Nix }; $Error[0].FullyQualifiedErrorId; $Error[0].TargetObject')
case('the error id comes along', 'CommandNotFoundException' in out and 'good1' in out, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1 { 1 +')
case('a text that does not parse', rc == 1, (rc, out, err))

# ---- every host has one outcome ----
names = 'good1,refused,good2,dead,hung,stranger,nowhere.invalid' + (',stock' if sshd else '')
begin = time.monotonic()
rc, out, err = run(f'Invoke-Command -HostName {names} -ConnectingTimeout 2000 {{ 7 }} -ErrorVariable e -ErrorAction SilentlyContinue | ForEach-Object {{ "$_ $($_.PSComputerName)" }}; '
                   f'$e | ForEach-Object {{ "$($_.TargetObject) $($_.FullyQualifiedErrorId) $($_.Exception.Message)" }}')
took = time.monotonic() - begin
lines = sorted(l for l in out.splitlines() if l)
ids = {l.split()[0]: l.split()[1].split(',')[0] for l in lines if not l.startswith('7 ')}
want = {'refused': 'HostRefused', 'dead': 'HostUnreachable', 'hung': 'HostLate', 'stranger': 'HostRefused', 'nowhere.invalid': 'HostUnreachable'}
if sshd:
    want['stock'] = 'HostWithoutReeve'
else:
    case.skip('a host without reeve', 'no sshd')
case('answered', [l for l in lines if l.startswith('7 ')] == ['7 good1', '7 good2'], out)
case('each other one told once, with its reason', ids == want, (ids, out, err))
case('with the words of ssh', any('Permission denied' in l for l in lines) and any('Connection refused' in l for l in lines), out)
case('not longer than the time given', took < 8, took)
rc, out, err = run('Invoke-Command -HostName good1,dead { 7 }')
case('incomplete: the status is not 0', rc == 1 and out == '7\n' and 'dead cannot be reached' in err, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1,good2 -OperationTimeoutSec 1 { if ($true) { "early"; Start-Sleep 30 } }')
case('late in the middle: what came stands', rc == 1 and out == 'early\nearly\n' and err.count('did not answer in time') == 2, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1 { "before"; Stop-Process -Id $PID -Force; Start-Sleep 5 }')
case('lost in the middle', rc == 1 and 'before' in out and 'went away' in err, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName dead { 1 } -ErrorAction Stop; "not reached"')
case('-ErrorAction Stop', rc == 1 and 'not reached' not in out, (rc, out, err))
rc, out, err = run('Invoke-Command -HostName good1,dead -Verbose { 1 }')
case('the count', '2 hosts: 1 answered, 0 failed, 0 refused, 1 unreachable' in out + err, (out, err))
many = ','.join(f'good{i}' for i in range(60))
begin = time.monotonic()
rc, out, err = run(f'(Invoke-Command -HostName {many} -ThrottleLimit 20 {{ 1 }} | ForEach-Object PSComputerName | Sort-Object -Unique).Count')
print(f'60 hosts: {time.monotonic() - begin:.2f} s')
case('60 hosts', rc == 0 and out == '60\n', (rc, out, err))

# ---- reeve-fan does what is beyond doubt, ssh the rest ----
def without_ssh(names):
    """The hosts that answer when there is no ssh program at all."""
    r = subprocess.run([f'{os.path.abspath(BUILD)}/bin/reeve', '-NoProfile', '-Command', f'Invoke-Command -HostName {names} {{ 1 }} | ForEach-Object PSComputerName'],
                       capture_output=True, text=True, timeout=40, env=dict(ENV, PATH='/nonexistent'), stdin=subprocess.DEVNULL)
    return sorted(r.stdout.split())


fresh = Host()     # failed logins are held against an address: another server for these
subprocess.run(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'secret', '-f', shutil.copy(fresh.key, f'{work}/locked')], check=True, capture_output=True)
shutil.copy(fresh.known_hosts, f'{work}/hashed')
subprocess.run(['ssh-keygen', '-q', '-H', '-f', f'{work}/hashed'], check=True, capture_output=True)
config = open(f'{work}/config').read()
at = f' Port {fresh.port}\n UserKnownHostsFile {fresh.known_hosts}\n'
own = f'{at} IdentityFile {fresh.key}\n'
open(f'{work}/more', 'w').write(f'Host included\n{at} IdentityFile "{fresh.key}"\n')
open(f'{work}/config', 'w').write(f'Include {work}/mor*\nHost hashed\n UserKnownHostsFile {work}/hashed\n{own}Host locked\n IdentityFile {work}/locked\n{at}'
                                  f'Host second\n IdentityFile {work}/other\n{own}Host plain\n{own}'
                                  f'Host proxied\n ProxyCommand socat - TCP:127.0.0.1:{fresh.port}\n{own}' + config)
got = without_ssh('plain,hashed,second,included,locked,proxied')
case('without ssh: plain, hashed, a second key, an included file', got == ['hashed', 'included', 'plain', 'second'], got)
rc, out, err = run('Invoke-Command -HostName hashed,proxied,plain { 1 } | ForEach-Object PSComputerName | Sort-Object')
case('with it: the others too', (not shutil.which('socat')) or out.split() == ['hashed', 'plain', 'proxied'], (out, err))
open(f'{work}/config', 'w').write(config)
fresh.stop()
r = subprocess.run([f'{BUILD}/bin/reeve-fan'], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10)
case('reeve-fan is not for people', r.returncode == 2 and 'Invoke-Command' in r.stderr, r)

# ---- sessions ----
rc, out, err = run('''$s = New-PSSession -HostName good1,good2
    Invoke-Command -Session $s { $y = 41 }
    Invoke-Command -Session $s { $y + 1 } | ForEach-Object { "$_ $($_.PSComputerName)" } | Sort-Object
    (Get-PSSession).State -join ","
    Remove-PSSession $s[0]; @(Get-PSSession).ComputerName
    Invoke-Command -Session $s[0] { 1 } -ErrorAction SilentlyContinue; $Error[0].FullyQualifiedErrorId
    Get-PSSession | Remove-PSSession; @(Get-PSSession).Count''')
case('sessions keep their variables', out.splitlines()[:2] == ['42 good1', '42 good2'], (out, err))
case('Get- and Remove-PSSession', out.splitlines()[2:4] == ['Opened,Opened', 'good2'] and 'SessionNotOpen' in out and out.endswith('\n0\n'), (out, err))
rc, out, err = run('$s = New-PSSession -HostName good1,dead; @($s).Count; Invoke-Command -Session $s { throw "x" }; Invoke-Command -Session $s { "still there" }')
case('a session survives an error', out == '1\nstill there\n' and 'dead cannot be reached' in err, (out, err))
rc, out, err = run('$s = New-PSSession -HostName good1; Invoke-Command -Session $s { Stop-Process -Id $PID -Force }; (Get-PSSession).State; Invoke-Command -Session $s { 1 }')
case('a session that is lost is Broken', 'Broken' in out and 'broken' in err, (out, err))
rc, out, err = run('Enter-PSSession -HostName good1')
case('Enter-PSSession needs a terminal', rc == 1 and 'terminal' in err, (rc, out, err))
if shutil.which('script'):
    r = subprocess.run(['script', '-qec', f"{BUILD}/bin/reeve -NoProfile -Command 'Enter-PSSession -HostName good1'", '/dev/null'], env=dict(ENV, TERM='dumb'),
                       input='"in $(1 + 1)"\nexit\n', capture_output=True, text=True, timeout=30)
    case('Enter-PSSession', 'in 2' in r.stdout, r.stdout[-500:])

# ---- the agents of other hosts: -CimSession ----
rc, out, err = run('''$s = New-CimSession -ComputerName good1
    $p = Get-CimInstance Process -Filter "ProcessId = 1" -CimSession $s; "$($p.ProcessId) $($p.PSComputerName)"
    (Get-Process -Id 1 -CimSession $s, good2 | ForEach-Object PSComputerName) -join ","
    (Get-CimInstance -Query "SELECT Name FROM Mount WHERE Name = '/'" -CimSession $s).Name
    (Get-CimClass Process -CimSession $s).CimClassName
    (Get-CimInstance Process -Filter "ProcessId = 1" -Property ProcessId -CimSession $s).Name
    $q = Get-Process -Id 1 -CimSession good1 | Select-Object -First 1; $q.ProcessId
    (Get-CimSession).ComputerName -join ","; Get-CimSession | Remove-CimSession; @(Get-CimSession).Count
    (Get-Process -Id $PID).PSComputerName -eq $null''')
name = open('/proc/1/comm').read().strip()
rc2, two, err2 = run("""@(Compare-CimState Mount -CimSession good1, good2 -Property Source, FileSystem).Count
    Compare-CimState Mount -CimSession good1, good2 -Filter "Name = '/'" -Property MountId; 'end'""")
case('Compare-CimState of two hosts', rc2 == 0 and two.split() == ['0', 'end'], (rc2, two, err2))
case('-CimSession', rc == 0 and out.splitlines() == ['1 good1', 'good1,good2', '/', 'Process', name, '1', 'good1,good2', '0', 'True'], (rc, out, err))
rc, out, err = run('$s = New-CimSession good1; Remove-CimSession $s; Get-Process -CimSession $s; Get-Process -CimSession $null; Get-CimInstance Process -CimSession $null; New-CimSession dead; Get-Process -CimSession dead')
case('an ended session, none, a dead host: errors, and nothing of this host', rc == 1 and not out.strip() and err.count('no such session') == 1
     and err.count('because it is null') == 2 and err.count('Connection refused') == 2, (rc, out, err))
victim = subprocess.Popen(['sleep', '60'])
rc, out, err = run(f'Get-Process -Id {victim.pid} -CimSession good1 | Stop-Process -Force; "ok"')
case('a method goes to the host that the object is of', out == 'ok\n' and victim.wait(5) != 0, (rc, out, err))

# ---- what arrives is not believed ----
def fake(text):
    """A host whose `reeve remote` says this."""
    path = f'{work}/fake'
    open(path, 'w').write('#!/bin/sh\ncat <<"END"\n' + text + '\nEND\n')
    os.chmod(path, 0o755)
    r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', 'Invoke-Command -HostName x { 1 }; "alive"'], capture_output=True, timeout=20,
                       env=dict(ENV, REEVE_SSH=path), stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout.decode('utf-8', 'replace'), r.stderr.decode('utf-8', 'replace')


HELLO = '{"Reeve":1}\n'
for text in ('', 'hello', HELLO, HELLO + '{"Id":1,"Stream":1', HELLO + '{"Id":1,"Stream":1,"Value":' + '[' * 5000, HELLO + '{"Id":1,"Stream":99,"Value":1}\n{"Stream":1}\n[]\n7',
             HELLO + '{"Id":1,"Stream":1,"Value":{"t":"System.Diagnostics.Process","v":"x"}}', HELLO + '{"Id":1,"Stream":1,"Value":{"n":7,"p":{}}}',
             HELLO + '{"Id":1,"Stream":1,"Value":{"h":[[null,1],[1],7,[{"h":[]},2]]}}', HELLO + '{"Id":1,"Stream":2,"Message":"\\u001b[31mred","Category":"Nix"}'):
    rc, out, err = fake(text)
    case(f'a host that says {text[:60]!r}', 'alive\n' in out and rc in (0, 1) and '\x1b' not in out + err, (rc, out, err))

host.stop()
hung.close()
if sshd:
    sshd.terminate()
    sshd.wait()
shutil.rmtree(work)
case.end()
