"""The first stage of the workload `mods`: a list of words."""


def words(text):
    return [clean(word) for word in text.split()]


def clean(word):
    return word.strip(".,").lower()
