# SPDX-License-Identifier: MIT
"""Agents with roles, and peers that are somebody else. Needs root."""
import grp, os, pwd, socket, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
import agentlib


def need_root():
    if os.geteuid():
        print('SKIP roles: only root can be somebody else')
        sys.exit(77)


class RoleAgent(agentlib.Agent):
    """An agent whose roles.d is self.roles; self.dir may be entered by all so that others reach the socket."""

    def __init__(self, program, files, more=(), **kw):
        folder = tempfile.mkdtemp(prefix='reeve-roles.')
        os.chmod(folder, 0o711)
        self.roles = os.path.join(folder, 'roles.d')
        os.mkdir(self.roles)
        for name, text in files.items():
            self.write(name, text)
        super().__init__(program, folder, more=('--roles', self.roles, *more), **kw)
        self.own = True

    def write(self, name, text):
        path = os.path.join(self.roles, name + '.role')
        with open(path + '.new', 'w') as f:
            f.write(text)
        os.rename(path + '.new', path)

    def logged(self):
        return open(self.log.name).read()

    def wait_log(self, text, after=0, seconds=10):
        end = time.monotonic() + seconds
        while text not in self.logged()[after:]:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def as_user(self, user, groups=()):
        return peer_as(self.path, user, groups)

    def call_as(self, user, op, groups=(), **params):
        with self.as_user(user, groups) as p:
            return p.call(op, params)


def peer_as(path, user, groups=()):
    """A peer that the kernel names `user` with these supplementary groups."""
    u = pwd.getpwnam(user)
    before = os.getgroups()
    os.setgroups([grp.getgrnam(g).gr_gid for g in groups])
    os.setegid(u.pw_gid)
    os.seteuid(u.pw_uid)
    try:
        return agentlib.Peer(path)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)
