"""What follows train.py's marker in an export, in place of the reports of this
repository.
"""

import sys
from pathlib import Path

import torch
from train import fit_and_test

import speechbrain as sb
from speechbrain.utils.distributed import run_on_main

# RECIPE BEGINS!
if __name__ == "__main__":
    import json
    import time

    from hyperpyyaml import load_hyperpyyaml
    from ser.errors import user_errors
    from ser.speakers import RULE
    from sklearn import metrics

    # Reading command line arguments, and those of DDP training
    hparams_file, run_opts, overrides = sb.parse_arguments(sys.argv[1:])
    sb.utils.distributed.ddp_init_group(run_opts)

    with user_errors():
        with open(hparams_file, encoding="utf-8") as fin:
            hparams = load_hyperpyyaml(fin, overrides)
        folder = Path(hparams["output_folder"])
        sb.create_experiment_directory(folder, hparams_file, overrides)
        run_on_main(hparams["prepare"])
        brain = fit_and_test(hparams, run_opts)

        table = brain.predictions
        pair = table["truth"], table["prediction"]
        scores = {
            "uar": metrics.balanced_accuracy_score(*pair),
            "wa": metrics.accuracy_score(*pair),
            "macro_f1": metrics.f1_score(*pair, average="macro"),
        }
        hparams["train_logger"].log_stats(
            {"epoch loaded": brain.best_epoch, "fold": hparams["fold"]},
            test_stats=scores,
        )
        if sb.utils.distributed.if_main_process():
            table.to_csv(folder / "predictions.csv", index=False)
            (folder / "metrics.json").write_text(json.dumps(scores, indent=2))
            scores = ", ".join(f"{k} {100 * v:.1f}" for k, v in scores.items())
            print(f"Test of fold {hparams['fold']}, in %: {scores}")
            if hparams["normalise"] == "speaker":
                print(f"It used the test speakers' unlabelled clips; {RULE}.")
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        # Gloo's thread drops its last tensor, for which Python must still run.
        time.sleep(1)  # s
