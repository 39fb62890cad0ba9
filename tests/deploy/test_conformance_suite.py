"""The suite itself: each broken provider is caught, and by the promise whose name says what is wrong with it."""

# pytester forgets every module that a run inside of it has imported first; httpx would remember the classes of a
# forgotten httpcore, and let the errors of the next one through.
import httpcore  # noqa: F401
import httpx  # noqa: F401
import pytest

from rtdeploy.testing import ProviderConformance
from rtdeploy.testing.memory import MemoryProvider
from tests.deploy.broken_providers import BROKEN

pytest_plugins = ["pytester"]

SUITE = """
from tests.deploy.broken_providers import {name}
from tests.deploy.conftest import context, make, platform
from tests.deploy.test_memory_provider import MemoryConformance


class TestBroken(MemoryConformance):
    deadline_s = 0.3

    def connect(self, context, platform):
        return {name}(context, platform)
"""


def failures(pytester: pytest.Pytester, name: str) -> set[str]:
    """Run the whole suite against one provider; names of the promises that are broken."""
    pytester.makepyfile(SUITE.format(name=name))
    result = pytester.inline_run("-p", "no:cacheprovider", "--import-mode=importlib", "-q")
    passed, skipped, failed = result.listoutcomes()
    assert not skipped
    assert passed
    return {report.nodeid.rpartition("::")[2] for report in failed}


@pytest.mark.parametrize(("provider", "promise"), BROKEN, ids=[provider.__name__ for provider, _ in BROKEN])
def test_a_broken_provider_is_caught_by_the_promise_that_names_its_fault(
    pytester: pytest.Pytester, provider: type[MemoryProvider], promise: str
) -> None:
    assert failures(pytester, provider.__name__) == {promise}


def test_all_thirteen_faults_have_a_promise_of_their_own() -> None:
    promises = [promise for _, promise in BROKEN]
    assert len(set(promises)) == 13
    assert all(hasattr(ProviderConformance, promise) for promise in promises)


def test_a_subclass_may_not_replace_a_promise() -> None:
    with pytest.raises(TypeError, match="test_removing_what_is_not_there_succeeds"):
        type("TestMine", (ProviderConformance,), {"test_removing_what_is_not_there_succeeds": lambda self: None})


def test_a_promise_cannot_be_replaced_by_a_class_mixed_in() -> None:
    mixin = type("Mixin", (), {"test_removing_what_is_not_there_succeeds": None})
    with pytest.raises(TypeError, match="may not replace"):
        type("TestMine", (mixin, ProviderConformance), {})


def test_a_subclass_may_add_tests() -> None:
    assert type("TestMine", (ProviderConformance,), {"test_mine": lambda self: None})
