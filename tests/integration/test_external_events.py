#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What external providers tell of themselves: the samples' changes (Python, C), events of an Indication; programs that flood, lie, fall,
refuse or do not answer; and the control group that each has where the agent's is delegated."""
import contextlib, json, os, shutil, subprocess, sys, tempfile, textwrap, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, BUILD, Cases, Reader, until

case = Cases()
Reader.patience = 30
TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
ROOT = os.geteuid() == 0
work = tempfile.mkdtemp(prefix='reeve-extevents.')
os.chmod(work, 0o755)
folder, queue, tools = (os.path.join(work, n) for n in ('providers', 'queue', 'tools'))
for d in (folder, queue, tools):
    os.mkdir(d)
AS_ROOT = 'User = root\n' if ROOT else ''


def put(name, text, mode=0o644):
    with open(os.path.join(folder, name), 'w') as f:
        f.write(textwrap.dedent(text).lstrip())
    os.chmod(os.path.join(folder, name), mode)


def sample(name, more):
    for part in os.listdir(TOP + '/providers/external'):
        if part.startswith(name + '.'):
            shutil.copy(TOP + '/providers/external/' + part, folder)
    with open(f'{folder}/{name}.provider', 'a') as f:
        f.write(more)


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)


sample('queue', f'Environment = QUEUE_FOLDER={queue}\n{AS_ROOT}')
sample('tool', f'Environment = TOOL_FOLDER={tools}\n')
LIB = os.path.abspath(f'{BUILD}/lib')
cc = lambda source, to: subprocess.run(['cc', f'-I{TOP}/providers/sdk', source, '-o', to, f'-L{LIB}', '-lreeve-provider', f'-Wl,-rpath,{LIB}'], capture_output=True, text=True)
PLAIN = 'address' not in BUILD and 'thread' not in BUILD   # a sanitized library wants a sanitized program
if PLAIN:
    case('the C sample is built', cc(f'{folder}/tool.c', f'{folder}/tool').returncode == 0)

# One program, as many ways to misbehave: $WAY.
EVIL = """
    #!/usr/bin/python3
    import json, os, sys, time
    way, turn = os.environ['WAY'], os.environ['TURN']
    def say(**m):
        print(json.dumps({'jsonrpc': '2.0', **m}), flush=True)
    def changed(name, kind='Modified', what=None):
        say(method='Changed', params={'ClassName': what or c, 'Kind': kind, 'InstanceName': {'Name': name}})
    for line in sys.stdin:
        m = json.loads(line)
        if 'id' not in m:
            continue
        i, c = m['id'], m['params'].get('ClassName')
        if m['method'] == 'EnumerateInstances':
            n = int(open(turn).read())
            say(id=i, result={'Instances': [{'Name': 'one', 'Number': n}]})
        elif m['method'] != 'Watch':
            say(id=i, result={})
        elif way == 'refuse':
            say(id=i, error={'code': -32601, 'message': 'I do not watch'})
        elif way == 'silent':
            time.sleep(1000)
        elif way == 'early':
            changed('one'); say(id=i, result={}); time.sleep(1000)
        else:
            say(id=i, result={})
            if way == 'flood':
                while True:
                    changed('one')
            elif way == 'line':
                sys.stdout.write('x' * 3000000); sys.stdout.flush()
            elif way == 'crash':
                print('alas', file=sys.stderr, flush=True); os._exit(3)
            elif way == 'garbage':
                print('hello?', flush=True)
            elif way == 'key':
                say(method='Changed', params={'ClassName': c, 'InstanceName': {'Name': ['no']}})
            elif way == 'kind':
                changed('one', 'Painted')
            elif way == 'event':
                say(method='Event', params={'ClassName': c, 'Event': {}})
            elif way == 'twice':
                say(id=i, result={})
            elif way == 'lies':
                changed('one', 'Created'); changed('one', 'Deleted'); changed('nobody', 'Created'); changed('one', 'Deleted', 'Process')
            elif way == 'tell':
                say(method='Event', params={'ClassName': c, 'Event': {'Name': 'first', 'Number': 1}})
                say(method='Event', params={'ClassName': c, 'Event': {'Name': 'second'}})
            elif way == 'told':
                say(method='Event', params={'ClassName': c, 'Event': {'Number': 'many'}})
            time.sleep(1000)
"""
CLASS = """
    [%sDescription("X."), Version("1.0.0")]
    class %s {
        [%sDescription("Name.")] string Name;
        [Description("A number to 255.")] uint8 Number;
    };
"""
WAYS = ('refuse', 'silent', 'early', 'flood', 'line', 'crash', 'garbage', 'key', 'kind', 'event', 'twice', 'lies', 'tell', 'told')
name_of = lambda way: 'X' + way
put('evil.py', EVIL, 0o755)
write(f'{work}/turn', '1')
for way in WAYS:
    indication = way in ('tell', 'told')
    put(way + '.mof', CLASS % ('Indication, ' if indication else '', name_of(way), '' if indication else 'Key, '))
    put(way + '.provider', f'[Provider]\nSchema = {way}.mof\nExec = ./evil.py\nEvents = yes\nEnvironment = WAY={way}\nEnvironment = TURN={work}/turn\n')
