#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Long work as jobs: answered at once, told how far it has come, ended when asked, its outcome kept; it survives its caller, its
session, a kill of the agent, and is done once however often it is asked for. A provider in Python does what takes long."""
import json, os, shutil, signal, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, BUILD, Cases, Reader, until
from rolelib import RoleAgent

case = Cases()
work = tempfile.mkdtemp(prefix='reeve-jobs.')
os.chmod(work, 0o711)
providers, scratch = os.path.join(work, 'providers'), os.path.join(work, 'scratch')
os.mkdir(providers)
os.chmod(providers, 0o755)
os.mkdir(scratch)
os.chmod(scratch, 0o1777)

PROGRAM = r'''#!/usr/bin/python3
import json, os, sys, threading, time
gone = set()
def say(**m):
    print(json.dumps({'jsonrpc': '2.0', **m}), flush=True)
def run(i, p):
    a, path = p['InParameters'], p['InParameters']['Path']
    if p['WhatIf']:
        return say(id=i, result={'ReturnValue': 0, 'Changed': [{'Property': 'Path', 'From': None, 'To': path}]})
    with open(path, 'a') as f:
        f.write('begun by %s %d\n' % (p['Caller']['User'], p['Caller']['Uid']))
    n = 0
    while not os.path.exists(path + '.go'):
        n = min(n + 1, 99)
        say(method='Progress', params={'Id': i, 'Activity': 'Working', 'Status': 'step %d' % n, 'PercentComplete': n})
        time.sleep(0.02)
        if i in gone and not a.get('Deaf'):
            with open(path, 'a') as f:
                f.write('ended early\n')
            return say(id=i, error={'code': -32001, 'message': 'it was ended early', 'data': {}})
    if a.get('Fail'):
        return say(id=i, error={'code': -32006, 'message': 'what it needs is not there', 'data': {'Hint': 'Put it there.'}})
    with open(path, 'a') as f:
        f.write('done\n')
    say(id=i, result={'ReturnValue': 0, 'OutParameters': {'Lines': n, 'Text': 'x' * a.get('Size', 3)}, 'Changed': [{'Property': 'Path', 'From': None, 'To': path}]})
for line in sys.stdin:
    m = json.loads(line)
    if m['method'] == '$/cancelRequest':
        gone.add(m['params']['id'])
    elif m['method'] == 'InvokeMethod':
        threading.Thread(target=run, args=(m['id'], m['params']), daemon=True).start()
    elif 'id' in m:
        say(id=m['id'], result={})
'''
MOF = '''
[Description("Work that takes long."), Version("1.0.0"), Noun("LongWork")]
class LongWork {
    [Key, Description("Its name.")] string Name;
    [Static, Cmdlet{"Invoke-LongWork"}, Description("Works until PATH.go is there."), ValueMap{"0"}, Values{"Success"}]
    uint32 Run([In, Required, Parameter("Path, Position=0"), Description("What it writes to.")] string Path,
               [In, Description("It is to fail.")] boolean Fail, [In, Description("It does not listen.")] boolean Deaf,
               [In, Description("Bytes of Text.")] uint32 Size, [In, Secret, Description("Not shown.")] string Password,
               [Out, Description("Steps.")] uint32 Lines, [Out, Description("A text.")] string Text);
};
'''


def write(name, text, mode=0o644):
    path = os.path.join(providers, name)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    return path


write('work.mof', MOF)
program = write('work.py', PROGRAM, 0o755)
write('work.provider', f'[Provider]\nSchema = work.mof\nExec = {program}\nPrograms = 8\n')
agent = Agent(more=('--providers', providers))
serial = 0


def path(name=None):
    global serial
    serial += 1
    return os.path.join(scratch, name or f'p{serial}')


def text(p):
    return open(p).read() if os.path.exists(p) else ''


def go(p):
    open(p + '.go', 'w').close()


def begin(peer=None, key=None, timeout=None, **args):
    params = {'ClassName': 'LongWork', 'MethodName': 'Run', 'InParameters': args, 'AsJob': True}
    params.update({'RequestKey': key} if key else {})
    params.update({'Timeout': timeout} if timeout else {})
    return (peer or agent).call('InvokeMethod', params)


def job(i, peer=None, **more):
    return (peer or agent).call('GetInstance', {'ClassName': 'Job', 'InstanceName': {'InstanceID': i}, **more})


def ident(r):
    return r.get('result', {}).get('Job', {}).get('InstanceID', '')


def state(i):
    return job(i).get('result', {}).get('JobState')


def whole(i):
    return job(i, PropertyList=['JobState', 'Result', 'Error', 'ErrorCode', 'ErrorDescription', 'PercentComplete', 'JobStatus', 'EndTime', 'ProcessId',
                                'ElapsedTime', 'StartTime'])['result']


def stop(i, **args):
    return agent.call('InvokeMethod', {'ClassName': 'Job', 'MethodName': 'Stop', 'InstanceName': {'InstanceID': i}, 'InParameters': args})


def code(r):
    return r.get('error', {}).get('code')


# ---- begun, told, ended ----
p = path()
with agent.open() as peer:
    r = begin(peer, Path=p, Password='geheim')
i = ident(r)
case('it is answered at once with its job', r.get('result') == {'ReturnValue': 4096, 'Job': {'InstanceID': i}} and len(i) == 12, r)
case('it goes on when its session has ended', until(lambda: (job(i)['result'].get('PercentComplete') or 0) > 0), job(i))
j = job(i)['result']
case('what it is, is told', j['JobState'] == 'Running' and j['JobStatus'].startswith('Working: step') and j['ClassName'] == 'LongWork' and j['MethodName'] == 'Run' and
     j['Name'] == 'LongWork.Run' and j['Operation'] == 'InvokeMethod' and j['Owner'] == 'root' and j['ErrorCode'] is None and j['EndTime'] is None, j)
case('secrets are not', json.loads(j['Arguments']) == {'Path': p, 'Password': '***'}, j)
case('and not on disk once it has begun', until(lambda: not [f for f in os.listdir(agent.dir + '/jobs') if 'geheim' in open(f'{agent.dir}/jobs/{f}').read()]))
case('its process is that', os.path.exists(f"/proc/{j['ProcessId']}") and b'--job' in open(f"/proc/{j['ProcessId']}/cmdline", 'rb').read(), j)
case('a job that runs is not forgotten', code(agent.call('DeleteInstance', {'ClassName': 'Job', 'InstanceName': {'InstanceID': i}})) == -32001)
go(p)
case('it completes', until(lambda: state(i) == 'Completed'), whole(i))
w = whole(i)
case('with its result', json.loads(w['Result'])['ReturnValue'] == 0 and json.loads(w['Result'])['Text'] == 'xxx' and w['PercentComplete'] == 100 and w['ErrorCode'] == 0 and
     w['Error'] is None and w['EndTime'] > w['StartTime'] and w['ElapsedTime'] > 0 and w['ProcessId'] is None and w['JobStatus'] is None, w)
case('it was done once, in his name', text(p) == 'begun by root 0\ndone\n', text(p))
case('its process has gone, reaped', until(lambda: not os.path.exists(f"/proc/{j['ProcessId']}")))
a = agent.call('EnumerateInstances', {'ClassName': 'AuditRecord', 'Filter': "ClassName = 'LongWork'"})['result']['Instances']
case('the audit has it as any other', len(a) == 1 and a[0]['Result'] == 'Succeeded' and a[0]['Method'] == 'Run' and a[0]['Session'] == j['Session'] and
     json.loads(a[0]['Arguments'])['Password'] == '***', a)
r = agent.call('EnumerateInstances', {'ClassName': 'CIM_ConcreteJob', 'Filter': f"InstanceID = '{i}'"})['result']['Instances'][0]
case('as CIM_ConcreteJob', r['JobState'] == 7 and r['PercentComplete'] == 100 and r['Name'] == 'LongWork.Run' and len(r['TimeSubmitted']) == 25, r)

p = path()
i = ident(begin(Path=p, Fail=True))
go(p)
case('one that fails is an Exception', until(lambda: state(i) == 'Exception'), whole(i))
w = whole(i)
case('with the error that the caller would have had', w['ErrorCode'] == 6 and w['ErrorDescription'] == 'what it needs is not there' and
     json.loads(w['Error'])['code'] == -32006 and json.loads(w['Error'])['data']['Hint'] == 'Put it there.' and w['Result'] is None, w)
r = agent.call('InvokeMethod', {'ClassName': 'Job', 'MethodName': 'GetError', 'InstanceName': {'InstanceID': i}})
case('GetError has it', json.loads(r['result']['Error'])['code'] == -32006, r)

p = path()
i = ident(begin(Path=p, Size=2000000 - 500000))
go(p)
until(lambda: state(i) in ('Completed', 'Exception'))
case('what is too large is said to be', state(i) in ('Completed', 'Exception') and (json.loads(whole(i)['Result'] or '{}').get('TooLarge') or whole(i)['ErrorCode']), whole(i))

r = agent.call('InvokeMethod', {'ClassName': 'Win32_Process', 'MethodName': 'Create', 'InParameters': {'CommandLine': '/nonexistent/x'}, 'AsJob': True})
i = ident(r)
case("a number that is WMI's for a failure is one", until(lambda: state(i) == 'Exception') and 'the method answered' in whole(i)['ErrorDescription'] and
     json.loads(whole(i)['Result'])['ReturnValue'] != 0, (r, whole(i) if i else ''))

# ---- what is wrong is said at once ----
for what, params, want in (
        ('a class that is not there', {'ClassName': 'LongWork2', 'MethodName': 'Run'}, -32005),
        ('a method that is not there', {'ClassName': 'LongWork', 'MethodName': 'Walk'}, -32017),
        ('an argument that is missing', {'ClassName': 'LongWork', 'MethodName': 'Run'}, -32004),
        ('an argument of the wrong type', {'ClassName': 'LongWork', 'MethodName': 'Run', 'InParameters': {'Path': 7}}, -32013),
        ('ConfirmWithin', {'ClassName': 'LongWork', 'MethodName': 'Run', 'InParameters': {'Path': 'x'}, 'ConfirmWithin': 5}, -32004),
        ('a Timeout beyond a week', {'ClassName': 'LongWork', 'MethodName': 'Run', 'InParameters': {'Path': 'x'}, 'Timeout': 700000}, None)):
    r = agent.call('InvokeMethod', {**params, 'AsJob': True})
    case(f'refused at once: {what}', 'error' in r and (want is None or code(r) == want), r)
n = len(agent.call('EnumerateInstances', {'ClassName': 'Job'})['result']['Instances'])
case('and became no job', n == 4, n)
p = path()
r = agent.call('InvokeMethod', {'ClassName': 'LongWork', 'MethodName': 'Run', 'InParameters': {'Path': p}, 'AsJob': True, 'WhatIf': True})
case('WhatIf answers, and begins nothing', r.get('result', {}).get('WhatIf') is True and r['result']['Changed'] and not os.path.exists(p), r)

# ---- ended ----
p = path()
i = ident(begin(Path=p))
until(lambda: 'begun' in text(p))
r = stop(i)
case('Stop is taken', r.get('result', {}).get('ReturnValue') == 4096, r)
case('and it ends early, Terminated', until(lambda: state(i) == 'Terminated') and until(lambda: 'ended early' in text(p)), (whole(i), text(p)))
case('with what the provider said of it', whole(i)['ErrorDescription'], whole(i))
case('stopped twice is an error', code(stop(i)) == -32001, stop(i))
p = path()
i = ident(begin(Path=p, Deaf=True))
until(lambda: 'begun' in text(p))
r = stop(i, Force=True)
case('with Force it is killed', r.get('result', {}).get('ReturnValue') == 0 and state(i) == 'Killed', (r, whole(i)))
r = agent.call('InvokeMethod', {'ClassName': 'CIM_ConcreteJob', 'MethodName': 'RequestStateChange', 'InstanceName': {'InstanceID': i}, 'InParameters': {'RequestedState': 4}})
case('RequestStateChange of one that has ended', code(r) == -32001, r)
i = ident(begin(Path=path()))
r = agent.call('InvokeMethod', {'ClassName': 'CIM_ConcreteJob', 'MethodName': 'RequestStateChange', 'InstanceName': {'InstanceID': i}, 'InParameters': {'RequestedState': 4}})
case('RequestStateChange to Terminate', r.get('result', {}).get('ReturnValue') in (0, 4096) and until(lambda: state(i) == 'Terminated'), (r, whole(i)))
i = ident(begin(Path=path(), timeout=0.5))
case('a job has a deadline', until(lambda: state(i) == 'Exception') and whole(i)['ErrorCode'], whole(i))
case('there is no such job', code(stop('000000000000')) == -32006 and code(job('../../etc')) == -32006)
i = ident(begin(Path=path()))
until(lambda: state(i) == 'Running')
os.kill(job(i)['result']['ProcessId'], signal.SIGKILL)
case('one whose process is killed by others does not stay Running', until(lambda: state(i) == 'Exception') and 'unknown' in whole(i)['ErrorDescription'], whole(i))

# ---- told ----
with agent.open() as peer:
    news = Reader(peer, ClassName='Job')
    p = path()
    i = ident(begin(Path=p))
    until(lambda: state(i) == 'Running')
    go(p)
    seen = [e for e in news.until(lambda e: i in json.dumps(e) and 'Completed' in json.dumps(e), 30) if e and i in json.dumps(e)]
case('events tell of it from its beginning to its end', len(seen) >= 2 and seen[0]['Kind'] == 'Create' and seen[-1]['Kind'] == 'Modify' and news.result.get('Push'), (news.result, seen))

# ---- once ----
p = path()
r = [begin(Path=p, key='one') for _ in range(3)]
case('a repeated RequestKey is answered with the same job', len({ident(x) for x in r}) == 1 and ident(r[0]), r)
case('and refused for another request', code(begin(Path=p + 'x', key='one')) == -32004)
i = ident(r[0])
go(p)
until(lambda: state(i) == 'Completed')
case('also when it has ended', ident(begin(Path=p, key='one')) == i and text(p) == 'begun by root 0\ndone\n', text(p))
r = agent.call('InvokeMethod', {'ClassName': 'LongWork', 'MethodName': 'Run', 'InParameters': {'Path': p}, 'RequestKey': 'one'})
case('asked without AsJob, it is answered with what came of it', r.get('result', {}).get('ReturnValue') == 0 and text(p) == 'begun by root 0\ndone\n', (r, text(p)))

# ---- the agent ends ----
p, q = path(), path()
i, k = ident(begin(Path=p, key='kept')), ident(begin(Path=q))
until(lambda: 'begun' in text(p) and 'begun' in text(q))
agent.proc.kill()
agent.proc.wait()
go(q)
case('it goes on when the agent is killed', until(lambda: 'done' in text(q)))
agent = Agent(folder=agent.dir, more=('--providers', providers))
case('the next agent has the outcome of the one that ended meanwhile', until(lambda: state(k) == 'Completed'), whole(k))
case('and the one that still runs', state(i) == 'Running', whole(i))
case('which its RequestKey finds', ident(begin(Path=p, key='kept')) == i)
stop_r = stop(ident(begin(Path=path())))
case('others are stopped meanwhile', stop_r.get('result', {}).get('ReturnValue') == 4096, stop_r)
go(p)
case('it completes under the next agent', until(lambda: state(i) == 'Completed') and text(p) == 'begun by root 0\ndone\n', (whole(i), text(p)))
p = path()
i = ident(begin(Path=p))
until(lambda: 'begun' in text(p))
agent.proc.terminate()
case('an agent that is ended in order leaves it, too', agent.proc.wait(20) == 0 and os.path.exists(p) and 'early' not in text(p))
agent = Agent(folder=agent.dir, more=('--providers', providers))
go(p)
case('and it completes', until(lambda: state(i) == 'Completed'), whole(i))
agent.proc.kill()
agent.proc.wait()
lost = 'abcdefabcdef'
with open(f'{agent.dir}/jobs/{lost}.job', 'w') as f:
    json.dump({'InstanceID': lost, 'Name': 'lost', 'Operation': 'InvokeMethod', 'Owner': 'root', 'Uid': 0, 'Submitted': time.time_ns()}, f)
with open(f'{agent.dir}/jobs/{"1" * 12}.job', 'w') as f:
    f.write('{"broken')
agent = Agent(folder=agent.dir, more=('--providers', providers))
case('what the host ended with is not Running', state(lost) == 'Exception', whole(lost))
case('a file that is broken is nobody', code(job('1' * 12)) == -32006 and 'result' in agent.call('EnumerateInstances', {'ClassName': 'Job'}))

# ---- documents ----
d = {'Resources': [{'Name': f'f{n}', 'ClassName': 'File', 'InstanceName': {'Name': path(f'doc{n}')}, 'Properties': {'Content': 'a'}} for n in range(3)]}
r = agent.call('SetDesiredState', {'Document': d, 'AsJob': True})
i = r.get('result', {}).get('Job', {}).get('InstanceID', '')
case('a document becomes a job', until(lambda: state(i) == 'Completed') and json.loads(whole(i)['Result'])['InDesiredState'] and text(path('doc2')) == 'a', (r, whole(i) if i else ''))
d['Resources'].append({**d['Resources'][0], 'Name': 'bad', 'InstanceName': {k: '/proc/nothing/here' for k in d['Resources'][0]['InstanceName']}})
i = agent.call('SetDesiredState', {'Document': d, 'AsJob': True}).get('result', {}).get('Job', {}).get('InstanceID', '')
case('one that is not completed is an Exception that has the whole result', until(lambda: state(i) == 'Exception') and len(json.loads(whole(i)['Result'])['Resources']) == 4, whole(i))
with agent.open() as peer:
    peer.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'SetDesiredState', 'params': {'Document': {'Resources': d['Resources'][:3]}, 'partialResultToken': 't'}}) + '\n')
    told = []
    while True:
        m = peer.line()
        if m.get('id') == 1:
            break
        told.append(m['params']['value'][0])
case('without a job its progress is told as well', [t['Status'] for t in told] == ['f0', 'f1', 'f2'] and told[1]['PercentComplete'] == 33, told)
r = agent.call('CreateInstance', {'ClassName': 'File', 'Properties': {'Name': path('made'), 'Content': 'b'}, 'AsJob': True})
if 'result' in r:
    i = r['result']['Job']['InstanceID']
    case('CreateInstance as a job', set(r['result']) == {'Job'} and until(lambda: state(i) == 'Completed') and text(path('made')) == 'b', whole(i))
else:
    r = agent.call('SetInstance', {'ClassName': 'File', 'InstanceName': {'Name': path('made')}, 'Properties': {'Content': 'b'}, 'AsJob': True})
    i = r['result']['Job']['InstanceID']
    case('SetInstance as a job', set(r['result']) == {'Job'} and until(lambda: state(i) == 'Completed') and text(path('made')) == 'b', whole(i))

# ---- forgotten ----
case('DeleteInstance forgets it', 'result' in agent.call('DeleteInstance', {'ClassName': 'Job', 'InstanceName': {'InstanceID': i}}) and code(job(i)) == -32006)
case('with all its files', not [f for f in os.listdir(agent.dir + '/jobs') if f.startswith(i)])


# ---- the shell ----
def shell(script, **kw):
    env = {**os.environ, 'REEVE_SOCKET': agent.path}
    return subprocess.run([f'{BUILD}/bin/reeve', '-Command', script], capture_output=True, text=True, timeout=60, env=env, **kw)


def shells():
    p = path()
    go(p)
    r = shell(f"$j = Invoke-LongWork {p} -AsJob; $j.PSJobTypeName; ($j | Wait-Job).State; $o = $j | Receive-Job; $o.Text; ($j | Receive-Job | Measure-Object).Count; Remove-Job $j; (Get-Job | Measure-Object).Count")
    case('-AsJob, Wait-Job, Receive-Job, Remove-Job', r.stdout.split() == ['CimJob', 'Completed', 'xxx', '0', '0'], r)
    p = path()
    r = shell(f"$j = Invoke-LongWork {p} -Fail -AsJob; $null > {p}.go; Wait-Job $j | Out-Null; $j.State; try {{ Receive-Job $j -ErrorAction Stop }} catch {{ $_.Exception.Message; $_.CategoryInfo.Category }}")
    case('its error is one of the session', r.stdout.splitlines()[:1] == ['Failed'] and 'What it needs is not there. Put it there.' in r.stdout and 'ObjectNotFound' in r.stdout, r)
    p = path()
    r = shell(f"(Invoke-LongWork {p} -AsJob).Name; while (-not (Test-Path {p})) {{ Start-Sleep -Milliseconds 50 }}")
    i = r.stdout.strip()
    case('it goes on when the shell has ended', state(i) == 'Running', (r, whole(i)))
    go(p)
    r = shell(f"Get-CimJob {i} | Receive-Job -Wait | ForEach-Object Text")
    case('another session has its result', r.stdout.strip() == 'xxx', r)
    p = path()
    r = shell(f"$j = Invoke-LongWork {p} -AsJob; while (-not (Test-Path {p})) {{ Start-Sleep -Milliseconds 50 }}; (Wait-Job $j -Timeout 0.3 | Measure-Object).Count; Stop-Job $j; $j.State; (Get-CimJob $j.Name).JobState")
    case('Wait-Job -Timeout, Stop-Job', r.stdout.split() == ['0', 'Stopped', 'Terminated'], r)
    r = shell(f"Invoke-LongWork {path()} -AsJob -WhatIf; (Get-Job | Measure-Object).Count")
    case('-AsJob -WhatIf only tells', 'What if' in r.stdout and r.stdout.strip().endswith('0'), r)
    r = shell("Get-CimJob -JobState Completed | Remove-CimJob; (Get-CimJob -JobState Completed | Measure-Object).Count")
    case('Remove-CimJob', r.stdout.strip() == '0', r)
    r = shell("Get-CimJob 000000000000")
    case('Get-CimJob of one that is not there', r.returncode and 'no Job' in r.stderr or 'ind' in r.stderr, r)
    script = shutil.which('script')
    if script:
        p = path()
        got = subprocess.run([script, '-qec', f"{BUILD}/bin/reeve -Command 'Invoke-LongWork {p} -AsJob | Wait-Job -Timeout 1 | Out-Null; Get-Job | Remove-Job -Force'", '/dev/null'],
                             capture_output=True, text=True, timeout=60, env={**os.environ, 'REEVE_SOCKET': agent.path})
        case('a bar on the terminal while somebody waits', '[oo' in got.stdout or 'step' in got.stdout, got.stdout)
    else:
        case.skip('a bar on the terminal', 'script(1) is not installed')


if os.path.exists(f'{BUILD}/bin/reeve'):
    shells()
else:
    case.skip('the shell', 'it is not built here')
case('the agent ends in order', agent.stop() == 0 and 'Sanitizer' not in agent.said and 'runtime error' not in agent.said, agent.said[-3000:])

# ---- rights, bounds ----
if os.geteuid() == 0:
    rule = lambda name, cls, op, more='': f'[Allow {name}]\nClass = {cls}\nOperation = {op}\n{more}\n'
    run = rule('run', 'LongWork', 'Invoke', 'Method = Run')
    roles = RoleAgent('bin/reeve-agent', {
        'worker': '[Role]\nDescription = Works\n[Who]\nUser = daemon, bin\n' + run + rule('look', 'Job', 'Read') + rule('stop', 'Job', 'Invoke', 'Method = Stop'),
        'blind': '[Role]\nDescription = Works, and sees no jobs\n[Who]\nUser = games\n' + run}, more=('--providers', providers))
    p = path()
    call = lambda user, **a: roles.call_as(user, 'InvokeMethod', ClassName='LongWork', MethodName='Run', InParameters=a, AsJob=True)
    r = call('daemon', Path=p)
    i = ident(r)
    case('a role that may, may as a job', i, r)
    case('in his name', until(lambda: text(p).startswith('begun by daemon 1\n')), text(p))
    get = lambda user, i: roles.call_as(user, 'GetInstance', ClassName='Job', InstanceName={'InstanceID': i})
    case('he sees it', get('daemon', i).get('result', {}).get('Owner') == 'daemon', get('daemon', i))
    case('others do not', code(get('bin', i)) == -32006 and not roles.call_as('bin', 'EnumerateInstances', ClassName='Job')['result']['Instances'])
    r = roles.call_as('bin', 'InvokeMethod', ClassName='Job', MethodName='Stop', InstanceName={'InstanceID': i})
    case('nor end it', code(r) == -32006, r)
    case('root sees it', roles.call('GetInstance', {'ClassName': 'Job', 'InstanceName': {'InstanceID': i}}).get('result', {}).get('Owner') == 'daemon')
    r = call('games', Path=path())
    case('who may not see jobs is told so, and nothing begins', code(r) == -32002 and 'Read of Job' in r['error']['data'].get('Hint', ''), r)
    r = roles.call_as('bin', 'InvokeMethod', ClassName='Service', MethodName='StartService', InstanceName={'Name': 'x'}, AsJob=True)
    case('what is denied is denied at once', code(r) == -32002, r)
    more = [ident(call('daemon', Path=path())) for _ in range(7)]
    r = call('daemon', Path=path())
    case('one user has so many at once', all(more) and code(r) == -32064 or 'error' in r and 'under way already' in r['error']['message'], (more, r))
    case('and others still may', ident(call('bin', Path=path())))
    for x in [i, *more]:
        roles.call_as('daemon', 'InvokeMethod', ClassName='Job', MethodName='Stop', InstanceName={'InstanceID': x})
    case('stopped, he may again', until(lambda: ident(call('daemon', Path=path()))))
    for row in roles.call('EnumerateInstances', {'ClassName': 'Job'})['result']['Instances']:
        roles.call('InvokeMethod', {'ClassName': 'Job', 'MethodName': 'Stop', 'InstanceName': {'InstanceID': row['InstanceID']}, 'InParameters': {'Force': True}})
    roles.stop()
else:
    case.skip('rights', 'only root can be somebody else')
shutil.rmtree(work, ignore_errors=True)
case.end()
