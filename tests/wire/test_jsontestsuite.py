#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nst/JSONTestSuite's parsing cases as messages to the real agent: each must get the outcome that is required of it, and the
agent must answer a Ping on the same connection afterwards (or have closed it cleanly). Sent with Content-Length, so that
line breaks inside a text do no harm."""
import base64, json, os, re, socket, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../integration'))
from agentlib import Agent, Cases

DATA = os.path.join(os.path.dirname(os.getcwd()), 'shared/conformance/jsontestsuite.jsonl')
if not os.path.exists(DATA):
    print('the conformance data are not beside this checkout')
    sys.exit(77)


def raw(row):
    if 'gen' in row:
        return b''.join(base64.b64decode(t[0]) * t[1] if row.get('b64') is True else t[0].encode() * t[1] for t in row['gen'])
    if 'b64' in row:
        return base64.b64decode(row['b64'])
    return row['raw'].encode()


def exchange(path, body):
    """The answer to one message (None: there was none), and whether a Ping is answered after it."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(path)
    ping = b'{"jsonrpc":"2.0","id":"alive","method":"Ping"}'
    s.sendall(b''.join(b'Content-Length: %d\r\n\r\n%s' % (len(t), t) for t in (body, ping)))
    data, answers = b'', []
    while True:
        m = re.match(rb'Content-Length: (\d+)\r\n\r\n', data)
        if m and len(data) >= m.end() + int(m.group(1)):
            answers.append(json.loads(data[m.end():m.end() + int(m.group(1))]))
            data = data[m.end() + int(m.group(1)):]
            if isinstance(answers[-1], dict) and answers[-1].get('id') == 'alive':
                return (answers[0] if len(answers) > 1 else None), True
            continue
        got = s.recv(65536)
        if not got:
            return (answers[0] if answers else None), False
        data += got


def fits(expect, answer):
    t = expect['t']
    if t == 'one_of':
        return any(fits(e, answer) for e in expect['of'])
    if t == 'none':
        return answer is None
    if t == 'batch':
        return isinstance(answer, list) and len(answer) == len(expect['items']) and all(fits(e, a) for e, a in zip(expect['items'], answer))
    if t == 'error':
        ours = [-32700, -32027] if -32700 in expect['codes'] else expect['codes']   # over a limit: said so
        return isinstance(answer, dict) and answer.get('error', {}).get('code') in ours and answer.get('id') in expect['ids']
    return isinstance(answer, dict) and 'result' in answer


case = Cases()
agent = Agent()
try:
    for row in map(json.loads, open(DATA)):
        answer, alive = exchange(agent.path, raw(row))
        good = fits(row['expect'], answer) and alive
        if row.get('must', True) or good:
            case(f"{row['id']} {row['ref']}", good, f'{raw(row)[:80]} -> {answer}, expected {row["expect"]}')
finally:
    case('ends cleanly', agent.stop() == 0)
case.end()
