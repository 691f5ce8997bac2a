"""The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B): only ever read.

The code is canonical: the lengths say all of it. Reading goes byte by byte through states, which
are the nodes of the code's tree; what a byte does in a state is found out once.
"""

from __future__ import annotations

from typing import Final

_LENGTHS: Final = (
    "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca"
    "d67777777777777777777777878djde6f56565666577666567655677777fbeds"
    "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn"
    "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq"
    "u"
)
"""Bits of the code of each byte and, last, of the end of a string, in base 36."""

_END: Final = 256
_PADDING: Final = 7

_Node = list["_Node | int | None"]
"""Where a 0 and a 1 lead: to another node, or to the byte that is complete."""


class HuffmanError(Exception):
    """A string breaks the code."""


def _tree() -> _Node:
    root: _Node = [None, None]
    code, bits = 0, 0
    lengths = [int(digit, 36) for digit in _LENGTHS]
    for symbol in sorted(range(len(lengths)), key=lambda symbol: (lengths[symbol], symbol)):
        code <<= lengths[symbol] - bits
        bits = lengths[symbol]
        _place(root, symbol, code, bits)
        code += 1
    return root


def _place(root: _Node, symbol: int, code: int, bits: int) -> None:
    node = root
    for bit in range(bits - 1, 0, -1):
        way = code >> bit & 1
        child = node[way]
        if not isinstance(child, list):
            child = node[way] = [None, None]
        node = child
    node[code & 1] = symbol


class _States:
    """A state's number is the place of its node in `nodes`."""

    def __init__(self) -> None:
        self.nodes: list[_Node] = [_tree()]
        self.steps: dict[int, tuple[bytes, int]] = {}
        self._numbers: dict[int, int] = {id(self.nodes[0]): 0}
        self.endings: set[int] = {0}  # a string may end within the first bits of its end mark
        node = self.nodes[0]
        for _ in range(_PADDING):
            child = node[1]
            assert isinstance(child, list)
            node = child
            self.endings.add(self._number(node))

    def _number(self, node: _Node) -> int:
        number = self._numbers.get(id(node))
        if number is None:
            number = self._numbers[id(node)] = len(self.nodes)
            self.nodes.append(node)
        return number

    def learn(self, state: int, byte: int) -> tuple[bytes, int]:
        """What `byte` completes in `state`, and which state follows. Raises HuffmanError."""
        node, complete = self.nodes[state], bytearray()
        for bit in range(7, -1, -1):
            child = node[byte >> bit & 1]
            if isinstance(child, list):
                node = child
                continue
            if child is None or child == _END:
                raise HuffmanError("a string goes on behind its end")
            complete.append(child)
            node = self.nodes[0]
        step = self.steps[state << 8 | byte] = bytes(complete), self._number(node)
        return step


_states: Final = _States()


def decode_huffman(data: bytes) -> bytes:
    """The string that `data` stands for. Raises HuffmanError."""
    steps, state = _states.steps, 0
    parts: list[bytes] = []
    for byte in data:
        step = steps.get(state << 8 | byte) or _states.learn(state, byte)
        part, state = step
        parts.append(part)
    if state not in _states.endings:
        raise HuffmanError("a string ends within a letter")
    return b"".join(parts)
