#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One question, asked in every way: SQL, WQL (ExecQuery, Filter), the shell's cmdlets and a plain loop over the instances give the same
answer, for generated predicates over this host and over a provider whose rows stay. On a live system only those objects count that
were the same before and after a question."""
import json, os, random, re, subprocess, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD

case = Cases()
SEED = int(os.environ.get('REEVE_SEED', '20261128'))
rnd = random.Random(SEED)


def key_text(v):
    """As the shell's function T writes it: a time to the millisecond."""
    if isinstance(v, str) and re.match(r'\d{4}-\d\d-\d\dT', v):
        whole, _, fraction = v.rstrip('Z').partition('.')
        return f'{whole}.{(fraction + "000")[:3]}'
    return str(v)


class Shell:
    """One reeve that answers many questions."""
    def __init__(self, agent):
        self.env = dict(os.environ, REEVE_SOCKET=agent.path)

    def ask(self, scripts):
        """Lines of each, and what was complained of."""
        head = "function T($v) { if ($v -is [datetime]) { $v.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss.fff') } else { \"$v\" } }\n"
        text = head + '\n'.join(f'{s}\n"--"' for s in scripts) + '\n'
        r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-NonInteractive', '-'], input=text, capture_output=True, text=True, timeout=120, env=self.env)
        return [[l for l in part.split('\n') if l] for part in r.stdout.split('--\n')][:len(scripts)], r.stderr


# ---- predicates: as text in four languages, and as a function ----

class Pred:
    def __init__(self, wql, sql, ps, holds):
        self.wql, self.sql, self.ps, self.holds = wql, sql, ps, holds


def null(v):
    return v is None


def like(pattern):
    """WQL's % and _ (without case)."""
    return re.compile(''.join('.*' if c == '%' else '.' if c == '_' else re.escape(c) for c in pattern), re.I | re.S)


def leaf(column, kind, values):
    """A comparison with a value that occurs, or nearly."""
    v = rnd.choice(values)
    if kind == 'bool':
        want = rnd.random() < 0.5
        return Pred(f'{column} = {str(want).upper()}', f'{column} = {int(want)}', f'($_.{column} -eq ${str(want).lower()})', lambda r: r[column] is want)
    if kind == 'int':
        n = v + rnd.choice([0, 0, 0, 1, -1, 17])
        n = max(n, 0) if min(values) >= 0 else n
        op = rnd.choice(['=', '<>', '<', '<=', '>', '>='])
        ps = {'=': '-eq', '<>': '-ne', '<': '-lt', '<=': '-le', '>': '-gt', '>=': '-ge'}[op]
        f = {'=': lambda a: a == n, '<>': lambda a: a != n, '<': lambda a: a < n, '<=': lambda a: a <= n, '>': lambda a: a > n, '>=': lambda a: a >= n}[op]
        return Pred(f'{column} {op} {n}', f'{column} {op} {n}', f'($null -ne $_.{column} -and $_.{column} {ps} {n})', lambda r: not null(r[column]) and f(r[column]))
    shape = rnd.randrange(4)
    if shape == 0:   # exactly
        q = v.replace("'", "''")
        return Pred(f"{column} = '{q}'", f"{column} = '{q}' COLLATE NOCASE", f"($_.{column} -eq '{q}')", lambda r: not null(r[column]) and r[column].lower() == v.lower())
    if shape == 1:
        q = v.replace("'", "''")
        return Pred(f"{column} <> '{q}'", f"{column} <> '{q}' COLLATE NOCASE", f"($null -ne $_.{column} -and $_.{column} -ne '{q}')", lambda r: not null(r[column]) and r[column].lower() != v.lower())
    if shape == 2:
        return Pred(f'{column} IS NULL', f'{column} IS NULL', f'($null -eq $_.{column})', lambda r: null(r[column]))
    part = ''.join(c for c in v if c.isalnum())[:rnd.randrange(1, 5)] or 'a'
    pattern = rnd.choice([part + '%', '%' + part, '%' + part + '%', part[0] + '_%'])
    glob = pattern.replace('%', '*').replace('_', '?')
    rx = like(pattern)
    return Pred(f"{column} LIKE '{pattern}'", f"{column} LIKE '{pattern}'", f"($_.{column} -like '{glob}')", lambda r: not null(r[column]) and rx.fullmatch(r[column]) is not None)


