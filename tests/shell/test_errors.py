#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What errors tell: all parse errors of a script at once and each mistake once; the last line that a failed native wrote
to its standard error, wherever that goes, with not a byte of it changed."""
import os, pty, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REEVE = os.path.join(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), 'bin', 'reeve')
ENV = {'LANG': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1', 'TERM': 'dumb', 'PATH': os.environ.get('PATH', ''), 'HOME': '/',
       'COLUMNS': '120'}
counts = {'passed': 0, 'failed': 0}


def check(name, got, expected):
    good = got == expected
    counts['passed' if good else 'failed'] += 1
    if not good:
        print(f'FAIL {name}\n-- expected\n{expected}\n-- got\n{got}')


def reeve(args, stdin=b'', stderr=subprocess.PIPE):
    done = subprocess.run([REEVE, '-NoProfile', *args], env=ENV, input=stdin, stdout=subprocess.PIPE, stderr=stderr,
                          timeout=50)
    return done.stdout.decode(), (done.stderr or b'').decode(), done.returncode


def file_of(folder, text):
    path = os.path.join(folder, 'case.ps1')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


def box(path, row, line, column, width, message):
    """One error as it is shown; column counts from 0."""
    return (f'ParserError: {path}:{row}\nLine |\n{row:>4} |  {line}\n     |  {" " * column}{"~" * width}\n'
            f'     | {message}\n')


def told(folder, text):
    """(line, message) of each parse error of a script that must print nothing."""
    path = file_of(folder, text)
    out, err, code = reeve(['-File', path])
    blocks = err.split('ParserError: ')[1:]
    if out or code != 1:
        return out, code, err
    return [(int(b.split('\n')[0].rsplit(':', 1)[1]), b.split('\n')[4][7:]) for b in blocks]


VALUE = "You must provide a value expression following the '{}' operator."


def parse_errors(folder):
    path = file_of(folder, "'never'\n$a = ;\nforeach ($x in ) { 1 }\n$h = @{ a = 1; b 2 }\n'never'\n")
    out, err, code = reeve(['-File', path])
    check('three statements', (out, err, code), ('', box(path, 2, '$a = ;', 5, 1, VALUE.format('=')) +
          box(path, 3, 'foreach ($x in ) { 1 }', 15, 1, "Missing expression after 'in' in foreach loop.") +
          box(path, 4, '$h = @{ a = 1; b 2 }', 17, 1, "Missing '=' operator after key in hash literal.") + '\n', 1))
    check('blocks go on inside and after', told(folder, 'function f {\n    if ($x) {\n        1 + ;\n    }\n    2 * ;\n}\n'
          '$s = "a $(3 - ) b"\nclass C { [int]$A = ; [void] M() { 4 / ; } }\n5 % ;\n'),
          [(3, VALUE.format('+')), (5, VALUE.format('*')), (7, VALUE.format('-')),
           (8, "Missing expression after '='."), (8, VALUE.format('/')), (9, VALUE.format('%'))])
    check('brackets that do not close', told(folder, "if ($x { 'a' }\nforeach ($y in 1..3 { 'b' }\nGet-Foo (1\n1 + ;\n"),
          [(1, "Missing closing ')' after expression in 'if' statement."),
           (2, "Missing closing ')' after expression part of foreach loop."), (3, "Missing closing ')' in expression."),
           (4, VALUE.format('+'))])
    check('after a broken param block', told(folder, 'param([string]$a $b)\n1 + ;\n'),
          [(1, "Missing ')' in function parameter list."), (2, VALUE.format('+'))])
    for name, text, row in [('bracket too many', "function f {\n    if (1) { 2 } }\n    'x'\n}\n'y'\n", 4),
                            ('bracket lost', "function f {\n    1 | % 2 }\n}\n", 3),
                            ('quote lost', "$a = 'one\n$b = 'two'\n$c = 'three'\nforeach ($d in 'four') { 'x' }\n", 2),
                            ('try cut short', "try {\n    1 | % { $_ } }\n} catch { 'c' }\n'y'\n", 2),
                            ('end missing', 'function f {\n    if (1) {\n        2\n    }\n', 1)]:
        errors = told(folder, text)
        check(f'one mistake, {name}', (len(errors), errors[0][0]), (1, row))
    path = file_of(folder, ''.join(f'$a{i} = ;\n' for i in range(14)))
    err = reeve(['-File', path])[1]
    check('bounded', (err.count('ParserError'), err.rstrip().split('\n')[-1]),
          (10, 'There may be more errors: the first 10 are shown.'))


def deep(folder):
    for text in ('a (\n', '(', '{', '$(', '"$(', '@{a=', '$x[', 'a -b:(', '&{', '1,(', 'if(', '!', '[x('):
        errors = told(folder, text * 100000)
        check(f'deep {text}', len(errors) if isinstance(errors, list) else errors, 1)


def ways_in(folder):
    two = '1 + ;`n2 * ;'
    out, err, _ = reeve(['-Command', f'try {{ [scriptblock]::Create("{two}") }} catch {{ $_.FullyQualifiedErrorId }}; '
                         f'try {{ iex "if (1) {{ 2" }} catch {{ $_.FullyQualifiedErrorId; $_.Exception.GetType().Name }}; '
                         f'try {{ iex "{two}" }} catch {{ ($_.Exception.Message -split "`n`n").Count }}; "on"'])
    check('ids', (out, err), ('ExpectedValueExpression\nMissingEndCurlyBrace,Microsoft.PowerShell.Commands.Invoke'
                              'ExpressionCommand\nParseException\n2\non\n', ''))
    out, err, _ = reeve(['-Command', f'Start-Job {{ iex "{two}" }} | Receive-Job -Wait; '
                         '1 | ForEach-Object -Parallel { iex "if (1) {" }'])
    check('from other processes', (out, [x[7:] for x in err.split('\n') if x.endswith('.')]),
          ('', [VALUE.format('+'), VALUE.format('*'), "Missing closing '}' in statement block or type definition."]))
    out, err, code = reeve(['-Command', "'no'; if ($x { 1 }; foreach ($i in ) {}"])
    check('command', (out, err.count('ParserError'), code), ('', 2, 1))
    out, err, _ = reeve(['-'], b'if ($true) {\n"in"\n}\n<# a\nb #> "c"\n1 +\n2\n$x = ;\n"after"\n')
    check('lines that go on', (out, err.count('ParserError')), ('in\nc\n3\nafter\n', 1))


NATIVE = """$PSNativeCommandUseErrorActionPreference = $true; $ErrorActionPreference = 'Stop'
try { sh -c 'printf "one\\r\\n10%%\\r20%%\\n\\033[1mtwo\\n\\nlast" >&2; test -t 2 && echo " on a terminal" >&2; exit 3' REDIRECT
} catch { "$_" }
"""
MESSAGE = 'Program "sh" ended with non-zero exit code: 3 (0x00000003). Its last error line: last'
BYTES = b'one\r\n10%\r20%\n\x1b[1mtwo\n\nlast'


def natives(folder):
    script = file_of(folder, NATIVE.replace('REDIRECT', ''))
    raw = subprocess.run([REEVE, '-NoProfile', '-File', script], env=ENV, stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=50)
    check('to a pipe', (raw.stdout.decode(), raw.stderr), (MESSAGE + '\n', BYTES))
    with open(os.path.join(folder, 'err'), 'w+b') as f:
        out = reeve(['-File', script], stderr=f)[0]
        f.seek(0)
        check('to a file', (out, f.read()), (MESSAGE + '\n', BYTES))
    for redirect in ('2>$null', '2>"$HOME/dev/null"', '2>&1 | Out-Null'):
        out, err, _ = reeve(['-File', file_of(folder, NATIVE.replace('REDIRECT', redirect))])
        check('with ' + redirect, (out, err), (MESSAGE + '\n', ''))
    children_that_stay(folder)
    on_terminal(file_of(folder, NATIVE.replace('REDIRECT', '')))


def children_that_stay(folder):
    """A child holds on to standard error and writes there once the shell has ended; nobody waits for it."""
    gate = os.path.join(folder, 'gate')
    os.mkfifo(gate)
    p = subprocess.Popen([REEVE, '-NoProfile', '-Command', '$PSNativeCommandUseErrorActionPreference = $true; '
                          f"sh -c '(cat {gate}; echo late >&2) >/dev/null & exit 3'; exit $LASTEXITCODE"],
                         env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        code = p.wait(timeout=50)
    finally:
        open(gate, 'w').close()
    check('children that stay', (code, p.stderr.read().endswith(b'late\n')), (3, True))


def on_terminal(script):
    """Input and standard error are a terminal; output is a pipe, so that each is seen by itself."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen([REEVE, '-NoProfile', '-File', script], env=ENV, stdin=theirs, stdout=subprocess.PIPE,
                         stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b''
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # the last one closed it
    out = p.communicate(timeout=50)[0].decode()
    check('on a terminal', (out, seen), (MESSAGE + ' on a terminal\n', BYTES.replace(b'\n', b'\r\n') +
                                         b' on a terminal\r\n'))


def main():
    with tempfile.TemporaryDirectory() as folder:
        parse_errors(folder)
        deep(folder)
        ways_in(folder)
        natives(folder)
    print(f"cases: {counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts['failed'] or not counts['passed'] else 0


if __name__ == '__main__':
    sys.exit(main())
