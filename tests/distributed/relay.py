#!/usr/bin/env python3
"""A long cable: carries Ethernet frames between two tap devices, each some milliseconds later.  relay.py TAP TAP MILLISECONDS"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


ends = [tap(sys.argv[1]), tap(sys.argv[2])]
delay = float(sys.argv[3]) / 1000
print("ready", flush=True)
on_the_way = collections.deque()  # (when to arrive, at which end, frame), in order
while True:
    wait = max(0, on_the_way[0][0] - time.monotonic()) if on_the_way else None
    ready, _, _ = select.select(ends, [], [], wait)
    for end in ready:
        try:
            while True:
                on_the_way.append((time.monotonic() + delay, ends[1 - ends.index(end)], os.read(end, 65536)))
        except BlockingIOError:
            pass
    while on_the_way and on_the_way[0][0] <= time.monotonic():
        _, end, frame = on_the_way.popleft()
        try:
            os.write(end, frame)
        except OSError:
            pass  # a cable that is pulled out loses what is in it
