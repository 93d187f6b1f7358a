"""The Pulumi program: create one scope's component, and export its outputs."""

import pulumi

from infra import settings
from infra.app import App
from infra.bootstrap import Bootstrap

config = settings.read()
scope = App("app", config) if isinstance(config, settings.AppSettings) else Bootstrap("bootstrap", config)
for key, value in scope.outputs.items():
    pulumi.export(key, value)
