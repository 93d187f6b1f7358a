"""`./sandbox evaluate score`: answers compared with the truth."""

import argparse
from pathlib import Path

from evaluation import asking, findings, truth
from evaluation.campaign import scores
from evaluation.scoring import Outcome, Score
from ops.console import Console, one_line
from ops.errors import UsageError

EXIT_CODES = {"PASS": 0, "FAIL": 1, "UNDECIDED": 2}


def main(options: argparse.Namespace, console: Console) -> int:
    if options.dir is not None and (folders := scores.campaigns(options.dir)):
        for folder in folders:
            scores.rescore(folder)
        from evaluation.report import read_all, render_table  # SciPy takes longer to load than one score to decide

        console.line(render_table(read_all([folder.path for folder in folders])))
        return 0
    return _score_one(options.dir, options.findings, options.truth, console)


def _score_one(directory: Path | None, findings_file: Path | None, truth_file: Path | None, console: Console) -> int:
    if directory is None and not (findings_file and truth_file):
        raise UsageError("nothing to score: name the folder of `evaluate ask`, or both --findings and --truth")
    folder = asking.Folder(directory) if directory else None
    answer = folder.answer() if folder and not findings_file else None
    if answer is not None and answer.status == "void":
        console.line(f"void: {one_line(answer.reason or 'no reason is known')}")
        return 2
    if answer is None and folder is not None and not findings_file and not (folder.path / "findings.json").exists():
        raise UsageError(
            f"{folder.path}: has no answer; ask with `evaluate ask --out {folder.path}`, or name --findings"
        )
    assert folder is not None or findings_file
    read_findings = findings.load(findings_file) if findings_file else folder.findings()  # type: ignore[union-attr]
    read_truth = truth.load(truth_file) if truth_file else folder.truth()  # type: ignore[union-attr]
    if folder is not None:
        folder.refuse_another_time(read_truth)
    score = asking.score(read_truth, read_findings, folder.judgements() if folder else None)
    _print(score, console)
    if folder is not None:
        folder.write_score(score)
    if answer is not None and answer.status == "timed_out":
        console.line(f"FAIL: {answer.reason}; the axes above are of what there was by then")
        return 1
    by_person = [axis.value for axis, decided in score.axes.items() if decided.decided_by == "person"]
    console.line(score.verdict + (f"; a person decided {', '.join(by_person)}" if by_person else ""))
    return EXIT_CODES[score.verdict]


def _print(score: Score, console: Console) -> None:
    for axis, decided in score.axes.items():
        if decided.outcome is Outcome.NOT_APPLICABLE:
            continue
        by = "  (a person decided)" if decided.decided_by == "person" else ""
        console.line(f"  {axis.value:14} {decided.outcome.value:10} {decided.reason}{by}")
        if decided.sentence:
            console.line(f"  {'':25} {' '.join(decided.sentence.split())!r}")
