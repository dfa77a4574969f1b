#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""External providers: the samples as they are shipped, commands and files as classes, the tool for authors, and programs that crash,
hang, flood, lie and pry. Whatever they do, the agent answers others meanwhile."""
import json, os, shutil, signal, subprocess, sys, tempfile, textwrap, threading, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, BUILD, Cases, rows_of
from sshhost import Host

case = Cases()
TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
SAMPLES = os.path.join(TOP, 'providers', 'external')
work = tempfile.mkdtemp(prefix='reeve-external.')
os.chmod(work, 0o755)
folder, queue = os.path.join(work, 'providers'), os.path.join(work, 'queue')
os.mkdir(folder)
os.mkdir(queue)
ROOT = os.geteuid() == 0


def put(name, text, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, 'w') as f:
        f.write(textwrap.dedent(text).lstrip())
    os.chmod(path, mode)
    return path


def sample(name, more):
    for part in os.listdir(SAMPLES):
        if part.startswith(name + '.'):
            shutil.copy(os.path.join(SAMPLES, part), folder)
    with open(os.path.join(folder, name + '.provider'), 'a') as f:
        f.write(more)


EVIL = """
    #!/usr/bin/python3
    import json, os, sys, time
    def say(**m):
        print(json.dumps({'jsonrpc': '2.0', **m}), flush=True)
    for line in sys.stdin:
        m = json.loads(line)
        if m['method'] != 'EnumerateInstances':
            if 'id' in m:
                say(id=m['id'], result={})
            continue
        i, what = m['id'], m['params']['Equals'].get('Name', '')
        rows = lambda *r: say(method='Instances', params={'Id': i, 'Instances': list(r)})
        if what == 'crash':
            print('something terrible', file=sys.stderr, flush=True); os._exit(3)
        elif what == 'signal':
            os.kill(os.getpid(), 11)
        elif what == 'hang':
            rows({'Name': 'hang'}); time.sleep(1000)
        elif what == 'deaf':
            import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.close(0)
            time.sleep(1000)
        elif what == 'line':
            print('x' * 3000000, flush=True); time.sleep(1000)
        elif what == 'flood':
            while True:
                rows(*[{'Name': 'flood', 'Text': 'y' * 1000}] * 200)
        elif what == 'garbage':
            print('hello?', flush=True)
        elif what == 'wrongid':
            say(id=i + 7, result={})
        elif what == 'noise':
            sys.stderr.write('z' * 3000000); rows({'Name': 'noise'}); say(id=i, result={})
        elif what == 'memory':
            try:
                x = 'm' * (1 << 30); rows({'Name': 'memory', 'Text': 'got it'})
            except MemoryError:
                rows({'Name': 'memory', 'Text': 'MemoryError'})
            say(id=i, result={})
        elif what == 'files':
            got = []
            try:
                while True: got.append(open('/dev/null'))
            except OSError: n = len(got); got = []
            rows({'Name': 'files', 'Number': n}); say(id=i, result={})
        elif what == 'who':
            caps = [l.split()[1] for l in open('/proc/self/status') if l.startswith('CapEff')][0]
            nnp = [l.split()[1] for l in open('/proc/self/status') if l.startswith('NoNewPrivs')][0]
            fds = len(os.listdir('/proc/self/fd')) - 1
            rows({'Name': 'who', 'Number': os.getuid(), 'Text': f"{int(caps, 16)} {nnp} {fds} {os.getcwd()} {os.environ.get('COLOUR')}"})
            say(id=i, result={})
        elif what == 'lies':
            rows({'Name': 'lies', 'Number': 'many', 'Colour': 'red'}, {'Text': 'no key'}, {'Name': 7}, 'row', {'Name': 'lies', 'Number': 300})
            say(id=i, result={})
        elif what == 'error':
            say(id=i, error={'code': -32012, 'message': 'no such thing', 'data': {'Hint': 'Look elsewhere.', 'Property': 'Text'}})
        elif what == 'partial':
            rows({'Name': 'partial'})
            say(method='Partial', params={'Id': i, 'code': -32061, 'message': 'half of it cannot be read'})
            say(id=i, result={'Instances': [{'Name': 'partial', 'Text': 'in the result'}]})
        elif what == 'slow':
            for k in range(40):
                rows({'Name': 'slow', 'Number': k}); time.sleep(0.05)
            say(id=i, result={})
        else:
            rows({'Name': 'plain', 'Number': 1}); say(id=i, result={})
