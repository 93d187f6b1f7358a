"""The plugin's process. It needs Pulumi's protocol alone, and the rest of the SDK takes longer to import than all else.

So the two packages above the protocol's modules are loaded without what their __init__ modules would import.
"""

import gc
import importlib.util
import sys

gc.disable()  # the process runs for one operation
for name in ("pulumi", "pulumi.runtime"):
    spec = importlib.util.find_spec(name)
    assert spec is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)

from local_aws.provider import plugin  # noqa: E402

plugin.main()
