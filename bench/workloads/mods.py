"""Small functions in several modules, with work on dicts and lists."""

from mods_table import group
from mods_text import words
from mods_total import total

TEXT = "the quick brown fox jumps over the lazy dog and the dog sleeps while the fox runs on over the hill"


def run(n):
    for _ in range(n):
        total(group(words(TEXT)))


def reach_never():
    group([None])


def reach_hot():
    group(["ikpdb"])
