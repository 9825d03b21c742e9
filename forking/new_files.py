"""Several new files that are written together or not at all."""

from ser.errors import RecipeError
from ser.files import write_text


def write_new(files, root):
    """Writes new files, or leaves everything as it was.

    Arguments
    ---------
    files : dict
        From paths, relative to the root, to texts.
    root : pathlib.Path
        Where they go.

    Raises
    ------
    RecipeError
        If one of them exists.

    Example
    -------
    >>> from pathlib import Path
    >>> root = Path(getfixture("tmpdir"))
    >>> write_new({"a/b.txt": "text"}, root)
    >>> (root / "a/b.txt").read_text()
    'text'
    """
    for path in files:
        if (root / path).exists():
            raise RecipeError(
                f"{root / path} is there already: choose another name, or "
                "delete it."
            )
    made = []
    try:
        for path, text in files.items():
            folders = reversed((root / path).parents)
            made += [folder for folder in folders if not folder.exists()]
            made.append(root / path)
            write_text(text, root / path)
    except BaseException:
        for path in reversed([path for path in made if path.exists()]):
            path.rmdir() if path.is_dir() else path.unlink()
        raise
