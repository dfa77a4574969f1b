#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Objects of ConvertFrom-Json that are read when they are asked for are the same as those read at once: random documents, each also
with a comment in every object, which makes it be read at once; scripts that read, change, copy and print them."""
import json, os, random, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REEVE = os.path.join(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), 'bin', 'reeve')
NAMES = ['a', 'B', 'name', 'Count', 'x y', 'size', 'Length', 'psobject', 'id', 'tags']
ASKS = ['$o | ConvertTo-Json -Depth 9 -Compress', '$o.a', '$o.B | ConvertTo-Json -Depth 9 -Compress', '$o.NAME', '$o.Count', '"$o"', '$o.nope -eq $null', '$o.psobject.Properties.Name -join ","',
        '$o.a = 5; $o | ConvertTo-Json -Depth 9 -Compress', '$o.B.a = 7; $o.B | ConvertTo-Json -Depth 9 -Compress', '$o | Add-Member zz 3; $o.zz; $o.a',
        '$o | Select-Object a, name | ConvertTo-Json -Depth 9 -Compress', '($o | Where-Object size -gt 3).size', '$o | Sort-Object id | ForEach-Object id', '$o.tags[0]', '$o | Format-List | Out-String',
        '$p = $o.PSObject.Copy(); $p.a = 1; $o.a', '$o | Get-Member -MemberType NoteProperty | ForEach-Object Definition', '$o.B -is [pscustomobject] -and -not [object]::ReferenceEquals($o.B, $o.B)']


def value(r, depth):
    k = r.randrange(12 if depth < 4 else 8)
    if k < 2: return r.choice([0, 1, -7, 12345678901234, 18446744073709551615, 123456789012345678901234567890])
    if k == 2: return r.choice([1.5, -2e-7, 1e300, 0.1])
    if k == 3: return r.choice([True, False, None])
    if k < 6: return r.choice(['', 'x', 'a "quoted" \\ one', 'tab\tline\n', 'ünïcode \U0001F600', '}{][,:', '2020-01-02T03:04:05Z', 'null', '5'])
    if k < 8: return r.randrange(100)
    if k == 8: return [value(r, depth + 1) for _ in range(r.randrange(4))]
    return {n: value(r, depth + 1) for n in r.sample(NAMES, r.randrange(len(NAMES)))}


def records(r):
    """Objects as one program writes them: the same names in the same order, now and then one fewer, one more or one in another place."""
    names, l = r.sample(NAMES, r.randrange(2, len(NAMES))), []
    for _ in range(r.randrange(2, 9)):
        own = list(names)
        k = r.randrange(6)
        if k == 0: own.pop(r.randrange(len(own)))
        if k == 1: own.insert(r.randrange(len(own)), 'more')
        if k == 2: r.shuffle(own)
        l.append({n: value(r, 3) for n in own})
    return l


def text(v, r, comment, blanks=('', '', ' ', '\n  ')):
    blank = lambda: r.choice(blanks)
    if isinstance(v, dict):
        return '{' + ('/**/' if comment else '') + (','.join(f'{blank()}{json.dumps(k)}{blank()}:{blank()}{text(x, r, comment, blanks)}{blank()}' for k, x in v.items()) or blank()) + '}'
    if isinstance(v, list):
        return '[' + ','.join(blank() + text(x, r, comment, blanks) + blank() for x in v) + ']'
    return json.dumps(v, ensure_ascii=r.random() < 0.5)


def main():
    passed = failed = 0
    r = random.Random(11)
    with tempfile.TemporaryDirectory() as d:
        script = []
        for i in range(150):
            v = {n: value(r, 1) for n in r.sample(NAMES, r.randrange(1, len(NAMES)))}
            if i % 3 == 0:
                v = [v] + [{n: value(r, 2) for n in r.sample(NAMES, 4)} for _ in range(3)]
            same = i % 3 == 1
            if same:
                v = records(r)
            for kind in 'ab':
                with open(os.path.join(d, f'{i}{kind}'), 'w') as f:
                    f.write(text(v, random.Random(i), kind == 'b', r.choice([('',), (' ',)]) if same else ('', '', ' ', '\n  ')))
            ask = r.choice(ASKS)
            for kind in 'ab':
                script.append(f"$o = Get-Content -Raw {d}/{i}{kind} | ConvertFrom-Json; ${kind} = try {{ {ask} }} catch {{ \"$_\" }}")
            script.append(f"'{i} {{0}}' -f ((@($a) -join '|') -ceq (@($b) -join '|'))")
        path = os.path.join(d, 'all.ps1')
        open(path, 'w').write('\n'.join(script))
        out = subprocess.run([REEVE, '-NoProfile', '-File', path], capture_output=True, text=True, timeout=60)
        for line in out.stdout.splitlines():
            if line.endswith(' True'):
                passed += 1
            else:
                failed += 1
                print('FAIL', line, open(os.path.join(d, line.split()[0] + 'a')).read()[:300] if line.split()[0].isdigit() else '')
        if passed + failed != 150:
            failed += 1
            print('FAIL', out.stdout[-300:], out.stderr[-500:])
    print(f'cases: {passed} passed, {failed} failed')
    return failed > 0


sys.exit(main())