put('mute.mof', CLASS % ('Indication, ', 'Mute', ''))
put('mute.provider', '[Provider]\nSchema = mute.mof\nExec = ./evil.py\n')
put('file.mof', CLASS % ('', 'AFile', 'Key, '))
put('file.provider', '[Provider]\nSchema = file.mof\nFile = /etc/passwd\nEvents = yes\n')
put('word.mof', CLASS % ('', 'Word', 'Key, '))
put('word.provider', '[Provider]\nSchema = word.mof\nExec = ./evil.py\nEvents = created, painted\n')

agent = Agent(more=['--providers', folder])
log = lambda: open(agent.log.name, errors='replace').read()
state = lambda name: agent.call('GetInstance', {'ClassName': 'Provider', 'InstanceName': {'Name': name}})['result'].get('Events')
programs = lambda: subprocess.run(['pgrep', '-f', folder + '/'], capture_output=True, text=True).stdout.split()


def obj(p):
    i = p.get('Indication', {})
    return i.get('TargetInstance') or i


def told(reader, kind, name, **more):
    got = reader.until(lambda p: p['Kind'] == kind and obj(p).get('Name') == name and all(obj(p).get(k) == v for k, v in more.items()))
    return got[-1] is not None and len([p for p in got if p['Kind'] in ('Create', 'Modify', 'Delete')]) == 1 or got


