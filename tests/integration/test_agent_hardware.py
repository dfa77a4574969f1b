#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HardwareDevice, Sensor, TimeSynchronization and KernelModule: on this host beside /sys and adjtimex(2), and, as root, on a /proc, /sys,
/run and /etc that the test makes, because the machines that tests run on have no sensors, no USB, no time server and no modules."""
import ctypes, os, shutil, struct, subprocess, sys, tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib

check = agentlib.Cases()
IGNORED = {'clockevents', 'clocksource', 'container', 'cpu', 'event_source', 'faux', 'memory', 'memory_tiering', 'node', 'workqueue', 'dax', 'nd'}


def read(*path):
    try:
        return open(os.path.join(*path)).read().strip()
    except OSError:
        return None


def rows(agent, name, **more):
    return agent.call('EnumerateInstances', {'ClassName': name, **more})['result']['Instances']


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


def link(*path):
    try:
        return os.path.basename(os.readlink(os.path.join(*path)))
    except OSError:
        return None


def devices(agent):
    mine = {r['DeviceID']: r for r in rows(agent, 'HardwareDevice')}
    real = {f'{bus}/{name}': f'/sys/bus/{bus}/devices/{name}' for bus in os.listdir('/sys/bus') if bus not in IGNORED and os.path.isdir(f'/sys/bus/{bus}/devices')
            for name in os.listdir(f'/sys/bus/{bus}/devices')}
    check('all devices of /sys/bus', set(mine) == set(real), set(mine) ^ set(real))
    for device, folder in real.items():
        r = mine.get(device)
        if not r:
            continue
        pci = r['Bus'] == 'pci'
        want = {'Driver': link(folder, 'driver'), 'Module': link(folder, 'driver/module'), 'Path': os.path.realpath(folder), 'ModAlias': read(folder, 'modalias') or None,
                'PowerStatus': read(folder, 'power/runtime_status'), **({'VendorId': read(folder, 'vendor')[2:], 'ProductId': read(folder, 'device')[2:], 'ClassCode': read(folder, 'class')[2:]} if pci else {})}
        wrong = [(k, r[k], v) for k, v in want.items() if r[k] != v]
        check(f'properties of {device}', not wrong, wrong)
        if r['ParentDeviceID']:
            check(f'what {device} hangs on', r['Path'].startswith(mine[r['ParentDeviceID']]['Path'] + '/'), r)
    one = next(iter(real))
    check('one by its id', agent.call('GetInstance', {'ClassName': 'HardwareDevice', 'InstanceName': {'DeviceID': one}}).get('result', {}).get('Path') == os.path.realpath(real[one]))
    for odd in ('pci', 'pci/', '/x', 'pci/../x', 'cpu/cpu0', 'pci/nope', ''):
        check(f'no device {odd!r}', status(agent.call('GetInstance', {'ClassName': 'HardwareDevice', 'InstanceName': {'DeviceID': odd}})) == 'NOT_FOUND')
    view = {r['DeviceID']: r for r in rows(agent, 'Win32_PnPEntity')}
    check('Win32_PnPEntity', set(view) == set(mine) and all(v['Present'] is True and v['Service'] == mine[k]['Driver'] for k, v in view.items()))
    check('what it offers', any(o.startswith(('net/', 'block/', 'tty/')) for r in rows(agent, 'HardwareDevice', PropertyList=['DeviceID', 'Offers']) for o in r['Offers'] or []) or not real)


def kernel_time(agent):
    """Two readings of adjtimex(2) around the agent's: what has not changed between them must be the agent's as well."""
    def now():
        buf = ctypes.create_string_buffer(208)
        state = ctypes.CDLL(None).adjtimex(buf)
        modes, offset, freq, maxerror, esterror, bits = struct.unpack_from('Iqqqqi', buf.raw)
        tai = struct.unpack_from('i', buf.raw, 160)[0]
        return {'Synchronized': state != 5 and not bits & 0x40, 'Offset': offset * (1 if bits & 0x2000 else 1000), 'EstimatedError': esterror * 1000, 'FrequencyPPM': freq / 65536, 'TaiOffset': tai,
                'LeapSecond': 'Insert' if bits & 0x10 else 'Delete' if bits & 0x20 else 'None'}, maxerror * 1000
    (before, low), r, (after, high) = now(), rows(agent, 'TimeSynchronization')[0], now()
    wrong = [(k, r[k], v) for k, v in before.items() if after[k] == v and r[k] != v]
    check('the clock as adjtimex(2) has it', not wrong, wrong)
    check('its greatest error', low <= r['MaxError'] <= high or high < low, (low, r, high))
    check('there is one', r['Name'] == 'clock' and agent.call('GetInstance', {'ClassName': 'TimeSynchronization', 'InstanceName': {'Name': 'clock'}}).get('result', {}).get('Name') == 'clock')


class Made:
    """A /sys, /run, /etc and /usr/share of the test's own, seen by one agent only."""
    SCRIPT = ('mount -t tmpfs tmpfs /run && cp -a "$0/run/." /run/ && mount --bind "$0/class" /sys/class && mount --bind "$0/bus" /sys/bus && '
              'mount -t overlay overlay -o "lowerdir=$0/etc:/etc" /etc && mount -t overlay overlay -o "lowerdir=$0/share:/usr/share" /usr/share && '
              'mount -t overlay overlay -o "lowerdir=$0/sbin:/usr/sbin" /usr/sbin && mount -t overlay overlay -o "lowerdir=$0/lib:/usr/lib" /usr/lib && '
              'mount --bind "$0/module" /sys/module && mount --rbind /proc "$0/realproc" && '
              'for f in "$0"/realproc/*; do n=${f##*/}; [ "$n" = modules ] || ln -s "$f" "$0/proc/$n"; done && mount --bind "$0/proc" /proc && exec "$@"')

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='reeve-hw.', dir='/dev/shm' if os.path.isdir('/dev/shm') else None)
        for d in ('class/hwmon', 'class/thermal', 'class/power_supply', 'class/rtc/rtc0', 'bus', 'etc', 'share/misc', 'run/udev/data', 'run/systemd/timesync', 'sbin', 'lib', 'module', 'proc', 'realproc'):
            os.makedirs(os.path.join(self.dir, d))

    def put(self, path, text=''):
        path = os.path.join(self.dir, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)

    def read(self, path):
        return read(self.dir, path)

    def device(self, bus, name, driver=None, **files):
        folder = f'devices/{bus}/{name}'
        for file, text in files.items():
            self.put(f'{folder}/{file}', text + '\n')
        os.makedirs(os.path.join(self.dir, f'bus/{bus}/devices'), exist_ok=True)
        os.symlink(os.path.join(self.dir, folder), os.path.join(self.dir, f'bus/{bus}/devices/{name}'))
        if driver:
            self.put(f'bus/{bus}/drivers/{driver}/bind')
            self.put(f'bus/{bus}/drivers/{driver}/unbind')
            os.symlink(os.path.join(self.dir, f'bus/{bus}/drivers/{driver}'), os.path.join(self.dir, folder, 'driver'))

    def agent(self):
        return agentlib.Agent(under=['unshare', '-m', '--propagation', 'private', 'sh', '-c', self.SCRIPT, self.dir])


