"""Promises about what a provider reports."""

# ruff: noqa: D102 - the name of a promise is what it says

from collections.abc import Callable, Mapping

from rtdeploy.deploy.contract import Check, Feature, Json, Provider
from rtdeploy.deploy.plan import differences, make_plan
from rtdeploy.testing.steps import FEATURE_SETTINGS, DesiredFactory, Steps

__all__ = ["Looking"]


class Looking(Steps):
    """Reporting changes nothing, invents nothing and forgets nothing."""

    def test_connecting_and_checking_need_nothing_and_say_what_to_do(self, provider: Provider) -> None:
        checks = provider.check()
        assert all(isinstance(check, Check) for check in checks)
        assert all(check.remedy for check in checks if not check.ok)
        assert provider.name

    def test_every_feature_is_declared_and_every_absence_has_a_note(self, provider: Provider) -> None:
        assert set(provider.features) == set(Feature)
        assert [f for f, support in provider.features.items() if not support.available and not support.note] == []

    def test_an_unknown_name_is_absent_and_not_an_error(self, provider: Provider) -> None:
        assert provider.observe("never-made") is None

    def test_observing_and_planning_change_nothing(self, provider: Provider, desired: DesiredFactory) -> None:
        make_plan(desired(), provider.observe(self.target), provider)
        assert provider.observe(self.target) is None
        self.deployed(provider, desired())
        before = self.gist(provider)
        make_plan(desired(2), self.observed(provider), provider)
        provider.check()
        provider.endpoint(self.target, "v1")
        assert self.gist(provider) == before

    def test_what_is_reported_comes_from_the_platform_and_not_from_memory(
        self, provider: Provider, reconnect: Callable[[], Provider], desired: DesiredFactory
    ) -> None:
        self.deployed(provider, desired())
        self.observed(provider)
        other = reconnect()
        assert [v.name for v in self.observed(other).versions] == ["v1"]
        other.create(desired(2), "v2")
        self.eventually(lambda: self.version(provider, "v2"), "a version made over another connection")
        other.delete(self.target)
        self.gone(provider)

    def test_every_field_has_another_value_to_test_with(
        self, provider: Provider, desired: DesiredFactory, alternatives: Mapping[str, Json]
    ) -> None:
        assert set(alternatives) == set(provider.fields)
        assert set(desired().settings) <= set(provider.fields)

    def test_every_declared_field_is_read_back(
        self, provider: Provider, desired: DesiredFactory, alternatives: Mapping[str, Json]
    ) -> None:
        plain = {name: value for name, value in alternatives.items() if name not in FEATURE_SETTINGS}
        wanted = desired(settings=plain)
        assert differences(wanted, self.deployed(provider, wanted), provider) == ()

    def test_done_means_that_the_next_plan_is_empty(self, provider: Provider, desired: DesiredFactory) -> None:
        self.deployed(provider, desired())
        self.planned_empty(provider, desired())
        self.deployed(provider, desired(2), "v2")
        provider.traffic(self.target, {"v2": 100})
        provider.delete(self.target, "v1")
        self.planned_empty(provider, desired(2))

    def test_the_environment_is_compared_by_digest_and_never_shown(
        self, provider: Provider, desired: DesiredFactory
    ) -> None:
        secret = desired(environment={"TOKEN": "hunter2-hunter2"})
        made = self.deployed(provider, secret)
        assert differences(secret, made, provider) == ()
        assert differences(desired(environment={"TOKEN": "another"}), made, provider) != ()
        shown = repr(self.observed(provider)) + repr(provider) + repr(secret)
        assert "hunter2" not in shown
