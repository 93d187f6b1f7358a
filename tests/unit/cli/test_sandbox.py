"""The ./sandbox script without a virtual environment: its messages, and that it leaves no incomplete environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = ("rehearse", "local", "bootstrap", "status", "check", "recover", "summary", "test", "benchmark")


@pytest.fixture
def script(root: Path, tmp_path: Path) -> Path:
    """The script and its verbs in a folder without requirements, so that it cannot install anything."""
    (tmp_path / "cli").mkdir()
    for file in ("cli/__init__.py", "cli/verbs.py"):
        shutil.copy(root / file, tmp_path / file)
    return Path(shutil.copy(root / "sandbox", tmp_path / "sandbox"))


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Not the Python of this virtual environment: the script would use that environment.
    python = str(getattr(sys, "_base_executable", sys.executable))
    return subprocess.run(
        [python, str(script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_names_every_verb(script: Path) -> None:
    result = run(script, "--help")

    assert result.returncode == 0
    assert [verb for verb in VERBS if verb not in result.stdout] == []


def test_no_verb_or_a_wrong_verb_is_a_usage_error(script: Path) -> None:
    none, wrong = run(script), run(script, "reherse")

    assert (none.returncode, wrong.returncode) == (2, 2)
    assert "usage: ./sandbox VERB" in none.stderr
    assert "there is no verb 'reherse'" in wrong.stderr


def test_the_error_for_an_old_python_names_the_version_needed(script: Path) -> None:
    script.write_text(script.read_text().replace("OLDEST = (3, 10)", "OLDEST = (3, 99)"))

    result = run(script, "rehearse")

    assert result.returncode == 2
    assert f"Python 3.99 or newer is needed, and python3 here is {sys.version.split()[0]}" in result.stderr
    assert not (script.parent / ".venv").exists()


def test_an_old_python_is_none_with_pythonoptimize(script: Path) -> None:
    """https://github.com/python/cpython/issues/95066: -O leaves out `assert`."""
    script.write_text(script.read_text().replace("OLDEST = (3, 10)", "OLDEST = (3, 99)"))

    result = run(script, "rehearse", PYTHONOPTIMIZE="1")

    assert "Python 3.99 or newer is needed" in result.stderr


def test_a_closed_standard_input_is_one_that_has_ended(script: Path) -> None:
    """https://github.com/clustershell/clustershell/pull/460"""
    code = (
        f"import runpy, sys; runpy.run_path({str(script)!r})['open_standard_streams'](); "
        "print(sys.stdin.isatty(), repr(sys.stdin.readline()))"
    )

    result = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, code], capture_output=True, text=True, check=False
    )

    assert result.stdout == "False ''\n", result.stderr


def test_the_error_for_a_missing_venv_or_pip_says_what_to_install(script: Path) -> None:
    """Debian's python3 without python3-venv cannot import ensurepip."""
    script.write_text(script.read_text().replace("import venv, ensurepip", "raise ImportError"))

    result = run(script, "rehearse", PATH="/nowhere")

    assert result.returncode == 2
    assert "has no venv or no pip" in result.stderr
    assert "apt install python3-venv" in result.stderr
    assert not (script.parent / ".venv").exists()


def test_a_checkout_that_cannot_be_written_is_an_error(script: Path) -> None:
    (script.parent / ".venv.lock").mkdir()  # not even root can open a folder for writing

    result = run(script, "rehearse")

    assert result.returncode == 2
    assert "run from a checkout that you may write to" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_old_python_can_parse_the_script(root: Path) -> None:
    """Any python3 must be able to print that it is too old."""
    import ast

    for file in ("sandbox", "cli/__init__.py", "cli/verbs.py"):
        ast.parse((root / file).read_text(), feature_version=(3, 4))


def test_a_shells_python_settings_do_not_shadow_modules(script: Path, tmp_path: Path) -> None:
    """https://github.com/python/cpython/issues/89830"""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "subprocess.py").write_text("raise ImportError\n")

    result = run(script, "rehearse", PYTHONPATH=str(shadow), PATH="/nowhere")

    assert "ImportError" not in result.stderr
    assert "Traceback" not in result.stderr


