"""Where tonearm keeps what it fetched once for all results folders: the user's cache."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder in the environment variable TONEARM_CACHE, or tonearm's in the user's cache folder."""
    chosen = os.environ.get("TONEARM_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("tonearm", appauthor=False))
