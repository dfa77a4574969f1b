#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Third parties' JSON-RPC clients, unmodified, against the agent: Debian's jsonrpclib-pelix (HTTP), npm vscode-jsonrpc
(Content-Length) and json-rpc-2.0 (lines). The npm packages are installed into build/npm; without a registry those are
skipped by name."""
import json, os, shutil, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../integration'))
from agentlib import BUILD, Agent, Cases

case = Cases()
agent = Agent()
NPM = os.path.join(BUILD, 'npm')

VSCODE = '''
const net = require('net'), rpc = require('vscode-jsonrpc/node');
const s = net.connect(process.argv[2], async () => {
  const c = rpc.createMessageConnection(new rpc.StreamMessageReader(s), new rpc.StreamMessageWriter(s));
  const rows = []; c.onNotification('$/progress', p => rows.push(...p.value)); c.listen();
  const out = {};
  out.name = (await c.sendRequest('GetInstance', {ClassName: 'Process', InstanceName: {ProcessId: process.pid}})).Name;
  out.result = await c.sendRequest('EnumerateInstances', {ClassName: 'Process', PropertyList: ['ProcessId'], partialResultToken: 't'});
  out.seen = rows.some(r => r.ProcessId === process.pid);
  try { await c.sendRequest('GetClass', {ClassName: 'Proces'}); } catch (e) { out.code = e.code; out.hint = e.data.Hint; }
  console.log(JSON.stringify(out)); c.dispose(); s.end();
});'''
LINES = '''
const net = require('net'), {JSONRPCClient} = require('json-rpc-2.0');
let rest = '';
const s = net.connect(process.argv[2], async () => {
  const c = new JSONRPCClient(r => s.write(JSON.stringify(r) + '\\n'));
  s.on('data', d => { rest += d; let i; while ((i = rest.indexOf('\\n')) >= 0) { c.receive(JSON.parse(rest.slice(0, i))); rest = rest.slice(i + 1); } });
  const out = {ping: await c.request('Ping', {})};
  try { await c.request('GetInstance', {ClassName: 'Process', InstanceName: {ProcessId: 4194305}}); } catch (e) { out.code = e.code; out.status = e.data.Name; }
  const both = await Promise.all([c.request('Hello'), c.request('EnumerateClasses', {NamesOnly: true})]);
  out.agent = both[0].Agent; out.classes = both[1].Classes.includes('Process');
  console.log(JSON.stringify(out)); s.end();
});'''


def node(name, script):
    path = os.path.join(NPM, name + '.test.js')
    open(path, 'w').write(script)
    out = subprocess.run(['node', path, agent.path], capture_output=True, text=True, timeout=30)
    return json.loads(out.stdout) if out.returncode == 0 and out.stdout else {'failed': out.stderr}


try:
    try:
        import jsonrpclib
        import jsonrpclib.config
        proxy = jsonrpclib.ServerProxy('unix+http://' + agent.path)
        r = proxy.GetInstance(ClassName='Process', InstanceName={'ProcessId': os.getpid()})
        case('pelix: a call', r['ProcessId'] == os.getpid(), r)
        multi = jsonrpclib.MultiCall(proxy)
        multi.Ping()
        multi.EnumerateClasses(NamesOnly=True)
        r = list(multi())
        case('pelix: a batch', r[0] == {} and 'Process' in r[1]['Classes'], r)
        try:
            proxy.GetClass(ClassName='Proces')
            case('pelix: an error', False)
        except jsonrpclib.ProtocolError as e:
            case('pelix: an error', -32005 in e.args[0], e.args)
    except ImportError:
        case.skip('jsonrpclib-pelix', 'python3-jsonrpclib-pelix is not installed for ' + sys.executable)

    os.makedirs(NPM, exist_ok=True)
    have = shutil.which('node') and shutil.which('npm')
    if have and not os.path.isdir(os.path.join(NPM, 'node_modules/json-rpc-2.0')):
        subprocess.run(['npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', NPM, 'vscode-jsonrpc@8', 'json-rpc-2.0@1'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    if have and os.path.isdir(os.path.join(NPM, 'node_modules/json-rpc-2.0')):
        r = node('vscode', VSCODE)
        case('vscode-jsonrpc', r.get('seen') and r.get('result') == {'Instances': []} and r.get('code') == -32005 and 'Process' in r.get('hint', ''), r)
        r = node('lines', LINES)
        case('json-rpc-2.0', r == {'ping': {}, 'code': -32006, 'status': 'NOT_FOUND', 'agent': 'reeve', 'classes': True}, r)
    else:
        case.skip('vscode-jsonrpc, json-rpc-2.0', 'node or the npm registry is not at hand')
finally:
    agent.stop()
case.end()