def environment(script: Path) -> Path:
    """A virtual environment as the script makes it, without packages and without what says that it is whole."""
    (script.parent / "requirements.in").write_text("")
    (script.parent / "requirements.txt").write_text("")
    venv = script.parent / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "has-requirements.in").write_text("")
    return venv


def test_an_environment_whose_python_is_gone_is_made_again(script: Path) -> None:
    """https://github.com/pypa/pipx/issues/146"""
    venv = environment(script)
    (venv / "bin" / "python").symlink_to("/gone/python3")

    result = run(script, "status", PIP_NO_INDEX="1", PIP_INDEX_URL="https://127.0.0.1:9")

    assert "installing requirements.in into .venv" in result.stderr
    assert "No such file" not in result.stderr
    assert os.access(venv / "bin" / "python", os.X_OK)
    assert not (venv / "has-requirements.in").exists()  # what it lacks is not marked as installed


def test_only_the_way_to_packages_is_taken_from_a_persons_pip(root: Path, tmp_path: Path) -> None:
    """https://github.com/pypa/pipx/issues/735"""
    code = (
        f"import runpy, sys; names = runpy.run_path({str(root / 'sandbox')!r}); "
        f"names['pip_settings'].__globals__['PYTHON'] = {sys.executable!r}; print(names['pip_settings']())"
    )
    settings = {
        "PIP_TARGET": str(tmp_path),
        "PIP_USER": "1",
        "PIP_PROXY": "http://proxy:1",
        "PIP_INDEX_URL": "https://i",
    }

    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True, text=True, check=True
    )

    assert "http://proxy:1" in result.stdout
    assert "https://i" in result.stdout
    assert "TARGET" not in result.stdout
    assert "USER" not in result.stdout


def test_an_environment_that_lacks_a_package_is_made_anew_once(script: Path) -> None:
    """https://github.com/pypa/pipx/issues/735: the packages went elsewhere, and the environment was marked as whole."""
    venv = environment(script)
    (script.parent / "cli" / "main.py").write_text(
        "def leave(status): raise SystemExit('left with %s' % status)\n"
        "def unexpected(error): return 2\n"
        "def run(verb, arguments): raise ImportError(name='boto3.session')\n"
    )
    code = f"import runpy; run = runpy.run_path({str(script)!r})['run']; run(['status']); run(['status'])"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.stderr == "sandbox: the virtual environment lacks boto3; it is made anew\nleft with 2\n"
    assert (venv / "unfinished").exists()


def test_line_ends_stay_with_autocrlf(root: Path, tmp_path: Path) -> None:
    """https://github.com/WebAssembly/binaryen/issues/3051"""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git = [
        "git",
        "-c",
        "core.autocrlf=true",
        "-c",
        "user.name=n",
        "-c",
        "user.email=e@example.com",
        "-C",
        str(checkout),
    ]
    subprocess.run([*git, "init", "-q"], check=True)
    for file in ("sandbox", ".gitattributes", "local_aws/provider/bin/pulumi-resource-aws"):
        (checkout / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, checkout / file)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
    shutil.rmtree(checkout / "local_aws")
    (checkout / "sandbox").unlink()

    subprocess.run([*git, "checkout", "-q", "."], check=True)

    assert b"\r" not in (checkout / "sandbox").read_bytes()
    assert b"\r" not in (checkout / "local_aws/provider/bin/pulumi-resource-aws").read_bytes()


def test_checkouts_that_link_to_one_environment_wait_for_each_other(script: Path, tmp_path: Path) -> None:
    venv = environment(script)
    shared = tmp_path / "shared"
    venv.rename(shared)
    venv.symlink_to(shared)
    (tmp_path / "shared.lock").mkdir()  # not even root can open a folder for writing

    result = run(script, "status")

    assert "the virtual environment cannot be made" in result.stderr


def test_an_environment_is_never_made_by_its_own_python(script: Path) -> None:
    """Without pyvenv.cfg, as while another run makes the environment anew, it takes itself for one of the system."""
    venv = environment(script)
    shutil.copy(os.path.realpath(sys.executable), venv / "bin" / "python")
    code = (
        f"import runpy, sys; names = runpy.run_path({str(script)!r}); "
        f"sys._base_executable = {str(venv / 'bin' / 'python')!r}; print(names['find_python']())"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PATH": "/nowhere"}
    )

    assert str(venv) not in result.stdout
