#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The agent's integration tests once more with an agent built with AddressSanitizer (leaks included) and UBSan: each ends with the
agent's exit status, which is not 0 when anything was found. Builds into build/address-undefined what is not there yet."""
import os, re, shutil, subprocess, sys, time

sys.path.insert(0, os.path.dirname(__file__))

if os.environ.get('REEVE_BUILD', '').endswith('address-undefined'):
    print('SKIP: this is the sanitized build itself')
    sys.exit(77)
top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
build = os.path.join(top, 'build', 'address-undefined')
cc = 'ccache gcc' if subprocess.run(['sh', '-c', 'command -v ccache'], capture_output=True).returncode == 0 else 'gcc'
targets = [f'build/address-undefined/{x}' for x in ('bin/reeve-agent', 'tests/bin/reeve-agent-modes')]
start = time.monotonic()
env = dict(os.environ, CCACHE_BASEDIR=os.environ.get('CCACHE_BASEDIR', os.path.abspath(os.path.join(top, '..'))))
made = subprocess.run(['make', '-C', top, '--no-print-directory', f'-j{os.cpu_count()}', 'SAN=address,undefined', 'CFLAGS=-O1 -g', f'CC={cc}', *targets],
                      capture_output=True, text=True, env=env)
if made.returncode:
    print(made.stdout[-3000:] + made.stderr[-3000:])
    print('cases: 0 passed, 1 failed, 0 skipped')
    sys.exit(1)
print(f'built in {time.monotonic() - start:.0f} s')
passed = failed = skipped = 0
env = dict(os.environ, REEVE_BUILD=build, ASAN_OPTIONS='detect_leaks=1:abort_on_error=0', UBSAN_OPTIONS='print_stacktrace=1')
for name in ('test_agent', 'test_agent_changes', 'test_agent_faults', 'test_agent_hostile', 'test_agent_mount', 'test_agent_sql', 'test_roles', 'test_audit',
             'test_events', 'test_events_real', 'test_events_roles',
             'test_subscription', 'test_subscription_roles', 'test_agent_cgroup', 'test_agent_hardware', 'test_jobs'):
    out = subprocess.run([sys.executable, os.path.join(top, 'tests', 'integration', name + '.py')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         env=env, cwd=top, timeout=200).stdout
    m = re.search(r'^cases: (\d+) passed, (\d+) failed, (\d+) skipped', out, re.M)
    p, f, s = (int(x) for x in m.groups()) if m else (0, 1, 0)
    passed, failed, skipped = passed + p, failed + f, skipped + s
    if f:
        print(f'{name}:\n{out[-6000:]}')

# What only valgrind sees: memory that was never set. The plain build, every kind of operation once.
if shutil.which('valgrind'):
    import agentlib
    agent = agentlib.Agent(under=['valgrind', '-q', '--error-exitcode=9', '--leak-check=full', '--errors-for-leak-kinds=definite'])
    for op, params in [('Ping', {}), ('Hello', {}), ('rpc.discover', {}), ('EnumerateClasses', {}), ('EnumerateInstances', {'ClassName': 'Process', 'OrderBy': 'Name DESC', 'Limit': 20}),
                       ('EnumerateInstances', {'ClassName': 'Process'}), ('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['Cgroup', 'HandleCount', 'Arguments', 'ExecutablePath']}),
                       ('EnumerateInstances', {'ClassName': 'Mount', 'PropertyList': ['VolumeName', 'Size']}), ('GetInstance', {'ClassName': 'Win32_OperatingSystem'}),
                       ('ExecQuery', {'Query': "SELECT * FROM Win32_Process WHERE Name LIKE '%a%' OR ThreadCount > 3"}), ('EnumerateInstances', {'ClassName': 'Provider'}),
                       ('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'Create', 'InParameters': {'CommandLine': 'true'}, 'RequestKey': 'x'}),
                       ('EnumerateInstances', {'ClassName': 'AuditRecord'}), ('InvokeMethod', {'ClassName': 'AuditRecord', 'MethodName': 'Verify'}),
                       ('GetInstance', {'ClassName': 'Nope'}), ('EnumerateInstances', {'ClassName': 'Process', 'Filter': 'Name LIKE'})]:
        with agent.open() as peer:
            peer.sock.settimeout(60)
            r = peer.call(op, params)
        good = ('result' in r) != (params.get('ClassName') == 'Nope' or params.get('Filter') == 'Name LIKE')
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f'{op} {params} under valgrind: {str(r)[:300]}')
    rc = agent.stop()
    passed, failed = passed + (rc == 0), failed + (rc != 0)
    if rc:
        print(f'valgrind ends with {rc}:\n{agent.said[-4000:]}')
else:
    skipped += 1
    print('SKIP valgrind: not installed')
print(f'cases: {passed} passed, {failed} failed, {skipped} skipped')
sys.exit(1 if failed else 0)