def sensors(made):
    for chip, files in {'hwmon0': {'name': 'coretemp', 'temp1_input': '45500', 'temp1_label': 'Package id 0', 'temp1_max': '80000', 'temp1_crit': '100000', 'temp1_alarm': '0', 'temp2_input': '-12000'},
                        'hwmon1': {'name': 'nct', 'fan1_input': '1200', 'fan1_min': '300', 'fan1_alarm': '1', 'in0_input': '1024', 'in0_max': '1744', 'curr1_input': '2500', 'power1_average': '15500000', 'power1_cap': '65000000',
                                   'humidity1_input': '40500', 'energy1_input': '3000000', 'intrusion0_alarm': '0', 'temp1_input': 'broken', 'pwm1': '255'},
                        'hwmon2': {'name': 'nvme', 'temp1_input': '30000'}, 'hwmon10': {'name': 'nvme', 'temp1_input': '31000'}}.items():
        for file, text in files.items():
            made.put(f'class/hwmon/{chip}/{file}', text + '\n')
    for file, text in {'type': 'x86_pkg_temp', 'temp': '50000', 'trip_point_0_type': 'passive', 'trip_point_0_temp': '90000', 'trip_point_1_type': 'critical', 'trip_point_1_temp': '105000'}.items():
        made.put(f'class/thermal/thermal_zone0/{file}', text + '\n')
    made.put('class/thermal/cooling_device0/type', 'Processor\n')
    for file, text in {'status': 'Discharging', 'capacity': '87', 'voltage_now': '12000000', 'energy_now': '40000000', 'model_name': 'DELL 1'}.items():
        made.put(f'class/power_supply/BAT0/{file}', text + '\n')


