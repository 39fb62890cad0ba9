"""One project as the commands see it: its file, its store, its targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rtdeploy.cli.console import Conversation
from rtdeploy.errors import UsageError

if TYPE_CHECKING:
    from rtdeploy.bundle import Bundle
    from rtdeploy.deploy.contract import Desired, Observed, Provider
    from rtdeploy.spec import Override
    from rtdeploy.spec.model import Spec

__all__ = ["Workspace"]

HOME = ".rtdeploy"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """An open project: ``root`` is where its file lies, ``home`` where rtdeploy keeps what it makes."""

    spec: "Spec"
    root: Path

    @classmethod
    def open(cls, file: Path, overrides: "Mapping[str, Override] | None" = None) -> "Workspace":
        """Load the file, with what flags say instead."""
        from rtdeploy import spec

        return cls(spec=spec.load(file, overrides=overrides or {}), root=file.resolve().parent)

    @property
    def home(self) -> Path:
        """Directory of bundles, runs, history and locks."""
        return self.root / HOME

    @property
    def store(self) -> Path:
        """Directory of the bundles."""
        return self.home / "bundles"

    @property
    def runs(self) -> Path:
        """Directory of the benches' results."""
        return self.home / "runs"

    @cached_property
    def bundle(self) -> "Bundle":
        """The packaged model; unchanged input is recognised."""
        from rtdeploy import bundle

        return bundle.package(self.spec.model, name=self.spec.name, root=self.root, store=self.store)

    def bundle_with_progress(self, talk: Conversation) -> "Bundle":
        """Package and say what came out."""
        talk.waiting(f"packaging {self.spec.name}")
        packaged = self.bundle
        how = "unchanged" if packaged.reused else "packaged"
        talk.done(f"{how} {packaged.name} ({packaged.flavour}, {packaged.digest[:19]})")
        if packaged.sample_origin == "made":
            talk.step("  no model.sample in the file: the sample is one row of zeros, and so is the load of a bench")
        return packaged

    def provider(self, target: str) -> "Provider":
        """Connect to the platform of a target."""
        from rtdeploy import deploy
        from rtdeploy.deploy.contract import Context

        self.require(target)
        context = Context(project=self.spec.name, root=self.root, home=self.home)
        return deploy.connect(self.spec.targets[target].provider, context)

    def desired(self, target: str) -> "Desired":
        """The target as the file wants it."""
        from rtdeploy import deploy

        return deploy.desired_of(self.spec, target, self.bundle)

    def observed(self, target: str) -> "Observed":
        """The target as it is; a target that is not deployed is an error that says so."""
        observed = self.provider(target).observe(target)
        if observed is None:
            raise UsageError(f"{target} is not deployed.", remedy=f"rtdeploy deploy {target}")
        return observed

    def sample(self, digest: str) -> bytes:
        """The sample request of a bundle that was packaged here."""
        from rtdeploy import bundle

        return bundle.find(self.store, digest).sample

    def require(self, target: str) -> None:
        """Refuse a target that the file does not have."""
        if target in self.spec.targets:
            return
        near = get_close_matches(target, self.spec.targets, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"The file has: {', '.join(self.spec.targets)}."
        raise UsageError(f"No target {target!r} in the file.", remedy=hint)
