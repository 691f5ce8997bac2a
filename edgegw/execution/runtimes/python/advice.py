"""What to do about a module that is missing here and would be there on AWS, or in the project.

On AWS the SDK is part of the runtime. Here it is the project's, as every package is.
"""

OF_THE_RUNTIME = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"})


def missing_module(fault, settings) -> str:
    """A sentence about `fault`, an ImportError; empty where there is nothing to say."""
    package = (getattr(fault, "name", None) or "").partition(".")[0]
    if not package or not isinstance(fault, ModuleNotFoundError):
        return ""
    version = ".".join(map(str, settings["runtime_version"][:2]))
    said = []
    if package in OF_THE_RUNTIME:
        name = "python-dateutil" if package == "dateutil" else package
        text = f"{package} is part of Lambda's runtime, but not of this one: install it ("
        said.append(f"{text}pip install {name}) into a .venv of Python {version} of the project")
    for folder in settings["passed_over"]:
        venv, _, python = folder.rpartition("/lib/")
        text = f"the packages in {venv} are for {python.replace('python', 'Python ')} and were "
        said.append(f"{text}passed over, as this function is for Python {version}")
    return "; ".join(said)
