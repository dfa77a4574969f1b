#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Watch-Command on a terminal of 80x24: the alternate screen, no line too wide, sparklines, q ends, the terminal is left as
it was; without UTF-8 and colour; and without a terminal."""
import fcntl, os, pty, re, select, struct, subprocess, sys, termios, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from test_fmt import REEVE  # noqa: E402

SCRIPT = ("$script:i = 0; Watch-Command { $script:i++; 1..60 | ForEach-Object { [pscustomobject]@{ Name = \"row $_\"; "
          "Value = $script:i * $_ % 7; Text = 'x' * 200 } } } -Property Name, Value, Text -Sparkline Value -Interval 0.1")


def on_terminal(script, keys=b'', env=None, seconds=10):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    full = {'PATH': os.environ['PATH'], 'HOME': '/', 'LANG': 'C.UTF-8', 'TERM': 'xterm-256color', **(env or {})}
    p = subprocess.Popen([REEVE, '-NoProfile', '-c', script], stdin=slave, stdout=slave, stderr=slave, env=full)
    out, end, sent = b'', time.time() + seconds, False
    while time.time() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                out += os.read(master, 65536)
            except OSError:
                break
        if keys and not sent and out.count(b'\x1b[H') >= 3:
            os.write(master, keys)
            sent = True
        if p.poll() is not None and not select.select([master], [], [], 0.1)[0]:
            break
    code = p.poll()
    if code is None:
        p.kill()
        p.wait()
    after = termios.tcgetattr(slave)
    os.close(master)
    os.close(slave)
    return out.decode('utf-8', 'replace'), code, before == after


def main():
    bad = []

    def check(what, good):
        if not good:
            bad.append(what)

    out, code, same = on_terminal(SCRIPT, b'q')
    frames = out.split('\x1b[H')[1:]
    plain = [re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', f) for f in frames]
    check('q ends it', code == 0)
    check('the alternate screen is entered and left', '\x1b[?1049h' in out and out.rstrip().endswith('\x1b[?1049l'))
    check('the terminal is as it was', same)
    check('at most 24 lines', all(f.count('\n') <= 24 for f in plain))
    check('no line is wider than 80', all(len(line.rstrip('\r')) <= 80 for f in plain for line in f.split('\n')))
    check('sparklines', any(ch in plain[-1] for ch in '▁▂▃▄▅▆▇█'))
    out, code, _ = on_terminal(SCRIPT + ' -Count 3', env={'LANG': 'C', 'NO_COLOR': '1'})
    check('without UTF-8 and colour', code == 0 and not re.search(r'[▁▂▃▄▅▆▇█]|\x1b\[\d+m', out) and re.search(r'[_.~=+*#-]{3}', out))
    done = subprocess.run([REEVE, '-NoProfile', '-c', "$n = 0; Watch-Command { 'x' } -Count 2 -Interval 0.05"],
                          capture_output=True, timeout=20, env={'PATH': os.environ['PATH'], 'HOME': '/', 'TERM': 'xterm'})
    check('without a terminal', done.stdout.decode().split() == ['x', 'x'] and b'\x1b' not in done.stdout)
    show = 'Show-Process -Property Id, ProcessName, WS -SortBy Id -Interval 0.2'
    out, code, same = on_terminal(show, b'>rq', seconds=30)
    plain = [re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', f) for f in out.split('\x1b[H')[1:]]
    check('Show-: q ends it, the terminal is as it was', code == 0 and same)
    check('Show-: ordered by the column that is asked for', plain and plain[0].startswith('By Id up'))
    ids = [int(m) for m in re.findall(r'^ *(\d+) ', plain[0], re.M)] if plain else []
    check('Show-: in that order', len(ids) > 5 and ids == sorted(ids))
    check('Show-: > moves on, r reverses', any(f.startswith('By ProcessName up') for f in plain) and
          any(f.startswith('By ProcessName down') for f in plain))
    check('Show-: fits 80x24', all(f.count('\n') <= 24 and all(len(line.rstrip('\r')) <= 80 for line in f.split('\n'))
                                  for f in plain))
    for b in bad:
        print('FAIL', b)
    print(f'{13 - len(bad)} of 13 checks')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
