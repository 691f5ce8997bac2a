"""The certificate authority: one for each user, nobody else's, and never a project's."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from edgegw.errors import EnvironmentProblem
from edgegw.wire.authority import authority_folder, load_authority
from edgegw.wire.certificates import Certificates
from tests.conftest import OWN_DATA, need

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose home is empty."""
    return {"HOME": str(tmp_path / "home")}


def load(variables: dict[str, str]):
    return load_authority(variables, lambda: NOW)


def test_tests_do_not_touch_the_users_own() -> None:
    assert authority_folder(os.environ).is_relative_to(OWN_DATA)


class TestWhereItIs:
    def test_it_is_the_users_and_made_once(self, variables: dict[str, str], tmp_path: Path) -> None:
        first, again = load(variables), load(variables)
        assert first.file == tmp_path / "home" / ".local" / "share" / "edgegw" / "ca" / "rootCA.pem"
        assert first.key_id == again.key_id
        assert not first.is_mkcert

    def test_only_its_owner_can_read_it(self, variables: dict[str, str]) -> None:
        folder = load(variables).file.parent
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {"rootCA.pem": 0o600, "rootCA-key.pem": 0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700

    def test_the_data_folder_of_the_xdg_specification(
        self, variables: dict[str, str], tmp_path: Path
    ) -> None:
        variables["XDG_DATA_HOME"] = str(tmp_path / "data")
        assert load(variables).file.parent == tmp_path / "data" / "edgegw" / "ca"

    def test_a_relative_data_folder_would_be_the_projects(
        self, variables: dict[str, str], tmp_path: Path
    ) -> None:
        variables["XDG_DATA_HOME"] = "data"
        assert load(variables).file.is_relative_to(tmp_path / "home")

    def test_a_user_without_a_home_is_told_what_to_set(self) -> None:
        with pytest.raises(EnvironmentProblem, match="let XDG_DATA_HOME name a folder"):
            load({})

    def test_a_place_where_nothing_can_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(EnvironmentProblem, match="let XDG_DATA_HOME name a folder"):
            load({"XDG_DATA_HOME": str(tmp_path / "file")})

    def test_several_that_start_at_once_agree(self, variables: dict[str, str]) -> None:
        with ThreadPoolExecutor(8) as pool:
            authorities = list(pool.map(load, [variables] * 8))
        assert len({authority.key_id for authority in authorities}) == 1
        folder = authorities[0].file.parent
        assert [path.name for path in folder.parent.iterdir()] == ["ca"]

    def test_that_of_mkcert_is_used_where_it_exists(
        self, variables: dict[str, str], tmp_path: Path
    ) -> None:
        root = install_mkcert(tmp_path / "home" / ".local" / "share" / "mkcert")
        assert load(variables).file == root / "rootCA.pem"
        elsewhere = install_mkcert(tmp_path / "elsewhere")
        variables["CAROOT"] = str(elsewhere)
        assert load(variables).file == elsewhere / "rootCA.pem"
        assert load(variables).is_mkcert

    def test_one_that_cannot_be_read_says_what_to_do(self, variables: dict[str, str]) -> None:
        (load(variables).file.parent / "rootCA-key.pem").write_text("nonsense")
        with pytest.raises(EnvironmentProblem, match="cannot be read: remove the folder"):
            load(variables)


def install_mkcert(folder: Path) -> Path:
    """An authority as mkcert leaves one."""
    folder.mkdir(parents=True)
    authority = trustme.CA(
        organization_name="mkcert development CA", organization_unit_name="ada@desk (Ada)"
    )
    authority.cert_pem.write_to_path(str(folder / "rootCA.pem"))
    authority.private_key_pem.write_to_path(str(folder / "rootCA-key.pem"))
    (folder / "rootCA.pem").chmod(0o644)
    (folder / "rootCA-key.pem").chmod(0o400)
    folder.chmod(0o755)
    return folder


class TestWhoMadeIt:
    def test_user_machine_and_day(self, variables: dict[str, str], monkeypatch) -> None:
        monkeypatch.setattr("getpass.getuser", lambda: "ada")
        monkeypatch.setattr("socket.gethostname", lambda: "desk")
        load(variables)
        authority = load(variables)
        assert (authority.maker, authority.day) == ("ada@desk", "2026-11-26")

    def test_a_user_without_a_name_and_a_machine_with_a_long_one(
        self, variables: dict[str, str], monkeypatch
    ) -> None:
        def nameless() -> str:
            raise KeyError("uid not found")

        monkeypatch.setattr("getpass.getuser", nameless)
        monkeypatch.setattr("socket.gethostname", lambda: "m" * 64)
        authority = load(variables)
        assert authority.maker.startswith(f"{os.getuid()}@mmm")
        assert authority.day == "2026-11-26"

    def test_that_of_mkcert(self, variables: dict[str, str], tmp_path: Path) -> None:
        variables["CAROOT"] = str(install_mkcert(tmp_path / "mkcert"))
        assert load(variables).maker == "ada@desk (Ada)"


class TestWhatOthersCanTouchIsRefused:
    """Whoever has written the key can be every site for the browsers that trust it."""

    @pytest.mark.parametrize("of_mkcert", [False, True])
    @pytest.mark.parametrize(
        ("path", "mode", "reason"),
        [
            pytest.param(".", 0o770, "can be written by other users", id="folder by a group"),
            pytest.param(".", 0o707, "can be written by other users", id="folder by everybody"),
            pytest.param("rootCA-key.pem", 0o620, "can be written by other users", id="key"),
            pytest.param("rootCA.pem", 0o646, "can be written by other users", id="certificate"),
            pytest.param("rootCA-key.pem", 0o640, "can be read by other users", id="key is read"),
            pytest.param("..", 0o777, "can be written by everybody", id="the folder above"),
        ],
    )
    def test_by_its_mode(
        self,
        variables: dict[str, str],
        tmp_path: Path,
        path: str,
        mode: int,
        reason: str,
        *,
        of_mkcert: bool,
    ) -> None:
        if of_mkcert:
            variables["CAROOT"] = str(install_mkcert(tmp_path / "there" / "mkcert"))
        folder = load(variables).file.parent
        (folder / path).chmod(mode)
        with pytest.raises(EnvironmentProblem) as caught:
            load(variables)
        assert reason in str(caught.value)
        remedy = "let CAROOT name another folder" if of_mkcert else "remove the folder"
        assert remedy in str(caught.value)

    def test_by_its_owner(self, variables: dict[str, str], monkeypatch) -> None:
        folder = load(variables).file.parent
        if os.geteuid() == 0:
            os.chown(folder / "rootCA-key.pem", 65534, 65534)
        else:
            user = os.geteuid() + 1
            monkeypatch.setattr("os.geteuid", lambda: user)
        with pytest.raises(EnvironmentProblem, match="belongs to another user"):
            load(variables)

    @pytest.mark.parametrize("linked", [False, True])
    def test_because_git_tracks_it(
        self, variables: dict[str, str], tmp_path: Path, *, linked: bool
    ) -> None:
        git = need("git", "a folder that git tracks is not refused")
        folder, project = load(variables).file.parent, tmp_path / "clone"
        project.mkdir()
        folder.parent.rename(project / "edgegw")
        subprocess.run([git, "init", "-q", str(project)], check=True)
        variables = {"XDG_DATA_HOME": str(project)}
        if linked:  # as programs do that keep settings under version control
            (tmp_path / "data").mkdir()
            (tmp_path / "data" / "edgegw").symlink_to(project / "edgegw")
            variables = {"XDG_DATA_HOME": str(tmp_path / "data")}
        load(variables)  # in the repository's folder, but not in the repository
        subprocess.run([git, "-C", str(project), "add", "."], check=True)
        with pytest.raises(EnvironmentProblem, match="is tracked by git"):
            load(variables)


class TestTheOneOfAProject:
    """Older versions kept an authority in the state folder, where a clone may bring one."""

    def test_it_signs_nothing(self, tmp_path: Path) -> None:
        planted = trustme.CA()
        plant(tmp_path, planted)
        certificates = Certificates(tmp_path, lambda: NOW)
        assert certificates.authority.file == OWN_DATA / "edgegw" / "ca" / "rootCA.pem"
        chain = certificates.file(("a.test",)).read_text()
        issuer = planted.cert_pem.bytes().decode()
        assert issuer not in chain

    def test_it_is_said_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        plant(tmp_path, trustme.CA())
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                assert Certificates(tmp_path, lambda: NOW).authority
        (text,) = [record.getMessage() for record in caplog.records]
        assert f"the certificate authority in {tmp_path / 'ca'} is no longer used" in text
        assert "run `edgegw trust`" in text
        assert (tmp_path / "ca" / "UNUSED.txt").read_text() == f"{text}\n"


def plant(state: Path, authority: trustme.CA) -> None:
    (state / "ca").mkdir()
    authority.cert_pem.write_to_path(str(state / "ca" / "rootCA.pem"))
    authority.private_key_pem.write_to_path(str(state / "ca" / "rootCA-key.pem"))
