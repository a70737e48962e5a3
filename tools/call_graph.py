# SPDX-License-Identifier: Apache-2.0
"""The deepest stack of a program, from GCC's call graphs (-fcallgraph-info=su)."""
import collections
import re


def read_call_graphs(files):
    """Frames in octets and calls, by function."""
    frames, calls = {}, collections.defaultdict(set)
    for file in files:
        text = file.read_text()
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]+)"', text):
            size = re.search(r"(\d+) bytes \((\w+)", label)
            if size:
                frames[title] = int(size[1])
        for source, target in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls[source].add(target)
    return frames, calls


def deepest(frames, calls, root):
    """Octets of stack from `root` on, the way there, and functions that call themselves. Calls through the
    two interfaces (crypto, Message) may end in any of their implementations; PSA functions count nothing."""
    virtual = [name for name in frames if re.search(r"PsaCrypto|PlatformMessage", name)]
    memo, active, recursive = {}, set(), set()

    def walk(name):
        if name in memo:
            return memo[name]
        if name in active:
            recursive.add(name)
            return 0, []
        active.add(name)
        targets = virtual if name == "__indirect_call" else calls.get(name, ())
        below = max((walk(target) for target in sorted(targets)), default=(0, []))
        active.discard(name)
        memo[name] = (below[0] + frames.get(name, 0), [name] + below[1])
        return memo[name]

    size, way = walk(root)
    return size, way, recursive
