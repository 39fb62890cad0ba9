"""Train a small model on the diabetes data that scikit-learn ships; write model.skops and sample.csv.

pip install -r requirements.txt
python train.py
"""

import csv
import sys
from pathlib import Path

import skops.io
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent


def main() -> None:
    """Fit, say how good it is on rows that it has not seen, save."""
    data = load_diabetes()
    rows, unseen, progress, unseen_progress = train_test_split(data.data, data.target, random_state=7)
    model = make_pipeline(StandardScaler(), Ridge()).fit(rows, progress)
    sys.stdout.write(f"R² on {len(unseen)} rows that it has not seen: {model.score(unseen, unseen_progress):.2f}\n")
    skops.io.dump(model, HERE / "model.skops")
    with (HERE / "sample.csv").open("w", newline="", encoding="utf-8") as sample:
        csv.writer(sample).writerows([data.feature_names, unseen[0].tolist()])


if __name__ == "__main__":
    main()