def compare_sensors(agent):
    mine = {r['SensorID']: r for r in rows(agent, 'Sensor')}
    want = {'hwmon/coretemp/temp1': ('Temperature', 45.5, 'Celsius', None, 80.0, 100.0, False), 'hwmon/coretemp/temp2': ('Temperature', -12.0, 'Celsius', None, None, None, None),
            'hwmon/nct/fan1': ('Fan', 1200.0, 'RPM', 300.0, None, None, True), 'hwmon/nct/in0': ('Voltage', 1.024, 'Volt', None, 1.744, None, None),
            'hwmon/nct/curr1': ('Current', 2.5, 'Ampere', None, None, None, None), 'hwmon/nct/power1': ('Power', 15.5, 'Watt', None, 65.0, None, None),
            'hwmon/nct/humidity1': ('Humidity', 40.5, 'Percent', None, None, None, None), 'hwmon/nct/energy1': ('Energy', 3.0, 'Joule', None, None, None, None),
            'hwmon/nct/temp1': ('Temperature', None, 'Celsius', None, None, None, None), 'hwmon/nvme.hwmon2/temp1': ('Temperature', 30.0, 'Celsius', None, None, None, None),
            'hwmon/nvme.hwmon10/temp1': ('Temperature', 31.0, 'Celsius', None, None, None, None), 'thermal/thermal_zone0/temp': ('Temperature', 50.0, 'Celsius', None, 90.0, 105.0, None),
            'power_supply/BAT0/capacity': ('Charge', 87.0, 'Percent', None, None, None, None), 'power_supply/BAT0/voltage_now': ('Voltage', 12.0, 'Volt', None, None, None, None),
            'power_supply/BAT0/energy_now': ('Energy', 144000.0, 'Joule', None, None, None, None)}
    check('all sensors', set(mine) == set(want), set(mine) ^ set(want))
    for name, values in want.items():
        r = mine.get(name) or {}
        got = tuple(round(v, 6) if isinstance(v, float) else v for v in (r.get(k) for k in ('Kind', 'Value', 'Unit', 'Low', 'High', 'Critical', 'Alarm')))
        check(name, got == values, (got, values))
    check('labels', mine['hwmon/coretemp/temp1']['Name'] == 'Package id 0' and mine['power_supply/BAT0/capacity']['Status'] == 'Discharging' and mine['thermal/thermal_zone0/temp']['Chip'] == 'x86_pkg_temp')


def fake_devices(made):
    made.put('share/misc/pci.ids', '# list\n8086  Intel Corporation\n\t1237  440FX - 82441FX\n\t\t1af4 1100  Sub\n\t1238  Other\n1af4  Red Hat, Inc.\n\t1041  Virtio network device\n')
    made.device('pci', '0000:00:00.0', vendor='0x8086', device='0x1237', **{'class': '0x060000'}, modalias='pci:v00008086', numa_node='-1', irq='0')
    made.device('pci', '0000:00:03.0', 'virtio-pci', vendor='0x1af4', device='0x1041', **{'class': '0x020000'}, irq='11', numa_node='1', subsystem_vendor='0x1af4', subsystem_device='0x1100')
    made.put('devices/pci/0000:00:03.0/net/eth9/address', '00\n')
    made.device('pci', '0000:00:04.0', vendor='0xffff', device='0x0001', **{'class': '0x010802'})
    made.put('run/udev/data/+pci:0000:00:04.0', 'I:1\nE:ID_VENDOR_FROM_DATABASE=Udev Maker\nE:ID_MODEL_FROM_DATABASE=Udev Disk\n')
    made.device('usb', '1-2', 'usb', idVendor='046d', idProduct='c077', manufacturer='Logitech', product='USB Mouse ', serial='S-1', bDeviceClass='03', speed='1.5', removable='removable')
    made.put('bus/pci/drivers/nvme/bind')
    os.makedirs(os.path.join(made.dir, 'bus/pci/drivers/odd'))


