"""What every corpus script shares: the manifest's schema and its checks, the
speaker-disjoint splits, the search for usable files, and the writing.

A corpus script declares a `Corpus` and nothing else.
"""

import hashlib
import importlib
import itertools
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

import pandas as pd
import pandera.pandas as pa
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from ser.audio import find_defect
from ser.errors import RecipeError

logger = get_logger(__name__)

SPLITS = ("train", "valid", "test")
MIN_DURATION = 0.025  # s
AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

SCHEMA = pa.DataFrameSchema(
    {
        "ID": pa.Column(str, unique=True),
        "duration": pa.Column(  # s
            float, [pa.Check.gt(0), pa.Check.lt(float("inf"))]
        ),
        "wav": pa.Column(str, pa.Check.str_matches(r"\$data_root/[^$]+$")),
        "spk_id": pa.Column(str, pa.Check.str_length(min_value=1)),
        "gender": pa.Column(str, pa.Check.isin(["female", "male", "unknown"])),
        "emotion": pa.Column(str, pa.Check.str_length(min_value=1)),
        "sentence": pa.Column(str),
        "sample_rate": pa.Column(int, pa.Check.gt(0)),  # Hz, as found
        "channels": pa.Column(int, pa.Check.gt(0)),  # as found
        "sha256": pa.Column(str, pa.Check.str_length(64, 64)),  # of the file
    },
    strict=True,
    ordered=True,
)
COLUMNS = list(SCHEMA.columns)


@dataclass(frozen=True)
class Corpus:
    """What is particular to a corpus.

    Arguments
    ---------
    name : str
        As its authors write it.
    classes : tuple of str
        The emotions, in the order of the classifier's outputs.
    folds : tuple of tuple of str
        Test speakers of each fold of the default protocol.
    protocol : str
        What the folds are, in words for logs and reports.
    describe : Callable
        Takes a `PurePath` and returns a dict with `spk_id`, `gender`,
        `emotion` and `sentence`, or raises ValueError with the reason why the
        name does not parse.
    make : Callable or None
        Takes the data folder and makes the corpus, where one can be made.
    notice : str
        What must be said with every score.
    """

    name: str
    classes: tuple
    folds: tuple
    protocol: str
    describe: Callable[[PurePath], dict]
    make: Callable[[Path], None] | None = None
    notice: str = ""


def find_corpus(corpus):
    """Finds the declaration of a corpus by the name of its script.

    Arguments
    ---------
    corpus : str
        Such as "ravdess", for `data_prep/ravdess_prepare.py`.

    Returns
    -------
    Corpus

    Raises
    ------
    RecipeError
        If there is no such script.
    """
    scripts = Path(__file__).parent.glob("*_prepare.py")
    known = sorted(script.stem[: -len("_prepare")] for script in scripts)
    if corpus not in known:
        raise RecipeError(
            f"there is no corpus '{corpus}': expected one of "
            f"{', '.join(known)} (a script in data_prep/ for each)."
        )
    return importlib.import_module(f"data_prep.{corpus}_prepare").CORPUS


def number_of_classes(corpus):
    """How many emotions a corpus has, for `out_n_neurons` in a YAML file.

    Arguments
    ---------
    corpus : str
        Such as "ravdess".

    Returns
    -------
    int
    """
    return len(find_corpus(corpus).classes)