def tree(columns, depth):
    """AND, OR and NOT over leaves. NOT only over what null cannot make unknown: there the languages differ by design."""
    if depth == 0 or rnd.random() < 0.3:
        column, kind, values = rnd.choice(columns)
        return leaf(column, kind, values)
    a, b = tree(columns, depth - 1), tree(columns, depth - 1)
    if rnd.random() < 0.5:
        return Pred(f'({a.wql}) AND ({b.wql})', f'({a.sql}) AND ({b.sql})', f'({a.ps} -and {b.ps})', lambda r: a.holds(r) and b.holds(r))
    return Pred(f'({a.wql}) OR ({b.wql})', f'({a.sql}) OR ({b.sql})', f'({a.ps} -or {b.ps})', lambda r: a.holds(r) or b.holds(r))


# ---- the question, in every way ----

def call(agent, method, **params):
    r = agent.call(method, params)
    return r.get('result', r)


class Question:
    def __init__(self, agent, cls, keys, columns, columns_known):
        self.agent, self.cls, self.keys = agent, cls, keys
        self.shown = keys + [c for c in columns if c not in keys]
        self.pred = tree(columns_known, 2)

    def ways(self):
        p, cols = self.pred, ', '.join(self.shown)
        yield 'Filter', lambda: call(self.agent, 'EnumerateInstances', ClassName=self.cls, Filter=p.wql, PropertyList=self.shown)['Instances']
        yield 'WQL', lambda: call(self.agent, 'ExecQuery', Query=f'SELECT {cols} FROM {self.cls} WHERE {p.wql}')['Instances']
        yield 'SQL', lambda: call(self.agent, 'ExecQuery', QueryLanguage='SQL', Query=f'SELECT {cols} FROM {self.cls} WHERE {p.sql}')['Instances']
        key = ', '.join(self.keys)
        yield 'SQL in pieces', lambda: call(self.agent, 'ExecQuery', QueryLanguage='SQL', Query=f'WITH x AS (SELECT {cols} FROM {self.cls}) SELECT {key} FROM x WHERE {p.sql} GROUP BY {key}')['Instances']

    def all(self):
        rows = call(self.agent, 'EnumerateInstances', ClassName=self.cls, PropertyList=self.shown)['Instances']
        return {tuple(r[k] for k in self.keys): {k: r[k] for k in self.shown} for r in rows}

    def wanted(self, before, after):
        """Of what was the same before and after, so in between: all of it, and those for which the predicate holds."""
        steady = {k for k, r in before.items() if after.get(k) == r}
        return steady, {k for k in steady if self.pred.holds(before[k])}

    def differs(self):
        """None, or which ways do not agree with the loop."""
        before, answers = self.all(), []
        for name, ask in self.ways():
            try:
                answers.append((name, [tuple(r[k] for k in self.keys) for r in ask()]))
            except KeyError:
                return name, 'an error', self.pred.wql, self.pred.sql
        steady, want = self.wanted(before, self.all())
        for name, got in answers:
            if len(got) != len(set(got)) or set(got) & steady != want:
                return name, sorted(want ^ (set(got) & steady))[:5], self.pred.wql, self.pred.sql
        return None


def known(rows, spec):
    out = []
    for column, kind in spec:
        values = [r[column] for r in rows if r[column] is not None]
        if values:
            out.append((column, kind, values))
    return out


