# SPDX-License-Identifier: MIT
"""What the lab's tests of the host's classes share: asking the agent, the name of an error's status, comparing."""
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib


class Asked:
    def __init__(self, path):
        self.path, self.peer = path, agentlib.Peer(path)

    def gone(self):
        """Whether its agent has ended."""
        try:
            agentlib.Peer(self.path)
            return False
        except OSError:
            return True

    def rows(self, name, **more):
        reply = self.peer.call('EnumerateInstances', {'ClassName': name, **more})
        return reply['result']['Instances'] if 'result' in reply else reply

    def one(self, name, key, *properties):
        return self.peer.call('GetInstance', {'ClassName': name, 'InstanceName': key, **({'PropertyList': list(properties)} if properties else {})}).get('result')

    def do(self, name, key, method, what_if=False, **arguments):
        return self.peer.call('InvokeMethod', {'ClassName': name, **({'InstanceName': key} if key else {}), 'MethodName': method,
                                               'InParameters': arguments, **({'WhatIf': True} if what_if else {})})

    def call(self, operation, name, key, properties=None, **more):
        return self.peer.call(operation, {'ClassName': name, **({'InstanceName': key} if key else {}),
                                          **({'Properties': properties} if properties is not None else {}), **more})


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


def good(reply):
    return 'result' in reply


def differ(mine, want):
    """[(property, ours, wanted)] where they differ."""
    return [(k, (mine or {}).get(k), v) for k, v in want.items() if (mine or {}).get(k) != v]
