"""The AWS partitions that policies are tested in."""

import pytest

from infra.aws_context import AwsContext
from tests.support.permissions import CONTEXTS


@pytest.fixture(params=CONTEXTS, ids=lambda context: context.partition)
def context(request: pytest.FixtureRequest) -> AwsContext:
    assert isinstance(request.param, AwsContext)
    return request.param
