"""Fuzzers: inputs that nobody would write, and what is promised whatever comes.

    python -m tests.fuzz requests --seconds 60 --seed 7

Four of them, each a file that makes inputs and judges what became of one:

- `requests`: bytes of viewers, to a strict origin that records what reaches it;
- `configurations`: configurations with mistakes in their text and in their values;
- `results`: what functions return, at every trigger and from targets;
- `answers`: bytes of origins, cut off anywhere.

Every input is made by a generator of its own that is seeded with the seed of the run and the number
of the input, so any of them can be made again by itself. What fails is made shorter as long as it
still fails, printed, and written to a file that `--replay` takes.
"""
