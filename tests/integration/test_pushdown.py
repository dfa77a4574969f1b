#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Only what is asked: what the shell asks of the agent for a pipeline, seen by a proxy between them; and that the objects are the
same as when everything is read first and the stages run on that."""
import json, os, shutil, socket, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib

check = agentlib.Cases()
WHOLE = 'everything'

# stages -> properties besides the keys (None: not looked at), filter, order, limit of the question
ASKED = [
    ('| Measure-Object', [], None, None, None),
    ('| ForEach-Object Name', ['Name'], None, None, None),
    ('| Select-Object Name, Id', ['Name'], None, None, None),
    ('| Select-Object -ExpandProperty Name', ['Name'], None, None, None),
    ('| Select-Object -First 3', WHOLE, None, None, 3),
    ('| Select-Object -Skip 2 -First 3 Name', ['Name'], None, None, 5),
    ('| Select-Object -Last 3 Name', ['Name'], None, None, None),
    ('| Sort-Object Id -Descending | Select-Object -First 2 Name', ['Name'], None, 'ProcessId DESC', 2),
    ('| Sort-Object Id -Top 2 | ForEach-Object Name', ['Name'], None, 'ProcessId', 2),
    ('| Sort-Object Name -Descending | Select-Object -First 2 Name', ['Name'], None, None, None),
    ('| Where-Object Id -gt 5 | ForEach-Object Name', ['Name'], '(ProcessId > 5 OR ProcessId IS NULL)', None, None),
    ("| Where-Object Name -eq 'zzBeta'", WHOLE, "(Name = 'zzBeta')", None, None),
    ("| Where-Object Name -eq 'zzBeta' | Select-Object -First 1 Name", ['Name'], "(Name = 'zzBeta')", None, 1),
    ("| Where-Object Name -ceq 'zzBeta' | Select-Object -First 1 Name", ['Name'], "(Name = 'zzBeta')", None, None),
    ("| ? { $_.Name -like 'zz*' -and $_.Id -ne 1 -and $_.Name.Length -gt 3 } | % { \"$($_.Name)\" }", ['Name'],
     "(((Name LIKE 'zz%' OR Name IS NULL) AND (ProcessId <> 1 OR ProcessId IS NULL)))", None, None),
    ("| ? { $_.Name -like 'zz*' -or $_.Name -match 'x' } | % Name", ['Name'], None, None, None),
    ('| Select-Object -First 3 | Where-Object Id -gt 5 | % Name', ['Name'], None, None, 3),
    ('| ? { $_.Name -match "z" } | Select-Object -First 2 | Where-Object Id -gt 5 | % Name', ['Name'], None, None, None),
    ('| Group-Object Name -NoElement', ['Name'], None, None, None),
    ('| Format-Table Name', ['Name'], None, None, None),
    ('| Where-Object Id -gt -1 | % Name', ['Name'], None, None, None),             # no uint32
    ('| Where-Object Name -eq 5 | % Name', ['Name'], None, None, None),            # text against a number
    ('| Where-Object Id -eq "17" | % Name', ['Name'], None, None, None),
    ("| ? { $_.Name -eq 'zzBeta\u212a' } | % Name", ['Name'], None, None, None),   # case beyond ASCII is the shell's own
    ('| % { $_ } | % Name', WHOLE, None, None, None),
    ('| ? { $x = $_; $x.Id -gt 1 } | % Name', WHOLE, None, None, None),
    ('| ? { Test-Path "/proc/$($_.Id)" } | % Name', WHOLE, None, None, None),
    ('-OutVariable kept | Measure-Object', WHOLE, None, None, None),
    ('| Tee-Object -Variable kept | Measure-Object', WHOLE, None, None, None),
]
# Beyond what is looked at above: the answers agree.
AGREE = ["| Sort-Object Threads, Name | Select-Object -First 4 Name", '| Sort-Object WS -Descending | Select-Object -First 3 Id',
         '| Sort-Object Nice | Select-Object -First 3 Id', '| Sort-Object Nice -Descending | Select-Object -First 3 Id',
         "| ? Name -notlike '*a' | % Name", "| ? Name -like '*[ab]*' | % Name", "| ? Name -ne 'ZZBETA' | % Name", "| ? Name -cne 'ZZBETA' | % Name",
         '| ? CPU -lt 5 | % Name', '| ? CPU -ge 0 | select -f 1 | % Name', '| ? { $_.ExecutablePath } | % Name', '| ? ContainerId -lt 5 | % Name',
         '| Select-Object Nope, Name -First 2', '| ? Nope -eq 5', '| ? Nope -lt 5 | % Name', '| Sort-Object Id | Sort-Object Name | select -f 2 | % Name',
         '| ? { -not ($_.Id -gt 5) } | % Name', '| ? { $_.Id -gt 5 -xor $_.Id -gt 6 } | % Name', '| select -Unique Nice | % Nice',
         '| Sort-Object Nice -Unique | % Nice', '| Measure-Object WS -Sum | % Sum', '| ? StartTime -gt ([datetime]"2001-01-01") | % Name',
         '| Sort-Object StartTime | select -f 2 | % Name', '| select -f 0 | % Name', '| select -Index 1,2 | % Name', '| select -SkipLast 3 | % Name',
         '| ? Name -in zzAlpha,zzgamma | % Name', "| ? { 'zzBeta' -eq $_.Name } | % Name", '| % { $_.Name; $_.Id }', '| % ToString',
         '| ? { $_.Name.StartsWith("zzB") } | select -ExpandProperty Name']


class Proxy(threading.Thread):
    """Between one shell and the agent; keeps the questions."""
    def __init__(self, path, agent):
        super().__init__(daemon=True)
        self.agent, self.asked = agent, []
        self.listen = socket.socket(socket.AF_UNIX)
        self.listen.bind(path)
        self.listen.listen(5)
        self.start()

    def run(self):
        while True:
            near, _ = self.listen.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.agent)
            threading.Thread(target=self.carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, False), daemon=True).start()

    def carry(self, a, b, up):
        rest = b''
        while got := a.recv(1 << 16):
            if up:
                *lines, rest = (rest + got).split(b'\n')
                self.asked += [json.loads(line) for line in lines]
            b.sendall(got)
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def shell(path, script):
    done = subprocess.run([f'{agentlib.BUILD}/bin/reeve', '-Command', script], env=dict(os.environ, REEVE_SOCKET=path, NO_COLOR='1'),
                          capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def questions(proxy, path):
    for stages, properties, where, order, limit in ASKED:
        proxy.asked.clear()
        out = shell(path, 'Get-Process ' + stages)
        q = next((m['params'] for m in proxy.asked if m.get('method') == 'EnumerateInstances'), {})
        given = q.get('PropertyList')
        keys = ['ProcessId', 'CreationDate']
        fits = (given is None or len(given) > 10) if properties == WHOLE else given == keys + properties
        mine = [o for o in q.get('OrderBy', []) if o not in ('Name', 'ProcessId')] or q.get('OrderBy', [None])[:1]
        check(f'properties of {stages}', fits, (given, out[:200]))
        check(f'filter of {stages}', q.get('Filter') == where, q.get('Filter'))
        check(f'order of {stages}', order is None or mine[0] == order, q.get('OrderBy'))
        check(f'limit of {stages}', q.get('Limit') == limit, q.get('Limit'))


def agreement(path):
    script = ''
    for stages in [a[0] for a in ASKED if a[0].startswith('| ')] + AGREE:
        script += f'''
$whole = @(Get-Process zz*)
$a = @(Get-Process zz* {stages} | Out-String -Stream) -join "`n"
$b = @($whole {stages} | Out-String -Stream) -join "`n"
"{{0}} {{1}}" -f ($a -ceq $b), $a.Length
'''
    lines = shell(path, script).splitlines()
    todo = [a[0] for a in ASKED if a[0].startswith('| ')] + AGREE
    check('every pipeline ran', len(lines) == len(todo), lines[-3:])
    for stages, line in zip(todo, lines):
        check(f'the same objects: {stages}', line.startswith('True'), line)
    check('most of them gave something', sum(not line.endswith(' 0') for line in lines) > len(todo) * 0.7, lines)


def main():
    agent = agentlib.Agent()
    children = []
    for i, name in enumerate(('zzAlpha', 'zzBeta', 'zzgamma', 'zzDelta', 'zzbeta', 'zz_a', 'zz%b')):
        program = os.path.join(agent.dir, name)
        shutil.copy('/bin/sleep', program)
        children.append(subprocess.Popen([program, '100'], preexec_fn=lambda n=i: os.nice(n % 3)))
    time.sleep(0.3)
    try:
        path = os.path.join(agent.dir, 'proxy.sock')
        proxy = Proxy(path, agent.path)
        questions(proxy, path)
        agreement(agent.path)
    finally:
        for child in children:
            child.kill()
            child.wait()
        agent.stop()
    check.end()


main()