def agree(agent, cls, keys, spec, n):
    """n generated questions of a class by JSON-RPC; then some of them by the shell's two ways."""
    names = [c for c, _ in spec]
    rows = call(agent, 'EnumerateInstances', ClassName=cls, PropertyList=list(set(keys + names)))
    if 'Instances' not in rows or not rows['Instances']:
        case.skip(f'{cls}', rows.get('error', {}).get('message', 'there is none here'))
        return
    columns = known(rows['Instances'], spec)
    bad, questions = [], []
    for _ in range(n):
        q = Question(agent, cls, keys, names, columns)
        questions.append(q)
        d = q.differs()
        if d:
            bad.append(d)
    case(f'{cls}: {n} questions by SQL, WQL, Filter and a loop', not bad, (SEED, bad[:2]))

    some, scripts, bad = questions[:20], [], []
    before = [q.all() for q in some]
    for q in some:
        pick, quoted = ', '.join(keys), q.pred.wql.replace("'", "''")
        as_text = "ForEach-Object { " + " + '|' + ".join(f'(T $_.{k})' for k in keys) + ' }'
        scripts += [f"Get-CimInstance {cls} -Filter '{quoted}' | {as_text}", f'Get-CimInstance {cls} | Where-Object {{ {q.pred.ps} }} | {as_text}',
                    f"Get-CimInstance -Query 'SELECT {', '.join(q.shown)} FROM {cls} WHERE {quoted}' | {as_text}"]
    answers, err = Shell(agent).ask(scripts)
    for i, q in enumerate(some):
        steady, want = q.wanted(before[i], q.all())
        text = lambda ks: {'|'.join(key_text(v) for v in k) for k in ks}
        for name, got in zip(('-Filter', 'Where-Object', '-Query'), answers[3 * i:3 * i + 3] + [[]] * 3):
            if len(got) != len(set(got)) or set(got) & text(steady) != text(want):
                bad.append((name, q.pred.wql, sorted(text(want) ^ (set(got) & text(steady)))[:5], got[:2]))
    case(f'{cls}: {len(some)} of them by Get-CimInstance -Filter, -Query and Where-Object', not bad and not err, (SEED, err[:300], bad[:2]))


modes = Agent('tests/bin/reeve-agent-modes')
try:
    agree(modes, 'T_Many', ['Id'], [('Id', 'int'), ('Name', 'text'), ('ParentId', 'int'), ('Size', 'int'), ('Minus', 'int'), ('Odd', 'bool'), ('Letter', 'text')], 60)
finally:
    rc = modes.stop()
    case('the test agent ends cleanly', rc == 0, (rc, modes.said))
agent = Agent()
try:
    agree(agent, 'Process', ['ProcessId', 'CreationDate'], [('ProcessId', 'int'), ('Name', 'text'), ('ParentProcessId', 'int'), ('SessionId', 'int'), ('Nice', 'int'), ('UserName', 'text'), ('CommandLine', 'text')], 60)
    agree(agent, 'Win32_Process', ['Handle'], [('ProcessId', 'int'), ('Name', 'text'), ('ParentProcessId', 'int'), ('CommandLine', 'text')], 30)
    agree(agent, 'Mount', ['Name', 'MountId'], [('Name', 'text'), ('MountId', 'int'), ('FileSystem', 'text'), ('ReadOnly', 'bool'), ('Pseudo', 'bool'), ('Source', 'text')], 30)
    agree(agent, 'NetAdapter', ['InterfaceIndex'], [('InterfaceIndex', 'int'), ('Name', 'text'), ('Status', 'text'), ('MtuSize', 'int'), ('AdminStatus', 'bool'), ('MacAddress', 'text')], 20)
    agree(agent, 'LocalUser', ['Name'], [('Name', 'text'), ('Uid', 'int'), ('Shell', 'text'), ('Enabled', 'bool')], 30)
    agree(agent, 'Service', ['Name'], [('Name', 'text'), ('State', 'text'), ('Started', 'bool'), ('StartMode', 'text')], 20)
    case('the agent is well', agent.call('Ping')['result'] == {})
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
case.end()
