# SPDX-License-Identifier: MIT
from __future__ import annotations

from ansible_collections.reeve.core.plugins.plugin_utils.rpc import ReeveAction, RpcError

CALLS = {'OperatingSystem': {}, 'NetAdapter': {}, 'NetIPAddress': {}, 'Mount': {'Filter': 'Pseudo = FALSE AND Hidden = FALSE'}}


def mebibytes(n):
    return None if n is None else n >> 20


class ActionModule(ReeveAction):
    ARGUMENTS = {'classes': {'type': 'list', 'elements': 'str'}}

    def work(self, args):
        more = args.get('classes', [])
        asked = dict(CALLS, **{c: {} for c in more if c not in CALLS})
        answers = dict(zip(asked, self.calls([('EnumerateInstances', dict(p, ClassName=c)) for c, p in asked.items()])))
        rows = {c: [] if isinstance(a, RpcError) else a['Instances'] for c, a in answers.items()}
        facts = {'reeve': {c: rows[c] for c in more}}
        for build in (self.system, self.network, self.mounts):
            facts.update(build(rows))
        failed = {c: str(a) for c, a in answers.items() if isinstance(a, RpcError)}
        result = {'ansible_facts': {k: v for k, v in facts.items() if v is not None}, 'changed': False}
        if failed:
            result.update(failed=set(failed) & set(more) != set() or len(failed) == len(asked), msg='some classes did not answer', missing=failed)
        return result

    def system(self, rows):
        if not rows['OperatingSystem']:
            return {}
        os = rows['OperatingSystem'][0]
        name = (os.get('Manufacturer') or '').lower()
        family = {'debian': 'Debian', 'ubuntu': 'Debian', 'fedora': 'RedHat', 'rhel': 'RedHat', 'centos': 'RedHat', 'suse': 'Suse'}
        version = os.get('Version') or ''
        return {'ansible_distribution': name.capitalize() or None, 'ansible_distribution_version': version,
                'ansible_distribution_major_version': version.split('.')[0], 'ansible_os_family': family.get(name, name.capitalize()),
                'ansible_kernel': os.get('KernelRelease'), 'ansible_architecture': os.get('OSArchitecture'), 'ansible_machine': os.get('OSArchitecture'),
                'ansible_system': 'Linux', 'ansible_nodename': os.get('CSName'), 'ansible_hostname': (os.get('CSName') or '').split('.')[0],
                'ansible_memtotal_mb': mebibytes(os.get('TotalVisibleMemorySize')), 'ansible_swaptotal_mb': mebibytes(os.get('SizeStoredInPagingFiles')),
                'ansible_memfree_mb': mebibytes(os.get('FreePhysicalMemory')), 'ansible_machine_id': os.get('SerialNumber'),
                'ansible_uptime_seconds': (os.get('UpTime') or 0) // 10**9}

    def network(self, rows):
        facts = {'ansible_interfaces': [a['Name'] for a in rows['NetAdapter']]}
        addresses = rows['NetIPAddress']
        four = [a['IPAddress'] for a in addresses if ':' not in a['IPAddress'] and not a['IPAddress'].startswith('127.')]
        six = [a['IPAddress'] for a in addresses if ':' in a['IPAddress'] and a['IPAddress'] != '::1']
        facts.update(ansible_all_ipv4_addresses=four, ansible_all_ipv6_addresses=six)
        for a in rows['NetAdapter']:
            name = a['Name'].replace('-', '_').replace('.', '_')
            facts['ansible_' + name] = {'device': a['Name'], 'macaddress': (a.get('MacAddress') or '').replace('-', ':').lower() or None,
                                        'mtu': a.get('MtuSize'), 'active': a.get('Status') == 'Up'}
        return facts

    def mounts(self, rows):
        return {'ansible_mounts': [{'mount': m['Name'], 'device': m.get('Source'), 'fstype': m.get('FileSystem'), 'options': ','.join(m.get('Options') or []),
                                    'size_total': m.get('Size'), 'size_available': m.get('FreeSpace')} for m in rows['Mount']]}
