"""rtdeploy.yaml → :class:`~rtdeploy.spec.model.Spec`: units, precedence, every mistake with its place."""