def prepare(corpus, data_folder, save_folder, fold, valid_ratio, min_duration):
    """Writes train.csv, valid.csv, test.csv and excluded.csv.

    Arguments
    ---------
    corpus : Corpus
        What is particular to the corpus.
    data_folder : str or pathlib.Path
        Where the corpus is, in any layout.
    save_folder : str or pathlib.Path
        Where the manifests go.
    fold : int
        Which fold is the test set, from 1.
    valid_ratio : float
        Share of the training speakers that go to validation.
    min_duration : float
        Shortest clip that is accepted, in seconds.

    Raises
    ------
    RecipeError
        If the folder holds nothing usable, the fold does not exist, a split
        is violated, or `save_folder` holds the manifests of other data.
    """
    if not min_duration >= MIN_DURATION:
        raise RecipeError(
            f"min_duration is {min_duration} s: expected {MIN_DURATION} or "
            "more, the receptive field of a wav2vec 2.0 front end."
        )
    if corpus.make:
        corpus.make(Path(data_folder))
    table, excluded = find_clips(corpus, Path(data_folder), min_duration)
    folds = available_folds(corpus, sorted(table["spk_id"].unique()))
    splits = split(table, folds, fold, valid_ratio)
    check_splits(splits)
    splits = {n: SCHEMA.validate(c[COLUMNS]) for n, c in splits.items()}
    paths = {name: Path(save_folder) / f"{name}.csv" for name in splits}
    for name, path in paths.items():
        if path.is_file() and not splits[name].equals(read_manifest(path)):
            raise RecipeError(
                f"{path} holds another split or other data than "
                f"{data_folder} has now: choose another --output_folder, or "
                "delete that one."
            )
    write_csv(excluded, Path(save_folder) / "excluded.csv")
    for name, clips in splits.items():
        write_csv(clips, paths[name])
        logger.info(
            "%s: %d clips, %.2f h, speakers %s",
            name,
            len(clips),
            clips["duration"].sum() / 3600,
            " ".join(sorted(clips["spk_id"].unique())),
        )
        lacking = sorted(set(corpus.classes) - set(clips["emotion"]))
        if lacking:
            logger.warning("%s holds no clip of %s", name, ", ".join(lacking))
    if len(excluded):
        reasons = Counter(excluded["reason"].str.split(":").str[0])
        logger.warning(
            "%d of %d files excluded (%s): see %s",
            len(excluded),
            len(excluded) + len(table),
            ", ".join(f"{n} {reason}" for reason, n in reasons.most_common()),
            Path(save_folder) / "excluded.csv",
        )


def find_clips(corpus, data_folder, min_duration):
    """Finds the usable clips of a folder and says why others are not.

    Arguments
    ---------
    corpus : Corpus
        What is particular to the corpus.
    data_folder : pathlib.Path
        Where the corpus is, in any layout.
    min_duration : float
        Shortest clip that is accepted, in seconds.

    Returns
    -------
    table : pandas.DataFrame
        A row a clip, columns as in `SCHEMA`, sorted by ID.
    excluded : pandas.DataFrame
        `path` relative to the folder, and `reason`.
    """
    if not data_folder.is_dir():
        raise RecipeError(
            f"the data folder '{data_folder}' is not a folder: pass the one "
            f"that holds {corpus.name} as --data_folder."
        )
    paths, others, excluded = list_files(data_folder)

    def examine(path):
        """Reads one file."""
        return examine_clip(corpus, data_folder, path, min_duration)

    # libsndfile lets go of the interpreter's lock, so threads are enough.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(
            tqdm(
                pool.map(examine, paths),
                f"reading {corpus.name}",
                len(paths),
                unit="clip",
                disable=None,
            )
        )
    excluded += [(path, reason) for path, reason, _ in results if reason]
    clips = [clip for _, reason, clip in results if not reason]
    table = pd.DataFrame(clips, columns=COLUMNS)
    table, conflicts = drop_conflicts(table)
    excluded = pd.DataFrame(excluded + conflicts, columns=["path", "reason"])
    excluded = excluded.sort_values("path", ignore_index=True)
    if table.empty:
        found = Counter(excluded["reason"].str.split(":").str[0])
        found.update(f"other file ({ending})" for ending in others.elements())
        found = [f"{n} {what}" for what, n in found.most_common(5)]
        raise RecipeError(
            f"no usable clip of {corpus.name} in '{data_folder}': looked for "
            f"audio ({' '.join(AUDIO_ENDINGS)}) in it and below, found "
            f"{', '.join(found) or 'no file at all'}; pass the folder as "
            "--data_folder and its corpus as --corpus."
        )
    return table.sort_values("ID", ignore_index=True), excluded


