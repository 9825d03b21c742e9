"""Tables of recipes that SpeechBrain's recipe tests read: a row for each
settings file, in tests/recipes/<corpus>.csv.
"""

import pandas as pd

COLUMNS = (
    "Task Dataset Script_file Hparam_file Data_prep_file Readme_file "
    "Result_url HF_repo test_debug_flags test_debug_checks performance"
).split()
LOGS = "train_log.txt,log.txt,env.log,hyperparams.yaml,save/label_encoder.txt"


def recipe_name(corpus):
    """Returns the name of a corpus's folder in recipes/, such as
    RAVDESS-song."""
    return corpus.name.replace(" ", "-")


def recipe_table(corpus, rows):
    """Writes the table of a corpus's recipes.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Of the recipes.
    rows : list of dict
        From some of the columns to texts. The one for the checks lists what a
        whole run leaves beside the logs: without any, the test trains on a few
        batches only, or else for two epochs, whose loss is checked.

    Returns
    -------
    str
        In CSV.
    """
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["Task"], table["Dataset"] = "Emotion_recognition", recipe_name(corpus)
    loss = " performance_check=[train_log.txt, train loss, <3, epoch: 2]"
    table["test_debug_checks"] = [
        f"file_exists=[{LOGS},{results}]{loss}"
        if results
        else f"file_exists=[{LOGS}]"
        for results in table["test_debug_checks"]
    ]
    return table.to_csv(index=False, lineterminator="\n")
