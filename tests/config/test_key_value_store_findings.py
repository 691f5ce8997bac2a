"""What `edgegw check` says of key value stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError


def codes(folder: Path, functions: int = 1, **stores: Any) -> list[str]:
    (folder / "f.js").write_text("function handler(e) { return e.request }")
    function = {"code": "f.js", "key_value_store": next(iter(stores))}
    config = {
        "edge_functions": {f"f{at}": function for at in range(functions)},
        "key_value_stores": stores,
    }
    try:
        return [finding.code for finding in load_dict(config, folder).warnings]
    except ConfigError as error:
        return [finding.code for finding in error.findings]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"flags": {}}, []),
        ({"a-B_1" * 12 + "abcd": {}}, []),
        ({"a" * 65: {}}, ["key-value-store.name"]),
        ({"a b": {}}, ["key-value-store.name"]),
        ({"é": {}}, ["key-value-store.name"]),
        ({"flags": {"source": "none.json"}}, ["config.file"]),
        ({"flags": {"source": "f.js"}}, ["key-value-store.import"]),
        ({"functions": 10, "flags": {}}, []),
        ({"functions": 11, "flags": {}}, ["key-value-store.quota"]),
        ({f"s{at}": {} for at in range(50)}, []),
        ({f"s{at}": {} for at in range(51)}, ["key-value-store.quota"]),
    ],
)
def test_what_is_found(tmp_path: Path, given: dict[str, Any], expected: list[str]) -> None:
    assert codes(tmp_path, **given) == expected
