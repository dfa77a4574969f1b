# SPDX-License-Identifier: MIT
"""Documents whose commands are run. A block

    ```powershell       typed at the prompt of docs/demo.sh, over SSH
    ```sh               typed in another terminal, where $demo is the ssh_config that the demo printed

is followed by a block ```text: what it printed, numbers apart; or ```text shape: as many lines under the same heading. `--update` writes what is
printed now into the document."""
import getpass, os, re, socket, subprocess, sys, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build'))
BLOCK = re.compile(r'^```(\w+)( shape)?\n(.*?)^```$', re.M | re.S)


class Demo:
    """docs/demo.sh, with a pipe for a terminal. What goes to standard error comes after what goes to standard output."""

    def __init__(self):
        self.proc = subprocess.Popen(['sh', os.path.join(ROOT, 'docs/demo.sh'), BUILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, cwd='/', start_new_session=True)
        self.got, self.ended, self.marks = {'out': '', 'err': ''}, 0, 0
        self.change = threading.Condition()
        for name in self.got:
            threading.Thread(target=self.read, args=(name,), daemon=True).start()
        self.until('out', 'ssh -F ', '\n')
        self.config = re.search(r'ssh -F (\S+) demo', self.got['out'])[1]
        self.got['out'] = ''

    def read(self, name):
        stream = getattr(self.proc, 'std' + name)
        for line in iter(stream.readline, ''):
            with self.change:
                self.got[name] += line
                self.change.notify()
        with self.change:
            self.ended += 1
            self.change.notify()

    def until(self, name, *marks):
        end = time.monotonic() + 60
        with self.change:
            while not all(m in self.got[name] for m in marks):
                left = end - time.monotonic()
                if left <= 0 or self.ended == 2:
                    raise RuntimeError(f'waited for {marks}: {self.got}')
                self.change.wait(left)

    def type(self, statements):
        self.marks += 1
        mark = f'@@ {self.marks} @@'
        self.proc.stdin.write(f'{statements.rstrip()}\n"{mark}"; [Console]::Error.WriteLine("{mark}")\n')
        self.proc.stdin.flush()
        said = ''
        for name in 'out', 'err':
            self.until(name, mark + '\n')
            said += self.got[name].split(mark)[0]
            self.got[name] = self.got[name].split(mark + '\n', 1)[1]
        return said

    def sh(self, commands):
        r = subprocess.run(['sh', '-c', commands], env=dict(os.environ, demo=self.config), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60)
        return r.stdout

    def leave(self):
        self.proc.stdin.write('exit\n')
        self.proc.stdin.close()
        return self.proc.wait(30)


def tidy(text):
    lines = [l.rstrip() for l in text.replace('\r', '').split('\n')]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return '\n'.join(lines)


def normal(text):
    """What may differ between machines and moments becomes the same."""
    text = re.sub(rf'\b({getpass.getuser()}|root)\b', 'USER', tidy(text)).replace(socket.gethostname(), 'HOST')
    text = re.sub(r'\d+([.,:]\d+)*', '0', text)
    return re.sub(r'-{2,}', '-', re.sub(r' +', ' ', text))


def shape(text):
    lines = normal(text).split('\n')
    head = next((i for i, l in enumerate(lines) if re.fullmatch(r'[- ]+', l) and '-' in l), 0)
    return '\n'.join(lines[:head + 1] if head else []) + f'\n{len(lines)} lines'


def run(page, case):
    """Runs the page's blocks. case(name, good, why)."""
    path = os.path.join(ROOT, page)
    text = open(path, encoding='utf-8').read()
    blocks = list(BLOCK.finditer(text))
    demo, put = Demo(), []
    try:
        for i, b in enumerate(blocks):
            if b[1] not in ('powershell', 'sh'):
                continue
            said = demo.type(b[3]) if b[1] == 'powershell' else demo.sh(b[3])
            after = blocks[i + 1] if i + 1 < len(blocks) and blocks[i + 1][1] == 'text' else None
            if after is None:
                case(f'{page}: {b[3].strip()[:60]}: prints nothing', not tidy(said), said)
                continue
            put.append((after.start(3), after.end(3), tidy(said) + '\n'))
            same = shape if after[2] else normal
            if '--update' not in sys.argv:
                case(f'{page}: {b[3].strip()[:60]}', same(said) == same(after[3]), f'expected\n{after[3]}got\n{tidy(said)}')
        case(f'{page}: leaves', demo.leave() == 0 and not os.path.exists(demo.config), demo.got)
    finally:
        demo.proc.terminate()
        demo.proc.wait(30)
    if '--update' in sys.argv:
        for start, end, said in reversed(put):
            text = text[:start] + said + text[end:]
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
