"""What an invocation used: how long it waited without computing, and memory."""

import resource
import sys

KILOBYTE = 1024 if sys.platform == "darwin" else 1


class Usage:
    """What the process used, asked of the system only where an invocation can have changed it.

    A short invocation changes neither memory nor the share of computing by much; after a few of
    them, and after each longer one, the system is asked.
    """

    NOTICEABLE = 0.0003  # seconds
    FEW = 16

    def __init__(self):
        self.used = resource.getrusage(resource.RUSAGE_SELF)
        self.memory_kb = 0
        self.unseen = self.FEW  # the first one is looked at
        self.unseen_time = 0.0

    def after(self, spent):
        """Microseconds waited in an invocation that took `spent` seconds, kilobytes in all."""
        if spent < self.NOTICEABLE and self.unseen < self.FEW:
            self.unseen += 1
            self.unseen_time += spent
            return 0, self.memory_kb
        before, used = self.used, resource.getrusage(resource.RUSAGE_SELF)
        computed = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        waited = spent - max(0.0, computed - self.unseen_time)
        self.used, self.memory_kb = used, used.ru_maxrss // KILOBYTE
        self.unseen, self.unseen_time = 0, 0.0
        return min(max(0, int(waited * 1e6)), 0xFFFFFFFF), self.memory_kb
