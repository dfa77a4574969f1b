#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The documents: every link leads somewhere; files, cmdlets, classes, settings, metrics and operations that they name exist; the
generated reference (make docs) is made, and has all that there is."""
import os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.relpath(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), ROOT)
os.chdir(ROOT)
problems, checked = [], 0


def say(path, text, what):
    line = text[:text.find(what)].count('\n') + 1 if what and what in text else 1
    problems.append(f'{path}:{line}: {what}')


def check(good, path, text, what):
    global checked
    checked += 1
    if not good:
        say(path, text, what)


made = subprocess.run(['make', '-s', f'B={BUILD}', 'docs'], capture_output=True, text=True)
if made.returncode:
    sys.exit('make docs: ' + made.stdout + made.stderr)
REFERENCE = os.path.join(BUILD, 'docs')
tracked = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.md'], capture_output=True, text=True, check=True).stdout.split()
written = {p: open(p, encoding='utf-8').read() for p in tracked if os.path.isfile(p)}
generated = {os.path.join(d, f): open(os.path.join(d, f), encoding='utf-8').read() for d, _, fs in os.walk(REFERENCE) for f in fs if f.endswith('.md')}
everything = {**written, **generated}


def headings(text):
    """GitHub's anchors."""
    text = re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)
    return {re.sub(r'[^\w\- ]', '', h.strip().lower()).replace(' ', '-') for h in re.findall(r'^#+ (.*)$', text, re.M)}


# ---- links ----
for path, text in everything.items():
    plain = re.sub(r'^```.*?^```$|`[^`\n]*`', '', text, flags=re.M | re.S)
    for target in re.findall(r'\]\(([^)\s]+)\)|<img src="([^"]+)"|srcset="([^"]+)"', plain):
        target = next(t for t in target if t)
        if re.match(r'https?://|mailto:', target):
            continue
        to, _, anchor = target.partition('#')
        to = os.path.normpath(os.path.join(os.path.dirname(path), to)) if to else path
        check(os.path.exists(to), path, text, target)
        if anchor and to in everything:
            check(anchor in headings(everything[to]), path, text, target)

# ---- the reference has all, and says something of each ----
classes = {m for p in os.listdir('schema/classes') for m in re.findall(r'^class (\w+)', open(f'schema/classes/{p}', encoding='utf-8').read(), re.M)}
pages = {os.path.basename(p)[:-3] for p in generated if p.startswith(f'{REFERENCE}/classes/')}
check(classes <= pages, REFERENCE, '', f'classes without a page: {sorted(classes - pages)[:5]}')
for path, text in generated.items():
    for row in re.findall(r'^\| .*$', text, re.M):
        cells = re.split(r'(?<!\\)\|', row)[1:-1]
        head = re.findall(r'^\|[-|]+\|$', text[:text.find(row)], re.M)
        if head:
            check(len(cells) == head[-1].count('|') - 1, path, text, row)
    check('| |\n' not in re.sub(r'view of \|\n.*', '', text, flags=re.S) or path.endswith(('classes.md', 'cmdlets.md')), path, text, '| |\n')
cmdlets = set(re.findall(r'^## (\S+)$', generated[f'{REFERENCE}/cmdlets.md'], re.M))
operations = set(re.findall(r'^## (\S+)$', generated[f'{REFERENCE}/operations.md'], re.M))
settings = {}
for line in generated[f'{REFERENCE}/configuration.md'].splitlines():
    if line.startswith('## '):
        section = line[3:]
    elif m := re.match(r'\| `(\w+)` \|', line):
        settings.setdefault(section, set()).add(m[1])
metrics = set(re.findall(r'^\| `(reeve_\w+)` \|', generated[f'{REFERENCE}/metrics.md'], re.M))
check(len(cmdlets) > 300 and len(operations) > 20 and len(settings) >= 5 and len(metrics) > 50, REFERENCE, '',
      f'{len(cmdlets)} cmdlets, {len(operations)} operations, {len(settings)} sections, {len(metrics)} metrics')

# ---- names in what people wrote ----
OWN = set(re.findall(r'function ([A-Z]\w+-\w+)', ' '.join(written.values())))
MADE = r'\w+-NOUN|Show-\w+'   # for every class; Show-PROCESS and the like are made when they are asked for
# What a page names that is not there, and says so, or has the reader make.
ABSENT = {'docs/tutorial.md': {'Get-Proces'}, 'docs/shell.md': {'Register-WmiEvent', 'Import-LocalizedData'}, 'docs/external-providers.md': {'Get-LogFile'},
          'docs/provider.md': {'schema/classes/Swap.mof', 'providers/swap.c'}}
NO_METRICS = r'reeve_(scrape_\w+|build_info|sessions|rpc_command|unreachable|provider_main)$'
SOURCES = ('agent/', 'clients/', 'docs/', 'packaging/', 'providers/', 'schema/', 'shell/', 'tests/')
lower = {c.lower() for c in cmdlets}
for path, text in written.items():
    for name in re.findall(r'`([\w./*-]+)`', text):
        if name.startswith(SOURCES) and '*' not in name and not name.endswith('-'):
            there = name in ABSENT.get(path, ()) or os.path.exists(name) or os.path.exists(os.path.join(os.path.dirname(path), name)) or os.path.exists(os.path.join('docs', name))
            check(there, path, text, f'`{name}`')
    for code in re.findall(r'`[^`\n]+`|^    .*$|^```(?:powershell|console)\n.*?^```', text, re.M | re.S):
        for verb in re.findall(r'(?<![\w$/.:-])((?:Get|Set|New|Remove|Start|Stop|Restart|Add|Enable|Disable|Test|Install|Update|Watch|Show|Invoke|Compare|Wait|Register|'
                               r'Unregister|Select|Where|Sort|Group|Format|ConvertTo|ConvertFrom|Export|Import|Find|Resolve|Rename|Suspend|Resume|Confirm|Undo|Save|Enter|'
                               r'Exit|Receive|Send|Clear|Copy|Move|Measure|Out|Write|Read)-[A-Z]\w+)(?![\w-])', code):
            check(verb.lower() in lower or verb in OWN or verb in ABSENT.get(path, ()) or re.fullmatch(MADE, verb), path, text, verb)
    for block in re.findall(r'^```ini\n(.*?)^```$', text, re.M | re.S):
        section = None
        for line in block.splitlines():
            if m := re.match(r'\[(\w+)\]$', line):
                section = m[0] if m[0] in settings else None
            elif section and (m := re.match(r'(\w+) *=', line)):
                check(m[1] in settings[section], path, text, line)
    for name in set(re.findall(r'`(reeve_[a-z0-9_]+)', text)):
        check(name in metrics or name.endswith('_') or re.match(NO_METRICS, name) or 'chef' in path, path, text, name)

for p in problems[:60]:
    print(p)
print(f'cases: {checked - len(problems)} passed, {len(problems)} failed, 0 skipped')
sys.exit(1 if problems else 0)
