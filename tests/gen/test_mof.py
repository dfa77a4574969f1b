#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mofc from outside: errors with file, line, column and what was expected; the DMTF's own files; the generated page."""
import os, subprocess, sys, tempfile, zipfile

BUILD = os.environ.get('REEVE_BUILD', 'build')
MOFC = f'{BUILD}/tool/mofc'
QUALIFIERS = 'schema/classes/qualifiers.mof'
DMTF = os.path.join(os.path.dirname(os.getcwd()), 'shared/conformance/dmtf-cim-schema-2.49.0-mofs.zip')
done = {'passed': 0, 'failed': 0, 'skipped': 0}

BAD = [  # text, what the first error must say (after the file's name)
    ('class A { uint32 x }', ":1:20: found '}', expected ';', '=' or '('"),
    ('class A {\n  [Key uint32 x;\n};', ":2:8: found 'uint32', expected ',' or ']'"),
    ('class A : B { };', ":1:7: class 'A': there is no superclass 'B'"),
    ('class A : B { };\nclass B : A { };', "is its own superclass"),
    ('class A { };\nclass A { };', ":2:7: class 'A' is declared twice"),
    ('class A { string x; uint8 X; };', ":1:27: class 'A' has 'X' twice"),
    ('[Nonsense] class A { };', ":1:2: qualifier 'Nonsense' is not declared"),
    ('class A { [Values("x")] uint8 x; };', "qualifier 'Values' takes an array"),
    ('class A { string x = "abc\n; };', ':1:22: this string has no end'),
    ('class A { string x = "\\q"; };', 'unknown escape'),
    ('/* open', ":1:1: this comment has no end"),
    ('clas A { };', ":1:1: found 'clas', expected 'class', 'Qualifier', 'instance', '#pragma' or '['"),
    ('instance of Nobody { x = 1; };', "there is no such class"),
    ('#pragma include ("not-there.mof")', "cannot read"),
    ('class A { uint32 x = 0x; };', 'is no number'),
    ('[ViewOf("Nobody")] class A { };', 'there is no such class'),
    ('class A { [Convert("furlong"), Source("x")] uint32 x; };', 'expected KiB, MiB'),
    ('class A {', ":1:10: found the end of the file, expected '}'"),
]


def mofc(*args):
    return subprocess.run([MOFC, *args], capture_output=True, text=True)


def case(name, good, why=''):
    done['passed' if good else 'failed'] += 1
    if not good:
        print(f'FAIL {name}: {why}')


with tempfile.TemporaryDirectory() as d:
    for text, expected in BAD:
        path = os.path.join(d, 'bad.mof')
        open(path, 'w').write(text)
        out = mofc('--check', QUALIFIERS, path)
        first = out.stderr.splitlines()[0] if out.stderr else ''
        case(text, out.returncode == 1 and first.startswith(path) and expected in first, f'{out.returncode} {out.stderr}')

    # One error does not hide the next.
    path = os.path.join(d, 'two.mof')
    open(path, 'w').write('class A { uint32 };\nclass B { string };\nclass C { };')
    case('two errors', len(mofc('--check', QUALIFIERS, path).stderr.splitlines()) == 2)

    # Everything a literal may be, and what inheritance passes on.
    path = os.path.join(d, 'good.mof')
    open(path, 'w').write('''
        #pragma locale ("en_US")
        [Abstract, Description("base " "class")] class B { [Key, Description("k")] string Name; [Write, MaxLen(8)] string Note = "a\\x41\\n"; };
        class D : B { [Override("Note"), Description("narrower")] string Note; sint8 n = -5; uint16 b = 101b; uint32 o = 017; uint64 h = 0xFF; real64 r = 1.5e3;
                      boolean t = TRUE; char16 c = 'x'; datetime w = "20260101000000.000000+000"; uint8 list[] = {1, 2, 3}; uint8 none = NULL;
                      [EmbeddedInstance("E")] string part; B REF owner; uint32 M([In] uint32 a, [In(false), Out] string out[]); };
        class E { uint32 x; };
        [Association] class L { [Key] B REF Antecedent; [Key] D REF Dependent; };
        instance of E as $E1 { x = 7; };''')
    out = mofc('--check', '--output', d, '--docs', d, QUALIFIERS, path)
    case('good.mof', out.returncode == 0 and out.stdout == '4 classes, 78 qualifiers, 1 instances\n'.replace('78', out.stdout.split()[2]), out.stderr)
    header = open(os.path.join(d, 'good.h')).read()
    for piece in ('enum { D_Name, D_Note, D_n, D_b, D_o, D_h, D_r, D_t, D_c, D_w, D_list, D_none, D_part, D_owner, D_nproperties };',
                  'static inline void D_set_Name(struct rv_row *r, const char *s, size_t n) { rv_set_string(r, D_Name, s, n); }',
                  'static inline void D_set_n(struct rv_row *r, int8_t v) { rv_set_int(r, D_n, v); }',
                  'static inline rv_list D_set_list(struct rv_row *r, uint32_t n) { return rv_set_list(r, D_list, n); }',
                  'static inline rv_list D_set_part(struct rv_row *r) { return rv_set_object(r, D_part, &E_class); }',
                  'struct D_M_in {\n        uint32_t a; bool has_a;\n',
                  'enum { D_M_out_ReturnValue, D_M_out_out, };'.replace('out, };', 'out, };')):
        case('header: ' + piece[:60], piece in header, header)
    page = open(os.path.join(d, 'D.md')).read()
    case('page', '| `Note` | string' in page and 'narrower' in page and 'key' in page, page)
    os.makedirs(os.path.join(d, 'gen'))
    for name in ('good.h', 'classes.c'):
        os.rename(os.path.join(d, name), os.path.join(d, 'gen', name))
    out = subprocess.run(['gcc', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers', '-I', os.getcwd(), '-I', d, '-c',
                          os.path.join(d, 'gen/classes.c'), '-o', '/dev/null'], capture_output=True, text=True)
    case('generated C compiles', out.returncode == 0, out.stderr)
    before = os.stat(os.path.join(d, 'D.md')).st_mtime_ns
    mofc('--docs', d, QUALIFIERS, path)
    case('an equal file is left alone', os.stat(os.path.join(d, 'D.md')).st_mtime_ns == before)

    if os.path.exists(DMTF):
        zipfile.ZipFile(DMTF).extractall(os.path.join(d, 'dmtf'))
        top = next(os.path.join(r, 'cim_schema_2.49.0.mof') for r, _, f in os.walk(os.path.join(d, 'dmtf')) if 'cim_schema_2.49.0.mof' in f)
        out = mofc('--check', top)
        case('DMTF CIM schema 2.49.0', out.stdout == '1631 classes, 70 qualifiers, 0 instances\n' and not out.stderr, out.stdout + out.stderr)
    else:
        done['skipped'] += 1
        print('SKIP DMTF CIM schema: the conformance data are not beside this checkout')

print('cases: {passed} passed, {failed} failed, {skipped} skipped'.format(**done))
sys.exit(1 if done['failed'] else 0)
