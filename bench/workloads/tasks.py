"""Generators and asyncio tasks that take turns."""

import asyncio

# One event loop for all runs: making one is no part of the workload.
RUNNER = asyncio.Runner()


def numbers(count):
    for i in range(count):
        if i < 0:
            return
        yield i


async def consume(count, start):
    total = start
    for i in numbers(count):
        if total < 0:
            break  # BP:never
        total += i  # BP:hot if total == 123456
        if i % 10 == 0:
            await asyncio.sleep(0)
    return total


async def several(n):
    await asyncio.gather(*(consume(n * 25, start) for start in range(4)))


def run(n):
    RUNNER.run(several(n))


def reach_never():
    RUNNER.run(consume(1, -1))


def reach_hot():
    RUNNER.run(consume(1, 123456))
