"""What a gateway writes down is nobody else's to read: tokens, keys, configurations."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.cli.test_commands import running, wait_for_announcements
from tests.conftest import PYTHON

CONFIG = f"""
functions:
  auth: {{runtime: {PYTHON}, code: ., handler: hook.handler}}
distributions:
  site:
    listen: {{port: 0, tls: true}}
    origins: {{app: {{url: "http://127.0.0.1:9"}}}}
    default_behavior:
      origin: app
      lambda_functions: {{viewer-request: auth}}
"""
PUBLIC = {".gitignore"}


def test_what_serve_writes_is_its_users_alone(tmp_path: Path) -> None:
    project, data, cache, temporary = folders = [
        tmp_path / name for name in ("project", "data", "cache", "temporary")
    ]
    for folder in folders:
        folder.mkdir()
    (project / "edgegw.yaml").write_text(CONFIG)
    (project / "hook.py").write_text("def handler(event, context): return event\n")
    environment = {
        **os.environ,
        "XDG_DATA_HOME": str(data),
        "XDG_CACHE_HOME": str(cache),
        "TMPDIR": str(temporary),
    }
    with running("serve", cwd=project, doors=1, env=environment):
        wait_for_announcements(project)
        state = project / ".edgegw"
        roots = [state, data / "edgegw", cache / "edgegw", *temporary.glob("edgegw-*")]
        opened = {root: stat.S_IMODE(root.stat().st_mode) for root in roots}
        assert set(opened.values()) == {0o700}
        secrets = [
            path
            for root in (state, data / "edgegw", cache / "edgegw")
            for path in root.rglob("*")
            if path.is_file() and path.name not in PUBLIC
        ]
        kinds = {path.relative_to(tmp_path).parts[:3][-1] for path in secrets}
        assert {"ca", "certificates", "control"} <= kinds
        assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
