# %% [markdown]
# # Quickstart
#
# Train two variants on scikit-learn's handwritten digits, compare them, and check that the figures
# can be trusted. No download and no GPU; a few minutes on two CPU cores. The commands are the same
# for CIFAR-10, without `dataset="digits"`.
#
# This notebook is made from `docs/quickstart.py`: `jupytext --to ipynb docs/quickstart.py`.

# %%
import tempfile
from pathlib import Path

import harness
import variants

results = Path(tempfile.mkdtemp()) / "results"

# %% [markdown]
# ## What is compared
#
# A variant is `paper` with what it changes. `baseline` has neither augmentation nor decay of the
# learning rate.

# %%
paper = variants.get("paper")
{name: variants.changes(variants.get(name), paper) for name in variants.names("ablations")}

# %% [markdown]
# ## Train
#
# The same seed gives the same weights, bit for bit. A run that is done is not trained again.

# %%
for name in ("baseline", "paper"):
    for seed in (0, 1):
        record = harness.run(name, seed, "digits", epochs=2, precision="fp32", results=results)
        accuracy, weights = record.metrics.accuracy, record.weights_sha256[:12]
        print(f"{name}, seed {seed}: accuracy {accuracy:.1%}, weights {weights}")

# %% [markdown]
# ## Compare
#
# Every record is a row; nested fields are columns.

# %%
runs = harness.load_records(results)
runs.groupby("variant")["metrics.accuracy"].agg(["count", "mean", "std"])

# %% [markdown]
# `compare` prints the table with intervals; here, as in a shell.

# %%
# !python -m harness compare --results {results}

# %% [markdown]
# ## Trust
#
# `check` recomputes everything that follows from something else; `verify` trains a run again and
# compares bits.

# %%
# !python -m harness check {results}

# %%
# !python -m harness verify {results}/digits/2-epochs-fp32/paper/seed-0

# %% [markdown]
# ## A variant of your own

# %%
variants.register(paper.derive("dropout_90", "dropout 0.9", dropout=0.9, family="own"))
record = harness.run("dropout_90", 0, "digits", epochs=2, precision="fp32", results=results)
print(f"accuracy {record.metrics.accuracy:.1%} with {record.parameters:,} parameters")

# %% [markdown]
# One file with all tables and figures: `python -m harness report --results ...`.

# %%
# !python -m harness report --results {results} --output {results}/report.html
