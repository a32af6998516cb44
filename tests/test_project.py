"""What stands in two files of the project is the same in both."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if not (ROOT / ".github").is_dir():
    pytest.skip("these files are in the repository alone", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = {path.name: path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")}


def test_the_citation_has_the_version_and_the_licence_of_the_package() -> None:
    citation = dict(re.findall(r"^(\w+): (\S.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_pythons_of_the_tests_are_those_that_the_package_names() -> None:
    [tested] = re.findall(r"python: \[(.*)\]", WORKFLOWS["tests.yml"])
    named = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert re.findall(r"[\d.]+", tested) == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_make_help_tells_every_command_and_every_command_that_somebody_names_is_there() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    told = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
    assert sorted(phony.split()) == sorted(told)
    texts = [*WORKFLOWS.values(), *((ROOT / name).read_text() for name in ("CONTRIBUTING.md", "README.md"))]
    named = {name for text in texts for name in re.findall(r"(?:`|run: )make ([a-z-]+)", text)}
    assert named - {"docs"} <= set(told)


def test_tests_without_extras_are_there() -> None:
    listed = re.findall(r"\b(\w+\.py)\b", MAKEFILE.split("CORE_TESTS")[1].split(")")[0])
    assert len(listed) > 20
    for name in listed:
        assert (ROOT / "tests" / f"test_{name}").is_file(), name


def test_actions_of_others_are_pinned_to_a_commit() -> None:
    for name, text in WORKFLOWS.items():
        for action in re.findall(r"uses: (\S+)", text):
            assert action.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), (name, action)
