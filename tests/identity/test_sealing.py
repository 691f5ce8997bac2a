"""What is sealed comes back whole, for its purpose alone, and nothing else is taken for it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.identity.sealing import Sealer

SEALER = Sealer(b"k" * 32)
NONCE = b"n" * 12
SEALED = SEALER.seal("cookie", {"user": "ada"}, NONCE)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=5))
def test_what_was_sealed_comes_back(content: dict[str, object]) -> None:
    text = SEALER.seal("cookie", content, NONCE)
    assert SEALER.unseal("cookie", text) == content
    assert SEALER.unseal("token", text) is None
    assert Sealer(b"o" * 32).unseal("cookie", text) is None


@settings(max_examples=100)
@given(st.text(max_size=200) | st.text("ABCDabcd0189-_=", min_size=20, max_size=200))
def test_no_other_text_is_taken_for_it(text: str) -> None:
    assert SEALER.unseal("cookie", text) is None


@settings(max_examples=100)
@given(st.integers(0, len(SEALED) - 1), st.sampled_from("ABCXYZabc012-_"))
def test_one_changed_character_is_noticed(at: int, character: str) -> None:
    changed = SEALED[:at] + character + SEALED[at + 1 :]
    assert SEALER.unseal("cookie", changed) in (
        None,
        {"user": "ada"} if changed == SEALED else None,
    )
