"""What every provider promises, as a class of tests that its own test class inherits."""

from rtdeploy.testing.changing import Changing
from rtdeploy.testing.looking import Looking
from rtdeploy.testing.making import Making
from rtdeploy.testing.refusing import Refusing
from rtdeploy.testing.removing import Removing

__all__ = ["ProviderConformance"]


class ProviderConformance(Looking, Making, Changing, Removing, Refusing):
    """The promises; each is one test, and its name is the promise.

    A subclass supplies parts as fixtures: ``reconnect``, ``desired``, ``broken_bundle``, ``refused``,
    ``alternatives``, ``sample``, and where it has any ``refusals``
    (see :class:`rtdeploy.testing.steps.Steps`). It may add tests; it may not replace a promise::

        class TestMyProvider(ProviderConformance):
            deadline_s = 120

            @pytest.fixture
            def reconnect(self, tmp_path):
                return lambda: my_provider.connect(Context(project="p", root=tmp_path, home=tmp_path / ".rtdeploy"))

            @pytest.fixture
            def provider(self, reconnect):
                provider = reconnect()
                yield provider
                provider.delete(self.target)
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Refuse a subclass that replaces a promise."""
        super().__init_subclass__(**kwargs)
        promises = [name for name in dir(ProviderConformance) if name.startswith("test_")]
        replaced = [name for name in promises if getattr(cls, name, None) is not getattr(ProviderConformance, name)]
        if replaced:
            raise TypeError(
                f"{cls.__name__} may not replace the promise {', '.join(replaced)}; make the provider keep it"
            )