"""
CLASS = """
    [Description("X."), Version("1.0.0"), Noun("%s")]
    class %s {
        [Key, Description("Name.")] string Name;
        [Description("A number to 255.")] uint8 Number;
        [Description("A text.")] string Text;
    };
"""
sample('queue', f'Environment = QUEUE_FOLDER={queue}\n' + ('User = root\n' if ROOT else ''))
sample('fstab', '')
put('evil.py', EVIL, 0o755)
for name in ('Evil', 'Wild'):
    put(name.lower() + '.mof', CLASS % (name, name))
    put(name.lower() + '.provider', f'[Provider]\nSchema = {name.lower()}.mof\nExec = ./evil.py\nMemory = 300M\nFiles = 64\nTimeout = 3\nOutput = 4M\n'
        'Programs = 2\nEnvironment = COLOUR=blue\n')

FORMATS = {
    'csv': ('Name,Number,Text\n"a ""b"", c",1,x\n"two\nlines",2,\n', 'Format = csv\n', [('a "b", c', 1, 'x'), ('two\nlines', 2, '')]),
    'tab': ('a\t1\tb c\n', 'Format = csv\nSeparator = \\t\nColumns = Name, Number, Text\n', [('a', 1, 'b c')]),
    'table': ('NAME NO TEXT\n# no\n  a   1   the rest of it  \n', 'Format = table\nColumns = Name, Number, Text\nHeader = yes\nComment = #\n', [('a', 1, 'the rest of it')]),
    'jsonl': ('{"Name":"a","Number":1}\n\n{"Name":"b","Text":"\\u00e9"}\n', 'Format = jsonl\n', [('a', 1, None), ('b', None, 'é')]),
    'json': ('{"version":1,"items":[{"Name":"a"},{"Name":"b","Number":2}]}', 'Format = json\n', [('a', None, None), ('b', 2, None)]),
    'pairs': ('Name=a\nNumber: 1\nOther=?\n\n\nName="b c"\nNumber=x\n', 'Format = pairs\n', [('a', 1, None), ('b c', None, None)])}
for form, (text, keys, _) in FORMATS.items():
    put(form + '.mof', CLASS % ('F' + form, 'F' + form))
    put(form + '.data', text)
    put(form + '.provider', f'[Provider]\nSchema = {form}.mof\nFile = {folder}/{form}.data\n{keys}')
for name, command in (('Out', f'/bin/cat {folder}/csv.data'), ('Fail', '/bin/ls "/no such folder"'), ('Late', '/bin/sleep 100'), ('Endless', '/usr/bin/yes')):
    put(name.lower() + '.mof', CLASS % (name, name))
    put(name.lower() + '.provider', f'[Provider]\nSchema = {name.lower()}.mof\nCommand = {command}\nFormat = csv\nTimeout = 2\nOutput = 1M\n')

# What is not taken.
put('clash.mof', CLASS % ('Process', 'Process'))
put('clash.provider', '[Provider]\nSchema = clash.mof\nFile = /etc/passwd\n')
put('typo.provider', '[Provider]\nSchema = evil.mof\nExce = ./evil.py\n')
put('broken.mof', 'class Broken { string }; ')
put('broken.provider', '[Provider]\nSchema = broken.mof\nFile = /etc/passwd\n')
put('keyless.mof', 'class Keyless { string A; };')
put('keyless.provider', '[Provider]\nSchema = keyless.mof\nFile = /etc/passwd\n')
put('open.mof', CLASS % ('Open', 'Open'))
put('open.provider', '[Provider]\nSchema = open.mof\nFile = /etc/passwd\n', 0o666)
put('program.mof', CLASS % ('Program', 'Program'))
put('program.sh', '#!/bin/sh\n', 0o777)
put('program.provider', '[Provider]\nSchema = program.mof\nExec = ./program.sh\n')

for name, text, mode in (('one', 'a\nb\n', 0o640), ('two', 'x\n', 0o640)):
    with open(os.path.join(queue, name), 'w') as f:
        f.write(text)
    os.chmod(os.path.join(queue, name), mode)

agent = Agent(more=['--providers', folder])
get = lambda name, **more: agent.call('EnumerateInstances', {'ClassName': name, **more})


def rows(name, *columns, **more):
    return [tuple(i.get(c) for c in columns) for i in get(name, **more)['result']['Instances']]


try:
    # ---- loading ----
    log = open(agent.log.name).read()
    for what, why in (('clash', 'class Process already'), ('typo', 'has no key "Exce"'), ('broken', 'broken.mof:1:'), ('keyless', 'no [Key]'),
                      ('open', 'changed by others'), ('program', 'changed by others')):
        case(f'{what} is left out, and why', any(f'/{what}.provider is left out' in l and why in l for l in log.splitlines()), log)
    case('the class that was there is still ours', 'result' in get('Process', Limit=1))
    case('in the list of classes', {'QueueJob', 'Evil', 'FstabEntry'} <= set(agent.call('EnumerateClasses', {'NamesOnly': True})['result']['Classes']))
    case('in discovery', 'QueueJob' in json.dumps(agent.call('rpc.discover')))

    # ---- a program: reading ----
    r = get('QueueJob', OrderBy='Name')['result']['Instances']
    case('objects, typed', [(i['Name'], i['Size'], i['State']) for i in r] == [('one', 4, 'Ready'), ('two', 2, 'Ready')] and r[0]['Submitted'].endswith('Z'), r)
    case('what is expensive comes only when it is named', 'Lines' not in r[0] and rows('QueueJob', 'Lines', PropertyList=['Lines'], OrderBy='Name') == [(2,), (1,)])
    r = agent.call('GetInstance', {'ClassName': 'QueueJob', 'InstanceName': {'Name': 'two'}})
    case('by key', r['result']['Size'] == 2, r)
    r = agent.call('GetInstance', {'ClassName': 'QueueJob', 'InstanceName': {'Name': 'three'}})
    case('not there', r['error']['code'] == -32006, r)
    r = agent.call('ExecQuery', {'QueryLanguage': 'SQL', 'Query': "SELECT count(*) AS n, sum(q.Size) AS s FROM QueueJob q JOIN Process p ON p.ProcessId = 1"})
    case('SQL, joined with another class', r['result']['Instances'] == [{'n': 2, 's': 6}], r)
    r = agent.call('ExecQuery', {'Query': "SELECT Name FROM QueueJob WHERE Size > 3"})
    case('WQL', [i['Name'] for i in r['result']['Instances']] == ['one'], r)
    case('a file as a class', isinstance(get('FstabEntry')['result']['Instances'], list))
    if ROOT:
        case('started once, not for each call', len(subprocess.run(['pgrep', '-f', folder + '/queue.py'], capture_output=True, text=True).stdout.split()) == 1)

    # ---- a program: changing ----
    invoke = lambda key, **more: agent.call('InvokeMethod', {'ClassName': 'QueueJob', 'MethodName': 'Run', 'InstanceName': {'Name': key}, **more})
    r = invoke('one', WhatIf=True)
    case('what-if says and does nothing', r['result'].get('Changed') == [{'Property': 'State', 'From': 'Ready', 'To': None}] and os.path.exists(queue + '/one'), r)
    r = invoke('one')
    case('a method, its value and [Out] parameter', r['result']['ReturnValue'] == 0 and r['result']['Added'] == 4 and not os.path.exists(queue + '/one'), r)
    r = agent.call('SetInstance', {'ClassName': 'QueueJob', 'InstanceName': {'Name': 'two'}, 'Properties': {'State': 'Held'}})
    again = agent.call('SetInstance', {'ClassName': 'QueueJob', 'InstanceName': {'Name': 'two'}, 'Properties': {'State': 'Held'}})
    case('set, and nothing twice', r['result']['Changed'] == [{'Property': 'State', 'From': 'Ready', 'To': 'Held'}] and not again['result']['Changed'], (r, again))
    r = invoke('two')
    case('its error: status, text and hint', r['error']['code'] == -32001 and 'two is held' in r['error']['message'] and 'Force' in r['error']['data']['Hint'], r)
    r = invoke('two', InParameters={'Force': 'maybe'})
    case('arguments are checked before it sees them', r['error']['code'] == -32013, r)
    case('an [In] parameter', invoke('two', InParameters={'Force': True})['result']['ReturnValue'] == 0)
    r = agent.call('CreateInstance', {'ClassName': 'QueueJob', 'Properties': {'Name': 'new', 'State': 'Held'}})
    case('create', os.path.exists(queue + '/new') and rows('QueueJob', 'Name', 'State') == [('new', 'Held')], r)
    r = agent.call('CreateInstance', {'ClassName': 'QueueJob', 'Properties': {'Name': 'new'}})
    case('create what is there', r['error']['code'] == -32011, r)
    agent.call('DeleteInstance', {'ClassName': 'QueueJob', 'InstanceName': {'Name': 'new'}})
    case('delete', not os.path.exists(queue + '/new'))
    done = rows_of(agent.dir, "SELECT operation, method, changed FROM audit WHERE class = 'QueueJob' AND intent IS NOT NULL ORDER BY seq")
    case('all of it is in the audit', {d[0] for d in done} >= {'InvokeMethod', 'SetInstance', 'CreateInstance', 'DeleteInstance'} and any(d[2] and 'Held' in d[2] for d in done), done)

    # ---- the shell ----
    open(queue + '/job', 'w').write('1\n')
    shell = lambda text: subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', text], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                                        env=dict(os.environ, REEVE_SOCKET=agent.path, NO_COLOR='1', HOME=work)).stdout.strip()
    case('Get-', shell('(Get-QueueJob j*).Name; (Get-QueueJob).Size') == 'job\n2', shell('Get-QueueJob'))
    case('Get-CimClass lists what is built in and what is not', shell('$n = (Get-CimClass).CimClassName; ("Process", "QueueJob", "Win32_Service" | Where-Object { $_ -in $n }).Count; $n.Count -gt 100') == '3\nTrue', shell('(Get-CimClass).Count'))
    case('Get-Command', shell('(Get-Command *QueueJob).Name -join " "') == 'Get-QueueJob Set-QueueJob Submit-QueueJob', shell('Get-Command *QueueJob'))
    case('completion', shell('(TabExpansion2 "Submit-Que" 10).CompletionMatches.CompletionText') == 'Submit-QueueJob')
    case('help', 'goes to the end of the folder' in shell('Get-Help Submit-QueueJob'))
    case('a pipeline', shell('Get-QueueJob | Submit-QueueJob | ForEach-Object ReturnValue; (Get-QueueJob | Measure-Object).Count').endswith('0'))

    # ---- commands and files ----
    for form, (_, _, expected) in FORMATS.items():
        got = rows('F' + form, 'Name', 'Number', 'Text')
        case(f'format {form}', got == expected, got)
    r = get('Fpairs')
    case('a value that does not fit is named, the row stays', 'Number' in json.dumps(r['result'].get('Partial', [])), r)
    case('a command', [n for n, in rows('Out', 'Name')] == ['a "b", c', 'two\nlines'])
    r = get('Fail')
    case("a command's status and last words", r['error']['code'] == -32001 and 'no such folder' in r['error']['message'] and 'status 2' in r['error']['message'], r)
    start = time.monotonic()
    r = get('Late')
    case('a command that does not end', r['error']['code'] == -32060 and time.monotonic() - start < 20, r)
    r = get('Endless')
    case('a command that never stops talking', r['error']['code'] == -32027, r)
    os.unlink(folder + '/json.data')
    case('a file that has gone', get('Fjson')['error']['code'] == -32006, get('Fjson'))

    # ---- what bad programs do ----
    evil = lambda what, name='Evil', **more: get(name, Filter=f"Name = '{what}'", **more)
    case('plain', rows('Evil', 'Name', 'Number') == [('plain', 1)])
    r = evil('who')['result']['Instances'][0]
    capabilities, nnp, fds, cwd, colour = r['Text'].split()
    case('no rights: capabilities, new privileges, our descriptors', (capabilities, nnp, cwd, colour) == ('0', '1', '/', 'blue') and int(fds) <= 4, r)
    if ROOT:
        case('as a user of its own', evil('who', PropertyList=['Text'])['result']['Instances'] and
             subprocess.run(['ps', '-o', 'user=', '-p', subprocess.run(['pgrep', '-nf', folder + '/evil.py'], capture_output=True, text=True).stdout.strip()],
                            capture_output=True, text=True).stdout.strip() in ('nobody', 'reeve-provider'))
    case('memory is bounded', evil('memory')['result']['Instances'][0]['Text'] == 'MemoryError')
    case('descriptors are bounded', evil('files')['result']['Instances'] and evil('files')['result']['Instances'][0]['Number'] <= 64)
    case('talk on standard error harms nobody', evil('noise')['result']['Instances'][0]['Name'] == 'noise')
    r = evil('lies')['result']
    case('of lies only what fits the class comes', r['Instances'] in ([{'Name': 'lies', 'Number': None, 'Text': None}] * 2, [{'Name': 'lies'}] * 2) or
         [i['Name'] for i in r['Instances']] == ['lies', 'lies'] and all(i.get('Number') is None for i in r['Instances']), r)
    case('and the lie is named', 'Evil' in json.dumps(r['Partial']) and 'Number' in json.dumps(r['Partial']), r)
    r = evil('error')
    case('its own error', r['error']['code'] == -32012 and r['error']['data']['Hint'] == 'Look elsewhere.', r)
    r = evil('partial')['result']
    case('rows and what is missing', len(r['Instances']) == 2 and 'half of it' in json.dumps(r['Partial']), r)
    for what, code, words in (('crash', -32061, 'something terrible'), ('signal', -32061, 'signal 11')):
        r = evil(what)
        case(f'{what}: told', r.get('error', r['result'].get('Partial', [{}])[0] if 'result' in r else {}).get('code') == code and words in json.dumps(r), r)
    case('and started again', rows('Evil', 'Name', 'Number') == [('plain', 1)])
    for what, code, words in (('line', -32001, '1 MiB'), ('garbage', -32001, 'JSON'), ('wrongid', -32001, 'not asked')):
        r = evil(what)
        case(f'{what}: told', str(code) in json.dumps(r) and words in json.dumps(r), r)
        rows('Evil', 'Name')  # one that is good in between: not left alone yet

    r = evil('slow', Timeout=0.5)
    case('rows that came before the deadline stand', 'result' in r and 0 < len(r['result']['Instances']) < 40 and 'Partial' in r['result'] or '-32060' in json.dumps(r), r)
    rows('Evil', 'Name')

    # Hanging: the others go on, within the time that a call may take here.
    slowest, stop = [0.0], threading.Event()

    def ping():
        with agent.open() as p:
            while not stop.is_set():
                t = time.monotonic()
                p.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': os.getpid()}})
                slowest[0] = max(slowest[0], time.monotonic() - t)
                time.sleep(0.01)
    thread = threading.Thread(target=ping)
    thread.start()
    answers = {}
    calls = [threading.Thread(target=lambda w=w: answers.update({w: evil(w)})) for w in ('hang', 'flood')]
    for c in calls:
        c.start()
    for c in calls:
        c.join(60)
    r = evil('deaf')
    stop.set()
    thread.join(30)
    case('a hang ends at Timeout', '-32060' in json.dumps(answers.get('hang')), answers.get('hang'))
    case('a flood ends at Output', '-32027' in json.dumps(answers.get('flood')), str(answers.get('flood'))[-300:])
    case('one that is deaf ends, too', '-3206' in json.dumps(r), r)
    case('others did not notice', slowest[0] < 2, slowest)
    left = subprocess.run(['pgrep', '-cf', folder + '/evil.py'], capture_output=True, text=True).stdout.strip()
    case('none of them is left behind', int(left or 0) <= 2, left)
    # Falling again and again.
    for _ in range(3):
        evil('crash', 'Wild')
    r = get('Wild')
    case('who keeps falling is left alone for a while, and why', r['error']['code'] == -32061 and 'left alone' in r['error']['message'] and 'something terrible' in r['error']['message'], r)
    case('the others are not', 'result' in get('QueueJob'))
    r = agent.call('EnumerateInstances', {'ClassName': 'Provider', 'Filter': "Name = 'Wild'"})['result']['Instances'][0]
    case('its Provider object tells', r['Kind'] == 'External' and r['Errors'] >= 4 and 'left alone' in r['LastError'], r)
    children = subprocess.run(['pgrep', '-f', folder + '/'], capture_output=True, text=True).stdout.split()
    agent.stop()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(os.path.exists(f'/proc/{p}') for p in children):
        time.sleep(0.1)
    case('they end with the agent', not any(os.path.exists(f'/proc/{p}') for p in children), children)

    # ---- new ones while it runs, through reeved; a session goes on ----
    later = os.path.join(work, 'later')
    os.mkdir(later)
    host = Host(config=f'[providers]\ndirs = {later}\n')
    try:
        session = subprocess.Popen(['ssh', '-F', host.config, 'reeve-host'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        session.stdin.write('"begun"\n')
        session.stdin.flush()
        case('a session is open', session.stdout.readline().strip() == 'begun')
        shutil.copy(SAMPLES + '/fstab.mof', later)
        with open(later + '/fstab.provider', 'w') as f:
            f.write(f'[Provider]\nSchema = fstab.mof\nFile = {later}/fstab\nFormat = table\nColumns = Device, MountPoint, FileSystem, Options, -, Pass\n')
        open(later + '/fstab', 'w').write('/dev/vda / ext4 defaults 0 1\n')
        host.proc.send_signal(signal.SIGHUP)
        deadline, said = time.monotonic() + 30, ''
        while time.monotonic() < deadline and said != '/dev/vda':
            said = host.ssh('(Get-FstabEntry).Device').stdout.strip()
        case('reload takes it', said == '/dev/vda', said)
        session.stdin.write('(Get-FstabEntry /).Pass\nexit\n')
        session.stdin.flush()
        case('the session goes on, and has it too', session.stdout.readline().strip() == '1' and session.wait(30) == 0)
    finally:
        host.stop()

    # ---- the authors' tool ----
    tool = lambda *a: subprocess.run([os.path.abspath(f'{BUILD}/bin/reeve'), 'provider', *a], cwd=work, capture_output=True, text=True, timeout=120)
    for language in ('python', 'sh', 'command'):
        name = 'New' + language
        r = tool('new', name, '--language', language)
        case(f'provider new in {language}', r.returncode == 0 and os.path.exists(f'{work}/{name}.provider'), r)
        r = tool('test', name + '.provider')
        case(f'and it keeps its promises', r.returncode == 0 and 'not ok' not in r.stdout, r.stdout)
    case('nothing is overwritten', tool('new', 'Newsh').returncode == 1)
    case('a bad name', tool('new', '../x').returncode == 2)
    put('twice.mof', CLASS % ('Twice', 'Twice'))
    put('twice.data', 'Name\na\na\n')
    put('twice.provider', f'[Provider]\nSchema = twice.mof\nFile = {folder}/twice.data\nFormat = csv\n')
    r = tool('test', folder + '/twice.provider')
    case('provider test finds what is wrong', r.returncode == 1 and 'is there twice' in r.stdout, r.stdout)
    r = tool('test', folder + '/typo.provider')
    case('and what cannot be loaded', r.returncode == 1 and 'Exce' in r.stdout, r.stdout)
finally:
    if agent.proc.poll() is None:
        agent.stop()
    shutil.rmtree(work, ignore_errors=True)
case.end()
