"""Thirteen providers, each wrong in one way, beside the promise that each one breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from rtdeploy.deploy.contract import Desired, Feature, Json, Observed, Support
from rtdeploy.errors import DeniedError
from rtdeploy.testing.memory import FEATURES, MemoryProvider
from rtdeploy.testing.platform import SdkError

__all__ = ["BROKEN"]


class ForgetsAField(MemoryProvider):
    """One setting is sent, and left out when read back."""

    def observe(self, target: str) -> Observed | None:
        found = super().observe(target)
        if found is None:
            return None
        kept = [replace(v, settings={k: x for k, x in v.settings.items() if k != "note"}) for v in found.versions]
        return replace(found, versions=tuple(kept))


class IgnoresUpdate(MemoryProvider):
    """Says yes to an update and does nothing."""

    def update(self, desired: Desired, version: str) -> None:
        with self._translated(desired.target):
            self._platform.patch_version((self._project, desired.target), version, self._current(desired, version))

    def _current(self, desired: Desired, version: str) -> Mapping[str, Json]:
        found = self._platform.describe((self._project, desired.target))
        known = {record.name: record.settings for record in found[2]} if found else {}
        return known.get(version, {})


class AnswersFromMemory(MemoryProvider):
    """Once a target is ready, asks the platform again only after its own changes."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._seen: dict[str, Observed] = {}

    def observe(self, target: str) -> Observed | None:
        if target not in self._seen:
            found = super().observe(target)
            if found is None or any(version.state != "ready" for version in found.versions):
                return found
            self._seen[target] = found
        return self._seen[target]

    def create(self, desired: Desired, version: str) -> None:
        self._seen.clear()
        super().create(desired, version)

    def update(self, desired: Desired, version: str) -> None:
        self._seen.clear()
        super().update(desired, version)

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        self._seen.clear()
        super().traffic(target, weights)

    def delete(self, target: str, version: str | None = None) -> None:
        self._seen.clear()
        super().delete(target, version)


class RaisesOnAnUnknownName(MemoryProvider):
    """Lets "not found" through, translated well, where absence should be reported."""

    def observe(self, target: str) -> Observed | None:
        found = super().observe(target)
        if found is None and target == "never-made":
            raise self._translate(target, SdkError("NotFound", target))
        return found


class WritesWhilePlanning(MemoryProvider):
    """Stamps a target when it looks at it."""

    def observe(self, target: str) -> Observed | None:
        found = super().observe(target)
        if found is not None and all(version.state == "ready" for version in found.versions):
            newest = found.versions[-1]
            self._platform.patch_version((self._project, target), newest.name, newest.settings)
        return found


class FailsOnASecondDelete(MemoryProvider):
    """Refuses to remove what is gone."""

    def delete(self, target: str, version: str | None = None) -> None:
        with self._translated(target):
            if version is None:
                self._platform.drop_endpoint((self._project, target))
            else:
                self._platform.drop_version((self._project, target), version)


class ConstantRevision(MemoryProvider):
    """Every state has the same revision."""

    def observe(self, target: str) -> Observed | None:
        found = super().observe(target)
        return replace(found, revision="1") if found else None


class DropsAutoscaling(MemoryProvider):
    """Claims autoscaling, and does not pass the bounds on."""

    def _settings(self, desired: Desired) -> Mapping[str, Json]:
        return {name: value for name, value in desired.settings.items() if not name.startswith("scale.")}


class ForgetsToDeclareAFeature(MemoryProvider):
    """Says nothing about one feature."""

    features: Mapping[Feature, Support] = MappingProxyType(
        {feature: support for feature, support in FEATURES.items() if feature is not Feature.MIRROR}
    )


class ReadyWithoutAnEndpoint(MemoryProvider):
    """Does not say where the target answers."""

    def observe(self, target: str) -> Observed | None:
        found = super().observe(target)
        return replace(found, endpoint=None) if found and len(found.versions) == 1 else found


class LetsAnSdkErrorEscape(MemoryProvider):
    """Has no translation for one of the platform's refusals."""

    def _translate(self, target: str, refusal: SdkError) -> Exception:
        return refusal if refusal.code == "Quota" else super()._translate(target, refusal)


class TranslatesEverythingToDenied(MemoryProvider):
    """Calls every refusal a lack of permission."""

    def _translate(self, target: str, refusal: SdkError) -> Exception:
        return DeniedError(f"Denied: {target}.", remedy="Ask for permission.", detail=str(refusal))


class LeavesAHalfMadeEndpoint(MemoryProvider):
    """Makes an endpoint for a version that is then refused, and leaves it there."""

    def create(self, desired: Desired, version: str) -> None:
        with self._translated(desired.target):
            self._platform.put_endpoint((self._project, desired.target))
            self._put((self._project, desired.target), desired, version)


BROKEN: Sequence[tuple[type[MemoryProvider], str]] = (
    (ForgetsAField, "test_every_declared_field_is_read_back"),
    (IgnoresUpdate, "test_an_update_in_place_is_carried_out"),
    (AnswersFromMemory, "test_what_is_reported_comes_from_the_platform_and_not_from_memory"),
    (RaisesOnAnUnknownName, "test_an_unknown_name_is_absent_and_not_an_error"),
    (WritesWhilePlanning, "test_observing_and_planning_change_nothing"),
    (FailsOnASecondDelete, "test_removing_what_is_not_there_succeeds"),
    (ConstantRevision, "test_every_change_gives_another_revision"),
    (DropsAutoscaling, "test_a_feature_that_is_claimed_is_honoured"),
    (ForgetsToDeclareAFeature, "test_every_feature_is_declared_and_every_absence_has_a_note"),
    (ReadyWithoutAnEndpoint, "test_a_ready_target_has_an_endpoint_that_answers"),
    (LetsAnSdkErrorEscape, "test_no_error_of_the_platforms_own_kit_escapes"),
    (TranslatesEverythingToDenied, "test_each_refusal_becomes_the_error_that_says_what_it_is"),
    (LeavesAHalfMadeEndpoint, "test_a_failed_create_leaves_nothing"),
)
