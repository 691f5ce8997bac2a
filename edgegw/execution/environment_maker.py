"""Makes execution environments: the code unpacked, the variables, the interpreter that fits."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final, Literal

from edgegw.awslambda.model import Function
from edgegw.awslambda.names import Account
from edgegw.awslambda.variables import Place, variables
from edgegw.awslambda.xray import DaemonAddress, TracingTargets
from edgegw.errors import EnvironmentProblem
from edgegw.execution.bootstrap import BootstrapSpawner, extended
from edgegw.execution.channel import Child
from edgegw.execution.code_coverage import coverage_folder, covered
from edgegw.execution.environment import Environment
from edgegw.execution.environment_spec import EnvironmentSpec
from edgegw.execution.log_store import Journal, LogStore
from edgegw.execution.node_runtime import NodeSpawner
from edgegw.execution.packages import Package, Packages
from edgegw.execution.project_packages import ProjectPackages, project_packages
from edgegw.execution.python_runtime import PythonSpawner
from edgegw.execution.snapshots import PoolKey
from edgegw.execution.spawning import Spawner, Start, Zygotes
from edgegw.execution.tracing import Tracing
from edgegw.execution.zygote import RUNTIMES
from edgegw.values import value

CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "ASIAEDGEGW0NOTREAL00",
    "AWS_SECRET_ACCESS_KEY": "edgegw-made-up/no-account-takes-this-key",
    "AWS_SESSION_TOKEN": "edgegw-made-up-session-token",
}
"""What functions sign with unless they get real credentials. No account takes them; without any,
SDKs would search for some, for seconds, and hooks that sign would fail."""


@value
class ServiceSettings:
    """What holds for all functions; `LambdaService` tells what each means."""

    account: Account
    pass_credentials: bool = False
    cpu: Literal["full", "proportional"] = "full"
    strict: bool = True
    tracing: TracingTargets = TracingTargets()


@value(kw_only=True)
class _Home:
    """Where an environment is at home: its function by its deployed name, its log, its /tmp.

    `kind` is why it was made, in the words of AWS_LAMBDA_INITIALIZATION_TYPE.
    """

    function: Function
    name: str
    stream: str
    temporary: str
    kind: str


class EnvironmentMaker:
    """Makes environments with `settings`; each runtime is looked for until it is there.

    What is in `debug_ports` waits for a debugger.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.debug_ports: dict[PoolKey, int] = {}
        self.logs = LogStore()
        self.packages = Packages()
        self.tracing = Tracing(settings.tracing, settings.account)
        self._slow_inits: set[str] = set()
        self._zygotes = Zygotes(lambda: self.packages.root)
        self._spawners: dict[str, Spawner] = {}

    def spawner(self, function: Function) -> Spawner | EnvironmentProblem:
        """What starts the runtime of `function`, or why there is none at this moment."""
        key = _spawner_key(function)
        if key not in self._spawners:
            try:
                self._spawners[key] = self._make_spawner(function)
            except EnvironmentProblem as problem:
                return problem
        return self._spawners[key]

    def _make_spawner(self, function: Function) -> Spawner:
        match function.runtime.language:
            case "python":
                return PythonSpawner(function.runtime, self._zygotes)
            case "nodejs":
                return NodeSpawner(function.runtime, self._zygotes)
            case "provided":
                return BootstrapSpawner(self._zygotes)

    def make(self, function: Function, name: str, provisioned: bool) -> Environment:  # noqa: FBT001
        day = time.strftime("%Y/%m/%d", time.gmtime())
        stream = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        journal = Journal(
            self.logs.group(name),
            stream,
            function.logs,
            function.version,
            is_provisioned=provisioned,
        )
        temporary = self.packages.name_folder("tmp")
        home = _Home(
            function=function,
            name=name,
            stream=stream,
            temporary=temporary,
            kind="provisioned-concurrency" if provisioned else "on-demand",
        )

        async def spawn(
            on_extension: Callable[[str, str], None], on_limited: Callable[[bool], None]
        ) -> Child:
            return await self._spawn(home, on_extension, on_limited)

        is_slowed = self.settings.cpu == "proportional"
        return Environment(
            EnvironmentSpec(
                function,
                name,
                journal,
                temporary,
                spawn,
                provisioned,
                (name, function.version) in self.debug_ports,
                is_slowed,
                self._slow_inits,
                self.tracing.of(function, name),
            )
        )

    async def _spawn(
        self,
        home: _Home,
        on_extension: Callable[[str, str], None],
        on_limited: Callable[[bool], None],
    ) -> Child:
        function = covered(home.function)
        spawner = self.spawner(function)
        if isinstance(spawner, EnvironmentProblem):
            raise spawner
        self.packages.ensure(home.temporary)
        package = self.packages.prepare(function)
        environment = variables(function, self._place(home, package))
        start = Start(
            function,
            _settings(home, package, environment),
            environment,
            package,
            self.settings.account.account_id,
            on_extension,
            on_limited,
            (home.temporary, function.ephemeral_storage_mb * 1024 * 1024),
            self.debug_ports.get((home.name, function.version), 0),
        )
        if package.extensions and function.runtime.language != "provided":
            return await extended(spawner, self._zygotes, start)
        return await spawner.spawn(start)

    def _place(self, home: _Home, package: Package) -> Place:
        language = home.function.runtime.language
        return Place(
            deployed_name=home.name,
            region=self.settings.account.region,
            log_stream=home.stream,
            task_root=package.task_root,
            runtime_dir=str(RUNTIMES / language) if language != "provided" else "/var/runtime",
            opt=package.opt,
            temporary=home.temporary,
            path=os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            credentials=self._credentials(),
            initialization_type=home.kind,
            libraries=os.environ.get("LD_LIBRARY_PATH", ""),
            daemon=self.settings.tracing.xray or DaemonAddress("127.0.0.1", 2000),
        )

    def _credentials(self) -> dict[str, str]:
        """Those of this process where the user passes them on, else made-up ones."""
        if not self.settings.pass_credentials:
            return dict(CREDENTIALS)
        return {name: os.environ[name] for name in CREDENTIALS if name in os.environ}

    async def close(self) -> None:
        """Ends every process that is not part of an environment, and removes what was unpacked."""
        for spawner in self._spawners.values():
            await spawner.close()
        self._spawners.clear()
        await self._zygotes.close()
        await self.tracing.close()
        await asyncio.to_thread(self.packages.close)


def _settings(home: _Home, package: Package, environment: Mapping[str, str]) -> dict[str, object]:
    """What a bundled runtime is told of its function; `environment` are its variables."""
    function = home.function
    project = ProjectPackages()
    if function.runtime.language == "python":
        project = project_packages(package.task_root, function.runtime.version)
    return {
        "task_root": package.task_root,
        "opt": package.opt,
        "handler": function.handler,
        "environment": environment,
        "coverage": coverage_folder(environment),
        "function_name": home.name,
        "function_version": function.version,
        "memory_limit_in_mb": str(function.memory_mb),
        "log_group_name": environment["AWS_LAMBDA_LOG_GROUP_NAME"],
        "log_stream_name": home.stream,
        "log_format": function.logs.format,
        "log_level": function.logs.application_level,
        "runtime_version": list(function.runtime.version),
        "site_packages": list(project.folders),
        "names": list(function.local_names),
        "passed_over": list(project.passed_over),
    }


def _spawner_key(function: Function) -> str:
    language = function.runtime.language
    return language if language == "provided" else function.runtime.identifier
