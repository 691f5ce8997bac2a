"""The function that a handler's name means, and why init failed where it means none."""

import importlib
import logging
import sys

import advice
from errors import error, stack_of
from log import log_error

WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior."
)


class FailedInit(Exception):
    """Init failed; `payload` is Lambda's error object as JSON bytes."""

    def __init__(self, kind, message, stack=()):
        super().__init__(message)
        self.payload = error(kind, message, "", list(stack))
        logging.getLogger().warning(WARNING)
        log_error(kind, message, list(stack))


def load(settings):
    """The handler function: `package/module.function`, split at the last dot."""
    handler = settings["handler"]
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise FailedInit(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    dotted = module_name.replace("/", ".")
    if dotted.partition(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise FailedInit("Runtime.BuiltInModuleConflict", message)
    try:
        module = importlib.import_module(dotted)
    except ImportError as fault:
        message = f"Unable to import module '{module_name}': {fault}"
        remedy = advice.missing_module(fault, settings)
        message += f" ({remedy})" if remedy else ""
        raise FailedInit("Runtime.ImportModuleError", message) from None
    except SyntaxError as fault:
        where = f'  File "{fault.filename}" Line {fault.lineno}\n    {(fault.text or "").strip()}'
        message = f"Syntax error in module '{module_name}': {fault}"
        raise FailedInit("Runtime.UserCodeSyntaxError", message, [where]) from None
    except Exception as fault:
        raise FailedInit(type(fault).__name__, str(fault), stack_of(fault, 1)) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FailedInit("Runtime.HandlerNotFound", message) from None
