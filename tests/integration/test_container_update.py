#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an engine is asked when limits of a container are wished: a small engine of its own remembers it, because not every kernel that
runs these tests has the controllers that a real one needs. The real engine is in tests/lab/test_container_desired.py."""
import http.server, json, os, socketserver, sys, tempfile, threading
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases

case = Cases()
ID = 'ab' * 32
HOST = {'Memory': 64 << 20, 'MemorySwap': 128 << 20, 'NanoCpus': 500000000, 'PidsLimit': 50, 'CpuShares': 512, 'NetworkMode': 'default',
        'RestartPolicy': {'Name': 'on-failure', 'MaximumRetryCount': 3}}
DOC = {'Id': ID, 'Name': '/web', 'Created': '2026-01-01T00:00:00Z', 'Image': 'sha256:' + 'cd' * 32, 'State': {'Status': 'running', 'Pid': 1}, 'Mounts': [],
       'Config': {'Image': 'bb:1', 'Env': ['A=1'], 'Labels': {}}, 'HostConfig': HOST, 'NetworkSettings': {'Networks': {'bridge': {}}}}
asked = []


class Engine(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        path = self.path.split('?')[0]
        if path.endswith('/events'):
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            stop.wait()
        elif path.endswith('/containers/json'):
            self.answer(200, [{'Id': ID, 'State': 'running'}])
        elif path.endswith((f'/containers/{ID}/json', '/containers/web/json')):
            self.answer(200, DOC)
        elif path.endswith('/images/bb%3A1/json') or path.endswith('/images/bb:1/json'):
            self.answer(200, {'Id': DOC['Image']})
        elif path.endswith('/version'):
            self.answer(200, {'ApiVersion': '1.41', 'Version': '20'})
        else:
            self.answer(200 if path.endswith('_ping') else 404, {'message': path})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get('Content-Length') or 0)) or 'null')
        asked.append((self.path.split('/', 2)[-1].split('?')[0], body))
        self.answer(200, {'Warnings': None})

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def wish(operation='SetInstance', what_if=False, **properties):
    asked.clear()
    r = agent.call(operation, {'ClassName': 'Container', 'InstanceName': {'Name': 'web'}, 'Properties': properties, **({'WhatIf': True} if what_if else {})})
    return [(c['Property'], c['From'], c['To']) for c in r['result']['Changed']] if 'result' in r else r


stop = threading.Event()
with tempfile.TemporaryDirectory() as folder:
    server = Server(f'{folder}/engine.sock', Engine)
    server.RequestHandlerClass.address_string = lambda self: 'engine'
    threading.Thread(target=server.serve_forever, daemon=True).start()
    agent = Agent(env=dict(os.environ, DOCKER_HOST=f'unix://{folder}/engine.sock'))
    posts = lambda: asked
    r = wish(MemoryLimit=64 << 20, CpuLimit=0.5, PidsLimit=50, CpuShares=512, RestartPolicy='on-failure', MaximumRetryCount=3, MemorySwap=128 << 20)
    case('as it is: nothing', r == [] and not posts(), (r, asked))
    r = wish(CpuLimit=1.5)
    case('processors', r == [('CpuLimit', '0.5', '1.5')] and posts() == [(f'containers/{ID}/update', {'NanoCpus': 1500000000})], (r, asked))
    r = wish(MemoryLimit=256 << 20)
    case('memory takes swap along', r == [('MemoryLimit', str(64 << 20), str(256 << 20)), ('MemorySwap', str(128 << 20), str(512 << 20))] and
         posts() == [(f'containers/{ID}/update', {'Memory': 256 << 20, 'MemorySwap': 512 << 20})], (r, asked))
    r = wish(MemoryLimit=96 << 20, MemorySwap=100 << 20, PidsLimit=60, CpusetCpus='0-1', MemoryReservation=1 << 20)
    case('several at once', len(r) == 5 and posts() == [(f'containers/{ID}/update', {'Memory': 96 << 20, 'MemorySwap': 100 << 20, 'PidsLimit': 60, 'CpusetCpus': '0-1',
                                                                                   'MemoryReservation': 1 << 20})], (r, asked))
    r = wish(MaximumRetryCount=5)
    case('the number of a policy', r == [('MaximumRetryCount', '3', '5')] and posts()[0][1] == {'RestartPolicy': {'Name': 'on-failure', 'MaximumRetryCount': 5}}, (r, asked))
    r = wish(RestartPolicy='always')
    case('a policy', r == [('RestartPolicy', 'on-failure', 'always')] and posts()[0][1] == {'RestartPolicy': {'Name': 'always', 'MaximumRetryCount': 0}}, (r, asked))
    r = wish(PidsLimit=None)
    case('no limit of processes', r == [('PidsLimit', '50', None)] and posts()[0][1] == {'PidsLimit': -1}, (r, asked))
    r = wish(what_if=True, MemoryLimit=None)
    case('no limit of memory needs a new one', [c[0] for c in r] == ['MemoryLimit', 'Id'] and not posts(), (r, asked))
    r = wish(what_if=True, CpuLimit=2.0, PidsLimit=70)
    case('what-if in place', [c[0] for c in r] == ['CpuLimit', 'PidsLimit'] and not posts(), (r, asked))
    r = wish('TestInstance', CpuLimit=2.0)
    case('tested', [c[0] for c in r] == ['CpuLimit'] and not posts(), (r, asked))
    stop.set()
    case('the agent ends well', agent.stop() == 0)
    server.shutdown()
case.end()
