"""Where ``flows`` and ``tasks`` come from, and what their names must not hide."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import flows
import tasks

ROOT = Path(__file__).parents[2]
FLOW_FILES = sorted((ROOT / "flows").glob("*.py"))


@pytest.mark.parametrize("package", [flows, tasks])
def test_packages_are_ours(package):
    """PyPI has projects called flows and tasks; a foreign one must not win."""
    assert ROOT / package.__name__ / "__init__.py" == Path(package.__file__)


@pytest.mark.parametrize("file", FLOW_FILES, ids=lambda file: file.stem)
def test_no_flow_file_hides_another_module(file):
    """Prefect puts ``flows/`` first on ``sys.path``: its names hide all others."""
    name = file.stem

    assert name not in sys.stdlib_module_names
    assert name not in packages_distributions()
    assert name not in {"flows", "tasks"}


@pytest.mark.parametrize("file", FLOW_FILES, ids=lambda file: file.stem)
def test_imports_are_by_full_name(file):
    """Prefect loads a flow file under another name: a relative import would fail."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))

    siblings = {path.stem for path in FLOW_FILES}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module not in siblings
        if isinstance(node, ast.Import):
            assert not siblings & {alias.name for alias in node.names}


def test_flow_file_defines_no_class():
    """The file may be loaded twice: a class in it would exist twice."""
    tree = ast.parse((ROOT / "flows" / "ingest.py").read_text(encoding="utf-8"))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def test_tasks_know_nothing_of_flows():
    """Imports go one way: flows -> tasks."""
    for file in (ROOT / "tasks").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", [])]
            names.append(getattr(node, "module", None) or "")
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            found = is_import and any(n.split(".")[0] == "flows" for n in names)
            assert not found, file.name
