"""Several new files that are written together or not at all."""

from ser.errors import RecipeError
from ser.files import write_text


def write_new(files, root):
    """Writes new files (a dict from paths, relative to a pathlib.Path, to
    texts), or leaves everything as it was; raises RecipeError if one exists."""
    for path in files:
        if (root / path).exists():
            raise RecipeError(
                f"{root / path} is there already: choose another name, or "
                "delete it."
            )
    made = []
    try:
        for path, text in files.items():
            way = [*reversed((root / path).parents), root / path]
            made += [path for path in way if not path.exists()]
            write_text(text, root / path)
    except BaseException:
        for path in reversed([path for path in made if path.exists()]):
            path.rmdir() if path.is_dir() else path.unlink()
        raise