def list_files(data_folder):
    """Lists the audio files of a folder and all below it.

    Arguments
    ---------
    data_folder : pathlib.Path
        Where to look.

    Returns
    -------
    paths : list of pathlib.Path
        Sorted, so that what is kept of two copies does not depend on the disk.
    others : collections.Counter
        Endings of the files that do not claim to be audio.
    excluded : list of (str, str)
        Folders that may not be listed, and the reason.
    """
    paths, others, excluded = [], Counter(), []

    def refuse(error):
        """Notes a folder that cannot be listed."""
        folder = Path(error.filename).relative_to(data_folder).as_posix()
        excluded.append((folder, "folder cannot be listed"))

    seen = set()  # links to folders are followed, in a circle but once
    for folder, below, names in os.walk(
        data_folder, onerror=refuse, followlinks=True
    ):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        for name in names:
            ending = Path(name).suffix.lower()
            if ending in AUDIO_ENDINGS:
                paths.append(Path(folder) / name)
            else:
                others[ending or "no ending"] += 1
    return sorted(paths), others, excluded


def examine_clip(corpus, data_folder, path, min_duration):
    """Reads one file.

    Returns
    -------
    path : str
        Relative to the folder, with forward slashes.
    reason : str or None
        Why it is excluded; what follows a colon is particular to the file.
    clip : dict or None
        A row of the manifest.
    """
    relative = path.relative_to(data_folder).as_posix()
    if "\r" in relative or not is_unicode(relative):
        relative = relative.encode("utf-8", "backslashreplace").decode()
        return relative, "carriage return or broken Unicode in the path", None
    try:
        if "$" in relative:
            raise ValueError("a $ in the path, a variable to SpeechBrain")
        clip = corpus.describe(PurePath(relative))
        if clip["emotion"] not in corpus.classes:
            raise ValueError(f"emotion not in the class set: {clip['emotion']}")
        if not path.is_file():
            raise ValueError("not a regular file")
        content = path.read_bytes()
    except PermissionError:
        return relative, "no permission to read it", None
    except (OSError, ValueError) as error:
        return relative, str(error), None
    reason, facts = find_defect(content, min_duration)
    if reason:
        return relative, reason, None
    clip |= facts | {
        "ID": path.stem,
        "wav": f"$data_root/{relative}",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return relative, None, clip


def is_unicode(text):
    """Says whether a path can be written into a CSV file: some file systems
    hold names that are no text."""
    try:
        return bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def drop_conflicts(table):
    """Drops second files of one ID, and one speaker's identical audio under
    two labels, of which at least one is wrong.

    Returns
    -------
    table : pandas.DataFrame
        What is left.
    excluded : list of (str, str)
        Path and reason of what is not.
    """
    first = table.drop_duplicates("ID").set_index("ID")["wav"]
    second = table["ID"].duplicated()
    labels = table[~second].groupby(["sha256", "spk_id"])["emotion"]
    torn = (labels.transform("nunique") > 1).reindex(
        table.index, fill_value=False
    )
    excluded = [
        (clip.wav, f"second file of one name: the first is {first[clip.ID]}")
        for clip in table[second].itertuples()
    ] + [
        (clip.wav, f"identical audio under two labels: {clip.sha256}")
        for clip in table[torn].itertuples()
    ]
    excluded = [(path[len("$data_root/") :], why) for path, why in excluded]
    return table[~second & ~torn], excluded


def available_folds(corpus, speakers):
    """The protocol's folds, or folds of the speakers there are.

    Arguments
    ---------
    corpus : Corpus
        Whose `folds` name the test speakers of a whole corpus.
    speakers : list of str
        Those found, sorted.

    Returns
    -------
    list of list of str
        Test speakers of each fold.
    """
    known = set(itertools.chain(*corpus.folds))
    if not known.issuperset(speakers):
        raise RecipeError(
            f"speakers {' '.join(sorted(set(speakers) - known))} are in no "
            f"fold of {corpus.name}: mend the folds of its script."
        )
    missing = sorted(known - set(speakers))
    folds = [[s for s in fold if s in speakers] for fold in corpus.folds]
    if not all(folds):
        number = min(len(folds), len(speakers))
        folds = [speakers[start::number] for start in range(number)]
        logger.warning(
            "%s has %d speakers here, too few for its protocol (%s): made %d "
            "folds of those that are there",
            corpus.name,
            len(speakers),
            corpus.protocol,
            number,
        )
    elif missing:
        logger.warning(
            "%s lacks speakers %s: their folds do without them",
            corpus.name,
            " ".join(missing),
        )
    return folds


def describe_protocol(corpus, manifests):
    """Says in words what split was made.

    Arguments
    ---------
    corpus : Corpus
        What is particular to the corpus.
    manifests : dict
        From "train", "valid" and "test" to their clips.

    Returns
    -------
    str
        The corpus's protocol, or what took its place.
    """
    speakers = set(pd.concat(manifests.values())["spk_id"])
    lacking = set(itertools.chain(*corpus.folds)) - speakers
    if not lacking:
        return corpus.protocol
    return (
        f"folds of the {len(speakers)} speakers that are there, for lack of "
        f"{len(lacking)} of {corpus.protocol}"
    )


def split(table, folds, fold, valid_ratio):
    """Splits a corpus by speakers.

    The validation speakers are the next ones after the test speakers, the
    genders in turn, so each fold has its own and they do not depend on a seed.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips.
    folds : list of list of str
        Test speakers of each fold.
    fold : int
        Which fold is the test set, from 1.
    valid_ratio : float
        Share of the training speakers that go to validation.

    Returns
    -------
    dict
        From "train", "valid" and "test" to their clips.
    """
    if not isinstance(fold, int) or not 1 <= fold <= len(folds):
        raise RecipeError(
            f"fold {fold} does not exist: there are folds 1 to {len(folds)}."
        )
    test = folds[fold - 1]
    ring = list(itertools.chain(*folds[fold:], *folds[: fold - 1]))
    if len(ring) < 2:
        raise RecipeError(
            f"{len(ring) + len(test)} speakers were found, and a split by "
            "speakers needs 3 or more (train, valid, test): add speakers."
        )
    gender = table.drop_duplicates("spk_id").set_index("spk_id")["gender"]
    genders = [
        [s for s in ring if gender[s] == g] for g in gender[ring].unique()
    ]
    in_turn = [
        s for s in itertools.chain(*itertools.zip_longest(*genders)) if s
    ]
    number = min(max(1, round(valid_ratio * len(ring))), len(ring) - 1)
    valid = in_turn[:number]
    train = sorted(set(ring) - set(valid))
    return {
        name: table[table["spk_id"].isin(speakers)].reset_index(drop=True)
        for name, speakers in zip(SPLITS, (train, valid, test))
    }


def check_splits(splits):
    """Raises where a speaker or identical audio is on two sides.

    Arguments
    ---------
    splits : dict
        From the name of a split to its clips.

    Raises
    ------
    RecipeError
        Naming the first pair.
    """
    for (one, left), (two, right) in itertools.combinations(splits.items(), 2):
        for column, what in (("spk_id", "speaker"), ("sha256", "audio")):
            pairs = left.merge(right, on=column, suffixes=("_1", "_2"))
            if len(pairs):
                pair = pairs.iloc[0]
                raise RecipeError(
                    f"the splits share {what}: {pair['ID_1']} in {one} and "
                    f"{pair['ID_2']} in {two} have the same {column} "
                    f"{pair[column]}; remove one of them."
                )


def manifest_sha256(paths):
    """Hashes manifests, and with them the split and the audio.

    Arguments
    ---------
    paths : list of str or pathlib.Path
        CSV files.

    Returns
    -------
    str
    """
    content = b"".join(Path(path).read_bytes() for path in paths)
    return hashlib.sha256(content).hexdigest()


def read_manifest(path):
    """Reads a manifest and checks it.

    Arguments
    ---------
    path : str or pathlib.Path
        A CSV file that `prepare` wrote, or one like it.

    Returns
    -------
    pandas.DataFrame
        A row a clip, columns as in `SCHEMA`.

    Raises
    ------
    RecipeError
        If the file is not there or does not fit the schema.
    """
    types = {name: column.dtype.type for name, column in SCHEMA.columns.items()}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if table.empty:
            raise ValueError("it holds no clip")
        return SCHEMA.validate(table.astype(types))
    except (OSError, ValueError, KeyError, pa.errors.SchemaError) as error:
        raise RecipeError(
            f"{path} is not a manifest with the columns {', '.join(COLUMNS)} "
            f"({error}): prepare the data again."
        ) from error


def write_csv(table, path):
    """Writes a table whole or not at all.

    Arguments
    ---------
    table : pandas.DataFrame
        What to write.
    path : pathlib.Path
        Where; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    table.to_csv(unfinished, index=False, lineterminator="\n", encoding="utf-8")
    os.replace(unfinished, path)
