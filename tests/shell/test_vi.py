#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vi's keys in the line editor, on a terminal: each case types keys and looks at what the line said when it ran."""
import os, pty, re, select, shutil, subprocess, sys, tempfile, time

BUILD = os.environ.get('REEVE_BUILD', 'build')
home = tempfile.mkdtemp(prefix='reeve-vi.')
master, slave = pty.openpty()
env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_STATE_HOME=home, NO_COLOR='1', TERM='xterm')
shell = subprocess.Popen([f'{BUILD}/bin/reeve', '-NoProfile'], stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
os.close(slave)
E, AT_ONCE, failed, count = '\x1b', '\x00', 0, 0


def until(pattern, seconds=30):
    seen, end = b'', time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
            m = re.search(pattern, seen.decode('utf-8', 'replace'), re.S)
            if m:
                return m
    raise SystemExit(f'waited for {pattern!r}, saw {seen[-600:]!r}')


def typed(keys):
    """Escape is a key of its own when nothing follows it at once, which the editor gives 50 ms."""
    for part in re.split(f'({E}(?!\\[))', keys):
        if part:
            os.write(master, part.replace(AT_ONCE, E).encode())
            if part == E:
                time.sleep(0.12)


def run(keys):
    global count
    count += 1
    typed(keys + '\r')
    typed(f"'<' + $x + '|{count}>'\r")
    return until(f'<([^\n]*?)\\|{count}>\r?\n').group(1)


def case(name, keys, want):
    global failed
    got = run(keys)
    if got != want:
        failed += 1
        print(f'FAIL {name}: {got!r}, expected {want!r}')


until('> ')
case('Emacs keys until then', "$x = 'b'\x01\x05", 'b')
typed('Set-PSReadLineOption -EditMode Vi\r')
case('insert mode is as ever', "$x = 'abc'", 'abc')
case('x', f"$x = 'abc'{E}hx", 'ab')
case('counts', f"$x = 'abcdef'{E}h3X", 'abf')
case('0 and A', f"x = 'q'{E}0i${E}A", 'q')
case('I, $ and a', f"x = 'q'{E}I${E}$ha1", 'q1')
case('^ of an indented line', f"   x = 'q'{E}^i$", 'q')
case('cw', f"$x = 'one two'{E}0f'lcwthree", 'three two')
case('w by signs and words', f"$x = 'one two'{E}0wwwwiX", 'Xone two')
case('b and dw', f"$x = 'one two three'{E}bbdw", 'one three')
case('e', f"$x = 'one two'{E}0f'ea1", 'one1 two')
case('db', f"$x = 'one two'{E}db", 'one ')
case('f and ;', f"$x = 'a.b.c'{E}0f.;r-", 'a.b-c')
case('ct', f"$x = 'a(b)c'{E}0f(lct)Z", 'a(Z)c')
case('F and T', f"$x = 'a.b.c'{E}F.r-T.iX", 'a.Xb-c')
case('d2w', f"$x = 'one two three four'{E}0f'ld2w", 'three four')
case('dd and insert anew', f"$x = 'no'{E}ddi$x = 'yes'", 'yes')
case('cc', f"$x = 'no'{E}cc$x = 'yes'", 'yes')
case('D', f"$x = 'no' + 1{E}0f+hD", 'no')
case('yy and p', f"$x = 'a';{E}yyp", 'a')
case('yw and P', f"$x = 'ab cd'{E}0f'lywP", 'ab ab cd')
case('~', f"$x = 'abc'{E}0f'l2~", 'ABc')
case('s', f"$x = 'abc'{E}0f'lsXY", 'XYbc')
case('u', f"$x = 'abc'{E}hxxuu", 'abc')
case('k brings the last lines back', f"{E}kk", 'abc')
case('a line', "$x = 'j1'", 'j1')
case('j the next', f"{E}kkkj", 'j1')
case('arrows', f"$x = 'ab'{E}[D{E}[Dc", 'acb')
case('a key close behind Escape', f"$x = 'abc'{AT_ONCE}hx", 'ab')
case('umlauts are characters', f"$x = 'äöü'{E}0f'lx", 'öü')
case('|', f"$x = 'abc'{E}7|x", 'bc')
typed('Set-PSReadLineOption -EditMode Emacs\r')
case('back to Emacs', "x = 'e'\x01$\x05", 'e')
os.write(master, b'exit\r')
shell.wait(30)
shutil.rmtree(home)
print(f'cases: {count - failed} passed, {failed} failed, 0 skipped')
sys.exit(1 if failed else 0)
