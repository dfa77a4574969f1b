#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Invoke-WebRequest and Invoke-RestMethod against a server of this test on loopback and on a Unix socket."""
import http.server, json, os, socketserver, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from test_fmt import REEVE  # noqa: E402


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def address_string(self):
        return 'test'

    def answer(self, status, body, kind='text/plain', **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for k, v in headers.items():
            self.send_header(k.replace('_', '-'), v)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def do(self):
        n = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(n).decode('utf-8', 'replace')
        path = self.path.split('?')[0]
        if path == '/echo':
            self.answer(200, json.dumps({'method': self.command, 'path': self.path, 'body': body,
                                         'type': self.headers.get('Content-Type'), 'x': self.headers.get('X-One'),
                                         'auth': self.headers.get('Authorization')}), 'application/json')
        elif path == '/list':
            self.answer(200, '[{"a":1},{"a":2}]', 'application/json', X_Total='2')
        elif path == '/moved':
            self.answer(302, '', Location='/text')
        elif path == '/missing':
            self.answer(404, '{"error":"no such thing"}', 'application/json')
        elif path == '/bytes':
            self.answer(200, bytes(range(8)), 'application/octet-stream')
        elif path == '/slow':
            time.sleep(3)
            self.answer(200, 'late')
        elif path == '/private' and self.headers.get('Authorization') != 'Basic Ym9iOnB3':
            self.answer(401, '', WWW_Authenticate='Basic realm="x"')
        else:
            self.answer(200, 'hello \u00fc', 'text/plain; charset=utf-8')

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = do_PURGE = do


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


CASES = [
    ("$r = Invoke-WebRequest $u/text; $r.StatusCode; $r.StatusDescription; $r.Content; $r.Headers['Content-Type']; "
     "$r.RawContentLength; $r.GetType().Name",
     '200\nOK\nhello ü\ntext/plain; charset=utf-8\n8\nBasicHtmlWebResponseObject'),
    ("(Invoke-RestMethod $u/list).a -join ','; (Invoke-RestMethod $u/echo -Method Post -Body @{ a = 'x y'; b = 2 }).body",
     '1,2\na=x%20y&b=2'),
    ("$e = Invoke-RestMethod $u/echo -Body @{ q = 'a&b' } -Headers @{ 'X-One' = '1' }; $e.path; $e.x; $e.method",
     '/echo?q=a%26b\n1\nGET'),
    ("$e = Invoke-RestMethod $u/echo -Method Put -Body '{\"k\":\"ü\"}' -ContentType application/json; $e.body; $e.type; $e.method",
     '{"k":"ü"}\napplication/json\nPUT'),
    ("(Invoke-RestMethod $u/echo -CustomMethod PURGE).method; (Invoke-WebRequest $u/moved).Content; "
     "(Invoke-WebRequest $u/bytes).Content -join ','",
     'PURGE\nhello ü\n0,1,2,3,4,5,6,7'),
    ("try { Invoke-RestMethod $u/missing } catch { $_.Exception.Message; $_.FullyQualifiedErrorId; "
     "$_.Exception.Response.StatusCode; [int]$_.Exception.Response.StatusCode; $_.ErrorDetails.Message; $_.Exception.GetType().Name }",
     'Response status code does not indicate success: 404 (Not Found).\n'
     'WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeRestMethodCommand\nNotFound\n404\n'
     '{"error":"no such thing"}\nHttpResponseException'),
    ("$r = Invoke-WebRequest $u/missing -SkipHttpErrorCheck -StatusCodeVariable s; $r.StatusCode; $s; "
     "Invoke-WebRequest $u/text -OutFile f; (Get-Content f); Invoke-RestMethod $u/list -ResponseHeadersVariable h | Out-Null; "
     "$h['X-Total']",
     '404\n404\nhello ü\n2'),
    ("$c = [pscredential]::new('bob', (ConvertTo-SecureString pw -AsPlainText -Force)); "
     "(Invoke-WebRequest $u/private -Credential $c -Authentication Basic).StatusCode; "
     "(Invoke-RestMethod $u/echo -Authentication Bearer -Token (ConvertTo-SecureString tok -AsPlainText)).auth",
     '200\nBearer tok'),
    ("try { Invoke-WebRequest http://127.0.0.1:1/ } catch { $_.Exception.Message }; "
     "try { Invoke-WebRequest $u/slow -TimeoutSec 1 } catch { $_.Exception.GetType().Name }; "
     "try { Invoke-WebRequest ftp://127.0.0.1/ } catch { $_.Exception.GetType().Name }",
     'Connection refused (127.0.0.1:1)\nTaskCanceledException\nNotSupportedException'),
    ("(Invoke-RestMethod http://localhost/echo -UnixSocket $sock -Method Delete).method", 'DELETE'),
    ("$r = Invoke-WebRequest $u/text -Method Head; $r.StatusCode; $r.Content.Length; 'x=1' | Invoke-RestMethod -Uri $u/echo -Method Post | "
     "ForEach-Object type", '200\n0\napplication/x-www-form-urlencoded'),
]


def main():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bad = 0
    with tempfile.TemporaryDirectory() as cwd:
        sock = os.path.join(cwd, 's')
        unix = UnixServer(sock, Handler)
        threading.Thread(target=unix.serve_forever, daemon=True).start()
        env = {'LANG': 'C.UTF-8', 'PATH': os.environ['PATH'], 'HOME': '/', 'NO_COLOR': '1', 'TERM': 'dumb'}
        for script, expect in CASES:
            head = f"$u = 'http://127.0.0.1:{server.server_port}'; $sock = '{sock}'; "
            done = subprocess.run([REEVE, '-NoProfile', '-c', head + script], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=30)
            out, err = done.stdout.decode().strip(), done.stderr.decode()
            if 'LibraryNotAvailable' in err or 'libcurl.so.4' in err:
                print('SKIP web requests: libcurl4 is not installed')
                return 77
            if out != expect:
                bad += 1
                print(f'FAIL {script}\n--- wanted\n{expect}\n--- got\n{out}\n{err}')
    print(f'{len(CASES) - bad} of {len(CASES)} requests as PowerShell answers them')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