try:
    for what, why in (('mute', 'Events = yes'), ('file', 'Events is for programs'), ('word', 'Events is yes, no, or')):
        case(f'{what}.provider is left out, and why', any(f'/{what}.provider is left out' in l and why in l for l in log().splitlines()), log())

    # ---- the samples ----
    with contextlib.ExitStack() as stack:
        peer = lambda: stack.enter_context(agent.open())
        case('nobody watches, nothing runs for it', state('QueueJob') == 'Idle', state('QueueJob'))
        readers = [('QueueJob', queue, 'one', Reader(peer(), ClassName='QueueJob'))]
        if PLAIN:
            readers.append(('Tool', tools, 'first', Reader(peer(), ClassName='Tool')))
        for name, where, item, r in readers:
            case(f'{name}: pushed, not polled', r.sync() is True, r.result)
            case(f'{name}: its Provider object says so', until(lambda: state(name) == 'Pushed'), state(name))
            write(f'{where}/{item}', 'x')
            case(f'{name}: created', told(r, 'Create', item) is True)
            os.chmod(f'{where}/{item}', 0o711)
            key = {'Executable': True} if name == 'Tool' else {'State': 'Held'}
            r.until(lambda p: p['Kind'] == 'Modify' and all(obj(p).get(k) == v for k, v in key.items()))
            os.unlink(f'{where}/{item}')
            case(f'{name}: deleted', told(r, 'Delete', item) is True)
        burst = readers[0][3]
        for i in range(3000):
            write(f'{queue}/b{i}', 'y')
        seen = set()
        burst.until(lambda p: (seen.add(obj(p)['Name']) if p['Kind'] == 'Create' else None) or len(seen) == 3000, 40)
        case('3,000 at once: each is told', len(seen) == 3000, (len(seen), log()[-500:]))
        case('and that is no flood', state('QueueJob') == 'Pushed', log()[-500:])
        for i in range(3000):
            os.unlink(f'{queue}/b{i}')
        running = programs()
    case('when nobody watches any more, its programs end', until(lambda: not [p for p in programs() if p in running and 'evil' not in p] or state('QueueJob') == 'Idle'))

    # ---- an indication ----
    with agent.open() as p:
        r = Reader(p, ClassName='Xtell')
        got = r.until(lambda p: obj(p).get('Name') == 'second')
        events = [(obj(g).get('Name'), obj(g).get('Number')) for g in got if g and obj(g)]
        case('events of an indication', events == [('first', 1), ('second', None)], (got, r.error))
    r = agent.call('EnumerateInstances', {'ClassName': 'Xtell'})
    case('it has no objects', r.get('error', {}).get('code') == -32007 or r['result']['Instances'] == [], r)

    # ---- who misbehaves is polled ----
    # Those that rest at their first fall, and those that may try three times.
    reasons = {'refuse': 'I do not watch', 'silent': 'not answered Watch', 'early': 'before it has answered', 'flood': 'more than 1000 changes', 'line': '1 MiB',
               'crash': 'alas', 'garbage': 'JSON-RPC', 'key': 'key does not fit', 'kind': 'Kind that is not', 'event': 'no indication', 'twice': 'not asked'}
    with contextlib.ExitStack() as stack:
        readers = {w: Reader(stack.enter_context(agent.open()), ClassName=name_of(w), Interval=0.2) for w in (*reasons, 'lies')}
        for way, why in reasons.items():
            case(f'{way}: it is left alone, and why', until(lambda: any(f'watches {name_of(way)}, ' in l and why in l and 'left alone' in l for l in log().splitlines())),
                 [l for l in log().splitlines() if name_of(way) in l][-3:])
            case(f'{way}: its Provider object says so', until(lambda: state(name_of(way)) == 'Broken'), state(name_of(way)))
        case('lies: it goes on', until(lambda: state('Xlies') == 'Pushed'), log()[-500:])
        for way, r in readers.items():
            case(f'{way}: the subscription stands', r.sync() is not None and not r.error, r.error)
        got = readers['lies'].until(lambda p: p['Kind'] in ('Create', 'Modify', 'Delete'), 1.5)
        case('lies: nothing is told of what is not so', got == [None], got)
        write(f'{work}/turn', '2')
        for way in reasons:
            case(f'{way}: changes are found by polls', told(readers[way], 'Modify', 'one', Number=2) is True)
        pings = []
        with agent.open() as p:
            for _ in range(50):
                started = time.monotonic()
                p.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': os.getpid()}})
                pings.append(time.monotonic() - started)
        case('others do not notice', sorted(pings)[40] < 5, pings)   # a program may hang for ten
    with agent.open() as p:
        r = Reader(p, ClassName='Xtold')
        case('an event that does not fit: its program is left alone', until(lambda: any('Xtold' in l and 'does not fit the class' in l for l in log().splitlines())), log()[-400:])
    children = programs()
    agent.stop()
    case('they end with the agent', until(lambda: not any(os.path.exists(f'/proc/{p}') for p in children)), children)

    # ---- a program of the first version of the ABI ----
    if PLAIN:
        write(f'{folder}/old.c', '''
            #include <stdint.h>
            struct old { const char *name; int (*f[4])(void *); const void *methods; };
            int reeve_provider_main(int, const void *);
            void reeve_set_text(void *, const char *, const char *);
            int reeve_emit(void *);
            static int list(void *c) { reeve_set_text(c, "Name", "old"); return reeve_emit(c); }
            int main(void) { static const struct old k[] = { { "Other", { 0 }, 0 }, { "Old", { list }, 0 }, { 0 } }; return reeve_provider_main(1, k); }
            ''')
        case('it is built', cc(f'{folder}/old.c', f'{folder}/old').returncode == 0)
        put('old.mof', CLASS % ('', 'Old', 'Key, '))
        put('old.provider', '[Provider]\nSchema = old.mof\nExec = ./old\n')
        agent = Agent(more=['--provider', f'{folder}/old.provider'])
        r = agent.call('EnumerateInstances', {'ClassName': 'Old'})
        case('a program built for version 1 of the library', r.get('result', {}).get('Instances', [{}])[0].get('Name') == 'old', r)
        agent.stop()

    # ---- control groups ----
    HUNGRY = """
        #!/usr/bin/python3
        import json, os, sys, time
        for line in sys.stdin:
            m = json.loads(line)
            what = m.get('params', {}).get('Equals', {}).get('Name')
            row = {'Name': what or 'plain'}
            if what == 'memory':
                for k in range(3):   # each within the address space that one may have
                    if os.fork() == 0:
                        part = b'x' * (40 << 20); time.sleep(1000)
                part = b'x' * (130 << 20); time.sleep(1000)
            elif what == 'processes':
                n = 0
                try:
                    while n < 200:
                        if os.fork() == 0: time.sleep(1000)
                        n += 1
                except OSError: pass
                row['Number'] = n
            elif what == 'escape':
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0: time.sleep(1000)
                    os._exit(0)
            elif what == 'group':
                row['Text'] = open('/proc/self/cgroup').read()
            if 'id' in m:
                print(json.dumps({'jsonrpc': '2.0', 'id': m['id'], 'result': {'Instances': [row]}}), flush=True)
        """
    CLASS3 = CLASS.replace('uint8 Number;', 'uint8 Number; [Description("A text.")] string Text;')
    put('hungry.py', HUNGRY, 0o755)
    put('hungry.mof', CLASS3 % ('', 'Hungry', 'Key, '))
    put('hungry.provider', '[Provider]\nSchema = hungry.mof\nExec = ./hungry.py\nMemory = 200M\nProcesses = 20\nCPU = 30\nTimeout = 10\n')
    hungry = lambda what: agent.call('EnumerateInstances', {'ClassName': 'Hungry', 'Filter': f"Name = '{what}'"})
    agent = Agent(more=['--provider', f'{folder}/hungry.provider'])
    r = agent.call('GetInstance', {'ClassName': 'Provider', 'InstanceName': {'Name': 'Hungry'}})['result']
    if r.get('ControlGroup') is None:
        case('without a delegated group: said so', 'has no control group of its own' in log(), log())
    agent.stop()
    groups = []
    try:
        for c in ('memory', 'pids', 'cpu'):
            own = [l.split(':', 2)[2] for l in open('/proc/self/cgroup').read().splitlines() if c in l.split(':')[1].split(',')][0]
            g = f'/sys/fs/cgroup/{c}{own}/reeve-test-{os.getpid()}'.replace('//', '/')
            os.mkdir(g)
            groups.append(g)
            os.setxattr(g, 'trusted.delegate', b'1')
    except (OSError, IndexError) as e:
        case.skip('control groups', f'no hierarchies of version 1 can be had here: {e}')
    if len(groups) == 3:
        agent = Agent(more=['--provider', f'{folder}/hungry.provider'], under=['sh', '-c', ' '.join(f'echo $$ >{g}/cgroup.procs;' for g in groups) + ' exec "$@"', 'sh'])
        r = agent.call('GetInstance', {'ClassName': 'Provider', 'InstanceName': {'Name': 'Hungry'}})['result']
        case('a group of its own', r['ControlGroup'] == groups[0] + '/provider-hungry', r)
        said = lambda c, f: open(f'{groups[c]}/provider-hungry/{f}').read().strip()
        case('its bounds', (said(0, 'memory.limit_in_bytes'), said(1, 'pids.max'), said(2, 'cpu.cfs_quota_us')) == (str(200 << 20), '20', '30000'),
             [said(0, 'memory.limit_in_bytes'), said(1, 'pids.max'), said(2, 'cpu.cfs_quota_us')])
        r = hungry('group')
        case('its programs are in it', all(f'{c}:' in r['result']['Instances'][0]['Text'] and '/provider-hungry\n' in r['result']['Instances'][0]['Text'] for c in ('memory', 'pids', 'cpu')), r)
        case('the agent is not', 'provider-hungry' not in open(f'/proc/{agent.proc.pid}/cgroup').read())
        r = hungry('escape')
        r = hungry('processes')
        case('processes of all are bounded', 0 < r['result']['Instances'][0]['Number'] < 20, r)
        agent.stop()
        case('what it left behind ends with the agent, and the group', not any(os.path.exists(g + '/provider-hungry') for g in groups), groups)
        agent = Agent(more=['--provider', f'{folder}/hungry.provider'], under=['sh', '-c', ' '.join(f'echo $$ >{g}/cgroup.procs;' for g in groups) + ' exec "$@"', 'sh'])
        r = hungry('memory')
        case('memory of all is bounded, and told', 'the memory of its control group was used up' in json.dumps(r), r)
        kills = [int(l.split()[1]) for l in said(0, 'memory.oom_control').splitlines() if l.startswith('oom_kill ')]
        case('the kernel ended one of them, not another', kills and kills[0] > 0 and agent.proc.poll() is None, kills)
        agent.stop()
    for g in groups:
        with contextlib.suppress(OSError):
            os.rmdir(g)
finally:
    if agent.proc.poll() is None:
        agent.stop()
    shutil.rmtree(work, ignore_errors=True)
case.end()
