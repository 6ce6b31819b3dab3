"""Files of the corpus, damaged at random from a seed: cut, lengthened, overwritten, parts swapped."""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Final

from tests.support.corpus import NAMES, specimen

_MOST_PARTS: Final = 5
_LONGEST_INSERT: Final = 400


def mutated(case: int) -> tuple[str, bytes]:
    """A damaged file, the same for the same case. Its name says what was done to which file."""
    dice = random.Random(case)
    name = dice.choice(NAMES)
    content, done = specimen(name), list[str]()
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        change = dice.choice(_CHANGES)
        content, done = change(content, dice), [*done, change.__name__.strip("_")]
    return f"case {case}: {name}, {', '.join(done)}", content


def _cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content) + 1)]


def _cut_at_the_end(content: bytes, dice: random.Random) -> bytes:
    return content[: max(0, len(content) - dice.randrange(1, 64))]


def _lengthen(content: bytes, dice: random.Random) -> bytes:
    return content + dice.choice((b"\r\n", b"\0" * 99, b"<html></html>", dice.randbytes(300)))


def _insert(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content) + 1)
    return content[:at] + dice.randbytes(dice.randrange(1, _LONGEST_INSERT)) + content[at:]


def _overwrite(content: bytes, dice: random.Random) -> bytes:
    broken = bytearray(content)
    for _ in range(dice.randrange(1, 9)):
        if broken:
            broken[dice.randrange(min(len(broken), dice.choice((64, 1024, len(broken)))))] = dice.randrange(256)
    return bytes(broken)


def _swap_parts(content: bytes, dice: random.Random) -> bytes:
    cuts = sorted(dice.randrange(len(content) + 1) for _ in range(dice.randrange(2, _MOST_PARTS)))
    edges = [0, *cuts, len(content)]
    parts = [content[begin:end] for begin, end in itertools.pairwise(edges)]
    first, *rest = parts
    dice.shuffle(rest)
    return first + b"".join(rest)


def _repeat_a_part(content: bytes, dice: random.Random) -> bytes:
    begin = dice.randrange(len(content) + 1)
    end = min(len(content), begin + dice.randrange(1, 5000))
    return content[:end] + content[begin:end] + content[end:]


_CHANGES: Final[Sequence[Callable[[bytes, random.Random], bytes]]] = (
    _cut,
    _cut_at_the_end,
    _lengthen,
    _insert,
    _overwrite,
    _swap_parts,
    _repeat_a_part,
)
