#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws docs/transcript.svg, the picture in the README: a real session by ssh in a terminal (tmux) on a booted machine of the lab, with its colours.
`make transcript`; needs what the lab needs, and tmux. The picture has a background of its own, so it reads the same on light and dark pages."""
import html, os, re, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import lablib, sshlab

COLUMNS, ROWS = 100, 40
SETUP = r'''
mkdir -p /etc/systemd/system
printf '[Unit]\nDescription=Web server\n[Service]\nType=exec\nExecStart=/bin/sh -c "echo web.conf:7: unknown key lisen; exit 3"\n' > /etc/systemd/system/web.service
printf '[Unit]\nDescription=Database\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/db.service
systemctl daemon-reload; hostname web1'''
TYPED = ['Get-Process | Sort-Object WS -Descending | Select-Object -First 3',
         'Get-Service db | Start-Service -WhatIf',
         'Get-Service db | Start-Service -PassThru',
         'Start-Service web',
         'Get-AuditRecord | Select-Object -Last 2 User, Operation, Key, Result',
         'Invoke-CimQuery "SELECT State, count(*) AS Services FROM Service GROUP BY State"']
# Terminal colours that read well on the dark ground of the picture.
PALETTE = ['#3b4252', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d8dee9',
           '#9aa5b5', '#ff7b86', '#a8d98a', '#f0d399', '#7cc0ff', '#d892ec', '#6cd0dc', '#ffffff']
GROUND, INK, CELL, LINE = '#1b2028', '#d8dee9', 8.4, 18


class Tmux:
    def __init__(self, argv):
        self.socket = f'/tmp/reeve-transcript.{os.getpid()}'
        self.run('new-session', '-d', '-x', str(COLUMNS), '-y', str(ROWS), *argv)
        self.run('set-option', '-g', 'status', 'off')

    def run(self, *args):
        return subprocess.run(['tmux', '-S', self.socket, '-f', '/dev/null', *args], capture_output=True, text=True, check=True, env=dict(os.environ, LC_ALL='C.UTF-8')).stdout

    def screen(self, colours=False):
        return self.run('capture-pane', '-p', *(['-e'] if colours else []))

    def until_prompt(self, n):
        end = time.monotonic() + 60
        while self.screen().rstrip().count('PS /') < n or not re.search(r'PS \S+>$', self.screen().rstrip()):
            if time.monotonic() > end:
                raise SystemExit('no prompt: ' + self.screen())
            time.sleep(0.1)


def style(codes, now):
    """SGR codes -> (colour, bold)."""
    colour, bold = now
    it = iter(codes)
    for c in it:
        if c == 0:
            colour, bold = None, False
        elif c == 1:
            bold = True
        elif c == 22:
            bold = False
        elif 30 <= c <= 37:
            colour = PALETTE[c - 30]
        elif 90 <= c <= 97:
            colour = PALETTE[c - 82]
        elif c == 39:
            colour = None
        elif c == 38 and next(it, None) == 5:
            n = next(it, 0)
            colour = PALETTE[n] if n < 16 else INK
    return colour, bold


def draw(screen):
    lines = screen.rstrip('\n').split('\n')
    while lines and not re.sub(r'\x1b\[[0-9;]*m', '', lines[-1]).strip():
        lines.pop()
    width, height = round(COLUMNS * CELL + 32), len(lines) * LINE + 60
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="A session with reeve: the commands and what they print">',
           '<!-- SPDX-License-Identifier: MIT. A real session, drawn by tests/lab/transcript.py. -->',
           f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}" stroke="#4b5563"/>',
           *(f'<circle cx="{18 + 18 * i}" cy="18" r="5.5" fill="{c}"/>' for i, c in enumerate(('#ff5f57', '#febc2e', '#28c840'))),
           f'<text x="{width / 2}" y="23" fill="#8b95a5" font-family="sans-serif" font-size="13" text-anchor="middle">ssh -p 2222 web1</text>',
           f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" fill="{INK}" xml:space="preserve">']
    now = (None, False)
    for row, line in enumerate(lines):
        at = 0
        for codes, text in re.findall(r'((?:\x1b\[[0-9;]*m)*)([^\x1b]*)', line):
            for code in re.findall(r'\x1b\[([0-9;]*)m', codes):
                now = style([int(c or 0) for c in code.split(';')], now)
            if text.strip():
                lead = len(text) - len(text.lstrip())
                colour = f' fill="{now[0]}"' if now[0] else ''
                bold = ' font-weight="bold"' if now[1] else ''
                body = text.strip()
                out.append(f'<text x="{16 + (at + lead) * CELL:.1f}" y="{52 + row * LINE}" textLength="{len(body) * CELL:.1f}"{colour}{bold}>{html.escape(body, quote=False)}</text>')
            at += len(text)
    return '\n'.join([*out, '</g>', '</svg>', ''])


def main():
    with lablib.Lab() as lab:
        m = lab.machine('web1', 'containers')
        m.run(SETUP, check=True)
        ssh = sshlab.Ssh(m)
        tmux = Tmux(m.nsenter() + ['env', 'TERM=xterm-256color'] + ssh.argv('root', options=('-tt',))[1:])
        try:
            for n, line in enumerate(['Clear-Host', *TYPED]):
                tmux.until_prompt(1 if n == 1 else max(1, n))
                tmux.run('send-keys', '-l', line)
                tmux.run('send-keys', 'Enter')
                if n == 0:
                    time.sleep(1)
            tmux.until_prompt(len(TYPED) + 1)
            screen = tmux.screen(True)
            print(tmux.screen())
        finally:
            tmux.run('kill-server')
            ssh.proc.terminate()
    with open(os.path.join(lablib.ROOT, 'docs/transcript.svg'), 'w') as f:
        f.write(draw(screen))


main()