def compare_devices(made, agent):
    mine = {r['DeviceID']: r for r in rows(agent, 'HardwareDevice', PropertyList=['DeviceID', 'DeviceClass', 'Description', 'Driver', 'Irq', 'NumaNode', 'Offers', 'SerialNumber', 'SpeedMbps', 'Removable', 'SubsystemId', 'VendorId', 'ProductId'])}
    for device, want in {'pci/0000:00:00.0': {'DeviceClass': 'Bridge', 'Description': 'Intel Corporation 440FX - 82441FX', 'Driver': None, 'Irq': None, 'NumaNode': None, 'Offers': None},
                         'pci/0000:00:03.0': {'DeviceClass': 'Network', 'Description': 'Red Hat, Inc. Virtio network device', 'Driver': 'virtio-pci', 'Irq': 11, 'NumaNode': 1, 'Offers': ['net/eth9'], 'SubsystemId': '1100'},
                         'pci/0000:00:04.0': {'DeviceClass': 'Storage', 'Description': 'Udev Maker Udev Disk', 'VendorId': 'ffff'},
                         'usb/1-2': {'DeviceClass': 'Input', 'Description': 'Logitech USB Mouse', 'SerialNumber': 'S-1', 'SpeedMbps': 1.5, 'Removable': 'removable', 'VendorId': '046d', 'ProductId': 'c077'}}.items():
        wrong = [(k, mine[device][k], v) for k, v in want.items() if mine[device][k] != v]
        check(f'{device}, as it was made', not wrong, wrong)
    do = lambda device, method, what_if=False, **a: agent.call('InvokeMethod', {'ClassName': 'HardwareDevice', 'InstanceName': {'DeviceID': device}, 'MethodName': method, 'InParameters': a, **({'WhatIf': True} if what_if else {})})
    reply = do('pci/0000:00:03.0', 'Unbind', True)
    check('what-if of Unbind', reply['result']['Changed'] == [{'Property': 'Driver', 'From': 'virtio-pci', 'To': None}] and made.read('bus/pci/drivers/virtio-pci/unbind') == '', reply)
    check('Unbind', 'result' in do('pci/0000:00:03.0', 'Unbind') and made.read('bus/pci/drivers/virtio-pci/unbind') == '0000:00:03.0')
    check('Bind', 'result' in do('pci/0000:00:04.0', 'Bind', Driver='nvme') and made.read('bus/pci/drivers/nvme/bind') == '0000:00:04.0')
    check('bound already', 'Changed' not in do('pci/0000:00:03.0', 'Bind', Driver='virtio-pci')['result'])
    check('one that another driver has', status(do('pci/0000:00:03.0', 'Bind', Driver='nvme')) == 'FAILED')
    check('no such driver', status(do('pci/0000:00:04.0', 'Bind', Driver='nope')) == 'NOT_FOUND')
    check('no driver by a path', status(do('pci/0000:00:04.0', 'Bind', Driver='../../usb/drivers/usb')) == 'NOT_FOUND')
    check('a driver that is not bound by hand', status(do('pci/0000:00:04.0', 'Bind', Driver='odd')) == 'NOT_SUPPORTED')
    check('no such device', status(do('pci/nope', 'Unbind')) == 'NOT_FOUND')


def fake_time(made):
    made.put('etc/chrony/chrony.conf', '# comment\nserver a.example iburst\npool   b.example\n  peer c.example\n#server no.example\nmakestep 1 3\n')
    made.put('etc/chrony/sources.d/x.sources', 'server d.example\n')
    made.put('etc/chrony/sources.d/y.conf', 'server not.example\n')
    made.put('etc/systemd/timesyncd.conf', '[Time]\nNTP=e.example f.example\n#NTP=no\nFallbackNTP=z.example\n')
    made.put('etc/adjtime', '0.0 0 0.0\n0\nLOCAL\n')
    made.put('class/rtc/rtc0/since_epoch', '1767322445\n')
    made.put('run/systemd/timesync/synchronized')
    os.utime(os.path.join(made.dir, 'run/systemd/timesync/synchronized'), (1767322445, 1767322445))


