#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""WQL as it is documented for WMI: its forms, asked unchanged over the alias views; each answer is checked against this host, or
is the expected nothing or error."""
import datetime, os, socket, subprocess, sys

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, BUILD, Cases, Reader

case = Cases()
agent = Agent()
peer = agent.open()
child = subprocess.Popen(['sleep', '300'])
me = child.pid
HOST = socket.gethostname()


def ask(query, **p):
    return peer.call('ExecQuery', dict(Query=query, **p))


def rows(query, **p):
    r = ask(query, **p)
    if 'result' not in r:
        raise AssertionError(f'{query}: {r}')
    return r['result']['Instances']


def is_(query, good):
    """The rows fit; an error of the query is a failure, not an exception."""
    r = ask(query)
    got = r.get('result', {}).get('Instances')
    try:
        ok = got is not None and good(got)
    except (KeyError, TypeError, IndexError) as e:
        ok, r = False, f'{e!r} {str(r)[:300]}'
    case(query, ok, str(r)[:500])


def refused(query, code, *words):
    e = ask(query).get('error', {})
    case(f'refused: {query}', e.get('code') == code and all(w in e['message'] for w in words), e)


def names(r, key):
    return {x[key] for x in r}


def pids():
    return {int(p) for p in os.listdir('/proc') if p.isdigit()}


INVALID_QUERY, INVALID_CLASS, NO_PROPERTY = -32015, -32005, -32012
try:
    # ---- data queries: SELECT, FROM, WHERE ----
    is_('SELECT * FROM Win32_OperatingSystem', lambda r: len(r) == 1 and r[0]['CSName'] == HOST and 'BuildNumber' in r[0])
    is_('SELECT Name, Handle FROM Win32_Process', lambda r: {str(me), '1'} <= names(r, 'Handle') and all(set(x) == {'Name', 'Handle'} for x in r))
    is_('SELECT ProcessId FROM Win32_Process', lambda r: {me, 1} <= names(r, 'ProcessId') and set(r[0]) <= {'ProcessId', 'Handle'})
    is_('select * from win32_process where NAME = "SLEEP"', lambda r: me in names(r, 'ProcessId') and names(r, 'Name') == {'sleep'})
    is_(f'SELECT * FROM Win32_Process WHERE ProcessId = {me}', lambda r: [x['Name'] for x in r] == ['sleep'])
    is_(f"SELECT * FROM Win32_Process WHERE Handle='{me}'", lambda r: [x['ProcessId'] for x in r] == [me])
    is_(f'SELECT * FROM Win32_Process WHERE {me} = ProcessId', lambda r: len(r) == 1)
    is_(f'SELECT ProcessId FROM Win32_Process WHERE ProcessId >= {me} AND ProcessId <= {me}', lambda r: names(r, 'ProcessId') == {me})
    is_(f'SELECT ProcessId FROM Win32_Process WHERE ProcessId > {me} OR ProcessId < {me}', lambda r: me not in names(r, 'ProcessId') and 1 in names(r, 'ProcessId'))
    is_(f"SELECT ProcessId FROM Win32_Process WHERE NOT Name = 'sleep' AND ParentProcessId = {os.getpid()}", lambda r: me not in names(r, 'ProcessId'))
    is_(f"SELECT ProcessId FROM Win32_Process WHERE (Name = 'sleep' OR Name = 'nobody') AND (ParentProcessId = {os.getpid()})", lambda r: names(r, 'ProcessId') == {me})
    is_("SELECT * FROM Win32_Process WHERE Name <> 'sleep'", lambda r: r and me not in names(r, 'ProcessId'))
    is_("SELECT * FROM Win32_Process WHERE Name != 'sleep'", lambda r: r and me not in names(r, 'ProcessId'))
    is_('SELECT * FROM Win32_Process WHERE TerminationDate IS NULL', lambda r: me in names(r, 'ProcessId'))
    is_('SELECT * FROM Win32_Process WHERE TerminationDate IS NOT NULL', lambda r: r == [])
    is_('SELECT * FROM Win32_LogicalDisk WHERE FileSystem IS NULL', lambda r: r == [])
    is_('SELECT * FROM Win32_LogicalDisk WHERE FileSystem IS NOT NULL', lambda r: all(x['FileSystem'] for x in r))
    is_('SELECT * FROM Win32_LogicalDisk WHERE FileSystem = "NTFS"', lambda r: r == [])
    is_('SELECT * FROM Win32_LogicalDisk WHERE DriveType = 3', lambda r: all(x['DriveType'] == 3 for x in r))
    is_('SELECT DeviceID FROM Win32_LogicalDisk WHERE DriveType = 2 OR DriveType = 4', lambda r: isinstance(r, list))
    is_('SELECT * FROM Win32_LogicalDisk WHERE FreeSpace < 1', lambda r: all(x['FreeSpace'] < 1 for x in r))
    is_('SELECT * FROM Win32_LogicalDisk WHERE (Size > 0) AND (FreeSpace < 104857600000000)', lambda r: all(x['Size'] > 0 for x in r))
    is_('SELECT * FROM Win32_UserAccount WHERE LocalAccount = TRUE', lambda r: 'root' in names(r, 'Name'))
    is_('SELECT * FROM Win32_UserAccount WHERE LocalAccount = FALSE', lambda r: r == [])
    is_(f"SELECT * FROM Win32_ComputerSystem WHERE Name = '{HOST}'", lambda r: len(r) == 1)
    is_('SELECT Caption, Version FROM Win32_OperatingSystem', lambda r: len(r) == 1 and r[0]['Version'] and set(r[0]) <= {'Name', 'Caption', 'Version'})
    is_('SELECT * FROM Win32_Processor', lambda r: r and r[0]['NumberOfLogicalProcessors'] >= 1)
    is_('SELECT * FROM Win32_TimeZone', lambda r: len(r) == 1 and 'Bias' in r[0])
    is_("SELECT Name FROM Win32_NetworkAdapter WHERE Name = 'lo'", lambda r: names(r, 'Name') <= {'lo'})

    # ---- LIKE ----
    for pattern, good in (("'sl%'", True), ("'%ee%'", True), ("'SLEE_'", True), ("'s_e_p'", True), ("'[s]leep'", True), ("'[a-f]leep'", False), ("'[a=f]leep'", False), ("'[p-t]leep'", True),
                          ("'[p=t]leep'", True), ("'[^a-f]leep'", True), ("'[^s]leep'", False), ("'[^p=t]leep'", False), ("'[abs]leep'", True), ("'sleep_'", False), ("'%[[]%'", False), ("''", False)):
        is_(f'SELECT ProcessId FROM Win32_Process WHERE Name LIKE {pattern} AND ProcessId = {me}', lambda r, good=good: len(r) == good)
    is_(f"SELECT ProcessId FROM Win32_Process WHERE NOT Name LIKE 'sl%' AND ProcessId = {me}", lambda r: r == [])
    is_(f'SELECT ProcessId FROM Win32_Process WHERE CommandLine LIKE "%sleep 300%" AND ParentProcessId = {os.getpid()}', lambda r: names(r, 'ProcessId') == {me})
    is_("SELECT * FROM Win32_Process WHERE Name = 'it\\'s' OR Name = 'back\\\\slash' OR Name = \"a \\\"quote\\\"\"", lambda r: r == [])

    # ---- dates: DMTF's and those that people write ----
    year = datetime.datetime.now().year
    for date, since in ((f'{year + 1}0101000000.000000+000', False), ('19990101000000.000000-300', True), ('2001-11-01', True), ('2001/11/01', True), ('11/01/2001', True), ('11-01-2001', True), ('20011101', True),
                        ('11/01/2001 14:30', True), ('2001-11-01 14:30:05', True), ('11/01/2001 2:30:05 PM', True), (f'01/01/{year + 1}', False), (f'{year + 1}/01/01 00:00:00:000', False)):
        is_(f"SELECT ProcessId FROM Win32_Process WHERE CreationDate > '{date}' AND ProcessId = {me}", lambda r, since=since: len(r) == since)
    refused("SELECT * FROM Win32_Process WHERE CreationDate > '13/45/2001'", -32013)
    refused("SELECT * FROM Win32_Process WHERE CreationDate > 'yesterday'", -32013)

    # ---- system properties ----
    is_("SELECT ProcessId FROM Win32_Process WHERE __CLASS = 'Win32_Process'", lambda r: me in names(r, 'ProcessId'))
    is_('SELECT ProcessId FROM Win32_Process WHERE __Class = "CIM_Process"', lambda r: r == [])
    is_("SELECT ProcessId FROM Win32_Process WHERE __CLASS LIKE 'Win32[_]%'", lambda r: me in names(r, 'ProcessId'))
    is_('SELECT Name FROM EventConsumer WHERE __CLASS = "CommandLineEventConsumer"', lambda r: r == [])
    is_('SELECT Name FROM EventConsumer WHERE __this ISA "CommandLineEventConsumer"', lambda r: r == [])
    is_(f"SELECT * FROM Win32_Process WHERE __this ISA 'Win32_Process' AND ProcessId = {me}", lambda r: len(r) == 1)
    is_(f"SELECT * FROM Win32_Process WHERE __SUPERCLASS IS NULL AND __GENUS = 2 AND ProcessId = {me}", lambda r: len(r) == 1)
    is_(f"SELECT * FROM Win32_Process WHERE __RELPATH = 'Win32_Process.Handle=\"{me}\"'", lambda r: names(r, 'ProcessId') == {me})
    is_(f"SELECT * FROM Win32_Process WHERE __PATH = '\\\\\\\\{HOST}\\\\root\\\\cimv2:Win32_Process.Handle=\"{me}\"'", lambda r: names(r, 'ProcessId') == {me})
    is_(f"SELECT * FROM Win32_Process WHERE __RELPATH = 'Win32_Service.Name=\"x\"'", lambda r: r == [])
    is_(f'SELECT __PATH, __RELPATH, Name FROM Win32_Process WHERE ProcessId = {me}',
        lambda r: r[0]['Name'] == 'sleep' and str(me) in r[0]['__RELPATH'] and r[0]['__PATH'].endswith(r[0]['__RELPATH']) and r[0]['__CLASS'] == r[0]['__DYNASTY'] == 'Win32_Process'
        and r[0]['__GENUS'] == 2 and r[0]['__SERVER'] == HOST and r[0]['__DERIVATION'] == [] and r[0]['__SUPERCLASS'] is None and r[0]['__PROPERTY_COUNT'] > 40)
    is_(f'SELECT __RELPATH FROM Win32_Process WHERE ProcessId = {me}', lambda r: len(r) == 1 and 'Name' not in r[0])
    is_(f'SELECT [Name], [ProcessId] FROM [Win32_Process] WHERE [Name] = "sleep" AND [ProcessId] = {me}', lambda r: [x['Name'] for x in r] == ['sleep'])

    # ---- schema queries ----
    is_('SELECT * FROM meta_class WHERE __this ISA "Win32_LogicalDisk"', lambda r: [(x['__CLASS'], x['__GENUS'], x['__NAMESPACE']) for x in r] == [('Win32_LogicalDisk', 1, 'root/cimv2')])
    is_('SELECT * FROM meta_class WHERE __this ISA "EventConsumer"', lambda r: {'EventConsumer', 'CommandLineEventConsumer', 'LogFileEventConsumer'} <= names(r, '__CLASS')
        and all('EventConsumer' in x['__DERIVATION'] for x in r if x['__CLASS'] != 'EventConsumer') and 'Process' not in names(r, '__CLASS'))
    is_('SELECT * FROM meta_class WHERE __CLASS = "Service"', lambda r: len(r) == 1 and r[0]['__SUPERCLASS'] is None and r[0]['__DYNASTY'] == 'Service' and r[0]['__RELPATH'] == 'Service')
    is_('SELECT * FROM meta_class WHERE __SUPERCLASS = "EventConsumer"', lambda r: 'EventConsumer' not in names(r, '__CLASS') and names(r, '__SUPERCLASS') == {'EventConsumer'})
    is_('SELECT * FROM meta_class WHERE __DYNASTY = "EventConsumer"', lambda r: 'EventConsumer' in names(r, '__CLASS') and len(r) > 3)
    is_('SELECT __CLASS FROM meta_class WHERE __CLASS LIKE "Win32[_]Perf%"', lambda r: len(r) > 2 and all(set(x) == {'__CLASS'} and x['__CLASS'].startswith('Win32_Perf') for x in r))
    is_('SELECT * FROM meta_class WHERE NOT __this ISA "EventConsumer" AND __CLASS LIKE "%EventConsumer"', lambda r: not names(r, '__CLASS') & {'EventConsumer', 'LogFileEventConsumer'})
    is_('SELECT * FROM meta_class WHERE __SUPERCLASS IS NULL AND (__CLASS = "Process" OR __CLASS = "CommandLineEventConsumer")', lambda r: names(r, '__CLASS') == {'Process'})
    is_('SELECT * FROM meta_class WHERE __CLASS = "Win32_NoSuchClass"', lambda r: r == [])
    every = names(rows('SELECT * FROM meta_class'), '__CLASS')
    known = {c for c in peer.call('EnumerateClasses', {'NamesOnly': True})['result']['Classes']}
    case('SELECT * FROM meta_class', every == known, every ^ known)
    case('... of one namespace', names(rows('SELECT * FROM meta_class', Namespace='root/cimv2'), '__NAMESPACE') == {'root/cimv2'})
    refused('SELECT Name FROM meta_class', INVALID_QUERY, 'system properties')
    refused('SELECT * FROM meta_class WHERE Name = "x"', NO_PROPERTY)

    shell = lambda text: subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', text], env=dict(os.environ, REEVE_SOCKET=agent.path), capture_output=True, text=True, timeout=60)
    for text, wanted in (("Get-CimInstance -Query \"SELECT * FROM meta_class WHERE __this ISA 'TimerInstruction'\" | Sort-Object CimClassName | ForEach-Object { $_.CimClassName + ' ' + $_.CimSuperClassName }",
                          'AbsoluteTimerInstruction TimerInstruction\nIntervalTimerInstruction TimerInstruction\nTimerInstruction \n'),
                         ("(Invoke-CimQuery 'SELECT * FROM meta_class WHERE __CLASS = \"Process\"').CimClassProperties.Name -contains 'ProcessId'", 'True\n')):
        r = shell(text)
        case(text, r.stdout == wanted, (r.stdout, r.stderr))

    # ---- ASSOCIATORS OF, REFERENCES OF ----
    p = f'Process.ProcessId={me}'
    is_(f'ASSOCIATORS OF {{{p}}}', lambda r: os.getpid() in {x.get('ProcessId') for x in r})
    is_(f'ASSOCIATORS OF {{{p}}} WHERE AssocClass = ProcessParent', lambda r: os.getpid() in names(r, 'ProcessId'))
    is_(f'ASSOCIATORS OF {{{p}}} WHERE AssocClass=ProcessParent Role=Child', lambda r: names(r, 'ProcessId') == {os.getpid()})
    is_(f'ASSOCIATORS OF {{{p}}} WHERE AssocClass = ProcessParent ResultRole = Child', lambda r: r == [])
    is_(f'ASSOCIATORS OF {{Win32_Process.Handle="{me}"}} WHERE ResultClass = Win32_Process Role = Child', lambda r: [x['Handle'] for x in r] == [str(os.getpid())])
    is_(f'ASSOCIATORS OF {{{p}}} WHERE ResultClass = LocalUser', lambda r: [x['Uid'] for x in r] == [os.getuid()])
    is_(f'ASSOCIATORS OF {{{p}}} WHERE ResultClass = LocalUser KeysOnly', lambda r: len(r) == 1 and set(r[0]) == {'Name'})
    is_(f'ASSOCIATORS OF {{{p}}} WHERE AssocClass = ProcessParent ClassDefsOnly', lambda r: [(x['__CLASS'], x['__GENUS']) for x in r] == [('Process', 1)])
    is_(f'ASSOCIATORS OF {{{p}}} WHERE ClassDefsOnly', lambda r: {'Process', 'LocalUser'} <= names(r, '__CLASS') and all(x['__GENUS'] == 1 for x in r))
    is_(f'ASSOCIATORS OF {{{p}}} WHERE RequiredAssocQualifier = Association ResultClass = LocalUser', lambda r: len(r) == 1)
    is_(f'ASSOCIATORS OF {{{p}}} WHERE RequiredAssocQualifier = NoSuchQualifier', lambda r: r == [])
    is_(f'ASSOCIATORS OF {{{p}}} WHERE RequiredQualifier = Noun ClassDefsOnly', lambda r: {'Process', 'LocalUser'} <= names(r, '__CLASS'))
    is_(f'ASSOCIATORS OF {{{p}}} WHERE RequiredQualifier = NoSuchQualifier', lambda r: r == [])
    is_('ASSOCIATORS OF {Process} WHERE SchemaOnly', lambda r: {'Process', 'LocalUser', 'Service', 'NetTCPConnection'} <= names(r, '__CLASS'))
    is_('ASSOCIATORS OF {Win32_Process} WHERE SchemaOnly ResultClass = LocalUser', lambda r: names(r, '__CLASS') == {'LocalUser'})
    is_(f'REFERENCES OF {{{p}}}', lambda r: any(x.get('Child') and str(me) in x['Child'] for x in r))
    is_(f'REFERENCES OF {{{p}}} WHERE ResultClass = ProcessParent Role = Child', lambda r: len(r) == 1 and str(os.getpid()) in r[0]['Parent'])
    is_(f'REFERENCES OF {{{p}}} WHERE ClassDefsOnly', lambda r: {'ProcessParent', 'UserProcess'} <= names(r, '__CLASS') and 'Process' not in names(r, '__CLASS'))
    is_(f'REFERENCES OF {{{p}}} WHERE RequiredQualifier = Association ResultClass = UserProcess KeysOnly', lambda r: len(r) == 1)
    is_('REFERENCES OF {Process} WHERE SchemaOnly', lambda r: {'ProcessParent', 'ServiceProcess'} <= names(r, '__CLASS'))
    refused(f'REFERENCES OF {{{p}}} WHERE AssocClass = ProcessParent', INVALID_QUERY, 'AssocClass', 'position')
    refused('ASSOCIATORS OF {Process.ProcessId=1 WHERE ResultClass = Process', INVALID_QUERY, "'}'")
    refused(f'ASSOCIATORS OF {{{p}}} WHERE Colour = blue', INVALID_QUERY, 'ResultClass')
    refused('ASSOCIATORS OF Process.ProcessId=1', INVALID_QUERY, 'braces')

    # ---- event queries ----
    for query, push in (('SELECT * FROM __InstanceModificationEvent WITHIN 10 WHERE TargetInstance ISA "Win32_LogicalDisk" AND TargetInstance.FreeSpace < 1000000', None),
                        ("SELECT * FROM __InstanceCreationEvent WITHIN 5 WHERE TargetInstance ISA 'Win32_Process' AND TargetInstance.Name='notepad.exe'", None),
                        ('SELECT * FROM __InstanceDeletionEvent WITHIN 60 WHERE TargetInstance ISA "Win32_UserAccount"', None),
                        ('SELECT * FROM __InstanceOperationEvent WITHIN 1 WHERE TargetInstance ISA "Win32_Environment"', None),
                        ('SELECT * FROM __InstanceModificationEvent WHERE TargetInstance ISA "Win32_LocalTime" AND TargetInstance.Hour=22 AND TargetInstance.Minute=30 AND TargetInstance.Second=59', True),
                        ('SELECT * FROM __InstanceModificationEvent WITHIN 600 WHERE TargetInstance ISA "Win32_LogicalDisk" AND PreviousInstance.FreeSpace > TargetInstance.FreeSpace', None),
                        ('SELECT * FROM __InstanceCreationEvent WITHIN 5 WHERE TargetInstance ISA "Win32_Process" AND TargetInstance.__CLASS = "Win32_Process"', None),
                        ('SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA "Win32_Process" GROUP WITHIN 600 BY TargetInstance.Name HAVING NumberOfEvents > 25', None),
                        ('SELECT TargetInstance.Name FROM __InstanceCreationEvent WITHIN 5 WHERE TargetInstance ISA "Win32_Process"', None)):
        with agent.open() as other:
            r = Reader(other, Query=query)
            case(query, r.error is None and (push is None or r.result['Push'] == push), r.error)
    if os.geteuid() == 0:
        with agent.open() as other:
            r = Reader(other, Query='SELECT * FROM Win32_ProcessStartTrace')
            case('SELECT * FROM Win32_ProcessStartTrace', r.error is None, r.error)
    refused('SELECT * FROM __InstanceCreationEvent WITHIN 5 WHERE TargetInstance ISA "Win32_Process"', INVALID_QUERY, 'events')
    with agent.open() as other:
        e = Reader(other, Query='SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA "Win32_Environment"').error
        case('an event query that must be polled needs WITHIN', e and e['code'] == INVALID_QUERY and 'WITHIN' in e['message'], e)

    # ---- errors: what, where ----
    for query, code, *words in (('', INVALID_QUERY, 'SELECT'), ('SELECT', INVALID_QUERY, 'ends at position'), ('SELECT * FROM', INVALID_QUERY, 'ends at position 14'), ('SELCT * FROM Win32_Process', INVALID_QUERY, "'SELCT' at position 1"),
                                ('SELECT Name Handle FROM Win32_Process', INVALID_QUERY, "'Handle' at position 13"), ('SELECT * FROM Win32_Process WHERE', INVALID_QUERY, 'ends at position 34;'), ('SELECT * FROM Win32_Process  WHERE Name = = 1', INVALID_QUERY, "found '=' at position 43,"),
                                ('SELECT * FROM Win32_Process WHERE Name', INVALID_QUERY, 'LIKE'), ("SELECT * FROM Win32_Process WHERE Name = 'x", INVALID_QUERY, 'no closing quote'),
                                ("SELECT * FROM Win32_Process WHERE (Name = 'x'", INVALID_QUERY, "')'"), ('SELECT * FROM Win32_Process WHERE Name = Handle', INVALID_QUERY, "'Handle' at position"),
                                ("SELECT * FROM Win32_Process WHERE ProcessId = 'many'", -32013), ('SELECT * FROM Win32_Process WHERE NoSuch = 1', NO_PROPERTY, 'NoSuch'), ('SELECT NoSuch FROM Win32_Process', NO_PROPERTY, 'NoSuch'),
                                ('SELECT * FROM Win32_NoSuchClass', INVALID_CLASS, 'Win32_NoSuchClass'), ('SELECT * FROM Win32_Process ORDER BY Name', INVALID_QUERY, "'ORDER'"), ('DELETE FROM Win32_Process', INVALID_QUERY, 'SELECT'),
                                ("SELECT * FROM Win32_Process WHERE __NOSUCH = 'x'", NO_PROPERTY, '__NOSUCH'), ("SELECT * FROM Win32_Process WHERE __RELPATH LIKE 'x'", INVALID_QUERY, '='), ('SELECT * FROM Win32_Process; SELECT 1', INVALID_QUERY, "';'")):
        refused(query, code, *words)
finally:
    child.kill()
    child.wait()
    case('ends cleanly', agent.stop() == 0, agent.said)
case.end()
