"""Train a small classifier and write model.skops and sample.csv beside this file.

Needs scikit-learn, skops and pandas beside rtdeploy; then `rtdeploy deploy local` and `rtdeploy bench local` go on.
"""

from pathlib import Path

import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent


def main() -> None:
    """Fit, say how good it is on rows it has not seen, save."""
    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    train, test, train_labels, test_labels = train_test_split(rows, labels, random_state=7, stratify=labels)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, train_labels)
    print(f"accuracy on {len(test)} held-out rows: {model.score(test, test_labels):.3f}")
    skops.io.dump(model, HERE / "model.skops")
    test.head(1).to_csv(HERE / "sample.csv", index=False)


if __name__ == "__main__":
    main()
