"""Bundle → server: the protocols translate, one core predicts."""