def compare_time(made, agent):
    r = rows(agent, 'TimeSynchronization')[0]
    check('clocks', r['HardwareClock'] == '2026-01-02T02:54:05Z' and r['HardwareClockIsLocal'] is True and r['LastSynchronization'] == '2026-01-02T02:54:05Z', r)
    if r['Daemon'] is None:
        check('servers of all that are installed', r['Servers'] == ['a.example', 'b.example', 'c.example', 'd.example', 'e.example', 'f.example'], r)
    shutil.copy('/bin/sleep', os.path.join(made.dir, 'chronyd'))
    daemon = subprocess.Popen([os.path.join(made.dir, 'chronyd'), '1000'])
    os.symlink(os.path.join(made.dir, f'realproc/{daemon.pid}'), os.path.join(made.dir, f'proc/{daemon.pid}'))
    try:
        with open(f'/proc/{daemon.pid}/comm') as f:
            named = f.read().strip() == 'chronyd'
        others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) != daemon.pid and read('/proc', p, 'comm') in ('chronyd', 'ntpd', 'systemd-timesyn')]
        if others or not named:
            check.skip('who keeps the clock', 'this host has a program that does')
        else:
            r = rows(agent, 'TimeSynchronization')[0]
            check('who keeps the clock', r['Daemon'] == 'chronyd' and r['DaemonProcessId'] == daemon.pid and r['Servers'] == ['a.example', 'b.example', 'c.example', 'd.example'], r)
    finally:
        daemon.kill()
        daemon.wait()


MODPROBE = """#!/bin/sh
# Stands for modprobe: writes down what it is told, and keeps /proc/modules as the kernel would.
echo "$*" >> '{dir}/modprobe.log'
list='{dir}/proc/modules'
case $* in
'-r -- used') echo 'modprobe: FATAL: Module used is in use.' >&2; exit 1 ;;
'-r -- '*) grep -v "^$3 " "$list" > '{dir}/new'; cat '{dir}/new' > "$list" ;;
'-n -- nope'|'-- nope') echo 'modprobe: FATAL: Module nope not found in directory /lib/modules/x' >&2; exit 1 ;;
'-- refused'*) echo "modprobe: ERROR: could not insert 'refused': Operation not permitted" >&2; exit 1 ;;
'-n '*) ;;
*) grep -q "^$2 " "$list" || echo "$2 4096 0 - Live 0x0000000000000000" >> "$list" ;;
esac
"""


def fake_modules(made):
    made.put('sbin/modprobe', MODPROBE.replace('{dir}', made.dir))
    os.chmod(os.path.join(made.dir, 'sbin/modprobe'), 0o755)
    made.put('proc/modules', 'used 20480 2 user,other, Live 0xffffffffc0000000\nuser 16384 0 - Live 0x0 (OE)\nip_vs_rr 12288 1 - Loading 0x0\nodd 4096 - - Unloading 0x0\nbroken\n')
    made.put(f'lib/modules/{os.uname().release}/modules.dep', 'kernel/net/ip_vs-rr.ko.xz: kernel/net/ip_vs.ko.xz\nkernel/used.ko:\n')
    made.put('module/used/version', '1.2\n')
    made.put('module/used/parameters/depth', '7\n')
    made.put('module/used/parameters/name', 'a b\n')
    made.put('modprobe.log')


