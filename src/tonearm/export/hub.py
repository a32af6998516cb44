"""Uploading an exported model to the Hugging Face Hub: off unless a repository is named.

Conventions
-----------
The token is the hub's own business: HF_TOKEN in the environment, or what `hf auth login` has kept. Nothing is sent
where TONEARM_OFFLINE is set.
"""

import os
from pathlib import Path

from tonearm.errors import ExportError
from tonearm.representations.encoders.fetching import OFFLINE


def push(folder: Path, repository: str, files: tuple[str, ...], private: bool = False) -> str:
    """Upload these files of a folder; the address of the commit. repository: OWNER/NAME; made where it is not there.

    Raises ExportError where nothing is to be sent, the extra `hub` is missing, or the hub refuses or is not reached.
    """
    if os.environ.get(OFFLINE):
        raise ExportError(f"{repository}: nothing is uploaded, since {OFFLINE} is set; {folder} is complete")
    try:
        from huggingface_hub import HfApi
    except ModuleNotFoundError as error:
        raise ExportError('the hub is reached by huggingface_hub: pip install "tonearm[hub]"') from error
    api = HfApi()
    try:
        api.create_repo(repository, private=private or None, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=list(files),
            commit_message="A model of tonearm",
        )
    except Exception as error:  # the hub's client raises its own errors, those of its HTTP library, and OSError
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise ExportError(
            f"{repository}: could not be uploaded ({said}); {folder} is complete: mend that (a token with the right to "
            "write comes from HF_TOKEN or `hf auth login`) and start the same command again"
        ) from error
    return str(getattr(done, "commit_url", "") or f"https://huggingface.co/{repository}")
