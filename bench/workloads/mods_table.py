"""The second stage of the workload `mods`: a dict of lists."""


def group(items):
    table = {}
    for item in items:
        if item is None:
            continue  # BP:never
        row = table.setdefault(key(item), [])  # BP:hot if item == 'ikpdb'
        row.append(item)
    return table


def key(item):
    return item[0]
