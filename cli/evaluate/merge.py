"""`./sandbox evaluate merge`: shards of one campaign, put together."""

import argparse

from evaluation.campaign import merging
from ops.console import Console


def main(options: argparse.Namespace, console: Console) -> int:
    for folder in merging.merge(options.dir, options.out):
        console.line(f"{folder.path}: {len(folder.trials())} trials of {folder.campaign().trials}")
    return 0
