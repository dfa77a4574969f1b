#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Roles in the shell: language modes, listed cmdlets with parameters and values, native commands and files by the kernel,
roles of login keys over SSH."""
import ctypes, json, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(__file__))
import agentlib
from agentlib import BUILD, Cases
from rolelib import RoleAgent, need_root

need_root()
case = Cases()
if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:
    print('SKIP roles in the shell: this kernel has no Landlock')
    sys.exit(77)
build = os.path.abspath(BUILD)
place = tempfile.mkdtemp(prefix='reeve-place.')
os.chmod(place, 0o755)
read, write, secret = (os.path.join(place, n) for n in ('read', 'write', 'secret'))
for p in read, write, secret:
    os.mkdir(p)
    os.chmod(p, 0o777)
    open(os.path.join(p, 'f'), 'w').write('text of ' + os.path.basename(p))
    os.chmod(os.path.join(p, 'f'), 0o666)
programs = os.path.join(place, 'bin')   # where others may enter, wherever the build lies
os.mkdir(programs)
shutil.copy(os.path.join(build, 'bin', 'reeve'), programs)


def role(language, head='', tail=''):
    return f'[Role]\nLanguage = {language}\n{head}\n[Who]\nUser = daemon\n[Allow look]\nClass = Process\nOperation = Read\n{tail}\n'


def run(agent, text, introduced=True, *args):
    """As reeved starts it: descriptor 3 is the agent's, made by whoever the user is."""
    peer = agent.as_user('daemon')

    def become():
        os.dup2(peer.sock.fileno(), 3)
        os.set_inheritable(3, True)
        os.setgroups([])
        os.setgid(1)
        os.setuid(1)
    env = {'PATH': '/usr/bin:/bin', 'HOME': '/nonexistent', 'REEVE_SOCKET': agent.path, **{k: v for k, v in os.environ.items() if k.endswith('SAN_OPTIONS')}}
    if introduced:
        env['REEVE_AGENT_FD'] = '3'
    r = subprocess.run([os.path.join(programs, 'reeve'), *args, '-Command', text], stdin=subprocess.DEVNULL, capture_output=True, text=True, preexec_fn=become,
                       close_fds=False, env=env, timeout=20)
    peer.sock.close()
    return r


