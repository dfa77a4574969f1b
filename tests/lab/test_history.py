#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""History on a booted systemd: services as they were, who stopped them, accounts that others made."""
import datetime, json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def wait(question):
    end = time.monotonic() + 30
    while True:
        got = question()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.05)


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('past')
        peer = agentlib.Peer(machine.agent())
        rows = lambda name, **p: peer.call('EnumerateInstances', dict(ClassName=name, **p)).get('result', {}).get('Instances')
        cron = lambda at: (rows('Service', At=at, Filter="Name = 'cron'") or [{}])[0].get('State')

        def changes(prop, to, class_name='Service', key='cron'):
            return [c for c in rows('ChangeRecord', Filter=f"ClassName = '{class_name}'") or () if json.loads(c['Key'])['Name'] == key and any(
                x['Property'] == prop and x['To'] == to for x in json.loads(c['Changed']))]
        check('the history begins', wait(lambda: rows('Service', At='now') and rows('LocalUser', At='now')))
        running = now()
        r = peer.call('InvokeMethod', {'ClassName': 'Service', 'InstanceName': {'Name': 'cron'}, 'MethodName': 'StopService'})
        check('stopped by reeve', 'result' in r, r)
        got = wait(lambda: changes('State', 'Stopped'))
        check('who stopped it', got and got[-1]['ChangedBy'] == 'root' and got[-1]['Operation'] == 'StopService' and got[-1]['NotBefore'] is None, got)
        stopped = now()
        time.sleep(1.5)   # beyond this a change is not the request's any more
        machine.run('systemctl start cron')
        got = wait(lambda: changes('State', 'Running'))
        check('started by somebody else', got and got[-1]['ChangedBy'] is None, got)
        check('as it was', (cron(running), cron(stopped), cron('now')) == ('Running', 'Stopped', 'Running'), (cron(running), cron(stopped), cron('now')))
        r = peer.call('ExecQuery', {'Query': "SELECT Name, State FROM Win32_Service WHERE Name = 'cron'", 'At': stopped})
        check('by a view', [x['State'] for x in r['result']['Instances']] == ['Stopped'], r)
        machine.run('useradd -c "of then" past1')
        got = wait(lambda: changes('Description', 'of then', 'LocalUser', 'past1'))
        check('an account', got and got[-1]['Kind'] == 'Create' and got[-1]['ChangedBy'] is None, got)
        machine.run('usermod -s /bin/false past1')
        check('its shell', wait(lambda: changes('Shell', '/bin/false', 'LocalUser', 'past1')))
        covered = {h['ClassName']: h for h in rows('ChangeHistory')}
        check('what is covered', all(covered[c]['Live'] and covered[c]['Pushed'] for c in ('Service', 'Mount', 'LocalUser', 'LocalGroup', 'NetAdapter')), covered)
    check.end()


main()
