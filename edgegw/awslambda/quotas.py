"""How much a function may have.

Requests never meet these: they are what AWS refuses when something is made.
"""

from __future__ import annotations

from typing import Final

MAX_FUNCTION_TIMEOUT: Final = 900
"""Seconds that an invocation may take at most.

Source: Lambda Developer Guide, "Lambda quotas", function configuration.
"""
MEMORY_RANGE: Final = (128, 10240)
"""Least and most memory of a function, in megabytes.

Source: Lambda Developer Guide, "Lambda quotas", function configuration.
"""
STORAGE_RANGE: Final = (512, 10240)
"""Least and most temporary storage of a function, in megabytes.

Source: Lambda Developer Guide, "Lambda quotas", function configuration.
"""
MAX_LAYERS: Final = 5
"""Layers of a function.

Source: Lambda Developer Guide, "Lambda quotas", function configuration.
"""