def remote(agent, script, want):
    """The far end of Invoke-Command -HostName keeps to the same limits."""
    peer = agent.as_user('daemon')

    def become():
        os.dup2(peer.sock.fileno(), 3)
        os.set_inheritable(3, True)
        os.setgroups([])
        os.setgid(1)
        os.setuid(1)
    r = subprocess.Popen([os.path.join(programs, 'reeve'), '-Command', 'reeve remote'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         preexec_fn=become, close_fds=False, env={'PATH': '/usr/bin:/bin', 'HOME': '/nonexistent', 'REEVE_SOCKET': agent.path, 'REEVE_AGENT_FD': '3'})
    r.stdin.write(json.dumps({'Id': 1, **(script if isinstance(script, dict) else {'Script': script})}) + '\n')
    r.stdin.flush()
    said = ''
    while '"End":true' not in said and (line := r.stdout.readline()):
        said += line
    _, err = r.communicate(timeout=10)
    peer.sock.close()
    case(f'{mode}: reeve remote: {script}', want in said and '"End":true' in said and 'text of' not in said, (r.returncode, said, err))


def good(agent, text, want):
    r = run(agent, text)
    case(f'{mode}: {text}', r.returncode == 0 and want in r.stdout, (r.returncode, r.stdout, r.stderr))


def bad(agent, text, *words):
    r = run(agent, text)
    case(f'{mode}: not {text}', r.returncode == 1 and 'connection' not in r.stderr and all(w in r.stderr for w in words) and 'text of' not in r.stdout, (r.returncode, r.stdout, r.stderr))


NOT_THERE = 'is not recognized'
MODE = 'is not allowed in the language mode'
child = subprocess.Popen(['sleep', '100'])
try:
    # ---- None ----
    mode = 'None'
    agent = RoleAgent('bin/reeve-agent', {'r': role('None', f'NativeCommand = id\nReadFiles = {read}', '[Cmdlet Get-Process]\nParameter = Name: sleep, cat\nParameter = Id\n[Cmdlet Get-Date]')})
    good(agent, 'Get-Process -Name sleep | Select-Object -First 1 -ExpandProperty Name', 'sleep')
    good(agent, 'gps sleep | select Name -First 1 | ConvertTo-Json -Compress', '{"Name":"sleep"}')
    good(agent, 'Get-Date -Format "yyyy"', '20')
    good(agent, 'id', 'daemon')
    good(agent, 'Get-Process -Id $null, 1 -ErrorAction Ignore; Write-Output $true', 'True')
    bad(agent, 'Get-Process -Name bash', 'value', "'Name'")
    bad(agent, 'Get-Process -Name sleep, bash', 'value')
    bad(agent, 'Get-Process -Name s*', 'value')
    bad(agent, '"bash" | Get-Process', MODE)
    bad(agent, 'Get-Process -Name sleep -OutVariable x | Out-Null; Get-Process -InputObject 1', '')
    for text in ('$x = 1', '1 + 1', '"a$x"', '& { 1 }', '$env:PATH', '(Get-Process)', '@(1)', '@{}', '[int]3', '[System.IO.File]::ReadAllText("/etc/passwd")', 'if (1) { 2 }',
                 'foreach ($i in 1) { }', 'function f { }', 'Get-Process sleep > /tmp/x', '$(id)', 'Get-Process -Name (echo bash)', 'Get-Process | Where-Object { 1 }', 'class A { }',
                 'try { } finally { }', '. /tmp/x.ps1', '& id', 'throw 1', '$x', 'param($x)', 'Get-Process @args', 'return', '{ }', 'using namespace System', '1..3', '-not 1', 'while (1) { }'):
        bad(agent, text, MODE)
    for text in ('Get-Service', 'Get-Content /etc/passwd', 'ls', 'sh -c id', '/bin/sh -c id', 'Invoke-Expression id', 'iex id', 'Start-Process id', 'ForEach-Object Name', 'New-Object object',
                 'Get-CimInstance Process', 'Invoke-CimMethod', 'Set-Alias x id', 'Get-Variable', 'Import-Module x', 'Microsoft.PowerShell.Management\\Get-Content /etc/passwd', 'reeve'):
        bad(agent, text, NOT_THERE)
    for text in ('reeve rpc Hello', 'reeve check Process', 'reeve metrics', 'reeve desired /etc', 'reeve rpc'):
        bad(agent, text, NOT_THERE)
    remote(agent, 'Get-Process -Name sleep | Select-Object -First 1 -ExpandProperty Name', '"Value":"sleep"')
    for text in ('$x = 1', '& { 1 }', '[System.IO.File]::ReadAllText("/etc/passwd")', '1 + 1'):
        remote(agent, text, MODE)
    for text in ('Get-Service', 'Get-Content /etc/passwd', 'sh -c id', 'reeve rpc Hello'):
        remote(agent, text, NOT_THERE)
    remote(agent, {'File': 'Get', 'Path': f'{read}/f'}, 'does not allow Copy-Item')
    remote(agent, {'File': 'Put', 'Path': '/tmp', 'Leaf': 'x'}, 'does not allow Copy-Item')
    r = run(agent, 'Get-Command | Select-Object -ExpandProperty Name')
    case('None: Get-Command shows what there is', 'Get-Process' in r.stdout and 'Get-Service' not in r.stdout and 'Invoke-Expression' not in r.stdout and 'Set-Content' not in r.stdout, r.stdout)
    r = run(agent, 'Get-Service')
    case('None: no hint at others', 'Did you mean' not in r.stderr and 'Get-Command' in r.stderr, r.stderr)
    agent.stop()

    # ---- Constrained ----
    mode = 'Constrained'
    agent = RoleAgent('bin/reeve-agent', {'r': role('Constrained', f'NativeCommand = id, cat\nReadFiles = {read}\nWriteFiles = {write}')})
    good(agent, '$x = 1; foreach ($i in 1..3) { $x += $i }; $x', '7')
    good(agent, 'function f([int]$n) { $n * 2 }; f 4', '8')
    good(agent, '[math]::Max(2, 5); [datetime]"2026-01-02" | Out-Null; [regex]::Escape("a.b")', 'a\\.b')
    good(agent, 'try { throw "x" } catch [System.Exception] { "caught" }', 'caught')
    good(agent, 'Get-Process | Where-Object { $_.Name -eq "sleep" } | ForEach-Object { $_.Name }', 'sleep')
    good(agent, f'Get-Content {read}/f', 'text of read')
    good(agent, f'Set-Content {write}/g hello; Get-Content {write}/g; Remove-Item {write}/g', 'hello')
    good(agent, f'cat {read}/f', 'text of read')
    good(agent, 'id', 'daemon')
    good(agent, 'exit', '')
    for text in ('[System.IO.File]::ReadAllText("/x")', '[io.file]', '[System.Diagnostics.Process]::Start("id")', '[type]"io.file"', '"io.file" -as [type]', '[System.Reflection.Assembly]',
                 '[Environment]::Exit(3)', 'class A { }', 'enum E { A }', 'using namespace System.IO', '(1).GetType()::Parse("1")', '$t = [int]; $t::Parse("1")',
                 '[scriptblock]::Create("[io.file]").Invoke()', 'Invoke-Expression "[io.file]"', '& ([scriptblock]::Create("class A { }"))', '[System.Management.Automation.PSObject].Assembly::x',
                 '$ExecutionContext.InvokeCommand.InvokeScript("[io.file]")'):
        bad(agent, text)
    for text in ('reeve rpc Hello', 'reeve check Process', 'reeve metrics'):
        bad(agent, text)
    remote(agent, '$x = 2; $x * 3', '"Value":6')
    remote(agent, '[System.IO.File]::ReadAllText("/x")', MODE)
    remote(agent, f'Get-Content {secret}/f', '"Stream":2')
    remote(agent, {'File': 'Get', 'Path': f'{secret}/f'}, 'PermissionDenied')
    remote(agent, {'File': 'Put', 'Path': secret, 'Leaf': 'n'}, 'PermissionDenied')
    remote(agent, {'File': 'Put', 'Path': write, 'Leaf': 'n'}, '"Failed":false')
    for text in ('New-Object System.IO.FileInfo x', 'Add-Type "x"', 'sh -c id', '/bin/sh -c id', '& "/bin/sh"', '/usr/bin/env id'):
        bad(agent, text)
    for text in (f'Get-Content {secret}/f', f'cat {secret}/f', f'Get-ChildItem {secret} -ErrorAction Stop', f'Set-Content {read}/g x', f'Set-Content {secret}/g x', f'1 > {secret}/g', f'Remove-Item {read}/f',
                 f'Copy-Item {secret}/f {write}/h', f'Import-Csv {secret}/f', f'Get-FileHash {secret}/f -ErrorAction Stop', f'Select-String text {secret}/f', f'. {secret}/f', 'Get-Content /etc/shadow',
                 f'Start-Process /bin/sh -ArgumentList "-c", "cat {secret}/f"', f'Move-Item {read}/f {write}/f2', f'New-Item {secret}/n -ItemType File', f'Get-Content {read}/../secret/f'):
        bad(agent, text)
    os.symlink(os.path.join(secret, 'f'), os.path.join(write, 'link'))
    bad(agent, f'Get-Content {write}/link')
    r = run(agent, 'Get-CimInstance Service')
    case('Constrained: the agent judges, too', r.returncode and 'may not read Service' in r.stderr, r.stderr)
    bad(agent, 'Get-Service', NOT_THERE)
    bad(agent, 'Stop-Process -Id 1', NOT_THERE)
    r = run(agent, '(Get-Command *-Service, *-Process).Name; (TabExpansion2 "Get-Serv" 8).CompletionMatches.CompletionText; (Get-CimClass).CimClassName')
    case('Constrained: what the agent denies is not offered', 'Service' not in r.stdout and 'Stop-Process' not in r.stdout and 'Get-Process' in r.stdout, r.stdout)
    case('files are as they were', sorted(os.listdir(read)) == ['f'] and sorted(os.listdir(secret)) == ['f'] and sorted(os.listdir(write)) == ['f', 'link'],
         [os.listdir(p) for p in (read, write, secret)])
    r = run(agent, '[io.file]', False)
    case('without an introduction it is the agent\'s socket that tells', MODE in r.stderr, r.stderr)
    agent.stop()
    agent = RoleAgent('bin/reeve-agent', {'r': role('Constrained', '', '[Cmdlet Get-Process]')})
    good(agent, '$n = 2; Get-Process | Select-Object -First $n | Measure-Object | Select-Object -ExpandProperty Count', '2')
    bad(agent, 'Get-Date', NOT_THERE)
    good(agent, '$x = 3; Write-Output $x', '3')
    agent.stop()

    # ---- Full ----
    mode = 'Full'
    agent = RoleAgent('bin/reeve-agent', {'r': role('Full', 'NativeCommand = *\nReadFiles = *')})
    good(agent, 'class A { [int]$x = 4 }; [A]::new().x; [System.IO.File]::ReadAllText("/etc/hostname") | Out-Null', '4')
    good(agent, 'sh -c "echo 5"', '5')
    good(agent, f'[System.IO.File]::ReadAllText("{secret}/f")', 'secret')
    bad(agent, f'[System.IO.File]::WriteAllText("{secret}/g", "x")')
    bad(agent, f'sh -c "echo x > {secret}/g"')
    agent.stop()

    # ---- more than one role, none, no roles at all ----
    mode = 'two'
    agent = RoleAgent('bin/reeve-agent', {'a': role('None', '', '[Cmdlet Get-Date]'), 'b': role('None', '', '[Cmdlet Get-Process]')})
    good(agent, 'Get-Date -Format yyyy; Get-Process -Name sleep | Select-Object -First 1 -ExpandProperty Name', 'sleep')
    agent.stop()
    mode = 'other'
    agent = RoleAgent('bin/reeve-agent', {'a': role('Full').replace('daemon', 'games')})
    bad(agent, 'Get-Date', NOT_THERE)
    bad(agent, '1', MODE)
    agent.stop()
    mode = 'broken'
    agent = RoleAgent('bin/reeve-agent', {'a': role('Full').replace('Language', 'Longuage')})
    os.chmod(agent.path, 0o666)
    bad(agent, '1', MODE)
    agent.stop()
    mode = 'no roles'
    agent = RoleAgent('bin/reeve-agent', {})
    os.chmod(agent.path, 0o666)
    good(agent, '[System.IO.File]::ReadAllText("/etc/hostname") | Out-Null; 6', '6')
    agent.stop()

    # ---- over SSH: the role of a key ----
    if shutil.which('ssh') and shutil.which('ssh-keygen'):
        from sshhost import Host
        conf = os.path.join(place, 'reeve.conf')
        roles = os.path.join(place, 'roles.d')
        os.mkdir(roles)
        open(conf, 'w').write(f'[roles]\ndir = {roles}\n')
        open(os.path.join(roles, 'keyed.role'), 'w').write(role('None', '', '[Cmdlet Get-Process]\n[Cmdlet Get-Service]').replace('[Who]\nUser = daemon\n', ''))
        host = Host(more=('--config', conf))
        keys = os.path.join(host.dir, 'keys.d', host.user + '.keys')
        try:
            r = host.ssh('[System.IO.File]::ReadAllText("/etc/hostname") | Out-Null; (Get-Session).Source')
            case('SSH: a key without a role is the user, and the agent knows where from', r.returncode == 0 and '127.0.0.1:' in r.stdout, (r.stdout, r.stderr))
            plain = open(keys).read()
            open(keys, 'w').write('role="keyed" ' + plain)
            r = host.ssh('Get-Process -Name sleep | Select-Object -First 1 -ExpandProperty Name')
            case('SSH: a key with a role may what the role may', r.returncode == 0 and 'sleep' in r.stdout, (r.stdout, r.stderr))
            r = host.ssh('Get-Service')
            case('SSH: and is root no more', r.returncode == 1 and NOT_THERE in r.stderr, (r.stdout, r.stderr))
            for text in '$x = 1', '[io.file]', '& id':
                r = host.ssh(text)
                case(f'SSH: its language: {text}', r.returncode == 1 and MODE in r.stderr, (r.stdout, r.stderr))
            r = host.ssh('id')
            case('SSH: its commands', r.returncode == 1 and NOT_THERE in r.stderr, (r.stdout, r.stderr))
            r = subprocess.run(['ssh', '-F', host.config, 'reeve-host', '-s', 'reeve'], input=json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': {'ClassName': 'Service'}}) + '\n',
                               capture_output=True, text=True, timeout=30)
            case('SSH: JSON-RPC', 'ACCESS_DENIED' in r.stdout and 'keyed' in r.stdout, (r.stdout, r.stderr))
            open(keys, 'w').write('role="missing" ' + plain)
            r = host.ssh('Get-Process')
            case('SSH: a role that is not there gives nothing', r.returncode == 1 and NOT_THERE in r.stderr, (r.stdout, r.stderr))
            open(keys, 'w').write('role="admin" ' + plain)
            r = host.ssh('[io.file] | Out-Null; 7')
            case('SSH: role admin', r.returncode == 0 and '7' in r.stdout, (r.stdout, r.stderr))
        finally:
            host.stop()
    else:
        case.skip('SSH', 'no ssh client')
finally:
    child.kill()
    child.wait()
    shutil.rmtree(place, ignore_errors=True)
case.end()
