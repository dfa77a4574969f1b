# SPDX-License-Identifier: MIT
"""A FUSE file system by hand: it reads the kernel's requests and answers only the first one (INIT) until it is told to."""
import ctypes, os, struct, threading

LIBC = ctypes.CDLL(None, use_errno=True)
INIT, STATFS, DESTROY = 26, 17, 38


class Hanging:
    """Mounted at `path` by root; `answering` may be switched. OSError where it cannot be had."""

    def __init__(self, path, fstype='fuse.reevetest'):
        self.path, self.answering, self.pending, self.lock = path, False, [], threading.Lock()
        self.asked = threading.Event()
        self.fd = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC)
        options = f'fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other'
        if LIBC.mount(b'hung-server:/export', path.encode(), fstype.encode(), 0, options.encode()) != 0:
            error = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(error, os.strerror(error))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            while True:
                request = os.read(self.fd, 1 << 18)
                _, opcode, unique = struct.unpack('<IIQ', request[:16])
                with self.lock:
                    if opcode == INIT:
                        self.reply(unique, struct.pack('<IIIIHHIIHHI28x', 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0))
                    elif self.answering:
                        self.answer(opcode, unique)
                    else:
                        self.pending.append((opcode, unique))
                        self.asked.set()
        except OSError:
            pass  # unmounted

    def reply(self, unique, body, error=0):
        os.write(self.fd, struct.pack('<IiQ', 16 + len(body), error, unique) + body)

    def answer(self, opcode, unique):
        if opcode == STATFS:
            self.reply(unique, struct.pack('<QQQQQIIII24x', 1000, 400, 300, 50, 20, 4096, 255, 4096, 0))
        else:
            self.reply(unique, b'', -38)

    def wake(self):
        with self.lock:
            self.answering = True
            for opcode, unique in self.pending:
                try:
                    self.answer(opcode, unique)
                except OSError:
                    pass  # whoever asked has been killed
            self.pending = []

    def close(self):
        os.close(self.fd)  # ends what still hangs
        LIBC.umount2(self.path.encode(), 2)