def compare_modules(made, agent):
    every = ['Name', 'Size', 'RefCount', 'UsedBy', 'State', 'Taint', 'Version', 'PathName', 'Parameters']
    mine = {r['Name']: r for r in rows(agent, 'KernelModule', PropertyList=every)}
    folder = f'/lib/modules/{os.uname().release}'
    want = {'used': {'Size': 20480, 'RefCount': 2, 'UsedBy': ['user', 'other'], 'State': 'Live', 'Taint': None, 'Version': '1.2', 'PathName': f'{folder}/kernel/used.ko', 'Parameters': {'depth': '7', 'name': 'a b'}},
            'user': {'Size': 16384, 'RefCount': 0, 'UsedBy': [], 'State': 'Live', 'Taint': 'OE', 'Version': None, 'PathName': None},
            'ip_vs_rr': {'State': 'Loading', 'PathName': f'{folder}/kernel/net/ip_vs-rr.ko.xz'}, 'odd': {'RefCount': None, 'State': 'Unloading'}}
    check('all modules', set(mine) == set(want), mine)
    for name, values in want.items():
        wrong = [(k, mine[name][k], v) for k, v in values.items() if mine[name][k] != v]
        check(f'module {name}', not wrong, wrong)
    view = {r['Name']: r for r in rows(agent, 'Win32_SystemDriver')}
    check('Win32_SystemDriver', set(view) == set(want), view)
    load = lambda what_if=False, **a: agent.call('InvokeMethod', {'ClassName': 'KernelModule', 'MethodName': 'Load', 'InParameters': a, **({'WhatIf': True} if what_if else {})})
    unload = lambda name, what_if=False: agent.call('InvokeMethod', {'ClassName': 'KernelModule', 'InstanceName': {'Name': name}, 'MethodName': 'Unload', **({'WhatIf': True} if what_if else {})})
    log = lambda: made.read('modprobe.log').splitlines()[-1]
    there = lambda name: agent.call('GetInstance', {'ClassName': 'KernelModule', 'InstanceName': {'Name': name}}).get('result')
    reply = load(True, Name='fresh')
    check('what-if of Load', reply['result']['Changed'] == [{'Property': 'State', 'From': None, 'To': 'Live'}] and log() == '-n -- fresh' and not there('fresh'), (reply, log()))
    check('Load', 'result' in load(Name='fresh', Parameters=['depth=7', 'name=a b']) and log() == '-- fresh depth=7 name=a b' and there('fresh')['State'] == 'Live')
    check('loaded already', 'Changed' not in load(Name='fresh')['result'])
    check('what-if of Unload', 'result' in unload('fresh', True) and there('fresh'))
    check('Unload', 'result' in unload('fresh') and log() == '-r -- fresh' and not there('fresh'))
    check('Unload of what is not loaded', status(unload('fresh')) == 'NOT_FOUND')
    reply = unload('used')
    check('Unload of one in use', status(reply) == 'FAILED' and 'in use' in reply['error']['message'], reply)
    check('no such module', status(load(Name='nope')) == 'NOT_FOUND' and status(load(True, Name='nope')) == 'NOT_FOUND')
    check('one that may not be loaded', status(load(Name='refused')) == 'ACCESS_DENIED')
    before = len(made.read('modprobe.log').splitlines())
    for odd in ('-r', '', 'a b', '../x', 'x;y', 'a' * 64):
        check(f'no name for a module: {odd!r}', status(load(Name=odd)) == 'INVALID_PARAMETER')
    check('and modprobe was not asked', len(made.read('modprobe.log').splitlines()) == before)


def told(made, agent):
    """A real uevent (that of udevadm trigger, which changes nothing) about a device that the made /sys has got meanwhile."""
    bus = next((b for b in ('platform', 'acpi', 'pci', 'virtio') if os.path.isdir(f'/sys/bus/{b}/devices') and os.listdir(f'/sys/bus/{b}/devices')), None)
    name = bus and sorted(os.listdir(f'/sys/bus/{bus}/devices'))[0]
    trigger = name and f'/sys/bus/{bus}/devices/{name}/uevent'
    if not name or not os.access(trigger, os.W_OK):
        check.skip('device events', 'no device of this host lets a uevent be written')
        return
    reader = agentlib.Reader(agent.open(), Query="SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'HardwareDevice'")
    check('devices are pushed', reader.result.get('Push'), (reader.result, reader.error))
    reader.until(lambda p: p['Kind'] == 'Sync', 30)
    made.device(bus, name, modalias='made:by-test')
    with open(trigger, 'w') as f:
        f.write('change')
    got = reader.until(lambda p: p['Kind'] == 'Create', 30)
    check('a new device is told of', got[-1] and got[-1]['Indication']['TargetInstance']['DeviceID'] == f'{bus}/{name}' and got[-1]['Indication']['TargetInstance']['ModAlias'] == 'made:by-test', got[-2:])


def main():
    agent = agentlib.Agent()
    devices(agent)
    kernel_time(agent)
    check('the agent ended well', agent.stop() == 0)
    if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode:
        check.skip('made hardware', 'needs root and mount namespaces')
        check.end()
    made = Made()
    try:
        for make in (sensors, fake_devices, fake_time, fake_modules):
            make(made)
        agent = made.agent()
        compare_sensors(agent)
        compare_devices(made, agent)
        compare_time(made, agent)
        compare_modules(made, agent)
        told(made, agent)
        check('it ended well, too', agent.stop() == 0)
    finally:
        shutil.rmtree(made.dir, ignore_errors=True)  # the mounts were the agent's own and went with it
    check.end()


main()
